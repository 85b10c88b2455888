"""Results that no site is asked for: exact, free, and the same as the ledgers say."""

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest

from coordinator import exact, result, telling
from coordinator.audit import verify
from coordinator.audit.papers import Anchor
from coordinator.audit.report import Report
from coordinator.exact import Books
from coordinator.figures import PublicFigures
from coordinator.result import EVERYWHERE, Result, Status
from node.ledger import Scope
from privacy import catalogue, mandate, roster
from privacy.errors import InvalidQuery
from privacy.period import Period
from privacy.signing import Kind
from tests.audit_network import NOW, SITES, Network, mandated, order
from tests.organisation_samples import month, whole

PROGRAMME = catalogue.load()
HOU, LAX, NYC = sorted(SITES)
FY2024 = Period("FY2024")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Give a network that was asked four times under one mandate."""
    made = Network(tmp_path_factory.mktemp("network"))
    opened = made.submit(mandated(NOW), accept=True)
    made.ask(
        opened,
        order("M08", "FY2024-H1", enrolled="0.02"),
        order("M08", "FY2024-H2", enrolled="0.03"),
        order("M09", "FY2024-H2", active="0.01"),
        order("M09", "FY2025-H1", active="0.005"),
    )
    yield made
    made.close()


def books(network: Network, **changes: object) -> Books:
    """Gather what the centre has."""
    kept = network.documents.all(Kind.MANDATE)
    parts: dict[str, object] = {
        "programme": PROGRAMME,
        "confidence": Fraction(19, 20),
        "sites": SITES,
        "figures": network.figures,
        "asks": network.evidence.asks(),
        "answers": network.evidence.answers(),
        "mandates": {each.digest: each.number for each in kept},
    }
    return Books(**(parts | changes))


def found(metric: str, period: str, network: Network, **changes: object) -> Result:
    wanted = PROGRAMME.metric(metric)
    return exact.publish(wanted, Period(period), books(network, **changes))


def values(published: Result, site: str) -> dict[tuple[str, ...], float]:
    """Return a site's values by their labels."""
    return {
        tuple(label for _, label in cell.labels): cell.estimate.value
        for cell in published.cells
        if cell.site == site
    }


# --- public money ----------------------------------------------------------


def test_awards_are_listed_up_to_the_year_and_a_frozen_one_says_so(
    network: Network,
) -> None:
    assert values(found("M58", "FY2022", network), EVERYWHERE) == {
        ("obligated", "FY2021", "P1"): 5_000_000,
        ("obligated", "FY2022", "P2"): 15_000_000,
    }
    later = values(found("M58", "FY2024", network), EVERYWHERE)
    assert later["obligated, frozen", "FY2023", "P3"] == 20_000_000


def test_spending_adds_up_by_phase_and_kind(network: Network) -> None:
    public = PublicFigures(months=whole(SITES, "FY2024"))
    published = found("M58", "FY2024", network, figures=public)
    total = values(published, EVERYWHERE)
    assert total["spent", "FY2024", "P1"] == 12_000
    assert total["spent", "FY2024", "P2"] == 24_000
    assert total["spent, subawards", "FY2024", "P2"] == 24 * 150.5
    parts = [v for k, v in total.items() if k[0].startswith("spent, ") and k[2] == "P2"]
    assert sum(parts) == total["spent", "FY2024", "P2"]
    assert values(published, NYC)["spent", "FY2024", "P1"] == 12_000
    assert published.note == ""
    assert published.answered == 3


def test_a_site_without_its_months_is_in_no_total_and_is_named(
    network: Network,
) -> None:
    lines = [*whole([NYC], "FY2024"), month(HOU, "2024-01")]
    public = PublicFigures(months=lines)
    published = found("M58", "FY2024", network, figures=public)
    spent = values(published, EVERYWHERE)
    assert [key for key in spent if key[0] == "spent"] == [("spent", "FY2024", "P1")]
    statuses = {each.site: each.status for each in published.sites}
    assert statuses[NYC] is Status.ANSWERED
    assert {statuses[HOU], statuses[LAX]} == {Status.ERROR}
    assert published.note.startswith("Cost is missing for")
    assert HOU in published.note
    assert LAX in published.note


