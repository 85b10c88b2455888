from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import quantile
from privacy.errors import InvalidQuery
from privacy.estimate import Estimate, Measured

USUAL = Fraction(19, 20)
HALF = Fraction(1, 2)
EDGES = (10, 20, 30)

counts = st.lists(st.integers(-50, 500), min_size=4, max_size=4)
variances = st.fractions(Fraction(1, 100), 10**5, max_denominator=1000)
levels = st.sampled_from([Fraction(1, 4), HALF, Fraction(3, 4), Fraction(1, 100)])


def median(
    values: Sequence[int],
    variance: Fraction,
    edges: Sequence[int] = EDGES,
    level: Fraction = HALF,
) -> Estimate:
    bands = [Measured(value, variance) for value in values]
    return quantile.quantile(bands, edges, level=level, confidence=USUAL)


def test_a_median_lies_where_half_are_below() -> None:
    # 100 below 10, 150 below 20: half of 400 is two thirds into the third band.
    found = median([100, 50, 150, 100], Fraction(1, 100))
    assert found.value == pytest.approx(10 + 10 + 10 * 50 / 150)
    assert (found.low, found.high) == (20.0, 30.0)


def test_a_median_s_interval_ends_at_edges_noise_cannot_rule_out() -> None:
    # G at the edges is -100, -50 and 100; its deviation is the noise's, so at 40 the
    # second edge may be past the median, and at 60 the first may be, and the third
    # may be short of it, which leaves the last, open band.
    assert median([100, 50, 150, 100], Fraction(40**2)).low == 10.0
    wide = median([100, 50, 150, 100], Fraction(60**2))
    assert (wide.low, wide.high) == (0.0, 30.0)


def test_a_median_beyond_the_last_edge_is_told_as_that_edge() -> None:
    found = median([1, 1, 1, 900], Fraction(1))
    assert (found.value, found.low, found.high) == (30.0, 30.0, 30.0)


def test_a_median_below_the_first_edge_begins_at_zero_or_that_edge() -> None:
    assert median([900, 1, 1, 1], Fraction(1)).low == 0.0
    assert median([900, 1, 1, 1], Fraction(1), edges=(-5, 0, 5)).low == -5.0


def test_counts_out_of_order_are_smoothed_first() -> None:
    # Below the edges lie 100, 40 and 60 of 150: pooled, all three G average zero.
    found = median([100, -60, 20, 90], Fraction(2000))
    assert found.low <= found.value <= found.high


def test_a_median_of_nobody_is_unknown() -> None:
    found = median([0, 0, 0, 0], Fraction(100))
    assert (found.low, found.high) == (0.0, 30.0)


@given(counts, variances, levels)
def test_a_quantile_never_surprises(
    values: list[int], variance: Fraction, level: Fraction
) -> None:
    found = median(values, variance, level=level)
    assert 0 <= found.low <= found.value <= found.high <= 30
    assert {found.low, found.high} <= {0.0, 10.0, 20.0, 30.0}
    assert 0 < found.standard_error <= 15


@given(counts, variances, levels, st.integers(2, 100))
def test_more_noise_never_narrows_a_quantile(
    values: list[int], variance: Fraction, level: Fraction, factor: int
) -> None:
    quiet = median(values, variance, level=level)
    loud = median(values, variance * factor, level=level)
    assert loud.low <= quiet.low
    assert quiet.high <= loud.high


@given(counts, variances, levels, st.integers(1, 50))
def test_a_quantile_keeps_to_no_unit(
    values: list[int], variance: Fraction, level: Fraction, k: int
) -> None:
    plain = median(values, variance, level=level)
    longer = median(values, variance, [k * edge for edge in EDGES], level)
    more = median([k * value for value in values], k**2 * variance, level=level)
    assert longer.value == pytest.approx(k * plain.value)
    assert (longer.low, longer.high) == (k * plain.low, k * plain.high)
    assert (more.low, more.high) == (plain.low, plain.high)


@given(counts, variances)
def test_a_higher_quantile_is_never_lower(
    values: list[int], variance: Fraction
) -> None:
    if sum(values) > 0:
        lower, upper = (
            median(values, variance, level=level)
            for level in (Fraction(1, 4), Fraction(3, 4))
        )
        assert lower.value <= upper.value + 1e-9


@pytest.mark.parametrize(
    ("values", "edges", "level"),
    [([1, 2], (), HALF), ([1, 2, 3], (10,), HALF), ([1, 2], (10,), Fraction(1))],
)
def test_bands_that_do_not_fit_are_refused(
    values: list[int], edges: tuple[int, ...], level: Fraction
) -> None:
    with pytest.raises(InvalidQuery):
        median(values, Fraction(1), edges, level)
