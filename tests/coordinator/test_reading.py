"""What can be read, and what would make the rest readable."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator import reading
from coordinator.reading import Readability, Scale
from privacy import estimate as intervals
from privacy.estimate import Estimate, Measured
from privacy.metric import Measure
from tests import published_samples as samples
from tests.published_samples import METRICS, Z, cell, estimate, exact, result

COUNT = Scale(measure=Measure.COUNT, unit="")
SHARE = Scale(measure=Measure.SHARE, unit="")
DIFFERENCE = Scale(measure=Measure.DIFFERENCE, unit="")
DAYS = Scale(measure=Measure.QUANTITY, unit="days")
APART = Scale(measure=Measure.QUANTITY, unit="standard deviations")


@pytest.mark.parametrize(
    ("value", "half", "scale", "expected"),
    [
        (100, 10, COUNT, Readability.CLEAR),
        (100, 10.1, COUNT, Readability.ROUGH),
        (100, 25, COUNT, Readability.ROUGH),
        (100, 25.1, COUNT, Readability.UNCERTAIN),
        (-5, 3, COUNT, Readability.UNCERTAIN),
        (0.2, 0.02, SHARE, Readability.CLEAR),
        (0.2, 0.0799, SHARE, Readability.ROUGH),
        (0.2, 0.09, SHARE, Readability.UNCERTAIN),
        (-0.01, 0.0299, DIFFERENCE, Readability.CLEAR),
        (-0.01, 0.0799, DIFFERENCE, Readability.ROUGH),
        (-0.01, 0.0801, DIFFERENCE, Readability.UNCERTAIN),
        (200, 20, DAYS, Readability.CLEAR),
        (200, 50, DAYS, Readability.ROUGH),
        (200, 50.1, DAYS, Readability.UNCERTAIN),
        (0.0, 0.09, APART, Readability.CLEAR),
        (0.0, 0.26, APART, Readability.UNCERTAIN),
    ],
)
def test_the_limits_of_reading_are_those_of_the_rule(
    value: float, half: float, scale: Scale, expected: Readability
) -> None:
    found = Estimate(value, value - half, value + half, half / Z, samples.CONFIDENCE)
    assert reading.readability(found, scale) is expected


def test_a_public_figure_is_exact_and_needs_nothing() -> None:
    metric = METRICS["M58"]
    shown = cell(exact(7.0))
    assert reading.readability(shown.estimate, DAYS) is Readability.EXACT
    assert reading.readable_with(shown, result("M58", shown), metric) == ()


@given(
    st.integers(1, 5_000),
    st.fractions(min_value=1, max_value=10**7),
)
def test_the_loss_it_names_makes_a_count_readable_and_a_tenth_less_may_not(
    value: int, variance: Fraction
) -> None:
    found = intervals.count(Measured(value, variance), confidence=samples.CONFIDENCE)
    if reading.readability(found, COUNT) is not Readability.UNCERTAIN:
        return
    factor = reading.loss_factor(found, COUNT)
    assert factor is not None
    assert factor > 1

    def then(times: Fraction) -> Readability:
        measured = Measured(value, variance / times)
        again = intervals.count(measured, confidence=samples.CONFIDENCE)
        return reading.readability(again, COUNT)

    # Of fewer than four, a quarter is no household: nothing but the exact one will do.
    readable = Readability.ROUGH if value >= 4 else Readability.CLEAR
    assert then(Fraction(factor) * Fraction(10**9 + 1, 10**9)) is readable
    less = Fraction(factor) * Fraction(10**8 - 1, 10**8) - Fraction(11, 100)
    assert then(less) is Readability.UNCERTAIN


def test_the_luck_of_the_draw_stays_whatever_is_spent() -> None:
    found = estimate(0.04, 0.05, 0.03)
    factor = reading.loss_factor(found, DIFFERENCE)
    assert factor is not None
    less = estimate(0.04, 0.05 / math.sqrt(factor), 0.03)
    assert reading.readability(less, DIFFERENCE) is Readability.ROUGH
    nearly = estimate(0.04, 0.05 / math.sqrt(factor - 0.2), 0.03)
    assert reading.readability(nearly, DIFFERENCE) is Readability.UNCERTAIN


def test_where_no_loss_would_do_it_says_so() -> None:
    drawn = result("M35", cell(estimate(0.04, 0.01, 0.05)), period="FY2023")
    (said, *_) = reading.readable_with(drawn.cells[0], drawn, METRICS["M35"])
    assert said.startswith("No loss would do: the luck of the draw")
    below = result("M08", cell(estimate(-4.0, 9.0)))
    (said, *_) = reading.readable_with(below.cells[0], below, METRICS["M08"])
    assert said.startswith("How much more loss would do cannot be worked out")
    unknown = Estimate(0.5, 0.0, 1.0, 0.5, samples.CONFIDENCE)
    assert reading.loss_factor(unknown, SHARE) is None


def test_more_loss_is_named_as_a_factor_and_as_an_amount() -> None:
    found = result("M29", cell(estimate(0.9, 0.08165)))
    (said, *_) = reading.readable_with(found.cells[0], found, METRICS["M29"])
    assert said == (
        "By the interval's formula, around this same value, 4.1 times the loss would "
        "do (rho 0.029 instead of 0.007)."
    )


def test_a_longer_period_is_named_where_the_metric_has_it_and_it_would_do() -> None:
    metric = METRICS["M08"]
    wide = cell(estimate(100.0, 20.0))
    ways = reading.readable_with(wide, result("M08", wide, period="FY2024-Q3"), metric)
    assert ways[1].startswith("FY2024-H2 would do") is (
        "half-year" in {kind.value for kind in metric.periods}
    )
    ways = reading.readable_with(wide, result("M08", wide, period="FY2024-H1"), metric)
    assert ways[1] == (
        "FY2024 would do at the same noise, if it counts 2 times as many."
    )
    whole = reading.readable_with(wide, result("M08", wide), metric)
    assert len(whole) == 1
    hopeless = cell(estimate(100.0, 200.0))
    asked = result("M08", hopeless, period="FY2024-H1")
    assert len(reading.readable_with(hopeless, asked, metric)) == 1


def test_cohorts_added_up_have_no_longer_period() -> None:
    wide = cell(estimate(100.0, 20.0))
    asked = result("M08", wide, period="FY2023 FY2024")
    assert len(reading.readable_with(wide, asked, METRICS["M08"])) == 1


def test_a_total_is_named_only_where_this_result_has_it_and_it_can_be_read() -> None:
    metric = METRICS["M01"]
    part = cell(estimate(20.0, 9.0), "NYC", intake_channel="hotline")
    here = cell(estimate(400.0, 9.0), "NYC", intake_channel="all")
    everywhere = cell(estimate(150.0, 9.0), intake_channel="hotline")
    ways = reading.readable_with(part, result("M01", part, here, everywhere), metric)
    assert ways[1:] == (
        "The total over every intake channel can be read.",
        "The total of all sites can be read.",
    )
    vague = cell(estimate(15.0, 9.0), intake_channel="hotline")
    assert len(reading.readable_with(part, result("M01", part, vague), metric)) == 1


def test_the_difference_of_two_arms_is_measured_in_points() -> None:
    metric = METRICS["M38"]
    assert reading.scale(metric, (("arm", "selected"),)).measure is Measure.SHARE
    between = reading.scale(metric, (("arm", "difference"),))
    assert between.measure is Measure.DIFFERENCE


def test_days_times_a_price_are_dollars() -> None:
    metric = METRICS["M41"]
    assert reading.scale(metric).unit == "days"
    priced = reading.scale(metric, (("group", "times monitoring price"),))
    assert priced.unit == "dollars"


def test_every_signed_quantity_of_the_catalogue_has_limits_around_zero() -> None:
    signed = {
        metric.id
        for metric in METRICS.values()
        if metric.measure is Measure.QUANTITY and reading.scale(metric).signed
    }
    assert signed == {"M06", "M48"}
