"""Standing: what a site states of its ledger, what it counts, and what stops it."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.witness import RolledBack
from privacy import statement
from privacy.chain import Kind
from privacy.decision import Act
from privacy.errors import BadSignature, LedgerInconsistent, UnknownPeer
from privacy.statement import NONE, Head, Verdict
from tests import governed
from tests import signed_samples as samples
from tests.governed import Peers
from tests.ledger_samples import NOW
from tests.standing_place import PEERS, QUORUM, SITE, Place, says, taken


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "ledger.sqlite")
    yield made
    made.ledger.close()


def test_a_head_says_where_the_ledger_was_when_the_node_began(place: Place) -> None:
    newest = place.ledger.head()
    found = place.head()
    assert (found.site, found.epoch, found.boot) == (SITE, 1, newest.boot)
    assert (found.sequence, found.hash.hex()) == (newest.sequence, newest.hash)
    assert (found.follows_sequence, found.follows_hash) == (0, NONE)


def test_an_entry_is_stated_once_it_is_shown_and_not_before(place: Place) -> None:
    began = place.head().sequence
    entry = place.spend("one")
    assert place.head().sequence == began
    assert not place.standing.show(entry, seconds=0)
    assert place.head().sequence == entry
    later = place.spend("two")
    assert not place.standing.show(began, seconds=0)
    assert place.head().sequence == entry < later


def test_a_quorum_of_distinct_peers_is_enough_and_one_less_is_not(
    place: Place,
) -> None:
    assert not place.standing.began(seconds=0)
    two = taken(place, *PEERS[: QUORUM - 1])
    assert not place.standing.present(two)
    assert not place.standing.present(two * 5)
    assert not place.standing.began(seconds=0)
    assert place.standing.present(taken(place, PEERS[QUORUM - 1]))
    assert place.standing.began(seconds=0)
    assert place.standing.heads(PEERS, seconds=0) == ()


def test_an_answer_waits_for_its_own_entry(place: Place) -> None:
    peers = Peers.of(SITE)
    assert peers.attend(place.standing)
    entry = place.spend("one")
    assert not place.standing.show(entry, seconds=0)
    assert peers.attend(place.standing)
    assert place.standing.show(entry, seconds=0)
    assert place.standing.show(entry - 1, seconds=0)


def test_a_head_follows_what_each_peer_said_it_keeps(place: Place) -> None:
    peers = Peers.of(SITE)
    peers.attend(place.standing)
    first = place.ledger.head()
    place.standing.show(place.spend("one"), seconds=0)
    for peer in PEERS[:QUORUM]:
        found = place.head(peer)
        assert (found.follows_sequence, found.follows_hash.hex()) == (
            first.sequence,
            first.hash,
        )


def test_what_is_waited_for_wakes_whoever_waits(place: Place) -> None:
    entry = place.spend("one")
    found: list[bool] = []
    waiting = threading.Thread(
        target=lambda: found.append(place.standing.show(entry, seconds=20))
    )
    waiting.start()
    heads = place.standing.heads(PEERS, seconds=20)
    while statement.kept_head(heads[0]).sequence < entry:
        heads = place.standing.heads(PEERS, seconds=20)
    pairs = zip(PEERS, heads, strict=True)
    place.standing.present([says(peer, head) for peer, head in pairs])
    waiting.join(20)
    assert found == [True]


def test_whoever_asks_for_heads_is_told_as_soon_as_there_are_some(
    place: Place,
) -> None:
    Peers.of(SITE).attend(place.standing)
    began = time.monotonic()
    assert place.standing.heads(PEERS, seconds=0.2) == ()
    assert time.monotonic() - began >= 0.2
    found: list[tuple[bytes, ...]] = []
    waiting = threading.Thread(
        target=lambda: found.append(place.standing.heads(PEERS, seconds=20))
    )
    waiting.start()
    place.standing.show(place.spend("one"), seconds=0)
    waiting.join(20)
    assert len(found[0]) == len(PEERS)


def test_nothing_is_stated_to_strangers_or_to_oneself(place: Place) -> None:
    for peers in (["SFO"], ["HOU", "NYC"], ["HOU", "SFO"]):
        with pytest.raises(UnknownPeer, match="not in the roster"):
            place.standing.heads(peers, seconds=0)


def test_without_a_roster_nothing_is_stated_or_believed(tmp_path: Path) -> None:
    place = Place(tmp_path / "new.sqlite", ruled=False)
    assert place.standing.heads(PEERS, seconds=0) == ()
    assert not place.standing.began(seconds=0)
    with pytest.raises(UnknownPeer, match="no roster yet"):
        place.standing.present([bytes(statement.ATTESTATION_BYTES)])
    other = Place(tmp_path / "hou.sqlite", site="HOU")
    (head,) = other.standing.heads([SITE], seconds=0)
    with pytest.raises(UnknownPeer, match="peers in the roster"):
        place.witness.attest(head)


@pytest.mark.parametrize(
    "changes",
    [{"about": "HOU"}, {"boot": bytes(32)}, {"witness": "SFO"}, {"witness": SITE}],
    ids=str,
)
def test_what_is_not_about_this_start_is_not_counted(
    place: Place, changes: dict[str, object]
) -> None:
    (head,) = place.standing.heads(["HOU"], seconds=0)
    with pytest.raises(BadSignature):
        place.standing.present([says("HOU", head, **changes)])


def test_a_peer_cannot_make_up_a_head_to_stop_a_node(place: Place) -> None:
    (head,) = place.standing.heads(["HOU"], seconds=0)
    made_up = Head(
        site=SITE,
        epoch=9,
        boot=bytes(32),
        follows_sequence=0,
        follows_hash=NONE,
        sequence=10**6,
        hash=bytes(32),
    )
    lie = says("HOU", head, kept=made_up.signed(samples.key("HOU")))
    with pytest.raises(BadSignature):
        place.standing.present([lie])
    assert place.standing.present(taken(place, *PEERS))


def test_a_refusal_teaches_what_is_kept_and_counts_for_nothing(place: Place) -> None:
    peers = Peers.of(SITE)
    peers.attend(place.standing)
    place.restart()
    heads = place.standing.heads(PEERS, seconds=0)
    said = [peers.attest(p, h) for p, h in zip(PEERS, heads, strict=True)]
    assert not place.standing.present(said)
    again = place.standing.heads(PEERS, seconds=0)
    assert all(statement.kept_head(h).follows_sequence > 0 for h in again)
    said = [peers.attest(p, h) for p, h in zip(PEERS, again, strict=True)]
    assert place.standing.present(said)


def test_a_peer_that_says_taken_and_keeps_an_older_start_does_not_count(
    place: Place,
) -> None:
    heads = place.standing.heads(PEERS, seconds=0)
    place.restart()
    boot = place.ledger.head().boot
    pairs = zip(PEERS, heads, strict=True)
    lies = [says(peer, head, boot=boot) for peer, head in pairs]
    assert not place.standing.present(lies)


def test_a_newer_head_than_the_ledger_holds_stops_the_node(
    place: Place, tmp_path: Path
) -> None:
    kept = shutil.copy(place.path, tmp_path / "kept")
    peers = Peers.of(SITE)
    peers.attend(place.standing)
    place.standing.show(place.spend("one"), seconds=0)
    peers.attend(place.standing)
    place.ledger.close()
    shutil.copy(kept, place.path)
    place.start()
    heads = place.standing.heads(PEERS, seconds=0)
    said = [peers.attest(p, h) for p, h in zip(PEERS, heads, strict=True)]
    with pytest.raises(RolledBack, match="cmpp-node reopen") as found:
        place.standing.present(said)
    assert found.value.code == "rolled-back"
    assert not place.standing.began(seconds=0)


def test_another_entry_in_the_place_of_a_kept_one_stops_the_node(
    place: Place, tmp_path: Path
) -> None:
    """The ledger that was put back has grown past what the peers keep."""
    kept = shutil.copy(place.path, tmp_path / "kept")
    peers = Peers.of(SITE)
    place.standing.show(place.spend("one"), seconds=0)
    peers.attend(place.standing)
    place.ledger.close()
    shutil.copy(kept, place.path)
    place.start()
    for number in range(4):
        place.spend(f"another {number}")
    heads = place.standing.heads(PEERS, seconds=0)
    with pytest.raises(RolledBack):
        place.standing.present([peers.attest("HOU", heads[1])])


def reopen(place: Place) -> None:
    """Have two officers open a new epoch."""
    drafted = place.charter.decide(Act.REOPEN, reason="Restored.", now=NOW)
    decision = samples.signed(drafted, "olga", "omar")
    place.charter.enact(Kind.REOPENED, decision, now=NOW)


def test_after_a_reopening_peers_take_the_ledger_as_it_is(
    place: Place, tmp_path: Path
) -> None:
    kept = shutil.copy(place.path, tmp_path / "kept")
    peers = Peers.of(SITE)
    place.standing.show(place.spend("one"), seconds=0)
    peers.attend(place.standing)
    older = dict(peers.kept)
    place.ledger.close()
    shutil.copy(kept, place.path)
    place.start()
    reopen(place)
    place.restart()
    assert place.head().epoch == 2
    # What peers keep of the epoch before is no proof against this one.
    (head,) = place.standing.heads(["HOU"], seconds=0)
    refused = says("HOU", head, verdict=Verdict.REFUSED, kept=older["HOU"])
    assert not place.standing.present([refused])
    assert peers.attend(place.standing)
    assert place.standing.began(seconds=0)


def test_a_copy_of_the_epoch_before_is_found_out(place: Place, tmp_path: Path) -> None:
    kept = shutil.copy(place.path, tmp_path / "kept")
    reopen(place)
    place.restart()
    peers = Peers.of(SITE)
    peers.attend(place.standing)
    place.ledger.close()
    shutil.copy(kept, place.path)
    place.start()
    (head,) = place.standing.heads(["HOU"], seconds=0)
    with pytest.raises(RolledBack):
        place.standing.present([peers.attest("HOU", head)])


def test_who_counts_is_decided_by_the_roster_and_policy_of_the_day(
    place: Place,
) -> None:
    place.standing.present(taken(place, *PEERS[:QUORUM]))
    assert place.standing.began(seconds=0)
    stricter = governed.policy(SITE, now=NOW, version=2, tolerated_colluders=2)
    place.charter.enact(Kind.POLICY, stricter, now=NOW)
    assert not place.standing.began(seconds=0)
    place.standing.present(taken(place, *PEERS[QUORUM:]))
    assert place.standing.began(seconds=0)


def test_a_policy_that_no_quorum_can_meet_is_never_adopted(place: Place) -> None:
    place.standing.present(taken(place, *PEERS))
    hopeless = governed.policy(SITE, now=NOW, version=2, tolerated_colluders=4)
    with pytest.raises(BadSignature, match="cannot be tolerated"):
        place.charter.enact(Kind.POLICY, hopeless, now=NOW)
    assert place.standing.began(seconds=0)


def test_a_ledger_that_lost_a_shown_entry_is_broken(place: Place) -> None:
    place.standing.show(10**6, seconds=0)
    with pytest.raises(LedgerInconsistent, match="lost an entry"):
        place.standing.heads(PEERS, seconds=0)
