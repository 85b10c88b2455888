"""Keep a process's key and certificate on its own disk, and nowhere else.

The key is made here and never leaves; what travels is a signing request, of
which the authority uses the public key only.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from privacy.errors import BadConfiguration, CertificateRefused
from proto.mtls import Identity

KEY_FILE: Final = "key.pem"
CERTIFICATE_FILE: Final = "certificate.pem"
AUTHORITY_FILE: Final = "authority.pem"


def create_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Make a key in a file that only its owner can read.

    Raises:
        BadConfiguration: A key is already there; it is never overwritten.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadConfiguration(
            f"{path.name} already holds a key, which is never overwritten; move it "
            "away first if it is to be replaced."
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return key


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a key, unless somebody else could have read it too.

    Raises:
        BadConfiguration: The key is missing, readable by others, or of a kind
            this system does not use.
    """
    key = load_pem_private_key(_private_bytes(path), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadConfiguration(
            f"{path.name} is not an elliptic-curve key; make a new one."
        )
    return key


def signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Ask for a certificate on a key: PKCS 10 in DER, with an empty name."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def install(directory: Path, *, leaf: bytes, authority: bytes) -> None:
    """Put a certificate beside the key it was issued for, in one step.

    Args:
        directory: Where the key is.
        leaf: The certificate in DER.
        authority: The authority's certificate in PEM.

    Raises:
        CertificateRefused: It is for another key or of another authority.
    """
    key = read_key(directory / KEY_FILE)
    certificate = x509.load_der_x509_certificate(leaf)
    if _public(certificate.public_key()) != _public(key.public_key()):
        raise CertificateRefused("The certificate is for another key; join again.")
    chain = certificate.public_bytes(Encoding.PEM) + authority
    _replace(directory / AUTHORITY_FILE, authority)
    _replace(directory / CERTIFICATE_FILE, chain)


def load(directory: Path) -> Identity:
    """Read the key, the certificate and the authority of this process.

    Raises:
        BadConfiguration: A file is missing, or the key is readable by others.
    """
    return Identity(
        key=_private_bytes(directory / KEY_FILE),
        chain=_bytes(directory / CERTIFICATE_FILE),
        authority=_bytes(directory / AUTHORITY_FILE),
    )


def left(directory: Path, *, now: datetime) -> timedelta:
    """Say how long the certificate is still good; negative once it is not."""
    leaf = x509.load_pem_x509_certificate(_bytes(directory / CERTIFICATE_FILE))
    return leaf.not_valid_after_utc - now


def _private_bytes(path: Path) -> bytes:
    data = _bytes(path)
    if path.stat().st_mode & 0o077:
        raise BadConfiguration(
            f"{path.name} can be read by others on this machine, so it may have "
            "been copied; make a new key and join again (chmod 600 keeps it private)."
        )
    return data


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadConfiguration(
            f"{path.name} cannot be read from {path.parent}; join first, or check "
            "the configured directory."
        ) from error


def _public(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
