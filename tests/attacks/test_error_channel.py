"""Break the node at every point of its path; no planted byte may get out.

The node is whole: signed policy, durable ledger, encrypted records, TLS door. The
peer is a plain socket. The points are found by watching: every function of the
product that answering, answering again, refusing, describing, witnessing and taking
what the coordinator brings enter; in the long run also every line they come to and
every return.
"""

import io
import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import pytest

from node import answer as answering
from privacy.signing import Kind
from privacy.statement import NONE, Head
from proto import mtls, relay, wire
from proto.client import ANSWER, DELIVER, DESCRIBE, PRESENT, STANDING, WITNESS
from tests import canaries, doors, frames, governed, wiretap
from tests import signed_samples as samples
from tests.faults import Faults, Point, traced_pools
from tests.governed import Peers
from tests.living_site import SITE, LivingSite, ask, restated
from tests.own_records import NOW, OwnRecords

QUESTION = ask()
FRESH = wire.ask_to_bytes(QUESTION)
REFUSED = wire.ask_to_bytes(ask(rho="1.5"))
UNSIGNED = wire.ask_to_bytes(restated(QUESTION, asked_by="eve"))[:-64] + bytes(64)
LENGTH = 5 + wire.reply_size(QUESTION.cells)
WORDS = {
    b"0": {b""},
    b"3": {b"malformed"},
    b"7": {b"denied"},
    b"8": {b"busy"},
    b"13": {b"internal"},
}
FIELDS = {
    b":status",
    b"content-type",
    b"grpc-accept-encoding",
    b"grpc-status",
    b"grpc-message",
}

# Here nobody of ours stands outside who could catch anything: the frame between the
# transport and the door, and the closed list of statuses that it reads at the end.
# Neither ever holds more than the bytes of the question.
OUTERMOST = {"_Methods._call", "Status.code"}


PEER = Head(
    site="LAX",
    epoch=1,
    boot=bytes(32),
    follows_sequence=0,
    follows_hash=NONE,
    sequence=7,
    hash=bytes(range(32)),
).signed(samples.key("LAX"))
(PART,) = relay.parts(
    Kind.MANDATE, governed.mandate(now=NOW, number='"2026-02"').file()
)

SAID = {
    "standing": (STANDING, relay.peers_to_bytes(Peers.of(SITE).names)),
    "witness": (WITNESS, relay.head_to_bytes(PEER)),
    "deliver": (DELIVER, relay.part_to_bytes(PART)),
    "unsigned": (ANSWER, UNSIGNED),
    "refused": (ANSWER, REFUSED),
    "describe": (DESCRIBE, b""),
    "malformed": (ANSWER, b"\xff"),
}


@dataclass
class Ears:
    """A site behind its door, and everything that hears what leaves it."""

    site: LivingSite
    centre: doors.Centre
    folder: Path
    faults: Faults
    log: wiretap.Log
    capfd: pytest.CaptureFixture[str]

    def call(self, path: str, message: bytes) -> frames.Heard:
        """Ask on a connection, and check whatever comes of it."""
        heard, seen = wiretap.call(self.raw, path, message)
        said = [*wiretap.places(seen), ("log", self.log.taken())]
        out, err = self.capfd.readouterr()
        said += [("standard output", out.encode()), ("standard error", err.encode())]
        self.check(said)
        assert heard.message in WORDS[heard.status]
        assert {name for name, _ in heard.headers} <= FIELDS
        if heard.status != b"0":
            assert heard.data == b""
        elif path == ANSWER:
            assert len(heard.data) == LENGTH
        return heard

    @staticmethod
    def check(said: list[tuple[str, bytes]]) -> None:
        assert wiretap.found(canaries.WORD, said) == []
        assert wiretap.found(canaries.CORE, said) == []

    def open(self) -> None:
        """Open a new door; the one before let its server go."""
        self._door = doors.serving(
            self.centre,
            self.folder / f"door{next(_NUMBERS)}",
            self.site,
            carried=self.site.carried(),
        )
        self.serving = self._door.__enter__()
        tls = frames.context(self.centre.coordinator, self.folder)
        self.raw = wiretap.TappedConnection(self.serving.port, tls)

    def close(self) -> None:
        """Close the door, and hear its last words."""
        self.raw.settle()
        seen, _ = self.raw.taken()
        self.raw.close()
        self._door.__exit__(None, None, None)
        self.check([*wiretap.places(seen), ("log", self.log.taken())])

    def heal(self, *, witnessed: bool = True) -> None:
        """Give the site a fresh ledger, and a new door if the old one is shut."""
        self.site.afresh(witnessed=witnessed)
        if self.serving.server.keeper._shut:
            self.close()
            self.open()


