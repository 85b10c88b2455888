"""Flood the calls by which the coordinator carries; a node believes none of it.

Whatever is brought that peers or the Board did not sign changes nothing, is kept
nowhere, and brings back one word of a closed list. Every message carries a planted
word, so that an echo would be found as well.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from privacy.signing import Document, Kind, Signature
from privacy.statement import NONE, Attestation, Head, Verdict
from proto import relay
from proto.canonical import Malformed
from proto.client import ANSWER, DELIVER, PRESENT, STANDING, WITNESS
from proto.relay import FILE_BYTES_MAX, PART_BYTES, Part
from proto.wire import ask_to_bytes
from tests import canaries, doors, frames, governed, wiretap
from tests import signed_samples as samples
from tests.living_site import LivingSite, ask
from tests.own_records import NOW, OwnRecords

MESSAGES = 4_000
WORD = canaries.WORD.encode()
WORDS = {b"3": b"malformed", b"7": b"denied", b"8": b"busy"}
MANDATE = governed.mandate(now=NOW, number='"2026-02"')


def _head(**changes: object) -> Head:
    parts: dict[str, object] = {
        "site": "LAX",
        "epoch": 1,
        "boot": bytes(range(32)),
        "follows_sequence": 0,
        "follows_hash": NONE,
        "sequence": 7,
        "hash": bytes(range(32)),
    }
    return Head(**(parts | changes))  # type: ignore[arg-type]


def _attested(witness: str, signer: str) -> bytes:
    kept = _head(site="NYC").signed(samples.key("NYC"))
    return Attestation(
        witness=witness, about="NYC", boot=bytes(32), verdict=Verdict.TAKEN, kept=kept
    ).signed(samples.key(signer))


GOOD = {
    STANDING: relay.peers_to_bytes(["BAL", "DCA"]),
    WITNESS: relay.head_to_bytes(_head().signed(samples.key("LAX"))),
    PRESENT: relay.attestations_to_bytes([_attested("LAX", "LAX")]),
    DELIVER: relay.part_to_bytes(next(relay.parts(Kind.MANDATE, MANDATE.file()))),
}


def _mutated(chance: random.Random, path: str) -> bytes:
    """Change, add, drop or repeat bytes of an honest message."""
    data = bytearray(GOOD[path])
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) or 1)
        match chance.randrange(5):
            case 0 if data:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at:at] = chance.randbytes(chance.randint(1, 9))
            case 2:
                del data[at : at + chance.randint(1, 9)]
            case 3:
                data[at:at] = data[: chance.randint(1, 60)]
            case _:
                data[at:at] = WORD
    return bytes(data)


def _other_call(chance: random.Random, path: str) -> bytes:
    """Say what another call would take."""
    return GOOD[chance.choice(sorted(GOOD.keys() - {path}))]


def _noise(chance: random.Random, path: str) -> bytes:
    """Say anything."""
    del path
    return chance.randbytes(chance.randint(0, 400)) + WORD


def _well_formed(chance: random.Random, path: str) -> bytes:
    """Say what the wire takes, and nobody signed who had the right to."""
    if path == STANDING:
        return GOOD[path] + b"\x0a" + bytes([len(WORD)]) + WORD
    if path == WITNESS:
        head = _head(site=chance.choice(("LAX", "NYC", "SEA", "A" * 16)))
        return relay.head_to_bytes(head.signed(samples.key("eve")))
    if path == PRESENT:
        said = [
            _attested(chance.choice(("LAX", "HOU", "NYC", "SEA")), "eve")
            for _ in range(chance.randint(1, 5))
        ]
        return relay.attestations_to_bytes(said)
    return relay.part_to_bytes(chance.choice(_parcels(chance)))


def _parcels(chance: random.Random) -> list[Part]:
    """Make parts of documents nobody should believe, and parts of none."""
    text = bytes(MANDATE.content).replace(b"Half-year", WORD)
    forged = Document(kind=Kind.MANDATE, content=text, signatures=MANDATE.signatures)
    alone = samples.signed(replace(forged, signatures=()), "dirk")
    policy = governed.policy("NYC", now=NOW, version=2)
    odd = replace(forged, signatures=(Signature(chance.randbytes(32), bytes(64)),))
    made = [
        next(relay.parts(each.kind, each.file()))
        for each in (forged, alone, policy, odd)
    ]
    plain = made[0]
    return [
        *made,
        replace(plain, kind=chance.choice([*Kind])),
        replace(plain, digest=chance.randbytes(32)),
        replace(plain, size=FILE_BYTES_MAX, part=WORD * 9),
        replace(plain, size=FILE_BYTES_MAX, offset=PART_BYTES, part=WORD),
    ]


KINDS: tuple[Callable[[random.Random, str], bytes], ...] = (
    _mutated,
    _other_call,
    _noise,
    _well_formed,
)


def _is_honest(path: str, message: bytes) -> bool:
    """Tell whether chance made what an honest coordinator might say."""
    if path != STANDING:
        return False
    try:
        return bool(relay.peers_from_bytes(message))
    except Malformed:
        return False


def _nonsense() -> Iterator[tuple[str, bytes]]:
    chance = random.Random(20_261_122)
    count = 0
    while count < MESSAGES:
        path = sorted(GOOD)[count % len(GOOD)]
        message = chance.choice(KINDS)(chance, path)
        if not _is_honest(path, message):
            count += 1
            yield path, message


@dataclass
class Opened:
    """A site behind its door, a connection to it, and all that is heard of it."""

    site: LivingSite
    raw: wiretap.TappedConnection
    log: wiretap.Log
    serving: doors.Serving


@pytest.fixture
def opened(encrypted_records: OwnRecords, tmp_path: Path) -> Iterator[Opened]:
    site = LivingSite(tmp_path / "site", encrypted_records)
    centre = doors.Centre(tmp_path)
    tls = frames.context(centre.coordinator, tmp_path)
    with (
        wiretap.every_log() as log,
        doors.serving(centre, tmp_path, site, carried=site.carried()) as serving,
        wiretap.TappedConnection(serving.port, tls) as raw,
    ):
        yield Opened(site, raw, log, serving)


def test_what_nobody_signed_changes_nothing_and_is_not_repeated(
    opened: Opened, capfd: pytest.CaptureFixture[str]
) -> None:
    site, law = opened.site, opened.site.node.charter.law()
    before = site.head()
    said: set[tuple[str, bytes]] = set()
    endings: Counter[tuple[str, bytes]] = Counter()
    for path, message in _nonsense():
        heard, seen = wiretap.call(opened.raw, path, message)
        said.update(wiretap.places(seen))
        endings[path, heard.status] += 1
        if heard.status in WORDS:
            assert (heard.message, heard.data) == (WORDS[heard.status], b"")
            continue
        assert (path, heard.status) == (DELIVER, b"0")
        assert relay.delivery_from_bytes(heard.data[5:]) in {"refused", "more"}
    assert {path for path, _ in endings} == set(GOOD)
    assert endings[PRESENT, b"7"] > 0
    assert endings[WITNESS, b"7"] > 0
    assert endings[DELIVER, b"0"] > 0
    assert (site.head(), site.node.charter.law()) == (before, law)
    assert all(site.node.ledger.witnessed(peer) is None for peer in site.peers.names)
    out, err = capfd.readouterr()
    said |= {("out", out.encode()), ("err", err.encode()), ("log", opened.log.taken())}
    assert wiretap.found(canaries.WORD, said) == []
    assert wiretap.found(canaries.CORE, said) == []


def test_the_node_lives_on_and_believes_what_is_signed(opened: Opened) -> None:
    for path, message in ((WITNESS, GOOD[PRESENT]), (DELIVER, GOOD[WITNESS])):
        assert opened.raw.call(path, message).status == b"3"
    heard = opened.raw.call(DELIVER, GOOD[DELIVER])
    assert relay.delivery_from_bytes(heard.data[5:]) == "waiting"
    assert opened.raw.call(WITNESS, GOOD[WITNESS]).status == b"0"
    assert opened.site.node.ledger.witnessed("LAX") is not None
    assert opened.raw.call(ANSWER, ask_to_bytes(ask())).status == b"0"


@pytest.mark.parametrize("path", sorted(GOOD))
def test_a_message_above_the_limit_is_not_read(opened: Opened, path: str) -> None:
    for size in (64 * 1024 + 1, 1024 * 1024):
        heard = opened.raw.call(path, bytes(size))
        assert (heard.status, heard.data) == (b"8", b"")
    assert opened.raw.call(path, bytes(64 * 1024)).status == b"3"


def test_what_a_site_attests_has_one_size_whatever_it_makes_of_a_head(
    opened: Opened,
) -> None:
    heads = (
        _head(),
        _head(),
        _head(sequence=3, hash=bytes(32)),
        _head(follows_sequence=7, follows_hash=bytes(range(32)), sequence=9),
        _head(epoch=2**63 - 1, sequence=2**63 - 1),
    )
    shapes = set()
    for head in heads:
        message = relay.head_to_bytes(head.signed(samples.key("LAX")))
        heard = opened.raw.call(WITNESS, message)
        assert heard.status == b"0"
        shapes.add((tuple(heard.headers), tuple(heard.frame_sizes)))
    assert len(shapes) == 1
    words = {opened.raw.call(DELIVER, GOOD[DELIVER]).data[5:] for _ in range(2)}
    assert len({len(word) for word in words}) == 1


def test_the_signed_heads_of_a_site_have_one_size_for_a_number_of_peers(
    encrypted_records: OwnRecords, tmp_path: Path
) -> None:
    site = LivingSite(tmp_path / "site", encrypted_records)
    site.afresh(witnessed=False)
    centre = doors.Centre(tmp_path)
    tls = frames.context(centre.coordinator, tmp_path)
    sizes = {}
    with (
        doors.serving(centre, tmp_path, site, carried=site.carried()) as serving,
        wiretap.TappedConnection(serving.port, tls) as raw,
    ):
        for peers in (["BAL"], ["DCA"], ["BAL", "DCA"], ["HOU", "LAX"]):
            heard = raw.call(STANDING, relay.peers_to_bytes(peers))
            assert heard.status == b"0"
            sizes.setdefault(len(peers), set()).add(len(heard.data))
        stranger = raw.call(STANDING, relay.peers_to_bytes(["SEA"]))
        itself = raw.call(STANDING, relay.peers_to_bytes(["NYC"]))
    assert all(len(found) == 1 for found in sizes.values())
    assert (stranger.status, stranger.data) == (b"7", b"")
    assert (itself.status, itself.data) == (b"7", b"")
