"""Commands about what may be asked."""

from typing import Annotated, Any, Final

import typer
from rich.table import Table

from coordinator.cli import centre
from coordinator.cli.centre import SHOW, AsJson
from privacy import binding, facts
from privacy.catalogue import EstimatorKind, Metric, Pillar, Programme, Status
from privacy.dictionary import Grain
from privacy.period import Period, PeriodKind
from privacy.query import Mode, Unit

app = typer.Typer(help="The catalogue of metrics.", no_args_is_help=True)

_UNITS: Final = {
    Unit.HOUSEHOLD: "household",
    Unit.LEAD: "household, by its first counted adult",
    Unit.PERSON: "counted adult, at most two per household",
}
_K = EstimatorKind
_HOW: Final = {
    _K.COUNT: "a count, in all and in each cell",
    _K.HISTOGRAM: "a count in each cell",
    _K.MIX: "each cell's share of all of them",
    _K.SHARE: "those who do, as a share of those who do and those who do not",
    _K.CONTRAST_SHARE: "a share, from those who do less those who do not",
    _K.TOTAL: "a sum of capped amounts",
    _K.MEAN: "a sum of capped amounts divided by how many",
    _K.RATIO: "one sum of capped amounts divided by another",
    _K.RATIO_SHARE: "one sum of capped amounts, as a share of it and another",
    _K.RATIO_TO_PUBLIC: "a count divided by a public figure",
    _K.PUBLIC_OVER: "a public figure divided by a sum of capped amounts",
    _K.QUANTILES: "quartiles and median, from counts in bands",
    _K.STANDARDISED_DIFFERENCE: "how far two arms of the draw differ",
    _K.WEIGHTED_EFFECT: "the effect of being selected, from weighted sums",
    _K.EFFECT_ON_ENROLLED: "that effect, divided by the effect on enrolling",
    _K.SHARE_BY_ARM: "a share in either arm of the draw, and the difference",
    _K.PUBLIC: "public figures, exact; nothing is asked of a site",
    _K.LEDGER: "what the sites' signed answers cost; nothing is asked of a site",
}
_INTRODUCTION: Final = (
    "Written by `cmpp metrics page` from the catalogue itself. Every number follows "
    "from its definition, the rules here and the data dictionary, and from nothing "
    "else. What every definition takes for granted:"
)
_SHOWN_APART: Final = frozenset(
    {"metric", "name", "definition", "counted_once", "how_to_read", "queries"}
)
_EXAMPLES: Final = {
    PeriodKind.QUARTER: Period("FY2025-Q1"),
    PeriodKind.HALF_YEAR: Period("FY2025-H1"),
    PeriodKind.FISCAL_YEAR: Period("FY2025"),
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
    """Show the metrics that may be asked, with the facts each of them answers."""
    programme = centre.opened(context).programme
    found = [
        metric
        for metric in programme.metrics.values()
        if drafts or metric.status is Status.RUNNING
    ]
    if as_json:
        centre.write_json([_head(metric) for metric in found])
        return
    table = Table("Metric", "Name", "Pillar", "Seeds", "A household counts", "By")
    for metric in found:
        periods = ", ".join(kind.value for kind in metric.periods)
        table.add_row(
            metric.id,
            metric.name,
            metric.pillar.value,
            ", ".join(metric.seeds),
            _repeats(metric),
            periods,
        )
    SHOW.print(table)


@app.command()
def show(context: typer.Context, metric: str, *, as_json: AsJson = False) -> None:
    """Show one metric: all that is needed to judge a value of it."""
    programme = centre.opened(context).programme
    found = programme.metric(metric)
    whole = _whole(found, programme)
    if as_json:
        centre.write_json(whole)
        return
    SHOW.print(f"{found.id} {found.name}", style="bold")
    SHOW.print(found.definition)
    table = Table(show_header=False, box=None)
    for name, value in whole.items():
        if name in _SHOWN_APART:
            continue
        words = "; ".join(value) if isinstance(value, list) else str(value)
        if words:
            table.add_row(name.replace("_", " ").capitalize(), words)
    SHOW.print(table)
    for name, query in whole["queries"].items():
        event = query["cohort_of"] or "none; everybody of those entry years"
        SHOW.print(f"  query {name}: one per {query['unit']}; cohort of: {event}")
    SHOW.print("\nWhat every definition takes for granted:", style="bold")
    SHOW.print(programme.how_to_read, highlight=False)


@app.command()
def page(context: typer.Context) -> None:
    """Write the whole catalogue as one page of Markdown, to be read or printed."""
    typer.echo(document(centre.opened(context).programme), nl=False)


def document(programme: Programme) -> str:
    """Return the catalogue as Markdown, one section for each pillar."""
    rules = [f"- **{head}**:{rest}" for head, rest in _rules(programme)]
    lines = ["# The metrics", "", _INTRODUCTION, "", *rules]
    for pillar in Pillar:
        lines += ["", f"## {pillar.value.capitalize()}"]
        for metric in programme.metrics.values():
            if metric.pillar is pillar:
                lines += ["", *_section(metric, programme)]
    return "\n".join([*lines, ""])


def _rules(programme: Programme) -> list[tuple[str, str]]:
    """Return each thing every definition takes for granted, with its heading."""
    parts = (line.partition(":") for line in programme.how_to_read.splitlines())
    return [(head, rest) for head, _, rest in parts]


def _section(metric: Metric, programme: Programme) -> list[str]:
    """Return what the page says of one metric."""
    seeds = ", ".join(metric.seeds)
    periods = ", ".join(kind.value for kind in metric.periods)
    counts = (
        f"A household counts {_repeats(metric)}; "
        if metric.templates
        else "Nothing is asked of a site; "
    )
    counts += f"by {periods}; for {_places(metric)}; "
    counts += f"asked from {_wait(metric, programme)}."
    said = [
        f"Answers {seeds}: {metric.answers[0].lower()}{metric.answers[1:]}.",
        counts,
    ]
    if metric.preregistered:
        said.append("It needs an analysis plan signed before the first draw.")
    if metric.caps:
        said.append(f"Caps: {'; '.join(metric.caps)}.")
    return [f"### {metric.id} {metric.name}", "", metric.definition, "", *said]


def _head(metric: Metric) -> dict[str, Any]:
    """Return what a list says of a metric."""
    return {
        "metric": metric.id,
        "name": metric.name,
        "answers": metric.answers,
        "pillar": metric.pillar.value,
        "seeds": list(metric.seeds),
        "counted_once": metric.once,
        "periods": [kind.value for kind in metric.periods],
        "status": metric.status.value,
    }


def _whole(metric: Metric, programme: Programme) -> dict[str, Any]:
    """Return everything a reader needs to know about a metric."""
    lines = [line.sentence for line in facts.reference_lines(metric)]
    return {
        **_head(metric),
        "a_household_counts": _repeats(metric),
        "definition": metric.definition,
        "counted": metric.counted,
        "measure": metric.measure.value,
        "unit_shown": metric.unit_shown,
        "worked_out_as": _HOW[metric.estimator.kind],
        "public_figure": (metric.estimator.figure or "").replace("_", " "),
        "caps": list(metric.caps),
        "shown_by": [name.replace("_", " ") for name in metric.dimensions],
        "grain": metric.grain.value,
        "published_for": _places(metric),
        "asked_from": _wait(metric, programme),
        "needs_a_signed_analysis_plan": "yes" if metric.preregistered else "no",
        "reference_lines": lines,
        "metric_version": metric.version,
        "catalogue_version": programme.version,
        "how_to_read": programme.how_to_read,
        "queries": {
            name: {
                "unit": _UNITS[query.unit],
                "cohort_of": query.anchor,
                "entry_lookback_years": query.entry_lookback_years,
            }
            for name, query in metric.templates.items()
        },
    }


def _repeats(metric: Metric) -> str:
    """Say whether a household can be in it more than once."""
    if not metric.templates:
        return "nobody"
    return "once" if metric.once else "in every period"


def _places(metric: Metric) -> str:
    """Say whose values are published, and whether a site may answer for itself."""
    if metric.grain is Grain.SITE:
        return "every site and the network"
    if Mode.SITE in metric.modes:
        return "the network"
    return "the network, from a total over sites only: no site answers for itself"


def _wait(metric: Metric, programme: Programme) -> str:
    """Say how long after a period its questions may be asked."""
    if not metric.templates:
        return "at any time"
    period = _EXAMPLES[metric.periods[0]]
    queries = programme.queries(metric, period).values()
    days = max(binding.matures(query) for query in queries) - period.end
    return f"{days} days after the period's last day"
