"""Cohorts that were asked about one by one are added up, at no cost."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator import cohorts, combine, order, telling
from coordinator.audit import verify
from coordinator.audit.pack import Pack
from coordinator.audit.papers import Anchor
from coordinator.audit.report import Report
from coordinator.cohorts import Cohorts
from coordinator.order import Order
from coordinator.result import Result, Status
from privacy import estimators, mandate
from privacy.analysis_plan import Locked
from privacy.chain import Kind
from privacy.errors import InvalidQuery, NotAllowed
from privacy.estimate import Measured
from privacy.mandate import Mandate
from privacy.period import Period
from privacy.query import Mode
from privacy.signing import Document
from privacy.signing import Kind as Signed
from tests import governed
from tests import signed_samples as samples
from tests.audit_network import NOW, SHIPPED, SITES, Network, mandated
from tests.signed_samples import plan

EARLY = dt.datetime(2022, 9, 1, 8, tzinfo=dt.UTC)
IN_TIME = {"locked_on": EARLY.date(), "first_draw_on": dt.date(2022, 10, 1)}
YEARS = (Period("FY2023"), Period("FY2024"))
M35 = SHIPPED.metric("M35")
HALF = Fraction(19, 20)

ARMS = """
[[public_arms]]
draw = "{site}-P2-FY{year}-Q3-1"
stratum = "all"
period = "FY{year}"
places = 200
households = 400
selected = 190
not_selected = 180
"""


def asked(metric: str, period: Period, rho: str = "0.01") -> Order:
    found = SHIPPED.metric(metric)
    losses = dict.fromkeys(found.templates, Fraction(rho))
    return Order(metric=found, period=period, rho=losses)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Give a network that fixed M35 in 2022, and asked two cohorts in 2026."""
    made = Network(tmp_path_factory.mktemp("network"), began=EARLY)
    made.submit(plan(**IN_TIME))
    made.clock.now = NOW
    for site, member in made.members.items():
        renewed = governed.policy(site, now=NOW, version=2)
        member.charter.enact(Kind.POLICY, renewed, now=NOW)
    opened = made.submit(mandated(NOW), accept=True)
    made.ask(opened, asked("M35", YEARS[0]), asked("M08", YEARS[0]))
    made.members["LAX"].dies = True
    made.ask(opened, asked("M35", YEARS[1]), asked("M08", YEARS[1]))
    made.members["LAX"].dies = False
    yield made
    made.close()


def mandates(network: Network) -> list[Mandate]:
    kept = network.documents.all(Signed.MANDATE)
    return [mandate.parse(each.document) for each in kept]


def combined(network: Network, metric: str = "M35") -> Result:
    """Do what `cmpp query combine` does, and publish it."""
    known = mandates(network)
    wanted = cohorts.chosen(
        SHIPPED.metric(metric),
        SHIPPED,
        YEARS,
        mandates=known,
        plans=network.governance.plans(),
    )
    made = cohorts.add(
        wanted,
        sites=cohorts.named(wanted.metric, YEARS, known),
        store=network.store,
        confidence=HALF,
    )
    network.store.keep_result(made.content(), now=network.clock.now)
    telling.results(network.log, [made], now=network.clock.later())
    return made


def failures(pack: Pack) -> tuple[str, ...]:
    """Return what an auditor finds in a pack."""
    report = Report()
    verify.content(pack, Anchor(roster=pack.rosters[-1].digest.hex()), report)
    return report.failures


# ---- what is added up -----------------------------------------------------------


def test_two_cohorts_become_one_value_of_the_sites_that_answered_both(
    lived: Network,
) -> None:
    before = {name: m.ledger.head() for name, m in lived.members.items()}
    made = combined(lived)
    assert made.period == "FY2023 and FY2024"
    assert {s.site: s.status for s in made.sites} == {
        "HOU": Status.ANSWERED,
        "LAX": Status.UNREACHABLE,
        "NYC": Status.ANSWERED,
    }
    assert {name: m.ledger.head() for name, m in lived.members.items()} == before
    measured: dict[str, tuple[Measured, ...]] = {}
    for name in M35.templates:
        found = [
            lived.store.release(
                SHIPPED.queries(M35, year)[name].release_key(Mode.SITE), site
            )
            for year in YEARS
            for site in ("HOU", "NYC")
        ]
        kept = [each for each in found if each is not None]
        assert len(kept) == 4
        value = sum(each.values[0] for each in kept)
        variance = sum((each.variance for each in kept), Fraction(0))
        measured[name] = (Measured(value, variance),)
    queries = SHIPPED.queries(M35, YEARS[0])
    (due,) = estimators.publish(
        M35, queries, measured, SHIPPED.dictionary, confidence=HALF
    )
    assert [cell.estimate for cell in made.cells] == [due.estimate]


def test_a_household_loses_what_its_own_cohort_cost(lived: Network) -> None:
    made = combined(lived)
    assert made.rho == Fraction(4, 100)


def test_a_count_is_added_up_too(lived: Network) -> None:
    made = combined(lived, "M08")
    whole = made.cells[0].estimate
    assert 2 * (120 + 122) - 60 < whole.value < 2 * (120 + 122) + 60
    assert {cell.site for cell in made.cells} == {"all", "HOU", "NYC"}


def test_an_auditor_finds_a_combined_figure_right(lived: Network) -> None:
    combined(lived)
    assert failures(lived.pack()) == ()


