"""Command that says what is in place at a site, and what to do next."""

from typing import Any

import typer

from node import identity, renewal
from node.cli import home
from node.cli.home import SHOW, Home
from privacy.chain import Kind as Fate
from privacy.errors import Refused
from privacy.law import Law
from privacy.mandate import Mandate
from proto import credentials


def status(context: typer.Context, *, as_json: home.AsJson = False) -> None:
    """Show what is in place and what to do next. No count of anybody."""
    site = home.opened(context)
    content = _status(site)
    if as_json:
        home.write_json(content)
        return
    for name, value in content.items():
        SHOW.print(f"{name.replace('_', ' ').capitalize()}: {value}", highlight=False)


def _status(site: Home) -> dict[str, Any]:
    """Say what is in place, and the next step of those still to take."""
    config, law = site.config, site.law
    reader = site.records.open_current() if site.records.current() else None
    through = reader.closed_through if reader else None
    mandates = [
        sent
        for sent in law.sent.values()
        if isinstance(sent.what, Mandate) and sent.fate is Fate.ACCEPTED
    ]
    joined = _is_joined(site)
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
        "cmpp-node draw run: the Board has made the nonce": any(
            draw.is_open and draw.nonce is not None for draw in law.draws.values()
        ),
        "cmpp-node doctor: the certificate could not be renewed": (
            renewal.failing(config.identity_directory) is not None
        ),
        "coordinator_address under [dial] in node.toml, as its operator tells it": (
            config.dial is None and config.listen_address is None
        ),
    }
    head = site.ledger.head()
    return {
        "site": config.site,
        "training": "yes: every record is invented" if config.training else "no",
        "door": _door(site),
        "listen_address": config.listen_address or "none",
        "catalogue": law.newest.version if law.newest else "none accepted",
        **_certificate(site, joined=joined),
        "policy": f"version {law.policy.version}" if law.policy else "none",
        "roster": f"version {law.roster.version}" if law.roster else "none",
        "mandates": f"{len(mandates)} accepted, {len(law.inbox(home.now()))} waiting",
        "answering": _answering(law),
        "records": reader.generation if reader else "none",
        "closed_through": through.label if through else "none",
        "ledger": f"{head.sequence} entries, epoch {head.epoch}",
        "next": next((step for step, open_ in steps.items() if open_), _run(site)),
    }


def _is_joined(site: Home) -> bool:
    """Tell whether there is a certificate."""
    folder = site.config.identity_directory
    return (folder / credentials.CERTIFICATE_FILE).exists()


def _door(site: Home) -> str:
    """Say how the coordinator and this site come together."""
    config = site.config
    if config.listen_address is not None:
        return f"listens at {config.listen_address} (cmpp-node serve)"
    if config.dial is not None:
        return f"dials {config.dial.coordinator_address} (cmpp-node dial)"
    return "dials out, and does not know yet where to (an invitation says it)"


def _run(site: Home) -> str:
    """Name the command that answers."""
    return "cmpp-node dial" if site.config.listen_address is None else "cmpp-node serve"


def _certificate(site: Home, *, joined: bool) -> dict[str, Any]:
    """Say how long the certificate is good, and whether it renews itself."""
    folder, now = site.config.identity_directory, home.now()
    if not joined:
        return {"certificate_days_left": 0, "certificate": "none: join first"}
    days = identity.days_left(folder, now=now)
    said = "in order"
    if renewal.mark_passed(credentials.certificate(folder), now=now) is not None:
        said = "lapses before long: renew it (cmpp-node renew)"
    if days < 0:
        said = "lapsed: ask for an invitation and join again"
    failing = renewal.failing(folder)
    renewing = "by itself, while the node runs"
    if site.config.dial is None:
        renewing = "not by itself: [dial] in node.toml names no coordinator"
    elif failing is not None:
        since = failing.since.strftime("%Y-%m-%d %H:%M UTC")
        renewing = f"failing since {since} ({failing.code}): run cmpp-node doctor"
    return {
        "certificate_days_left": days,
        "certificate": said,
        "certificate_renewal": renewing,
    }


def _answering(law: Law) -> str:
    """Say whether anything can be answered, and if not, why."""
    try:
        law.check_answering()
    except Refused as refused:
        return f"no: {refused.message}"
    return "yes, under an accepted mandate"
