"""Commands about draws: close the list, wait for the Board's nonce, draw, prove it."""

import datetime as dt
import json
import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from node import draw as own
from node.cli import home, officer
from node.cli.home import SHOW, AsJson, Home
from node.cli.officer import NoPassphrase
from privacy import drawing, signing
from privacy.chain import Kind
from privacy.draw_papers import Abandoned, Listed, Outcome, Step, parse, step_of
from privacy.drawing import ClosedList, Drawn, Stratum, Terms
from privacy.draws import Draw
from privacy.errors import BadConfiguration, Corrupt, ExchangeError, NotAllowed
from privacy.roster import Roster
from privacy.signing import Document
from proto import keys

app = typer.Typer(
    help="Choose by chance among eligible and interested households.",
    no_args_is_help=True,
)

_PAPER: Final = ".cmpp"

_Name = Annotated[str, typer.Argument(help="The draw, such as NYC-P2-FY2027-Q1-1.")]
_Output = Annotated[
    Path | None, typer.Option("--output", help="Where to write it instead.")
]


@app.command()
def commit(
    context: typer.Context,
    pool: Annotated[Path, typer.Argument(help="CSV: case_number and stratum.")],
    *,
    slots: Annotated[
        str, typer.Option(help="Places for households: family=12,single=20 or all=30.")
    ],
    phase: Annotated[str, typer.Option(help="Of the programme, such as P2.")],
    output: _Output = None,
) -> None:
    """Close the list for good, and publish a hash that hides it.

    Who is eligible and interested must be settled before: from here on no household
    can be added, dropped or moved, and there is one draw from this list.
    """
    site = home.opened(context)
    _require_new(output)
    roster, places = _roster(site), own.read_slots(slots)
    codes = site.programme.dictionary.code_lists["phase"].codes
    if phase not in codes:
        raise BadConfiguration(
            f"{phase[:16]!r} is no phase of the programme; use {', '.join(codes)}."
        )
    households, now = own.read_pool(pool, places), home.now()
    terms = _next_terms(site, phase, places, now.astimezone(dt.UTC).date())
    closed = ClosedList(terms=terms, salt=own.new_salt(), households=households)
    listed = Listed(network=roster.network, terms=terms, commitment=closed.commitment)
    keeper = own.Keeper(site.directory)
    kept = keeper.keep(closed)
    try:
        document = _entered(site, listed.document(), now)
    except ExchangeError as error:
        if not isinstance(error, Corrupt):  # else it may be entered all the same
            kept.unlink(missing_ok=True)
        raise
    path = _write_paper(keeper, document, terms.name, output)
    SHOW.print(
        f"Closed the list of {terms.name}: {len(households)} households. It is kept in "
        f"{own.FOLDER}, encrypted, and cannot be changed any more."
    )
    SHOW.print(
        f"Next: send {path} to the coordinator; then the Board makes the nonce. Back "
        f"up {own.FOLDER} and {own.KEY}: without them there is no draw.",
        soft_wrap=True,
    )


