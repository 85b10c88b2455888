"""Published cells follow from releases alone, and tables add up."""

import dataclasses
from fractions import Fraction

import pytest

from privacy import catalogue, estimators, query
from privacy.catalogue import Estimator, EstimatorKind
from privacy.errors import InvalidProgramme, InvalidQuery, NoPublicFigure
from privacy.estimate import Measured
from privacy.period import Period, PeriodKind

PROGRAMME = catalogue.load()
LEVEL = Fraction(19, 20)
PERIODS = {
    PeriodKind.QUARTER: "FY2024-Q1",
    PeriodKind.HALF_YEAR: "FY2024-H1",
    PeriodKind.FISCAL_YEAR: "FY2024",
}


def publish(
    metric: str,
    period: str,
    values: dict[str, tuple[int, ...]],
    *,
    figures: dict[str, Fraction] | None = None,
    variance: Fraction = Fraction(4),
) -> dict[tuple[str, ...], float]:
    one = PROGRAMME.metric(metric)
    measured = {n: tuple(Measured(v, variance) for v in vs) for n, vs in values.items()}
    cells = estimators.publish(
        one,
        PROGRAMME.queries(one, Period(period)),
        measured,
        PROGRAMME.dictionary,
        confidence=LEVEL,
        figures=figures or {},
    )
    found = {cell.labels: cell.estimate.value for cell in cells}
    assert len(found) == len(cells)
    return {
        tuple(label for _, label in labels): value for labels, value in found.items()
    }


def test_a_count_with_a_dimension_has_its_total_first() -> None:
    found = publish("M01", "FY2024-H2", {"pool": (10, 20, 30, -2)})
    assert found == {
        ("all",): 58,
        ("community_referral",): 10,
        ("walk_in",): 20,
        ("crcl_outreach",): 30,
        ("other",): -2,
    }


def test_a_count_without_a_dimension_is_one_cell() -> None:
    assert publish("M08", "FY2024-H2", {"enrolled": (7,)}) == {(): 7}


def test_the_shares_of_a_mix_add_up_to_one() -> None:
    found = publish("M04", "FY2024-H2", {"pool": (10, 20, 30, 40)})
    assert pytest.approx(1) == sum(found.values())


def test_a_share_is_yes_over_both() -> None:
    assert {(): pytest.approx(0.75)} == publish(
        "M29", "FY2024", {"hearings": (300, 100)}
    )


def test_a_contrast_share_is_half_of_one_plus_contrast_over_count() -> None:
    assert {(): pytest.approx(0.9)} == publish(
        "M07", "FY2024", {"taken_up": (80,), "selected": (100,)}
    )


def test_several_shares_of_one_count_are_told_apart_by_name() -> None:
    names = ("family", "woman", "aged_18_to_34", "spanish_speaking")
    found = publish(
        "M12",
        "FY2024",
        {n: (20 * i,) for i, n in enumerate(names)} | {"enrolled": (100,)},
    )
    expected = {
        ("family",): 0.5,
        ("woman",): 0.6,
        ("aged 18 to 34",): 0.7,
        ("spanish speaking",): 0.8,
    }
    assert {k: pytest.approx(v) for k, v in expected.items()} == found


def test_a_histogram_is_the_counts_of_its_public_labels() -> None:
    found = publish("M03", "FY2024", {"reasons": (9, 8, 7, 6, 5, 4, 3)})
    assert len(found) == 7
    assert (found["not_in_proceedings",], found["none",]) == (9, 3)


def test_the_total_carries_the_noise_of_every_cell() -> None:
    metric = PROGRAMME.metric("M01")
    queries = PROGRAMME.queries(metric, Period("FY2024-H2"))
    measured = {
        "pool": tuple(
            Measured(9, Fraction(4))
            for _ in query.cells(queries["pool"], PROGRAMME.dictionary)
        )
    }
    total, one, *_ = estimators.publish(
        metric, queries, measured, PROGRAMME.dictionary, confidence=LEVEL
    )
    assert (
        pytest.approx(2 * one.estimate.standard_error) == total.estimate.standard_error
    )


