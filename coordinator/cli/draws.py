"""Commands about draws: publish a site's commitment, make the nonce, see them all."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from coordinator import draws as known_draws
from coordinator.cli import board, centre, deliveries
from coordinator.cli.board import FileArgument, KeyOption, PlainOption, grouped
from coordinator.cli.centre import SHOW, AsJson, Centre
from coordinator.draws import Call
from privacy import draw_papers, draws, roster, signing
from privacy.draw_papers import Pledge, Share
from privacy.draws import Draw, Judge
from privacy.errors import BadConfiguration, NotAllowed
from privacy.roster import Roster
from privacy.signing import Document, Kind
from proto import keys

app = typer.Typer(
    help="Selection by chance: commitments, nonces and outcomes.",
    no_args_is_help=True,
)

_SHORT: Final = 16

_Name = Annotated[str, typer.Argument(help="The draw, such as NYC-P2-FY2027-Q1-1.")]
_Call = Annotated[Path, typer.Argument(help="What `cmpp draw call` wrote.")]
_Output = Annotated[Path, typer.Argument(help="Where to write the signed paper.")]
_RosterOption = Annotated[
    Path,
    typer.Option(
        "--roster", help="The roster as the member keeps it, from another hand."
    ),
]


@app.command("list")
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every draw and how far it has come."""
    lines = [
        {
            "draw": draw.name,
            "closed_on": draw.listed.terms.closed_on.isoformat(),
            "state": draw.state,
            "commitment": draw.listed.commitment.hex(),
            "nonce": draw.nonce.hex() if draw.nonce else "",
            "outcome": draw.outcome.outcome.hex() if draw.outcome else "",
        }
        for draw in _known(centre.opened(context)).values()
    ]
    if as_json:
        centre.write_json(lines)
        return
    table = Table("Draw", "List closed on", "State", "Commitment")
    for line in lines:
        short = line["commitment"][:_SHORT]
        table.add_row(line["draw"], line["closed_on"], line["state"], short)
    SHOW.print(table, markup=False)


@app.command()
def submit(
    context: typer.Context, file: FileArgument, *, as_json: AsJson = False
) -> None:
    """Take a paper of a draw, log it, and bring the Board's to the site."""
    document = board.read(file, [Kind.DRAW])
    deliveries.submit(centre.opened(context), document, as_json=as_json)


@app.command()
def call(
    context: typer.Context,
    name: _Name,
    output: Annotated[Path, typer.Argument(help="Where to write it, for members.")],
) -> None:
    """Write what members of the Board need to pledge, or then to share.

    It holds the site's list paper, proof that it stands in the public log, and the
    pledges so far. Whoever has pledged in it takes part; the others do not.
    """
    opened = centre.opened(context)
    draw = known_draws.named(_known(opened), name)
    if not draw.is_open or draw.nonce is not None:
        raise NotAllowed(f"Draw {name} needs nothing of the Board: {draw.state}.")
    kept = opened.documents.all(Kind.DRAW)
    (listed,) = (each for each in kept if each.digest == draw.digest)
    head, number = opened.log.head(centre.now()), listed.log_number or 0
    (entry,) = opened.log.entries(number, number + 1)
    made = Call(
        papers=tuple(each.document for each in kept if each.digest in draw.papers),
        line=entry.line,
        number=number,
        inclusion=opened.log.inclusion(number, head.head.size),
        head=head,
    )
    keys.write_new(output, made.text().encode(), mode=0o644)
    what = "share" if _enough(opened.roster, draw) else "pledge"
    board.tell_next(
        f"{name}: {draw.state}. Next: members run `cmpp draw {what} {output.name}` and "
        "send back what it writes; then `cmpp draw submit`."
    )