_NUMBERS = itertools.count()


@pytest.fixture
def ears(
    encrypted_records: OwnRecords,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Ears]:
    # A node whose peers have not seen its start says so at once.
    monkeypatch.setattr(answering, "WITNESS_SECONDS", 0)
    site = LivingSite(tmp_path / "site", encrypted_records)
    faults = Faults()
    with wiretap.every_log() as log, traced_pools(faults):
        made = Ears(site, doors.Centre(tmp_path), tmp_path, faults, log, capfd)
        made.open()
        try:
            yield made
        finally:
            made.close()


def _prepare(ears: Ears, way: str) -> tuple[str, bytes]:
    """Bring the site to where a call takes this way through it."""
    ears.heal(witnessed=way not in {"unwitnessed", "standing", "present"})
    site = ears.site
    if way == "first":
        # The records are opened by whoever reads them first.
        site.records.close()
    elif way == "again":
        assert ears.call(ANSWER, FRESH).status == b"0"
    elif way == "present":
        heads = site.node.standing.heads(site.peers.names, seconds=0)
        said = map(site.peers.attest, site.peers.names, heads)
        return PRESENT, relay.attestations_to_bytes(list(said))
    return SAID.get(way, (ANSWER, FRESH))


WAYS = (
    "fresh",
    "first",
    "again",
    "refused",
    "unsigned",
    "unwitnessed",
    "standing",
    "witness",
    "present",
    "deliver",
    "describe",
    "malformed",
)


def _points(ears: Ears, *, events: set[str]) -> dict[str, dict[Point, CodeType]]:
    """Watch a call of every way; a point belongs to the first that passes it."""
    known: set[Point] = set()
    found: dict[str, dict[Point, CodeType]] = {}
    ears.call(*_prepare(ears, "first"))
    for way in WAYS:
        path, message = _prepare(ears, way)
        with ears.faults.watching(lines="line" in events) as points:
            ears.call(path, message)
        new = [
            (p, c)
            for p, c in sorted(points.items(), key=lambda it: it[0])
            if p not in known
        ]
        found[way] = {p: c for p, c in new if p.event in events}
        known |= points.keys()
    return found


def _break(ears: Ears, way: str, point: Point, code: CodeType, kind: str) -> None:
    """Break one point with one kind of error."""
    path, message = _prepare(ears, way)
    with ears.faults.failing(point, code, canaries.KINDS[kind]):
        ears.call(path, message)
    assert ears.faults.fired, f"{point} was not passed"
    if ears.serving.server.keeper._desk._flights:
        # An outcome nobody was told waits for whoever asks again, which is us.
        ears.call(path, message)


def _run(ears: Ears, *, kinds_at: dict[str, int]) -> tuple[int, int]:
    """Break every point of some events with so many kinds of error, in turn."""
    kinds = itertools.cycle(canaries.KINDS)
    points = tried = 0
    for way, found in _points(ears, events=set(kinds_at)).items():
        for point, code in found.items():
            if point.function in OUTERMOST:
                continue
            points += 1
            for kind in itertools.islice(kinds, kinds_at[point.event]):
                try:
                    _break(ears, way, point, code, kind)
                except (AssertionError, OSError) as error:
                    error.add_note(f"when {kind!r} was raised at {point} ({way})")
                    raise
                tried += 1
    ears.heal()
    assert ears.call(ANSWER, FRESH).status == b"0"
    return points, tried


