"""One flat row for every published value, the same in every file, table and view.

A row stands on its own: whoever has only the row still has the interval, what the
value means, from how many sites it comes, what it cost, and where it was published.
Numbers have 15 significant digits, which every tool keeps; ends are rounded away
from the value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context
from fractions import Fraction
from typing import Any, Final

from coordinator import beside, reading, words
from coordinator.reading import Readability
from coordinator.result import DELTA, EVERYWHERE, Cell, Result, epsilon
from privacy.catalogue import Metric, Programme
from privacy.errors import BadConfiguration
from privacy.estimators import ALL

DIMENSIONS_MAX: Final = 3
"""A value has at most this many labels: two dimensions and the name of a part."""

_DIGITS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatRow:
    """One published value with all that belongs to it.

    Attributes:
        part: Its labels in words; `in all` for a whole.
        low: Where its interval begins, in the value's own unit.
        high: Where it ends.
        confidence: How often such an interval holds the exact figure.
        noise_error: Standard error from privacy protection.
        sampling_error: Standard error from the luck of a draw; zero where none.
        public_figures: The published numbers it was divided by, exact, if any.
        reference: Other people's figures beside it, with all they need; no targets.
        readable: Whether the value may be shown: its interval is narrow enough.
        helps: What would make it readable; empty if it is.
        training: Every record behind it is invented.
        rho: The loss of a household at the site, or where the result costs most.
        digest: Of the result it is part of.
        place: Its place in that result, from 1.
    """

    metric: str
    name: str
    period: str
    site: str
    part: str
    dimension_1: str
    label_1: str
    dimension_2: str
    label_2: str
    dimension_3: str
    label_3: str
    value: float
    low: float
    high: float
    confidence: float
    measure: str
    unit: str
    noise_error: float
    sampling_error: float
    public_figures: str
    readable: bool
    reads_as: str
    sentence: str
    helps: str
    note: str
    sites_answered: int
    sites_total: int
    mode: str
    rho: float
    epsilon: float
    delta: float
    pillar: str
    definition: str
    reference: str
    metric_version: int
    catalogue_version: str
    training: bool
    digest: str
    place: int

    def content(self) -> dict[str, Any]:
        """Return the columns and their values, in order."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS: Final = tuple(field.name for field in fields(FlatRow))
KINDS: Final = {field.name: field.type for field in fields(FlatRow)}


def rows(published: Result, metric: Metric, *, training: bool) -> tuple[FlatRow, ...]:
    """Return the rows of a result, in the order of its values."""
    cells = enumerate(published.cells, 1)
    return tuple(
        _row(cell, published, metric, place=place, training=training)
        for place, cell in cells
    )


def metric_of(published: Result, programmes: Mapping[str, Programme]) -> Metric:
    """Return the definition a result was published under.

    Where that programme is not known here, the newest definition stands in for it,
    and says so.

    Raises:
        BadConfiguration: no programme known here has such a metric.
    """
    own = programmes.get(published.version)
    if own is not None:
        return own.metric(published.metric)
    for newest in reversed(list(programmes.values())):
        if published.metric in newest.metrics:
            found = newest.metrics[published.metric]
            said = (
                f"Published under programme {published.version}, which is not known "
                f"here; this is the definition of {newest.version}. "
            )
            return replace(found, definition=said + found.definition)
    raise BadConfiguration(
        f"No programme known here has a metric {published.metric}; submit the edition "
        f"{published.version} with `cmpp edition submit`."
    )


def _row(
    cell: Cell, published: Result, metric: Metric, *, place: int, training: bool
) -> FlatRow:
    """Return one row."""
    found = cell.estimate
    scale = reading.scale(metric, cell.labels)
    reads = reading.readability(found, scale)
    everywhere = cell.site == EVERYWHERE
    alone = (each.rho for each in published.sites if each.site == cell.site)
    rho = published.rho if everywhere else next(alone, published.rho)
    return FlatRow(
        metric=metric.id,
        name=metric.name,
        period=published.period,
        site=cell.site,
        part=words.labels(cell.labels),
        **dict(_labels(cell)),
        value=_kept(found.value, ROUND_HALF_EVEN),
        low=_kept(found.low, ROUND_FLOOR),
        high=_kept(found.high, ROUND_CEILING),
        confidence=float(found.confidence),
        measure=scale.measure.value,
        unit=scale.unit,
        noise_error=_kept(found.standard_error, ROUND_CEILING),
        sampling_error=_kept(found.sampling_error, ROUND_CEILING),
        public_figures=", ".join(
            f"{name} {number}"
            for site, name, number in published.figures
            if site == cell.site
        ),
        readable=reads is not Readability.UNCERTAIN,
        reads_as=reads.value,
        sentence=words.sentence(metric, cell, placed=True),
        helps=" ".join(reading.readable_with(cell, published, metric)),
        note=published.note,
        sites_answered=published.answered if everywhere else 1,
        sites_total=len(published.sites) if everywhere else 1,
        mode=published.mode,
        rho=_kept(rho, ROUND_CEILING),
        epsilon=_kept(epsilon(rho), ROUND_CEILING),
        delta=float(DELTA),
        pillar=metric.pillar.value,
        definition=" ".join(metric.definition.split()),
        reference=" ".join(beside.lines(metric)),
        metric_version=metric.version,
        catalogue_version=published.version,
        training=training,
        digest=str(published.content()["digest"]),
        place=place,
    )


def _labels(cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield a value's dimensions and labels, as columns."""
    labels = [part for part in cell.labels if part[1] != ALL]
    if len(labels) > DIMENSIONS_MAX:
        raise BadConfiguration(
            f"A value has {len(labels)} labels and a row holds {DIMENSIONS_MAX}."
        )
    labels += [("", "")] * (DIMENSIONS_MAX - len(labels))
    for number, (dimension, label) in enumerate(labels, 1):
        yield f"dimension_{number}", dimension
        yield f"label_{number}", label


def _kept(number: float | Fraction, rounding: str) -> float:
    """Return a number with the digits that every tool keeps."""
    context = Context(prec=_DIGITS, rounding=rounding)
    if isinstance(number, Fraction):
        return float(context.divide(number.numerator, number.denominator))
    return float(context.create_decimal(repr(number)))
