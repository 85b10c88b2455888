"""Judge whether a value can be relied on, and work out what would make it so.

The limits stand here and nowhere else. What would help is worked out from the
interval's own formula and the released value: more loss makes the noise smaller by
its square root, and a figure over more households the same noise smaller beside it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from coordinator.result import EVERYWHERE, Cell, Result
from privacy import estimate
from privacy.catalogue import Metric
from privacy.errors import InvalidQuery
from privacy.estimate import Estimate
from privacy.estimators import ALL, ARM, DIFFERENCE, GROUP
from privacy.metric import Measure
from privacy.period import Period, PeriodKind

TOO_UNCERTAIN: Final = "too uncertain to tell"

_MONEY: Final = "dollars"
"""What an amount becomes when it is multiplied by a price."""

_TENTHS: Final = 10
_HALF_STEP: Final = 0.5 - 1e-9
"""What is still rounded to the whole number below."""
_UNKNOWN_SHARE_ERROR: Final = 0.5
_DIFFERENCE: Final = (ARM, DIFFERENCE)


class Readability(StrEnum):
    """How far a value can be relied on: green, amber and red, said in words."""

    EXACT = "exact"
    CLEAR = "clear"
    ROUGH = "rough"
    UNCERTAIN = TOO_UNCERTAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Half-widths of an interval up to which its value is clear, and rough.

    Attributes:
        relative: They are parts of the value; else in the value's own unit.
    """

    clear: float
    rough: float
    relative: bool

    def widest(self, value: float, *, rough: bool = True) -> float:
        """Return the widest half-width that can still be read around a value."""
        part = self.rough if rough else self.clear
        return part * max(value, 0.0) if self.relative else part


_PARTS: Final = Limits(clear=0.10, rough=0.25, relative=True)
_POINTS: Final = Limits(clear=0.03, rough=0.08, relative=False)

LIMITS: Final = {
    Measure.COUNT: _PARTS,
    Measure.SHARE: _POINTS,
    Measure.DIFFERENCE: _POINTS,
    Measure.QUANTITY: _PARTS,
}

AROUND_ZERO: Final = {
    "standard deviations": Limits(clear=0.10, rough=0.25, relative=False),
    "points": Limits(clear=0.10, rough=0.25, relative=False),
}
"""Units in which zero is an ordinary value, so that no part of it can be a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """In what a value is measured: what kind of number it is, and its unit."""

    measure: Measure
    unit: str

    @property
    def limits(self) -> Limits:
        """How wide its interval may be."""
        return AROUND_ZERO.get(self.unit, LIMITS[self.measure])

    @property
    def signed(self) -> bool:
        """Whether it may be below zero, so that its sign is always shown."""
        return self.measure is Measure.DIFFERENCE or self.unit in AROUND_ZERO


def scale(metric: Metric, labels: tuple[tuple[str, str], ...] = ()) -> Scale:
    """Return in what a metric's value with these labels is measured."""
    if _DIFFERENCE in labels:
        return Scale(measure=Measure.DIFFERENCE, unit="")
    price = (metric.estimator.figure or "").replace("_", " ")
    if price and (GROUP, f"times {price}") in labels:
        return Scale(measure=Measure.QUANTITY, unit=_MONEY)
    return Scale(measure=metric.measure, unit=metric.unit_shown)


def is_exact(found: Estimate) -> bool:
    """Tell whether a value carries neither noise nor chance."""
    return not (found.standard_error or found.sampling_error)


def readability(found: Estimate, scale: Scale) -> Readability:
    """Judge an interval by its half-width, before anybody reads the value."""
    if is_exact(found):
        return Readability.EXACT
    half = (found.high - found.low) / 2
    if half <= scale.limits.widest(found.value, rough=False):
        return Readability.CLEAR
    if half <= scale.limits.widest(found.value):
        return Readability.ROUGH
    return Readability.UNCERTAIN


def loss_factor(found: Estimate, scale: Scale) -> float | None:
    """Return how many times the loss would bring the interval to its limit.

    The interval is taken as it is, or as wide as its errors make it where it was
    cut at what is possible; what a draw left to chance stays as it is. A count's
    reaches a whole number, so noise up to half a household more will do. Rounded up
    to a tenth.

    Returns:
        The factor, above one; or None where no loss would do, or none can be
        worked out from a value like this.
    """
    limit = scale.limits.widest(found.value)
    if limit <= 0 or _unknown(found, scale):
        return None
    z = estimate.noise_half_width(Fraction(1), confidence=found.confidence)
    drawn = (z * found.sampling_error) ** 2
    noise = (z * found.standard_error) ** 2
    if scale.measure is Measure.COUNT:
        limit = math.floor(limit) + _HALF_STEP
    else:
        noise = max(noise, ((found.high - found.low) / 2) ** 2 - drawn)
    if limit**2 <= drawn:
        return None
    return math.ceil(_TENTHS * noise / (limit**2 - drawn)) / _TENTHS


