"""Divide one noisy number by another, or by a published one, with honest intervals.

A quotient is solved for, not divided out: ``T(r) = top - r bottom`` is noise around
zero at the true quotient, also where the bottom is small. What the caps of both sums
allow bounds the interval; where the noise leaves the bottom undecided, the interval
is all that the caps allow, and reads as too uncertain.

A share of two sums, ``a / (a + b)``, is `estimate.share`, which needs no counts.
"""

from fractions import Fraction

from privacy import estimate
from privacy.errors import InvalidQuery
from privacy.estimate import Estimate, Measured
from privacy.interval import Ends, Statistic, above, below, sqrt_above


def quotient(
    top: Measured, bottom: Measured, *, bounds: Ends, confidence: Fraction
) -> Estimate:
    """Estimate a sum divided by another sum or by a count: a mean or a ratio.

    Units:    bounds and the result in units of the top for one unit of the bottom.
    Requires: noise drawn independently, as in two releases, and a true quotient
        within the bounds: for a mean the caps of the amount; for a ratio the same,
        where whoever adds to the top adds at least 1 to the bottom.
    Raises:   InvalidQuery: the bounds leave no room.
    """
    least, most = bounds
    if least >= most:
        raise InvalidQuery("A ratio needs a lower bound below its upper one.")
    statistic = Statistic(
        constant=Fraction(top.value),
        slope=Fraction(-bottom.value),
        variance=(top.variance, Fraction(0), bottom.variance),
        least=least,
        most=most,
    )
    return estimate.solved(statistic, confidence=confidence)


def public_over(
    figure: Fraction, bottom: Measured, *, confidence: Fraction
) -> Estimate:
    """Estimate a published number divided by a noisy sum, such as cost over days.

    The interval is that of the sum, turned over. A sum that may be nothing is taken
    to be at least 1, so the most possible is the published number itself.

    Raises: InvalidQuery: the published number is below zero.
    """
    if figure < 0:
        raise InvalidQuery("Only a published number above zero can be divided.")
    half = Fraction(estimate.count_half_width(bottom.variance, confidence=confidence))
    middle = max(Fraction(1), Fraction(bottom.value))
    fewest = max(Fraction(1), bottom.value - half)
    most = middle + half
    slope = Fraction(sqrt_above(bottom.variance)) * figure / middle**2
    return Estimate(
        value=float(figure / middle),
        low=below(figure / most),
        high=above(figure / fewest),
        standard_error=above(min(slope, figure)),
        confidence=confidence,
    )


def scaled(one: Estimate, factor: Fraction) -> Estimate:
    """Multiply an estimate by a published factor above zero, rounding outwards.

    Raises: InvalidQuery: the factor is zero or below.
    """
    if factor <= 0:
        raise InvalidQuery("An estimate can only be multiplied by more than zero.")
    low, high = Fraction(one.low) * factor, Fraction(one.high) * factor
    return Estimate(
        value=float(Fraction(one.value) * factor),
        low=below(low),
        high=above(high),
        standard_error=above(Fraction(one.standard_error) * factor),
        confidence=one.confidence,
        sampling_error=above(Fraction(one.sampling_error) * factor),
    )
