"""Commands about public facts: what is known of the programme, and of its sites."""

import dataclasses
import datetime as dt
import hashlib
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from coordinator import facts as months
from coordinator.cli import centre
from coordinator.cli.centre import SHOW, AsJson, Centre
from coordinator.facts import Kept, Origin
from coordinator.store import Event, EventKind
from privacy import effective, organisation_month
from privacy import facts as public
from privacy.effective import Fact, Span
from privacy.eligibility import InForce, Rule
from privacy.errors import BadConfiguration
from privacy.period import Period, day_number

app = typer.Typer(
    help="Public facts: exact, dated, about nobody; they cost nothing.",
    no_args_is_help=True,
)


class Kind(StrEnum):
    """What there are facts about."""

    PROGRAMME = "programme"
    BOARD = "board"
    PHASES = "phases"
    AWARDS = "awards"
    SITES = "sites"
    SLOTS = "slots"
    PRICES = "prices"
    REFERENCES = "references"
    ELIGIBILITY = "eligibility"
    MONTHS = "months"


_FIELDS = {Kind.PROGRAMME: "listing", Kind.ELIGIBILITY: "rules"}
_SiteOption = Annotated[str | None, typer.Option("--site", help="Of this site only.")]


@app.command("list")
def list_facts(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show what there are facts about, and how many."""
    known = public.load().kinds()
    opened = centre.opened(context)
    counts = {
        kind.value: len(known[_FIELDS.get(kind, kind.value)])
        for kind in Kind
        if kind is not Kind.MONTHS
    }
    counts[Kind.MONTHS.value] = len(_standing(opened))
    if as_json:
        centre.write_json(counts)
        return
    table = Table("Facts about", "How many")
    for kind, count in counts.items():
        table.add_row(kind, str(count))
    SHOW.print(table)
    SHOW.print("See them with `cmpp facts show phases`, and likewise.")


@app.command()
def show(
    context: typer.Context,
    kind: Kind,
    *,
    on: Annotated[
        dt.datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="As they were on a day."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also what is over, or not yet in force.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the facts of one kind that hold today, or on a day."""
    if kind is Kind.MONTHS:
        _show(_lines(centre.opened(context), site=None, every=every), as_json=as_json)
        return
    day = day_number((on or centre.now()).date())
    known = public.load()
    held = known if every else known.as_of(day)
    lines = [_line(fact) for fact in held.kinds()[_FIELDS.get(kind, kind.value)]]
    if kind is Kind.ELIGIBILITY and every:
        lines += [_rule(rule) | {"since": "proposed"} for rule in known.proposals]
    _show(lines, as_json=as_json)


@app.command()
def add(context: typer.Context, file: Path, *, as_json: AsJson = False) -> None:
    """Take a site's months from a CSV file: all of them, or none.

    A month that is there already becomes a revision; the older one stays visible.
    """
    opened = centre.opened(context)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadConfiguration(f"{file} cannot be read; check its name.") from error
    sites = [site.name for site in opened.sites.all()]
    found = organisation_month.parse(data, months.doubt(public.load(), sites))
    origin = Origin(file=hashlib.sha256(data).hexdigest(), added_by=centre.asker())
    added = opened.months.add(found, origin, now=centre.now())
    for site in sorted({month.site for month in found}):
        _note(opened, site, origin, added)
    if as_json:
        centre.write_json({"file": origin.file, **dataclasses.asdict(added)})
        return
    SHOW.print(
        f"{len(added.new)} months were added, {len(added.revised)} revised, and "
        f"{len(added.same)} were known.",
        highlight=False,
    )


@app.command()
def history(
    context: typer.Context, *, site: _SiteOption = None, as_json: AsJson = False
) -> None:
    """Show every month ever added, with its revisions."""
    _show(_lines(centre.opened(context), site=site, every=True), as_json=as_json)


def _note(opened: Centre, site: str, origin: Origin, added: months.Added) -> None:
    """Write into the event log that a site's months were added."""
    mine = [
        sum(name.startswith(f"{site} ") for name in names)
        for names in (added.new, added.revised)
    ]
    happened = Event(
        kind=EventKind.FACTS,
        site=site,
        subject=origin.file,
        detail=f"{mine[0]} months added, {mine[1]} revised",
    )
    opened.store.note(happened, now=centre.now())


def _standing(opened: Centre) -> tuple[Kept, ...]:
    """Return the months that stand; none where there is no coordinator yet."""
    if not opened.home.config_file.exists():
        return ()
    return tuple(kept for kept in opened.months.history() if kept.stands)


def _lines(opened: Centre, *, site: str | None, every: bool) -> list[dict[str, Any]]:
    """Return the months for showing."""
    return [
        {
            **kept.month.texts(),
            "revision": kept.revision,
            "stands": kept.stands,
            "added_at": kept.added_at,
            "added_by": kept.added_by,
            "file": kept.file,
        }
        for kept in opened.months.history(site=site)
        if every or kept.stands
    ]


def _line(fact: Fact) -> dict[str, Any]:
    """Return one fact for showing, its dates and its source last."""
    if isinstance(fact, InForce):
        return {**_rule(fact.rule), **_span(fact.span)}
    parts = {
        each.name: _plain(getattr(fact, each.name))
        for each in dataclasses.fields(fact)
        if each.name != "span"
    }
    return {**parts, **_span(fact.span)}


def _rule(rule: Rule) -> dict[str, Any]:
    """Return a rule of eligibility for showing."""
    return {
        "version": rule.version,
        "title": rule.title,
        "seed": rule.seed,
        "bases": sorted(rule.bases),
        "needs_proceedings": rule.needs_proceedings,
        "source": rule.source,
        "taken": effective.date(rule.taken),
        "note": rule.note,
    }


def _span(span: Span) -> dict[str, Any]:
    """Return from when to when something holds, and how we know."""
    return {
        "since": effective.date(span.since),
        "until": None
        if span.until == effective.FOR_EVER
        else effective.date(span.until),
        "invented": span.invented,
        "source": span.source,
        "taken": effective.date(span.taken),
        "note": span.note,
    }


def _plain(value: object) -> object:
    """Write one part so that JSON and people can read it."""
    match value:
        case Fraction() | Period():
            return str(value)
        case StrEnum():
            return value.value
        case tuple():
            return list(value)
        case _:
            return value


def _show(lines: list[dict[str, Any]], *, as_json: bool) -> None:
    """Show facts: one after the other, because each has much to say."""
    if as_json:
        centre.write_json(lines)
        return
    if not lines:
        SHOW.print("Nothing is known of this yet.")
    for line in lines:
        table = Table(show_header=False, box=None, pad_edge=False)
        for name, value in line.items():
            if value not in (None, "", False) or name == "needs_proceedings":
                words = ", ".join(value) if isinstance(value, list) else str(value)
                table.add_row(name.replace("_", " "), words)
        SHOW.print(table)
        SHOW.print()