def readable_with(cell: Cell, published: Result, metric: Metric) -> tuple[str, ...]:
    """Say what would make a value readable, one sentence for each way there is.

    Returns:
        Nothing for a value that is readable already.
    """
    found = cell.estimate
    measured = scale(metric, cell.labels)
    if readability(found, measured) is not Readability.UNCERTAIN:
        return ()
    ways = [_with_loss(found, measured, published.rho)]
    ways += _with_time(found, measured, published, metric)
    ways += _with_total(cell, published, metric)
    return tuple(ways)


def _unknown(found: Estimate, scale: Scale) -> bool:
    """Tell whether a share is so unknown that its error is only a bound."""
    share = scale.measure in (Measure.SHARE, Measure.DIFFERENCE)
    return share and found.standard_error >= _UNKNOWN_SHARE_ERROR


def _with_loss(found: Estimate, scale: Scale, rho: Fraction) -> str:
    """Say how much more loss would do, for the released value and by its formula."""
    factor = loss_factor(found, scale)
    if factor is not None:
        return (
            f"By the interval's formula, around this same value, {factor:,.1f} times "
            f"the loss would do (rho {float(rho) * factor:.2g} instead of "
            f"{float(rho):.2g})."
        )
    z = estimate.noise_half_width(Fraction(1), confidence=found.confidence)
    limit = scale.limits.widest(found.value)
    if limit > 0 and z * found.sampling_error >= limit:
        return (
            "No loss would do: the luck of the draw alone spreads it further than "
            "that; more draws added up would help."
        )
    return (
        "How much more loss would do cannot be worked out: the noise is as large as "
        "what was counted."
    )


def _with_time(
    found: Estimate, scale: Scale, published: Result, metric: Metric
) -> Iterator[str]:
    """Yield the shortest longer period that would do, if it counts in proportion."""
    try:
        asked = Period(published.period)
    except InvalidQuery:
        return  # cohorts added up are no one period
    z = estimate.noise_half_width(Fraction(1), confidence=found.confidence)
    half = max((found.high - found.low) / 2, z * found.standard_error)
    limit = scale.limits.widest(found.value)
    for longer in _longer(asked):
        times = len(longer.quarters) // len(asked.quarters)
        drawn = z * found.sampling_error / math.sqrt(times)
        noise = math.sqrt(max(0.0, half**2 - (z * found.sampling_error) ** 2)) / times
        enough = math.hypot(drawn, noise) <= limit and not _unknown(found, scale)
        if longer.kind in metric.periods and enough:
            yield (
                f"{longer} would do at the same noise, if it counts {times} times as "
                "many."
            )
            return


def _longer(period: Period) -> Iterator[Period]:
    """Yield the longer periods that hold a period, the shortest first."""
    if period.kind is PeriodKind.QUARTER:
        half = 1 if period.label.endswith(("Q1", "Q2")) else 2
        yield Period(f"FY{period.year}-H{half}")
    if period.kind is not PeriodKind.FISCAL_YEAR:
        yield period.fiscal_year


def _with_total(cell: Cell, published: Result, metric: Metric) -> Iterator[str]:
    """Yield the totals of this result that hold the value and can be read."""
    whole = tuple(
        (name, label if name == GROUP else ALL) for name, label in cell.labels
    )
    if whole != cell.labels and _reads(published, cell.site, whole, metric):
        names = [name for name, label in cell.labels if name != GROUP and label != ALL]
        parts = " and ".join(name.replace("_", " ") for name in names)
        yield f"The total over every {parts} can be read."
    if cell.site != EVERYWHERE and _reads(published, EVERYWHERE, cell.labels, metric):
        yield "The total of all sites can be read."


def _reads(
    published: Result, site: str, labels: tuple[tuple[str, str], ...], metric: Metric
) -> bool:
    """Tell whether a result has a value at a place, and it can be read."""
    measured = scale(metric, labels)
    return any(
        (each.site, each.labels) == (site, labels)
        and readability(each.estimate, measured) is not Readability.UNCERTAIN
        for each in published.cells
    )
