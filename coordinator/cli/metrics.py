"""Commands about what may be asked."""

from typing import Annotated, Any

import typer
from rich.table import Table

from coordinator.cli import centre
from coordinator.cli.centre import SHOW, AsJson
from privacy.catalogue import Metric, Status
from privacy.query import Unit

app = typer.Typer(help="The catalogue of metrics.", no_args_is_help=True)

_UNITS = {
    Unit.HOUSEHOLD: "household",
    Unit.LEAD: "household, by its first counted adult",
    Unit.PERSON: "counted adult, at most two per household",
}


@app.command("list")
def list_metrics(
    context: typer.Context,
    *,
    drafts: Annotated[
        bool, typer.Option("--drafts", help="Also those that cannot be asked yet.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the metrics that may be asked."""
    found = [
        metric
        for metric in centre.opened(context).programme.metrics.values()
        if drafts or metric.status is Status.RUNNING
    ]
    if as_json:
        centre.write_json([_head(metric) for metric in found])
        return
    table = Table("Metric", "Name", "Answers", "Pillar", "Status")
    for metric in found:
        head = (metric.id, metric.name, metric.answers)
        table.add_row(*head, metric.pillar.value, metric.status.value)
    SHOW.print(table)


@app.command()
def show(context: typer.Context, metric: str, *, as_json: AsJson = False) -> None:
    """Show one metric: its definition, who is counted, and its queries."""
    programme = centre.opened(context).programme
    found = programme.metric(metric)
    if as_json:
        centre.write_json(_whole(found, programme.version))
        return
    SHOW.print(f"{found.id} {found.name}", style="bold")
    SHOW.print(found.definition)
    table = Table(show_header=False, box=None)
    for name, value in _whole(found, programme.version).items():
        if name not in ("metric", "name", "definition", "queries"):
            words = ", ".join(value) if isinstance(value, list) else str(value)
            table.add_row(name.replace("_", " ").capitalize(), words)
    SHOW.print(table)
    for name, query in _whole(found, programme.version)["queries"].items():
        event = query["cohort_of"] or "none; everybody of those entry years"
        SHOW.print(f"  query {name}: one per {query['unit']}; cohort of: {event}")


def _head(metric: Metric) -> dict[str, Any]:
    """Return what a list says of a metric."""
    return {
        "metric": metric.id,
        "name": metric.name,
        "answers": metric.answers,
        "pillar": metric.pillar.value,
        "status": metric.status.value,
    }


def _whole(metric: Metric, version: str) -> dict[str, Any]:
    """Return everything a reader needs to know about a metric."""
    return {
        **_head(metric),
        "definition": metric.definition,
        "counted": metric.counted,
        "grain": metric.grain.value,
        "periods": [kind.value for kind in metric.periods],
        "metric_version": metric.version,
        "catalogue_version": version,
        "queries": {
            name: {"unit": _UNITS[query.unit], "cohort_of": query.anchor}
            for name, query in metric.templates.items()
        },
    }