@pytest.mark.parametrize("name", ["M58", "M60"])
def test_an_exact_result_costs_nothing_and_has_no_interval(
    network: Network, name: str
) -> None:
    entries = {site: len(m.ledger.entries()) for site, m in network.members.items()}
    published = found(name, "FY2024", network)
    assert published.rho == 0
    assert published.cells
    assert {each.site for each in published.sites} == set(SITES)
    for cell in published.cells:
        estimate = cell.estimate
        assert estimate.low == estimate.value == estimate.high
        assert estimate.standard_error == 0
    assert published.mode == exact.MODE
    assert result.read(json.loads(json.dumps(published.content()))) == published
    after = {site: len(m.ledger.entries()) for site, m in network.members.items()}
    assert after == entries


def test_what_sites_are_asked_for_is_not_published_here(network: Network) -> None:
    with pytest.raises(InvalidQuery, match="M08 is a count; the sites are asked"):
        found("M08", "FY2024", network)
    with pytest.raises(InvalidQuery, match="not by half-year"):
        found("M58", "FY2024-H1", network)


# --- the loss that was charged ---------------------------------------------


def ledger(network: Network, site: str) -> dict[tuple[str, ...], float]:
    """Return what a site's own ledger says it spent."""
    numbers = {each.digest: each.number for each in network.documents.all(Kind.MANDATE)}
    return {
        (numbers.get(each.name, each.name),): each.spent.worst / 10**12
        for each in network.members[site].ledger.accounts()
        if each.scope in (Scope.LIFETIME, Scope.MANDATE) and each.spent.worst
    }


def test_the_charged_loss_is_what_every_ledger_says(network: Network) -> None:
    published = found("M60", "FY2025", network)
    for site in SITES:
        assert values(published, site) == pytest.approx(ledger(network, site))
    # Two halves of one cohort are two cohorts: the larger counts, not their sum.
    assert values(published, NYC)["FY2023",] == pytest.approx(0.03 + 0.01 + 0.005)
    assert values(published, NYC)["2026-01",] == pytest.approx(0.065)


def test_later_periods_are_left_out(network: Network) -> None:
    published = found("M60", "FY2024", network)
    assert values(published, NYC)["FY2023",] == pytest.approx(0.04)


def test_an_answer_sent_again_is_counted_once(network: Network) -> None:
    before = found("M60", "FY2025", network)
    signed = network.documents.all(Kind.MANDATE)[-1].document
    network.ask(signed, order("M08", "FY2024-H1", enrolled="0.02"))
    answers = network.evidence.answers()
    again = found("M60", "FY2025", network, answers=[*answers, *answers])
    assert again == before


def test_the_line_for_all_sites_is_the_site_that_lost_most(network: Network) -> None:
    answers = [a for a in network.evidence.answers() if a.site == NYC]
    published = found("M60", "FY2025", network, answers=answers)
    assert values(published, HOU) == {}
    assert values(published, EVERYWHERE) == values(published, NYC)
    assert "largest" in published.note


def test_a_mandate_without_a_number_is_named_by_its_digest(network: Network) -> None:
    signed = network.documents.all(Kind.MANDATE)[-1].document
    published = found("M60", "FY2025", network, mandates={})
    assert (mandate.parse(signed).digest.hex()[:12],) in values(published, NYC)


# --- the audit -------------------------------------------------------------


def publish(network: Network, published: Result) -> None:
    """Keep a result and tell it, as the command does."""
    now = network.clock.later()
    network.store.keep_result(published.content(), now=now)
    telling.results(network.log, [published], now=now)


def changed(published: Result, **changes: float) -> Result:
    """Return a result with another first value."""
    first, *rest = published.cells
    other = replace(first, estimate=replace(first.estimate, **changes))
    return replace(published, cells=(other, *rest))


def audited(network: Network) -> Report:
    """Return what an auditor finds."""
    report, pack = Report(), network.pack()
    anchor = Anchor(roster=roster.parse(pack.rosters[-1]).digest.hex())
    verify.content(pack, anchor, report)
    return report


def test_an_auditor_works_the_loss_out_again_and_notes_the_money(
    network: Network,
) -> None:
    money, charged = (found(name, "FY2025", network) for name in ("M58", "M60"))
    publish(network, money)
    publish(network, charged)
    report = audited(network)
    assert report.failures == ()
    assert [note for note in report.notes if note.startswith("M58 for FY2025")]
    # A loss made smaller, and an interval around something exact.
    less = charged.cells[0].estimate.value / 2
    publish(network, changed(charged, value=less, low=less, high=less))
    publish(network, changed(money, high=money.cells[0].estimate.high + 1))
    smaller, wide = audited(network).failures
    assert "charged another loss than it says" in smaller
    assert "it is exact, and has an interval" in wide
