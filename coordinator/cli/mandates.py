"""Commands about mandates: what the Board permits to be asked."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from coordinator import mandates
from coordinator.cli import board, centre, deliveries
from coordinator.cli.board import FileArgument, KeyOption, PlainOption, grouped
from coordinator.cli.centre import SHOW, AsJson, Centre
from coordinator.documents import Outcome
from coordinator.mandates import Draft
from privacy import catalogue, consequence, loss, pack, public_arms
from privacy import mandate as signed
from privacy.errors import BadConfiguration
from privacy.mandate import Mandate, Purpose, Revocation
from privacy.period import Period
from privacy.public_arms import PublicArms
from privacy.query import Mode
from privacy.signing import Document, Kind
from privacy.strict import Section, load_toml
from proto import keys

app = typer.Typer(help="What the Board permits to be asked.", no_args_is_help=True)

_Metrics = Annotated[
    list[str] | None, typer.Option("--metric", help="A metric. Repeat it.")
]
_Periods = Annotated[
    list[str] | None, typer.Option("--period", help="Such as FY2024-H2. Repeat it.")
]
_Pack = Annotated[
    str | None,
    typer.Option(
        "--pack", help="Take metrics, periods and loss from a pack for one half-year."
    ),
]
_Purposes = Annotated[
    list[Purpose] | None, typer.Option("--purpose", help="Why. Repeat it.")
]
_Sites = Annotated[
    list[str] | None,
    typer.Option("--site", help="A site that may be asked; all unless named."),
]
_Arms = Annotated[
    Path | None,
    typer.Option(
        "--public-arms",
        help="A file of [[public_arms]]: arm sizes of draws to make public.",
    ),
]
_Rho = Annotated[
    str | None, typer.Option("--rho", help="The most each site may be charged in all.")
]


@app.command()
def draft(  # noqa: PLR0913 - every field of a mandate has its option
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="Where to write it.")],
    *,
    pack_name: _Pack = None,
    metric: _Metrics = None,
    period: _Periods = None,
    rho: _Rho = None,
    purpose: _Purposes = None,
    site: _Sites = None,
    title: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    number: Annotated[
        str | None, typer.Option(help="Such as 2026-03; the next one unless named.")
    ] = None,
    revision: Annotated[
        int, typer.Option(help="Above 0, answers are made and charged anew.")
    ] = 0,
    days: Annotated[int, typer.Option(help="How long it lasts.")] = mandates.DAYS,
    arms: _Arms = None,
    as_json: AsJson = False,
) -> None:
    """Write a mandate for the Board to sign, and say what it would permit."""
    opened = centre.opened(context)
    metrics, periods, most = _asked(opened, pack_name, metric, period, rho)
    now = centre.now().replace(microsecond=0)
    known = [kept.number for kept in opened.documents.all(Kind.MANDATE)]
    document = Draft(
        network=opened.config.network,
        number=number or mandates.next_number(known, now=now),
        title=title or _title(opened, pack_name, period or []),
        programme=opened.programme.version,
        metrics=metrics,
        purposes=purpose or [Purpose.OVERSIGHT],
        sites=site or tuple(opened.roster.members),
        periods=periods,
        revision=revision,
        rho=loss.parse_rho(most),
        not_before=now,
        not_after=now + dt.timedelta(days=days),
        public_arms=_arms(arms),
    ).document()
    board.write(output, document)
    _show(document, as_json=as_json)
    board.tell_next(
        f"Next: members of the Board sign it with `cmpp mandate sign {output.name}`, "
        "then `cmpp mandate submit`."
    )


@app.command()
def show(file: FileArgument, *, as_json: AsJson = False) -> None:
    """Show what a mandate or a revocation says, and what it could cost a family."""
    _show(board.read(file, [Kind.MANDATE, Kind.REVOCATION]), as_json=as_json)


@app.command()
def sign(
    file: FileArgument, key: KeyOption, *, no_passphrase: PlainOption = False
) -> None:
    """Sign a mandate, as a member of the Board. What it says is shown first."""
    board.sign(
        file,
        key,
        kinds=[Kind.MANDATE, Kind.REVOCATION],
        show=lambda document: _show(document, as_json=False),
        no_passphrase=no_passphrase,
    )


@app.command()
def submit(
    context: typer.Context, file: FileArgument, *, as_json: AsJson = False
) -> None:
    """Take what the Board signed, log it, and bring it to the sites it names."""
    document = board.read(file, [Kind.MANDATE, Kind.REVOCATION])
    deliveries.submit(centre.opened(context), document, as_json=as_json)


@app.command()
def deliver(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Bring every site what has not arrived there: rosters, editions, mandates."""
    opened = centre.opened(context)
    reached = opened.governance.deliver(now=centre.now())
    deliveries.show(opened, reached, as_json=as_json)
    said = [outcome for sites in reached.values() for outcome in sites.values()]
    deliveries.finish({str(n): outcome for n, outcome in enumerate(said)})


