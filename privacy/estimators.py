"""From a metric's released vectors to its published cells. It costs nothing.

Works the same on one site's vectors and on the sum over sites: the variance
that comes in says which.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from privacy import estimate
from privacy.catalogue import EstimatorKind, Metric
from privacy.dictionary import Dictionary
from privacy.errors import InvalidProgramme, InvalidQuery
from privacy.estimate import Estimate, Measured
from privacy.query import Cell, Query, cells

ALL = "all"
"""The label of a total over a dimension."""
GROUP = "group"
"""The name under which several shares of one metric are told apart."""


@dataclass(frozen=True, slots=True)
class MetricCell:
    """One published value: its labels by dimension, in order, and its estimate."""

    labels: tuple[tuple[str, str], ...]
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class _Vector:
    """One query's cells and what was measured in each."""

    cells: tuple[Cell, ...]
    measured: tuple[Measured, ...]

    def __iter__(self) -> Iterator[tuple[tuple[tuple[str, str], ...], Measured]]:
        """Yield each cell's labels and measurement."""
        return zip((cell.labels for cell in self.cells), self.measured, strict=True)


def publish(
    metric: Metric,
    queries: Mapping[str, Query],
    measured: Mapping[str, tuple[Measured, ...]],
    dictionary: Dictionary,
    *,
    confidence: Fraction,
) -> tuple[MetricCell, ...]:
    """Return a metric's cells from the vectors of its queries.

    Args:
        metric: the metric.
        queries: its queries by name, for one period each.
        measured: by the same names, one measurement per cell.
        dictionary: the one the queries were checked against.
        confidence: of every interval, such as 19/20.

    Raises:
        InvalidQuery: a vector is missing or has the wrong length.
        InvalidProgramme: the metric's estimator cannot run.
    """
    vectors = [
        _vector(queries[name], measured.get(name), dictionary)
        for name in metric.estimator.of
    ]
    match metric.estimator.kind:
        case EstimatorKind.COUNT | EstimatorKind.HISTOGRAM:
            total = metric.estimator.kind is EstimatorKind.COUNT
            found = [c for v in vectors for c in _counts(v, confidence, total=total)]
        case EstimatorKind.MIX:
            found = list(_mix(vectors[0], confidence))
        case EstimatorKind.SHARE:
            found = list(_shares(vectors[0], confidence))
        case EstimatorKind.CONTRAST_SHARE:
            *contrasts, whole = vectors
            names = metric.estimator.of if len(contrasts) > 1 else ("",)
            found = [
                cell
                for name, one in zip(names, contrasts, strict=False)
                for cell in _contrasts(name, one, whole, confidence)
            ]
        case kind:
            raise InvalidProgramme(f"{metric.id}: a {kind.value} cannot run yet.")
    return tuple(found)


def _vector(
    query: Query, measured: tuple[Measured, ...] | None, dictionary: Dictionary
) -> _Vector:
    """Pair a query's cells with its measurements."""
    places = cells(query, dictionary)
    if measured is None or len(measured) != len(places):
        raise InvalidQuery("A query's release is missing, or has the wrong length.")
    return _Vector(places, measured)


def _counts(
    vector: _Vector, confidence: Fraction, *, total: bool
) -> Iterator[MetricCell]:
    """Yield each cell's count, after their total where there are several."""
    if total and len(vector.cells) > 1:
        names = [name for name, _ in vector.cells[0].labels]
        whole = _sum(vector.measured)
        yield MetricCell(
            tuple((name, ALL) for name in names),
            estimate.count(whole, confidence=confidence),
        )
    for labels, one in vector:
        yield MetricCell(labels, estimate.count(one, confidence=confidence))


def _mix(vector: _Vector, confidence: Fraction) -> Iterator[MetricCell]:
    """Yield each cell's share of the total; the cells carry independent noise."""
    for index, (labels, one) in enumerate(vector):
        others = vector.measured[:index] + vector.measured[index + 1 :]
        share = estimate.share(one, _sum(others), confidence=confidence)
        yield MetricCell(labels, share)


def _shares(vector: _Vector, confidence: Fraction) -> Iterator[MetricCell]:
    """Yield yes / (yes + no) for every combination of the other dimensions."""
    pairs = zip(
        vector.cells[::2], vector.measured[::2], vector.measured[1::2], strict=True
    )
    for cell, yes, no in pairs:
        share = estimate.share(yes, no, confidence=confidence)
        yield MetricCell(cell.labels[:-1], share)


def _contrasts(
    name: str, contrast: _Vector, count: _Vector, confidence: Fraction
) -> Iterator[MetricCell]:
    """Yield (1 + contrast / count) / 2, cell by cell, under the contrast's name."""
    group = ((GROUP, name.replace("_", " ")),) if name else ()
    for (labels, difference), (_, whole) in zip(contrast, count, strict=True):
        share = estimate.share_of(difference, whole, confidence=confidence)
        yield MetricCell((*group, *labels), share)


def _sum(parts: tuple[Measured, ...]) -> Measured:
    """Add measurements whose noise is independent."""
    return Measured(
        sum(part.value for part in parts),
        sum((part.variance for part in parts), Fraction(0)),
    )
