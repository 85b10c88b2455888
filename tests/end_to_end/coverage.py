"""Draw figures again and again, and count how often their intervals hold.

Every draw counted is independent of the others, so the number that held is exactly
binomial: of each repetition either the sites' figures or the nation's are looked
at, and of several figures that share noise one, in turn. Counts and shares are
counted apart.

A count's interval reaches whole numbers, as its noise does, so how often it holds is
added up from the noise's exact distribution; it is never less often than stated.

Two kinds of figure are covered more often than stated, by construction: a count of
nobody, because no interval ends below zero, and a share that the noise could move
past 0 or 1. They are held to "at least as often"; all others to "exactly as often".
"""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from scipy.stats import binomtest

from coordinator import combine
from privacy import estimate, estimators
from privacy.catalogue import Metric
from privacy.estimate import Measured
from tests.end_to_end.draws import DICTIONARY, Releases, Run, asked, queries

CONFIDENCE = Fraction(19, 20)
NATION = "all"
COUNTS = ("M01", "M08", "M09")
FAR = 4.5
"""Standard errors that noise does not cross: once in 300,000 draws."""
NATIONAL_EVERY = 4


class Sort(StrEnum):
    """What an interval is of, and so how often it must hold the exact figure."""

    COUNT = "counts"
    SHARE = "shares"
    AT_THE_END = "at the ends"


@dataclass
class Coverage:
    """How many intervals were looked at, and how many held the exact figure."""

    looked: Counter[Sort | str] = field(default_factory=Counter)
    held: Counter[Sort | str] = field(default_factory=Counter)
    due: dict[Sort, float] = field(default_factory=dict)

    def add(self, sort: Sort, metric: str, *, held: bool, due: float) -> None:
        """Count one more, also by metric unless more is covered than stated."""
        self.due[sort] = self.due.get(sort, 0.0) + due
        for name in (sort,) if sort is Sort.AT_THE_END else (sort, metric):
            self.looked[name] += 1
            self.held[name] += held

    def test(self, sort: Sort) -> float:
        """Return how likely so few, or so many, are if each is held when it is due.

        With chances that differ the number held varies less than a binomial number
        with their mean, so the test errs on the side of no alarm.
        """
        alternative = "less" if sort is Sort.AT_THE_END else "two-sided"
        chance = self.due[sort] / self.looked[sort]
        found = binomtest(self.held[sort], self.looked[sort], chance, alternative)
        return float(found.pvalue)

    def __str__(self) -> str:
        """Show the coverage by metric and by sort."""
        lines = []
        for name in sorted(self.looked.keys() - set(Sort)) + list(Sort):
            looked, held = self.looked[name], self.held[name]
            line = f"{name:12}{held:7} of {looked:7}  {held / max(1, looked):7.2%}"
            lines.append(
                f"{line}  p = {self.test(name):.3g}" if isinstance(name, Sort) else line
            )
        return "\n".join(lines)


TRUTH = Fraction(1)


def cover(
    run: Run, *, repetitions: int, stated: Sequence[Fraction] = (TRUTH,)
) -> dict[Fraction, Coverage]:
    """Draw a run's figures again and again, and look at each repetition.

    Args:
        run: How they are drawn.
        repetitions: How often.
        stated: What the true variance is multiplied by before it is believed; for
            each, the same draws are looked at.
    """
    found = {factor: Coverage() for factor in stated}
    for repetition in range(repetitions):
        releases = run.draw(run)
        for factor, coverage in found.items():
            for kind, metric, held, due in look(run, releases, repetition, factor):
                coverage.add(kind, metric, held=held, due=due)
    return found


def look(
    run: Run, releases: Releases, repetition: int, factor: Fraction
) -> Iterator[tuple[Sort, str, bool, float]]:
    """Publish the sites' figures, or the nation's, and compare each with the exact.

    Yields:
        Of what sort, of which metric, whether it held, and how often it should.
    """
    names = run.sites.names
    places = {name: (name,) for name in names}
    if repetition % NATIONAL_EVERY == 0:
        places = {NATION: names}
    for (metric, period), (place, members) in itertools.product(
        asked(run.periods), places.items()
    ):
        measured = {
            name: combine.site_mode([releases[s, period, name] for s in members])
            for name in metric.templates
        }
        published = estimators.publish(
            metric,
            queries(metric.id, period),
            {name: _stated(vector, factor) for name, vector in measured.items()},
            DICTIONARY,
            confidence=CONFIDENCE,
        )
        for number, cell in enumerate(published):
            if not in_turn(metric.id, number, of=len(published), turn=repetition):
                continue
            labels = ", ".join(f"{name}={value}" for name, value in cell.labels)
            key = (metric.id, place, period, labels)
            top, bottom = run.sites.exact.figures.get(key, (0, None))
            if metric.id in COUNTS:
                truth = float(top)
                sort = Sort.COUNT if top else Sort.AT_THE_END
            elif not bottom:
                continue  # a share of nobody has no exact figure
            else:
                truth = top / bottom
                far = is_far_from_the_ends(metric, measured, top, bottom)
                sort = Sort.SHARE if far else Sort.AT_THE_END
            found = cell.estimate
            due = (
                steps_held(found.standard_error)
                if sort is Sort.COUNT
                else float(CONFIDENCE)
            )
            yield sort, metric.id, found.low <= truth <= found.high, due


@functools.cache
def steps_held(scale: float) -> float:
    """Return how often whole-number noise stays within a count's reach."""
    reach = estimate.count_half_width(Fraction(scale) ** 2, confidence=CONFIDENCE)
    steps = range(-math.ceil(12 * scale), math.ceil(12 * scale) + 1)
    weights = {step: math.exp(-(step**2) / (2 * scale**2)) for step in steps}
    inside = math.fsum(w for step, w in weights.items() if abs(step) <= reach)
    held = inside / math.fsum(weights.values())
    assert held >= CONFIDENCE
    return held


def _stated(vector: tuple[Measured, ...], factor: Fraction) -> tuple[Measured, ...]:
    """State another variance than was added, if the factor is not 1."""
    return tuple(Measured(m.value, m.variance * factor) for m in vector)


def in_turn(metric: str, cell: int, *, of: int, turn: int) -> bool:
    """Pick, of the figures that share noise, one in turn.

    A total shares its noise with its parts, the parts of a mix with each other, and
    the shares of one cohort the noise of its size. Of the places one in four is the
    nation; the turn is taken so that every figure has its turn at either.
    """
    turn //= NATIONAL_EVERY
    turns = {
        "M01": (turn % 2 == 0) == (cell == 0),
        "M04": turn % of == cell,
        "M12": turn % 6 == cell,
        "M18": turn % 6 == 4,
        "M43": turn % 6 == 5,
        "M14": turn % 2 == 0,
        "M22": turn % 2 == 1,
    }
    return turns.get(metric, True)


def is_far_from_the_ends(
    metric: Metric, measured: Mapping[str, tuple[Measured, ...]], top: int, bottom: int
) -> bool:
    """Tell whether noise can neither hide the whole nor take the share past 0 or 1."""
    share = top / bottom
    first, *others = metric.estimator.of
    parts = [float(m.variance) for m in measured[first]]
    if others:
        whole = float(measured[others[-1]][0].variance)
        error = math.sqrt(parts[0] + (2 * share - 1) ** 2 * whole) / (2 * bottom)
    else:
        whole = sum(parts)
        rest = whole - parts[0]
        error = math.sqrt((1 - share) ** 2 * parts[0] + share**2 * rest) / bottom
    nearest = min(share, 1 - share)
    return bottom > FAR * math.sqrt(whole) and nearest > FAR * error
