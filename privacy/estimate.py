"""Turn noisy whole numbers into values with honest intervals.

Everything here works on numbers that are already safe to publish, so it costs no
privacy. An interval speaks about one thing only: how far the noise may have moved
the figure. At confidence 95 %, it holds the figure an exact count of the same
records would give in 95 of 100 cases. It does not speak about missing records, nor
about what would have happened to other people; only the effect of a draw
(`privacy.lottery`) also covers that, and says how much of it is the draw's chance.

Counts keep the noisy value as it is, even below zero: a total of many such values
stays right on average, and rounding each of them up would not. The interval is cut
at zero, where no count can be. Noise comes in whole numbers, so a count's interval
reaches a whole number each way, the nearest to what noise without steps would need.
Every count is then held at least as often as stated: the steps up to ``k`` hold more
than the smooth curve does up to ``k + 1/2``, where its slope falls.

Shares solve for the value instead of dividing (`privacy.interval`): ``r`` is in the
interval when the noise can explain how far the released numbers are from a share of
exactly ``r``.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from privacy import interval
from privacy.errors import InvalidQuery
from privacy.interval import Statistic, above, below, sqrt_above


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
        sampling_error: Typical size of what a draw left to chance, apart from the
            noise; the interval covers both. Zero where the figure describes
            exactly the households it counts.

    Raises:
        InvalidQuery: a part is not finite, or the ends are the wrong way round.
    """

    value: float
    low: float
    high: float
    standard_error: float
    confidence: Fraction
    sampling_error: float = 0.0

    def __post_init__(self) -> None:
        """Refuse anything that could not be printed as a result."""
        interval.require_confidence(self.confidence)
        errors = (self.standard_error, self.sampling_error)
        parts = (self.value, self.low, self.high, *errors)
        ordered = self.low <= self.high and min(errors) >= 0
        if not (all(map(math.isfinite, parts)) and ordered):
            raise InvalidQuery("An estimate must be finite, its interval in order.")


def count(measured: Measured, *, confidence: Fraction) -> Estimate:
    """Estimate how many there are: the noisy number, its interval cut at zero."""
    half_width = count_half_width(measured.variance, confidence=confidence)
    return Estimate(
        value=float(measured.value),
        low=max(0.0, measured.value - half_width),
        high=max(0.0, measured.value + half_width),
        standard_error=sqrt_above(measured.variance),
        confidence=confidence,
    )


def total(measured: Measured, *, signed: bool, confidence: Fraction) -> Estimate:
    """Estimate a sum of amounts; if none may be below zero, cut at zero as a count."""
    found = count(measured, confidence=confidence)
    if not signed:
        return found
    half_width = count_half_width(measured.variance, confidence=confidence)
    low, high = found.value - half_width, found.value + half_width
    return dataclasses.replace(found, low=low, high=high)


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
    half_width = noise_half_width(variance, confidence=confidence)
    least = 0.0 if all(weight > 0 for weight, _ in terms) else -math.inf
    return Estimate(
        value=float(value),
        low=max(least, float(value) - half_width),
        high=max(least, float(value) + half_width),
        standard_error=sqrt_above(variance),
        confidence=confidence,
    )


def share(yes: Measured, no: Measured, *, confidence: Fraction) -> Estimate:
    """Estimate the share of "yes" from the two cells that make up the whole.

    At a share of r, ``T(r) = (1 - r) yes - r no`` is noise around zero.

    Requires: noise drawn independently, as in two cells of one release.
    """
    return solved(share_statistic(yes, no), confidence=confidence)


def share_statistic(yes: Measured, no: Measured) -> Statistic:
    """Return the line and the variance by which `share` judges a share."""
    return Statistic(
        constant=Fraction(yes.value),
        slope=Fraction(-(yes.value + no.value)),
        variance=(yes.variance, -2 * yes.variance, yes.variance + no.variance),
    )


def share_of(contrast: Measured, whole: Measured, *, confidence: Fraction) -> Estimate:
    """Estimate the share of "yes" from (yes - no) and (yes + no).

    At a share of r, ``T(r) = contrast - (2 r - 1) whole`` is noise around zero.

    Requires: noise drawn independently, as in two releases.
    """
    statistic = Statistic(
        constant=Fraction(contrast.value + whole.value),
        slope=Fraction(-2 * whole.value),
        variance=(
            contrast.variance + whole.variance,
            -4 * whole.variance,
            4 * whole.variance,
        ),
    )
    return solved(statistic, confidence=confidence)


def count_half_width(variance: Fraction, *, confidence: Fraction) -> float:
    """Return half the width of a count's interval, exactly and before asking."""
    half = noise_half_width(variance, confidence=confidence)
    return float(math.floor(half + 0.5))


def noise_half_width(variance: Fraction, *, confidence: Fraction) -> float:
    """Return how far noise without steps reaches each way."""
    _require_variance(variance)
    return interval.normal_quantile(confidence) * sqrt_above(variance)


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
    width = noise_half_width(variance, confidence=confidence) / expected_whole
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
    width = noise_half_width(variance, confidence=confidence) / (2 * expected_whole)
    return min(0.5, width)


def solved(*pieces: Statistic, confidence: Fraction, certain: bool = True) -> Estimate:
    """Estimate the value at which one statistic is zero, from its pieces.

    Args:
        pieces: the same line, with its variance over neighbouring ranges.
        confidence: how often the interval must hold the true value.
        certain: whether what is divided by is known to be above zero; if it is not,
            or came out otherwise, nothing is known and every possible value is in.
    """
    first = pieces[0]
    least = min(piece.least for piece in pieces)
    most = max(piece.most for piece in pieces)
    if first.slope >= 0 or not certain:
        half = above((most - least) / 2)
        middle = float((least + most) / 2)
        return Estimate(middle, below(least), above(most), half, confidence)
    allowed = Fraction(interval.normal_quantile(confidence)) ** 2
    low, high = interval.hull(pieces, allowed)
    value = max(low, min(high, first.constant / -first.slope))
    there = next(piece for piece in pieces if piece.least <= value <= piece.most)
    deviation = sqrt_above(there.variance_at(value) / first.slope**2)
    return Estimate(
        value=max(below(low), min(above(high), float(value))),
        low=below(low),
        high=above(high),
        standard_error=min(above((most - least) / 2), deviation),
        confidence=confidence,
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
