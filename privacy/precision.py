"""How precise a planned value would be, before anything is asked.

Everything follows from the question, its loss and public planning figures; no record
and no answer is looked at. The precision of a count is exact, because noise does not
depend on the count. That of a share depends on how many there are and on the share,
so it is stated for the size and share that a pack plans for.

The noise is the one a site would really add (`mechanism.calibrate`), and the interval
is the one that would really be published (`estimators.publish`), around vectors that
hold exactly what is planned.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from privacy import estimate, estimators, mechanism, sensitivity
from privacy.catalogue import EstimatorKind, Metric, Programme
from privacy.dictionary import Grain
from privacy.errors import InvalidQuery
from privacy.estimate import Measured
from privacy.estimators import MetricCell
from privacy.expression import ByHolds, Contrast
from privacy.pack import PlannedLine
from privacy.period import Period
from privacy.query import Query, cells

_EVEN = Fraction(1, 2)
_SHARE_MOST = 0.5
"""No interval of a share is wider each way."""

_SHARES = {EstimatorKind.SHARE, EstimatorKind.CONTRAST_SHARE, EstimatorKind.MIX}


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How wide the interval of a metric's first value would be, each way.

    Attributes:
        metric: The metric's id.
        period: The period asked about.
        headline: Whether the Board's first page shows it.
        is_share: Whether the widths are parts of a whole, not counts.
        expected: How many are planned for at all sites together.
        national: Half-width of the total over all sites.
        site: Half-width at one site of average size; None if the metric is not
            asked by site.
    """

    metric: str
    period: Period
    headline: bool
    is_share: bool
    expected: int
    national: float
    site: float | None


def of(
    planned: PlannedLine,
    programme: Programme,
    *,
    sites: int,
    confidence: Fraction,
    multiplier: Fraction = Fraction(1),
) -> Precision:
    """Say how precise a line of a pack would be if its losses were multiplied.

    Raises:
        InvalidQuery: there is no site, or a loss is out of the range of one release.
    """
    if sites < 1:
        raise InvalidQuery("There is no site to plan for; name at least one.")
    line = planned.line
    metric = programme.metric(line.metric)
    queries = programme.queries(metric, planned.period)
    variances = {
        name: _variance(query, line.losses[name] * multiplier, programme)
        for name, query in queries.items()
    }
    share = _EVEN if line.expected_share is None else line.expected_share

    def width(members: int) -> float:
        plan = _Plan(
            queries=queries,
            variances={name: members * each for name, each in variances.items()},
            count=max(1, round(Fraction(line.expected_count * members, sites))),
            share=share,
        )
        return plan.half_width(metric, programme, confidence)

    return Precision(
        metric=line.metric,
        period=planned.period,
        headline=line.headline,
        is_share=metric.estimator.kind in _SHARES,
        expected=line.expected_count,
        national=width(sites),
        site=width(1) if metric.grain is Grain.SITE else None,
    )


def parts(
    query: Query, size: int, *, share: Fraction, focus: int | None
) -> list[Fraction]:
    """Return what part of the count each cell holds, were the plan exactly true.

    Args:
        query: What is asked.
        size: How many cells it has.
        share: For shares, the value planned.
        focus: For a mix, the cell that has the share; None for anything else.
    """
    if focus is not None:
        rest = (1 - share) / max(1, size - 1)
        return [share if n == focus else rest for n in range(size)]
    if isinstance(query.value, Contrast):
        return [(2 * share - 1) / size] * size
    if query.by and isinstance(query.by[-1], ByHolds):
        return [2 * share / size, 2 * (1 - share) / size] * (size // 2)
    return [Fraction(1, size)] * size


def half_width(planned: MetricCell, metric: Metric, confidence: Fraction) -> float:
    """Return half the width of a planned value; of a share, at most half of all."""
    error = Fraction(planned.estimate.standard_error)
    half = estimate.count_half_width(error**2, confidence=confidence)
    most = _SHARE_MOST if metric.estimator.kind in _SHARES else math.inf
    return min(most, half)


def _variance(query: Query, rho: Fraction, programme: Programme) -> Fraction:
    """Return the variance of the noise one site would add to each cell."""
    dictionary = programme.dictionary
    noise = mechanism.calibrate(
        l2_squared=sensitivity.of(query, dictionary).l2_squared,
        rho=rho,
        size=len(cells(query, dictionary)),
    )
    return noise.variance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The vectors that would be measured, were the plan exactly true."""

    queries: Mapping[str, Query]
    variances: Mapping[str, Fraction]
    count: int
    share: Fraction

    def half_width(
        self, metric: Metric, programme: Programme, confidence: Fraction
    ) -> float:
        """Return half the width of the metric's first value."""
        first = self._published(metric, programme, confidence)
        return half_width(first, metric, confidence)

    def _published(
        self, metric: Metric, programme: Programme, confidence: Fraction
    ) -> MetricCell:
        """Publish the planned vectors and keep the first value."""
        focus = 0 if metric.estimator.kind is EstimatorKind.MIX else None
        measured = {
            name: tuple(
                Measured(round(self.count * part), self.variances[name])
                for part in parts(
                    query,
                    len(cells(query, programme.dictionary)),
                    share=self.share,
                    focus=focus,
                )
            )
            for name, query in self.queries.items()
        }
        return estimators.publish(
            metric,
            self.queries,
            measured,
            programme.dictionary,
            confidence=confidence,
        )[0]
