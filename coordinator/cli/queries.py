"""Commands about one question: look ahead, ask, and read again."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from coordinator import preview as previews
from coordinator import reading, words
from coordinator import result as kept
from coordinator.cli import asking, centre, exporting
from coordinator.cli.asking import (
    AgainOption,
    MandateOption,
    PageOption,
    PurposeOption,
    ResultsOption,
)
from coordinator.cli.centre import SHOW, AsJson
from coordinator.cli.exporting import ForceOption, FormatOption, OutputOption
from coordinator.order import Order
from coordinator.preview import Expected, Preview
from coordinator.result import EVERYWHERE, loss_content
from privacy import loss, pack
from privacy.catalogue import Metric, Programme
from privacy.errors import InvalidQuery
from privacy.mandate import Purpose
from privacy.metric import Measure
from privacy.period import Period

app = typer.Typer(help="One question at a time.", no_args_is_help=True)

RhoOption = Annotated[
    list[str] | None,
    typer.Option(
        help="The loss a site is charged: one number for every query of the metric, "
        "or name=number for one of them. As planned in a pack, if left out."
    ),
]
CountOption = Annotated[
    int | None, typer.Option(help="How many are expected at all sites, for shares.")
]
ShareOption = Annotated[
    str | None, typer.Option(help="The share expected, such as 0.95, for shares.")
]

DigestsArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Beginnings of the results' digests; all, if left out."),
]
ExportOption = Annotated[Path, typer.Option("--output", help="The file to write.")]


@app.command()
def preview(  # noqa: PLR0913 - a command's options are its parameters
    context: typer.Context,
    metric: str,
    period: str,
    *,
    rho: RhoOption = None,
    expect_count: CountOption = None,
    expect_share: ShareOption = None,
    as_json: AsJson = False,
) -> None:
    """Show, before spending, how precise every value would be and what it costs.

    Reads no record, asks no node and looks at no kept answer.
    """
    opened = centre.opened(context)
    wanted = order_of(opened.programme, metric, period, rho)
    planned = _planned(opened.programme, wanted.metric)
    ahead = previews.preview(
        wanted,
        opened.programme,
        sites=[site.name for site in opened.sites.all()],
        confidence=opened.config.confidence_exact,
        figures=opened.figures,
        expected=Expected(
            count=expect_count or (planned.expected_count if planned else 100),
            share=_share(expect_share)
            or (planned.expected_share if planned else None)
            or Fraction(1, 2),
        ),
    )
    if as_json:
        centre.write_json(content_of(ahead))
    else:
        show_preview(ahead)


@app.command()
def run(  # noqa: PLR0913 - a command's options are its parameters
    context: typer.Context,
    metric: str,
    period: str,
    *,
    rho: RhoOption = None,
    purpose: PurposeOption = Purpose.OVERSIGHT,
    mandate: MandateOption = None,
    ask_again: AgainOption = False,
    html: PageOption = None,
    results: ResultsOption = None,
    output: OutputOption = None,
    form: FormatOption = None,
    force: ForceOption = False,
    as_json: AsJson = False,
) -> None:
    """Ask every site, and show the total, every site and the intervals."""
    opened = centre.opened(context)
    export_to = exporting.destination(output, form, force=force)
    wanted = order_of(opened.programme, metric, period, rho)
    outcome = asking.put(
        opened,
        [wanted],
        purpose=purpose,
        mandate=mandate,
        ask_again=ask_again,
        quiet=as_json,
    )
    asking.show(opened, outcome.results, as_json=as_json, by_site=True)
    asking.tell_charges(outcome)
    asking.write(
        opened,
        outcome.results,
        title=f"{wanted.metric.name}, {period}",
        rho=outcome.results[0].rho,
        page=html,
        results_file=results,
    )
    exporting.write(opened, outcome.results, export_to)
    asking.finish(outcome)


@app.command()
def show(
    context: typer.Context,
    digest: str,
    *,
    html: PageOption = None,
    as_json: AsJson = False,
) -> None:
    """Show a result again, by the beginning of its digest. Asks nobody."""
    opened = centre.opened(context)
    found = kept.read(opened.store.result(digest))
    asking.show(opened, [found], as_json=as_json, by_site=True)
    name = exporting.definitions(opened, [found])[found.metric].name
    asking.write(
        opened,
        [found],
        title=f"{name}, {found.period}",
        rho=found.rho,
        page=html,
        results_file=None,
    )


@app.command("list")
def list_results(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every result kept, oldest first."""
    opened = centre.opened(context)
    exporting.publish(opened)
    lines = opened.store.results()
    if as_json:
        centre.write_json(lines)
        return
    table = Table("Digest", "Metric", "Period", "Sites", "Made")
    for line in lines:
        sites = f"{line['sites_answered']} of {line['sites_total']}"
        head = (line["digest"][:12], line["metric"], line["period"])
        table.add_row(*head, sites, line["made_at"][:19])
    SHOW.print(table)


