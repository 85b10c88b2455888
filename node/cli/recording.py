"""Commands about the site's own records: bring them in, go back, close a period."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from node import importer
from node.cli import home
from node.cli.home import SHOW, TELL, Home
from node.importer import bring, choosing
from node.importer.bring import Bringing, Tell
from node.importer.profile_shelf import Found, Shelf
from privacy.errors import BadRecords, NotAllowed
from privacy.period import Period

_UNDO: Final = "undo"
_REPORT: Final = "report"
_SHOWN: Final = 30

Source = Annotated[
    str,
    typer.Argument(
        help="A folder, zip, workbook or file, or a database's address as env:NAME or "
        "file:PATH; `undo` goes back to the import before, `report` shows the last "
        "report again."
    ),
]
ProfileName = Annotated[
    str | None,
    typer.Option("--profile", help="A profile's name; found out if exactly one fits."),
]
ShiftDays = Annotated[
    int, typer.Option(help="Moves every date, at a training site only.")
]


def import_records(
    context: typer.Context,
    source: Source,
    *,
    profile: ProfileName = None,
    accept_serious: Annotated[
        bool, typer.Option("--accept-serious", help="Use it whatever was found.")
    ] = False,
    shift_days: ShiftDays = 0,
) -> None:
    """Replace the records by an export, through a mapping profile.

    What was counted before stays counted where it was; a serving node goes on
    serving, from the old records until the new ones are in place. Exit code 0 means
    the new records are in use, anything else that the old ones still are.
    """
    site = home.opened(context)
    if source == _UNDO:
        importer.show(SHOW, importer.undo(site=site.intake, now=home.now()))
        return
    if source == _REPORT:
        _show_last(site)
        return
    found = chosen(site, source, profile)
    guesses = found.profile.guesses()
    if guesses:
        raise BadRecords(
            f"Profile {found.profile.name} still has {len(guesses)} guesses nobody has "
            "confirmed, so nothing was imported; look at them with `cmpp-node map "
            f"confirm {found.profile.name}`."
        )
    intake = dataclasses.replace(site.intake, accepts_serious=accept_serious)
    with progress() as tell:
        made = bring.import_source(
            bringing(site, source, found, shift_days, tell),
            site=intake,
            now=home.now(),
        )
    importer.show(SHOW, made)


def close(
    context: typer.Context,
    through: Annotated[str, typer.Argument(help="Such as FY2024-Q4 or FY2024.")],
) -> None:
    """Close every quarter up to a period: from then on it may be asked about.

    Who is counted where is written down once and for ever; late records join the
    first quarter still open.
    """
    site = home.opened(context)
    quarter = Period(through).quarters[-1]
    site.register.close(quarter, site.records, now=home.now())
    SHOW.print(f"Closed through {quarter}.")


def shelf(site: Home) -> Shelf:
    """Return the profiles there are."""
    return Shelf(site.directory / "profiles", site.programme.dictionary)


def chosen(site: Home, source: str, name: str | None) -> Found:
    """Return the profile that was named, or the one that fits, and say which.

    Raises:
        BadRecords: there is none, or several fit.
    """
    if name is not None:
        return shelf(site).load(name)
    found = choosing.choose(source, shelf(site), site.programme.dictionary)
    known = found.profile
    SHOW.print(
        f"Profile {known.name}, version {known.version}: {known.about}.",
        markup=False,
        highlight=False,
    )
    return found


def bringing(
    site: Home, source: str, found: Found, shift_days: int, tell: Tell
) -> Bringing:
    """Say what is brought in.

    Raises:
        NotAllowed: dates are to be moved at a live site.
    """
    if shift_days and not site.config.training:
        raise NotAllowed(
            "Dates are moved at training sites only, and this is a live one; leave out "
            "--shift-days, or make a training site with `cmpp-node init --training`."
        )
    profile = dataclasses.replace(found.profile, shift_days=shift_days)
    return Bringing(location=source, profile=profile, tell=tell)


@contextmanager
def progress() -> Iterator[Tell]:
    """Show how far each table's reading is, where somebody looks on."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        console=TELL,
        transient=True,
        disable=not TELL.is_terminal,
    )
    shown: dict[str, int] = {}
    with bar:

        def tell(table: str, done: int, total: int | None) -> None:
            if table not in shown:
                name = table[:_SHOWN].replace("[", "(")
                shown[table] = int(bar.add_task(name, total=total))
            # rich numbers its bars; the type it gives them is not part of ours.
            bar.update(bar.task_ids[shown[table]], completed=done, total=total)

        yield tell


def _show_last(site: Home) -> None:
    """Show the last import's report again.

    Raises:
        BadRecords: there is none.
    """
    last = importer.latest(_reports(site))
    if last is None:
        raise BadRecords(
            "There is no report yet, because nothing was imported; run `cmpp-node "
            "import` with an export."
        )
    importer.show(SHOW, last)


def _reports(site: Home) -> Path:
    """Return the folder of the reports of imports."""
    return site.intake.reports or site.directory / "imports"