@app.command("list")
def list_mandates(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every mandate, whether it holds, and where it has arrived."""
    opened = centre.opened(context)
    lines = _lines(opened)
    if as_json:
        centre.write_json(lines)
        return
    table = Table("Number", "Title", "State", "Until", "Sites")
    for line in lines:
        arrived = ", ".join(f"{site}: {what}" for site, what in line["sites"].items())
        until = line["not_after"][:10]
        table.add_row(line["number"], line["title"], line["state"], until, arrived)
    SHOW.print(table, markup=False)


@app.command()
def revoke(  # noqa: PLR0913 - a command's options are its parameters
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="The mandate, such as 2026-03.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")],
    *,
    key: Annotated[
        Path | None, typer.Option(help="The key of one member; signs it at once.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Only write it here, for a member to sign elsewhere."),
    ] = None,
    no_passphrase: PlainOption = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw a mandate: one member is enough, and it holds at the next question."""
    if (key is None) == (output is None):
        raise BadConfiguration("Name the member's --key, or an --output to be signed.")
    opened = centre.opened(context)
    kept = opened.documents.named(Kind.MANDATE, number)
    document = mandates.revocation(signed.parse(kept.document), reason=reason)
    if output is not None:
        board.write(output, document)
        return
    if key is not None:
        document = board.signed_with(document, key, no_passphrase=no_passphrase)
    deliveries.submit(opened, document, as_json=as_json)


def _asked(
    opened: Centre,
    name: str | None,
    metrics: list[str] | None,
    periods: list[str] | None,
    rho: str | None,
) -> tuple[list[str], list[str], str]:
    """Return metrics, periods and loss: as typed, or as a pack plans them.

    Raises:
        BadConfiguration: neither is said whole.
        NotAllowed: no site may answer one of them by itself.
    """
    if name is None:
        if not (metrics and periods and rho):
            raise BadConfiguration(
                "Say what may be asked: --metric, --period and --rho, or --pack with "
                "one --period."
            )
        known = [opened.programme.metric(name) for name in metrics]
        for each in known:
            each.check_asked(Mode.SITE)
        return [each.id for each in known], periods, rho
    if metrics or len(periods or ()) != 1:
        raise BadConfiguration(
            "A pack is asked for one half-year; say --pack and one --period, such as "
            "FY2024-H2, and no --metric."
        )
    (half_year,) = map(Period, periods or ())
    chosen = pack.load(name, opened.programme)
    planned = chosen.lines_for(half_year)
    cost = mandates.cost(chosen, opened.programme, half_year)
    return (
        sorted({each.line.metric for each in planned}),
        sorted({each.period.label for each in planned}),
        rho or mandates.rho_text(cost),
    )


def _arms(path: Path | None) -> tuple[PublicArms, ...]:
    """Read arm sizes that are to become public from a file."""
    if path is None:
        return ()
    text = keys.read_bounded(path).decode("utf-8", "replace")
    root = Section(path.name, load_toml(text))
    found = public_arms.read(root)
    root.done()
    return found


def _title(opened: Centre, name: str | None, periods: list[str]) -> str:
    if name is None:
        return f"Questions about {', '.join(periods)}"
    return f"{pack.load(name, opened.programme).title}, {', '.join(periods)}"


def _show(document: Document, *, as_json: bool) -> None:
    """Show a mandate, or a revocation, in words or as JSON."""
    if document.kind is Kind.REVOCATION:
        said = Revocation.parse(document)
        SHOW.print(
            f"Withdraws mandate {said.mandate} of network {said.network}: "
            f"{said.reason}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        return
    found = signed.parse(document)
    meaning = consequence.of(found.worst_rho)
    if as_json:
        content = _content(found)
        content |= {"epsilon": str(meaning.epsilon), "consequence": meaning.sentence()}
        centre.write_json(content | {"signatures": len(document.signers)})
        return
    table = Table(show_header=False)
    for name, value in _words(found).items():
        table.add_row(name, value)
    table.add_row("Signatures that hold", str(len(document.signers)))
    table.add_row("Digest", grouped(found.digest.hex()))
    SHOW.print(table, markup=False)
    SHOW.print(
        "What it could mean for one family, if its site were charged all of it: "
        f"{meaning.sentence()}",
        highlight=False,
    )


def _words(found: Mandate) -> dict[str, str]:
    """Say what a mandate permits."""
    shipped = catalogue.load()
    known = shipped.metrics if found.programme == shipped.version else {}
    names = [
        f"{metric}: {known[metric].name}" if metric in known else metric
        for metric in sorted(found.metrics)
    ]
    return {
        "Mandate": f"{found.number}, network {found.network}",
        "For": found.title,
        "May be asked": "\n".join(names),
        "About": ", ".join(sorted(each.label for each in found.periods)),
        "Why": ", ".join(sorted(found.purposes)),
        "Of the sites": ", ".join(sorted(found.sites)),
        "Each site gives": "its own noisy numbers",
        "Public, without noise": "\n".join(a.words() for a in found.public_arms)
        or "nothing",
        "Definitions": found.programme,
        "Revision": str(found.revision),
        "Most loss at a site": (
            f"{mandates.rho_text(found.loss_rho)} rho in all (epsilon "
            f"{float(consequence.of(found.loss_rho).epsilon):.3f} at delta 0.000001)"
        ),
        "From": found.not_before.strftime("%Y-%m-%d %H:%M UTC"),
        "Until": found.not_after.strftime("%Y-%m-%d %H:%M UTC"),
    }


def _content(found: Mandate) -> dict[str, Any]:
    """Return what a mandate says, for another program."""
    return {
        "number": found.number,
        "title": found.title,
        "digest": found.digest.hex(),
        "programme": found.programme,
        "metrics": sorted(found.metrics),
        "purposes": sorted(found.purposes),
        "mode": found.mode.value,
        "sites": sorted(found.sites),
        "periods": sorted(each.label for each in found.periods),
        "revision": found.revision,
        "loss_rho": mandates.rho_text(found.loss_rho),
        "worst_rho": mandates.rho_text(found.worst_rho),
        "not_before": found.not_before.isoformat(),
        "not_after": found.not_after.isoformat(),
        "public_arms": [arms.words() for arms in found.public_arms],
    }


def _lines(opened: Centre) -> list[dict[str, Any]]:
    """Return every mandate with its state and where it arrived."""
    governance, now = opened.governance, centre.now()
    withdrawn, arrived = governance.withdrawn(), opened.documents.deliveries()
    lines: list[dict[str, Any]] = []
    for kept in opened.documents.all(Kind.MANDATE):
        found = signed.parse(kept.document)
        state = "in force" if found.not_before <= now <= found.not_after else "over"
        if now < found.not_before:
            state = "not begun"
        if kept.digest in withdrawn:
            state = "withdrawn"
        sites = {
            site: arrived.get((kept.digest, site), Outcome.UNREACHABLE).value
            for site in sorted(found.sites)
        }
        lines.append(_content(found) | {"state": state, "sites": sites})
    return lines
