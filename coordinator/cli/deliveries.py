"""Show what became of a document at every site, and end with a code that says so."""

from collections.abc import Mapping

import typer
from rich.table import Table

from coordinator.cli import centre
from coordinator.cli.centre import SHOW, Centre
from coordinator.documents import Outcome
from coordinator.governance import Reached
from privacy.signing import Document

WORDS = {
    Outcome.ADOPTED: "in force",
    Outcome.WAITING: "waits for the site's privacy officer",
    Outcome.KNOWN: "there already",
    Outcome.REFUSED: "not taken: the site does not believe it, or has not agreed yet",
    Outcome.UNREACHABLE: "not reached; `cmpp mandate deliver` tries again",
}


def submit(opened: Centre, document: Document, *, as_json: bool) -> None:
    """Hand a document in and show where it arrived."""
    reached = opened.governance.submit(document, now=centre.now())
    found = reached.get(document.digest.hex(), {})
    if as_json:
        sites = {site: each.value for site, each in found.items()}
        centre.write_json({"digest": document.digest.hex(), "sites": sites})
    else:
        SHOW.print(f"Taken and logged: {document.digest.hex()}", soft_wrap=True)
        if found:
            SHOW.print(table(found))
    finish(found)


def show(opened: Centre, reached: Reached, *, as_json: bool) -> None:
    """Show where every document arrived that was brought just now."""
    named = {
        kept.digest: f"{kept.document.kind.value} {kept.number}"
        for kept in opened.documents.all()
    }
    if as_json:
        centre.write_json(
            [
                {
                    "document": named[digest],
                    "digest": digest,
                    "sites": {site: each.value for site, each in sites.items()},
                }
                for digest, sites in reached.items()
            ]
        )
        return
    if not reached:
        SHOW.print("Every site has every document.")
    for digest, sites in reached.items():
        SHOW.print(named[digest].capitalize())
        SHOW.print(table(sites))


def table(sites: Mapping[str, Outcome]) -> Table:
    """Lay out what became of one document."""
    made = Table("Site", "What became of it")
    for site, outcome in sites.items():
        made.add_row(site, WORDS[outcome])
    return made


def finish(sites: Mapping[str, Outcome]) -> None:
    """End with 3 if a site was not reached, 1 if one did not take it, else 0.

    Raises:
        typer.Exit: with that code, unless it is 0.
    """
    if Outcome.UNREACHABLE in sites.values():
        raise typer.Exit(3)
    if Outcome.REFUSED in sites.values():
        raise typer.Exit(1)
