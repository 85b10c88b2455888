"""Carry a site's invitation, and redeem it for a certificate once.

An invitation is one line of text. It holds the authority's whole certificate, so
the site trusts what its operator was handed and nothing it meets on the network.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from privacy.chain import injective
from privacy.errors import (
    BadConfiguration,
    CertificateRefused,
    InvalidQuery,
    Untrusted,
)
from privacy.signing import KEY_BYTES, Signature, holds
from proto import mtls
from proto.canonical import check, encode, parse
from proto.client import call
from proto.cmpp.v1 import coordinator_pb2

TOKEN_BYTES: Final = 32
SIGNING_REQUEST_BYTES_MAX: Final = 4096
_SERVICE: Final = coordinator_pb2.DESCRIPTOR.services_by_name["Coordinator"].full_name
JOIN: Final = f"/{_SERVICE}/Join"

_PREFIX: Final = "cmpp-invitation-1."
_TEXT_MAX: Final = 8192
_ADDRESS = re.compile(r"[A-Za-z0-9.-]{1,253}:[0-9]{1,5}", re.ASCII)
_SITE = re.compile(r"[A-Z][A-Z0-9]{1,15}", re.ASCII)
_CALL_SECONDS: Final = 30.0
_PROOF_DOMAIN: Final = b"cmpp.exchange join v1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Hold what a site needs to join: where, with what token, trusting whom.

    Attributes:
        site: The site the token was made for.
        address: Where the coordinator's Join door listens.
        token: 32 random bytes that work once; not printed.
        authority: DER of the authority's certificate.
        link: Where sites dial in and renew; empty if that is nowhere.
    """

    site: str
    address: str
    token: bytes = field(repr=False)
    authority: bytes = field(repr=False)
    link: str = ""

    def __post_init__(self) -> None:
        """Check every part.

        Raises:
            BadConfiguration: The invitation was not copied whole.
        """
        whole = (
            _SITE.fullmatch(self.site) is not None
            and _ADDRESS.fullmatch(self.address) is not None
            and (not self.link or _ADDRESS.fullmatch(self.link) is not None)
            and len(self.token) == TOKEN_BYTES
        )
        try:
            x509.load_der_x509_certificate(self.authority)
        except ValueError:
            whole = False
        if not whole:
            raise BadConfiguration(_NOT_WHOLE)

    @property
    def fingerprint(self) -> str:
        """Give the authority's fingerprint, to be compared by telephone."""
        certificate = x509.load_der_x509_certificate(self.authority)
        return certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def authority_pem(self) -> bytes:
        """Give the authority's certificate as PEM."""
        certificate = x509.load_der_x509_certificate(self.authority)
        return certificate.public_bytes(Encoding.PEM)

    def text(self) -> str:
        """Write the invitation as one line that can be copied and pasted."""
        parts = {
            "site": self.site,
            "address": self.address,
            "token": base64.b64encode(self.token).decode("ascii"),
            "authority": base64.b64encode(self.authority).decode("ascii"),
        }
        if self.link:
            parts["link"] = self.link
        packed = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return _PREFIX + base64.urlsafe_b64encode(packed.encode("ascii")).decode()

    @classmethod
    def from_text(cls, text: str) -> Invitation:
        """Read an invitation, ignoring the line breaks that mail inserts.

        Raises:
            BadConfiguration: The text is not a whole invitation.
        """
        joined = "".join(text.split())
        try:
            if len(joined) > _TEXT_MAX or not joined.startswith(_PREFIX):
                raise BadConfiguration(_NOT_WHOLE)
            packed = base64.b64decode(
                joined.removeprefix(_PREFIX), altchars=b"-_", validate=True
            )
            parts = json.loads(packed)
            return cls(
                site=parts["site"],
                address=parts["address"],
                token=base64.b64decode(parts["token"], validate=True),
                authority=base64.b64decode(parts["authority"], validate=True),
                link=parts.get("link", ""),
            )
        except (binascii.Error, KeyError, TypeError, ValueError) as error:
            raise BadConfiguration(_NOT_WHOLE) from error


