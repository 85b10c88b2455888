"""A switchboard for one test, and a node that dials into it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from coordinator.linking import Doors, LinkServer
from coordinator.switchboard import Switchboard
from node.dial import NodeDial
from privacy.errors import ExchangeError
from proto.canonical import Malformed
from proto.client import ANSWER, NodeClient
from proto.mtls import COORDINATOR_URI, Identity, Trust, site_uri

READY_SECONDS = 20.0


class NoExchange:
    """No unary call of a site has an answer here."""

    def reply(
        self, method: str, message: bytes, *, certificate: x509.Certificate
    ) -> bytes:
        del method, message, certificate
        raise Malformed("no")


@dataclass
class Exchange:
    """A switchboard with its two doors open.

    Attributes:
        authority: PEM of who signs certificates.
        identity: The coordinator's own, shown at both doors.
        sites: Who may dial in.
        revoked: Fingerprints of certificates that are no longer good.
        link_port: Where sites dial in.
        local_port: Where the coordinator's own commands call.
    """

    authority: bytes
    identity: Identity
    sites: set[str]
    revoked: set[bytes] = field(default_factory=set)
    offset_seconds: float = 0.0
    link_port: int = 0
    local_port: int = 0

    def __post_init__(self) -> None:
        self.switchboard = Switchboard(trust=self._sites, clock=self.now)
        self.server = LinkServer(
            self.switchboard,
            NoExchange(),
            doors=Doors(
                link_address=f"127.0.0.1:{self.link_port}",
                local_address=f"127.0.0.1:{self.local_port}",
                identity=lambda: self.identity,
                own=self._own,
                clock=self.now,
            ),
        )

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.offset_seconds, UTC)

    def client(self, site: str, identity: Identity, **more: float) -> NodeClient:
        """Reach a site as the coordinator's own commands do."""
        address = f"127.0.0.1:{self.local_port}"
        return NodeClient(address, site=site, identity=identity, dialled=True, **more)

    @property
    def address(self) -> str:
        """Where sites dial in."""
        return f"127.0.0.1:{self.link_port}"

    def _sites(self) -> Trust:
        return self._trust(map(site_uri, self.sites))

    def _own(self) -> Trust:
        return self._trust([COORDINATOR_URI])

    def _trust(self, allowed: Iterable[str]) -> Trust:
        return Trust(
            allowed=frozenset(allowed),
            authority=self.authority,
            revoked=frozenset(self.revoked),
        )


@contextmanager
def exchange(
    authority: bytes, identity: Identity, sites: Iterable[str] = ("NYC",), **more: int
) -> Iterator[Exchange]:
    """Open a switchboard."""
    made = Exchange(authority, identity, set(sites), **more)
    made.link_port, made.local_port = made.server.start()
    try:
        yield made
    finally:
        made.server.stop(1.0)


def called(
    exchange: Exchange, *, site: str = "NYC", seconds: float = 10
) -> tuple[threading.Thread, list[object]]:
    """Call a site from a thread; what came of it is in the list at its end."""
    said: list[object] = []

    def one() -> None:
        try:
            board = exchange.switchboard
            said.append(board.call(site, ANSWER, b"question", seconds=seconds))
        except ExchangeError as error:
            said.append(error)

    thread = threading.Thread(target=one)
    thread.start()
    return thread, said


def until(
    holds: Callable[[], object], *, seconds: float = READY_SECONDS, what: str = "it"
) -> float:
    """Wait until something holds; return how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"{what} did not come about"
        time.sleep(0.01)
    return time.monotonic() - began


def start(node: NodeDial) -> NodeDial:
    """Start a node, and wait until it can be reached."""
    node.start()
    until(lambda: node.linked, what="the link")
    return node


def listening(process: int | str = "self") -> set[int]:
    """Return every TCP port on which a process listens, as the system knows it."""
    sockets = set()
    for each in Path(f"/proc/{process}/fd").iterdir():
        try:
            sockets.add(each.readlink().name)
        except OSError:  # closed since
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        lines = Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]
        for fields in map(str.split, lines):
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(int(fields[1].rpartition(":")[2], 16))
    return found
