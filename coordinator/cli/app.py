"""Assemble the commands, and turn what goes wrong into words and an exit code."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from coordinator import authority as authorities
from coordinator.cli import (
    audits,
    board,
    centre,
    cohorts,
    draws,
    editions,
    facts,
    logs,
    mandates,
    metrics,
    network,
    packs,
    plans,
    programmes,
    queries,
    rosters,
    serving,
)
from coordinator.cli.centre import SHOW, TELL, Centre
from coordinator.config import DEFAULT_NETWORK, DEFAULT_TRAINING
from privacy import roster
from privacy.errors import (
    BadConfiguration,
    BadRecords,
    BadSignature,
    Busy,
    ExchangeError,
    InvalidProgramme,
    InvalidQuery,
    NoPublicFigure,
    Refused,
    Unreachable,
    Untrusted,
)

_EXIT_CODES: Final = (
    ((Refused, BadSignature), 1),
    (
        (BadConfiguration, BadRecords, InvalidProgramme, InvalidQuery, NoPublicFigure),
        2,
    ),
    ((Busy, Unreachable, Untrusted), 3),
)
_INTERNAL: Final = 4

app = typer.Typer(
    help="Ask the sites and report to the Board.\n\n"
    "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 cannot reach, 4 internal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(metrics.app, name="metrics")
queries.app.command()(cohorts.combine)
app.add_typer(queries.app, name="query")
app.add_typer(facts.app, name="facts")
app.add_typer(packs.app, name="pack")
app.add_typer(network.sites, name="site")
app.add_typer(network.certificates, name="authority")
app.add_typer(board.app, name="board")
app.add_typer(rosters.app, name="roster")
app.add_typer(editions.app, name="edition")
app.add_typer(mandates.app, name="mandate")
app.add_typer(draws.app, name="draw")
app.add_typer(plans.app, name="plan")
app.add_typer(programmes.app, name="programme")
app.add_typer(logs.app, name="log")
app.add_typer(audits.app, name="audit")
app.command()(audits.holdings)
app.command()(serving.serve)


@app.callback()
def _start(
    context: typer.Context,
    home: Annotated[
        Path,
        typer.Option(envvar="CMPP_HOME", help="The coordinator's own directory."),
    ] = Path("~/.cmpp"),
    programme: Annotated[
        str | None,
        typer.Option(
            help="Version of the definitions; the newest edition's by default."
        ),
    ] = None,
) -> None:
    context.obj = Centre(home.expanduser(), programme=programme)
    centre.announce(context.obj)


@app.command()
def init(
    context: typer.Context,
    *,
    join_address: Annotated[
        str, typer.Option(help="Where sites redeem invitations, as they reach it.")
    ] = "127.0.0.1:7440",
    link_address: Annotated[
        str | None,
        typer.Option(help="Where they dial in, as they reach it; one port further."),
    ] = None,
    network_name: Annotated[
        str | None, typer.Option("--network", help="The network's name, for good.")
    ] = None,
    training: Annotated[
        bool, typer.Option("--training", help="For invented records only, for good.")
    ] = False,
) -> None:
    """Make a coordinator: settings, authority, own certificate and keys, store."""
    opened = centre.opened(context)
    name = network_name or (DEFAULT_TRAINING if training else DEFAULT_NETWORK)
    if training and not roster.is_training(name):
        raise BadConfiguration(
            f"The name of a training network begins with {roster.TRAINING}, so nothing "
            "was made; name it so, or leave --network out."
        )
    opened.home.make(join_address=join_address, link_address=link_address, network=name)
    centre.announce(opened)
    authorities.create(opened.home.authority, now=centre.now())
    opened.authority.equip_coordinator(opened.home.identity, now=centre.now())
    SHOW.print(f"Made a coordinator in {opened.home.directory}.")
    SHOW.print(f"Authority fingerprint: {opened.authority.fingerprint}", soft_wrap=True)
    SHOW.print(
        "Next: `cmpp serve` so that sites can join and dial in, then "
        "`cmpp site invite NYC --address dial`."
    )


def main() -> None:
    """Run one command; every failure is one sentence and an exit code."""
    try:
        app()
    except ExchangeError as error:
        TELL.print(error.message, markup=False, highlight=False, soft_wrap=True)
        sys.exit(_exit_code(error))
    except Exception as error:  # noqa: BLE001 - the outermost door
        TELL.print(
            f"Something unforeseen stopped the command ({type(error).__name__}); "
            "run it again, and report it as a defect if it repeats.",
            markup=False,
            soft_wrap=True,
        )
        sys.exit(_INTERNAL)


def _exit_code(error: ExchangeError) -> int:
    """Return the exit code that stands for an error."""
    codes = (code for kinds, code in _EXIT_CODES if isinstance(error, kinds))
    return next(codes, _INTERNAL)
