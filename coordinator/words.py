"""Say what an estimate means, in words a board member would use.

On screen a count is never below zero and an interval never narrower than it is;
the raw numbers stay in the exported results.
"""

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from coordinator.result import EVERYWHERE, Cell, Result, SiteOutcome, Status
from privacy.catalogue import EstimatorKind, Metric
from privacy.errors import BudgetExhausted
from privacy.estimate import Estimate
from privacy.estimators import ALL
from proto import status
from proto.wire import Refusal, RefusalCode

ONLY_NOISE: Final = "The spread comes only from privacy protection."
TOO_UNCERTAIN: Final = "too uncertain to tell"
WHOLE: Final = "in all"
EVERYBODY: Final = "All sites"

_SHARES = frozenset(
    {EstimatorKind.SHARE, EstimatorKind.CONTRAST_SHARE, EstimatorKind.MIX}
)
_COUNT_LIMITS = (0.10, 0.25)
"""Half-widths, as parts of a count, up to which it is clear, and rough."""

_SHARE_LIMITS = (0.03, 0.08)
"""Half-widths of a share up to which it is clear, and rough."""


class Readability(StrEnum):
    """How far a value can be relied on: green, amber and red, said in words."""

    CLEAR = "clear"
    ROUGH = "rough"
    UNCERTAIN = TOO_UNCERTAIN


_REASONS: Final = {
    Status.UNREACHABLE: "did not answer",
    Status.CERTIFICATE: "its certificate was not accepted",
    Status.PENDING: "still working on it; ask again, it is not charged twice",
    Status.ERROR: "its answer could not be used",
}


def is_share(metric: Metric) -> bool:
    """Tell whether a metric's values are shares of a whole, not counts."""
    return metric.estimator.kind in _SHARES


def readability(estimate: Estimate, *, share: bool) -> Readability:
    """Judge an interval by its half-width, before anybody reads the value."""
    half = (estimate.high - estimate.low) / 2
    clear, rough = _SHARE_LIMITS if share else _COUNT_LIMITS
    whole = 1.0 if share else max(estimate.value, 0.0)
    if half <= clear * whole:
        return Readability.CLEAR
    return Readability.ROUGH if half <= rough * whole else Readability.UNCERTAIN


def value(estimate: Estimate, *, share: bool) -> str:
    """Write a value for a screen."""
    if share:
        return f"{100 * estimate.value:.1f} %"
    return f"{max(0, round(estimate.value)):,}"


def low(estimate: Estimate, *, share: bool) -> str:
    """Write the lower end, rounded away from the value."""
    if share:
        return f"{math.floor(1000 * estimate.low) / 10:.1f} %"
    return f"{max(0, math.floor(estimate.low)):,}"


def high(estimate: Estimate, *, share: bool) -> str:
    """Write the upper end, rounded away from the value."""
    if share:
        return f"{math.ceil(1000 * estimate.high) / 10:.1f} %"
    return f"{max(0, math.ceil(estimate.high)):,}"


def labels(parts: Iterable[tuple[str, str]]) -> str:
    """Name a value by its public labels; the whole has none."""
    named = (
        f"{name.replace('_', ' ')}: {label.replace('_', ' ')}"
        for name, label in parts
        if label != ALL
    )
    return ", ".join(named) or WHOLE


def sentence(metric: Metric, cell: Cell) -> str:
    """Say one value in a sentence that always carries its interval."""
    share = is_share(metric)
    estimate = cell.estimate
    ends = f"{low(estimate, share=share)} and {high(estimate, share=share)}"
    what = f"the true {'share' if share else 'number'} is very likely between {ends}"
    if readability(estimate, share=share) is Readability.UNCERTAIN:
        return f"{TOO_UNCERTAIN.capitalize()}: {what}. {ONLY_NOISE}"
    about = f"About {value(estimate, share=share)} "
    about += (
        f"of {metric.counted.removeprefix('share of ')}" if share else metric.counted
    )
    return f"{about}; {what}. {ONLY_NOISE}"


def coverage(result: Result) -> str:
    """Say how many sites are in the totals, and that a part is not the whole."""
    total = len(result.sites)
    if result.answered == total:
        return f"{total} of {total} sites"
    return f"{result.answered} of {total} sites (partial)"


def absent(outcome: SiteOutcome) -> str:
    """Say why a site is not in a total."""
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
