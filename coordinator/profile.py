"""Fix what a certificate of the exchange looks like, one profile per kind.

Nothing here is chosen by the one who asks for a certificate, except its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from privacy.errors import BadConfiguration
from proto import mtls
from proto.canonical import Malformed

AUTHORITY_DAYS: Final = 3650
LEAF_DAYS_MAX: Final = 90
# Clocks differ; a certificate is good a little before it was made.
_BACKDATED: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Subject:
    """Hold the two forms of a process's name: for our checks, and for TLS."""

    uri: str
    dns: str


COORDINATOR: Final = Subject(mtls.COORDINATOR_URI, mtls.COORDINATOR_DNS)


def node(site: str) -> Subject:
    """Name a site's node."""
    return Subject(mtls.site_uri(site), mtls.site_dns(site))


def authority(key: ec.EllipticCurvePrivateKey, *, now: datetime) -> x509.Certificate:
    """Write the authority's own certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CMPP authority")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, key.public_key())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def leaf(
    public: ec.EllipticCurvePublicKey,
    *,
    subject: Subject,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    days: int,
) -> x509.Certificate:
    """Write the certificate of one process.

    Raises:
        BadConfiguration: It would be good for too long.
    """
    if not 0 < days <= LEAF_DAYS_MAX:
        raise BadConfiguration(
            f"A certificate is good for 1 to {LEAF_DAYS_MAX} days; choose so."
        )
    names = x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier(subject.uri), x509.DNSName(subject.dns)]
    )
    purposes = x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    )
    basic = x509.BasicConstraints(ca=False, path_length=None)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        _builder(issuer, x509.Name([]), public)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(basic, critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(purposes, critical=False)
        # Critical, because the subject is empty (RFC 5280, 4.2.1.6).
        .add_extension(names, critical=True)
        .add_extension(signer, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def public_key(signing_request: bytes) -> ec.EllipticCurvePublicKey:
    """Take the public key of a signing request, and nothing else of it."""
    unusable = Malformed(
        "The signing request is not one for a P-256 key; make it with cmpp-node join."
    )
    try:
        request = x509.load_der_x509_csr(signing_request)
        public = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise unusable from error
    if not isinstance(public, ec.EllipticCurvePublicKey) or not signed:
        raise unusable
    if not isinstance(public.curve, ec.SECP256R1):
        raise unusable
    return public


def _builder(
    issuer: x509.Name, subject: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
