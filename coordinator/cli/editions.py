"""Commands about editions: the definitions of all metrics, signed by the Board."""

from pathlib import Path
from typing import Annotated

import typer

from coordinator import editions
from coordinator.cli import board, centre, deliveries
from coordinator.cli.board import FileArgument, KeyOption, PlainOption
from coordinator.cli.centre import SHOW, AsJson
from privacy import catalogue, edition
from privacy.catalogue import Programme
from privacy.edition import Changes
from privacy.errors import BadConfiguration
from privacy.signing import Document, Kind

app = typer.Typer(
    help="The dictionary and the definitions of all metrics, as the Board signs them.",
    no_args_is_help=True,
)


@app.command()
def draft(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="Where to write it.")],
    directory: Annotated[
        Path | None, typer.Argument(help="The programme's texts.")
    ] = None,
    *,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Use the texts of this software.")
    ] = False,
) -> None:
    """Write an edition with the next number, and say what it changes."""
    if shipped == (directory is not None):
        raise BadConfiguration("Name a directory with the texts, or say --shipped.")
    opened = centre.opened(context)
    kept = opened.documents.all(Kind.EDITION)
    last = max((edition.parse(each.document).number for each in kept), default=0)
    files = editions.shipped() if directory is None else editions.read(directory)
    document = edition.draft(files, network=opened.config.network, number=last + 1)
    board.write(output, document)
    _show(document, opened.programme)
    board.tell_next(
        f"Next: members sign it with `cmpp edition sign {output.name}`, then `cmpp "
        "edition submit`."
    )


@app.command()
def show(
    context: typer.Context, file: FileArgument, *, as_json: AsJson = False
) -> None:
    """Show what an edition adds and changes."""
    document = board.read(file, [Kind.EDITION])
    known = centre.opened(context).programme
    if not as_json:
        _show(document, known)
        return
    found = edition.parse(document)
    changed = edition.changes(known, found.programme)
    centre.write_json(
        {
            "number": found.number,
            "programme": found.programme.version,
            "digest": document.digest.hex(),
            "against": known.version,
            "added": changed.added,
            "changed": changed.changed,
            "removed": changed.removed,
            "dictionary_changed": changed.dictionary,
            "signatures": len(document.signers),
        }
    )


@app.command()
def sign(
    context: typer.Context,
    file: FileArgument,
    key: KeyOption,
    *,
    no_passphrase: PlainOption = False,
) -> None:
    """Sign an edition, as a member of the Board. What it changes is shown first."""
    opened = centre.opened(context)
    known = opened.programme if opened.home.config_file.exists() else catalogue.load()
    board.sign(
        file,
        key,
        kinds=[Kind.EDITION],
        show=lambda document: _show(document, known),
        no_passphrase=no_passphrase,
    )


@app.command()
def submit(
    context: typer.Context, file: FileArgument, *, as_json: AsJson = False
) -> None:
    """Take an edition the Board signed, log it, and bring it to every site."""
    document = board.read(file, [Kind.EDITION])
    deliveries.submit(centre.opened(context), document, as_json=as_json)


def _show(document: Document, known: Programme) -> None:
    found = edition.parse(document)
    changed = edition.changes(known, found.programme)
    SHOW.print(
        f"Edition {found.number}: programme {found.programme.version}, against "
        f"{known.version}; {len(document.signers)} signatures that hold.",
        highlight=False,
    )
    for line in _lines(changed, known, found.programme):
        SHOW.print(line, markup=False, highlight=False)


def _lines(changed: Changes, known: Programme, new: Programme) -> list[str]:
    """Say in words what an edition changes."""
    lines = [
        f"New: {name}, {new.metrics[name].name}. {new.metrics[name].definition}"
        for name in changed.added
    ]
    for name in changed.changed:
        lines += [
            f"Changed: {name}, {new.metrics[name].name}.",
            f"  Before: {known.metrics[name].definition}",
            f"  Now:    {new.metrics[name].definition}",
        ]
    lines += [f"Gone: {n}, {known.metrics[n].name}." for n in changed.removed]
    if changed.dictionary:
        lines += ["The dictionary changed: tables, fields or code lists."]
    return lines or ["It changes nothing."]
