"""Say what a loss could mean for one person, in numbers officers can judge.

The yardstick is an insider who already knows everything about everybody else and
sees everything a site ever released. Before that, the insider thought that so many
of 100 people just like this one were in the programme. How many could it be after?
At an odds bound of ``f = exp(epsilon)``, a thought of ``p`` becomes at most

    p f / (1 - p + p f),

which is Bayes' rule with the likelihood ratio at its bound. Every number here is
rounded up, so nothing is understated.

The bound holds except with a small chance. Epsilon at ``delta`` is the usual
statement about every yes-or-no test. For the odds themselves we state the chance
that they move further, which rho-zCDP bounds for every epsilon above rho by

    P(loss > epsilon) <= exp(-(epsilon - rho)**2 / (4 rho)),

Markov's inequality on the moment of order ``1 + (epsilon - rho) / (2 rho)``.

Source: Bun and Steinke 2016, "Concentrated Differential Privacy", Proposition 1.3 and
its proof (the tail); Nanayakkara and others 2023, "What Are the Chances?" (people
judge a loss best from numbers of people and a stated starting point).
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Final

from privacy import loss

DELTA: Final = Fraction(1, 10**6)
"""The chance at which a loss is shown as epsilon unless a policy says otherwise."""

STANDARD: Final = tuple(map(Fraction, ("0.1", "0.5", "1", "2", "4", "8")))
"""The epsilons an officer is shown side by side."""

_DIGITS: Final = 50
_MARGIN: Final = Decimal("1e-30")
_HUNDRED: Final = 100
_STEP: Final = "0.001"


class Strength(StrEnum):
    """Our word for a loss, from the strongest protection to the weakest."""

    VERY_STRONG = "very strong"
    STRONG = "strong"
    GOOD = "good"
    MODERATE = "moderate"
    LIMITED = "limited"
    WEAK = "weak"


_STRENGTHS: Final = tuple(zip(STANDARD, Strength, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What one loss could mean for one person; every number is rounded up.

    Attributes:
        rho: The loss, exact.
        delta: The chance at which epsilon is stated.
        epsilon: The loss as people read it, to a thousandth.
        odds: By how much the insider's odds could be multiplied, to three digits.
        from_10: Of 100 people like this, how many the insider could now think are
            in the programme who thought 10 were; to a tenth.
        from_50: The same for one who thought 50 were.
        chance: How often at most the odds could move further than that.
        strength: Our word for it.
    """

    rho: Fraction
    delta: Fraction
    epsilon: Decimal
    odds: Decimal
    from_10: Decimal
    from_50: Decimal
    chance: Decimal
    strength: Strength

    def sentence(self) -> str:
        """Say it in words."""
        return (
            "Think of 100 people just like this one, and of an insider who knows "
            "everything about everybody else. Having seen all that was released, an "
            f"insider who thought 10 of them were in the programme could think at most "
            f"{self.from_10:f} are; one who thought 50 were, at most {self.from_50:f}. "
            f"That is {self.strength.value} protection; there is a chance of at most "
            f"{self.chance:f} that these odds move further."
        )


def of(rho: Fraction, delta: Fraction = DELTA) -> Consequence:
    """Say what a loss could mean.

    Raises:
        InvalidQuery: rho is not in (0, 100], or delta not in (0, 1).
    """
    exact = Decimal(loss.epsilon(rho, delta))
    with localcontext(prec=_DIGITS):
        # All that follows is about the epsilon that is shown, never about less.
        epsilon = max(_up(exact, _STEP), Decimal(_STEP))
        factor = epsilon.exp() * (1 + _MARGIN)
        odds = _digits_up(factor)
        from_10, from_50 = (_now(Fraction(n, _HUNDRED), factor) for n in (10, 50))
        chance = _beyond(rho, epsilon)
    return Consequence(
        rho=rho,
        delta=delta,
        epsilon=epsilon,
        odds=odds,
        from_10=from_10,
        from_50=from_50,
        chance=chance,
        strength=strength(epsilon),
    )


def rows(delta: Fraction = DELTA) -> tuple[Consequence, ...]:
    """Return the table an officer chooses from, the strongest protection first."""
    return tuple(of(loss.rho_for(epsilon, delta), delta) for epsilon in STANDARD)


def strength(epsilon: Decimal | Fraction) -> Strength:
    """Return our word for an epsilon: the one of the next larger row."""
    for most, word in _STRENGTHS:
        if epsilon <= most:
            return word
    return Strength.WEAK


def _now(before: Fraction, factor: Decimal) -> Decimal:
    """Return how many of 100 a thought of `before` can become at most."""
    part, rest = before.numerator, before.denominator - before.numerator
    after = part * factor / (rest + part * factor)
    return min(_up(_HUNDRED * after * (1 + _MARGIN), "0.1"), Decimal("100.0"))


def _beyond(rho: Fraction, epsilon: Decimal) -> Decimal:
    """Return the chance that the odds move further, rounded up to two digits."""
    exact = Decimal(rho.numerator) / Decimal(rho.denominator)
    over = epsilon - exact
    if over <= 0:
        return Decimal(1)
    tail = (-(over**2) / (4 * exact)).exp() * (1 + _MARGIN)
    return min(Decimal(1), _digits_up(tail, digits=2))


def _digits_up(value: Decimal, digits: int = 3) -> Decimal:
    """Round up to a number of leading digits."""
    step = Decimal(1).scaleb(value.adjusted() - digits + 1)
    return Decimal(f"{value.quantize(step, rounding=ROUND_CEILING):f}")


def _up(value: Decimal, step: str) -> Decimal:
    """Round up to a step."""
    return value.quantize(Decimal(step), rounding=ROUND_CEILING)
