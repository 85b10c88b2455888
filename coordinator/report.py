"""Show results: a table in the terminal, and a page that stands on its own.

The interval is part of every row, in both; neither can be had without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import jinja2
from rich.table import Table

from coordinator import beside, reading, result, words
from coordinator.reading import Readability
from coordinator.result import EVERYWHERE, Cell, Result, Status
from privacy.catalogue import Metric
from privacy.metric import Measure

_PICTURE_ROOM: Final = 94
_PICTURE_EDGE: Final = 3
_SPOKEN_MAX: Final = 4
"""Results with no more totals than this say each of them in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Where a value and its interval lie on a line from 0 to 100."""

    low: float
    width: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One value as it is shown.

    Attributes:
        helps: What would make it readable, if it is not.
    """

    total: bool
    whose: str
    which: str
    value: str
    low: str
    high: str
    reads: str
    helps: tuple[str, ...]
    picture: Picture | None


def table(
    results: Sequence[Result], metrics: Mapping[str, Metric], *, by_site: bool = False
) -> Table:
    """Lay results out for a terminal: totals, or every site too."""
    made = Table(title_justify="left", pad_edge=False)
    made.add_column("Metric", no_wrap=True)
    made.add_column("What", overflow="fold")
    for heading in ("Value", "From", "To"):
        made.add_column(heading, justify="right", no_wrap=True)
    made.add_column("Reads as", overflow="fold")
    made.add_column("Sites", no_wrap=True)
    made.add_column("Loss (rho)", justify="right", no_wrap=True)
    for each in results:
        metric = metrics[each.metric]
        name = _named(each, metric)
        sites = (f"{each.answered} of {len(each.sites)}", f"{float(each.rho):.5f}")
        shown = [row for row in rows(each, metric) if row.total or by_site]
        if not shown:
            why = each.note or "no site answered"
            made.add_row(each.metric, name, "", "", "", why, *sites)
        elif shown[0].which != words.WHOLE:
            made.add_row(each.metric, name, "", "", "", "", *sites)
        for row in shown:
            cells = (row.value, row.low, row.high, row.reads)
            if row.total and row.which == words.WHOLE:
                made.add_row(each.metric, name, *cells, *sites)
            else:
                made.add_row("", _indented(row), *cells)
        made.add_section()
    return made


def _indented(row: Row) -> str:
    """Name a row below its metric's name."""
    return f"  {row.which}" if row.total else f"  {row.whose}, {row.which}"


def _unit(metric: Metric) -> str:
    """Return the unit of a metric's values, where they do not carry it."""
    return words.unit(reading.scale(metric)).strip()


def _named(published: Result, metric: Metric) -> str:
    """Name a metric, its unit and its period."""
    unit = f" ({_unit(metric)})" if _unit(metric) else ""
    return f"{metric.name}{unit}, {published.period}"


def remarks(
    results: Sequence[Result], metrics: Mapping[str, Metric], *, by_site: bool = False
) -> tuple[str, ...]:
    """Return what a reader of the table must know besides: one line each.

    Where a spread comes from if not from the noise alone, what would make a value
    readable, and other people's figures with all that they need to be read.
    """
    said: dict[str, None] = {}
    for each in results:
        metric = metrics[each.metric]
        named = f"{each.metric}, {each.period}"
        for cell in each.cells:
            if cell.site == EVERYWHERE or by_site:
                said |= dict.fromkeys(
                    f"{named}, {_placed(cell)}: {line}"
                    for line in _remarks(cell, each, metric)
                )
        if each.note and each.cells:
            said[f"{named}: {each.note}"] = None
        said |= dict.fromkeys(f"{metric.id}, {x}" for x in beside.lines(metric))
    return tuple(said)


def _remarks(cell: Cell, published: Result, metric: Metric) -> Iterator[str]:
    """Yield what must be said of one value."""
    if cell.estimate.sampling_error:
        yield words.spread(cell.estimate, reading.scale(metric, cell.labels))
    helps = reading.readable_with(cell, published, metric)
    if helps:
        yield f"{reading.TOO_UNCERTAIN}. {' '.join(helps)}"


def _placed(cell: Cell) -> str:
    """Name a value below its metric's name."""
    which = words.labels(cell.labels)
    return which if cell.site == EVERYWHERE else f"{cell.site}, {which}"


