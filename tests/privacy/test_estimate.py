import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from privacy import estimate, mechanism
from privacy.errors import InvalidQuery
from privacy.estimate import Estimate, Measured
from privacy.mechanism import Tally

USUAL = Fraction(19, 20)
FALSE_ALARM = 1e-6

Maker = Callable[..., Estimate]

values = st.integers(-(2**50), 2**50) | st.integers(-300, 300)
variances = st.fractions(Fraction(1, 100), 10**9, max_denominator=10**6)
measured = st.builds(Measured, values, variances)
makers = st.sampled_from([estimate.share, estimate.share_of])
confidences = st.sampled_from(
    [Fraction(1, 2), Fraction(9, 10), USUAL, 1 - Fraction(1, 10**9)]
)


def test_a_count_keeps_the_noisy_value_and_its_interval() -> None:
    found = estimate.count(Measured(1000, Fraction(100)), confidence=USUAL)
    assert found.value == 1000.0
    assert found.low == pytest.approx(1000 - 20)
    assert found.high == pytest.approx(1000 + 20)
    assert found.standard_error == pytest.approx(10)
    assert found.confidence == USUAL


def test_a_count_below_zero_stays_but_its_interval_is_cut() -> None:
    found = estimate.count(Measured(-5, Fraction(100)), confidence=USUAL)
    assert (found.value, found.low) == (-5.0, 0.0)
    assert found.high == pytest.approx(15)
    hopeless = estimate.count(Measured(-50, Fraction(100)), confidence=USUAL)
    assert (hopeless.low, hopeless.high) == (0.0, 0.0)


def test_a_sum_of_cells_adds_values_and_variances() -> None:
    terms = [(1, Measured(10, Fraction(9))), (1, Measured(20, Fraction(16)))]
    found = estimate.combination(terms, confidence=USUAL)
    assert found.value == 30.0
    assert found.standard_error == pytest.approx(5)


def test_a_difference_may_be_negative() -> None:
    terms = [(1, Measured(10, Fraction(9))), (-2, Measured(20, Fraction(4)))]
    found = estimate.combination(terms, confidence=USUAL)
    assert found.value == -30.0
    assert found.low == pytest.approx(-30 - 1.959964 * 5)


def test_a_sum_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidQuery):
        estimate.combination([], confidence=USUAL)
    with pytest.raises(InvalidQuery):
        estimate.combination([(0, Measured(1, Fraction(1)))], confidence=USUAL)


def test_a_share_of_large_counts_is_the_plain_quotient() -> None:
    yes, no = Measured(9000, Fraction(25)), Measured(1000, Fraction(25))
    found = estimate.share(yes, no, confidence=USUAL)
    width = 1.959964 * math.sqrt(25 * (0.1**2 + 0.9**2)) / 10_000
    assert found.value == pytest.approx(0.9)
    assert found.low == pytest.approx(0.9 - width, abs=1e-6)
    assert found.high == pytest.approx(0.9 + width, abs=1e-6)


def test_a_contrast_gives_the_same_share_as_two_cells() -> None:
    contrast, whole = Measured(8000, Fraction(25)), Measured(10_000, Fraction(25))
    found = estimate.share_of(contrast, whole, confidence=USUAL)
    width = 1.959964 * math.sqrt(25 * (1 + 0.8**2)) / 20_000
    assert found.value == pytest.approx(0.9)
    assert found.high - found.low == pytest.approx(2 * width, rel=1e-4)


def test_a_share_solves_fiellers_equation() -> None:
    # r**2 (N**2 - k(v + w)) - 2 r (Y N - k v) + Y**2 - k v = 0, by hand.
    yes, no = Measured(60, Fraction(100)), Measured(40, Fraction(100))
    found = estimate.share(yes, no, confidence=USUAL)
    k = 1.959963984540054**2
    a, b, c = 100**2 - 200 * k, -2 * (6000 - 100 * k), 3600 - 100 * k
    root = math.sqrt(b * b - 4 * a * c)
    assert found.low == pytest.approx((-b - root) / (2 * a), rel=1e-9)
    assert found.high == pytest.approx((-b + root) / (2 * a), rel=1e-9)


@pytest.mark.parametrize(("yes", "no"), [(0, 0), (-5, 5), (-30, -2), (4, -4), (3, -20)])
def test_a_share_of_nobody_is_unknown(yes: int, no: int) -> None:
    noise = Fraction(100)
    for found in (
        estimate.share(Measured(yes, noise), Measured(no, noise), confidence=USUAL),
        estimate.share_of(
            Measured(yes - no, noise), Measured(yes + no, noise), confidence=USUAL
        ),
    ):
        assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)
        assert found.standard_error == 0.5


