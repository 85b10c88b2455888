"""Show results: a table in the terminal, and a page that stands on its own.

The interval is part of every row, in both; neither can be had without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import jinja2
from rich.table import Table

from coordinator import result, words
from coordinator.result import EVERYWHERE, Cell, Result, Status
from coordinator.words import Readability
from privacy.catalogue import Metric

_PICTURE_ROOM: Final = 94
_PICTURE_EDGE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Where a value and its interval lie on a line from 0 to 100."""

    low: float
    width: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One value as it is shown."""

    total: bool
    whose: str
    which: str
    value: str
    low: str
    high: str
    reads: str
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
        name = f"{metric.name}, {each.period}"
        sites = (f"{each.answered} of {len(each.sites)}", f"{float(each.rho):.5f}")
        shown = [row for row in rows(each, metric) if row.total or by_site]
        if not shown:
            made.add_row(each.metric, name, "", "", "", "no site answered", *sites)
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


def rows(published: Result, metric: Metric) -> tuple[Row, ...]:
    """Turn a result's cells into rows, in their order."""
    share = words.is_share(metric)
    top = 1.0
    if not share:
        top = max([1.0, *(cell.estimate.high for cell in published.cells)])
    return tuple(_row(cell, share=share, top=top) for cell in published.cells)


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
        only_noise=words.ONLY_NOISE,
        loss=_loss(rho),
        parts=[_part(each, metrics[each.metric]) for each in results],
    )


def _part(published: Result, metric: Metric) -> dict[str, Any]:
    """Gather what the page says about one result."""
    totals = [cell for cell in published.cells if cell.site == EVERYWHERE]
    spoken = [cell for cell in totals if words.labels(cell.labels) == words.WHOLE]
    return {
        "id": f"{published.metric}-{published.period}",
        "heading": f"{metric.name}, {published.period} ({published.metric})",
        "definition": metric.definition,
        "sentences": [words.sentence(metric, cell) for cell in spoken],
        "absent": [
            words.absent(outcome)
            for outcome in published.sites
            if outcome.status is not Status.ANSWERED
        ],
        "coverage": words.coverage(published),
        "caption": f"{metric.name}: {metric.counted}, {published.period}, with "
        f"{float(published.confidence):.0%} intervals",
        "rows": rows(published, metric),
        "loss": _loss(published.rho),
        "version": published.version,
        "digest": published.content()["digest"],
    }


def _row(cell: Cell, *, share: bool, top: float) -> Row:
    """Turn one cell into a row; what cannot be told shows no value and no picture."""
    reads = words.readability(cell.estimate, share=share)
    certain = reads is not Readability.UNCERTAIN
    return Row(
        total=cell.site == EVERYWHERE,
        whose=words.whose(cell),
        which=words.labels(cell.labels),
        value=words.value(cell.estimate, share=share) if certain else "?",
        low=words.low(cell.estimate, share=share),
        high=words.high(cell.estimate, share=share),
        reads=reads.value,
        picture=_picture(cell, top) if certain else None,
    )


def _picture(cell: Cell, top: float) -> Picture:
    """Place a value and its interval on a line from 0 to 100."""

    def at(number: float) -> float:
        inside = min(1.0, max(0.0, number / top))
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