@app.command()
def export(  # noqa: PLR0913 - a command's options are its parameters
    context: typer.Context,
    digests: DigestsArgument = None,
    *,
    output: ExportOption,
    form: FormatOption = None,
    force: ForceOption = False,
    metric: Annotated[str | None, typer.Option(help="Only this metric.")] = None,
    period: Annotated[str | None, typer.Option(help="Only this period.")] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--every", help="Also results that a newer one stands for; else not."
        ),
    ] = False,
) -> None:
    """Write results kept to a file, every value with its interval. Asks nobody."""
    opened = centre.opened(context)
    to = exporting.destination(output, form, force=force)
    if digests:
        found = [kept.read(opened.store.result(digest)) for digest in digests]
    else:
        found = exporting.kept(opened, metric=metric, period=period, every=every)
    exporting.publish(opened)
    exporting.write(opened, found, to)


def order_of(
    programme: Programme, metric: str, period: str, rho: list[str] | None
) -> Order:
    """Read an order from the command line.

    Raises:
        InvalidQuery: no loss is given and no pack plans one.
    """
    found = programme.metric(metric)
    return Order(
        metric=found, period=Period(period), rho=_losses(programme, found, rho)
    )


def show_preview(ahead: Preview) -> None:
    """Show a preview in the terminal."""
    share = ahead.order.metric.measure in (Measure.SHARE, Measure.DIFFERENCE)
    table = Table("Whose", "Which", "Standard error", "95 % half-width")
    for cell in ahead.cells:
        scale = reading.scale(ahead.order.metric, cell.labels)
        table.add_row(
            words.EVERYBODY if cell.site == EVERYWHERE else cell.site,
            words.labels(cell.labels),
            words.error(cell.standard_error, scale),
            f"± {words.error(cell.half_width, scale)}",
        )
    SHOW.print(f"{ahead.order.metric.name}, {ahead.order.period}", style="bold")
    SHOW.print(table)
    if share:
        SHOW.print(
            f"For an expected {ahead.expected.count:,} at all sites and a share of "
            f"{float(ahead.expected.share):.0%}."
        )
    lost = loss_content(ahead.rho)
    SHOW.print(
        f"Each site would be charged at most {float(ahead.rho):.6f} rho (epsilon "
        f"{lost['epsilon']:.3f} at delta 0.000001); nothing for what it has answered "
        f"before. Sites answer from {ahead.from_day.isoformat()}."
    )


def content_of(ahead: Preview) -> dict[str, Any]:
    """Return a preview for JSON."""
    return {
        "metric": ahead.order.metric.id,
        "period": ahead.order.period.label,
        "expected_count": ahead.expected.count,
        "expected_share": float(ahead.expected.share),
        "cells": [
            {
                "labels": {"site": cell.site, **dict(cell.labels)},
                "standard_error": cell.standard_error,
                "half_width": cell.half_width,
            }
            for cell in ahead.cells
        ],
        "charge_per_site": {
            "rho": {name: str(rho) for name, rho in ahead.charges.items()},
            **loss_content(ahead.rho),
        },
        "from_day": ahead.from_day.isoformat(),
    }


def _losses(
    programme: Programme, metric: Metric, given: list[str] | None
) -> Mapping[str, Fraction]:
    """Return the loss of each query: as given, else as a pack plans it."""
    planned = _planned(programme, metric)
    losses = dict(planned.losses) if planned else {}
    for text in given or []:
        name, equals, amount = text.rpartition("=")
        if equals and name not in metric.templates:
            raise InvalidQuery(
                f"{metric.id} has no query {name!r}; it has "
                f"{', '.join(metric.templates)}."
            )
        names = [name] if equals else list(metric.templates)
        losses |= dict.fromkeys(names, loss.parse_rho(amount))
    if set(losses) != set(metric.templates):
        raise InvalidQuery(
            f"No pack plans a loss for {metric.id}; say what a site may be charged, "
            "such as --rho 0.004."
        )
    return losses


def _planned(programme: Programme, metric: Metric) -> pack.Line | None:
    """Return the first line of a shipped pack that asks a metric."""
    packs = (pack.load(name, programme) for name in pack.names())
    lines = (line for each in packs for line in each.lines)
    return next((line for line in lines if line.metric == metric.id), None)


def _share(text: str | None) -> Fraction | None:
    """Read an expected share exactly."""
    try:
        return None if text is None else Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InvalidQuery("Write an expected share like 0.95.") from error
