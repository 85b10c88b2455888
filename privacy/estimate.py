"""Turn noisy whole numbers into values with honest intervals.

Everything here works on numbers that are already safe to publish, so it costs no
privacy. An interval speaks about one thing only: how far the noise may have moved
the figure. At confidence 95 %, it holds the figure an exact count of the same
records would give in 95 of 100 cases. It does not speak about missing records, nor
about what would have happened to other people.

Counts keep the noisy value as it is, even below zero: a total of many such values
stays right on average, and rounding each of them up would not. The interval is cut
at zero, where no count can be. Intervals are not rounded to whole numbers: with
whole-number noise a fixed width covers a little more or less than stated, from cell
to cell, and averages to the stated confidence.

Shares solve for the value instead of dividing: ``r`` is in the interval when the
noise can explain how far the released numbers are from a share of exactly ``r``.
With released numbers ``u = U + noise`` the statistic ``T(r) = u_1 + u_2 r`` has mean
zero at the true share and a variance that is quadratic in ``r``, so the interval is
where one quadratic is at most zero, and it is right for small counts too.

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
_UNKNOWN_SHARE_ERROR = 0.5


@dataclass(frozen=True, slots=True, repr=False)
class Measured:
    """Hold one noisy whole number with the variance of the noise it carries.

    Attributes:
        value: The released number, or the sum of several sites' numbers.
        variance: The noise variance really added, summed over answering sites.

    Raises:
        InvalidQuery: the value is not whole, or the variance not positive.
    """

    value: int
    variance: Fraction

    def __post_init__(self) -> None:
        """Refuse a number without noise."""
        _require_whole(self.value)
        _require_variance(self.variance)

    def __repr__(self) -> str:
        """Show nothing: a report decides which noisy numbers are shown."""
        return "Measured(...)"

    def __add__(self, other: "Measured") -> "Measured":
        """Add up the same cell of two sites, whose noise is independent."""
        return Measured(self.value + other.value, self.variance + other.variance)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Give a figure with the interval the noise leaves around it.

    Attributes:
        value: The figure; for counts it may lie below zero, and so below `low`.
        low: Lower end of the interval.
        high: Upper end of the interval.
        standard_error: Typical size of the noise in the figure.
        confidence: How often such an interval holds the exact figure.

    Raises:
        InvalidQuery: a part is not finite, or the ends are the wrong way round.
    """

    value: float
    low: float
    high: float
    standard_error: float
    confidence: Fraction

    def __post_init__(self) -> None:
        """Refuse anything that could not be printed as a result."""
        _require_confidence(self.confidence)
        parts = (self.value, self.low, self.high, self.standard_error)
        ordered = self.low <= self.high and self.standard_error >= 0
        if not (all(map(math.isfinite, parts)) and ordered):
            raise InvalidQuery("An estimate must be finite, its interval in order.")


def count(measured: Measured, *, confidence: Fraction) -> Estimate:
    """Estimate how many there are: the noisy number, its interval cut at zero."""
    half_width = count_half_width(measured.variance, confidence=confidence)
    return Estimate(
        value=float(measured.value),
        low=max(0.0, measured.value - half_width),
        high=max(0.0, measured.value + half_width),
        standard_error=_sqrt_above(measured.variance),
        confidence=confidence,
    )


def combination(
    terms: Sequence[tuple[int | Fraction, Measured]], *, confidence: Fraction
) -> Estimate:
    """Estimate a weighted sum of independent noisy numbers.

    Units:    each weight multiplies its number exactly.
    Requires: at least one term, no weight of zero, and noise drawn independently:
        different cells of one release, or different releases.

    Returns:
        The sum as it is; its interval is cut at zero only if no weight is negative.
    """
    if not terms or any(weight == 0 for weight, _ in terms):
        raise InvalidQuery("A combination needs terms, none with a weight of zero.")
    value = sum(Fraction(weight) * each.value for weight, each in terms)
    variance = sum(
        (Fraction(weight) ** 2 * each.variance for weight, each in terms), Fraction(0)
    )
    half_width = count_half_width(variance, confidence=confidence)
    least = 0.0 if all(weight > 0 for weight, _ in terms) else -math.inf
    return Estimate(
        value=float(value),
        low=max(least, float(value) - half_width),
        high=max(least, float(value) + half_width),
        standard_error=_sqrt_above(variance),
        confidence=confidence,
    )


