"""A key pair that backups are written for; the private half is kept off the node."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)

from privacy.errors import BadConfiguration
from proto import keys

PRIVATE: Final = "backup.key"
PUBLIC: Final = "backup.pub"


def make(directory: Path, *, passphrase: str | None) -> Path:
    """Make a pair, and return the public half's file.

    Raises:
        BadConfiguration: one is there already; it is never overwritten.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    encryption: pem.KeySerializationEncryption = pem.NoEncryption()
    if passphrase is not None:
        encryption = pem.BestAvailableEncryption(passphrase.encode("utf-8"))
    key = X25519PrivateKey.generate()
    private = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, encryption)
    shown = key.public_key().public_bytes(
        pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo
    )
    keys.write_new(directory / PRIVATE, private, mode=0o600)
    keys.write_new(directory / PUBLIC, shown, mode=0o644)
    return directory / PUBLIC


def public(path: Path) -> X25519PublicKey:
    """Read whom a backup is written for.

    Raises:
        BadConfiguration: the file holds no such key.
    """
    try:
        key = pem.load_pem_public_key(keys.read_bounded(path))
    except ValueError:
        key = None
    if not isinstance(key, X25519PublicKey):
        raise BadConfiguration(
            f"{path.name} is not the public half of a backup key; copy {PUBLIC} from "
            "where `cmpp-node key recipient` made it."
        )
    return key


def private(path: Path, *, passphrase: str | None) -> X25519PrivateKey:
    """Open the private half.

    Raises:
        BadConfiguration: the passphrase is wrong or the file holds no such key.
    """
    words = None if passphrase is None else passphrase.encode("utf-8")
    try:
        key = pem.load_pem_private_key(keys.read_bounded(path), words)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, X25519PrivateKey):
        raise BadConfiguration(
            f"{path.name} does not open: the passphrase is another's, or it is not a "
            "backup key; bring the right one."
        )
    return key
