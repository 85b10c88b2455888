"""Commands about a board pack: all its questions, together."""

from typing import Annotated

import typer
from rich.table import Table

from coordinator import preview as previews
from coordinator.cli import asking, centre, exporting, queries
from coordinator.cli.asking import (
    AgainOption,
    MandateOption,
    PageOption,
    PurposeOption,
    ResultsOption,
)
from coordinator.cli.centre import SHOW, AsJson, Centre
from coordinator.cli.exporting import ForceOption, FormatOption, OutputOption
from coordinator.cli.queries import ExportOption
from coordinator.order import Order
from coordinator.preview import Expected, Preview
from coordinator.result import epsilon
from privacy import pack
from privacy.mandate import Purpose
from privacy.pack import Pack, PlannedLine
from privacy.period import Period

app = typer.Typer(help="Board packs.", no_args_is_help=True)

PackOption = Annotated[str, typer.Option("--pack", help="Which pack.")]
DEFAULT = "half-year"


@app.command("list")
def list_packs(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the packs and what they ask."""
    programme = centre.opened(context).programme
    packs = [pack.load(name, programme) for name in pack.names()]
    if as_json:
        centre.write_json(
            [
                {
                    "pack": each.name,
                    "title": each.title,
                    "metrics": [line.metric for line in each.lines],
                }
                for each in packs
            ]
        )
        return
    table = Table("Pack", "Title", "Metrics")
    for each in packs:
        asked = ", ".join(line.metric for line in each.lines)
        table.add_row(each.name, each.title, asked)
    SHOW.print(table)


@app.command()
def preview(
    context: typer.Context,
    period: str,
    *,
    name: PackOption = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Show, before spending, how precise a pack would be and what it costs a site."""
    opened = centre.opened(context)
    chosen = pack.load(name, opened.programme)
    ahead = [
        _ahead(opened, chosen, planned) for planned in chosen.lines_for(Period(period))
    ]
    total = chosen.total(opened.programme, Period(period))
    if as_json:
        centre.write_json([queries.content_of(each) for each in ahead])
        return
    for each in ahead:
        queries.show_preview(each)
    SHOW.print(
        f"The whole pack charges each site {float(total):.6f} rho, epsilon "
        f"{epsilon(total):.3f} at delta 0.000001; a query that metrics share is "
        "charged once."
    )


@app.command()
def run(  # noqa: PLR0913 - a command's options are its parameters
    context: typer.Context,
    period: str,
    *,
    name: PackOption = DEFAULT,
    purpose: PurposeOption = Purpose.OVERSIGHT,
    mandate: MandateOption = None,
    ask_again: AgainOption = False,
    by_site: Annotated[
        bool, typer.Option("--by-site", help="Show every site, not only the totals.")
    ] = False,
    html: PageOption = None,
    results: ResultsOption = None,
    output: OutputOption = None,
    form: FormatOption = None,
    force: ForceOption = False,
    as_json: AsJson = False,
) -> None:
    """Ask everything a half-year's pack asks, and show the table."""
    opened = centre.opened(context)
    export_to = exporting.destination(output, form, force=force)
    chosen = pack.load(name, opened.programme)
    outcome = asking.put(
        opened,
        [_order(opened, planned) for planned in chosen.lines_for(Period(period))],
        purpose=purpose,
        mandate=mandate,
        ask_again=ask_again,
        quiet=as_json,
    )
    asking.show(opened, outcome.results, as_json=as_json, by_site=by_site)
    asking.tell_charges(outcome)
    asking.write(
        opened,
        outcome.results,
        title=f"{chosen.title}, {period}",
        rho=outcome.rho,
        page=html,
        results_file=results,
    )
    exporting.write(opened, outcome.results, export_to)
    asking.finish(outcome)


@app.command()
def export(
    context: typer.Context,
    period: str,
    *,
    output: ExportOption,
    form: FormatOption = None,
    force: ForceOption = False,
    name: PackOption = DEFAULT,
) -> None:
    """Write what is kept of a pack to a file, with intervals. Asks nobody."""
    opened = centre.opened(context)
    to = exporting.destination(output, form, force=force)
    chosen = pack.load(name, opened.programme)
    found = [
        result
        for planned in chosen.lines_for(Period(period))
        for result in exporting.kept(
            opened, metric=planned.line.metric, period=planned.period.label
        )
    ]
    exporting.publish(opened)
    exporting.write(opened, found, to)


def _order(opened: Centre, planned: PlannedLine) -> Order:
    """Turn a line of a pack into an order."""
    return Order(
        metric=opened.programme.metric(planned.line.metric),
        period=planned.period,
        rho=planned.line.losses,
    )


def _ahead(opened: Centre, chosen: Pack, planned: PlannedLine) -> Preview:
    """Look ahead at one line of a pack, at the size and share it plans for."""
    line = planned.line
    expected = (
        Expected(count=line.expected_count)
        if line.expected_share is None
        else Expected(count=line.expected_count, share=line.expected_share)
    )
    return previews.preview(
        _order(opened, planned),
        opened.programme,
        sites=[site.name for site in opened.sites.all()],
        confidence=chosen.confidence,
        expected=expected,
    )
