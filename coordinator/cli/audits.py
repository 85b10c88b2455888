"""Commands for the auditor: write the evidence, check it anywhere, list holdings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from coordinator import holdings as held
from coordinator.audit import gather, pack, verify
from coordinator.audit.papers import Anchor
from coordinator.audit.report import Report
from coordinator.cli import centre
from coordinator.cli.centre import SHOW, AsJson
from privacy import treehead
from privacy.errors import BadConfiguration
from privacy.holding import PARTS, Holding

app = typer.Typer(
    help="Evidence for a single audit, without anything about a person.",
    no_args_is_help=True,
)


@app.command("pack")
def write(
    context: typer.Context,
    *,
    output: Annotated[Path, typer.Option(help="A new folder for the pack.")],
    site_ledgers: Annotated[
        Path,
        typer.Option(
            help="The folder with every site's archive, written by `cmpp-node ledger "
            "export`."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Write everything an auditor needs into one folder.

    Have every site write its archive first, and ask nothing in between, so that the
    ledgers and the log tell of the same questions.
    """
    opened = centre.opened(context)
    made = gather.pack(
        documents=opened.documents,
        log=opened.log,
        head=opened.log.head(centre.now()),
        evidence=opened.evidence,
        store=opened.store,
        ledgers=gather.ledgers(site_ledgers),
    )
    pack.write(made, output, keys=pack.keys_text(opened.roster))
    fingerprint = opened.roster.digest.hex()
    if as_json:
        centre.write_json({"folder": str(output), "roster_fingerprint": fingerprint})
        return
    SHOW.print(
        f"Wrote {output}: {len(made.asks)} questions, {len(made.answers)} answers, "
        f"{len(made.results)} results, {len(made.ledgers)} ledgers.",
        soft_wrap=True,
    )
    SHOW.print(
        "The auditor asks two sites for the newest roster's fingerprint, and then "
        "runs `cmpp audit verify`, anywhere."
    )


@app.command("verify")
def check(
    folder: Annotated[Path, typer.Argument(help="The audit pack.")],
    *,
    roster_fingerprint: Annotated[
        str | None,
        typer.Option(help="Digest of the newest roster, as two sites told it."),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="A keys.txt from somebody you trust.")
    ] = None,
    log_head: Annotated[
        Path | None,
        typer.Option(help="A head.json kept from earlier: the log must begin with it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a pack against itself and one thing you trust. Needs nothing else.

    Exit code 1 if anything is not right.
    """
    report = verify.folder(folder, _anchor(roster_fingerprint, keys, log_head))
    if as_json:
        centre.write_json(report.content())
    else:
        _show(report)
    if report.failures:
        raise typer.Exit(1)


def holdings(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List every table and file of the centre: what it holds, how long, for whom."""
    opened = centre.opened(context)
    found = {
        "files": held.files(opened.home.directory),
        "tables": held.tables(opened.engine),
    }
    if as_json:
        centre.write_json({k: [h.content() for h in v] for k, v in found.items()})
        return
    for title, listed in found.items():
        SHOW.print(_table(title, listed))


def _anchor(fingerprint: str | None, keys: Path | None, head: Path | None) -> Anchor:
    """Read what the auditor trusts."""
    spelled = None
    if fingerprint is not None:
        spelled = "".join(fingerprint.split()).lower()
    return Anchor(
        roster=spelled,
        keys=None if keys is None else _text(keys),
        head=None if head is None else treehead.read_head(_text(head)),
    )


def _text(path: Path) -> str:
    """Read a small text."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path} cannot be read; check its name.") from error


def _show(report: Report) -> None:
    """Show every check, and every failure in full."""
    table = Table("Check", "Looked at", "Not right")
    table.columns[1].justify = table.columns[2].justify = "right"
    for each in report.checks:
        table.add_row(each.name, f"{each.count:,}", str(len(each.failures)))
    SHOW.print(table)
    for note in report.notes:
        SHOW.print(note, markup=False, highlight=False)
    for failure in report.failures:
        SHOW.print(f"- {failure}", markup=False, highlight=False, soft_wrap=True)
    if report.failures:
        SHOW.print(f"{len(report.failures)} things are not right.")
    else:
        SHOW.print("Everything in the pack is right.")


def _table(title: str, listed: Sequence[Holding]) -> Table:
    """Lay holdings out for a terminal."""
    table = Table(title=title.capitalize(), title_justify="left", show_lines=True)
    for part in PARTS:
        table.add_column(part.capitalize(), overflow="fold")
    for each in listed:
        table.add_row(*each.content().values())
    return table
