"""Assemble the commands, and turn what goes wrong into words and an exit code."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from node import grid, identity, policy, quiet, server
from node.answer import Node
from node.cli import book, home, officer, recording
from node.cli.home import SHOW, TELL, Home
from node.config import NodeConfig
from node.importer import KeyStore
from node.ledger import Ledger
from node.records import connect, tally
from node.records.connect import Kind
from node.records.store import Reader, RecordStore
from node.register.book import Register
from node.server import Door, NodeServer
from privacy.catalogue import Status
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
from privacy.period import Period
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
app.add_typer(officer.officers, name="officer")
app.add_typer(officer.policies, name="policy")
app.add_typer(book.app, name="ledger")

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
    officer_key: Annotated[
        Path | None, typer.Option(help="The privacy officer's public key, to trust.")
    ] = None,
    listen_address: Annotated[
        str, typer.Option(help="Where the node listens, host:port.")
    ] = "127.0.0.1:7443",
) -> None:
    """Make a site: settings, keys, an empty ledger and register, a draft policy."""
    made = home.opened(context)
    _make(made, site, listen_address)
    SHOW.print(f"Made site {site} in {made.directory}.")
    if officer_key is not None:
        officer.install(made, officer_key)
    if invitation is not None:
        _join(made, invitation)
    SHOW.print(
        "Next: the privacy officer runs `cmpp-node officer init` on a medium of "
        f"their own, reads {made.config.policy_file.name}, and signs it with "
        "`cmpp-node policy sign`."
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
    quiet.begin()
    rules = site.policy
    site.ledger.adopt(rules, now=home.now())
    site.ledger.boot(now=home.now())
    folder = site.config.identity_directory
    door = Door(
        address=site.config.listen_address,
        identity=lambda: identity.load(folder),
        trust=lambda: identity.trust(folder, coordinator=site.config.coordinator),
        timetable=grid.for_size_class(site.config.size_class),
        clock=home.now,
    )
    node = NodeServer(_story(site, rules), door=door)
    node.start()
    TELL.print(f"{site.config.site} answers at {site.config.listen_address}.")
    code = server.run(node, grace_seconds=site.config.drain_seconds)
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
    made.config.policy_file.write_text(_draft(made, site), "utf-8")


def _draft(made: Home, site: str) -> str:
    """Write a first policy: everything that runs, from the programme's start."""
    today = home.now()
    running = tuple(
        metric.id
        for metric in made.programme.metrics.values()
        if metric.status is Status.RUNNING
    )
    return policy.draft_policy(
        policy.Draft(
            site=site,
            programme=made.programme.version,
            metrics=running,
            first_entry_year=made.programme.first_entry_year.label,
            last_entry_year=f"FY{today.year + 1}",
            not_before=today,
        )
    )


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


def _story(site: Home, rules: policy.Policy) -> Node:
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
        programme=site.programme,
        policy=rules,
        ledger=site.ledger,
        size_class=site.config.size_class,
        software=home.software(),
        closed_through=closed_through,
        read=lambda query: tally.read(current(), query),
    )


def _status(site: Home) -> dict[str, Any]:
    """Say what is in place, and the next step of those still to take."""
    config = site.config
    joined = (config.identity_directory / credentials.CERTIFICATE_FILE).exists()
    signed = config.policy_signature_file.exists()
    reader = site.records.open_current() if site.records.current() else None
    through = reader.closed_through if reader else None
    if not joined:
        following = "cmpp-node join, with the coordinator's invitation"
    elif not signed:
        following = "cmpp-node policy sign, by the privacy officer"
    elif reader is None:
        following = "cmpp-node import, or cmpp-node synthesize for training"
    elif through is None:
        following = "cmpp-node close, with the last quarter that is complete"
    else:
        following = "cmpp-node serve"
    days = (
        identity.days_left(config.identity_directory, now=home.now()) if joined else 0
    )
    head = site.ledger.head()
    return {
        "site": config.site,
        "listen_address": config.listen_address,
        "catalogue": site.programme.version,
        "certificate_days_left": days,
        "policy": f"version {site.policy.version}" if signed else "not signed",
        "records": reader.generation if reader else "none",
        "closed_through": through.label if through else "none",
        "ledger": f"{head.sequence} entries, started {head.boot} times",
        "next": following,
    }