_NOT_WHOLE: Final = (
    "This is not a whole invitation; copy the line the coordinator printed, from "
    f"'{_PREFIX}' to its end."
)


def spoken(fingerprint: str) -> tuple[str, ...]:
    """Lay a fingerprint out to be read out: four lines of four groups of four."""
    groups = [fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4)]
    return tuple("  ".join(groups[at : at + 4]) for at in range(0, len(groups), 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """Hold what a site sends when it joins: its token and its public keys.

    Attributes:
        token: The invitation's; not printed.
        signing_request: PKCS 10 in DER, for the certificate.
        statement_key: Ed25519, for the roster, 32 bytes.
        masking_key: X25519, for the roster, 32 bytes.
    """

    token: bytes = field(repr=False)
    signing_request: bytes = field(repr=False)
    statement_key: bytes
    masking_key: bytes

    def __post_init__(self) -> None:
        """Check every part's size."""
        check(len(self.token) == TOKEN_BYTES, "token")
        check(
            0 < len(self.signing_request) <= SIGNING_REQUEST_BYTES_MAX,
            "signing_request",
        )
        check(len(self.statement_key) == KEY_BYTES, "statement_key")
        check(len(self.masking_key) == KEY_BYTES, "masking_key")

    @property
    def proved(self) -> bytes:
        """What the statement key signs, to show that the site holds it."""
        parts = (self.token, self.signing_request, self.statement_key, self.masking_key)
        return _PROOF_DOMAIN + injective(*parts)


def redeem(
    invitation: Invitation,
    *,
    signing_request: bytes,
    statement: Ed25519PrivateKey,
    masking_key: bytes,
    proxy: str | None = None,
) -> bytes:
    """Exchange an invitation for the certificate of a key, in DER.

    The keys for the roster go with it; the statement key signs for all of them. The
    same keys may be sent again with the same invitation, and get the same certificate.

    The coordinator must show a certificate of the invitation's own authority.

    Raises:
        Unreachable: The coordinator did not answer.
        Untrusted: The token was used, is too old, or was never made.
        CertificateRefused: Somebody else answers at the coordinator's address.
    """
    message = _join_request(invitation.token, signing_request, statement, masking_key)
    with mtls.channel(
        invitation.address,
        peer_dns=mtls.COORDINATOR_DNS,
        authority=invitation.authority_pem,
        proxy=proxy,
    ) as channel:
        try:
            data = call(
                channel,
                JOIN,
                encode(message),
                timeout=_CALL_SECONDS,
                peer="coordinator",
            )
        except CertificateRefused:
            raise
        except (InvalidQuery, Untrusted) as error:
            raise Untrusted(
                "The coordinator does not accept this invitation: it was used, is "
                "too old, or was never made; ask for a new one."
            ) from error
    certificate = parse(coordinator_pb2.Certificate, data)
    return certificate.leaf


def _join_request(
    token: bytes,
    signing_request: bytes,
    statement: Ed25519PrivateKey,
    masking_key: bytes,
) -> coordinator_pb2.JoinRequest:
    """Write what a site sends when it joins, signed with its statement key."""
    joining = Joining(
        token=token,
        signing_request=signing_request,
        statement_key=statement.public_key().public_bytes_raw(),
        masking_key=masking_key,
    )
    return coordinator_pb2.JoinRequest(
        token=joining.token,
        signing_request=joining.signing_request,
        statement_key=joining.statement_key,
        masking_key=joining.masking_key,
        proof=statement.sign(joining.proved),
    )


def read_join(data: bytes) -> Joining:
    """Read what a site sends when it joins.

    Raises:
        Malformed: The bytes are not its canonical form, or the proof does not hold.
    """
    message = parse(coordinator_pb2.JoinRequest, data)
    joining = Joining(
        token=message.token,
        signing_request=message.signing_request,
        statement_key=message.statement_key,
        masking_key=message.masking_key,
    )
    proof = Signature(joining.statement_key, message.proof)
    check(holds(proof, joining.proved), "proof")
    return joining


def write_certificate(leaf: bytes) -> bytes:
    """Write the reply to a Join call."""
    return encode(coordinator_pb2.Certificate(leaf=leaf))
