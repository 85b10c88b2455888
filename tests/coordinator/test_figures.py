"""Public figures under a value: of the same sites and months, or there is no value."""

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator import figures, result, telling
from coordinator.audit import verify
from coordinator.audit.papers import Anchor
from coordinator.audit.report import Report
from coordinator.figures import PublicFigures
from privacy import catalogue, roster
from privacy.catalogue import Metric
from privacy.metric import WITHOUT_QUERY
from privacy.period import Period, PeriodKind
from tests.audit_network import NOW, SITES, Network, mandated, order
from tests.organisation_samples import month, whole

PROGRAMME = catalogue.load()
H2 = Period("FY2024-H2")
HOU, LAX, NYC = sorted(SITES)


def metric(name: str) -> Metric:
    return PROGRAMME.metric(name)


def test_every_figure_a_metric_names_is_known_here() -> None:
    named = {each.estimator.figure for each in PROGRAMME.metrics.values()}
    assert named - {None} <= set(figures.NAMES)
    assert figures.SLOTS_OFFERED in named
    assert figures.WITHOUT_QUESTION == WITHOUT_QUERY


def test_a_figure_is_summed_over_exactly_the_sites_of_the_value() -> None:
    public = PublicFigures(months=whole(SITES, "FY2024"))
    for size in (1, 2, 3):
        for sites in combinations(SITES, size):
            found = public.of(metric("M57"), sites, Period("FY2024-Q3"))
            assert found == {"cost": 3 * 1000 * size}
            found = public.of(metric("M05"), sites, H2)
            assert found == {"slots_offered": 6 * 10 * size}
            found = public.of(metric("M10"), sites, H2)
            assert found == {"capacity": 50 * size}
            found = public.of(metric("M56"), sites, H2)
            assert found == {"case_manager_fte": 2 * size}


def test_what_is_missing_for_one_site_is_missing_for_the_total() -> None:
    public = PublicFigures(months=whole([HOU, NYC], "FY2024"))
    assert public.of(metric("M10"), SITES, H2) == {}
    assert public.of(metric("M10"), [LAX], H2) == {}
    assert public.of(metric("M10"), [HOU, NYC], H2) == {"capacity": 100}


@given(st.integers(0, 5))
def test_every_month_counts_for_what_adds_up_and_the_last_for_what_is_held(
    gap: int,
) -> None:
    six = list(whole([NYC], "FY2024-H2"))
    public = PublicFigures(months=[m for n, m in enumerate(six) if n != gap])
    assert public.of(metric("M05"), [NYC], H2) == {}
    held = {} if gap == 5 else {"capacity": 50}
    assert public.of(metric("M10"), [NYC], H2) == held


def test_the_phases_of_a_site_add_up() -> None:
    lines = [month(HOU, "2024-09", phase=phase, places=7) for phase in ("P1", "P2")]
    found = PublicFigures(months=lines).of(metric("M10"), [HOU], H2)
    assert found == {"capacity": 14}


def test_a_price_is_the_one_in_force_when_the_period_ended() -> None:
    found = PublicFigures().of(metric("M41"), SITES, Period("FY2024"))
    assert found == {"monitoring_price": Fraction("4.20")}
    assert PublicFigures().of(metric("M41"), SITES, Period("FY2022")) == {}


def test_nothing_is_divided_by_nothing() -> None:
    lines = [month(NYC, "2024-09", places=0)]
    assert PublicFigures(months=lines).of(metric("M10"), [NYC], H2) == {}


def test_a_metric_without_a_figure_gets_none() -> None:
    public = PublicFigures(months=whole(SITES, "FY2024"))
    assert public.of(metric("M08"), SITES, H2) == {}


# --- in a result -----------------------------------------------------------


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path)
    yield made
    made.close()


def asked(network: Network, months: object) -> result.Result:
    opened = network.submit(mandated(NOW), accept=True)
    network.figures = PublicFigures(months=months)
    wanted = order("M10", "FY2024-H2", active="0.02")
    return network.ask(opened, wanted).results[0]


def test_a_value_says_which_public_figures_it_used(network: Network) -> None:
    found = asked(network, whole(SITES, "FY2024"))
    assert [cell.site for cell in found.cells] == ["all", HOU, LAX, NYC]
    assert found.note == ""
    assert found.figures == (
        ("all", "capacity", "150"),
        *((site, "capacity", "50") for site in (HOU, LAX, NYC)),
    )
    # About 120 households at each site, and 50 places.
    assert 2 < found.cells[0].estimate.value < 3
    assert result.read(json.loads(json.dumps(found.content()))) == found


def test_every_metric_with_a_figure_is_published_with_it(network: Network) -> None:
    opened = network.submit(mandated(NOW), accept=True)
    network.figures = PublicFigures(months=whole(SITES, "FY2024"))
    reading = [m for m in PROGRAMME.metrics.values() if m.estimator.figure is not None]
    wanted = [
        order(m.id, "FY2024", **dict.fromkeys(m.templates, "0.01"))
        for m in reading
        if PeriodKind.FISCAL_YEAR in m.periods
    ]
    wanted += [order("M57", "FY2024-Q3", days="0.01")] * (len(reading) > len(wanted))
    found = network.ask(opened, *wanted).results
    assert {each.metric for each in found} == {m.id for m in reading}
    for each in found:
        assert each.note == ""
        figure = PROGRAMME.metric(each.metric).estimator.figure
        assert {name for _, name, _ in each.figures} == {figure}
        assert {cell.site for cell in each.cells} >= {"all"}
        assert {site for site, _, _ in each.figures} == {c.site for c in each.cells}


def test_a_total_without_its_figure_has_no_value_and_says_why(
    network: Network,
) -> None:
    found = asked(network, whole([HOU, NYC], "FY2024"))
    assert [cell.site for cell in found.cells] == [HOU, NYC]
    assert found.answered == 3
    assert found.note.startswith(
        "No value for all, LAX: the households funded to be served of every site"
    )
    assert "cmpp facts add" in found.note
    assert result.read(found.content()) == found


def test_the_answers_are_kept_and_the_value_comes_once_the_figure_is_there(
    network: Network,
) -> None:
    opened = network.submit(mandated(NOW), accept=True)
    wanted = order("M10", "FY2024-H2", active="0.02")
    without = network.ask(opened, wanted)
    assert without.results[0].cells == ()
    assert set(without.charged_pico.values()) == {2 * 10**10}
    network.figures = PublicFigures(months=whole(SITES, "FY2024"))
    later = network.ask(opened, wanted)
    assert len(later.results[0].cells) == 4
    assert set(later.charged_pico.values()) == {0}


def test_an_auditor_works_the_values_out_again(network: Network) -> None:
    honest = asked(network, whole([HOU, NYC], "FY2024"))
    assert failures(network) == ()
    other = tuple((site, name, "49") for site, name, _ in honest.figures)
    forged = replace(honest, figures=other)
    network.store.keep_result(forged.content(), now=network.clock.now)
    telling.results(network.log, [forged], now=network.clock.later())
    found = failures(network)
    assert len(found) == 2
    assert all("by the signed answers" in each for each in found)


def failures(network: Network) -> tuple[str, ...]:
    """Return what an auditor finds wrong."""
    report, pack = Report(), network.pack()
    anchor = Anchor(roster=roster.parse(pack.rosters[-1]).digest.hex())
    verify.content(pack, anchor, report)
    return report.failures


def test_a_price_that_is_missing_is_not_asked_of_the_sites() -> None:
    said = PublicFigures().missing(metric("M41"), ["all"])
    assert said.startswith("No value for all: no price of a day of monitoring is known")
    assert "facts show prices" in said
