"""Commands about who is in the network: sites and certificates."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import typer
from rich.table import Table

from coordinator.cli import centre
from coordinator.cli.centre import SHOW, TELL, AsJson, Centre
from coordinator.sites import Site
from privacy.errors import BadConfiguration, ExchangeError
from proto.invitation import spoken

sites = typer.Typer(help="The sites that are asked.", no_args_is_help=True)
certificates = typer.Typer(
    help="The certificates the centre has signed.", no_args_is_help=True
)

_Address = Annotated[
    str, typer.Option(help="Where its node listens, host:port; dial if it dials in.")
]
_Provider = Annotated[str, typer.Option(help="Who runs it, as the roster will say.")]


@sites.command("list")
def list_sites(
    context: typer.Context,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Call every node for its public facts.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the sites, where they listen, and when they last answered."""
    opened = centre.opened(context)
    known = opened.sites.all()
    found = [_site(site) for site in known]
    if check:
        with ThreadPoolExecutor(max(1, len(known))) as pool:
            facts = pool.map(lambda site: _facts(opened, site), known)
        found = [{**line, **fact} for line, fact in zip(found, facts, strict=True)]
    if as_json:
        centre.write_json(found)
        return
    table = Table()
    columns = list(found[0]) if found else ["site", "address", "last_seen"]
    for column in columns:
        table.add_column(column.replace("_", " ").capitalize(), overflow="fold")
    for line in found:
        table.add_row(*(str(line[column]) for column in columns))
    SHOW.print(table)


@sites.command()
def invite(
    context: typer.Context,
    site: str,
    address: _Address,
    *,
    provider: _Provider = "",
    as_json: AsJson = False,
) -> None:
    """Put a site on the list and print the invitation for its operator.

    The invitation works once. Send it over a channel you trust, and compare the
    authority's fingerprint by telephone.
    """
    opened = centre.opened(context)
    listed = Site(name=site, address=address, provider=provider)
    invitation = opened.authority.invite(
        site,
        address=opened.config.join_address,
        link=opened.config.link_address or "",
        now=centre.now(),
        hours=opened.config.invitation_hours,
    )
    opened.sites.add(listed)
    if as_json:
        centre.write_json(
            {
                "site": site,
                "invitation": invitation.text(),
                "fingerprint": invitation.fingerprint,
            }
        )
        return
    SHOW.print(f"Fingerprint to compare: {invitation.fingerprint}", soft_wrap=True)
    _speak(invitation.fingerprint)
    SHOW.print(
        f"Good for {opened.config.invitation_hours} hours and one site. There: "
        "`cmpp-node init --invitation` with this line:"
    )
    typer.echo(invitation.text())


@sites.command()
def add(
    context: typer.Context, site: str, address: _Address, *, provider: _Provider = ""
) -> None:
    """Put a site on the list, or change where its node listens and who runs it."""
    listed = Site(name=site, address=address, provider=provider)
    centre.opened(context).sites.add(listed)
    where = "over the link it opens" if listed.dials else f"at {address}"
    SHOW.print(f"{site} is asked {where}.")


@certificates.command("list")
def list_certificates(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every certificate ever signed here."""
    lines = centre.opened(context).authority.issued()
    if as_json:
        centre.write_json(
            [
                {
                    "name": line.name,
                    "fingerprint": line.fingerprint,
                    "expires_at": line.expires_at.isoformat(),
                    "revoked": line.revoked,
                }
                for line in lines
            ]
        )
        return
    table = Table()
    for column in ("Name", "Fingerprint", "Expires", "Revoked"):
        table.add_column(column, overflow="fold")  # a fingerprint is copied whole
    for line in lines:
        expires = line.expires_at.strftime("%Y-%m-%d %H:%M UTC")
        marked = "yes" if line.revoked else "no"
        table.add_row(line.name, line.fingerprint, expires, marked)
    SHOW.print(table)


@certificates.command()
def fingerprint(context: typer.Context) -> None:
    """Print the authority's fingerprint, to be compared by telephone."""
    found = centre.opened(context).authority.fingerprint
    typer.echo(found)
    _speak(found)


@certificates.command()
def revoke(
    context: typer.Context,
    certificate: Annotated[
        str | None, typer.Argument(help="Its fingerprint, whole.")
    ] = None,
    *,
    site: Annotated[
        str | None, typer.Option(help="Every certificate of this site instead.")
    ] = None,
) -> None:
    """Mark a certificate, and all that it was renewed into, as no longer good.

    The site cannot renew or dial in with any of them, from this moment on.
    """
    authority = centre.opened(context).authority
    if (certificate is None) == (site is None):
        raise BadConfiguration(
            "Name either one certificate by its fingerprint or a site with --site."
        )
    if site is not None:
        marked = authority.revoke_site(site, now=centre.now())
        SHOW.print(f"Revoked {marked} of {site}. An invitation lets it join again.")
        return
    marked = authority.revoke(certificate or "", now=centre.now())
    SHOW.print(
        f"Revoked {marked}, with what it was renewed into. If it was the "
        "coordinator's own, run `cmpp authority renew`, which then makes a fresh key, "
        "and add the fingerprint to revoked.txt beside each node's key, where it "
        "counts at once."
    )


@certificates.command()
def renew(context: typer.Context) -> None:
    """Sign a fresh certificate for the coordinator's own process."""
    opened = centre.opened(context)
    opened.authority.equip_coordinator(opened.home.identity, now=centre.now())
    SHOW.print("The coordinator has a fresh certificate.")


def _speak(fingerprint: str) -> None:
    """Lay a fingerprint out to be read out by telephone, beside the data."""
    for number, line in enumerate(spoken(fingerprint), 1):
        TELL.print(f"    line {number}:  {line}", highlight=False)


def _site(site: Site) -> dict[str, Any]:
    """Return what the list says of a site."""
    seen = "never" if site.last_seen is None else _moment(site.last_seen)
    return {"site": site.name, "address": site.address, "last_seen": seen}


def _moment(moment: dt.datetime) -> str:
    """Write a moment to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _facts(opened: Centre, site: Site) -> dict[str, Any]:
    """Ask one node for its public facts; a silent one is named, not waited for."""
    try:
        with opened.connect(site) as client:
            said = client.describe()
    except (ExchangeError, BadConfiguration) as error:
        return {"state": error.code, "closed_through": "", "catalogue": ""}
    opened.sites.seen(site.name, now=centre.now())
    return {
        "state": "serving",
        "closed_through": said.closed_through,
        "catalogue": said.catalogue_version,
    }
