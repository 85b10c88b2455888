"""Build authorities, certificates good and bad, and doors with a story behind."""

from __future__ import annotations

import concurrent.futures
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from coordinator import authority, profile
from coordinator.authority import Authority
from coordinator.database import address, connect
from node.dial import NodeDial
from node.door import Carried, Door, Story
from node.server import NodeServer
from proto import credentials
from proto.client import SITE_KEY, NodeClient
from proto.cmpp.v1 import coordinator_pb2
from proto.description import Description
from proto.invitation import Joining
from proto.mtls import COORDINATOR_DNS, COORDINATOR_URI, Identity, Trust
from proto.wire import Answer, Ask
from tests import dialled, frames
from tests import signed_samples as samples

_Raw = TypeVar("_Raw", bound=frames.RawConnection)


def now() -> datetime:
    return datetime.now(UTC)


def ask(**changes: object) -> Ask:
    plain = Ask(
        query=b"a query",
        metric="M08",
        query_name="orders",
        catalogue_version="2026.1",
        rho=Fraction(1, 1000),
        purpose="oversight",
        cells=3,
        site="NYC",
        mandate=bytes(range(32)),
        asked_by="ana",
        not_after=2_000_000_000,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def answer(**changes: object) -> Answer:
    plain = Answer(
        release_key=bytes(range(32)),
        values=(5, -7, 11),
        variance=Fraction(1025, 4),
        rho=Fraction(1, 1000),
        charged_pico=10**9,
        register_through="FY2025H2",
        free=False,
        worst_pico=10**9,
        sequence=7,
        receipt=bytes(64),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def joining(token: bytes, signing_request: bytes, site: str = "NYC") -> Joining:
    """Say what a site says when it joins."""
    return Joining(
        token=token,
        signing_request=signing_request,
        statement_key=samples.public(site),
        masking_key=samples.public(f"mask {site}"),
    )


def join_bytes(said: Joining, *, signer: str = "NYC") -> bytes:
    """Write it as it goes over the wire, with the proof of whoever signs."""
    message = coordinator_pb2.JoinRequest(
        token=said.token,
        signing_request=said.signing_request,
        statement_key=said.statement_key,
        masking_key=said.masking_key,
        proof=samples.key(signer).sign(said.proved),
    )
    return message.SerializeToString(deterministic=True)


class Steady:
    """A story that always gives the same answer, or raises the same error."""

    def __init__(self, outcome: Answer | BaseException | None = None) -> None:
        self.outcome = outcome or answer()
        self.calls = 0
        self.gate = threading.Event()
        self.gate.set()

    def answer(self, ask: Ask, *, now: datetime) -> Answer:
        del ask, now
        self.calls += 1
        self.gate.wait(20)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def check(self, ask: Ask, *, now: datetime) -> None:
        del ask, now

    def show(self, answer: Answer) -> bool:
        del answer
        return True

    def describe(self) -> Description:
        return Description(
            site="NYC",
            catalogue_version="2026.1",
            closed_through="FY2025H2",
            size_class="small",
            software_version="0.1.0",
        )


class Immediate:
    """A timetable that lets a reply go when it is ready; tests and benches only."""

    def hold(self, work: concurrent.futures.Future[object] | None, **_: object) -> None:
        if work is not None:
            concurrent.futures.wait([work], timeout=20)


class Centre:
    """An authority with its own database, and the coordinator's identity."""

    def __init__(self, folder: Path) -> None:
        authority.create(folder / "authority", now=now())
        self.engine = connect(address(folder / "centre.sqlite"))
        self.authority = Authority(folder / "authority", self.engine)
        self.key = credentials.read_key(folder / "authority" / "key.pem")
        self.certificate = x509.load_pem_x509_certificate(self.authority.pem)
        self.coordinator = self.authority.equip_coordinator(
            folder / "coordinator", now=now()
        )

    def node(self, folder: Path, site: str = "NYC") -> Identity:
        key = credentials.create_key(folder / "key.pem")
        leaf = self.authority.sign_node(
            credentials.signing_request(key), site=site, now=now()
        )
        credentials.install(folder, leaf=leaf, authority=self.authority.pem)
        return credentials.load(folder)


@dataclass(frozen=True, kw_only=True)
class Forged:
    """Every choice in a caller's certificate, the good one by default."""

    uris: tuple[str, ...] = (COORDINATOR_URI,)
    dns: tuple[str, ...] = (COORDINATOR_DNS,)
    ca: bool | None = False
    purposes: tuple[ObjectIdentifier, ...] | None = (
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.SERVER_AUTH,
    )
    begins: timedelta = timedelta(minutes=-5)
    ends: timedelta = timedelta(days=1)
    extra_chain: bytes = field(default=b"", repr=False)


def forge(
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    choices: Forged,
    *,
    trusted: bytes,
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer.subject)
        .subject_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "coordinator")])
        )
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() + choices.begins)
        .not_valid_after(now() + choices.ends)
    )
    if choices.ca is not None:
        basic = x509.BasicConstraints(ca=choices.ca, path_length=None)
        builder = builder.add_extension(basic, critical=True)
    if choices.purposes is not None:
        usage = x509.ExtendedKeyUsage(choices.purposes)
        builder = builder.add_extension(usage, critical=False)
    names: list[x509.GeneralName] = [
        *(x509.UniformResourceIdentifier(uri) for uri in choices.uris),
        *(x509.DNSName(name) for name in choices.dns),
    ]
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return Identity(
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        chain=certificate.public_bytes(Encoding.PEM) + choices.extra_chain,
        authority=trusted,
    )


