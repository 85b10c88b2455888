"""Write and read the frames of a link, and say who keeps it and whether it lives.

A node behind a firewall opens one stream to the coordinator, and calls come to it
over that stream. Here is what both ends must do alike: the frames, in one encoding
and with lengths that are multiples of one step; the proof by which the node knows
who calls; and the beat that shows a link on which nothing passes any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
)

from privacy.errors import CertificateRefused
from proto import mtls
from proto.canonical import MESSAGE_BYTES_MAX, check, encode, parse
from proto.cmpp.v1 import coordinator_pb2
from proto.status import Status

_SERVICE: Final = coordinator_pb2.DESCRIPTOR.services_by_name["Exchange"].full_name
LINK: Final = f"/{_SERVICE}/Link"

FRAME_STEP: Final = 128
NONCE_BYTES: Final = 32
ID_MAX: Final = 2**63 - 1
FRAME_BYTES_MAX: Final = MESSAGE_BYTES_MAX + 4 * FRAME_STEP
OPTIONS: Final = (("grpc.max_receive_message_length", FRAME_BYTES_MAX),)
"""What a channel or a server of links is set to, besides what all are."""

_METHOD = re.compile(r"/[!-~]{0,127}", re.ASCII)
_PROOF_DOMAIN: Final = b"cmpp.exchange link v1\x00"
_SIGNATURE_BYTES_MAX: Final = 80
_PADDING_HEAD: Final = 2  # its field number and its length, one byte each


class Kind(IntEnum):
    """List what a frame can be for."""

    HELLO = 1
    PROOF = 2
    CALL = 3
    END = 4
    PING = 5
    PONG = 6
    LEAVE = 7


_STATUSES: Final = {0: None, **{each.code.value[0]: each for each in Status}}
_WITH_PAYLOAD: Final = {Kind.HELLO, Kind.PROOF, Kind.CALL, Kind.END}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Hold one frame.

    Attributes:
        kind: What it is for.
        id: Of the call, 63 random bits; 0 for a frame that is about no call.
        method: Of a call, such as ``/cmpp.v1.Node/Answer``.
        status: How a call ended, if not with a message.
        payload: The message of a call or its end, a nonce or a proof.
    """

    kind: Kind
    id: int = 0
    method: str = ""
    status: Status | None = None
    payload: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        """Check that the frame has what its kind has, and nothing else."""
        about_a_call = self.kind in {Kind.CALL, Kind.END}
        check(about_a_call == (self.id > 0) and 0 <= self.id <= ID_MAX, "id")
        called = _METHOD.fullmatch(self.method) is not None
        check(called if self.kind is Kind.CALL else not self.method, "method")
        check(self.status is None or self.kind is Kind.END, "status")
        bare = self.kind not in _WITH_PAYLOAD or self.status is not None
        check(len(self.payload) <= (0 if bare else MESSAGE_BYTES_MAX), "payload")
        nonce = self.kind is Kind.HELLO
        check(not nonce or len(self.payload) == NONCE_BYTES, "payload")

    @property
    def ending(self) -> bytes | Status:
        """How a call ended: with a message, or with a status."""
        return self.payload if self.status is None else self.status

    def to_bytes(self) -> bytes:
        """Write the frame, padded to a multiple of the step."""
        message = coordinator_pb2.Frame(
            kind=coordinator_pb2.FrameKind.ValueType(self.kind),
            id=self.id,
            method=self.method,
            status=0 if self.status is None else self.status.code.value[0],
            payload=self.payload,
        )
        room = -(message.ByteSize() + _PADDING_HEAD) % FRAME_STEP
        message.padding = bytes(room)
        return encode(message)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frame:
        """Read a frame, refusing every encoding but the canonical one.

        Raises:
            Malformed: The bytes are not the canonical form of a frame.
        """
        message = parse(coordinator_pb2.Frame, data, limit=FRAME_BYTES_MAX)
        check(message.kind in {*Kind}, "kind")
        check(message.status in _STATUSES, "status")
        frame = cls(
            kind=Kind(message.kind),
            id=message.id,
            method=message.method,
            status=_STATUSES[message.status],
            payload=message.payload,
        )
        check(frame.to_bytes() == data, "encoding")
        return frame


