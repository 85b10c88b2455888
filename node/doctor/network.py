"""Look at the way to the coordinator, and whether it takes this site's certificate."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from node import reach
from node.doctor.finding import Finding, State
from node.reach import Step
from privacy.errors import BadConfiguration, ExchangeError, Untrusted
from proto import mtls, renewal
from proto.proxy import proxy_for

SKEW: Final = timedelta(seconds=60)
"""How far this machine's clock may be off."""

_NAMES: Final = {
    Step.NAME: "DNS",
    Step.PORT: "port",
    Step.PROXY: "proxy",
    Step.TLS: "TLS",
    Step.CLOCK: "clock",
}


def way(
    address: str,
    *,
    authority: bytes,
    proxy_url: str | None,
    now: datetime,
    door: str = "",
) -> list[Finding]:
    """Walk the way to one door of the coordinator as far as it goes.

    Args:
        address: Where the coordinator is, ``host:port``.
        authority: PEM of the authority it must show a certificate of.
        proxy_url: The proxy of the settings, if any.
        now: The moment.
        door: Which door it is, in a word, where there is more than one.
    """

    def named(check: str) -> str:
        return f"{door} {check}".lstrip()

    try:
        proxy = proxy_for(address, setting=proxy_url)
    except BadConfiguration as error:
        return [
            Finding(
                named("proxy"),
                State.WRONG,
                error.message,
                "The setting was mistyped.",
                "Write it as http://host:port.",
            )
        ]
    found = reach.examine(address, authority=authority, proxy=proxy, now=now)
    direct = Finding(named("proxy"), State.OK, "None is set; the way out is direct.")
    return [
        *([] if proxy else [direct]),
        *(
            Finding(
                named(_NAMES[each.step]),
                State.WRONG if each.is_end else State.OK,
                each.found,
                each.cause,
                each.fix,
            )
            for each in found.steps
        ),
    ]


def accepted(
    address: str,
    *,
    identity: mtls.Identity | None,
    authority: bytes,
    proxy_url: str | None,
    clock: Callable[[], datetime],
) -> list[Finding]:
    """Ask the coordinator for the time, with this site's certificate if there is one.

    Without one the address must be that at which sites join.
    """
    method = renewal.MOMENT_TO_JOIN if identity is None else renewal.MOMENT
    try:
        with mtls.channel(
            address,
            peer_dns=mtls.COORDINATOR_DNS,
            authority=authority,
            identity=identity,
            proxy=proxy_for(address, setting=proxy_url),
        ) as channel:
            before, started = clock(), time.monotonic()
            there = renewal.moment(channel, method)
            took = timedelta(seconds=time.monotonic() - started)
    except ExchangeError as error:
        return [_not_accepted(error)]
    said = "It answers, and takes this site's certificate."
    if identity is None:
        said = "It answers where sites join."
    return [Finding("coordinator", State.OK, said), _skew(before, there, took)]


def _not_accepted(error: ExchangeError) -> Finding:
    """Say why a call over an open way may have failed."""
    if isinstance(error, Untrusted):
        return Finding(
            "certificate",
            State.WRONG,
            error.message,
            "This site's certificate was revoked or has expired, or this clock is "
            "wrong.",
            "Ask the coordinator's operator; an invitation lets the site join again.",
        )
    return Finding(
        "coordinator",
        State.LOOK,
        error.message,
        "The way is open and the call failed; the coordinator may be restarting, or "
        "this site's certificate has expired.",
        "Try again in a minute; then telephone the coordinator's operator.",
    )


def _skew(before: datetime, there: datetime, took: timedelta) -> Finding:
    """Compare this clock with the coordinator's; its reply came within `took`."""
    ahead = before - there  # ours was read first, so it may be behind by `took`
    off = max(ahead, -(ahead + took), timedelta(0))
    seconds = round(off.total_seconds())
    if off > SKEW:
        which = "ahead of" if ahead > timedelta(0) else "behind"
        return Finding(
            "clock",
            State.WRONG,
            f"This machine's clock is {seconds} seconds {which} the coordinator's.",
            "No time service keeps it, or one of the two clocks is wrong.",
            "Turn on a time service (`timedatectl set-ntp true`); if this clock is "
            "right by the telephone, tell the coordinator's operator.",
        )
    return Finding("clock", State.OK, f"Within {max(seconds, 1)} s of the coordinator.")