def test_a_share_the_noise_cannot_explain_still_has_an_interval() -> None:
    # 1,000 yes and -60 no at scale 5: no share in [0, 1] is within reach.
    yes, no = Measured(1000, Fraction(25)), Measured(-60, Fraction(25))
    found = estimate.share(yes, no, confidence=USUAL)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.99 < found.low < 1.0


@given(measured, confidences)
def test_a_count_never_surprises(one: Measured, confidence: Fraction) -> None:
    found = estimate.count(one, confidence=confidence)
    assert 0 <= found.low <= max(found.value, 0) <= found.high + 1e-9
    assert found.value == one.value


@given(measured, measured, confidences, makers)
@example(Measured(1, Fraction(1)), Measured(0, Fraction(1)), USUAL, estimate.share)
@example(
    Measured(0, Fraction(1)), Measured(2**50, Fraction(1, 100)), USUAL, estimate.share
)
@example(
    Measured(2, Fraction(1)), Measured(1, Fraction(10**9)), USUAL, estimate.share_of
)
def test_a_share_never_surprises(
    first: Measured, second: Measured, confidence: Fraction, make: Maker
) -> None:
    found = make(first, second, confidence=confidence)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert 0 < found.standard_error <= 0.5
    assert found.low < found.high or found.low in (0.0, 1.0)


@given(measured, measured, makers)
def test_more_confidence_never_narrows_a_share_that_is_explained(
    first: Measured, second: Measured, make: Maker
) -> None:
    wide = make(first, second, confidence=Fraction(99, 100))
    narrow = make(first, second, confidence=Fraction(9, 10))
    value = make(first, second, confidence=Fraction(1, 2)).value
    if 0 < value < 1:
        assert wide.low <= narrow.low + 1e-12
        assert narrow.high <= wide.high + 1e-12


@given(measured, measured)
def test_swapping_yes_and_no_mirrors_the_share(yes: Measured, no: Measured) -> None:
    ahead = estimate.share(yes, no, confidence=USUAL)
    back = estimate.share(no, yes, confidence=USUAL)
    assert ahead.low == pytest.approx(1 - back.high, abs=1e-9)
    assert ahead.high == pytest.approx(1 - back.low, abs=1e-9)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Measured(1, Fraction(0)),
        lambda: Measured(1, Fraction(-1)),
        lambda: Measured(1, 1.0),  # type: ignore[arg-type]
        lambda: Measured(1.0, Fraction(1)),  # type: ignore[arg-type]
        lambda: Measured(bool(1), Fraction(1)),
        lambda: Estimate(math.nan, 0.0, 1.0, 0.1, USUAL),
        lambda: Estimate(0.5, 1.0, 0.0, 0.1, USUAL),
        lambda: Estimate(0.5, 0.0, math.inf, 0.1, USUAL),
        lambda: Estimate(0.5, 0.0, 1.0, -0.1, USUAL),
        lambda: Estimate(0.5, 0.0, 1.0, 0.1, Fraction(1)),
        lambda: Estimate(0.5, 0.0, 1.0, 0.1, 0.95),  # type: ignore[arg-type]
    ],
)
def test_a_number_without_noise_or_sense_is_refused(build: Callable[[], Any]) -> None:
    with pytest.raises(InvalidQuery):
        build()


def test_the_sum_over_sites_carries_the_noise_of_all_of_them() -> None:
    both = Measured(10, Fraction(9)) + Measured(-4, Fraction(16))
    assert both == Measured(6, Fraction(25))


def test_a_measured_number_does_not_print() -> None:
    assert "4242" not in repr(Measured(4242, Fraction(1)))


def test_the_planned_width_of_a_count_is_the_width_it_gets() -> None:
    planned = estimate.count_half_width(Fraction(100), confidence=USUAL)
    found = estimate.count(Measured(1000, Fraction(100)), confidence=USUAL)
    assert planned == (found.high - found.low) / 2 == 20.0


