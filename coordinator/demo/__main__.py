"""Run the demonstration: `python -m coordinator.demo`, or `make demo`."""

import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from coordinator.demo import story
from coordinator.demo.network import Plan
from coordinator.demo.story import SAY
from privacy.errors import ExchangeError


def main(
    directory: Annotated[
        Path, typer.Option(envvar="DEMO_DIR", help="Where everything is put.")
    ] = Path(".demo"),
    seed: Annotated[int, typer.Option(help="Decides the invented records.")] = 2024,
    scale: Annotated[float, typer.Option(help="Multiplies the households.")] = 1.0,
    records: Annotated[
        Path | None,
        typer.Option(help="Import a folder per site from here; invent nothing."),
    ] = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it all running.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop one left running.")
    ] = False,
) -> None:
    """Run five sites, ask the half-year's pack, and show the table.

    Exit codes: 0 when every headline is as readable as planned and asking again
    was free, 1 when not, 4 when something broke.
    """
    signal.signal(signal.SIGTERM, _end)
    try:
        if stop:
            story.stop(directory)
            return
        plan = Plan(directory=directory, seed=seed, scale=scale, records=records)
        code = story.tell(plan, keep=keep)
    except ExchangeError as error:
        SAY.print(error.message, markup=False, soft_wrap=True)
        code = 4
    raise typer.Exit(code)


def _end(_number: int, _frame: object) -> NoReturn:
    """End as if interrupted, so that everything started is stopped."""
    sys.exit(143)


if __name__ == "__main__":
    typer.run(main)
