"""Walk the way to the coordinator step by step, and say where it ends.

Only names, handshakes and the certificate that is shown are looked at; nothing of
the site is sent, not even its own certificate. A refused connection, a silent one, a
proxy that says no and a box that opens the encryption look alike to a caller; here
each gets its own sentence with its cause and what to do.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from proto.mtls import COORDINATOR_DNS

PATIENCE_SECONDS: Final = 5.0
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})\b")
_ANSWER_BYTES_MAX: Final = 16 * 1024
_PROXY_WANTS_A_NAME: Final = 407
_DONE: Final = 200
_SHOWN_MAX: Final = 120
_NOT_PLAIN: Final = re.compile(r"[^\w .,:;=@&()'*/-]")


class Step(Enum):
    """The steps of the way, in order."""

    NAME = "DNS"
    PORT = "port"
    PROXY = "proxy"
    TLS = "TLS"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Hold what one step found; there is a cause and a fix if the way ends there."""

    step: Step
    found: str
    cause: str = ""
    fix: str = ""

    @property
    def is_end(self) -> bool:
        """Whether the way ends here."""
        return bool(self.cause)


@dataclass(frozen=True, slots=True)
class Way:
    """Hold every step that was tried, in order."""

    steps: tuple[Passed, ...]

    @property
    def stopped(self) -> Passed | None:
        """The step at which the way ends, if it does."""
        return next((step for step in self.steps if step.is_end), None)


class _Ended(Exception):
    """Carry the step at which the way ends."""

    def __init__(self, *, step: Step, found: str, cause: str, fix: str) -> None:
        super().__init__(found)
        self.passed = Passed(step=step, found=found, cause=cause, fix=fix)


