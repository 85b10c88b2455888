"""A plan is as wide as the value it plans for, for every kind of estimator."""

from fractions import Fraction

import pytest

from privacy import catalogue, precision
from privacy.catalogue import EstimatorKind, Measure
from privacy.pack import Line, PlannedLine
from privacy.period import Period
from privacy.precision import Precision

PROGRAMME = catalogue.load()
LEVEL = Fraction(19, 20)
PERIODS = {"quarter": "FY2025-Q2", "half-year": "FY2025-H1", "fiscal-year": "FY2025"}
ASKED = [name for name, one in PROGRAMME.metrics.items() if one.templates]


def plan(
    name: str,
    *,
    multiplier: Fraction = Fraction(1),
    count: int = 1000,
    figures: dict[str, Fraction] | None = None,
) -> Precision:
    metric = PROGRAMME.metric(name)
    kind = metric.periods[0]
    line = Line(
        metric=name,
        period_kind=kind,
        losses=dict.fromkeys(metric.templates, Fraction("0.003")),
        headline=False,
        expected_count=count,
        expected_share=Fraction(9, 10),
    )
    return precision.of(
        PlannedLine(line=line, period=Period(PERIODS[kind.value])),
        PROGRAMME,
        sites=5,
        confidence=LEVEL,
        multiplier=multiplier,
        figures=figures or {},
    )


def named(kind: EstimatorKind) -> str:
    return next(n for n in ASKED if PROGRAMME.metric(n).estimator.kind is kind)


@pytest.mark.parametrize("name", ASKED)
def test_every_metric_can_be_planned(name: str) -> None:
    seen = plan(name)
    assert seen.national > 0
    points = PROGRAMME.metric(name).measure in (Measure.SHARE, Measure.DIFFERENCE)
    assert seen.is_share == points
    assert seen.national <= 1 or not points


@pytest.mark.parametrize("name", ASKED)
def test_more_loss_never_makes_a_plan_wider(name: str) -> None:
    assert plan(name, multiplier=Fraction(16)).national <= plan(name).national


def test_an_amount_is_planned_half_way_between_its_caps() -> None:
    # 1,000 adults, up to 18 contacts each in up to 92 days: 9 and 46, so 5.87 a month.
    name = named(EstimatorKind.RATIO)
    seen = plan(name, count=100_000)
    assert 0 < seen.national < 1


def test_a_ratio_to_a_public_figure_is_planned_about_one_or_with_the_figure() -> None:
    name = named(EstimatorKind.RATIO_TO_PUBLIC)
    figure = PROGRAMME.metric(name).estimator.figure
    alone = plan(name)
    known = plan(name, figures={figure: Fraction(2000)})
    assert alone.national == pytest.approx(2 * known.national, rel=0.01)


def test_an_effect_is_planned_with_the_chance_of_the_draw() -> None:
    name = named(EstimatorKind.WEIGHTED_EFFECT)
    endless = plan(name, multiplier=Fraction(50), count=1000).national
    # Half of 1,000 in either arm at 90 %: noise apart, 1.96 sqrt(2 * 0.09 / 500).
    assert 0.037 < endless < 0.05
    assert plan(name, count=100).national > plan(name, count=1000).national


def test_an_effect_on_the_enrolled_is_planned_with_three_in_four_enrolling() -> None:
    effect = plan(named(EstimatorKind.WEIGHTED_EFFECT), multiplier=Fraction(50))
    late = plan(named(EstimatorKind.EFFECT_ON_ENROLLED), multiplier=Fraction(50))
    assert late.national > effect.national / 0.75


def test_a_quantile_is_planned_no_finer_than_its_bands() -> None:
    name = named(EstimatorKind.QUANTILES)
    assert plan(name, multiplier=Fraction(100), count=10**6).national == 30
    assert plan(name, count=10).national == 360
