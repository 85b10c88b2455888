"""Compare two arms: a share in either, their difference, and how far they differ.

Each arm's share has its own surprise (`privacy.interval`), and noise of different
cells is independent, so at the true pair of shares the two surprises add up to a
chi-square with two degrees of freedom, whose bound is ``-2 ln(1 - confidence)``. The
pairs within that bound hold the true pair as often as stated, and both measures rise
with the one share and fall with the other, so their extremes lie where the allowed
surprise is split between the arms. Splits are tried in steps, and at each step either
arm is given the more generous end of it: the interval can only be too wide, by about
three hundredths of its width.

The standardised difference is ``(p1 - p0) / sqrt((p1 (1 - p1) + p0 (1 - p0)) / 2)``.
It grows without end as the arms come to differ completely, so it is cut at 10.

Source: Austin 2009, "Balance diagnostics for comparing the distribution of baseline
covariates" (the standardised difference of a proportion).
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

from privacy import estimate
from privacy.estimate import Estimate, Measured
from privacy.interval import above, below, require_confidence

MOST = 10.0
"""The largest standardised difference that is told apart."""
_STEPS = 16
_ROUNDING = 1e-12

Arm = tuple[Measured, Measured]
"""How many in one arm are counted, and how many are not."""
_Gap = Callable[[float, float], float]


def difference(first: Arm, second: Arm, *, confidence: Fraction) -> Estimate:
    """Estimate the share in the first arm less the share in the second."""
    return _compared(first, second, _plain, confidence)


def standardised(first: Arm, second: Arm, *, confidence: Fraction) -> Estimate:
    """Estimate how far two arms differ, in standard deviations."""
    return _compared(first, second, _standard, confidence)


def _plain(first: float, second: float) -> float:
    """Return the difference of two shares."""
    return first - second


def _standard(first: float, second: float) -> float:
    """Return the standardised difference of two shares, cut at the most."""
    spread = math.sqrt((first * (1 - first) + second * (1 - second)) / 2)
    gap = first - second
    if abs(gap) >= MOST * spread:
        return math.copysign(MOST, gap) if gap else 0.0
    return gap / spread


def _compared(first: Arm, second: Arm, gap: _Gap, confidence: Fraction) -> Estimate:
    """Estimate a measure that rises with the first share and falls with the second."""
    one = estimate.share(*first, confidence=confidence)
    other = estimate.share(*second, confidence=confidence)
    ones = tuple(_steps(first, confidence))
    others = tuple(_steps(second, confidence))
    # Step k allows the first arm k + 1 parts of the whole and the second the rest,
    # counted so that both get the part in which the true split may lie.
    splits = list(zip(ones, reversed(others), strict=True))
    low = min(gap(a_low, b_high) for (a_low, _), (_, b_high) in splits)
    high = max(gap(a_high, b_low) for (_, a_high), (b_low, _) in splits)
    most = gap(1.0, 0.0)
    low, high = max(-most, low - _ROUNDING), min(most, high + _ROUNDING)
    return Estimate(
        value=max(low, min(high, gap(one.value, other.value))),
        low=low,
        high=high,
        standard_error=min(most, _error(one, other, gap)),
        confidence=confidence,
    )


def _steps(arm: Arm, confidence: Fraction) -> Iterator[tuple[float, float]]:
    """Yield the ends of an arm's shares at each part of the allowed surprise.

    Surprise is counted from the best possible share, so no part is empty.
    """
    require_confidence(confidence)
    # Rounded up to a short number: exact arithmetic on it is faster.
    whole = Fraction(math.ceil(-2 * math.log(1 - confidence) * 2**20) + 1, 2**20)
    statistic = estimate.share_statistic(*arm)
    if statistic.slope >= 0:  # the arm came out at nobody: nothing is known
        yield from [(0.0, 1.0)] * _STEPS
        return
    best = statistic.least_surprise()
    for step in range(1, _STEPS + 1):
        ends = statistic.explained(best + whole * step / _STEPS)
        low, high = ends or (Fraction(0), Fraction(1))
        yield max(0.0, below(low)), min(1.0, above(high))


def _error(one: Estimate, other: Estimate, gap: _Gap) -> float:
    """Return the noise of the measure: either arm's, moved by its own deviation."""
    middle = gap(one.value, other.value)

    def moved(first: float, second: float) -> float:
        return abs(gap(min(1.0, max(0.0, first)), min(1.0, max(0.0, second))) - middle)

    return max(
        math.hypot(
            moved(one.value + sign * one.standard_error, other.value),
            moved(one.value, other.value - sign * other.standard_error),
        )
        for sign in (-1.0, 1.0)
    )