def examine(
    address: str,
    *,
    authority: bytes,
    proxy: str | None,
    now: datetime,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Way:
    """Walk the way to the coordinator.

    Args:
        address: Where it should be, ``host:port``.
        authority: PEM of the authority whose certificate it must show.
        proxy: The proxy to go through, ``http://host:port``, if any.
        now: The moment, for the certificate's dates.
        patience_seconds: How long each step may take.
    """
    host, _, port = address.rpartition(":")
    steps: list[Passed] = []
    link: socket.socket | None = None
    try:
        first = (host.strip("[]"), int(port))
        if proxy is not None:
            parts = urlsplit(proxy)
            first = (parts.hostname or "", parts.port or 0)
        whose = "The proxy" if proxy else "The coordinator"
        places = _resolve(steps, first[0], whose)
        link = _connect(steps, places, (whose, first), patience_seconds)
        if proxy is not None:
            _pass_proxy(steps, link, proxy, address)
        leaf = _shake_hands(link, address, proxied=proxy is not None)
        _check_leaf(steps, leaf, authority, address)
        _check_dates(steps, leaf, now)
    except _Ended as end:
        steps.append(end.passed)
    finally:
        if link is not None:
            link.close()
    return Way(tuple(steps))


def _resolve(steps: list[Passed], host: str, whose: str) -> list[str]:
    """Look a name up."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _Ended(
            step=Step.NAME,
            found=f"{whose}'s name {host} was not found.",
            cause="The name is mistyped, or this machine's DNS does not know it.",
            fix="Check the name with whoever gave it, and this machine's DNS "
            "servers (`getent hosts` with the name should print an address).",
        ) from error
    places = list(dict.fromkeys(str(each[4][0]) for each in found))
    steps.append(Passed(step=Step.NAME, found=f"{host} is {places[0]}."))
    return places


def _connect(
    steps: list[Passed],
    places: list[str],
    aim: tuple[str, tuple[str, int]],
    patience_seconds: float,
) -> socket.socket:
    """Open a connection to the first of some addresses that takes one."""
    whose, (host, port) = aim
    refused = False
    for place in places:
        try:
            link = socket.create_connection((place, port), timeout=patience_seconds)
        except ConnectionRefusedError:
            refused = True
            continue
        except OSError:
            continue
        steps.append(Passed(step=Step.PORT, found=f"{host} port {port} is open."))
        return link
    if refused:
        raise _Ended(
            step=Step.PORT,
            found=f"{host} refuses connections to port {port}.",
            cause=f"{whose} is not running there, or a firewall turns the "
            "connection away.",
            fix=f"Check the address; ask whoever runs it whether it is up; ask for "
            f"outbound TCP to {host} port {port}.",
        )
    raise _Ended(
        step=Step.PORT,
        found=f"Nothing comes back from {host} port {port}.",
        cause="A firewall drops the connection, or there is no route from here.",
        fix=f"Ask the network's administrator for outbound TCP to {host} port "
        f"{port}, or for the proxy to use (proxy_url in node.toml, or --proxy).",
    )


def _pass_proxy(
    steps: list[Passed], link: socket.socket, proxy: str, address: str
) -> None:
    """Ask a proxy for a tunnel."""
    parts = urlsplit(proxy)
    lines = [f"CONNECT {address} HTTP/1.1", f"Host: {address}"]
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        basic = base64.b64encode(pair.encode()).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {basic}")
    try:
        link.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        said = _read_head(link)
    except (OSError, UnicodeError):
        said = b""
    found = _STATUS_LINE.match(said)
    if found is None:
        raise _Ended(
            step=Step.PROXY,
            found="The proxy did not answer CONNECT.",
            cause="It is no HTTP proxy, or it does not let this machine use it.",
            fix="Check the proxy's address and port with the network's administrator.",
        )
    status = int(found[1])
    if status == _DONE:
        steps.append(Passed(step=Step.PROXY, found="The proxy opened a tunnel."))
        return
    if status == _PROXY_WANTS_A_NAME:
        cause = "It wants a name and password and got none, or wrong ones."
        fix = "Put them in proxy_url, as http://name:password@host:port."
    else:
        cause = f"It does not allow a connection to {address}."
        fix = f"Ask the proxy's administrator to allow CONNECT to {address}."
    raise _Ended(
        step=Step.PROXY,
        found=f"The proxy answered CONNECT with {status}.",
        cause=cause,
        fix=fix,
    )


def _read_head(link: socket.socket) -> bytes:
    """Read up to the empty line that ends a proxy's answer, and nothing after it."""
    said = b""
    until = time.monotonic() + (link.gettimeout() or PATIENCE_SECONDS)
    while not said.endswith(b"\r\n\r\n") and len(said) < _ANSWER_BYTES_MAX:
        if time.monotonic() > until:
            break
        byte = link.recv(1)
        if not byte:
            break
        said += byte
    return said


def _shake_hands(
    link: socket.socket, address: str, *, proxied: bool
) -> x509.Certificate:
    """Do a TLS handshake and take whatever certificate is shown, to look at it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is sent over this connection; the certificate is judged just below,
    # and one that is not ours must be seen to be named.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(link, server_hostname=COORDINATOR_DNS) as wrapped:
            shown = wrapped.getpeercert(binary_form=True)
        leaf = x509.load_der_x509_certificate(shown or b"")
    except (OSError, ValueError) as error:
        between = "the proxy or " if proxied else ""
        raise _Ended(
            step=Step.TLS,
            found=f"{address} takes the connection and no TLS handshake follows.",
            cause=f"Something else listens there, or {between}a firewall stops "
            "encrypted connections it cannot read.",
            fix="Check the address and port; ask the network's administrator to "
            f"let TLS to {address} through unopened.",
        ) from error
    return leaf


def _check_leaf(
    steps: list[Passed], leaf: x509.Certificate, authority: bytes, address: str
) -> None:
    """Tell whether our authority signed the certificate, for the coordinator."""
    if not _is_ours(leaf, authority):
        raise _Ended(
            step=Step.TLS,
            found=f"{address} shows a certificate of {_issuer(leaf)}, not of our "
            "authority.",
            cause="A firewall or proxy on the way opens and reads encrypted "
            "connections (TLS inspection), or the address is somebody else's.",
            fix=f"Ask the network's administrator to exempt {address} from TLS "
            "inspection. Nothing was sent; do not add their certificate here.",
        )
    if COORDINATOR_DNS not in _names(leaf):
        raise _Ended(
            step=Step.TLS,
            found=f"{address} shows a certificate of our authority, and not the "
            "coordinator's.",
            cause="The address leads to another machine of the network.",
            fix="Ask the coordinator's operator for the right address.",
        )
    steps.append(Passed(step=Step.TLS, found="The coordinator's own certificate."))


def _check_dates(steps: list[Passed], leaf: x509.Certificate, now: datetime) -> None:
    """Compare the clock with the dates of the coordinator's certificate."""
    said = f"This machine says it is {now:%Y-%m-%d %H:%M} UTC"
    if now < leaf.not_valid_before_utc:
        raise _Ended(
            step=Step.CLOCK,
            found=f"{said}, before the coordinator's certificate begins.",
            cause="This machine's clock is behind.",
            fix="Set it by a time service (`timedatectl set-ntp true`).",
        )
    if now >= leaf.not_valid_after_utc:
        raise _Ended(
            step=Step.CLOCK,
            found=f"{said}, after the coordinator's certificate ended.",
            cause="This machine's clock is ahead, or the coordinator's certificate "
            "was not renewed.",
            fix="Check this clock against a telephone; if it is right, tell the "
            "coordinator's operator.",
        )
    steps.append(Passed(step=Step.CLOCK, found="It is good at this machine's time."))


def _is_ours(leaf: x509.Certificate, authority: bytes) -> bool:
    """Tell whether one of the authority's certificates signed another."""
    for signer in x509.load_pem_x509_certificates(authority):
        try:
            leaf.verify_directly_issued_by(signer)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _names(leaf: x509.Certificate) -> list[str]:
    """List the names a certificate is for."""
    kind = x509.SubjectAlternativeName
    try:
        names = leaf.extensions.get_extension_for_class(kind).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return []
    return names.get_values_for_type(x509.DNSName)


def _issuer(leaf: x509.Certificate) -> str:
    """Name who signed a certificate, in characters that a terminal shows as such."""
    oids = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    named: list[str] = []
    read: Callable[[x509.ObjectIdentifier], list[x509.NameAttribute[str | bytes]]]
    read = leaf.issuer.get_attributes_for_oid
    for oid in oids:
        named += [str(each.value) for each in read(oid)]
    text = _NOT_PLAIN.sub("?", ", ".join(named))[:_SHOWN_MAX]
    return f"'{text}'" if text else "an issuer without a name"
