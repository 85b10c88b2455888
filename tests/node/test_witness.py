"""Witness: what a peer keeps of other sites' ledgers, and what it signs."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from privacy import statement
from privacy.errors import BadSignature, UnknownPeer
from privacy.statement import Attestation, Verdict
from tests import signed_samples as samples
from tests.standing_place import SITE, Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "ledger.sqlite")
    yield made
    made.ledger.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "hou.sqlite", site="HOU")
    yield made
    made.ledger.close()


def attested(peer: Place, head: bytes) -> Attestation:
    data = peer.witness.attest(head)
    return statement.read_attestation(data, key=samples.public(peer.site))


def test_a_peer_takes_the_first_head_and_keeps_it_over_a_restart(
    place: Place, peer: Place
) -> None:
    (head,) = place.standing.heads(["HOU"], seconds=0)
    found = attested(peer, head)
    assert found == Attestation(
        witness="HOU",
        about=SITE,
        boot=statement.kept_head(head).boot,
        verdict=Verdict.TAKEN,
        kept=head,
    )
    peer.restart()
    assert peer.ledger.witnessed(SITE) == head
    assert attested(peer, head) == found


def test_a_peer_hands_back_what_it_keeps_instead_of_what_does_not_follow(
    place: Place, peer: Place
) -> None:
    (head,) = place.standing.heads(["HOU"], seconds=0)
    attested(peer, head)
    place.standing.show(place.spend("one"), seconds=0)
    (newer,) = place.standing.heads(["HOU"], seconds=0)
    found = attested(peer, newer)
    assert (found.verdict, found.kept) == (Verdict.REFUSED, head)
    assert found.boot == statement.kept_head(newer).boot
    assert peer.ledger.witnessed(SITE) == head


def test_two_real_sites_agree_in_two_rounds(place: Place, peer: Place) -> None:
    (head,) = place.standing.heads(["HOU"], seconds=0)
    attested(peer, head)
    place.restart()
    for expected in (Verdict.REFUSED, Verdict.TAKEN):
        (head,) = place.standing.heads(["HOU"], seconds=0)
        data = peer.witness.attest(head)
        found = statement.read_attestation(data, key=samples.public("HOU"))
        assert found.verdict is expected
        place.standing.present([data])


def test_a_peer_witnesses_nobody_but_its_peers(place: Place, peer: Place) -> None:
    (head,) = place.standing.heads(["HOU"], seconds=0)
    with pytest.raises(UnknownPeer):
        place.witness.attest(head)
    stranger = b"SFO".ljust(16, b"\x00") + head[16:]
    with pytest.raises(UnknownPeer):
        peer.witness.attest(stranger)
    with pytest.raises(BadSignature):
        peer.witness.attest(head[:-1] + bytes([head[-1] ^ 1]))
    assert peer.ledger.witnessed(SITE) is None


def test_of_two_heads_shown_at_once_a_peer_takes_one(
    place: Place, peer: Place, tmp_path: Path
) -> None:
    """Two copies of one site race for the same peer."""
    (head,) = place.standing.heads(["HOU"], seconds=0)
    attested(peer, head)
    copy = Place(Path(shutil.copy(place.path, tmp_path / "copy.sqlite")))
    place.restart()
    heads = []
    for each in (place, copy):
        (first,) = each.standing.heads(["HOU"], seconds=0)
        each.standing.present([peer.witness.attest(first)])
        heads += each.standing.heads(["HOU"], seconds=0)
    found: list[Attestation] = []
    racing = [
        threading.Thread(target=lambda head=head: found.append(attested(peer, head)))
        for head in heads
    ]
    for each in racing:
        each.start()
    for each in racing:
        each.join()
    verdicts = sorted(each.verdict for each in found)
    assert verdicts == [Verdict.TAKEN, Verdict.REFUSED]
    copy.ledger.close()
