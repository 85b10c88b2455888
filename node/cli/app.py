"""Assemble the commands, and turn what goes wrong into words and an exit code."""

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from node import grid, identity, quiet, server
from node.answer import Node
from node.carrier import Carrier
from node.cli import (
    book,
    budget,
    home,
    inbox,
    notice,
    officer,
    policy,
    recording,
    rosters,
    simulation,
    stopping,
)
from node.cli.home import SHOW, TELL, Home
from node.config import NodeConfig
from node.importer import KeyStore
from node.ledger import Ledger
from node.records import connect, tally
from node.records.connect import Kind
from node.records.store import Reader, RecordStore
from node.register.book import Register
from node.server import Door, NodeServer
from node.witness import Standing, Witness
from privacy.chain import Kind as Fate
from privacy.errors import (
    BadConfiguration,
    BadRecords,
    BadSignature,
    Busy,
    ExchangeError,
    InvalidProgramme,
    InvalidQuery,
    Refused,
    Unreachable,
    Untrusted,
)
from privacy.law import Law
from privacy.mandate import Mandate
from privacy.period import Period
from privacy.statement import BOOT_BYTES
from proto import credentials

_EXIT_CODES: Final = (
    ((Refused, BadSignature), 1),
    ((BadConfiguration, BadRecords, InvalidProgramme, InvalidQuery), 2),
    ((Busy, Unreachable, Untrusted), 3),
)
_INTERNAL: Final = 4

