"""Commands about what the Board sent: read it, then accept it or decline it."""

import datetime as dt
import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from node.cli import home, officer, request_card
from node.cli.home import SHOW, AsJson, Home
from node.cli.officer import NoPassphrase
from node.policy import card, reading
from node.policy.card import Answered, Card, days_left
from privacy import loss, signing
from privacy.chain import Kind
from privacy.decision import Act
from privacy.errors import BadConfiguration, NotAllowed
from privacy.law import Law, Sent
from privacy.mandate import Mandate
from privacy.signing import Document
from proto import keys

app = typer.Typer(
    help="What the Board sent, for the privacy officer to decide.",
    no_args_is_help=True,
)
mandates = typer.Typer(help="What the Board may ask here.", no_args_is_help=True)

_DIGEST_SHOWN: Final = 12
_PREFIX_MIN: Final = 6
_HUNDRED: Final = 100

_Name = Annotated[
    str, typer.Argument(help="Its number, such as 2026-03, or how its digest begins.")
]
_Key = Annotated[
    Path | None, typer.Option(help="An officer's private key, if it is at hand here.")
]
_Decision = Annotated[
    Path | None, typer.Option(help="A decision that an officer signed elsewhere.")
]
_Reason = Annotated[
    str,
    typer.Option(
        help="Why. An auditor will read it, so name nobody whom the site serves."
    ),
]