def share(yes: Measured, no: Measured, *, confidence: Fraction) -> Estimate:
    """Estimate the share of "yes" from the two cells that make up the whole.

    At a share of r, ``T(r) = (1 - r) yes - r no`` is noise around zero.

    Requires: noise drawn independently, as in two cells of one release.
    """
    statistic = _Statistic(
        constant=yes.value,
        slope=-(yes.value + no.value),
        variance=(yes.variance, -2 * yes.variance, yes.variance + no.variance),
    )
    return _ratio(statistic, confidence=confidence)


def share_of(contrast: Measured, whole: Measured, *, confidence: Fraction) -> Estimate:
    """Estimate the share of "yes" from (yes - no) and (yes + no).

    At a share of r, ``T(r) = contrast - (2 r - 1) whole`` is noise around zero.

    Requires: noise drawn independently, as in two releases.
    """
    statistic = _Statistic(
        constant=contrast.value + whole.value,
        slope=-2 * whole.value,
        variance=(
            contrast.variance + whole.variance,
            -4 * whole.variance,
            4 * whole.variance,
        ),
    )
    return _ratio(statistic, confidence=confidence)


def count_half_width(variance: Fraction, *, confidence: Fraction) -> float:
    """Return half the width of a count's interval, exactly and before asking."""
    _require_variance(variance)
    return _normal_quantile(confidence) * _sqrt_above(variance)


def share_half_width(
    *,
    expected_share: Fraction,
    expected_whole: int,
    yes_variance: Fraction,
    no_variance: Fraction,
    confidence: Fraction,
) -> float:
    """Return half the width `share` will have around an expected whole and share.

    It is the width of the straight-line approximation, cut at one half, which is
    what the solved interval tends to as the whole outgrows the noise.
    """
    _require_planned(expected_share, expected_whole)
    variance = (1 - expected_share) ** 2 * yes_variance
    variance += expected_share**2 * no_variance
    width = count_half_width(variance, confidence=confidence) / expected_whole
    return min(0.5, width)


def share_of_half_width(
    *,
    expected_share: Fraction,
    expected_whole: int,
    contrast_variance: Fraction,
    whole_variance: Fraction,
    confidence: Fraction,
) -> float:
    """Return half the width `share_of` will have around an expected whole and share.

    As in `share_half_width`, the straight-line approximation, cut at one half.
    """
    _require_planned(expected_share, expected_whole)
    variance = contrast_variance + (2 * expected_share - 1) ** 2 * whole_variance
    width = count_half_width(variance, confidence=confidence) / (2 * expected_whole)
    return min(0.5, width)


@dataclass(frozen=True, slots=True, repr=False)
class _Statistic:
    """Hold ``T(r) = constant + slope r`` with ``Var T(r) = v0 + v1 r + v2 r**2``."""

    constant: int
    slope: int
    variance: tuple[Fraction, Fraction, Fraction]

    def variance_at(self, share: Fraction) -> Fraction:
        """Return the variance of the statistic if the share were this; never zero."""
        fixed, linear, square = self.variance
        return fixed + share * (linear + share * square)

    def surprise_at(self, share: Fraction) -> Fraction:
        """Return T squared over its variance: how ill this share fits the release."""
        return (self.constant + self.slope * share) ** 2 / self.variance_at(share)


