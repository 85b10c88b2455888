"""Statements about ledgers: no ledger is turned back, cloned or run twice unseen."""

import dataclasses
import hashlib
import itertools
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import statement
from privacy.errors import BadSignature
from privacy.statement import (
    ATTESTATION_BYTES,
    HEAD_BYTES,
    NONE,
    Attestation,
    Head,
    Verdict,
)
from tests.signed_samples import key, public


def hashed(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def head(sequence: int = 7, **changes: object) -> Head:
    parts = {
        "site": "NYC",
        "epoch": 1,
        "boot": hashed("boot"),
        "follows_sequence": 0,
        "follows_hash": NONE,
        "sequence": sequence,
        "hash": hashed(f"entry {sequence}"),
    }
    return Head(**parts | changes)


def attestation(**changes: object) -> Attestation:
    parts = {
        "witness": "HOU",
        "about": "NYC",
        "boot": hashed("boot"),
        "verdict": Verdict.TAKEN,
        "kept": head().signed(key("NYC")),
    }
    return Attestation(**parts | changes)


def test_a_head_is_read_back_at_its_one_length() -> None:
    made = head().signed(key("NYC"))
    assert len(made) == HEAD_BYTES == 16 + 8 + 32 + 8 + 32 + 8 + 32 + 64
    assert statement.site_of(made) == "NYC"
    assert statement.read_head(made, key=public("NYC")) == head()


def test_an_attestation_is_read_back_at_its_one_length() -> None:
    made = attestation().signed(key("HOU"))
    assert len(made) == ATTESTATION_BYTES
    assert statement.witness_of(made) == "HOU"
    assert statement.read_attestation(made, key=public("HOU")) == attestation()


@settings(max_examples=200)
@given(at=st.integers(0, HEAD_BYTES - 1), bit=st.integers(0, 7))
def test_no_changed_bit_of_a_head_is_believed(at: int, bit: int) -> None:
    made = bytearray(head().signed(key("NYC")))
    made[at] ^= 1 << bit
    with pytest.raises(BadSignature):
        statement.read_head(bytes(made), key=public("NYC"))


@settings(max_examples=200)
@given(at=st.integers(0, ATTESTATION_BYTES - 1), bit=st.integers(0, 7))
def test_no_changed_bit_of_an_attestation_is_believed(at: int, bit: int) -> None:
    made = bytearray(attestation().signed(key("HOU")))
    made[at] ^= 1 << bit
    with pytest.raises(BadSignature):
        statement.read_attestation(bytes(made), key=public("HOU"))


def test_a_statement_is_signed_by_the_site_it_names() -> None:
    with pytest.raises(BadSignature, match="not signed by the site"):
        statement.read_head(head().signed(key("HOU")), key=public("NYC"))
    forged = attestation().signed(key("LAX"))
    with pytest.raises(BadSignature, match="not signed by the site"):
        statement.read_attestation(forged, key=public("HOU"))


def test_a_signature_over_one_is_none_over_the_other() -> None:
    body = head().signed(key("NYC"))[: -statement.SIGNATURE_BYTES]
    for domain in (b"", statement.ASK_DOMAIN, b"cmpp.exchange attestation v1\x00"):
        moved = body + key("NYC").sign(domain + body)
        with pytest.raises(BadSignature):
            statement.read_head(moved, key=public("NYC"))


@pytest.mark.parametrize("size", [0, HEAD_BYTES - 1, HEAD_BYTES + 1])
def test_another_length_is_no_statement(size: int) -> None:
    with pytest.raises(BadSignature, match="no statement"):
        statement.site_of(b"A" * size)
    with pytest.raises(BadSignature, match="no statement"):
        statement.witness_of(b"A" * size)


@pytest.mark.parametrize(
    "name", [bytes(16), b"\xff" * 16, b"\x00NYC" + bytes(12)], ids=repr
)
def test_a_name_in_another_form_is_no_name(name: bytes) -> None:
    made = head().signed(key("NYC"))
    forged = name + made[16:]
    if name.startswith(b"\x00N"):
        assert statement.site_of(forged) != "NYC"
        return
    with pytest.raises(BadSignature):
        statement.site_of(forged)


@pytest.mark.parametrize("site", ["S" * 17, "SÃO"])
def test_a_name_that_does_not_fit_is_not_cut(site: str) -> None:
    with pytest.raises(BadSignature):
        head(site=site).signed(key("NYC"))


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": 0},
        {"epoch": True},
        {"epoch": 2**63},
        {"sequence": 0},
        {"sequence": 2**63},
        {"follows_sequence": -1},
        {"follows_sequence": 2**63},
        {"boot": b""},
        {"hash": bytes(31)},
        {"follows_hash": bytes(33)},
    ],
)
def test_what_no_ledger_could_say_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadSignature):
        head(**change)


def test_a_verdict_off_the_list_is_no_attestation() -> None:
    made = attestation(verdict=3)
    with pytest.raises(BadSignature, match="no statement"):
        statement.read_attestation(made.signed(key("HOU")), key=public("HOU"))


# ---- what a peer takes --------------------------------------------------------


def after(kept: Head, sequence: int, **changes: object) -> Head:
    """Return a head that follows the one a peer keeps."""
    follows = {"follows_sequence": kept.sequence, "follows_hash": kept.hash}
    return head(sequence, **follows | changes)


def test_the_first_head_is_taken() -> None:
    assert statement.takes(None, head())


def test_a_head_that_follows_the_kept_one_is_taken() -> None:
    assert statement.takes(head(7), after(head(7), 9))
    assert statement.takes(head(7), after(head(7), 9, boot=hashed("next boot")))


