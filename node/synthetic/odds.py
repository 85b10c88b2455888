"""Chances and distributions of invented records, as tables of whole numbers.

Every table is computed once, in decimal arithmetic of a fixed precision, and
then only compared with the words of a stream: no result depends on a machine's
floating point or mathematics library.
"""

import decimal
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from node.synthetic.stream import WORD_RANGE, Stream
from privacy.errors import InvalidProgramme
from privacy.strict import Section

_T = TypeVar("_T")

ARITHMETIC = decimal.Context(prec=40, rounding=decimal.ROUND_HALF_EVEN)
"""Set this with `decimal.localcontext` around anything that builds tables."""

_BEYOND_ANY_RECORD_DAYS = 1_200


@dataclass(frozen=True, slots=True)
class Chance:
    """How often something happens: for words below `end`."""

    end: int

    def happens(self, stream: Stream) -> bool:
        """Draw once."""
        return stream.word() < self.end


@dataclass(frozen=True, slots=True)
class Odds(Generic[_T]):
    """Values and the words at which each one's share ends."""

    values: tuple[_T, ...]
    ends: tuple[int, ...]

    def pick(self, stream: Stream) -> _T:
        """Draw once."""
        return self.values[bisect_right(self.ends, stream.word())]


def probability(share: Decimal) -> Chance:
    """Return the chance of a share between 0 and 1."""
    if not 0 <= share <= 1:
        raise InvalidProgramme(f"{share} is not a probability; use 0 to 1.")
    return Chance(int(share * WORD_RANGE))


def weigh(weights: Mapping[_T, Decimal]) -> Odds[_T]:
    """Return odds in proportion to weights."""
    total = sum(weights.values(), Decimal())
    if total <= 0 or min(weights.values()) < 0:
        raise InvalidProgramme("Weights must not be negative, nor all be zero.")
    ends, so_far = [], Decimal()
    for weight in weights.values():
        so_far += weight
        ends.append(int(so_far * WORD_RANGE / total))
    return Odds(tuple(weights), tuple(ends))


def poisson(mean: Decimal, *, most: int) -> Odds[int]:
    """Return Poisson counts from 0 to `most`."""
    weights = {0: Decimal(1)}
    for count in range(1, most + 1):
        weights[count] = weights[count - 1] * mean / count
    return weigh(weights)


def negative_binomial(mean: Decimal, *, size: int, most: int) -> Odds[int]:
    """Return counts of a mean whose variance is mean + mean**2 / size."""
    ratio = mean / (mean + size)
    weights = {0: Decimal(1)}
    for count in range(1, most + 1):
        weights[count] = weights[count - 1] * ratio * (count + size - 1) / count
    return weigh(weights)


def gamma_days(mean: Decimal, *, shape: int, most: int) -> Odds[int]:
    """Return whole days of a gamma density, read at the middle of each day."""
    half = Decimal("0.5")
    fall, weights = (-shape / mean).exp(), {}
    tail = (-half * shape / mean).exp()
    for day in range(most + 1):
        weights[day] = (day + half) ** (shape - 1) * tail
        tail *= fall
    return weigh(weights)


def geometric_days(mean: Decimal, *, most: int) -> Odds[int]:
    """Return whole days until something that is as likely on each day."""
    fall = (-1 / mean).exp()
    shares, left = {}, Decimal(1)
    for day in range(most):
        shares[day] = left * (1 - fall)
        left *= fall
    return weigh(shares | {most: left})


def weibull_days(median: Decimal, *, shape: Decimal, most: int) -> Odds[int]:
    """Return whole days of a Weibull distribution with a given median."""
    rate = Decimal(2).ln()
    beyond = [(-rate * (Decimal(day) / median) ** shape).exp() for day in range(most)]
    shares = {day: beyond[day] - beyond[day + 1] for day in range(most - 1)}
    return weigh(shares | {most - 1: beyond[most - 1]})


def bell() -> Odds[Decimal]:
    """Return a standard normal on a grid of quarters from -4 to 4."""
    points = [Decimal(step) / 4 for step in range(-16, 17)]
    return weigh({point: (-point * point / 2).exp() for point in points})


def logistic(log_odds: Decimal) -> Decimal:
    """Return the probability of log-odds."""
    return 1 / (1 + (-log_odds).exp())


def number(section: Section, key: str) -> Decimal:
    """Read a number."""
    return _decimal(f"{section.name}.{key}", section.raw(key))


def percent(section: Section, key: str) -> Chance:
    """Read a chance written in percent."""
    return probability(number(section, key) / 100)


def choice(section: Section, key: str) -> Odds[str]:
    """Read a table of code = weight."""
    return weigh(weights(section, key))


def weights(section: Section, key: str) -> dict[str, Decimal]:
    """Read a table of name = number."""
    name, content = f"{section.name}.{key}", section.raw(key)
    if not isinstance(content, dict) or not content:
        raise InvalidProgramme(f"{name} must be a table of numbers.")
    return {code: _decimal(f"{name}.{code}", value) for code, value in content.items()}


def lag(section: Section, key: str) -> Odds[int]:
    """Read a lag in days: mean_days, shape and most_days of a gamma density."""
    inner = Section(f"{section.name}.{key}", section.raw(key))
    odds = gamma_days(
        number(inner, "mean_days"),
        shape=inner.integer("shape"),
        most=inner.integer("most_days"),
    )
    inner.done()
    return odds


def per_year(section: Section, key: str) -> Odds[int]:
    """Read a yearly rate as the days from one event to the next."""
    mean = Decimal("365.25") / number(section, key)
    return geometric_days(mean, most=_BEYOND_ANY_RECORD_DAYS)


def _decimal(name: str, value: object) -> Decimal:
    """Turn a TOML number into an exact decimal, by what was written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidProgramme(f"{name} must be a number.")
    return Decimal(str(value))
