"""How precise a planned value would be, before anything is asked.

Everything follows from the question, its loss and public planning figures; no record
and no answer is looked at. The precision of a count is exact, because noise does not
depend on the count. That of a share depends on how many there are and on the share,
so it is stated for the size and share that a pack plans for.

The noise is the one a site would really add (`mechanism.calibrate`), and the interval
is the one that would really be published (`estimators.publish`), around vectors that
hold exactly what is planned. What a plan does not say is taken from public caps:

- an amount is half-way between its caps, for everybody;
- a draw selects every other household, changes nothing but who enrols, and three in
  four of the selected enrol, but nobody else;
- a quantile's bands hold equally many;
- a public figure nobody gave equals the planned sum, so the ratio is about one and
  its width a part of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from privacy import estimate, estimators, mechanism, sensitivity
from privacy.catalogue import EstimatorKind, Measure, Metric, Programme
from privacy.dictionary import Grain
from privacy.errors import InvalidQuery
from privacy.estimate import Measured
from privacy.estimators import MetricCell
from privacy.expression import (
    EVERYBODY,
    ByHolds,
    Contrast,
    Indicator,
    One,
    Quantity,
    Value,
    Weighted,
)
from privacy.pack import PlannedLine
from privacy.period import Period
from privacy.query import Query, cells

_EVEN = Fraction(1, 2)
_SHARE_MOST = 0.5
"""No interval of a share is wider each way."""

_WEIGHT = 200
"""The weight of every household, in percent, in a draw at one half."""
_TAKE_UP = Fraction(3, 4)
_NO_FIGURES: Final[Mapping[str, Fraction]] = MappingProxyType({})

_SHARES = {
    EstimatorKind.SHARE,
    EstimatorKind.CONTRAST_SHARE,
    EstimatorKind.MIX,
    EstimatorKind.RATIO_SHARE,
}
_COUNTS = {
    EstimatorKind.COUNT,
    EstimatorKind.HISTOGRAM,
    EstimatorKind.TOTAL,
}
_POINTS = {Measure.SHARE, Measure.DIFFERENCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How wide the interval of a metric's first value would be, each way.

    Attributes:
        metric: The metric's id.
        period: The period asked about.
        headline: Whether the Board's first page shows it.
        is_share: Whether the widths are parts of a whole, or differences of such
            parts, and not counts or amounts.
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
    figures: Mapping[str, Fraction] = _NO_FIGURES,
) -> Precision:
    """Say how precise a line of a pack would be if its losses were multiplied.

    Units: figures of all sites together; a site of average size has its part of them.

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
            figures={
                name: figure * members / sites for name, figure in figures.items()
            },
        )
        return plan.half_width(metric, programme, confidence)

    return Precision(
        metric=line.metric,
        period=planned.period,
        headline=line.headline,
        is_share=metric.measure in _POINTS,
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
    if query.by and isinstance(query.by[-1], ByHolds) and query.value == One():
        return [2 * share / size, 2 * (1 - share) / size] * (size // 2)
    return [_each(query.value, share) / size] * size


def _each(value: Value, share: Fraction) -> Fraction:
    """Return what one unit adds on average, were the plan exactly true."""
    match value:
        case One():
            return Fraction(1)
        case Indicator():
            return share
        case Contrast():
            return 2 * share - 1
        case Quantity(lower=lower, upper=upper):
            return Fraction(lower + upper, 2)
        case Weighted(arm=arm, outcome=outcome):
            if arm != EVERYBODY:  # every other household is selected
                return Fraction(0)
            return Fraction(_WEIGHT) * (1 if outcome == EVERYBODY else 2 * share - 1)


def half_width(planned: MetricCell, metric: Metric, confidence: Fraction) -> float:
    """Return half the width of a planned value; of a share, at most half of all.

    Counts and shares have the width they tend to, which no plan of their size cuts;
    the others that of the interval itself.
    """
    kind, found = metric.estimator.kind, planned.estimate
    if kind not in _SHARES | _COUNTS:
        return (found.high - found.low) / 2
    error = Fraction(found.standard_error)
    if kind in _COUNTS:
        return estimate.count_half_width(error**2, confidence=confidence)
    return min(_SHARE_MOST, estimate.noise_half_width(error**2, confidence=confidence))


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
    figures: Mapping[str, Fraction]

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
        measured = {
            name: self._vector(name, metric, programme) for name in self.queries
        }
        figures = dict(self.figures)
        if metric.estimator.figure and metric.estimator.kind is not EstimatorKind.TOTAL:
            first = measured[metric.estimator.of[0]]
            planned = max(1, sum(abs(each.value) for each in first))
            figures.setdefault(metric.estimator.figure, Fraction(planned))
        return estimators.publish(
            metric,
            self.queries,
            measured,
            programme.dictionary,
            confidence=confidence,
            figures=figures,
        )[0]

    def _vector(
        self, name: str, metric: Metric, programme: Programme
    ) -> tuple[Measured, ...]:
        """Return one query's vector, were the plan exactly true."""
        query, kind = self.queries[name], metric.estimator.kind
        planned = parts(
            query,
            len(cells(query, programme.dictionary)),
            share=self.share,
            focus=0 if kind is EstimatorKind.MIX else None,
        )
        if kind is EstimatorKind.EFFECT_ON_ENROLLED:
            _, effect, _, mean, *_ = metric.estimator.of
            if name == effect:  # enrolment is -1 or +1, on average -1 among the others
                planned = [_WEIGHT * _TAKE_UP]
            elif name == mean:
                planned = [_WEIGHT * (_TAKE_UP - 1)]
        variance = self.variances[name]
        return tuple(Measured(round(self.count * each), variance) for each in planned)