@app.command()
def pledge(
    file: _Call,
    output: _Output,
    *,
    of: _RosterOption,
    key: KeyOption,
    no_passphrase: PlainOption = False,
) -> None:
    """Fix what you will give to the nonce, without showing it. First of two visits.

    Signs that you found the site's commitment in the public log. Run it on your own
    machine; nothing has to be kept but the key.
    """
    made, draw, _ = _checked(file, of)
    _show(draw)
    own = board.unlocked(key, no_passphrase=no_passphrase)
    about = bytes.fromhex(draw.digest)
    public = own.public_key().public_bytes_raw()
    value = draw_papers.value_for(own, about)
    paper = Pledge(
        network=draw.listed.network,
        draw=about,
        pledge=draw_papers.pledge_of(public, about, value),
        log_size=made.head.head.size,
        log_root=made.head.head.root,
    )
    _write(output, paper.document().signed_by(own))
    board.tell_next(
        f"Pledged for {draw.name}. Send {output.name} to the centre; once all have "
        "pledged it sends a new call, for `cmpp draw share`."
    )


@app.command()
def share(
    file: _Call,
    output: _Output,
    *,
    of: _RosterOption,
    key: KeyOption,
    no_passphrase: PlainOption = False,
) -> None:
    """Show what you pledged, to go with exactly the pledges in the call. Second visit.

    You share once for a draw, with one set of members: a mark beside your key keeps
    you from sharing again with another, because then somebody could choose.
    """
    _, draw, list_ = _checked(file, of)
    _show(draw)
    own = board.unlocked(key, no_passphrase=no_passphrase)
    public, about = own.public_key().public_bytes_raw(), bytes.fromhex(draw.digest)
    together = draw.pledged if draw.together is None else draw.together
    if public not in together:
        raise NotAllowed(
            f"You are not among the members whose pledges make the nonce of "
            f"{draw.name}; pledge first, or leave it to them."
        )
    document = (
        Share(
            network=draw.listed.network,
            draw=about,
            pledges=together,
            value=draw_papers.value_for(own, about),
        )
        .document()
        .signed_by(own)
    )
    if document.digest.hex() not in draw.papers:
        draws.after({draw.digest: draw}, document, Judge(roster=list_))
    _mark(key, draw, document)
    _write(output, document)
    board.tell_next(f"Shared for {draw.name}. Send {output.name} to the centre.")


def _known(opened: Centre) -> draws.Draws:
    kept = (each.document for each in opened.documents.all())
    return known_draws.replay(kept, known_draws.require)


def _checked(file: Path, of: Path) -> tuple[Call, Draw, Roster]:
    """Read a call and check it against the member's own roster."""
    list_ = roster.parse(signing.read(keys.read_bounded(of), Kind.ROSTER))
    try:
        made = known_draws.read_call(keys.read_bounded(file).decode())
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{file.name} is no text; ask for it again.") from error
    return made, made.check(list_), list_


def _enough(list_: Roster, draw: Draw) -> bool:
    """Tell whether those who pledged could make a nonce."""
    organisations = {
        seat.organisation for seat in list_.board if seat.key in draw.pledged
    }
    return len(organisations) >= list_.board_signatures


def _mark(key: Path, draw: Draw, document: Document) -> None:
    """Note beside the key with whom its owner shared; refuse a second set."""
    mark = key.with_name(f"{key.stem}-{draw.digest[:_SHORT]}.shared")
    said = document.digest.hex().encode()
    if not mark.exists():
        keys.write_new(mark, said, mode=0o600)
    elif keys.read_bounded(mark) != said:
        raise NotAllowed(
            f"You shared for {draw.name} with other members before, and what you gave "
            "is known; a second set could be fitted to it. Tell the other members."
        )


def _write(output: Path, document: Document) -> None:
    output.unlink(missing_ok=True)
    board.write(output, document)


def _show(draw: Draw) -> None:
    """Show what a member is about to sign for."""
    terms = draw.listed.terms
    slots = ", ".join(f"{name.value} {n}" for name, n in sorted(terms.slots.items()))
    table = Table(show_header=False)
    table.add_row("Draw", draw.name)
    table.add_row("List closed on", terms.closed_on.isoformat())
    table.add_row("Places for households", slots)
    table.add_row("Commitment", grouped(draw.listed.commitment.hex()))
    table.add_row("State", draw.state)
    for key in sorted(draw.pledged):
        table.add_row("Pledged", signing.fingerprint(key))
    SHOW.print(table, markup=False)
