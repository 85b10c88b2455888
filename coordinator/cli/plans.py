"""Commands about analysis plans: how an effect is worked out, fixed beforehand."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from coordinator.cli import board, centre, deliveries
from coordinator.cli.board import FileArgument, KeyOption, PlainOption, grouped
from coordinator.cli.centre import SHOW, AsJson
from coordinator.plans import COMBINING, Draft
from privacy import analysis_plan, roster
from privacy.analysis_plan import AnalysisPlan, Locked
from privacy.errors import BadConfiguration
from privacy.signing import Document, Kind

app = typer.Typer(
    help="How the effect of a draw is worked out, signed before the draw.",
    no_args_is_help=True,
)

_Output = Annotated[Path, typer.Argument(help="Where to write it.")]
_Metric = Annotated[str, typer.Option("--metric", help="Such as M35.")]
_FirstDraw = Annotated[
    str,
    typer.Option(
        "--first-draw",
        help="The first day on which a draw is under it: begin a quarter with it.",
    ),
]


@app.command()
def draft(  # noqa: PLR0913 - every field of a plan has its option
    context: typer.Context,
    output: _Output,
    *,
    metric: _Metric,
    first_draw: _FirstDraw,
    outcome: Annotated[str, typer.Option(help="What counts as the outcome, in words.")],
    estimand: Annotated[
        str | None,
        typer.Option(help="What is estimated, in words; the definition unless said."),
    ] = None,
    combining: Annotated[
        str, typer.Option(help="What will be done with cohorts that are added up.")
    ] = COMBINING,
    locked_on: Annotated[
        str | None,
        typer.Option(
            help="On a training network only: the day it is taken to be locked."
        ),
    ] = None,
) -> None:
    """Write a plan for a metric as it is defined now, for the Board to sign."""
    opened = centre.opened(context)
    found = opened.programme.metric(metric)
    if locked_on is not None and not opened.config.training:
        raise BadConfiguration(
            "A plan is locked on the day it is published; only a training network, "
            "where the past is invented too, may say another."
        )
    known = [each.plan.number for each in opened.governance.plans()]
    document = Draft(
        network=opened.config.network,
        number=max(known, default=0) + 1,
        metric=found,
        programme=opened.programme,
        estimand=estimand or found.definition,
        outcome=outcome,
        combining=combining,
        locked_on=_day(locked_on) if locked_on else centre.now().date(),
        first_draw_on=_day(first_draw),
    ).document()
    board.write(output, document)
    _show(document, as_json=False)
    board.tell_next(
        f"Next: members of the Board sign it with `cmpp plan sign {output.name}`, then "
        "`cmpp plan submit`, before the quarter of its first draw begins."
    )


@app.command()
def show(file: FileArgument, *, as_json: AsJson = False) -> None:
    """Show what a plan fixes, and from which draw on."""
    _show(board.read(file, [Kind.ANALYSIS_PLAN]), as_json=as_json)


@app.command()
def sign(
    file: FileArgument, key: KeyOption, *, no_passphrase: PlainOption = False
) -> None:
    """Sign a plan, as a member of the Board. What it fixes is shown first."""
    board.sign(
        file,
        key,
        kinds=[Kind.ANALYSIS_PLAN],
        show=lambda document: _show(document, as_json=False),
        no_passphrase=no_passphrase,
    )


@app.command()
def submit(
    context: typer.Context, file: FileArgument, *, as_json: AsJson = False
) -> None:
    """Take a plan the Board signed, log it, and bring it to every site."""
    document = board.read(file, [Kind.ANALYSIS_PLAN])
    deliveries.submit(centre.opened(context), document, as_json=as_json)


@app.command("list")
def list_plans(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every plan, and which draws it is about."""
    known = centre.opened(context).governance.plans()
    if as_json:
        centre.write_json([_content(each.plan) | _since(each) for each in known])
        return
    table = Table("Number", "Metric", "Locked", "Draws from", "Definition")
    for each in known:
        plan = each.plan
        days = (each.since.isoformat(), plan.first_draw_on.isoformat())
        named = (str(plan.number), plan.metric)
        table.add_row(*named, *days, plan.definition.hex()[:16])
    SHOW.print(table, markup=False)


def _show(document: Document, *, as_json: bool) -> None:
    """Show a plan, in words or as JSON."""
    plan = analysis_plan.parse(document)
    if as_json:
        centre.write_json(_content(plan) | {"signatures": len(document.signers)})
        return
    table = Table(show_header=False)
    for name, value in _words(plan).items():
        table.add_row(name, value)
    table.add_row("Signatures that hold", str(len(document.signers)))
    table.add_row("Digest", grouped(plan.digest.hex()))
    SHOW.print(table, markup=False)
    SHOW.print(_believed(plan), highlight=False)


def _words(plan: AnalysisPlan) -> dict[str, str]:
    """Say what a plan fixes."""
    return {
        "Analysis plan": f"{plan.number}, network {plan.network}",
        "For": plan.metric,
        "What is estimated": plan.estimand,
        "What counts as the outcome": plan.outcome,
        "Looked at for": f"{plan.window_days} days from the draw",
        "Largest weight": (
            f"{plan.weight_limit_percent / 100:.2f}; draws that would give a larger "
            "one are left out"
        ),
        "Cohorts": plan.combining,
        "Drafted on": plan.locked_on.isoformat(),
        "For draws from": plan.first_draw_on.isoformat(),
        "Digest of the definition": grouped(plan.definition.hex()),
    }


def _believed(plan: AnalysisPlan) -> str:
    """Say which day counts as the day the plan was locked."""
    if roster.is_training(plan.network):
        return (
            f"This is a training network: records and their past are invented, so the "
            f"plan's own day, {plan.locked_on}, is believed. On a live network it is "
            "the day the plan is published."
        )
    return (
        "It counts from the day it stands in the public log and in a site's ledger, "
        "and for cohorts that begin later than that. It permits nothing by itself."
    )


def _content(plan: AnalysisPlan) -> dict[str, Any]:
    """Return what a plan says, for another program."""
    return {
        "number": plan.number,
        "network": plan.network,
        "metric": plan.metric,
        "definition": plan.definition.hex(),
        "estimand": plan.estimand,
        "outcome": plan.outcome,
        "window_days": plan.window_days,
        "weight_limit_percent": plan.weight_limit_percent,
        "combining": plan.combining,
        "locked_on": plan.locked_on.isoformat(),
        "first_draw_on": plan.first_draw_on.isoformat(),
        "digest": plan.digest.hex(),
    }


def _since(known: Locked) -> dict[str, str]:
    """Return when a plan came, and from when it is believed to stand."""
    return {"came_at": known.at.isoformat(), "stands_since": known.since.isoformat()}


def _day(text: str) -> dt.date:
    """Read a day.

    Raises:
        BadConfiguration: it is none.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise BadConfiguration("Write a day like 2027-01-01.") from error