def test_no_planted_byte_leaves_when_any_function_fails(ears: Ears) -> None:
    points, _ = _run(ears, kinds_at={"call": 1})
    assert points > 5 * len(canaries.KINDS)


def test_the_points_are_where_the_node_works(ears: Ears) -> None:
    watched = _points(ears, events={"call"}).values()
    passed = {f"{point.file} {point.function}" for found in watched for point in found}
    assert passed >= {
        "node/answer.py Node.answer",
        "node/answer.py Node.describe",
        "node/desk.py Desk.start",
        "node/ledger/book.py Ledger.charge",
        "node/ledger/book.py Ledger.store",
        "node/ledger/balance.py spend",
        "node/ledger/write.py keep",
        "node/carrier.py Carrier._deliver",
        "node/charter.py Charter.deliver",
        "node/charter.py Charter.law",
        "node/parcels.py Parcels.take",
        "node/witness.py Standing.heads",
        "node/witness.py Standing.present",
        "node/witness.py Standing.show",
        "node/witness.py Witness.attest",
        "privacy/law.py Law.permit",
        "privacy/mandate.py Mandate.check",
        "privacy/policy.py Policy.check",
        "privacy/signing.py holds",
        "privacy/statement.py takes",
        "privacy/succession.py after",
        "node/records/connect.py open_generation",
        "node/records/statement.py statement",
        "node/records/generation.py Reader.transaction",
        "node/records/tally.py read",
        "node/door.py Keeper.reply",
        "node/door.py Keeper._failed",
        "node/door.py Keeper._work",
        "node/server.py NodeServer._end",
        "privacy/binding.py check",
        "privacy/canonical.py decode",
        "privacy/mechanism.py calibrate",
        "privacy/mechanism.py release",
        "privacy/query.py parse",
        "privacy/sensitivity.py of",
        "proto/mtls.py check_call",
        "proto/status.py refusal",
        "proto/wire.py ask_from_bytes",
        "proto/wire.py reply_to_bytes",
    }


class _FullDisk(io.StringIO):
    """A log file on a disk without room."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_does_not_speak_on_standard_error(
    ears: Ears,
) -> None:
    log = logging.getLogger("node")
    full = logging.StreamHandler(_FullDisk())
    log.addHandler(full)
    try:
        with ears.faults.watching(lines=False) as points:
            ears.call(ANSWER, FRESH)
        (at,) = [p for p in points if p.function == "read" and p.event == "call"]
        for kind in canaries.KINDS:
            ears.heal()
            with ears.faults.failing(at, points[at], canaries.KINDS[kind]):
                ears.call(ANSWER, FRESH)
    finally:
        log.removeHandler(full)


@pytest.mark.parametrize("kind", canaries.KINDS)
def test_nothing_leaves_when_the_certificate_cannot_be_read(
    ears: Ears, kind: str
) -> None:
    tried = []

    def fail() -> mtls.Identity:
        tried.append(kind)
        error = canaries.KINDS[kind]()
        raise error

    object.__setattr__(ears.serving.server.keeper._door, "identity", fail)
    tls = frames.context(ears.centre.coordinator, ears.folder)
    ears.raw.close()
    ears.raw = wiretap.TappedConnection(ears.serving.port, tls)
    assert ears.call(DESCRIBE, b"").status == b"0"
    assert tried


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_no_planted_byte_leaves_when_any_line_fails(ears: Ears) -> None:
    every = len(canaries.KINDS)
    points, tried = _run(ears, kinds_at={"call": every, "line": 3, "return": 1})
    assert tried > 3 * points > 10 * every
    with ears.capfd.disabled():
        print(f"\n{tried} faults at {points} points: no planted byte")  # noqa: T201