def end(number: int, ending: bytes | Status) -> Frame:
    """Say how a call ended."""
    if isinstance(ending, Status):
        return Frame(kind=Kind.END, id=number, status=ending)
    return Frame(kind=Kind.END, id=number, payload=ending)


PING: Final = Frame(kind=Kind.PING)
PONG: Final = Frame(kind=Kind.PONG)
LEAVE: Final = Frame(kind=Kind.LEAVE)


def fingerprint(chain: bytes) -> bytes:
    """Give the SHA-256 of the certificate that a chain in PEM begins with."""
    return x509.load_pem_x509_certificate(chain).fingerprint(hashes.SHA256())


def prove(identity: mtls.Identity, *, nonce: bytes, dialled_with: bytes) -> bytes:
    """Show, to one node on one link, that we hold our certificate's key.

    The transport compares the certificate's name and authority only, and does not
    hand it over. So it is shown again, signed together with the certificate the node
    dialled with: what is signed for one node is of no use on a link of another.

    Args:
        identity: Our own.
        nonce: What the node sent, 32 bytes.
        dialled_with: SHA-256 of the node's certificate as the transport saw it.
    """
    key = load_pem_private_key(identity.key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateRefused(
            "The coordinator's key is of a kind this system does not use; make it "
            "again with `cmpp authority renew`."
        )
    certificate = x509.load_pem_x509_certificate(identity.chain)
    said = _PROOF_DOMAIN + nonce + dialled_with
    proof = coordinator_pb2.LinkProof(
        certificate=certificate.public_bytes(Encoding.DER),
        signature=key.sign(said, ec.ECDSA(hashes.SHA256())),
    )
    return encode(proof)


def proved(data: bytes, *, nonce: bytes, dialled_with: bytes) -> x509.Certificate:
    """Give the certificate whose key signed for this link; its name is not checked.

    Raises:
        Malformed: The bytes are not a proof.
        CertificateRefused: Somebody else's key signed, or for another link.
    """
    message = parse(coordinator_pb2.LinkProof, data)
    check(0 < len(message.signature) <= _SIGNATURE_BYTES_MAX, "signature")
    said = _PROOF_DOMAIN + nonce + dialled_with
    try:
        certificate = x509.load_der_x509_certificate(message.certificate)
        key = certificate.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(message.signature, said, ec.ECDSA(hashes.SHA256()))
            return certificate
    except (ValueError, InvalidSignature):
        pass
    raise CertificateRefused(
        "Whoever answers at the coordinator's address does not hold the key of the "
        "certificate it shows; check coordinator_address."
    )


class Beat(Enum):
    """List what a look at a link can call for."""

    NOTHING = "nothing"
    PING = "ping"
    DEAD = "dead"


_PING_SECONDS: Final = {True: 1.0, False: 5.0}
_SILENT_SECONDS: Final = {True: 4.0, False: 10.0}
_STALL_SECONDS: Final = 2.0


class Pulse:
    """Tell from what was heard, and when, whether the other end is still there.

    All moments are on the monotonic clock.
    """

    def __init__(self, now: float) -> None:
        """Begin with a link that was just opened."""
        self._heard = self._looked = self._since = now
        self._pinged = float("-inf")
        self._busy = False

    def heard(self, now: float) -> None:
        """Note that a frame arrived, whatever it was."""
        self._heard = now

    def look(self, now: float, *, busy: bool) -> Beat:
        """Say what is due; to be called a few times a second.

        Args:
            now: This moment.
            busy: Whether somebody waits for something on this link.
        """
        # A process that was stopped itself cannot tell silence from its own sleep.
        slept = now - self._looked > _STALL_SECONDS
        if slept or (busy and not self._busy):
            self._since = now
        self._looked, self._busy = now, busy
        if now - max(self._heard, self._since) >= _SILENT_SECONDS[busy]:
            return Beat.DEAD
        if now - self._pinged >= _PING_SECONDS[busy]:
            self._pinged = now
            return Beat.PING
        return Beat.NOTHING
