"""Asking under mandates, with witnesses, and keeping the proof of it."""

import datetime as dt
from collections import Counter
from collections.abc import Callable

import pytest

from coordinator import ask
from privacy import mandate
from privacy.chain import Kind
from privacy.errors import Expired, NotAllowed
from privacy.transparency import Kind as Told
from tests import governed
from tests import signed_samples as samples
from tests.coordinator.network import Network, order, saying

M08 = ("M08", "FY2024-H2")
THREE = ("NYC", "HOU", "LAX")
NewNetwork = Callable[..., Network]


def statuses(outcome: ask.Outcome) -> dict[str, str]:
    """Return what became of the first result at each site."""
    return {s.site: s.status.value for s in outcome.results[0].sites}


@pytest.mark.parametrize(
    "signer", ["HOU", "coordinator"], ids=["another site", "the coordinator"]
)
def test_an_answer_that_its_site_did_not_sign_is_not_used(
    new_network: NewNetwork, signer: str
) -> None:
    network = new_network()
    forged = saying(network, "NYC", lambda _: {}, signer)
    desk = network.again(connect=forged)
    outcome = ask.ask([order(*M08, enrolled="0.006")], desk=desk, now=network.now)
    assert statuses(outcome)["NYC"] == "error"
    assert outcome.results[0].sites[-1].reason == "not-signed-by-the-site"
    assert "NYC" not in {cell.site for cell in outcome.results[0].cells}


def test_what_the_mandate_does_not_cover_is_not_even_asked(
    new_network: NewNetwork,
) -> None:
    network = new_network()
    narrow = mandate.parse(
        governed.mandate(now=network.now, metrics='["M09"]', number='"2026-02"')
    )
    over = mandate.parse(
        governed.mandate(now=network.now - dt.timedelta(days=370), number='"2025-02"')
    )
    wanted = [order(*M08, enrolled="0.006")]
    for desk, error in (
        (network.again(mandate=narrow), NotAllowed),
        (network.again(mandate=over), Expired),
        (network.again(purpose="evaluation", mandate=narrow), NotAllowed),
    ):
        with pytest.raises(error):
            ask.ask(wanted, desk=desk, now=network.now)
    assert network.desk.evidence.asks() == ()
    assert not any(site.reads for site in network.sites.values())


def test_a_question_under_a_mandate_the_site_never_saw_is_refused(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC",))
    unseen = mandate.parse(governed.mandate(now=network.now, number='"2026-02"'))
    outcome = ask.ask(
        [order(*M08, enrolled="0.006")],
        desk=network.again(mandate=unseen),
        now=network.now,
    )
    assert {s.reason for s in outcome.results[0].sites} == {"not-allowed"}
    assert not any(outcome.charged_pico.values())


def test_nothing_is_answered_or_charged_while_too_few_peers_can_witness(
    new_network: NewNetwork,
) -> None:
    # Of five sites with one that may collude, three peers must witness.
    network = new_network(("NYC",))
    for name in ("BAL", "DCA"):
        network.sites[name].server.drain(0.1)
    wanted = [order(*M08, enrolled="0.006")]
    desk = network.again(deadline_seconds=8)
    outcome = ask.ask(wanted, desk=desk, now=network.now)
    assert statuses(outcome) == {"NYC": "pending"}
    nyc = network.sites["NYC"]
    assert nyc.reads == []
    assert {e.kind for e in nyc.ledger.entries()} & {Kind.CHARGE, Kind.RELEASE} == set()


def test_every_signed_question_and_answer_is_kept_and_told_in_the_log(
    new_network: NewNetwork,
) -> None:
    network = new_network()
    orders = [order(*M08, enrolled="0.006"), order("M09", M08[1], active="0.003")]
    ask.ask(orders, desk=network.desk, now=network.now)
    asks, answers = network.desk.evidence.asks(), network.desk.evidence.answers()
    assert len(asks) == len(answers) == 2 * len(THREE)
    assert all(each.is_signed_by(samples.public("coordinator")) for each in asks)
    assert all(each.is_signed_by(samples.public(each.site)) for each in answers)
    assert {each.digest for each in asks} == {each.ask for each in answers}
    told = Counter(entry.kind for entry in network.desk.log.entries())
    assert told == {Told.QUERY: 6, Told.ANSWER: 6, Told.PUBLICATION: 2}
