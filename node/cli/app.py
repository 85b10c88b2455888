"""Assemble the commands, and turn what goes wrong into words and an exit code."""

import os
import resource
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from node.cli import (
    answering,
    book,
    budget,
    custody,
    doctor,
    draw,
    inbox,
    joining,
    mapping,
    notice,
    officer,
    panels,
    policy,
    recording,
    rosters,
    simulation,
    state,
    stopping,
    training,
)
from node.cli.home import TELL, Home
from privacy.errors import (
    BadConfiguration,
    BadRecords,
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
    ((BadConfiguration, BadRecords, InvalidProgramme, InvalidQuery), 2),
    ((Busy, Unreachable, Untrusted), 3),
)
_INTERNAL: Final = 4

app = typer.Typer(
    cls=panels.Panels,
    help="Keep a site's records at the site, and answer with calibrated noise.\n\n"
    "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 cannot reach, 4 internal, "
    "5 the ledger stopped; doctor: 0 all ok, 10 look, 11 wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("import")(recording.import_records)
app.command()(training.synthesize)
app.command()(recording.close)
app.command()(answering.serve)
app.command()(answering.dial)
app.command()(state.status)
app.command("doctor")(doctor.examine)
joining.register(app)
app.add_typer(officer.app, name="officer")
app.add_typer(draw.app, name="draw")
app.add_typer(mapping.app, name="map")
app.add_typer(policy.app, name="policy")
app.add_typer(inbox.app, name="inbox")
app.add_typer(inbox.mandates, name="mandate")
budget.app.command("simulate")(simulation.simulate)
app.add_typer(budget.app, name="budget")
app.add_typer(book.app, name="ledger")
app.add_typer(rosters.app, name="roster")
app.command("notice")(notice.write)
stopping.register(app)
custody.register(app)
panels.arrange(app)


@app.callback()
def _start(
    context: typer.Context,
    directory: Annotated[
        Path,
        typer.Option("--home", envvar="CMPP_NODE_HOME", help="The site's directory."),
    ] = Path("~/.cmpp-node"),
) -> None:
    context.obj = Home(directory.expanduser())
    training.announce(context.obj)
    # `doctor` says the same in its own way.
    if context.invoked_subcommand != "doctor":
        training.require_as_made(context.obj)


def main() -> None:
    """Run one command; every failure is one sentence and an exit code."""
    # Whatever a command writes is its owner's alone, and what it holds in memory is
    # not written when it dies.
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
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