def rows(published: Result, metric: Metric) -> tuple[Row, ...]:
    """Turn a result's cells into rows, in their order."""
    ends = [(0.0, 1.0)]
    if metric.measure is Measure.DIFFERENCE:
        ends = [(-1.0, 1.0)]
    elif metric.measure is not Measure.SHARE:
        ends += [(cell.estimate.low, cell.estimate.high) for cell in published.cells]
    line = (min(low for low, _ in ends), max(high for _, high in ends))
    return tuple(_row(cell, published, metric, line) for cell in published.cells)


def page(
    results: Sequence[Result],
    metrics: Mapping[str, Metric],
    *,
    title: str,
    rho: Fraction,
    banner: str = "",
) -> str:
    """Write the page: one part per result, styles included, nothing fetched.

    Args:
        results: What to show.
        metrics: Their definitions.
        title: The heading.
        rho: The loss of everything on the page together, at one site.
        banner: What a reader must know first, such as that all is invented.
    """
    sites = max((len(each.sites) for each in results), default=0)
    whole = all(each.answered == len(each.sites) for each in results)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("coordinator"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        title=title,
        banner=banner,
        coverage=f"{sites} of {sites} sites answered everything"
        if whole
        else "Some totals are partial: each says which sites are in",
        confidence=f"{float(results[0].confidence):.0%}" if results else "",
        loss=_loss(rho),
        parts=[_part(each, metrics[each.metric]) for each in results],
    )


def _part(published: Result, metric: Metric) -> dict[str, Any]:
    """Gather what the page says about one result."""
    totals = [cell for cell in published.cells if cell.site == EVERYWHERE]
    few = len(totals) <= _SPOKEN_MAX
    spoken = [cell for cell in totals if few or not _is_part(cell)]
    return {
        "id": f"{published.metric}-{published.period}".replace(" ", "-"),
        "heading": f"{metric.name}, {published.period} ({published.metric})",
        "definition": metric.definition,
        "note": published.note,
        "sentences": [words.sentence(metric, cell, placed=True) for cell in spoken],
        "absent": [
            words.absent(outcome)
            for outcome in published.sites
            if outcome.status is not Status.ANSWERED
        ],
        "coverage": words.coverage(published),
        "caption": f"{_named(published, metric)}: {metric.counted}, with "
        f"{float(published.confidence):.0%} intervals",
        "rows": rows(published, metric),
        "references": beside.lines(metric),
        "loss": _loss(published.rho),
        "version": published.version,
        "digest": published.content()["digest"],
    }


def _is_part(cell: Cell) -> bool:
    """Tell whether a value is one of several that make up a whole."""
    return words.labels(cell.labels) != words.WHOLE


def _row(
    cell: Cell, published: Result, metric: Metric, line: tuple[float, float]
) -> Row:
    """Turn one cell into a row; what cannot be told shows no value and no picture."""
    scale = reading.scale(metric, cell.labels)
    reads = reading.readability(cell.estimate, scale)
    certain = reads is not Readability.UNCERTAIN
    shown = words.value(cell.estimate, scale)
    which = words.labels(cell.labels)
    if scale.measure is not metric.measure or scale.unit != metric.unit_shown:
        which = f"{which} ({words.unit(scale).strip()})"
    return Row(
        total=cell.site == EVERYWHERE,
        whose=words.whose(cell),
        which=which,
        value=shown if certain else "?",
        low=words.low(cell.estimate, scale),
        high=words.high(cell.estimate, scale),
        reads=reads.value,
        helps=reading.readable_with(cell, published, metric),
        picture=_picture(cell, line) if certain else None,
    )


def _picture(cell: Cell, line: tuple[float, float]) -> Picture:
    """Place a value and its interval on a line from 0 to 100."""
    first, last = line

    def at(number: float) -> float:
        inside = min(1.0, max(0.0, (number - first) / (last - first)))
        return round(_PICTURE_EDGE + _PICTURE_ROOM * inside, 2)

    left, right = at(cell.estimate.low), at(cell.estimate.high)
    return Picture(
        low=left, width=max(0.5, round(right - left, 2)), value=at(cell.estimate.value)
    )


def _loss(rho: Fraction) -> dict[str, str]:
    """Write a loss for people; epsilon is rounded up."""
    return {
        "rho": f"{float(rho):.6f}",
        "epsilon": f"{result.epsilon(rho) + 0.0005:.3f}" if rho else "0",
        "delta": f"{float(result.DELTA):.6f}",
    }