def test_an_auditor_finds_a_combined_figure_that_was_changed(lived: Network) -> None:
    made = combined(lived)
    cell = made.cells[0]
    better = replace(cell.estimate, value=cell.estimate.value + 0.01)
    wrong = replace(made, cells=(replace(cell, estimate=better),))
    pack = lived.pack()
    results = (*pack.results[:-1], wrong.content())
    assert failures(replace(pack, results=results))


# ---- what is not ----------------------------------------------------------------


def chosen(metric: str, *periods: str, known: tuple[Locked, ...] = ()) -> Cohorts:
    return cohorts.chosen(
        SHIPPED.metric(metric),
        SHIPPED,
        [Period(each) for each in periods],
        mandates=[],
        plans=known,
    )


@pytest.mark.parametrize("metric", ["M09", "M29", "M32"])
def test_what_happens_again_and_again_is_never_added_up(metric: str) -> None:
    with pytest.raises(NotAllowed, match="families twice"):
        chosen(metric, "FY2023", "FY2024")


@pytest.mark.parametrize("metric", ["M05", "M58", "M60"])
def test_what_rests_on_public_figures_is_not_added_up(metric: str) -> None:
    with pytest.raises(NotAllowed, match="public figures"):
        chosen(metric, "FY2023", "FY2024")


@pytest.mark.parametrize(
    "periods",
    [("FY2023",), ("FY2023", "FY2023"), ("FY2024-H1", "FY2024"), ()],
    ids=str,
)
def test_cohorts_are_several_and_do_not_overlap(periods: tuple[str, ...]) -> None:
    with pytest.raises(InvalidQuery, match="two or more different periods"):
        chosen("M08", *periods)


def test_cohorts_under_different_plans_are_not_added_up(lived: Network) -> None:
    (old,) = lived.governance.plans()
    new = replace(
        old,
        plan=replace(
            old.plan, number=2, first_draw_on=dt.date(2023, 10, 1), digest=bytes(32)
        ),
    )
    with pytest.raises(NotAllowed, match="Different analysis plans"):
        chosen("M35", "FY2023", "FY2024", known=(old, new))
    with pytest.raises(NotAllowed, match="none is here"):
        chosen("M35", "FY2023", "FY2024")
    other = replace(old, plan=replace(old.plan, definition=bytes(32)))
    with pytest.raises(NotAllowed, match="defined otherwise"):
        chosen("M35", "FY2023", "FY2024", known=(other,))


def test_what_no_site_answered_is_not_made_up(lived: Network) -> None:
    wanted = chosen("M08", "FY2023", "FY2025")
    with pytest.raises(InvalidQuery, match="No site has answered"):
        cohorts.add(wanted, sites=SITES, store=lived.store, confidence=HALF)


def test_vectors_of_different_sizes_do_not_add_up() -> None:
    one, two = Measured(1, Fraction(1)), Measured(2, Fraction(3))
    assert combine.cohorts([(one, two), (two, one)]) == (
        Measured(3, Fraction(4)),
        Measured(3, Fraction(4)),
    )
    for parts in ([], [(one,), (one, two)]):
        with pytest.raises(InvalidQuery):
            combine.cohorts(parts)


# ---- arms that mandates made public ---------------------------------------------


def with_arms(year: int, number: str, **changes: str) -> Document:
    made = mandated(NOW, number=f'"{number}"', **changes)
    arms = "".join(ARMS.format(site=site, year=year) for site in SITES)
    changed = Document(kind=made.kind, content=made.content + arms.encode())
    return samples.signed(changed, "ana", "ben")


def test_public_arms_are_added_up_where_every_cohort_has_them() -> None:
    both = [
        mandate.parse(with_arms(2023, "2026-02")),
        mandate.parse(with_arms(2024, "2026-03")),
    ]
    found = cohorts.public(M35, YEARS, both)
    assert len(found) == 2 * len(SITES)
    assert cohorts.public(M35, YEARS, both[:1]) == ()
    assert cohorts.public(SHIPPED.metric("M08"), YEARS, both) == ()
    wanted = Cohorts(metric=M35, programme=SHIPPED, periods=YEARS, arms=found)
    assert set(wanted.queries(YEARS[0])) == {"effect", "mean"}
    assert wanted.figures(["HOU", "NYC"]) == {
        "arm_selected_weight": Fraction(4 * 190 * 200),
        "arm_not_selected_weight": Fraction(4 * 180 * 200),
    }


def test_a_result_on_public_arms_stands_up_to_an_audit(tmp_path: Path) -> None:
    network = Network(tmp_path, began=EARLY)
    network.submit(plan(**IN_TIME))
    network.clock.now = NOW
    for site, member in network.members.items():
        renewed = governed.policy(site, now=NOW, version=2)
        member.charter.enact(Kind.POLICY, renewed, now=NOW)
    for year, period in zip((2023, 2024), YEARS, strict=True):
        document = with_arms(year, f"2026-{year}")
        opened = network.submit(document, accept=True)
        wanted = order.under(asked("M35", period), mandate.parse(opened))
        (result,) = network.ask(opened, wanted).results
        assert result.answered == len(SITES)
    made = combined(network)
    assert made.rho == Fraction(2, 100)
    assert len(made.figures) == 2
    assert failures(network.pack()) == ()
    network.close()


def test_an_auditor_finds_a_figure_that_no_plan_fixed(lived: Network) -> None:
    pack = lived.pack()
    papers = tuple(p for p in pack.papers if p.kind is not Signed.ANALYSIS_PLAN)
    found = failures(replace(pack, papers=papers))
    assert any("needs an analysis plan" in each for each in found)
