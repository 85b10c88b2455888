"""Assemble the commands, and turn what goes wrong into words and an exit code."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Final

import typer

from coordinator import authority as authorities
from coordinator.cli import (
    audits,
    board,
    centre,
    editions,
    logs,
    mandates,
    metrics,
    network,
    packs,
    programmes,
    queries,
    rosters,
)
from coordinator.cli.centre import SHOW, TELL, Centre
from coordinator.config import DEFAULT_NETWORK
from coordinator.server import Door, JoinServer
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    Busy,
    ExchangeError,
    InvalidProgramme,
    InvalidQuery,
    Refused,
    Unreachable,
    Untrusted,
)

_EXIT_CODES: Final = (
    ((Refused, BadSignature), 1),
    ((BadConfiguration, InvalidProgramme, InvalidQuery), 2),
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
app.add_typer(queries.app, name="query")
app.add_typer(packs.app, name="pack")
app.add_typer(network.sites, name="site")
app.add_typer(network.certificates, name="authority")
app.add_typer(board.app, name="board")
app.add_typer(rosters.app, name="roster")
app.add_typer(editions.app, name="edition")
app.add_typer(mandates.app, name="mandate")
app.add_typer(programmes.app, name="programme")
app.add_typer(logs.app, name="log")
app.add_typer(audits.app, name="audit")
app.command()(audits.holdings)


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


@app.command()
def init(
    context: typer.Context,
    join_address: Annotated[
        str, typer.Option(help="Where sites redeem invitations, as they reach it.")
    ] = "127.0.0.1:7440",
    network_name: Annotated[
        str, typer.Option("--network", help="The network's name, for good.")
    ] = DEFAULT_NETWORK,
) -> None:
    """Make a coordinator: settings, authority, own certificate and keys, store."""
    opened = centre.opened(context)
    opened.home.make(join_address=join_address, network=network_name)
    authorities.create(opened.home.authority, now=centre.now())
    opened.authority.equip_coordinator(opened.home.identity, now=centre.now())
    SHOW.print(f"Made a coordinator in {opened.home.directory}.")
    SHOW.print(f"Authority fingerprint: {opened.authority.fingerprint}", soft_wrap=True)
    SHOW.print(
        "Next: `cmpp serve` so that sites can join, then "
        "`cmpp site invite NYC --address host:port`."
    )


@app.command()
def serve(context: typer.Context) -> None:
    """Keep the door open at which invited sites obtain their certificate."""
    opened = centre.opened(context)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ending.set())
    door = Door(
        address=opened.config.join_address,
        identity=opened.identity,
        clock=centre.now,
        leaf_days=opened.config.certificate_days,
    )
    server = JoinServer(opened.authority, door=door)
    server.start()
    TELL.print(f"Sites can join at {opened.config.join_address}.")
    ending.wait()
    server.stop()


def main() -> None:
    """Run one command; every failure is one sentence and an exit code."""
    # The transport's own log would mix with ours, and it quotes what peers sent.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
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
