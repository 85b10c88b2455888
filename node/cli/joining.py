"""Commands by which a site comes into the network: made, joined, renewed."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from node import identity, reach
from node.cli import home, training
from node.cli.home import SHOW, TELL, Home
from node.config import DialConfig, NodeConfig
from node.importer import KeyStore
from node.ledger import Ledger
from node.records import connect
from node.records.connect import Kind
from node.records.store import RecordStore
from node.register.book import Register
from privacy.errors import (
    BadConfiguration,
    CertificateRefused,
    ExchangeError,
    Unreachable,
)
from proto import credentials, disk
from proto.invitation import Invitation, spoken
from proto.proxy import proxy_for

_Line = Annotated[
    str | None, typer.Option(help="The line the coordinator printed for this site.")
]
_Proxy = Annotated[
    str | None,
    typer.Option(
        "--proxy", help="The way out, http://host:port, if https_proxy does not say."
    ),
]
_UNFINISHED: Final = ".toml.new"
_NO_CALLS: Final = "Not used unless the coordinator can call this site."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(join)
    app.command()(renew)


def init(
    context: typer.Context,
    site: Annotated[
        str | None,
        typer.Option(help="The site's short name, such as NYC; as invited, if not."),
    ] = None,
    *,
    invitation: _Line = None,
    proxy: _Proxy = None,
    listen_address: Annotated[
        str | None,
        typer.Option(
            "--listen-address", "--listen", help=f"Listen at host:port. {_NO_CALLS}"
        ),
    ] = None,
    for_training: Annotated[
        bool,
        typer.Option("--training", help="For invented records only, for good."),
    ] = False,
) -> None:
    """Make a site: settings, keys, an empty ledger and register.

    The site dials out to the coordinator; nothing here listens unless told to.
    """
    made = home.opened(context)
    if site is None and invitation is None and sys.stdin.isatty():
        invitation, site, proxy = _ask(proxy)
    invited = None if invitation is None else Invitation.from_text(invitation)
    name = _named(site, invited)
    settings = NodeConfig.sample(
        name,
        training=for_training,
        listen_address=listen_address,
        dial=_dial(invited, proxy),
    )
    _make(made, name, settings)
    training.announce(made)
    SHOW.print(f"Made site {name} in {made.directory}.")
    if invited is not None:
        _join(made, invited, proxy=proxy)
    SHOW.print(
        "Next: two privacy officers each run `cmpp-node officer init` on a medium of "
        "their own; then `cmpp-node officer trust` here with both public keys."
    )


def join(
    context: typer.Context,
    invitation: Annotated[str, typer.Argument(help="The line that was printed.")],
    *,
    proxy: _Proxy = None,
) -> None:
    """Redeem an invitation for a certificate. Cut off half-way, run it again."""
    site = home.opened(context)
    invited = Invitation.from_text(invitation)
    identity.require_for(invited, site=site.config.site)
    _join(site, invited, proxy=proxy)
    _settle(site, _dial(invited, proxy))


def renew(context: typer.Context) -> None:
    """Exchange the certificate for a fresh one now; a running node does it itself."""
    site = home.opened(context)
    try:
        site.renewal.renew(now=home.now())
    except (Unreachable, CertificateRefused) as error:
        dial, folder = site.config.dial, site.config.identity_directory
        address = "" if dial is None else dial.coordinator_address
        authority = credentials.authority(folder)
        raise _explained(address, authority, site.proxy_url, error) from error
    days = identity.days_left(site.config.identity_directory, now=home.now())
    SHOW.print(f"Renewed: the certificate is good for {days} days. Nothing to restart.")


def _ask(proxy: str | None) -> tuple[str | None, str | None, str | None]:
    """Ask a person for what was not given: the invitation, the site, the proxy."""
    invitation = typer.prompt(
        "Paste the invitation (one line; leave empty if there is none yet)",
        default="",
        show_default=False,
    )
    site = None
    if not invitation:
        site = typer.prompt("The site's short name, such as NYC").strip().upper()
    if proxy is None:
        proxy = typer.prompt(
            "A proxy to go out through, http://host:port (empty: none, or as "
            "https_proxy says)",
            default="",
            show_default=False,
        ).strip()
    return invitation or None, site, proxy or None


def _named(site: str | None, invited: Invitation | None) -> str:
    """Say which site this is, before anything is made.

    Raises:
        BadConfiguration: nobody said, or the invitation is for another one.
    """
    name = site or (invited.site if invited else None)
    if name is None:
        raise BadConfiguration(
            "It is not said which site this is; paste the coordinator's line with "
            "--invitation, or name the site with --site."
        )
    if invited is not None:
        identity.require_for(invited, site=name)
    return name


def _dial(invited: Invitation | None, proxy: str | None) -> DialConfig | None:
    """Say where to dial, as far as the invitation does."""
    if invited is None or not invited.link:
        return None
    return DialConfig.of(invited.link, proxy_url=proxy)


def _make(made: Home, site: str, settings: str) -> None:
    """Lay out a new site's directory.

    Raises:
        BadConfiguration: there is a site here already; nothing is overwritten.
    """
    if made.config_file.exists():
        raise BadConfiguration(
            f"{made.directory} already holds a site; choose another directory with "
            "--home, or use `cmpp-node join` to join with it."
        )
    draft = Home(made.directory)
    draft.config_file = made.config_file.with_suffix(_UNFINISHED)
    if draft.config_file.exists():
        raise BadConfiguration(
            f"Making a site in {made.directory} was cut off before; it was never "
            "used, so delete that folder and run `cmpp-node init` again."
        )
    made.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk.create(draft.config_file, [settings.encode()])
    if draft.config.training:
        training.mark(draft)
    _fill(draft, site)
    # Only now is there a site: every other command looks for this file.
    draft.config_file.replace(made.config_file)


def _fill(made: Home, site: str) -> None:
    """Make the keys and the empty stores that a site starts with."""
    place = made.place
    if place.kind is Kind.DUCKDB and place.key_file is not None:
        connect.create_key(place.key_file)
    RecordStore.create(place, made.schema)
    KeyStore.create(made.key_map_file, key_file=made.key_map_key_file)
    first = made.programme.first_entry_year.quarters[0]
    Register.create(made.register_url, first=first)
    Ledger.create(made.ledger_url, site=site, now=home.now())
    identity.make_keys(made.config.identity_directory)


def _join(site: Home, invited: Invitation, *, proxy: str | None = None) -> None:
    """Redeem an invitation and say what to compare.

    Raises:
        Unreachable: the coordinator was not reached; it is said what is in the way.
        CertificateRefused: somebody else answers in its place.
    """
    setting = proxy or site.proxy_url
    try:
        identity.join(
            invited.text(),
            site=site.config.site,
            directory=site.config.identity_directory,
            now=home.now(),
            proxy=proxy_for(invited.address, setting=setting),
        )
    except (Unreachable, CertificateRefused) as error:
        authority = invited.authority_pem
        raise _explained(invited.address, authority, setting, error) from error
    SHOW.print(f"Joined as {invited.site}. The key was made here and stays here.")
    SHOW.print(
        "Now telephone the coordinator's operator, on a number you did not get with "
        "the invitation. Each of you reads out these lines, in turn; theirs are in "
        "`cmpp authority fingerprint`:"
    )
    for number, line in enumerate(spoken(invited.fingerprint), 1):
        SHOW.print(f"    line {number}:  {line}", highlight=False)
    SHOW.print(
        "If one group differs, stop: bring in no records, and ask for a new "
        "invitation. In one piece it is:"
    )
    SHOW.print(invited.fingerprint, soft_wrap=True, highlight=False)
    if not invited.link and site.config.dial is None:
        TELL.print(
            "The invitation does not say where to dial, so the certificate cannot "
            "renew itself; ask the coordinator's operator for the address and write "
            "it as coordinator_address under [dial] in node.toml.",
            soft_wrap=True,
        )


def _explained(
    address: str, authority: bytes, setting: str | None, error: ExchangeError
) -> ExchangeError:
    """Look at the way to the coordinator, and name what is in it."""
    way = reach.examine(
        address,
        authority=authority,
        proxy=proxy_for(address, setting=setting),
        now=home.now(),
    )
    stopped = way.stopped
    if stopped is None:
        return error
    sentence = f"{stopped.found} {stopped.cause} {stopped.fix}"
    if stopped.step is reach.Step.TLS:
        return CertificateRefused(sentence)
    return Unreachable(sentence)


def _append(path: Path, section: str) -> None:
    """Add a section to settings that do not have it, in one step."""
    text = path.read_text(encoding="utf-8").rstrip()
    fresh = path.with_suffix(_UNFINISHED)
    handle = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{text}\n\n{section}")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _settle(site: Home, dial: DialConfig | None) -> None:
    """Write into the settings where to dial, if they do not say so yet."""
    if dial is None:
        return
    kept = site.config.dial
    if kept is None:
        _append(site.config_file, dial.section())
        SHOW.print(f"The settings now say to dial {dial.coordinator_address}.")
    elif kept.coordinator_address != dial.coordinator_address:
        TELL.print(
            f"The invitation says to dial {dial.coordinator_address} and node.toml "
            f"says {kept.coordinator_address}, which is used; correct it if the "
            "coordinator moved.",
            soft_wrap=True,
        )
    elif dial.proxy is not None and dial.proxy != kept.proxy:
        TELL.print(
            "This proxy was used now and is not in node.toml; write it as proxy_url "
            "under [dial] to have it used always.",
            soft_wrap=True,
        )
