"""Say what an estimate means, in words a board member would use.

On screen a count is never below zero and an interval never narrower than it is;
the raw numbers stay in the exported results.
"""

import math
from collections.abc import Callable, Iterable
from typing import Final

from coordinator import reading
from coordinator.reading import TOO_UNCERTAIN, Readability, Scale
from coordinator.result import EVERYWHERE, Cell, Result, SiteOutcome, Status
from privacy.catalogue import EstimatorKind, Metric
from privacy.errors import BudgetExhausted, NoPublicFigure
from privacy.estimate import Estimate
from privacy.estimators import ALL, DIMENSION, GROUP, QUANTILE
from privacy.metric import Measure
from proto import status
from proto.wire import Refusal, RefusalCode

ONLY_NOISE: Final = "The spread comes only from privacy protection."
EXACTLY: Final = "It is a public figure, exact, and costs nothing."
WHOLE: Final = "in all"
EVERYBODY: Final = "All sites"

_REASONS: Final = {
    Status.UNREACHABLE: "did not answer",
    Status.CERTIFICATE: "its certificate was not accepted",
    Status.PENDING: "still working on it; ask again, it is not charged twice",
    Status.ERROR: "its answer could not be used",
}
_BECAUSE: Final = {
    NoPublicFigure.code: "a public figure of it is missing",
    "not-in-every-cohort": "it has not answered every cohort",
}
"""Reasons that say more than the status does."""

_PARTS: Final = {"25 %": "a quarter", "50 %": "half", "75 %": "three quarters"}
_TRUE: Final = {
    Measure.COUNT: "number",
    Measure.SHARE: "share",
    Measure.DIFFERENCE: "difference",
    Measure.QUANTITY: "figure",
}
_POINTS: Final = "points"
_EXACT_PLACES: Final = 6


def value(estimate: Estimate, scale: Scale) -> str:
    """Write a value for a screen, without the unit of a quantity."""
    if reading.is_exact(estimate) and scale.measure is Measure.QUANTITY:
        return f"{round(estimate.value, _EXACT_PLACES):,.15g}"
    return _written(estimate.value, _places(estimate, scale), scale, round)


def low(estimate: Estimate, scale: Scale) -> str:
    """Write the lower end, rounded away from the value."""
    if reading.is_exact(estimate):
        return value(estimate, scale)
    return _written(estimate.low, _places(estimate, scale), scale, math.floor)


def high(estimate: Estimate, scale: Scale) -> str:
    """Write the upper end, rounded away from the value."""
    if reading.is_exact(estimate):
        return value(estimate, scale)
    return _written(estimate.high, _places(estimate, scale), scale, math.ceil)


def unit(scale: Scale) -> str:
    """Return the unit that a written value still lacks, with a space before it."""
    if scale.measure is Measure.DIFFERENCE:
        return f" {_POINTS}"
    return f" {scale.unit}" if scale.unit else ""


def error(size: float, scale: Scale) -> str:
    """Write the size of an error, in the words of its value."""
    if scale.measure in (Measure.SHARE, Measure.DIFFERENCE):
        return f"{100 * size:.1f} {_POINTS}"
    if scale.measure is Measure.COUNT:
        return f"{size:,.1f}"
    return f"{size:.2g}{unit(scale)}"


def spread(estimate: Estimate, scale: Scale) -> str:
    """Say where the spread comes from: the noise, and apart from it the draw."""
    if reading.is_exact(estimate):
        return EXACTLY
    if not estimate.sampling_error:
        return ONLY_NOISE
    noise = error(estimate.standard_error, scale)
    drawn = error(estimate.sampling_error, scale)
    return (
        f"The spread comes from privacy protection ({noise}) and from the luck of the "
        f"draw ({drawn})."
    )


def labels(parts: Iterable[tuple[str, str]]) -> str:
    """Name a value by its public labels; the whole has none."""
    named = (
        label.replace("_", " ")
        if name == GROUP
        else f"{name.replace('_', ' ')}: {label.replace('_', ' ')}"
        for name, label in parts
        if label != ALL and name != DIMENSION
    )
    return ", ".join(named) or WHOLE


