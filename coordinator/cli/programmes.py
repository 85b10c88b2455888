"""Commands by which the Board freezes, resumes or ends the whole programme."""

from pathlib import Path
from typing import Annotated

import typer

from coordinator import mandates
from coordinator.cli import board, centre, deliveries
from coordinator.cli.board import FileArgument, KeyOption, PlainOption
from coordinator.cli.centre import SHOW, AsJson
from privacy.mandate import StandingDown, Turn
from privacy.signing import Document, Kind

app = typer.Typer(
    help="The Board's orders to the whole programme: freeze, resume, terminate.",
    no_args_is_help=True,
)

_Output = Annotated[Path, typer.Argument(help="Where to write the order.")]
_Reason = Annotated[str, typer.Option(help="Why, in a few words.")]


@app.command()
def freeze(context: typer.Context, output: _Output, reason: _Reason) -> None:
    """Write an order that stops all answers until the programme is resumed."""
    _draft(context, Turn.FREEZE, output, reason)


@app.command()
def resume(context: typer.Context, output: _Output, reason: _Reason) -> None:
    """Write an order that lets the sites answer again."""
    _draft(context, Turn.RESUME, output, reason)


@app.command()
def terminate(context: typer.Context, output: _Output, reason: _Reason) -> None:
    """Write an order that ends the programme for good."""
    _draft(context, Turn.TERMINATE, output, reason)


@app.command()
def show(file: FileArgument) -> None:
    """Show what an order says."""
    _show(board.read(file, [Kind.STANDING_DOWN]))


@app.command()
def sign(
    file: FileArgument, key: KeyOption, *, no_passphrase: PlainOption = False
) -> None:
    """Sign an order, as a member of the Board. What it says is shown first."""
    board.sign(
        file, key, kinds=[Kind.STANDING_DOWN], show=_show, no_passphrase=no_passphrase
    )


@app.command()
def submit(
    context: typer.Context, file: FileArgument, *, as_json: AsJson = False
) -> None:
    """Take an order the Board signed, log it, and bring it to every site."""
    document = board.read(file, [Kind.STANDING_DOWN])
    deliveries.submit(centre.opened(context), document, as_json=as_json)


def _draft(context: typer.Context, turn: Turn, output: Path, reason: str) -> None:
    """Write an order with the next number."""
    opened = centre.opened(context)
    last = opened.governance.turn()
    number = last.number + 1 if last else 1
    document = mandates.order(
        turn, network=opened.config.network, number=number, reason=reason
    )
    board.write(output, document)
    _show(document)
    board.tell_next(
        f"Next: members of the Board sign it with `cmpp programme sign {output.name}`, "
        "then `cmpp programme submit`."
    )


_MEANS = {
    Turn.FREEZE: "Every site stops answering until the Board resumes the programme.",
    Turn.RESUME: "The sites answer again.",
    Turn.TERMINATE: "The programme ends. No site answers ever again.",
}


def _show(document: Document) -> None:
    order = StandingDown.parse(document)
    SHOW.print(
        f"Order {order.number} to network {order.network}: {order.turn.value}. "
        f"{_MEANS[order.turn]} Reason: {order.reason} It carries "
        f"{len(document.signers)} signatures that hold.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
