import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import ratio
from privacy.errors import InvalidQuery
from privacy.estimate import Estimate, Measured

USUAL = Fraction(19, 20)
BOUNDS = (Fraction(-4), Fraction(4))

values = st.integers(-(2**50), 2**50) | st.integers(-300, 300)
variances = st.fractions(Fraction(1, 100), 10**9, max_denominator=10**6)
measured = st.builds(Measured, values, variances)
factors = st.fractions(Fraction(1, 1000), 1000, max_denominator=1000)


def quotient(top: Measured, bottom: Measured) -> Estimate:
    return ratio.quotient(top, bottom, bounds=BOUNDS, confidence=USUAL)


def louder(one: Measured, factor: int) -> Measured:
    return Measured(one.value, one.variance * factor)


def test_a_mean_of_many_is_the_plain_quotient() -> None:
    found = quotient(Measured(5000, Fraction(400)), Measured(10_000, Fraction(100)))
    error = math.sqrt(400 + 0.5**2 * 100) / 10_000
    assert found.value == 0.5
    assert found.standard_error == pytest.approx(error)
    assert found.high - found.value == pytest.approx(1.959964 * error, rel=1e-3)


def test_a_mean_solves_fiellers_equation() -> None:
    # r**2 (300**2 - 100 k) - 2 r (150 * 300) + 150**2 - 1600 k = 0, by hand.
    found = quotient(Measured(150, Fraction(1600)), Measured(300, Fraction(100)))
    k = 1.959963984540054**2
    a, b, c = 90_000 - 100 * k, -90_000, 22_500 - 1600 * k
    root = math.sqrt(b * b - 4 * a * c)
    assert found.low == pytest.approx((-b - root) / (2 * a), rel=1e-9)
    assert found.high == pytest.approx((-b + root) / (2 * a), rel=1e-9)


@pytest.mark.parametrize(("top", "bottom"), [(5, 3), (5, 0), (5, -8), (-2, -400)])
def test_a_mean_over_nobody_is_all_that_the_caps_allow(top: int, bottom: int) -> None:
    found = quotient(Measured(top, Fraction(400)), Measured(bottom, Fraction(400)))
    assert (found.low, found.high) == (-4.0, 4.0)


def test_a_mean_beyond_its_caps_still_has_an_interval() -> None:
    found = quotient(Measured(9000, Fraction(25)), Measured(1000, Fraction(25)))
    assert (found.value, found.high) == (4.0, 4.0)
    assert 3.9 < found.low < 4.0


@given(measured, measured)
def test_a_quotient_never_surprises(top: Measured, bottom: Measured) -> None:
    found = quotient(top, bottom)
    assert -4 <= found.low <= found.value <= found.high <= 4
    assert 0 < found.standard_error <= 4


@given(measured, measured, st.integers(2, 100))
def test_more_noise_never_narrows_a_quotient(
    top: Measured, bottom: Measured, factor: int
) -> None:
    quiet, loud = (
        quotient(top, bottom),
        quotient(louder(top, factor), louder(bottom, factor)),
    )
    assert loud.low <= quiet.low + 1e-9
    assert quiet.high <= loud.high + 1e-9


@given(measured, measured, st.integers(1, 1000))
def test_a_quotient_keeps_to_no_unit(top: Measured, bottom: Measured, k: int) -> None:
    plain = quotient(top, bottom)
    scaled = quotient(
        *(Measured(k * one.value, k**2 * one.variance) for one in (top, bottom))
    )
    assert scaled.low == pytest.approx(plain.low, abs=1e-9)
    assert scaled.high == pytest.approx(plain.high, abs=1e-9)


@given(measured, measured)
def test_the_opposite_sum_has_the_opposite_mean(
    top: Measured, bottom: Measured
) -> None:
    ahead, back = (
        quotient(top, bottom),
        quotient(Measured(-top.value, top.variance), bottom),
    )
    assert ahead.low == pytest.approx(-back.high, abs=1e-9)
    assert ahead.high == pytest.approx(-back.low, abs=1e-9)


def test_a_cost_per_day_is_the_cost_over_the_days() -> None:
    days = Measured(50_000, Fraction(1_000_000))
    found = ratio.public_over(Fraction(2_000_000), days, confidence=USUAL)
    assert found.value == 40.0
    assert found.low == pytest.approx(2_000_000 / (50_000 + 1959.964), rel=1e-6)
    assert found.high == pytest.approx(2_000_000 / (50_000 - 1959.964), rel=1e-6)
    assert found.standard_error == pytest.approx(0.8, rel=1e-6)


def test_a_cost_over_what_may_be_no_days_is_at_most_the_cost() -> None:
    found = ratio.public_over(
        Fraction(1000), Measured(-50, Fraction(100)), confidence=USUAL
    )
    assert (found.value, found.high) == (1000.0, 1000.0)
    assert found.low == pytest.approx(1000 / 21)


@given(measured, st.integers(2, 100))
def test_a_public_number_over_a_sum_never_surprises(one: Measured, k: int) -> None:
    found, loud = (
        ratio.public_over(Fraction(1000), each, confidence=USUAL)
        for each in (one, louder(one, k))
    )
    assert 0 <= found.low <= found.value <= found.high <= 1000
    assert loud.low <= found.low
    assert found.high <= loud.high
    twice = ratio.public_over(Fraction(2000), one, confidence=USUAL)
    assert twice.high == pytest.approx(2 * found.high)


@given(measured, factors)
def test_a_scaled_estimate_is_rounded_outwards(one: Measured, factor: Fraction) -> None:
    plain = ratio.public_over(Fraction(1000), one, confidence=USUAL)
    found = ratio.scaled(plain, factor)
    assert Fraction(found.low) <= Fraction(plain.low) * factor
    assert Fraction(found.high) >= Fraction(plain.high) * factor
    assert found.low <= found.value <= found.high


def test_what_cannot_be_divided_is_refused() -> None:
    one = Measured(5, Fraction(1))
    with pytest.raises(InvalidQuery):
        ratio.scaled(ratio.public_over(Fraction(1), one, confidence=USUAL), Fraction(0))
    with pytest.raises(InvalidQuery):
        ratio.public_over(Fraction(-1), one, confidence=USUAL)
    with pytest.raises(InvalidQuery):
        ratio.quotient(one, one, bounds=(Fraction(1), Fraction(1)), confidence=USUAL)