@pytest.mark.parametrize("scale", [1, 2, 4, 4.53, 5, 6, 7.5, 9, 12, 16, 20, 50])
def test_no_count_is_held_less_often_than_stated(scale: float) -> None:
    """Add up the noise's exact distribution; the smooth reach would fail at 4.53."""
    reach = estimate.count_half_width(Fraction(scale) ** 2, confidence=USUAL)

    def held(half: float) -> float:
        weight = [math.exp(-(x**2) / (2 * scale**2)) for x in range(-1000, 1001)]
        inside = [
            w for x, w in zip(range(-1000, 1001), weight, strict=True) if abs(x) <= half
        ]
        return math.fsum(inside) / math.fsum(weight)

    assert held(reach) >= 0.95
    assert held(reach - 1) < 0.95
    if scale == 4.53:
        smooth = estimate.noise_half_width(Fraction(scale) ** 2, confidence=USUAL)
        assert held(smooth) < 0.945


def test_the_planned_width_of_a_share_is_close_to_the_width_it_gets() -> None:
    noise = Fraction(100)
    planned = estimate.share_half_width(
        expected_share=Fraction(9, 10),
        expected_whole=4000,
        yes_variance=noise,
        no_variance=noise,
        confidence=USUAL,
    )
    found = estimate.share(
        Measured(3600, noise), Measured(400, noise), confidence=USUAL
    )
    assert planned == pytest.approx((found.high - found.low) / 2, rel=1e-3)
    planned = estimate.share_of_half_width(
        expected_share=Fraction(9, 10),
        expected_whole=4000,
        contrast_variance=noise,
        whole_variance=noise,
        confidence=USUAL,
    )
    found = estimate.share_of(
        Measured(3200, noise), Measured(4000, noise), confidence=USUAL
    )
    assert planned == pytest.approx((found.high - found.low) / 2, rel=1e-3)


@pytest.mark.parametrize(("share", "whole"), [(Fraction(2), 10), (Fraction(1, 2), 0)])
def test_a_plan_for_nobody_is_refused(share: Fraction, whole: int) -> None:
    with pytest.raises(InvalidQuery):
        estimate.share_half_width(
            expected_share=share,
            expected_whole=whole,
            yes_variance=Fraction(1),
            no_variance=Fraction(1),
            confidence=USUAL,
        )


# --- coverage: intervals hold the exact figure as often as they say -----------
#
# 8,192 real draws per case; a two-sided exact binomial test that fails by chance
# once in a million runs per case, and must fail if the variance is 30 % wrong.


def noisy(truths: list[int], scale: int) -> Iterator[list[int]]:
    """Yield each truth with fresh real noise of nearly a whole-number scale."""
    rho = Fraction(1, 2 * scale**2)
    noise = mechanism.calibrate(l2_squared=1, rho=rho, size=4096)
    columns = [
        [
            v
            for _ in range(2)
            for v in mechanism.release(noise, Tally([t] * 4096)).values
        ]
        for t in truths
    ]
    for row in zip(*columns, strict=True):
        yield list(row)


def covers(hits: list[bool]) -> bool:
    """Tell whether the hits fit the stated confidence."""
    test = stats.binomtest(sum(hits), len(hits), float(USUAL))
    return bool(test.pvalue > FALSE_ALARM)


def holds(found: Estimate, truth: float) -> bool:
    return found.low <= truth <= found.high


WRONG = [Fraction(7, 10), Fraction(13, 10)]


def test_count_intervals_cover_as_often_as_they_say() -> None:
    drawn = list(noisy([5000], 101))

    def rate(factor: Fraction) -> bool:
        variance = 101**2 * factor
        found = (
            estimate.count(Measured(v, variance), confidence=USUAL) for (v,) in drawn
        )
        return covers([holds(each, 5000) for each in found])

    assert rate(Fraction(1))
    assert not any(rate(wrong) for wrong in WRONG)


@pytest.mark.parametrize(
    ("yes", "no", "make"),
    [
        (1800, 200, estimate.share_of),
        (150, 60, estimate.share),
        pytest.param(300, 300, estimate.share, marks=pytest.mark.soak),
        pytest.param(150, 60, estimate.share_of, marks=pytest.mark.soak),
    ],
)
def test_share_intervals_cover_as_often_as_they_say(
    yes: int, no: int, make: Maker
) -> None:
    truths = [yes, no] if make is estimate.share else [yes - no, yes + no]
    drawn = list(noisy(truths, 16))

    def rate(factor: Fraction) -> bool:
        variance = 16**2 * factor
        found = (
            make(Measured(a, variance), Measured(b, variance), confidence=USUAL)
            for a, b in drawn
        )
        return covers([holds(each, yes / (yes + no)) for each in found])

    assert rate(Fraction(1))
    assert not any(rate(wrong) for wrong in WRONG)