def other_authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """An authority of the same name that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    return profile.authority(key, now=now()), key


WAYS = ("serve", "dial")
"""Both ways to a node's door: it listens, or it dials out to a switchboard."""


@dataclass
class Serving:
    """A node's door that is open, and what may be changed about it.

    Attributes:
        port: Where a coordinator's calls go: to the node, or to the switchboard.
        exchange: The switchboard, if the node dials.
    """

    server: NodeServer | NodeDial
    port: int
    story: Steady
    identity: Identity
    revoked: set[bytes]
    clock_offset: timedelta = timedelta(0)
    identity_readable: bool = True
    exchange: dialled.Exchange | None = None

    def read_identity(self) -> Identity:
        if not self.identity_readable:
            raise OSError("a canary no log may show")
        return self.identity

    def revoke(self, caller: Identity) -> None:
        """Tell the node, and the switchboard, that a caller is no longer good."""
        for kept in (self.revoked, *([self.exchange.revoked] if self.exchange else [])):
            kept.add(fingerprint(caller))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def dns(self) -> str:
        """The name that whoever listens at the port must show."""
        return COORDINATOR_DNS if self.exchange else "nyc.site.cmpp.exchange"

    @property
    def beside(self) -> tuple[tuple[str, str], ...]:
        """What goes beside every call."""
        return ((SITE_KEY, "NYC"),) if self.exchange else ()

    def client(self, identity: Identity, **more: float) -> NodeClient:
        if self.exchange:
            return self.exchange.client("NYC", identity, **more)
        return NodeClient(self.address, site="NYC", identity=identity, **more)

    def raw(
        self, tls: ssl.SSLContext, kind: type[_Raw] = frames.RawConnection, **more: Any
    ) -> _Raw:
        """Connect with a plain socket."""
        return kind(self.port, tls, name=self.dns, beside=self.beside, **more)


@contextmanager
def serving(
    centre: Centre,
    folder: Path,
    story: Story | None = None,
    timetable: object | None = None,
    carried: Mapping[str, Carried] | None = None,
    *,
    way: str = "serve",
) -> Iterator[Serving]:
    identity = centre.node(folder / "node")
    revoked: set[bytes] = set()
    state = Serving(None, 0, story or Steady(), identity, revoked)  # type: ignore[arg-type]
    door = Door(
        address="127.0.0.1:0",
        identity=state.read_identity,
        trust=lambda: Trust(
            allowed=frozenset({COORDINATOR_URI}),
            authority=centre.authority.pem,
            revoked=frozenset(revoked),
        ),
        timetable=timetable or Immediate(),  # type: ignore[arg-type]
        clock=lambda: now() + state.clock_offset,
    )
    with ExitStack() as stack:
        if way == "dial":
            opened = dialled.exchange(centre.authority.pem, centre.coordinator)
            state.exchange = stack.enter_context(opened)
            door = replace(door, address=state.exchange.address)
            state.server = NodeDial(state.story, carried=carried or {}, door=door)
            dialled.start(state.server)
            state.port = state.exchange.local_port
        else:
            state.server = NodeServer(state.story, carried=carried or {}, door=door)
            state.port = state.server.start()
        try:
            yield state
        finally:
            state.story.gate.set()
            state.server.drain(5.0)


def fingerprint(identity: Identity) -> bytes:
    certificate = x509.load_pem_x509_certificate(identity.chain)
    return certificate.fingerprint(hashes.SHA256())
