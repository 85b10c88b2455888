"""Which random id stands for which case number: one encrypted file at the site.

The file must outlive every import. If it were lost, a new one would give every
household a new id, and the register would count each of them a second time; so a
missing file is an error, never an empty one.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.errors import BadConfiguration, Corrupt

_MAGIC: Final = b"CMPP keys 1\n"
_ID_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_SECRET_BYTES: Final = 32
_ENTRY_BYTES: Final = 2 * _ID_BYTES


class KeyMap:
    """Random ids by case or person number; it holds neither, only keyed digests.

    A digest cannot be turned back without the secret inside the encrypted file, so
    even the opened map lists nobody.
    """

    __slots__ = ("_ids", "_secret")

    def __init__(self, secret: bytes, ids: dict[bytes, bytes]) -> None:
        """Wrap a map that `KeyStore` read."""
        self._secret = secret
        self._ids = ids

    def __repr__(self) -> str:
        """Show nothing of what it holds."""
        return "KeyMap()"

    def household(self, source: str) -> str:
        """Return the id of a case number, a new random one if it has none."""
        return self._id(b"household", source)

    def person(self, source: str) -> str:
        """Return the id of a person number, a new random one if it has none."""
        return self._id(b"person", source)

    def payload(self) -> bytes:
        """Return what the encrypted file holds."""
        entries = (digest + own for digest, own in self._ids.items())
        return b"".join((self._secret, *entries))

    def _id(self, kind: bytes, source: str) -> str:
        """Look up, or draw, the id of one source key."""
        digest = hashlib.blake2b(
            source.encode("utf-8", "surrogatepass"),
            digest_size=_ID_BYTES,
            key=self._secret,
            person=kind,
        ).digest()
        own = self._ids.get(digest)
        if own is None:
            own = self._ids[digest] = secrets.token_bytes(_ID_BYTES)
        return own.hex()


class KeyStore:
    """The encrypted file of a site's key map, and the file of its key."""

    __slots__ = ("_file", "_key_file")

    def __init__(self, file: Path, *, key_file: Path) -> None:
        """Name the two files; `create` makes them."""
        self._file = file
        self._key_file = key_file

    def __repr__(self) -> str:
        """Show no path: a path can hold a site's own names."""
        return "KeyStore()"

    @classmethod
    def create(cls, file: Path, *, key_file: Path) -> "KeyStore":
        """Make an empty key map and its key, both for their owner only.

        Raises:
            BadConfiguration: either is there already, or cannot be written.
        """
        store = cls(file, key_file=key_file)
        if file.exists():
            raise _already_there()
        try:
            with _private(key_file) as handle:
                _write(handle, secrets.token_bytes(_SECRET_BYTES).hex().encode())
        except FileExistsError:
            raise _already_there() from None
        except OSError as error:
            raise BadConfiguration(
                f"The key map could not be made ({error.strerror}); check the folder."
            ) from None
        store.save(KeyMap(secrets.token_bytes(_SECRET_BYTES), {}))
        return store

    def load(self) -> KeyMap:
        """Decrypt the map; call it while holding the record store's writer.

        Raises:
            BadConfiguration: a file is missing, or its key is open to others.
            Corrupt: the map was changed or does not belong to the key.
        """
        cipher = AESGCM(self._key())
        try:
            content = self._file.read_bytes()
        except OSError:
            raise BadConfiguration(
                "The key map cannot be read, and an empty one would count everybody "
                "twice; restore it from where it is kept."
            ) from None
        start = len(_MAGIC) + _NONCE_BYTES
        nonce, sealed = content[len(_MAGIC) : start], content[start:]
        try:
            payload = cipher.decrypt(nonce, sealed, _MAGIC)
        except (InvalidTag, ValueError):
            payload = b""
        secret, entries = payload[:_SECRET_BYTES], payload[_SECRET_BYTES:]
        if (
            not content.startswith(_MAGIC)
            or len(secret) != _SECRET_BYTES
            or len(entries) % _ENTRY_BYTES
        ):
            raise Corrupt(
                "The key map was changed or its key is another's, so nothing was "
                "imported; restore both."
            )
        ids = {
            entries[at : at + _ID_BYTES]: entries[at + _ID_BYTES : at + _ENTRY_BYTES]
            for at in range(0, len(entries), _ENTRY_BYTES)
        }
        return KeyMap(secret, ids)

    def save(self, keys: KeyMap) -> None:
        """Replace the map in one step that survives a power cut.

        Save before the records that use new ids are published: an id nobody uses
        is harmless, records without their id are not.

        Raises:
            BadConfiguration: the disk is full or the folder closed.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._key()).encrypt(nonce, keys.payload(), _MAGIC)
        fresh = self._file.with_suffix(f"{self._file.suffix}.new")
        try:
            fresh.unlink(missing_ok=True)
            with _private(fresh) as handle:
                _write(handle, _MAGIC + nonce + sealed)
            fresh.replace(self._file)
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise BadConfiguration(
                f"The key map could not be written ({error.strerror}), so nothing was "
                "imported; check the disk and try again."
            ) from None

    def _key(self) -> bytes:
        """Return the key, from a file nobody else can read."""
        try:
            if stat.S_IMODE(self._key_file.stat().st_mode) & 0o077:
                raise BadConfiguration(
                    "The key map's key must be a file only its owner can read; run "
                    "chmod 600 on it."
                )
            key = bytes.fromhex(self._key_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            key = b""
        if len(key) != _SECRET_BYTES:
            raise BadConfiguration(
                "The key map's key cannot be read; restore it from where it is kept."
            )
        return key


def _already_there() -> BadConfiguration:
    """Say that a map is never overwritten."""
    return BadConfiguration(
        "The key map or its key is there already and is never overwritten; keep it, "
        "or choose another folder."
    )


@contextlib.contextmanager
def _private(path: Path) -> Iterator[int]:
    """Yield a new file only its owner can read."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _write(handle: int, content: bytes) -> None:
    """Write everything and put it on disk."""
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]
    os.fsync(handle)