def test_the_kept_head_is_taken_again() -> None:
    assert statement.takes(head(7), head(7))
    assert statement.takes(head(7), head(7, boot=hashed("next boot")))


OLD = {
    "an older one": head(5),
    "an older one that claims to follow": after(head(7), 5),
    "the same place with another entry": after(head(7), 7, hash=hashed("fork")),
    "a newer one that follows nothing": head(9),
    "a newer one that follows an older": after(head(5), 9),
    "a newer one that follows a fork": after(head(7, hash=hashed("fork")), 9),
    "an older epoch": after(head(7), 9, epoch=1),
    "the same place in an older epoch": head(7),
}


@pytest.mark.parametrize("shown", OLD.values(), ids=OLD)
def test_a_ledger_that_was_turned_back_is_not_taken(shown: Head) -> None:
    kept = head(7)
    if shown in (OLD["an older epoch"], OLD["the same place in an older epoch"]):
        kept = head(7, epoch=2)
    assert not statement.takes(kept, shown)


def test_a_new_epoch_is_taken_and_the_old_one_never_again() -> None:
    reopened = head(3, epoch=2, hash=hashed("restored"))
    assert statement.takes(head(7), reopened)
    assert not statement.takes(reopened, head(7))
    assert not statement.takes(reopened, after(reopened, 9))
    assert statement.takes(reopened, after(reopened, 9, epoch=2))
    assert not statement.takes(head(7), head(7, epoch=1, hash=hashed("fork")))


# ---- quorums ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sites", "tolerated", "needed"),
    [(3, 1, 2), (4, 1, 3), (5, 1, 3), (5, 2, 4), (5, 3, 4), (7, 1, 4), (12, 3, 8)],
)
def test_how_many_peers_make_a_quorum(sites: int, tolerated: int, needed: int) -> None:
    assert statement.quorum(sites, tolerated) == needed


@given(sites=st.integers(3, 60), tolerated=st.integers(1, 60))
def test_two_quorums_share_an_honest_peer(sites: int, tolerated: int) -> None:
    try:
        needed = statement.quorum(sites, tolerated)
    except BadSignature:
        assert (sites + tolerated + 1) // 2 > sites - 1
        return
    assert 2 * needed - (sites - 1) >= tolerated + 1


@pytest.mark.parametrize(("sites", "tolerated"), [(3, 2), (2, 1), (5, 4)])
def test_too_few_peers_cannot_outvote_so_many(sites: int, tolerated: int) -> None:
    with pytest.raises(BadSignature, match="cannot be tolerated"):
        statement.quorum(sites, tolerated)


@dataclasses.dataclass
class Copy:
    """One copy of a site's ledger: its entries, as hashes, and a start's name."""

    entries: list[bytes]
    boot: bytes

    def show(self, peers: dict[str, Head | None], name: str) -> bool:
        """Show a peer the newest head, following what it keeps if we know that."""
        kept = peers[name]
        known = (
            kept is not None
            and kept.sequence <= len(self.entries)
            and self.entries[kept.sequence - 1] == kept.hash
        )
        shown = head(
            len(self.entries),
            boot=self.boot,
            hash=self.entries[-1],
            follows_sequence=kept.sequence if known else 0,
            follows_hash=kept.hash if known else NONE,
        )
        if not statement.takes(kept, shown):
            return False
        peers[name] = shown
        return True


@pytest.mark.parametrize("seed", range(30))
def test_of_two_copies_only_one_ever_gets_a_quorum_again(seed: int) -> None:
    """Let a lying coordinator route two copies to any peers, two of them corrupt."""
    chance = random.Random(seed)
    names, tolerated = [f"P{n}" for n in range(6)], 2
    needed = statement.quorum(len(names) + 1, tolerated)
    corrupt = set(chance.sample(names, tolerated))
    peers: dict[str, Head | None] = dict.fromkeys(names)
    serial = itertools.count()
    first = Copy([hashed("opened")], hashed("first"))
    copies = [first]
    approved: list[tuple[int, list[bytes]]] = []
    for _ in range(60):
        if len(copies) == 1 and chance.random() < 0.2:
            old = first.entries[: chance.randint(1, len(first.entries))]
            copies.append(Copy(list(old), hashed("second")))
        which = chance.randrange(len(copies))
        copy = copies[which]
        copy.entries.append(hashed(f"{which} {next(serial)}"))
        asked = chance.sample(names, chance.randint(needed, len(names)))
        yes = [n for n in asked if n in corrupt or copy.show(peers, n)]
        if len(yes) >= needed:
            approved.append((which, list(copy.entries)))
    for (_, earlier), (_, later) in itertools.pairwise(approved):
        # What was answered on is never forgotten by what is answered on later.
        assert later[: len(earlier)] == earlier


# ---- receipts -----------------------------------------------------------------


RECEIPT = {
    "site": "NYC",
    "ask": hashed("ask"),
    "release_key": hashed("key"),
    "values": (3, -1),
    "variance": Fraction(81, 4),
    "rho": Fraction(1, 50),
    "sequence": 9,
}


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("site", "HOU"),
        ("ask", hashed("another")),
        ("release_key", hashed("another")),
        ("values", (3, -2)),
        ("values", (3, -1, 0)),
        ("variance", Fraction(81, 5)),
        ("rho", Fraction(1, 51)),
        ("sequence", 10),
    ],
)
def test_every_part_of_an_answer_is_under_its_receipt(part: str, other: object) -> None:
    assert statement.receipt(**RECEIPT) != statement.receipt(**RECEIPT | {part: other})
    assert statement.receipt(**RECEIPT).startswith(b"cmpp.exchange answer v1\x00")
