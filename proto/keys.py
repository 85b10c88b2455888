"""Signing keys on disk: made by their owner, encrypted, never overwritten.

One kind of file for everybody who signs: board members, privacy officers, sites and
the coordinator. The private half is encrypted with a passphrase wherever a person
holds it; a process that signs by itself keeps its key unencrypted in a file that
only its own account can read.

Source: RFC 8032 (Ed25519), RFC 7748 (X25519), PKCS 8 in PEM; the passphrase goes
through the library's best available derivation.
"""

import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from privacy.errors import BadConfiguration
from proto import disk

_FILE_BYTES_MAX: Final = 1 << 20
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def init(directory: Path, *, name: str, passphrase: bytes | None) -> Path:
    """Make a signing key pair, NAME.key and NAME.pub; return the public file.

    Raises:
        BadConfiguration: a key of that name is there; it is never overwritten.
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
    write_new(directory / f"{name}.key", private, mode=0o600)
    write_new(directory / f"{name}.pub", public, mode=0o644)
    return directory / f"{name}.pub"


def load(path: Path, *, passphrase: bytes | None) -> Ed25519PrivateKey:
    """Open a private signing key.

    Raises:
        BadConfiguration: others can read the file, the passphrase is wrong, or
            the file holds no Ed25519 key.
    """
    key = _private(path, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadConfiguration(f"{path.name} is not an Ed25519 key; make a new one.")
    return key


def load_public(path: Path) -> bytes:
    """Read a public signing key, 32 bytes.

    Raises:
        BadConfiguration: the file is missing or holds no Ed25519 public key.
    """
    try:
        key = pem.load_pem_public_key(read_bounded(path))
    except ValueError as error:
        raise BadConfiguration(
            f"{path.name} holds no public key; copy the .pub file from its owner."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadConfiguration(
            f"{path.name} is not an Ed25519 public key; copy the .pub file from its "
            "owner."
        )
    return key.public_bytes_raw()


def init_masking(path: Path) -> None:
    """Make a site's X25519 key for masked sums, in a file of its own."""
    private = X25519PrivateKey.generate().private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()
    )
    write_new(path, private, mode=0o600)


def load_masking(path: Path) -> X25519PrivateKey:
    """Open a site's X25519 key.

    Raises:
        BadConfiguration: it is missing, readable by others, or of another kind.
    """
    key = _private(path, None)
    if not isinstance(key, X25519PrivateKey):
        raise BadConfiguration(f"{path.name} is not an X25519 key; make a new one.")
    return key


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


def write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that must not exist yet, durably, with its final permissions.

    Raises:
        BadConfiguration: it exists.
    """
    try:
        disk.create(path, [content], mode=mode)
    except FileExistsError as error:
        raise BadConfiguration(
            f"{path.name} is already there and is never overwritten; keep it, or "
            "choose another directory."
        ) from error


def _private(path: Path, passphrase: bytes | None) -> object:
    """Open whatever private key a file holds, unless others could read it too."""
    content = read_bounded(path)
    if path.stat().st_mode & _OTHERS:
        raise BadConfiguration(
            f"Other accounts can read the key {path.name}; make it readable by its "
            "owner only (chmod 600) and consider it seen."
        )
    try:
        return pem.load_pem_private_key(content, passphrase)
    except (TypeError, ValueError) as error:
        raise BadConfiguration(
            f"The key {path.name} did not open; check the passphrase, and that it is "
            "the file made for this purpose."
        ) from error