app = typer.Typer(
    help="Keep a site's records at the site, and answer with calibrated noise.\n\n"
    "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 cannot reach, 4 internal, "
    "5 the ledger stopped.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("import")(recording.import_records)
app.command()(recording.synthesize)
app.command()(recording.close)
app.add_typer(officer.app, name="officer")
app.add_typer(policy.app, name="policy")
app.add_typer(inbox.app, name="inbox")
app.add_typer(inbox.mandates, name="mandate")
budget.app.command("simulate")(simulation.simulate)
app.add_typer(budget.app, name="budget")
app.add_typer(book.app, name="ledger")
app.add_typer(rosters.app, name="roster")
app.command("notice")(notice.write)
stopping.register(app)

_Invitation = Annotated[
    str | None, typer.Option(help="The line the coordinator printed for this site.")
]


@app.callback()
def _start(
    context: typer.Context,
    directory: Annotated[
        Path,
        typer.Option("--home", envvar="CMPP_NODE_HOME", help="The site's directory."),
    ] = Path("~/.cmpp-node"),
) -> None:
    context.obj = Home(directory.expanduser())


@app.command()
def init(
    context: typer.Context,
    site: Annotated[str, typer.Option(help="The site's short name, such as NYC.")],
    *,
    invitation: _Invitation = None,
    listen_address: Annotated[
        str, typer.Option(help="Where the node listens, host:port.")
    ] = "127.0.0.1:7443",
) -> None:
    """Make a site: settings, keys, an empty ledger and register."""
    made = home.opened(context)
    _make(made, site, listen_address)
    SHOW.print(f"Made site {site} in {made.directory}.")
    if invitation is not None:
        _join(made, invitation)
    SHOW.print(
        "Next: two privacy officers each run `cmpp-node officer init` on a medium of "
        "their own; then `cmpp-node officer trust` here with both public keys."
    )


@app.command()
def join(
    context: typer.Context,
    invitation: Annotated[str, typer.Argument(help="The line that was printed.")],
) -> None:
    """Redeem an invitation for a certificate, or for a fresh one."""
    _join(home.opened(context), invitation)


@app.command()
def serve(context: typer.Context) -> None:
    """Answer the coordinator's questions until told to end."""
    site = home.opened(context)
    # A rule that nobody had the right to make is found before anything is served.
    site.charter.law()
    quiet.begin()
    site.ledger.boot(secrets.token_bytes(BOOT_BYTES), now=home.now())
    folder = site.config.identity_directory
    door = Door(
        address=site.config.listen_address,
        identity=lambda: identity.load(folder),
        trust=lambda: identity.trust(folder, coordinator=site.config.coordinator),
        timetable=grid.for_size_class(site.config.size_class),
        clock=home.now,
    )
    name, key, law = site.config.site, site.statement_key, site.charter.law
    standing = Standing(site.ledger, site=name, key=key, law=law)
    carrier = Carrier(
        charter=site.charter,
        standing=standing,
        witness=Witness(site.ledger, site=name, key=key, law=law),
        clock=home.now,
    )
    node = NodeServer(_story(site, standing), carried=carrier.methods(), door=door)
    node.start()
    lookout = site.lookout
    lookout.start()
    TELL.print(f"{name} answers at {site.config.listen_address}.")
    code = server.run(node, grace_seconds=site.config.drain_seconds)
    lookout.stop()
    raise typer.Exit(code)


@app.command()
def status(context: typer.Context, *, as_json: home.AsJson = False) -> None:
    """Show what is in place and what to do next. No count of anybody."""
    site = home.opened(context)
    content = _status(site)
    if as_json:
        home.write_json(content)
        return
    for name, value in content.items():
        SHOW.print(f"{name.replace('_', ' ').capitalize()}: {value}", highlight=False)


def main() -> None:
    """Run one command; every failure is one sentence and an exit code."""
    # The transport's own log would mix with ours, and it quotes what peers sent.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        app()
    except ExchangeError as error:
        TELL.print(error.message, markup=False, highlight=False, soft_wrap=True)
        sys.exit(_exit_code(error))
    except Exception as error:  # noqa: BLE001 - the outermost door
        TELL.print(
            f"Something unforeseen stopped the command ({type(error).__name__}); "
            "run it again, and report it as a defect if it repeats.",
            markup=False,
            soft_wrap=True,
        )
        sys.exit(_INTERNAL)


def _exit_code(error: ExchangeError) -> int:
    """Return the exit code that stands for an error."""
    codes = (code for kinds, code in _EXIT_CODES if isinstance(error, kinds))
    return next(codes, _INTERNAL)


def _make(made: Home, site: str, listen_address: str) -> None:
    """Lay out a new site's directory.

    Raises:
        BadConfiguration: there is a site here already; nothing is overwritten.
    """
    if made.config_file.exists():
        raise BadConfiguration(
            f"{made.directory} already holds a site; choose another directory with "
            "--home, or use `cmpp-node join` to renew its certificate."
        )
    made.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    sample = NodeConfig.sample(site).replace("127.0.0.1:7443", listen_address)
    handle = os.open(made.config_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(sample)
    place = made.place
    if place.kind is Kind.DUCKDB and place.key_file is not None:
        connect.create_key(place.key_file)
    RecordStore.create(place, made.schema)
    KeyStore.create(made.key_map_file, key_file=made.key_map_key_file)
    first = made.programme.first_entry_year.quarters[0]
    Register.create(made.register_url, first=first)
    Ledger.create(made.ledger_url, site=site, now=home.now())
    identity.make_keys(made.config.identity_directory)


def _join(site: Home, invitation: str) -> None:
    """Redeem an invitation and say what to compare."""
    fingerprint = identity.join(
        invitation,
        site=site.config.site,
        directory=site.config.identity_directory,
        now=home.now(),
    )
    SHOW.print("Joined. Compare this fingerprint with the coordinator by telephone:")
    SHOW.print(fingerprint, soft_wrap=True)


def _story(site: Home, standing: Standing) -> Node:
    """Put the site's parts behind its door."""
    checked: set[str] = set()

    def current() -> Reader:
        reader = site.records.open_current()
        if reader.generation not in checked:
            # Once per generation: it never changes after it is published.
            checked.add(site.register.reader(site.records).generation)
        return reader

    def closed_through() -> Period | None:
        return None if site.records.current() is None else current().closed_through

    return Node(
        site=site.config.site,
        charter=site.charter,
        ledger=site.ledger,
        standing=standing,
        key=site.statement_key,
        dictionary=site.programme.dictionary,
        size_class=site.config.size_class,
        software=home.software(),
        closed_through=closed_through,
        read=lambda query: tally.read(current(), query),
    )


def _status(site: Home) -> dict[str, Any]:
    """Say what is in place, and the next step of those still to take."""
    config, law = site.config, site.law
    joined = (config.identity_directory / credentials.CERTIFICATE_FILE).exists()
    reader = site.records.open_current() if site.records.current() else None
    through = reader.closed_through if reader else None
    mandates = [
        sent
        for sent in law.sent.values()
        if isinstance(sent.what, Mandate) and sent.fate is Fate.ACCEPTED
    ]
    steps = {
        "cmpp-node join, with the coordinator's invitation": not joined,
        "cmpp-node policy draft, sign and adopt, by two officers": law.policy is None,
        "cmpp-node import, or cmpp-node synthesize for training": reader is None,
        "cmpp-node close, with the last quarter that is complete": through is None,
        "cmpp-node roster accept, with the roster the coordinator sent": (
            law.roster is None
        ),
        "cmpp-node inbox list: the privacy officer is asked something": bool(
            law.inbox(home.now())
        ),
    }
    days = (
        identity.days_left(config.identity_directory, now=home.now()) if joined else 0
    )
    head = site.ledger.head()
    return {
        "site": config.site,
        "listen_address": config.listen_address,
        "catalogue": law.newest.version if law.newest else "none accepted",
        "certificate_days_left": days,
        "policy": f"version {law.policy.version}" if law.policy else "none",
        "roster": f"version {law.roster.version}" if law.roster else "none",
        "mandates": f"{len(mandates)} accepted, {len(law.inbox(home.now()))} waiting",
        "answering": _answering(law),
        "records": reader.generation if reader else "none",
        "closed_through": through.label if through else "none",
        "ledger": f"{head.sequence} entries, epoch {head.epoch}",
        "next": next(
            (step for step, open_ in steps.items() if open_), "cmpp-node serve"
        ),
    }


def _answering(law: Law) -> str:
    """Say whether anything can be answered, and if not, why."""
    try:
        law.check_answering()
    except Refused as refused:
        return f"no: {refused.message}"
    return "yes, under an accepted mandate"
