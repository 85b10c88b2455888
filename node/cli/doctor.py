"""Command that looks at everything a node needs, each with cause and fix."""

from typing import Annotated, Final

import typer

from node import doctor
from node.cli import home
from node.cli.home import SHOW, Home
from node.doctor import Finding, Part, State
from node.ledger import tables
from privacy.errors import BadConfiguration
from proto import credentials
from proto.invitation import Invitation

EXIT_CODES: Final = {State.OK: 0, State.LOOK: 10, State.WRONG: 11}
"""What the command ends with; no other command ends with 10 or 11."""

_STYLES: Final = {State.OK: "green", State.LOOK: "yellow", State.WRONG: "bold red"}


def examine(
    context: typer.Context,
    *,
    invitation: Annotated[
        str | None,
        typer.Option(help="Look at the way to this invitation's coordinator."),
    ] = None,
    proxy: Annotated[
        str | None, typer.Option(help="Go out through http://host:port.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            envvar="CMPP_SOURCE_URL",
            help="Look at what the role of this database may do: SELECT only.",
        ),
    ] = None,
    as_json: home.AsJson = False,
) -> None:
    """Look at disk, clock, network, certificate, files and databases.

    Each line says what was found and, unless it is ok, the cause and the fix. Nothing
    about records is sent. Exit codes: 0 all ok, 10 something to look at, 11 something
    is wrong.
    """
    site = home.opened(context)
    invited = None if invitation is None else Invitation.from_text(invitation)
    findings = [*doctor.versions(), *_at_home(site, invited=invited)]
    if invited is not None:
        findings += _to_join(invited, proxy)
    if source is not None:
        findings += doctor.source(source)
    state = doctor.worst(findings)
    if as_json:
        listed = [each.content() for each in findings]
        home.write_json({"state": state.value, "findings": listed})
    else:
        _show(findings, state)
    raise typer.Exit(EXIT_CODES[state])


def _at_home(site: Home, *, invited: Invitation | None) -> list[Finding]:
    """Look at a site that is there, and at what it can reach."""
    if not site.config_file.exists():
        return [
            Finding(
                "site",
                State.LOOK,
                f"There is no site in {site.directory} yet.",
                "It was not made, or is in another directory.",
                "cmpp-node init makes it; --home names another directory.",
            )
        ]
    found = [*doctor.disk(site.directory), *doctor.modes(site.directory)]
    try:
        config = site.config
    except BadConfiguration as error:
        cause = "A setting is missing, unknown or impossible."
        wrong = Finding("settings", State.WRONG, error.message, cause, "Correct it.")
        return [*found, wrong]
    papers = doctor.certificate(
        config.identity_directory, site=config.site, now=home.now()
    )
    shows = doctor.worst(papers) is not State.WRONG
    return [
        *found,
        *doctor.settings(config, site.directory),
        *papers,
        *_to_coordinator(site, shows=shows, invited=invited),
        *doctor.role(site.ledger_url, tables.metadata.tables),
        *doctor.importing(site.place.url or site.place.directory),
        *doctor.parts(_stores(site)),
    ]


def _to_coordinator(
    site: Home, *, shows: bool, invited: Invitation | None
) -> list[Finding]:
    """Look at the way to the coordinator, and show a certificate that may be good."""
    dial, folder = site.config.dial, site.config.identity_directory
    joined = (folder / credentials.CERTIFICATE_FILE).exists()
    if dial is None or not joined:
        if invited is not None:
            return []  # the invitation says where it is, and is looked at below
        return [
            Finding(
                "clock",
                State.LOOK,
                "The way to the coordinator and this clock were not looked at.",
                "The site has not joined, or its settings name no coordinator.",
                "cmpp-node doctor --invitation, with the coordinator's line, looks "
                "before joining.",
            )
        ]
    try:
        held = credentials.load(folder)
    except BadConfiguration:
        return []  # the line about the certificate says so
    address, proxy = dial.coordinator_address, dial.proxy
    found = doctor.way(
        address, authority=held.authority, proxy_url=proxy, now=home.now()
    )
    if shows and doctor.worst(found) is State.OK:
        found += doctor.accepted(
            address,
            identity=held,
            authority=held.authority,
            proxy_url=proxy,
            clock=home.now,
        )
    return found


def _to_join(invited: Invitation, proxy: str | None) -> list[Finding]:
    """Look at the way to the coordinator that an invitation names."""
    found: list[Finding] = []
    authority = invited.authority_pem
    for door, address in (("join", invited.address), ("dial", invited.link)):
        if address:
            found += doctor.way(
                address,
                authority=authority,
                proxy_url=proxy,
                now=home.now(),
                door=door,
            )
    if doctor.worst(found) is State.OK:
        found += doctor.accepted(
            invited.address,
            identity=None,
            authority=authority,
            proxy_url=proxy,
            clock=home.now,
        )
    return found


def _stores(site: Home) -> list[Part]:
    """Name the site's stores, and how each is opened."""

    def ledger() -> str:
        head = site.ledger.head()
        return f"Whole: {head.sequence} entries, epoch {head.epoch}."

    def register() -> str:
        site.register.head()
        return "It opens."

    def records() -> str:
        if site.records.current() is None:
            return "None are imported yet."
        return f"Import {site.records.open_current().generation} opens."

    return [
        Part("ledger", ledger),
        Part("register", register),
        Part("records", records),
    ]


def _show(findings: list[Finding], state: State) -> None:
    """Print a line for each finding, and cause and fix below what is not ok."""
    width = max(len(each.check) for each in findings)
    for each in findings:
        style = _STYLES[each.state]
        SHOW.print(
            f"[{style}]{each.state.value:<5}[/]  {each.check:<{width}}  ", end=""
        )
        SHOW.print(each.found, markup=False, highlight=False, soft_wrap=True)
        indent = " " * (width + 9)
        for name, text in (("cause", each.cause), ("fix", each.fix)):
            if text:
                SHOW.print(
                    f"{indent}{name}: {text}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )
    said = {
        State.OK: "All is ok.",
        State.LOOK: "Something is to be looked at.",
        State.WRONG: "Something is wrong.",
    }
    SHOW.print(said[state])
