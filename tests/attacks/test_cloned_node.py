"""Two copies of one site, and a coordinator that keeps them apart.

Real doors and ledgers. Each copy is shown to peers of the coordinator's choice; only
one copy ever gets enough of them, whoever the peers are and whichever comes first.
"""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from privacy.statement import Verdict, read_attestation
from proto.wire import Answer, NotReady
from tests import liar
from tests import signed_samples as samples
from tests.liar import DENIED, INTERNAL, QUORUM, Network
from tests.members import Member

PEERS = ("BAL", "DCA", "HOU", "LAX")


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Network]:
    with liar.network(tmp_path / "network") as opened:
        assert isinstance(opened.liar.ask(opened.fresh()), Answer)
        yield opened


@pytest.fixture
def clone(net: Network, tmp_path: Path) -> Iterator[Member]:
    """Give a second node of NYC on a copy of its ledger."""
    nyc = net.nyc
    made = nyc.cloned(tmp_path / "clone.sqlite")
    try:
        yield made
    finally:
        made.stop()


def switch(net: Network, to: Member) -> None:
    """Have the coordinator turn to one of the two."""
    net.members["NYC"] = to


@pytest.mark.parametrize(
    "first", [*itertools.combinations(PEERS, QUORUM)], ids="-".join
)
def test_heads_shown_to_disjoint_peers_serve_one_copy_only(
    net: Network, clone: Member, first: tuple[str, ...]
) -> None:
    original, others = net.nyc, sorted(set(PEERS) - set(first))
    question, second = net.fresh(), net.fresh()
    switch(net, clone)
    assert net.liar.put(question) == NotReady()
    assert net.liar.carry("NYC", first) is True
    assert isinstance(net.liar.put(question), NotReady)
    assert net.liar.carry("NYC", first) is True
    assert isinstance(net.liar.put(question), Answer)
    # The original goes on as before its copy ran, with the peers that are left.
    switch(net, original)
    spent = original.spending()
    assert net.liar.put(second) == NotReady()
    assert net.liar.carry("NYC", others) is False
    assert net.liar.put(second) == NotReady()
    # It was charged, rightly, at this copy; what it made never leaves.
    assert len(original.spending()) == len(spent) + 2
    # Whatever peer of the first quorum is brought in, the copy is found out.
    assert net.liar.carry("NYC", [first[0]]) == INTERNAL
    assert net.liar.put(second) == INTERNAL
    assert net.liar.put(question) == INTERNAL


def test_a_copy_started_later_finds_out_before_it_charges(
    net: Network, clone: Member
) -> None:
    assert isinstance(net.liar.ask(net.fresh()), Answer)
    switch(net, clone)
    question, spent = net.fresh(), clone.spending()
    assert net.liar.put(question) == NotReady()
    assert net.liar.carry("NYC") == INTERNAL
    assert net.liar.put(question) == INTERNAL
    assert clone.spending() == spent


def test_a_refusal_by_a_peer_can_be_held_back_and_gains_nothing(
    net: Network, clone: Member
) -> None:
    """The coordinator brings the copy what helps it, and nothing that gives it away."""
    assert isinstance(net.liar.ask(net.fresh()), Answer)
    switch(net, clone)
    question, spent = net.fresh(), clone.spending()
    assert net.liar.put(question) == NotReady()
    heads = net.liar.heads("NYC", PEERS)
    assert isinstance(heads, dict)
    for peer, head in heads.items():
        attested = net.liar.show(head, to=peer)
        assert isinstance(attested, bytes)
        said = read_attestation(attested, key=samples.public(peer))
        assert said.verdict is Verdict.REFUSED
    assert net.liar.put(question) == NotReady()
    assert clone.spending() == spent


def test_attestations_for_one_copy_are_worth_nothing_to_the_other(
    net: Network, clone: Member
) -> None:
    assert net.liar.put(net.fresh()) == NotReady()
    good = net.liar.collect("NYC")
    switch(net, clone)
    question = net.fresh()
    assert net.liar.put(question) == NotReady()
    for each in good:
        assert net.liar.present("NYC", [each]) == DENIED
    assert net.liar.put(question) == NotReady()


def test_one_lying_peer_does_not_help_a_copy(net: Network, clone: Member) -> None:
    """LAX attests whatever it is shown, with its own key; one may be tolerated."""
    assert isinstance(net.liar.ask(net.fresh()), Answer)
    switch(net, clone)
    question, spent = net.fresh(), clone.spending()
    assert net.liar.put(question) == NotReady()
    shown = net.liar.heads("NYC", ["LAX"])
    assert isinstance(shown, dict)
    lie = liar.attested(shown["LAX"], by="LAX")
    assert net.liar.present("NYC", [lie] * 4) is False
    assert net.liar.put(question) == NotReady()
    assert clone.spending() == spent


def test_as_many_lying_peers_as_were_not_tolerated_would_help_it(
    net: Network, clone: Member
) -> None:
    """The bound is tight: what the policy does not count on is not defended."""
    assert isinstance(net.liar.ask(net.fresh()), Answer)
    switch(net, clone)
    question = net.fresh()
    for _ in range(2):
        assert net.liar.put(question) == NotReady()
        shown = net.liar.heads("NYC", PEERS)
        assert isinstance(shown, dict)
        liars = PEERS[:QUORUM]
        lies = [liar.attested(shown[peer], by=peer) for peer in liars]
        assert net.liar.present("NYC", lies) is True
    assert isinstance(net.liar.put(question), Answer)


def test_a_node_that_restarts_on_its_own_ledger_goes_on(net: Network) -> None:
    for _ in range(3):
        net.nyc.restart()
        assert isinstance(net.liar.ask(net.fresh()), Answer)


@pytest.mark.parametrize("moment", ["before the start", "after more was asked"])
def test_a_ledger_put_back_under_a_running_network_is_found_out(
    net: Network, tmp_path: Path, moment: str
) -> None:
    nyc, kept = net.nyc, tmp_path / "kept.sqlite"
    nyc.restart(lambda: shutil.copy(nyc.path, kept))
    if moment == "after more was asked":
        assert isinstance(net.liar.ask(net.fresh()), Answer)
    net.liar.carry("NYC")
    assert isinstance(net.liar.ask(net.fresh()), Answer)
    nyc.restart(lambda: shutil.copy(kept, nyc.path))
    spent, question = nyc.spending(), net.fresh()
    assert net.liar.put(question) == NotReady()
    assert net.liar.carry("NYC") == INTERNAL
    assert net.liar.put(question) == INTERNAL
    assert nyc.spending() == spent
