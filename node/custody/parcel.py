"""One encrypted file that holds many: how a backup is written and read.

Whoever writes needs a passphrase, or only the public half of a key that is kept off
the node. Every byte is authenticated, the header too, and so is where it ends.

Source: RFC 7914 (scrypt), RFC 7748 (X25519); `node.envelope` for the stream.
"""

import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from node import envelope
from privacy.errors import BadConfiguration, Corrupt

_MAGIC: Final = b"CMPP backup 1\n"
_PASSPHRASE, _RECIPIENT = b"P", b"R"
_SALT_BYTES: Final = 32
_NAME_BYTES_MAX: Final = 1024
_MEMBER: Final = struct.Struct(">HQ")
_LENGTH_MIN: Final = 12

Lock = str | X25519PublicKey
"""A passphrase, or the public half of a recipient's key."""


@dataclass(frozen=True, slots=True, repr=False)
class Member:
    """One file in a parcel.

    Attributes:
        name: What it is, as its reader knows it.
        size: Its length in bytes.
        parts: Its content.
    """

    name: str
    size: int
    parts: Iterable[bytes]

    def __repr__(self) -> str:
        """Show no content."""
        return f"Member({self.name})"


def write(file: BinaryIO, members: Iterable[Member], *, lock: Lock) -> None:
    """Write members as one encrypted stream.

    Raises:
        BadConfiguration: the passphrase is too short.
        Corrupt: a member turned out longer or shorter than it said.
        OSError: the disk refused.
    """
    header, key = _locked(lock)
    file.write(_MAGIC + header)
    file.writelines(envelope.seal(_flow(members), key=key, label=_MAGIC + header))


def read(
    file: BinaryIO, *, passphrase: str | None, key: X25519PrivateKey | None
) -> Iterator[Member]:
    """Yield members; each must be read whole before the next is asked for.

    Nothing is genuine as a whole before the last one has been read.

    Raises:
        BadConfiguration: it is no backup, or takes the other kind of key.
        Corrupt: the passphrase or key is wrong, or the file was changed or cut off.
    """
    label, own = _unlocked(file, passphrase, key)
    source = _Source(envelope.unseal(file, key=own, label=label))
    try:
        while True:
            length, size = _MEMBER.unpack(source.take(_MEMBER.size))
            if not length:
                source.end()
                return
            if length > _NAME_BYTES_MAX:
                raise _broken()
            name = source.take(length).decode("utf-8")
            yield Member(name, size, source.parts(size))
    except (envelope.Broken, UnicodeError):
        raise _broken() from None


class _Source:
    """Bytes that arrive in pieces, taken in other lengths."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Begin before the first piece."""
        self._pieces = pieces
        self._waiting = b""

    def take(self, length: int) -> bytes:
        """Return so many bytes."""
        return b"".join(self.parts(length))

    def parts(self, length: int) -> Iterator[bytes]:
        """Yield so many bytes, as they come.

        Raises:
            Corrupt: there are not so many.
        """
        try:
            while length:
                if not self._waiting:
                    self._waiting = next(self._pieces)
                part, self._waiting = self._waiting[:length], self._waiting[length:]
                length -= len(part)
                yield part
        except (envelope.Broken, StopIteration):
            raise _broken() from None

    def end(self) -> None:
        """Prove that nothing follows.

        Raises:
            Corrupt: something does.
        """
        if self._waiting or any(self._pieces):
            raise _broken()


def _flow(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield members one after the other, each after its name and length."""
    for member in members:
        name = member.name.encode("utf-8")
        yield _MEMBER.pack(len(name), member.size) + name
        written = 0
        for part in member.parts:
            written += len(part)
            yield part
        if written != member.size:
            raise Corrupt(
                f"{member.name} changed while it was copied, so the backup was given "
                "up; run the command again."
            )
    yield _MEMBER.pack(0, 0)


def _locked(lock: Lock) -> tuple[bytes, bytes]:
    """Return the header and the key of a new parcel."""
    salt = secrets.token_bytes(_SALT_BYTES)
    if isinstance(lock, str):
        if len(lock) < _LENGTH_MIN:
            raise BadConfiguration(
                f"A backup's passphrase has {_LENGTH_MIN} characters or more, because "
                "whoever finds the file can try without end; choose a longer one."
            )
        return _PASSPHRASE + salt, _stretched(lock, salt)
    once = X25519PrivateKey.generate()
    header = _RECIPIENT + once.public_key().public_bytes_raw()
    shared = once.exchange(lock)
    return header, _agreed(shared, header, lock.public_bytes_raw())


def _unlocked(
    file: BinaryIO, passphrase: str | None, key: X25519PrivateKey | None
) -> tuple[bytes, bytes]:
    """Return the label and the key of a parcel that is there."""
    magic, header = file.read(len(_MAGIC)), file.read(1 + _SALT_BYTES)
    if magic != _MAGIC or len(header) != 1 + _SALT_BYTES:
        raise BadConfiguration(
            "This file is no backup of a site; name the file that `cmpp-node backup` "
            "wrote."
        )
    kind, rest = header[:1], header[1:]
    if kind == _PASSPHRASE and passphrase is not None:
        return magic + header, _stretched(passphrase, rest)
    if kind == _RECIPIENT and key is not None:
        try:
            shared = key.exchange(X25519PublicKey.from_public_bytes(rest))
        except ValueError:
            raise _broken() from None
        own = key.public_key().public_bytes_raw()
        return magic + header, _agreed(shared, header, own)
    needed = "a passphrase" if kind == _PASSPHRASE else "the recipient's key (--key)"
    raise BadConfiguration(f"This backup opens with {needed}; run it again with that.")


def _stretched(passphrase: str, salt: bytes) -> bytes:
    """Turn a passphrase into a key, at a cost for whoever guesses."""
    derivation = Scrypt(salt=salt, length=envelope.KEY_BYTES, n=1 << 17, r=8, p=1)
    return derivation.derive(passphrase.encode("utf-8"))


def _agreed(shared: bytes, header: bytes, recipient: bytes) -> bytes:
    """Turn what only both ends know into a key."""
    derivation = HKDF(
        algorithm=SHA256(),
        length=envelope.KEY_BYTES,
        salt=header + recipient,
        info=_MAGIC,
    )
    return derivation.derive(shared)


def _broken() -> Corrupt:
    """Say that nothing of it is to be used."""
    return Corrupt(
        "The backup does not open: the passphrase or key is another's, or the file was "
        "changed or cut off; nothing was restored."
    )
