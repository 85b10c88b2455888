"""Commands about the transparency log: read it, prove it, publish it, check it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from coordinator import gazette
from coordinator.cli import centre
from coordinator.cli.centre import SHOW, AsJson
from privacy import signing
from privacy.transparency import Entry, Kind

app = typer.Typer(
    help="The public record of what was asked, by whom, why and at what cost.",
    no_args_is_help=True,
)

_Directory = Annotated[Path, typer.Argument(help="Where the public files are.")]


@app.command("list")
def list_entries(
    context: typer.Context,
    *,
    kind: Annotated[
        Kind | None, typer.Option(help="Show entries of this kind only.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the entries, oldest first."""
    log = centre.opened(context).log
    found = [each for each in log.entries() if kind in {None, each.kind}]
    if as_json:
        centre.write_json([_content(entry) for entry in found])
        return
    table = Table("Number", "When", "Kind", "Tells")
    for entry in found:
        when = entry.at.replace("T", " ").replace("Z", " UTC")
        table.add_row(str(entry.number), when, entry.kind.value, gazette.tells(entry))
    SHOW.print(table, markup=False)


@app.command()
def show(context: typer.Context, number: int) -> None:
    """Write one entry with all its facts, as JSON."""
    (entry,) = centre.opened(context).log.entries(number, number + 1)
    centre.write_json(_content(entry))


@app.command()
def head(context: typer.Context) -> None:
    """Sign and write where the log stands now, as JSON."""
    typer.echo(centre.opened(context).log.head(centre.now()).text(), nl=False)


@app.command()
def prove(context: typer.Context, number: int) -> None:
    """Write the proof that an entry stands in the log, as JSON."""
    log = centre.opened(context).log
    signed = log.head(centre.now())
    size = signed.head.size
    proof = log.inclusion(number, size)
    (entry,) = log.entries(number, number + 1)
    centre.write_json(
        {
            "line": entry.line,
            "number": number,
            "inclusion": [part.hex() for part in proof],
            "head": json.loads(signed.text()),
        }
    )


@app.command()
def consistency(context: typer.Context, old: int, new: int) -> None:
    """Write the proof that the log of one size begins with that of another, as JSON."""
    log = centre.opened(context).log
    proof = log.consistency(old, new)
    centre.write_json(
        {
            "old": old,
            "old_root": log.root(old).hex(),
            "new": new,
            "new_root": log.root(new).hex(),
            "consistency": [part.hex() for part in proof],
        }
    )


@app.command()
def publish(context: typer.Context, directory: _Directory) -> None:
    """Write the public files: every line, the signed head, a table and a page.

    Stops if the log does not begin with what was last published there.
    """
    log = centre.opened(context).log
    signed = gazette.publish(log, directory, now=centre.now())
    SHOW.print(
        f"Published {signed.head.size} entries in {directory}.",
        markup=False,
        soft_wrap=True,
    )


@app.command()
def check(
    directory: _Directory,
    *,
    key: Annotated[
        str,
        typer.Option(help="The coordinator's statement key, from a roster you trust."),
    ],
    since: Annotated[
        Path | None,
        typer.Option(help="A head.json kept from an earlier visit: was it only added?"),
    ] = None,
) -> None:
    """Check published files anywhere, with nothing but the coordinator's key."""
    signed, entries = gazette.check(
        directory,
        key=signing.key_bytes(key),
        since=None if since is None else gazette.read_head(since),
    )
    SHOW.print(
        f"The {len(entries)} entries are those the centre of {signed.head.network} "
        f"signed on {signed.head.at}, and the table says what they say.",
        markup=False,
        soft_wrap=True,
    )
    if since is not None:
        SHOW.print("Since the earlier head, entries were only added.")


def _content(entry: Entry) -> dict[str, object]:
    """Return an entry for JSON."""
    return {
        "number": entry.number,
        "at": entry.at,
        "kind": entry.kind.value,
        "body": entry.body,
    }