def _ratio(statistic: _Statistic, *, confidence: Fraction) -> Estimate:
    """Solve for the shares in [0, 1] that the noise can explain.

    If it can explain none, the interval holds those that fit almost as well as the
    best one does, so it is never empty and never says nothing is possible.
    """
    allowed = Fraction(_normal_quantile(confidence)) ** 2
    if statistic.slope >= 0:  # the whole came out at zero or below: nothing is known
        return Estimate(0.5, 0.0, 1.0, _UNKNOWN_SHARE_ERROR, confidence)
    ends = _hull(statistic, allowed)
    if ends is None:
        ends = _hull(statistic, allowed + _least_surprise(statistic))
    low, high = ends or (Fraction(0), Fraction(1))
    value = Fraction(statistic.constant, -statistic.slope)
    value = max(low, min(high, value))
    deviation = _sqrt_above(statistic.variance_at(value)) / -statistic.slope
    return Estimate(
        value=float(value),
        low=float(low),
        high=float(high),
        standard_error=min(_UNKNOWN_SHARE_ERROR, deviation),
        confidence=confidence,
    )


def _hull(statistic: _Statistic, allowed: Fraction) -> tuple[Fraction, Fraction] | None:
    """Return the ends of {r in [0, 1]: surprise at r <= allowed}, if any.

    The set is closed, so its ends are 0, 1, or roots of T(r)**2 - allowed Var T(r).
    """
    fixed, linear, square = statistic.variance
    a = statistic.slope**2 - allowed * square
    b = 2 * statistic.constant * statistic.slope - allowed * linear
    c = statistic.constant**2 - allowed * fixed
    inside = [root for root in _roots(a, b, c) if 0 <= root <= 1]
    inside += [
        end for end in (Fraction(0), Fraction(1)) if a * end**2 + b * end + c <= 0
    ]
    return (min(inside), max(inside)) if inside else None


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


def _least_surprise(statistic: _Statistic) -> Fraction:
    """Return the smallest surprise of any share in [0, 1].

    The surprise is a ratio of quadratics: besides T's own zero it can only turn
    where ``2 T' Var = T Var'``, which is linear in r once multiplied out.
    """
    fixed, linear, square = statistic.variance
    candidates = [Fraction(0), Fraction(1)]
    candidates.append(Fraction(statistic.constant, -statistic.slope))
    turn = statistic.slope * linear - 2 * statistic.constant * square
    if turn:
        offset = statistic.constant * linear - 2 * statistic.slope * fixed
        candidates.append(offset / turn)
    return min(statistic.surprise_at(r) for r in candidates if 0 <= r <= 1)


def _root(square: Fraction) -> Fraction:
    """Return the square root of an exact number to 25 digits or better."""
    grain = 10**50
    return Fraction(
        math.isqrt(square.numerator * grain * grain // square.denominator), grain
    )


def _sqrt_above(variance: Fraction) -> float:
    """Return a standard deviation, rounded up."""
    return math.nextafter(math.sqrt(variance), math.inf)


def _normal_quantile(confidence: Fraction) -> float:
    """Return how many standard deviations a two-sided interval spans each way."""
    _require_confidence(confidence)
    return NormalDist().inv_cdf(float((1 + confidence) / 2))


def _require_confidence(confidence: object) -> None:
    """Refuse a confidence that is no fraction between one half and one."""
    if not isinstance(confidence, Fraction) or not _HALF <= confidence <= _SURE:
        raise InvalidQuery(
            "A confidence must be an exact fraction from 1/2 to 1 - 1e-9; use "
            "19/20 for 95 %.",
        )


def _require_variance(variance: object) -> None:
    """Refuse a variance that is not a positive fraction."""
    if not isinstance(variance, Fraction) or variance <= 0:
        raise InvalidQuery("A noise variance must be an exact fraction above zero.")


def _require_whole(value: object) -> None:
    """Refuse anything but a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidQuery("A measured value must be a whole number.")


def _require_planned(expected_share: object, expected_whole: int) -> None:
    """Refuse to plan for a share outside [0, 1] or for nobody."""
    if not isinstance(expected_share, Fraction) or not 0 <= expected_share <= 1:
        raise InvalidQuery("An expected share must be a fraction from 0 to 1.")
    if expected_whole < 1:
        raise InvalidQuery("An expected whole must be at least 1.")
