"""A coordinator's doors for joining and renewing, open for one test."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes

from coordinator.linking import Doors, LinkServer
from coordinator.renewals import Renewals
from coordinator.server import Door, JoinServer
from coordinator.switchboard import Switchboard
from node.config import NotifyConfig
from node.notify import Notifier
from node.renewal import Renewal
from proto import credentials, mtls
from proto import renewal as renewals
from proto.mtls import COORDINATOR_URI, Trust, site_uri
from tests import doors


@dataclass
class Exchange:
    """Both doors of a coordinator, and what may be changed about it."""

    centre: doors.Centre
    days: int = 30
    offset: timedelta = timedelta(0)
    sites: tuple[str, ...] = ("NYC", "HOU")
    link_port: int = 0
    join_port: int = 0
    local_port: int = 0
    _links: LinkServer | None = field(default=None, repr=False)
    _joins: JoinServer | None = field(default=None, repr=False)

    def now(self) -> datetime:
        return doors.now() + self.offset

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.link_port}"

    def start(self) -> None:
        """Open both doors, at the ports they had before if they had any."""
        authority = self.centre.authority
        self._links = LinkServer(
            Switchboard(trust=self._sites, clock=self.now),
            Renewals(authority, clock=self.now, days=self.days),
            doors=Doors(
                link_address=f"127.0.0.1:{self.link_port}",
                local_address="127.0.0.1:0",
                identity=lambda: self.centre.coordinator,
                own=lambda: self._trust(frozenset({COORDINATOR_URI})),
                clock=self.now,
            ),
        )
        self.link_port, self.local_port = self._links.start()
        self._joins = JoinServer(
            authority,
            door=Door(
                address=f"127.0.0.1:{self.join_port}",
                identity=self.centre.coordinator,
                clock=self.now,
                leaf_days=self.days,
            ),
        )
        self.join_port = self._joins.start()

    def stop(self) -> None:
        if self._links is not None and self._joins is not None:
            self._links.stop(0.5)
            self._joins.stop(0.5)

    def renewal(self, directory: Path, site: str = "NYC", **more: object) -> Renewal:
        """Give a site's renewal, as its processes make it."""
        known: dict[str, object] = {
            "site": site,
            "address": self.address,
            "notifier": Notifier(site, NotifyConfig(), memory=directory / "told"),
            "clock": doors.now,
        }
        return Renewal(directory, **known | more)  # type: ignore[arg-type]

    def _sites(self) -> Trust:
        return self._trust(frozenset(site_uri(site) for site in self.sites))

    def _trust(self, allowed: frozenset[str]) -> Trust:
        return Trust(
            allowed=allowed,
            authority=self.centre.authority.pem,
            revoked=self.centre.authority.revoked(),
        )


@contextmanager
def exchange(centre: doors.Centre) -> Iterator[Exchange]:
    """Open a coordinator's doors."""
    made = Exchange(centre)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def aged(centre: doors.Centre, folder: Path, *, days: int, site: str = "NYC") -> Path:
    """Give a site a certificate of thirty days that is so many days old."""
    key = credentials.create_key(folder / credentials.KEY_FILE)
    leaf = centre.authority.sign_node(
        credentials.signing_request(key),
        site=site,
        now=doors.now() - timedelta(days),
    )
    credentials.install(folder, leaf=leaf, authority=centre.authority.pem)
    return folder


def fingerprint(folder: Path) -> str:
    return credentials.certificate(folder).fingerprint(hashes.SHA256()).hex()


def check_whole(exchange: Exchange, folder: Path) -> None:
    """Make sure of the pair in use: the coordinator takes it."""
    pair = credentials.load(folder)
    with mtls.channel(
        exchange.address,
        peer_dns=mtls.COORDINATOR_DNS,
        authority=pair.authority,
        identity=pair,
    ) as channel:
        renewals.moment(channel)


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Answer every connection in a way of one's own; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_safely, args=(answer, link)).start()

        taking = threading.Thread(target=take, daemon=True)
        taking.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        taking.join()


def _safely(answer: Callable[[socket.socket], None], link: socket.socket) -> None:
    with link:
        link.settimeout(10)
        try:
            answer(link)
        except OSError:
            return


def foreign_tls(folder: Path, organisation: str) -> Callable[[socket.socket], None]:
    """Answer with TLS under a certificate of an authority that is not ours.

    This is what a box that opens encrypted connections does.
    """
    folder.mkdir(exist_ok=True)
    key, certificate = folder / "foreign.key", folder / "foreign.pem"
    name = f"/O={organisation}/CN=coordinator.cmpp.exchange"
    asked = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
    asked += "-addext subjectAltName=DNS:coordinator.cmpp.exchange"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", *asked.split(), "-subj", name, *files],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])

    def answer(link: socket.socket) -> None:
        with context.wrap_socket(link, server_side=True) as wrapped:
            while wrapped.recv(4096):
                pass

    return answer


def proxy(status: str = "200 Connection established") -> Callable[..., None]:
    """Answer as a CONNECT proxy does, and pass bytes on if it says 200."""

    def answer(link: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += link.recv(1)
        link.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if not status.startswith("200"):
            return
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as far:
            back = threading.Thread(target=_pass_on, args=(far, link))
            back.start()
            _pass_on(link, far)
            back.join()

    return answer


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
