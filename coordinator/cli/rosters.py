"""Commands about the roster: who takes part, with whose keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from coordinator import rosters
from coordinator.cli import board, centre, deliveries
from coordinator.cli.board import FileArgument, grouped
from coordinator.cli.centre import SHOW, AsJson, Centre
from coordinator.rosters import Draft
from privacy import roster as lists
from privacy.errors import BadConfiguration
from privacy.roster import BOARD_MIN, Member, Seat
from privacy.signing import Document, Kind
from proto import keys

app = typer.Typer(
    help="The signed list of who takes part, with their keys.", no_args_is_help=True
)


_READ_OUT: Final = 40
"""Letters of the digest that operators read to each other; each types them."""


@app.command()
def draft(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="Where to write it.")],
    *,
    seat: Annotated[
        list[str] | None,
        typer.Option(
            help="A board seat: name,organisation,member|chair,FILE.pub. Repeat it. "
            "Without any, the seats of the roster in force stay."
        ),
    ] = None,
    board_signatures: Annotated[
        int, typer.Option(help="Organisations that must sign a mandate.")
    ] = BOARD_MIN,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="A site that takes no part. Repeat it.")
    ] = None,
) -> None:
    """Write down who takes part: every site that joined, and the Board."""
    opened = centre.opened(context)
    before = opened.governance.newest_roster()
    drafted = Draft(
        network=opened.config.network,
        coordinator=opened.log.key,
        board_signatures=board_signatures,
        before=before,
    )
    seats = tuple(_seat(text) for text in seat or ())
    if not seats and before is not None:
        seats = before.board
    document = drafted.document(seats, _members(opened, frozenset(leave_out or ())))
    board.write(output, document)
    _show(document)
    board.tell_next(
        f"Next: send {output.name} to every site's operator. Each runs `cmpp-node "
        "roster accept`, compares fingerprints by telephone, and sends the signed copy "
        "back."
    )


@app.command()
def show(file: FileArgument, *, as_json: AsJson = False) -> None:
    """Show a roster with every key's fingerprint, for the telephone."""
    document = board.read(file, [Kind.ROSTER])
    if as_json:
        found = lists.parse(document)
        centre.write_json(
            {
                "network": found.network,
                "version": found.version,
                "digest": document.digest.hex(),
                "board_signatures": found.board_signatures,
                "fingerprints": dict(found.fingerprints()),
                "lacks": rosters.absent(document, None),
            }
        )
        return
    _show(document)


@app.command()
def gather(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="Where to write the joined copy.")],
    files: Annotated[list[Path], typer.Argument(help="The signed copies.")],
) -> None:
    """Put the signatures of several copies together, and say who is missing."""
    document, *others = (board.read(file, [Kind.ROSTER]) for file in files)
    for other in others:
        document = document.joined(other)
    board.replace(output, document.file())
    opened = centre.opened(context)
    before = opened.governance.newest_roster()
    missing = rosters.absent(document, before)
    if not missing:
        SHOW.print("Every site signed. Next: `cmpp roster publish`.")
        return
    SHOW.print(f"Not signed by: {', '.join(missing)}.", highlight=False)


@app.command()
def publish(
    context: typer.Context, file: FileArgument, *, as_json: AsJson = False
) -> None:
    """Put a signed roster in force at the centre, log it, and bring it to the sites."""
    document = board.read(file, [Kind.ROSTER])
    deliveries.submit(centre.opened(context), document, as_json=as_json)


def _seat(text: str) -> Seat:
    """Read a seat with the key in the file it names."""
    file = text.rpartition(",")[2].strip()
    key = keys.load_public(Path(file)) if file else b""
    return rosters.seat(text, keys={file: key})


def _members(opened: Centre, without: frozenset[str]) -> list[Member]:
    """Return every listed site with the keys it sent when it joined.

    Raises:
        BadConfiguration: a site has not joined, or nobody said who runs it.
    """
    sent = opened.authority.site_keys()
    found: list[Member] = []
    for site in opened.sites.all():
        if site.name in without:
            continue
        if site.name not in sent or not site.provider:
            what = "has not joined" if site.name not in sent else "has no provider"
            raise BadConfiguration(
                f"Site {site.name} {what}; have it join, name its provider with `cmpp "
                "site add --provider`, or leave it out with --leave-out."
            )
        given = sent[site.name]
        found.append(
            Member(
                site=site.name,
                provider=site.provider,
                key=given.statement,
                mask_key=given.masking,
            )
        )
    return found


def _show(document: Document) -> None:
    """Show a roster in the terminal."""
    found = lists.parse(document)
    digest = document.digest.hex()
    SHOW.print(
        f"Roster {found.version} of network {found.network}: {len(found.members)} "
        f"sites; a mandate takes {found.board_signatures} organisations of the Board.",
        highlight=False,
    )
    SHOW.print(_fingerprints(dict(found.fingerprints())))
    SHOW.print(f"Digest: {grouped(digest)}", soft_wrap=True, highlight=False)
    SHOW.print(
        f"By telephone, the first {_READ_OUT}: {grouped(digest[:_READ_OUT])}",
        highlight=False,
    )


def _fingerprints(found: Mapping[str, str]) -> Table:
    table = Table("Whose key", "Fingerprint")
    for whose, fingerprint in found.items():
        half = len(fingerprint) // 2
        table.add_row(whose, f"{fingerprint[:half]}\n{fingerprint[half:].strip()}")
    return table
