"""Estimate what being selected by lottery changes, from four weighted sums.

Every household drawn carries its recorded weight w, one over the probability of the
arm it was drawn into, in percent. With +1 for a good outcome and for the selected
arm, -1 otherwise, the sites release

    effect   T = sum of w, signed by arm and by outcome
    mean     U = sum of w, signed by outcome
    balance  B = sum of w, signed by arm
    weight   W = sum of w

One household moves each by at most the cap of w. If outcomes average ``m + t`` in the
selected arm and ``m - t`` in the other, then ``T = m B + t W`` and ``U = m W + t B``,
and t is exactly the difference between the arms' shares of good outcomes. Follow-up
may leave the arms unequal, so each arm is divided by its own weight: with the lean
``c = B / W``, ``T - c U = t (W - c B)`` without m. The effect solves that line with
the noise of all four sums; m is only in the noise of the lean, at its worst there.
Where the mandate publishes the arms' weights, B and W are exact.

The draw is chance too: other households might have been selected. That part of the
error is Neyman's bound, ``p (1 - p) / n`` in either arm, with two cautions. The share
p is moved towards one half by one deviation of its noise, so noise cannot make an arm
look surer than it is. And n is what the weights say it is at the least favourable
probability that the cap of w lets through: a draw at one half, with a cap of 200, has
no such margin. The bound never needs to know how the effect differs between
households, and is exact or too large whatever it is.

Noise and draw are told apart in the estimate; the interval covers both.

Sources: Hajek 1971 (dividing by the sum of weights); Neyman 1923 (the bound); Fieller
1954 (the interval, and that of a ratio of two effects); Bhatia and Davis 2000 (a
variance from a mean alone).
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from privacy import estimate, interval
from privacy.errors import InvalidQuery
from privacy.estimate import Estimate, Measured
from privacy.interval import Statistic, above, sqrt_above

PERCENT = 100
Quadratic = tuple[Fraction, Fraction, Fraction]
"""A variance: what it is at zero, and its linear and square part."""
_ONE = Fraction(1)
_NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Arms:
    """Hold the weight of either arm, measured or published.

    Attributes:
        balance: The selected arm's weight less the other's, in percent.
        weight: Both arms' weight together.
        noise: The variance of the noise in `balance` and in `weight`; nothing where
            the weights are published.
        upper: The cap of one household's weight, in percent.
    """

    balance: Fraction
    weight: Fraction
    noise: tuple[Fraction, Fraction]
    upper: int

    def __post_init__(self) -> None:
        """Refuse a cap that some arm's weight must break."""
        if self.upper < 2 * PERCENT:
            raise InvalidQuery(
                "One arm of every draw has a weight of at least 200 percent; a cap "
                "below that would change the effect."
            )

    @property
    def lean(self) -> Fraction:
        """How far the weight leans to the selected arm, from -1 to 1."""
        return self.balance / self.weight

    @property
    def each(self) -> tuple[Fraction, Fraction]:
        """The weight of the selected arm, and of the other."""
        both, lead = self.weight, self.balance
        return (both + lead) / 2, (both - lead) / 2

    def known(self, confidence: Fraction) -> bool:
        """Tell whether the noise leaves more than one household in either arm."""
        error = Fraction(sqrt_above(sum(self.noise, _NOTHING))) / 2
        reach = Fraction(interval.normal_quantile(confidence)) * error
        return min(self.each) - reach > 2 * self.upper

    @property
    def pairs(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """The extreme pairs of weights that one household has in the two arms.

        One over each adds up to 1, so the lighter is ``u / (u - 1)`` of the cap u.
        """
        most = Fraction(self.upper)
        least = PERCENT * most / (most - PERCENT)
        return (most, least), (least, most)


def measured(balance: Measured, weight: Measured, *, upper: int) -> Arms:
    """Take the arms' weights from noisy sums."""
    return Arms(
        balance=Fraction(balance.value),
        weight=Fraction(weight.value),
        noise=(balance.variance, weight.variance),
        upper=upper,
    )


def published(selected: Fraction, others: Fraction, *, upper: int) -> Arms:
    """Take the arms' weights from exact published sums, in percent."""
    return Arms(
        balance=selected - others,
        weight=selected + others,
        noise=(_NOTHING, _NOTHING),
        upper=upper,
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Outcome:
    """Hold the two sums of one outcome."""

    effect: Measured
    mean: Measured

    def gap(self, arms: Arms) -> Fraction:
        """Return T - c U, which the effect and the noise make up."""
        return self.effect.value - arms.lean * self.mean.value

    def noise(self, arms: Arms) -> Fraction:
        """Return the variance of the noise in T - c U."""
        return self.effect.variance + arms.lean**2 * self.mean.variance

    def middle(self, arms: Arms, confidence: Fraction) -> Fraction:
        """Return the most that m may differ from zero."""
        error = self.mean.variance + sum(arms.noise, _NOTHING)
        reach = interval.normal_quantile(confidence) * sqrt_above(error)
        return min(_ONE, (abs(self.mean.value) + Fraction(reach)) / arms.weight)

    def spreads(self, arms: Arms) -> tuple[Fraction, Fraction]:
        """Return the variance of the outcome's sign in either arm, never too small."""
        found = []
        for side, weight in zip((1, -1), arms.each, strict=True):
            mean = (side * self.effect.value + self.mean.value) / (2 * weight)
            size = min(_ONE, abs(mean))
            noise = self.effect.variance + self.mean.variance
            noise += size**2 * sum(arms.noise, _NOTHING)
            size = max(_NOTHING, size - Fraction(sqrt_above(noise)) / (2 * weight))
            found.append(1 - size**2)
        return found[0], found[1]


def effect(outcome: Outcome, arms: Arms, *, confidence: Fraction) -> Estimate:
    """Estimate the effect of being selected, as a difference of shares.

    The interval is [-1, 1] where noise leaves an arm with hardly anybody.

    Requires: the four sums were released with noise drawn independently.
    """
    if not (arms.weight > 0 and arms.known(confidence)):
        return _unknown(confidence)
    lean, slope = arms.lean, arms.weight - arms.lean * arms.balance
    balance, weight = arms.noise
    # The arms' noise enters as (m - c t) of the balance's, (c m - t) of the weight's.
    # Squared, each has a term in m t, and 2 m t c is at most |c| (m**2 + t**2).
    crossed = abs(lean) * (balance + weight)
    furthest = outcome.middle(arms, confidence) ** 2
    noise = Statistic(
        constant=outcome.gap(arms),
        slope=-slope,
        variance=(
            outcome.noise(arms) + furthest * (balance + lean**2 * weight + crossed),
            _NOTHING,
            weight + lean**2 * balance + crossed,
        ),
        least=-_ONE,
        most=_ONE,
    )
    spreads = outcome.spreads(arms)
    drawn = (_drawn(arms, spreads), _NOTHING, _NOTHING)
    return _both([noise], [drawn], confidence)


def effect_on_enrolled(
    outcome: Outcome, enrolled: Outcome, arms: Arms, *, confidence: Fraction
) -> Estimate:
    """Estimate the effect on those who enrol because they are selected.

    It is the effect on the outcome divided by the effect on enrolling; the arms'
    weights cancel but for the noise of their lean. Where selection may not have
    changed enrolment at all, the interval is [-1, 1]: nothing can be said.

    Requires: being selected changes the outcome only through enrolling.
    """
    if not (arms.weight > 0 and arms.known(confidence)):
        return _unknown(confidence)
    lean, (balance, weight) = arms.lean, arms.noise
    leaning = balance + lean**2 * weight
    ours, theirs = (each.middle(arms, confidence) for each in (outcome, enrolled))
    noise = (
        outcome.noise(arms) + ours**2 * leaning,
        2 * ours * theirs * leaning,
        enrolled.noise(arms) + theirs**2 * leaning,
    )
    first, second = outcome.spreads(arms), enrolled.spreads(arms)
    # Outcome and enrolment may go together in any way: the worst is 2 sqrt(ab).
    mixed = [Fraction(sqrt_above(a * b)) for a, b in zip(first, second, strict=True)]
    drawn = (
        _drawn(arms, first),
        2 * _drawn(arms, (mixed[0], mixed[1])),
        _drawn(arms, second),
    )
    reach = Fraction(interval.normal_quantile(confidence)) ** 2
    moved = enrolled.gap(arms)
    if moved <= 0 or moved**2 <= reach * (noise[2] + drawn[2]):
        return _unknown(confidence)
    line = Statistic(outcome.gap(arms), -moved, noise, _NOTHING, _ONE)
    return _both(*_mirrored(line, drawn), confidence)


def _mirrored(
    line: Statistic, drawn: Quadratic
) -> tuple[list[Statistic], list[Quadratic]]:
    """Return a line whose variance rises with the size of the value, on both sides."""
    fixed, linear, square = line.variance
    below_zero = dataclasses.replace(
        line, variance=(fixed, -linear, square), least=-_ONE, most=_NOTHING
    )
    return [below_zero, line], [(drawn[0], -drawn[1], drawn[2]), drawn]


def _drawn(arms: Arms, spreads: tuple[Fraction, Fraction]) -> Fraction:
    """Return the most that the draw makes T - c U vary, squared.

    An arm of weight a, in which no household weighs more than w, is at least a / w
    households; one is lost to the mean they are compared with.
    """
    lean = arms.lean
    return max(
        sum(
            (
                (1 - side * lean) ** 2 * heavy * own**2 / (own - heavy) * spread
                for side, own, heavy, spread in zip(
                    (1, -1), arms.each, pair, spreads, strict=True
                )
            ),
            _NOTHING,
        )
        for pair in arms.pairs
    )


def _both(
    noise: Sequence[Statistic],
    drawn: Sequence[Quadratic],
    confidence: Fraction,
) -> Estimate:
    """Solve for the value with noise and draw together, and tell the two apart."""
    whole = [
        dataclasses.replace(line, variance=_added(line.variance, chance))
        for line, chance in zip(noise, drawn, strict=True)
    ]
    found = estimate.solved(*whole, confidence=confidence)
    value = Fraction(found.value)
    line, chance = next(
        (line, chance)
        for line, chance in zip(noise, drawn, strict=True)
        if line.least <= value <= line.most
    )
    fixed, linear, square = chance
    squared = fixed + value * (linear + value * square)
    return dataclasses.replace(
        found,
        standard_error=_error(line.variance_at(value), line.slope),
        sampling_error=_error(squared, line.slope),
    )


def _added(one: Quadratic, other: Quadratic) -> Quadratic:
    """Add two variances."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _error(variance: Fraction, slope: Fraction) -> float:
    """Return a deviation in units of the value; no value is further off than 1."""
    return min(1.0, above(Fraction(sqrt_above(variance)) / abs(slope)))


def _unknown(confidence: Fraction) -> Estimate:
    """Return the estimate that says nothing."""
    return Estimate(0.0, -1.0, 1.0, 1.0, confidence)