@app.command()
def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every draw of the site and how far it has come."""
    site = home.opened(context)
    lines = [_line(draw) for draw in site.law.draws.values()]
    if as_json:
        home.write_json(lines)
        return
    table = Table("Draw", "Closed on", "Places", "State", "Commitment")
    for line in lines:
        places = ", ".join(f"{name} {count}" for name, count in line["slots"].items())
        short = line["commitment"][:16]
        table.add_row(line["draw"], line["closed_on"], places, line["state"], short)
    SHOW.print(table)


@app.command()
def run(context: typer.Context, name: _Name, *, output: _Output = None) -> None:
    """Draw, once: write who was drawn for the case managers, and sign its digest."""
    site = home.opened(context)
    _require_new(output)
    draw, roster = _named(site, name), _roster(site)
    if draw.outcome is not None:
        raise NotAllowed(
            f"{name} was drawn on {draw.outcome.drawn_on} and is not drawn again; "
            "`cmpp-node draw verify` repeats it and gives the same places."
        )
    if draw.nonce is None:
        raise NotAllowed(
            f"{name} has no nonce of the Board yet ({draw.state}); the coordinator "
            "brings it."
        )
    keeper, now = own.Keeper(site.directory), home.now()
    today = now.astimezone(dt.UTC).date()
    _, drawn = _drawn(keeper, draw, draw.nonce)
    path = output or keeper.folder / f"{name}.csv"
    fresh = _write_private(path, own.outcome_text(drawn, today))
    paper = Outcome(
        network=roster.network,
        draw=bytes.fromhex(draw.digest),
        nonce=draw.nonce,
        outcome=drawn.digest,
        drawn_on=today,
    )
    try:
        document = _entered(site, paper.document(), now)
    except ExchangeError:
        fresh.unlink(missing_ok=True)
        raise
    fresh.replace(path)
    sent = _write_paper(keeper, document, name, None)
    _tell(drawn)
    SHOW.print(f"Who was drawn is in {path}; it stays at the site.", soft_wrap=True)
    SHOW.print(f"Next: send {sent} to the coordinator.", soft_wrap=True)


@app.command()
def verify(
    context: typer.Context,
    name: _Name,
    *,
    pool: Annotated[
        Path | None, typer.Option(help="Also compare this list with the closed one.")
    ] = None,
    output: _Output = None,
) -> None:
    """Repeat a draw from the closed list, and compare it with what was published."""
    site = home.opened(context)
    _require_new(output)
    draw, keeper = _named(site, name), own.Keeper(site.directory)
    if draw.outcome is None:
        raise NotAllowed(f"{name} was not drawn ({draw.state}); there is no outcome.")
    closed, drawn = _drawn(keeper, draw, draw.outcome.nonce)
    if drawn.digest != draw.outcome.outcome:
        raise Corrupt(
            f"{name} gives another outcome than was published; keep everything as it "
            "is and tell the auditor."
        )
    if pool is not None and not own.same_households(
        closed, own.read_pool(pool, closed.terms.slots)
    ):
        raise Corrupt(
            f"The list brought along is not the one {name} was drawn from; compare "
            "the two with the case managers."
        )
    if output is not None:
        text = own.outcome_text(drawn, draw.outcome.drawn_on)
        _write_private(output, text).replace(output)
    _tell(drawn)
    SHOW.print(f"{name} was repeated: the same list, the same nonce, the same places.")


@app.command()
def reveal(
    context: typer.Context,
    name: _Name,
    output: Annotated[Path, typer.Argument(help="A new file, for the auditor here.")],
) -> None:
    """Write list, salt and nonce, for an auditor's own program. It stays at the site.

    With the salt anybody can try case numbers against the commitment, so the file is
    for the auditor's eyes, and is destroyed when the audit ends.
    """
    site = home.opened(context)
    draw = _named(site, name)
    if draw.is_open:
        raise NotAllowed(
            f"{name} is not finished ({draw.state}); whoever knew its salt now could "
            "tell a member of the Board what to give."
        )
    closed = own.Keeper(site.directory).open(draw.listed.commitment)
    nonce = draw.nonce.hex() if draw.nonce else None
    content = own.revealed(closed) | {"draw": draw.digest, "nonce": nonce}
    keys.write_new(output, json.dumps(content, indent=2).encode(), mode=0o600)
    SHOW.print(f"Wrote {output}. It names households: it stays at the site.")


@app.command()
def abandon(
    context: typer.Context,
    name: _Name,
    *,
    reason: Annotated[
        str, typer.Option(help="Why. It is public, so name nobody the site serves.")
    ],
    key: Annotated[
        Path | None,
        typer.Option(help="An officer's private key; needed once members shared."),
    ] = None,
    no_passphrase: NoPassphrase = False,
) -> None:
    """Give a draw up, for everybody to see. It is never drawn."""
    site = home.opened(context)
    draw, roster = _named(site, name), _roster(site)
    paper = Abandoned(
        network=roster.network, draw=bytes.fromhex(draw.digest), reason=reason
    )
    document = paper.document()
    if key is not None:
        document = document.signed_by(
            officer.unlocked(key, no_passphrase=no_passphrase)
        )
    document = _entered(site, document, home.now())
    path = _write_paper(own.Keeper(site.directory), document, name, None)
    SHOW.print(f"{name} is given up. Next: send {path} to the coordinator.")


@app.command()
def papers(context: typer.Context, name: _Name, folder: Path) -> None:
    """Write the site's papers of a draw again, for the coordinator."""
    site = home.opened(context)
    draw = _named(site, name)
    for entry, file in site.ledger.law():
        if entry.document not in draw.papers or file is None:
            continue
        document = signing.read(file, signing.Kind.DRAW)
        step = step_of(parse(document))
        if step in {Step.LIST, Step.OUTCOME, Step.ABANDONED}:
            path = folder / f"{name}-{step.value}{_PAPER}"
            keys.write_new(path, file, mode=0o644)
            SHOW.print(f"Wrote {path}.", soft_wrap=True)


