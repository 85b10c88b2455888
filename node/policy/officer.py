"""The privacy officer's own key: made at the site, kept off the node, signs policies.

The node holds only the public half. Whoever seizes the node can neither widen
the policy nor pretend that the officer did.
"""

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from privacy.errors import BadConfiguration, BadSignature

KEY_FILE = "officer.key"
PUBLIC_FILE = "officer.pub"

_DOMAIN = b"cmpp.exchange policy v1\x00"
_SIGNATURE_LABEL = "cmpp-policy-v1"
_FILE_BYTES_MAX = 65_536
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def init(directory: Path, *, passphrase: bytes | None) -> Path:
    """Make the officer's key pair and return the public file, for the node.

    The directory belongs on the officer's own medium, not on the node.

    Raises:
        BadConfiguration: a key is already there; it is never overwritten.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    encryption: pem.KeySerializationEncryption = pem.NoEncryption()
    if passphrase is not None:
        encryption = pem.BestAvailableEncryption(passphrase)
    private = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, encryption)
    public = key.public_key().public_bytes(
        pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo
    )
    _write_new(directory / KEY_FILE, private, mode=0o600)
    _write_new(directory / PUBLIC_FILE, public, mode=0o644)
    return directory / PUBLIC_FILE


def load_key(path: Path, *, passphrase: bytes | None) -> Ed25519PrivateKey:
    """Open the officer's private key, for signing.

    Raises:
        BadConfiguration: others can read the file, the passphrase is wrong, or
            the file holds no Ed25519 key.
    """
    content = read_bounded(path)
    if path.stat().st_mode & _OTHERS:
        raise BadConfiguration(
            f"Other accounts can read the officer's key {path.name}; make it "
            "readable by its owner only (chmod 600) and consider it seen."
        )
    try:
        key = pem.load_pem_private_key(content, passphrase)
    except (TypeError, ValueError) as error:
        raise BadConfiguration(
            f"The officer's key {path.name} did not open; check the passphrase "
            "and that it is the file made by `cmpp-node officer init`."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadConfiguration(
            f"{path.name} is not an Ed25519 key; make one with "
            "`cmpp-node officer init`."
        )
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Read the officer's public key, as installed on the node.

    Raises:
        BadConfiguration: the file is missing or holds no Ed25519 public key.
    """
    try:
        key = pem.load_pem_public_key(read_bounded(path))
    except ValueError as error:
        raise BadConfiguration(
            f"{path.name} holds no public key; copy {PUBLIC_FILE} from the "
            "officer's medium."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadConfiguration(
            f"{path.name} is not an Ed25519 public key; copy {PUBLIC_FILE} from "
            "the officer's medium."
        )
    return key


def fingerprint(officer: Ed25519PublicKey) -> bytes:
    """Return the SHA-256 of the public key: how the ledger knows the officer."""
    return hashlib.sha256(officer.public_bytes_raw()).digest()


def sign(content: bytes, *, key: Ed25519PrivateKey) -> bytes:
    """Return the text of a signature file over the exact bytes of a policy."""
    signature = key.sign(_DOMAIN + content)
    return f"{_SIGNATURE_LABEL} {base64.b64encode(signature).decode()}\n".encode()


def verify(content: bytes, *, signature: bytes, officer: Ed25519PublicKey) -> None:
    """Believe a policy only if the officer signed exactly these bytes.

    Raises:
        BadSignature: it was edited, signed by another key, or not signed.
    """
    try:
        label, encoded = signature.decode("ascii").removesuffix("\n").split(" ")
        raw = base64.b64decode(encoded, validate=True)
        if label == _SIGNATURE_LABEL:
            officer.verify(raw, _DOMAIN + content)
            return
    except (InvalidSignature, UnicodeDecodeError, ValueError, binascii.Error):
        pass
    raise BadSignature(
        "The policy is not signed by this site's privacy officer; ask the officer "
        "to review it and run `cmpp-node policy sign`."
    )


def read_bounded(path: Path) -> bytes:
    """Read a small file whole.

    Raises:
        BadConfiguration: it cannot be read, or is too large to be what it says.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BadConfiguration(
            f"{path.name} could not be read ({error.strerror}); check that it is "
            "in place and readable."
        ) from error
    if len(content) > _FILE_BYTES_MAX:
        raise BadConfiguration(
            f"{path.name} is larger than {_FILE_BYTES_MAX} bytes; it is not the "
            "file expected here."
        )
    return content


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that must not exist yet, durably, with its final permissions."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError as error:
        raise BadConfiguration(
            f"{path.name} is already there and is never overwritten; keep it, or "
            "choose another directory."
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