def test_a_missing_or_short_release_is_refused() -> None:
    with pytest.raises(InvalidQuery):
        publish("M01", "FY2024-H2", {})
    with pytest.raises(InvalidQuery):
        publish("M01", "FY2024-H2", {"pool": (1, 2, 3)})


def test_a_total_with_a_public_price_is_also_shown_in_money() -> None:
    assert publish("M41", "FY2024", {"days": (5000,)}) == {(): 5000}
    found = publish(
        "M41",
        "FY2024",
        {"days": (5000,)},
        figures={"monitoring_price": Fraction("4.5")},
    )
    assert found == {(): 5000, ("times monitoring price",): 22_500}


def test_a_mean_is_a_sum_over_a_count() -> None:
    found = publish("M48", "FY2024", {"change": (-150,), "reviewed": (300,)})
    assert found == {(): -0.5}


def test_a_ratio_is_multiplied_by_what_its_unit_asks_for() -> None:
    found = publish("M16", "FY2024-Q1", {"contacts": (400,), "days": (12_000,)})
    assert found == {(): pytest.approx(1)}


def test_a_share_of_two_sums_is_one_over_both() -> None:
    found = publish("M30", "FY2024", {"kept": (970,), "missed": (30,)})
    assert found == {(): pytest.approx(0.97)}


def test_a_count_over_a_public_figure_is_one_number() -> None:
    found = publish(
        "M05",
        "FY2024",
        {"pool": (10, 20, 30, 40)},
        figures={"slots_offered": Fraction(50)},
    )
    assert found == {(): 2.0}


def test_a_public_figure_over_a_sum_is_one_number() -> None:
    cost = {"cost": Fraction(200_000)}
    found = publish("M57", "FY2024-Q1", {"days": (5000,)}, figures=cost)
    assert found == {(): 40.0}


@pytest.mark.parametrize("figures", [{}, {"cost": Fraction(0)}])
def test_a_missing_public_figure_is_named(figures: dict[str, Fraction]) -> None:
    with pytest.raises(NoPublicFigure, match="M57 needs the published figure 'cost'"):
        publish("M57", "FY2024-Q1", {"days": (5,)}, figures=figures)


def test_quantiles_leave_the_unknown_out_of_the_whole() -> None:
    bands = (100, 100, *(0,) * 10, 100, 5000)
    found = publish("M52", "FY2024", {"time": bands}, variance=Fraction(1, 100))
    assert list(found) == [("25 %",), ("50 %",), ("75 %",)]
    assert found["25 %",] == pytest.approx(45)
    assert found["50 %",] == pytest.approx(90)
    assert found["75 %",] == 720


def test_arms_are_compared_value_by_value_of_every_trait() -> None:
    metric = PROGRAMME.metric("M06")
    names = metric.estimator.of
    sizes = {
        n: len(query.cells(q, PROGRAMME.dictionary))
        for n, q in PROGRAMME.queries(metric, Period("FY2024")).items()
    }
    found = publish("M06", "FY2024", {n: (50,) * sizes[n] for n in names})
    assert len(found) == sum(sizes.values()) // 2
    assert {labels[0] for labels in found} == {n.replace("_", " ") for n in names}
    assert all(value == 0 for value in found.values())
    selected_first = (90,) + (50,) * (sizes["type"] - 1)
    moved = publish(
        "M06", "FY2024", {n: (50,) * sizes[n] for n in names} | {"type": selected_first}
    )
    assert next(iter(moved.values())) > 0


def test_a_share_by_arm_is_two_shares_and_their_difference() -> None:
    found = publish("M38", "FY2024", {"follow_up": (90, 10, 80, 20)})
    assert found == {
        ("selected",): pytest.approx(0.9),
        ("not selected",): pytest.approx(0.8),
        ("difference",): pytest.approx(0.1),
    }