@app.command("list")
def show_waiting(
    context: typer.Context,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was decided, or lapsed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what waits for a decision, and until when."""
    site, now = home.opened(context), home.now()
    law = site.law
    found = law.sent if everything else law.inbox(now)
    lines = [_line(digest, sent, now) for digest, sent in found.items()]
    if as_json:
        home.write_json(lines)
        return
    if not lines:
        SHOW.print(f"Nothing waits at site {law.site}.")
        return
    table = Table("What", "Number", "Title", "Came", "State", "Digest")
    for line in lines:
        shown = (line["kind"], line["number"], line["title"], line["came"])
        table.add_row(*shown, line["state"], line["digest"][:_DIGEST_SHOWN])
    SHOW.print(table)


@app.command()
def show(context: typer.Context, name: _Name, *, as_json: AsJson = False) -> None:
    """Show what one of them means at this site, in words. Nothing is decided."""
    site = home.opened(context)
    law = site.law
    digest, sent = _named(law, name)
    document = _document(site, digest, sent)
    if isinstance(sent.what, Mandate):
        made = _card(site, law, sent, document)
        if as_json:
            home.write_json(_plain(asdict(made)))
            return
        request_card.show_mandate(made, law)
        return
    read = reading.of(sent, document, law=law, now=home.now())
    if as_json:
        home.write_json(_plain(asdict(read)))
        return
    request_card.show_edition(read)


@app.command("plans")
def show_plans(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the analysis plans that came. They open nothing, so nobody decides them."""
    law = home.opened(context).law
    lines = [
        {
            "number": each.plan.number,
            "metric": each.plan.metric,
            "outcome": each.plan.outcome,
            "window_days": each.plan.window_days,
            "stands_since": each.since.isoformat(),
            "first_draw_on": each.plan.first_draw_on.isoformat(),
            "digest": each.plan.digest.hex(),
        }
        for each in law.plans
    ]
    if as_json:
        home.write_json(lines)
        return
    table = Table("Number", "Metric", "Outcome", "Days", "Stands since", "Draws from")
    for line in lines:
        table.add_row(*(str(value) for value in list(line.values())[:-1]))
    SHOW.print(table, markup=False)


@app.command()
def accept(
    context: typer.Context,
    name: _Name,
    *,
    key: _Key = None,
    decision: _Decision = None,
    reason: _Reason = "Read and accepted.",
    no_passphrase: NoPassphrase = False,
) -> None:
    """Accept it, with an officer's signature. It holds from the next question on."""
    site = home.opened(context)
    digest, sent = _named(site.law, name)
    signer = _Signer(key, decision, no_passphrase)
    if _decided(site, Act.ACCEPT, (digest, sent), reason=reason, signer=signer):
        SHOW.print(f"Accepted {_called(sent)}. It holds from the next question on.")


@app.command()
def decline(
    context: typer.Context,
    name: _Name,
    *,
    key: _Key = None,
    decision: _Decision = None,
    reason: _Reason,
    no_passphrase: NoPassphrase = False,
) -> None:
    """Decline it, or take an acceptance back, with an officer's signature."""
    site = home.opened(context)
    digest, sent = _named(site.law, name)
    signer = _Signer(key, decision, no_passphrase)
    if _decided(site, Act.DECLINE, (digest, sent), reason=reason, signer=signer):
        SHOW.print(f"Declined {_called(sent)}. It opens nothing from now on.")


app.command("refuse", help="The same as decline.")(decline)


@mandates.command("list")
def list_mandates(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every mandate that came, what became of it, and what it has cost."""
    site, now = home.opened(context), home.now()
    law = site.law
    spent = site.ledger.verify().accounts
    lines = [
        _line(digest, sent, now)
        | {"spent_percent": _percent(spent.mandate(digest).model, sent.what)}
        for digest, sent in law.sent.items()
        if isinstance(sent.what, Mandate)
    ]
    if as_json:
        home.write_json(lines)
        return
    table = Table("Number", "Title", "State", "Spent", "Digest")
    for line in lines:
        shown = (line["number"], line["title"], line["state"])
        table.add_row(
            *shown, f"{line['spent_percent']} %", line["digest"][:_DIGEST_SHOWN]
        )
    SHOW.print(table)


@dataclass(frozen=True, slots=True)
class _Signer:
    """Where an officer's signature comes from: a key here, or a file from elsewhere."""

    key: Path | None
    decision: Path | None
    bare: bool


def _decided(
    site: Home, act: Act, what: tuple[str, Sent], *, reason: str, signer: _Signer
) -> bool:
    """Have an officer decide about something sent; tell whether it is in force."""
    digest, sent = what
    if signer.decision is None:
        now = home.now()
        document = site.charter.decide(act, subject=digest, reason=reason, now=now)
    else:
        file = keys.read_bounded(signer.decision)
        document = signing.read(file, signing.Kind.DECISION)
    if signer.key is not None:
        private = officer.unlocked(signer.key, no_passphrase=signer.bare)
        document = document.signed_by(private)
    if not document.signatures:
        path = site.directory / f"decision-{act.value}-{sent.what.number}.cmpp"
        path.write_bytes(document.file())
        SHOW.print(f"Not in force yet. Carry {path.name} to an officer, who signs it:")
        SHOW.print(f"`cmpp-node officer sign {path.name} --key ...`")
        SHOW.print(
            f"Then: `cmpp-node inbox {act.value} {sent.what.number} --decision "
            f"{path.name}`, before any other rule changes."
        )
        return False
    kind = Kind.ACCEPTED if act is Act.ACCEPT else Kind.DECLINED
    site.charter.enact(kind, document, subject=digest, now=home.now())
    return True


def _named(law: Law, name: str) -> tuple[str, Sent]:
    """Find the one thing that a number or the beginning of a digest names."""
    found = {
        digest: sent
        for digest, sent in law.sent.items()
        if str(sent.what.number) == name
        or (len(name) >= _PREFIX_MIN and digest.startswith(name.lower()))
    }
    if len(found) > 1:
        raise BadConfiguration(
            f"{name} names {len(found)} documents; name one by its digest."
        )
    if not found:
        raise NotAllowed(
            f"The Board sent nothing called {name[:64]!r} to site {law.site}; see "
            "`cmpp-node inbox list --all`."
        )
    return next(iter(found.items()))


def _document(site: Home, digest: str, sent: Sent) -> Document:
    """Return the signed document that something sent was read from."""
    kind = signing.Kind.EDITION
    if isinstance(sent.what, Mandate):
        kind = signing.Kind.MANDATE
    files = (file for entry, file in site.ledger.law() if entry.document == digest)
    file = next(each for each in files if each is not None)
    return signing.read(file, kind)


def _card(site: Home, law: Law, sent: Sent, document: Document) -> Card:
    """Make the request card of a mandate."""
    return card.of(
        sent,
        document,
        law=law,
        accounts=site.ledger.verify().accounts,
        answered=_answered(site),
        now=home.now(),
    )


def _answered(site: Home) -> tuple[Answered, ...]:
    """Return every release this site gave, oldest first."""
    entries = site.ledger.entries()
    charges = {e.release_key: e for e in entries if e.kind is Kind.CHARGE}
    return tuple(
        Answered(
            key=entry.release_key or "",
            metric=charge.metric or "",
            periods=charge.periods or "",
            on=entry.at[:10],
        )
        for entry in entries
        if entry.kind is Kind.RELEASE
        and (charge := charges.get(entry.release_key)) is not None
    )


def _line(digest: str, sent: Sent, now: dt.datetime) -> dict[str, Any]:
    """Return one line of a list."""
    mandate = isinstance(sent.what, Mandate)
    return {
        "kind": "mandate" if mandate else "edition",
        "number": str(sent.what.number),
        "title": sent.what.title
        if isinstance(sent.what, Mandate)
        else f"programme {sent.what.programme.version}",
        "came": sent.at.date().isoformat(),
        "state": _state(sent, now),
        "digest": digest,
    }


def _state(sent: Sent, now: dt.datetime) -> str:
    """Say what became of something sent."""
    if sent.fate is not None:
        return sent.fate.value
    if not sent.waits(now):
        return "lapsed, undecided"
    left = days_left(sent, now)
    return f"waits, {left} days left" if left else "waits, lapses today"


def _called(sent: Sent) -> str:
    """Name something sent."""
    what = "mandate" if isinstance(sent.what, Mandate) else "edition"
    return f"{what} {sent.what.number}"


def _percent(spent: int, mandate: Mandate) -> int:
    """Return how much of a mandate is used, rounded up."""
    return math.ceil(spent * _HUNDRED / (mandate.loss_rho * loss.PICO))


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """Write fractions and dates as text, for another program."""
    return {
        name: str(value) if isinstance(value, Fraction | dt.date) else value
        for name, value in content.items()
    }
