"""The command that keeps the coordinator's doors open."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Final

import typer

from coordinator.cli import centre
from coordinator.cli.centre import TELL, Centre
from coordinator.linking import Doors, LinkServer
from coordinator.renewals import Renewals
from coordinator.server import Door, JoinServer
from coordinator.switchboard import Switchboard
from proto import mtls


def serve(context: typer.Context) -> None:
    """Keep the doors open at which sites join, dial in and renew certificates."""
    opened = centre.opened(context)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ending.set())
    door = Door(
        address=opened.config.join_address,
        identity=opened.current_identity,
        clock=centre.now,
        leaf_days=opened.config.certificate_days,
    )
    joins = JoinServer(opened.authority, door=door)
    joins.start()
    TELL.print(f"Sites can join at {opened.config.join_address}.")
    links = _links(opened)
    if links is not None:
        links.start()
        TELL.print(f"Sites can dial in at {opened.config.link_address}.")
    ending.wait()
    if links is not None:
        links.stop()
    joins.stop()


_REMEMBERED_SECONDS: Final = 1.0


def _remembered(read: Callable[[], mtls.Trust]) -> Callable[[], mtls.Trust]:
    """Read at most once a second what every single call of ours asks for."""
    lock = threading.Lock()
    known: list[tuple[float, mtls.Trust]] = []

    def trust() -> mtls.Trust:
        now = time.monotonic()
        with lock:
            if not known or now - known[0][0] > _REMEMBERED_SECONDS:
                known[:] = [(now, read())]
            return known[0][1]

    return trust


def _links(opened: Centre) -> LinkServer | None:
    """Set up the doors of the switchboard, if the settings say where."""
    address = opened.config.link_address
    if address is None:
        return None
    authority = opened.authority

    def sites() -> mtls.Trust:
        return mtls.Trust(
            allowed=frozenset(mtls.site_uri(site.name) for site in opened.sites.all()),
            authority=authority.pem,
            revoked=authority.revoked(),
        )

    def own() -> mtls.Trust:
        return mtls.Trust(
            allowed=frozenset({mtls.COORDINATOR_URI}),
            authority=authority.pem,
            revoked=authority.revoked(),
        )

    return LinkServer(
        Switchboard(trust=sites, clock=centre.now),
        Renewals(authority, clock=centre.now, days=opened.config.certificate_days),
        doors=Doors(
            link_address=address,
            local_address=opened.config.local_address,
            identity=opened.current_identity,
            own=_remembered(own),
            clock=centre.now,
        ),
    )