FOUR = {
    "effect": (200 * (188 - 12 - 180 + 20),),
    "mean": (200 * (188 - 12 + 180 - 20),),
    "balance": (0,),
    "weight": (80_000,),
}
ENROLLED = {"enrolled_effect": (200 * 300,), "enrolled_mean": (-200 * 100,)}
PUBLIC_ARMS = {name: Fraction(40_000) for name in estimators.ARM_WEIGHTS}


def test_the_effect_of_the_draw_is_a_difference_of_shares() -> None:
    assert publish("M35", "FY2024", FOUR) == {(): pytest.approx(0.04)}


def test_published_arms_stand_for_their_two_sums() -> None:
    two = {name: FOUR[name] for name in ("effect", "mean")}
    found = publish("M35", "FY2024", two, figures=PUBLIC_ARMS)
    assert found == {(): pytest.approx(0.04)}
    with pytest.raises(InvalidQuery):
        publish("M35", "FY2024", two)
    with pytest.raises(InvalidQuery):
        publish("M35", "FY2024", two, figures={"arm_selected_weight": Fraction(40_000)})


def test_the_effect_on_the_enrolled_divides_by_that_on_enrolling() -> None:
    found = publish("M36", "FY2024", FOUR | ENROLLED)
    assert found == {(): pytest.approx(0.04 / 0.75)}


def test_effects_on_several_outcomes_are_told_apart_by_name() -> None:
    names = ("represented", "no_missed_hearing", "no_missed_check_in")
    sums = {f"{n}_{part}": FOUR[part] for n in names for part in ("effect", "mean")}
    common = {part: FOUR[part] for part in ("balance", "weight")}
    found = publish("M37", "FY2024", sums | common)
    assert found == {(n.replace("_", " "),): pytest.approx(0.04) for n in names}


@pytest.mark.parametrize("name", ["M58", "M60"])
def test_what_reads_no_records_is_not_estimated(name: str) -> None:
    with pytest.raises(InvalidProgramme, match="reads no records"):
        estimators.publish(
            PROGRAMME.metric(name), {}, {}, PROGRAMME.dictionary, confidence=LEVEL
        )


def test_queries_that_do_not_fit_their_estimator_are_refused() -> None:
    metric = PROGRAMME.metric("M01")

    def as_a(kind: EstimatorKind, of: tuple[str, ...]) -> None:
        changed = dataclasses.replace(
            metric, estimator=Estimator(kind=kind, of=of, figure=None)
        )
        values = {"pool": tuple(Measured(9, Fraction(4)) for _ in range(4))}
        queries = PROGRAMME.queries(metric, Period("FY2024-H2"))
        estimators.publish(
            changed, queries, values, PROGRAMME.dictionary, confidence=LEVEL
        )

    for kind in (
        EstimatorKind.SHARE,
        EstimatorKind.QUANTILES,
        EstimatorKind.STANDARDISED_DIFFERENCE,
        EstimatorKind.SHARE_BY_ARM,
        EstimatorKind.WEIGHTED_EFFECT,
    ):
        with pytest.raises(InvalidProgramme):
            as_a(kind, ("pool",))
    with pytest.raises(InvalidProgramme, match="weighted sums"):
        as_a(EstimatorKind.WEIGHTED_EFFECT, ("pool",) * 4)


def asked() -> list[str]:
    return [name for name, one in PROGRAMME.metrics.items() if one.templates]


@pytest.mark.parametrize("name", asked())
def test_every_metric_of_the_catalogue_becomes_values(name: str) -> None:
    metric = PROGRAMME.metric(name)
    period = Period(PERIODS[metric.periods[0]])
    queries = PROGRAMME.queries(metric, period)
    measured = {
        n: tuple(
            Measured(400, Fraction(9)) for _ in query.cells(q, PROGRAMME.dictionary)
        )
        for n, q in queries.items()
    }
    figure = metric.estimator.figure
    cells = estimators.publish(
        metric,
        queries,
        measured,
        PROGRAMME.dictionary,
        confidence=LEVEL,
        figures={figure: Fraction(100)} if figure else {},
    )
    assert cells
    assert len({cell.labels for cell in cells}) == len(cells)
