"""Solve for the values that noise can explain: one straight line, one test.

A figure is read off a statistic ``T(r) = constant + slope r`` that would be zero at
the true value ``r`` if there were no noise, and whose variance is a known quadratic
in ``r``. The interval holds every ``r`` at which T lies within so many standard
deviations of zero, so it is right for small numbers too, where dividing first and
adding a margin afterwards is not. It is where one quadratic is at most zero, cut to
the values that are possible at all.

Everything is exact but square roots and the last step to floats, which goes outwards.

Source: Fieller 1954, "Some Problems in Interval Estimation" (the ratio interval).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from privacy.errors import InvalidQuery

_HALF = Fraction(1, 2)
_SURE = 1 - Fraction(1, 10**9)

Ends = tuple[Fraction, Fraction]
"""The lower and the upper end of an interval."""


@dataclass(frozen=True, slots=True, repr=False)
class Statistic:
    """Hold ``T(r) = constant + slope r`` with ``Var T(r) = v0 + v1 r + v2 r**2``.

    Attributes:
        constant: T at zero.
        slope: below zero where the whole that is divided by came out above zero.
        variance: v0, v1 and v2; above zero everywhere between `least` and `most`.
        least: The smallest value that is possible at all.
        most: The largest.
    """

    constant: Fraction
    slope: Fraction
    variance: tuple[Fraction, Fraction, Fraction]
    least: Fraction = Fraction(0)
    most: Fraction = Fraction(1)

    def variance_at(self, value: Fraction) -> Fraction:
        """Return the variance of T if this were the value."""
        fixed, linear, square = self.variance
        return fixed + value * (linear + value * square)

    def surprise_at(self, value: Fraction) -> Fraction:
        """Return T squared over its variance: how ill this value fits."""
        return (self.constant + self.slope * value) ** 2 / self.variance_at(value)

    def explained(self, allowed: Fraction) -> Ends | None:
        """Return the ends of the possible values of at most this surprise, if any.

        The set is closed, so its ends are possible ends, or roots of
        ``T(r)**2 - allowed Var T(r)``.
        """
        fixed, linear, square = self.variance
        a = self.slope**2 - allowed * square
        b = 2 * self.constant * self.slope - allowed * linear
        c = self.constant**2 - allowed * fixed
        inside = [root for root in _roots(a, b, c) if self.least <= root <= self.most]
        inside += [
            end for end in (self.least, self.most) if a * end**2 + b * end + c <= 0
        ]
        return (min(inside), max(inside)) if inside else None

    def least_surprise(self) -> Fraction:
        """Return the smallest surprise of any possible value.

        The surprise is a ratio of quadratics: besides T's own zero it can only turn
        where ``2 T' Var = T Var'``, which is linear in r once multiplied out.
        """
        fixed, linear, square = self.variance
        candidates = [self.least, self.most]
        if self.slope:
            candidates.append(-self.constant / self.slope)
        turn = self.slope * linear - 2 * self.constant * square
        if turn:
            offset = self.constant * linear - 2 * self.slope * fixed
            candidates.append(offset / turn)
        possible = (r for r in candidates if self.least <= r <= self.most)
        return min(map(self.surprise_at, possible))


def hull(pieces: Sequence[Statistic], allowed: Fraction) -> Ends:
    """Return the ends of all values of at most this surprise, over several pieces.

    If no possible value is explained, the ends hold those that fit almost as well as
    the best one does, so the interval is never empty.

    Requires: at least one piece; pieces cover neighbouring ranges of one value.
    """
    found = [ends for piece in pieces if (ends := piece.explained(allowed))]
    if not found:
        best = allowed + min(piece.least_surprise() for piece in pieces)
        found = [ends for piece in pieces if (ends := piece.explained(best))]
    if not found:  # a root that rounding moved past a possible end
        found = [(piece.least, piece.most) for piece in pieces]
    return min(low for low, _ in found), max(high for _, high in found)


def normal_quantile(confidence: Fraction) -> float:
    """Return how many standard deviations a two-sided interval spans each way."""
    require_confidence(confidence)
    return NormalDist().inv_cdf(float((1 + confidence) / 2))


def require_confidence(confidence: object) -> None:
    """Refuse a confidence that is no fraction between one half and one."""
    if not isinstance(confidence, Fraction) or not _HALF <= confidence <= _SURE:
        raise InvalidQuery(
            "A confidence must be an exact fraction from 1/2 to 1 - 1e-9; use "
            "19/20 for 95 %.",
        )


def below(exact: Fraction) -> float:
    """Return the float nearest an exact number from below."""
    near = float(exact)
    return near if near <= exact else math.nextafter(near, -math.inf)


def above(exact: Fraction) -> float:
    """Return the float nearest an exact number from above."""
    near = float(exact)
    return near if near >= exact else math.nextafter(near, math.inf)


def sqrt_above(square: Fraction) -> float:
    """Return a square root, rounded up."""
    return math.nextafter(math.sqrt(square), math.inf)


def _roots(a: Fraction, b: Fraction, c: Fraction) -> tuple[Fraction, ...]:
    """Solve ``a r**2 + b r + c = 0`` without cancellation.

    Whether there are roots is decided exactly; only the square root is rounded.
    """
    if a == 0:
        return (-c / b,) if b else ()
    inner = b**2 - 4 * a * c
    if inner < 0:
        return ()
    far = -(b + (_root(inner) if b >= 0 else -_root(inner))) / 2
    return (far / a, c / far) if far else (Fraction(0),)


def _root(square: Fraction) -> Fraction:
    """Return the square root of an exact number to 25 digits or better."""
    grain = 10**50
    return Fraction(
        math.isqrt(square.numerator * grain * grain // square.denominator), grain
    )
