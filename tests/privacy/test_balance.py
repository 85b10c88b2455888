import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import balance
from privacy.balance import Arm
from privacy.estimate import Measured

USUAL = Fraction(19, 20)

values = st.integers(-(2**40), 2**40) | st.integers(-30, 300)
variances = st.fractions(Fraction(1, 100), 10**6, max_denominator=1000)
measured = st.builds(Measured, values, variances)
arms = st.tuples(measured, measured)
makers = st.sampled_from([balance.difference, balance.standardised])
some = settings(max_examples=40)


def arm(yes: int, no: int, variance: int = 100) -> Arm:
    return Measured(yes, Fraction(variance)), Measured(no, Fraction(variance))


def most(make: object) -> float:
    return 1.0 if make is balance.difference else balance.MOST


def test_a_difference_is_one_share_less_the_other() -> None:
    found = balance.difference(arm(1700, 300), arm(1500, 500), confidence=USUAL)
    noise = 10 * math.sqrt(0.85**2 + 0.15**2 + 0.75**2 + 0.25**2) / 2000
    assert found.value == pytest.approx(0.1)
    assert found.standard_error == pytest.approx(noise, rel=1e-3)
    # Two degrees of freedom: sqrt(5.99) deviations, and at most 5 % more for steps.
    assert 1.0 <= (found.high - found.low) / 2 / (2.4477 * noise) <= 1.05


def test_a_standardised_difference_counts_in_standard_deviations() -> None:
    found = balance.standardised(
        arm(70_000, 30_000), arm(60_000, 40_000), confidence=USUAL
    )
    assert found.value == pytest.approx(0.1 / math.sqrt((0.21 + 0.24) / 2))
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.003


def test_arms_that_differ_completely_are_cut_at_the_most() -> None:
    found = balance.standardised(arm(900, 0, 1), arm(0, 900, 1), confidence=USUAL)
    assert found.high == balance.MOST
    assert found.value > 5


def test_arms_of_nobody_say_nothing() -> None:
    found = balance.difference(arm(-5, 3), arm(100, 100), confidence=USUAL)
    assert found.low < -0.4
    assert found.high > 0.4
    both = balance.standardised(arm(-5, 3), arm(2, -9), confidence=USUAL)
    assert (both.low, both.high) == (-balance.MOST, balance.MOST)


@given(arms, arms, makers)
@some
def test_a_comparison_never_surprises(one: Arm, other: Arm, make) -> None:
    found = make(one, other, confidence=USUAL)
    assert -most(make) <= found.low <= found.value <= found.high <= most(make)
    assert 0 <= found.standard_error <= most(make)
    assert found.low < found.high


@given(arms, arms, makers)
@some
def test_swapping_the_arms_mirrors_a_comparison(one: Arm, other: Arm, make) -> None:
    ahead = make(one, other, confidence=USUAL)
    back = make(other, one, confidence=USUAL)
    assert ahead.low == pytest.approx(-back.high, abs=1e-9)
    assert ahead.value == pytest.approx(-back.value, abs=1e-9)


@given(arms, arms, makers, st.integers(2, 50))
@some
def test_more_noise_never_narrows_a_comparison(
    one: Arm, other: Arm, make, factor: int
) -> None:
    quiet = make(one, other, confidence=USUAL)
    loud = make(
        *(
            tuple(Measured(each.value, each.variance * factor) for each in arm)
            for arm in (one, other)
        ),
        confidence=USUAL,
    )
    assert loud.low <= quiet.low + 1e-9
    assert quiet.high <= loud.high + 1e-9


def test_the_standardised_difference_rises_with_the_one_share_only() -> None:
    # What makes the extremes lie at the ends of the two intervals.
    grid = [n / 40 for n in range(41)]
    for other in grid:
        rising = [balance._standard(one, other) for one in grid]
        falling = [balance._standard(other, one) for one in grid]
        assert rising == sorted(rising)
        assert falling == sorted(falling, reverse=True)