def _entered(site: Home, document: Document, now: dt.datetime) -> Document:
    """Sign a paper in the site's name and enter it in the ledger."""
    signed = document.signed_by(site.statement_key)
    site.charter.enact(Kind.DRAW, signed, now=now)
    return signed


def _drawn(keeper: own.Keeper, draw: Draw, nonce: bytes) -> tuple[ClosedList, Drawn]:
    """Open the closed list and draw from it.

    Raises:
        Corrupt: the kept list is for other terms than were published.
    """
    closed = keeper.open(draw.listed.commitment)
    if closed.terms != draw.listed.terms:
        raise Corrupt("The closed list is for another draw; restore the right one.")
    return closed, drawing.draw(closed, nonce)


def _next_terms(
    site: Home, phase: str, slots: dict[Stratum, int], today: dt.date
) -> Terms:
    """Return the terms of the site's next draw of a phase."""

    def of(number: int) -> Terms:
        name = site.config.site
        return Terms(
            site=name, phase=phase, closed_on=today, number=number, slots=slots
        )

    before = [draw.listed.terms for draw in site.law.draws.values()]
    quarter = of(1).quarter
    return of(1 + sum((t.phase, t.quarter) == (phase, quarter) for t in before))


def _named(site: Home, name: str) -> Draw:
    found = [draw for draw in site.law.draws.values() if draw.name == name]
    if len(found) != 1:
        raise NotAllowed(
            f"Site {site.config.site} has no draw {name[:48]!r}; see `cmpp-node draw "
            "status`."
        )
    return found[0]


def _roster(site: Home) -> Roster:
    found = site.law.roster
    if found is None:
        raise NotAllowed(
            "This site has no roster yet, so nobody could make a nonce; accept the one "
            "the coordinator sends with `cmpp-node roster accept`."
        )
    return found


def _require_new(output: Path | None) -> None:
    """Refuse a name that somebody chose and that is taken."""
    if output is not None and os.path.lexists(output):
        raise BadConfiguration(
            f"{output.name} is already there and is never overwritten, so nothing was "
            "done; choose another name."
        )


def _write_paper(
    keeper: own.Keeper, document: Document, name: str, output: Path | None
) -> Path:
    """Write a signed paper for the coordinator."""
    step = step_of(parse(document))
    path = output or keeper.folder / f"{name}-{step.value}{_PAPER}"
    path.unlink(missing_ok=True)
    keys.write_new(path, document.file(), mode=0o644)
    return path


def _write_private(path: Path, text: str) -> Path:
    """Write a file beside its place, for its owner only; the caller puts it there."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    keys.write_new(fresh, text.encode(), mode=0o600)
    return fresh


def _tell(drawn: Drawn) -> None:
    """Say how many were drawn; on the site's own screen."""
    selected = sum(place.selected for place in drawn.places)
    SHOW.print(f"{selected} of {len(drawn.places)} households were selected by chance.")


def _line(draw: Draw) -> dict[str, Any]:
    """Return one line of a list."""
    terms = draw.listed.terms
    return {
        "draw": draw.name,
        "closed_on": terms.closed_on.isoformat(),
        "slots": {name.value: count for name, count in terms.slots.items()},
        "state": draw.state,
        "commitment": draw.listed.commitment.hex(),
        "digest": draw.digest,
        "nonce": draw.nonce.hex() if draw.nonce else "",
    }