def sentence(metric: Metric, cell: Cell, *, placed: bool = False) -> str:
    """Say one value in a sentence that always carries its interval.

    Args:
        metric: What it is a value of.
        cell: The value.
        placed: Also say which site and which labels, for a value that stands alone.
    """
    scale = reading.scale(metric, cell.labels)
    estimate = cell.estimate
    uncertain = reading.readability(estimate, scale) is Readability.UNCERTAIN
    named = _place(cell, said=() if uncertain else (QUANTILE,)) if placed else ""
    place = f" ({named})" if named else ""
    if reading.is_exact(estimate):
        exact = f"{value(estimate, scale)}{unit(scale)}"
        return f"{metric.name}: exactly {exact}{place}. {EXACTLY}"
    ends = f"{low(estimate, scale)} and {high(estimate, scale)}{unit(scale)}"
    true = f"the true {_TRUE[scale.measure]} is very likely between {ends}"
    why = spread(estimate, scale)
    if uncertain:
        return f"{TOO_UNCERTAIN.capitalize()}{place}: {true}. {why}"
    return f"{_about(metric, cell, scale)}{place}; {true}. {why}"


def coverage(result: Result) -> str:
    """Say how many sites are in the totals, and that a part is not the whole."""
    total = len(result.sites)
    if result.answered == total:
        return f"{total} of {total} sites"
    return f"{result.answered} of {total} sites (partial)"


def absent(outcome: SiteOutcome) -> str:
    """Say why a site is not in a total."""
    if outcome.reason in _BECAUSE:
        return f"{outcome.site}: {_BECAUSE[outcome.reason]}"
    if outcome.status is not Status.REFUSED:
        return f"{outcome.site}: {_REASONS[outcome.status]}"
    if outcome.reason == BudgetExhausted.code:
        return (
            f"{outcome.site}: refused; the question costs {outcome.loss_asked} rho "
            f"and {outcome.loss_left} rho is left there"
        )
    name = (outcome.reason or "refused").upper().replace("-", "_")
    meaning = status.sentence(Refusal(code=RefusalCode[name]))
    return f"{outcome.site}: refused. {meaning}"


def whose(cell: Cell) -> str:
    """Name the site a value belongs to."""
    return EVERYBODY if cell.site == EVERYWHERE else cell.site


def _about(metric: Metric, cell: Cell, scale: Scale) -> str:
    """Say a value that can be read, and of what it is one."""
    shown = f"{value(cell.estimate, scale)}{unit(scale)}"
    part = _PARTS.get(dict(cell.labels).get(QUANTILE, ""))
    if part is not None and metric.estimator.kind is EstimatorKind.QUANTILES:
        return f"{metric.name}: {part} within {shown}"
    if scale.measure is Measure.COUNT:
        return f"About {shown} {metric.counted}"
    if scale.measure is Measure.SHARE:
        return f"About {shown} of {metric.counted.removeprefix('share of ')}"
    return f"{metric.name}: about {shown}"


def _place(cell: Cell, *, said: tuple[str, ...]) -> str:
    """Name the site and the labels of a value, but for labels already said."""
    site = "" if cell.site == EVERYWHERE else cell.site
    parts = tuple(part for part in cell.labels if part[0] not in said)
    named = labels(parts) if parts else ""
    return "; ".join(part for part in (site, named) if part and part != WHOLE)


def _places(estimate: Estimate, scale: Scale) -> int:
    """Return how many decimals a value and its ends are written with."""
    if scale.measure is Measure.COUNT:
        return 0
    if scale.measure is not Measure.QUANTITY:
        return 1
    largest = max(abs(estimate.value), abs(estimate.high), abs(estimate.low))
    return next(places for most, places in _DECIMALS if largest < most)


_DECIMALS: Final = ((0.1, 4), (10, 2), (100, 1), (math.inf, 0))
"""Quantities below so much are written with so many decimals."""


def _written(
    number: float, places: int, scale: Scale, rounded: Callable[[float], int]
) -> str:
    """Write a number with its sign where the scale has one."""
    percent = scale.measure in (Measure.SHARE, Measure.DIFFERENCE)
    grain = 10**places
    whole = rounded(number * (100 if percent else 1) * grain)
    shown = whole / grain
    if scale.measure is Measure.COUNT:
        return f"{max(0, whole):,}"
    if scale.measure is Measure.SHARE:
        return f"{shown:.1f} %"
    return f"{shown:{'+' if scale.signed and whole else ''},.{places}f}"
