"""Keep a process's key and certificate on its own disk, and nowhere else.

The key is made here and never leaves; what travels is a signing request, of
which the authority uses the public key only.

The certificate's file says in its first line which key file it goes with, and holds
the authority's certificate too. So a new key with its certificate comes into use in
one step, when that file is replaced: before it the old pair is whole, after it the
new one.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
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
from proto import disk
from proto.mtls import Identity

KEY_FILE: Final = "key.pem"
CERTIFICATE_FILE: Final = "certificate.pem"
AUTHORITY_FILE: Final = "authority.pem"
NEXT_FILE: Final = "next-key.txt"

_FRESH_KEY: Final = "key-{mark}.pem"
_KEY_NAME: Final = re.compile(r"key(-[0-9a-f]{16})?\.pem", re.ASCII)
_KEY_LINE: Final = re.compile(rb"key file: (\S{1,64})\n")
_MARK_BYTES: Final = 8
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_END: Final = b"-----END CERTIFICATE-----\n"


def create_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Make a key in a file that only its owner can read.

    Raises:
        BadConfiguration: A key is already there; it is never overwritten.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    forget_unfinished(path)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        disk.create(path, [pem])
    except FileExistsError as error:
        raise BadConfiguration(
            f"{path.name} already holds a key, which is never overwritten; move it "
            "away first if it is to be replaced."
        ) from error
    return key


def forget_unfinished(path: Path) -> None:
    """Delete a key file into which nothing was written before a crash."""
    if path.exists() and path.stat().st_size == 0:
        path.unlink()


def next_key(directory: Path) -> Path:
    """Give the file of the key for the next certificate, beside the one in use.

    One that was made before and has no certificate yet is given again, so that a
    reply that was lost can be fetched.
    """
    note = directory / NEXT_FILE
    name = note.read_text("ascii", "replace") if note.exists() else ""
    path = directory / name
    if _KEY_NAME.fullmatch(name) and path != key_path(directory) and path.exists():
        return path
    path = directory / _FRESH_KEY.format(mark=secrets.token_hex(_MARK_BYTES))
    create_key(path)
    replace(note, path.name.encode("ascii"))
    return path


def key_path(directory: Path) -> Path:
    """Say which key file goes with the certificate in use, or with the first one."""
    path = directory / CERTIFICATE_FILE
    return directory / _key_name(path.read_bytes() if path.exists() else b"")


def key_files(directory: Path) -> tuple[Path, ...]:
    """List every key file of certificates here, in use or not."""
    listed = directory.iterdir() if directory.is_dir() else ()
    return tuple(sorted(path for path in listed if _KEY_NAME.fullmatch(path.name)))


def forget_other_keys(directory: Path) -> None:
    """Delete the keys that no certificate in use goes with."""
    used = key_path(directory)
    (directory / NEXT_FILE).unlink(missing_ok=True)
    for path in key_files(directory):
        if path != used:
            path.unlink(missing_ok=True)
    disk.sync(directory)


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a key, unless somebody else could have read it too.

    Raises:
        BadConfiguration: The key is missing, readable by others, or of a kind
            this system does not use.
    """
    try:
        key = load_pem_private_key(_read_private(path), password=None)
    except FileNotFoundError as error:
        raise _unread(path) from error
    except ValueError as error:
        raise BadConfiguration(
            f"{path.name} is damaged; restore it, or move it away and join again."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadConfiguration(
            f"{path.name} is not an elliptic-curve key; make a new one."
        )
    return key


def signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Ask for a certificate on a key: PKCS 10 in DER, with an empty name."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def install(
    directory: Path, *, leaf: bytes, authority: bytes, key_file: Path | None = None
) -> None:
    """Put a certificate into use with the key it was issued for, in one step.

    Args:
        directory: Where the keys are.
        leaf: The certificate in DER.
        authority: The authority's certificate in PEM.
        key_file: Its key; the one in use, or the first one, if it is not named.

    Raises:
        CertificateRefused: It is for another key or of another authority.
    """
    path = key_file or key_path(directory)
    key = read_key(path)
    certificate = x509.load_der_x509_certificate(leaf)
    if _public(certificate.public_key()) != _public(key.public_key()):
        raise CertificateRefused("The certificate is for another key; join again.")
    chain = certificate.public_bytes(Encoding.PEM) + authority
    replace(directory / CERTIFICATE_FILE, f"key file: {path.name}\n".encode() + chain)
    # For people and for those who check by hand; what is used is in the chain.
    replace(directory / AUTHORITY_FILE, authority)


def load(directory: Path) -> Identity:
    """Read the key, the certificate and the authority of this process.

    Raises:
        BadConfiguration: A file is missing, or the key is readable by others.
    """
    text = before = _bytes(directory / CERTIFICATE_FILE)
    while True:
        path = directory / _key_name(text)
        try:
            return Identity(
                key=_read_private(path),
                chain=_chain(text),
                authority=_authority(directory, text),
            )
        except FileNotFoundError as error:
            # Another process may have renewed the pair between the two readings.
            before, text = text, _bytes(directory / CERTIFICATE_FILE)
            if text == before:
                raise _unread(path) from error


def authority(directory: Path) -> bytes:
    """Read the authority's certificate in PEM; the key is not touched.

    Raises:
        BadConfiguration: A file is missing.
    """
    return _authority(directory, _bytes(directory / CERTIFICATE_FILE))


def certificate(directory: Path) -> x509.Certificate:
    """Read the certificate in use.

    Raises:
        BadConfiguration: There is none, or the file is damaged.
    """
    path = directory / CERTIFICATE_FILE
    try:
        return x509.load_pem_x509_certificate(_bytes(path))
    except ValueError as error:
        raise BadConfiguration(
            f"{path.name} holds no certificate; restore it, or join again."
        ) from error


def left(directory: Path, *, now: datetime) -> timedelta:
    """Say how long the certificate is still good; negative once it is not."""
    return certificate(directory).not_valid_after_utc - now


def _key_name(text: bytes) -> str:
    """Read from the certificate's file which key file it goes with."""
    found = _KEY_LINE.match(text)
    name = found[1].decode("ascii", "replace") if found else KEY_FILE
    if not _KEY_NAME.fullmatch(name):
        raise BadConfiguration(
            f"{CERTIFICATE_FILE} names a key file that this program does not make; "
            "restore it, or join again."
        )
    return name


def _chain(text: bytes) -> bytes:
    """Take the certificates out of the certificate's file, ours first."""
    return text[max(text.find(_BEGIN), 0) :]


def _authority(directory: Path, text: bytes) -> bytes:
    """Take the authority's certificates, which follow ours in its file."""
    _, _, following = _chain(text).partition(_END)
    return following or _bytes(directory / AUTHORITY_FILE)


def _read_private(path: Path) -> bytes:
    """Read a key file that only its owner can read.

    Raises:
        FileNotFoundError: There is none.
        BadConfiguration: Others can read it, or we cannot.
    """
    try:
        with path.open("rb") as file:
            shared = os.fstat(file.fileno()).st_mode & _OTHERS
            data = file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unread(path) from error
    if shared:
        raise BadConfiguration(
            f"{path.name} can be read by others on this machine, so it may have "
            "been copied; make a new key and join again (chmod 600 keeps it private)."
        )
    return data


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unread(path) from error


def _unread(path: Path) -> BadConfiguration:
    return BadConfiguration(
        f"{path.name} cannot be read from {path.parent}; join first, or check the "
        "configured directory."
    )


def _public(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def replace(path: Path, data: bytes) -> None:
    """Write a file in one step, so that a crash leaves the old one or the new one."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    disk.sync(path.parent)
