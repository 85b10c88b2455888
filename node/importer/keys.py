"""The encrypted file that holds which random id stands for which case number.

The file must outlive every import. If it were lost, a new one would give every
household a new id, and the register would count each of them a second time; so a
missing file is an error, never an empty one.
"""

import secrets
from pathlib import Path
from typing import Final

from node import envelope
from node.importer.keymap import SECRET_BYTES, KeyMap
from node.secret import KEY_BYTES, Secret
from privacy.errors import BadConfiguration, Corrupt
from proto import disk

__all__ = ["KeyMap", "KeyStore"]

_MAGIC: Final = b"CMPP keys 2\n"
OPENS: Final = "key map"


class KeyStore:
    """The encrypted file of a site's key map, and where its key is kept."""

    __slots__ = ("_file", "_key")

    def __init__(self, file: Path, *, key_file: Path | Secret) -> None:
        """Name the file and its key; `create` makes them."""
        self._file = file
        self._key = _secret(key_file)

    def __repr__(self) -> str:
        """Show no path: a path can hold a site's own names."""
        return "KeyStore()"

    @classmethod
    def create(cls, file: Path, *, key_file: Path | Secret) -> "KeyStore":
        """Make an empty key map and its key, both for their owner only.

        Raises:
            BadConfiguration: either is there already, or cannot be written.
        """
        store = cls(file, key_file=key_file)
        if file.exists():
            raise BadConfiguration(
                "The key map is already there and is never overwritten; keep it, or "
                "choose another folder."
            )
        _secret(key_file).create()
        store.save(KeyMap(secrets.token_bytes(SECRET_BYTES)))
        return store

    def load(self) -> KeyMap:
        """Decrypt the map; call it while holding the record store's writer.

        Raises:
            BadConfiguration: a file is missing, or its key is open to others.
            Corrupt: the map was changed or does not belong to the key.
        """
        tried: set[bytes] = set()
        # Asked again until nothing is new: the key may change between the readings.
        while untried := [key for key in self._key.read() if key not in tried]:
            for key in untried:
                tried.add(key)
                content = self._opened(key)
                if content is not None:
                    return KeyMap(content[:SECRET_BYTES], content[SECRET_BYTES:])
        raise Corrupt(
            "The key map was changed or its key is another's, so nothing was "
            "imported; restore both."
        )

    def save(self, keys: KeyMap) -> None:
        """Replace the map in one step that survives a power cut.

        A map that forgot something gets a new key: the old one could open what a
        disk still holds of the old file.

        Save before the records that use new ids are published: an id nobody uses
        is harmless, records without their id are not.

        Raises:
            BadConfiguration: the disk is full or the folder closed.
        """
        if keys.forgot and self._key.changeable:
            self.rekey(keys)
        else:
            self._save(keys)

    def rekey(self, keys: KeyMap) -> None:
        """Save the map under a new key, and destroy the old one.

        Both keys are kept until the new file is in place, so a process that dies in
        between leaves a map that opens.

        Raises:
            BadConfiguration: the key is a credential, or the disk refused.
        """
        old = self._key.read()[0]
        self._key.put([secrets.token_bytes(KEY_BYTES), old])
        self.settle(keys)

    def settle(self, keys: KeyMap) -> None:
        """Save the map under the newest key, and destroy any older one."""
        self._save(keys)
        newest, *older = self._key.read()
        if older and self._key.changeable:
            self._key.put([newest])

    @property
    def file(self) -> Path:
        """The encrypted file."""
        return self._file

    @property
    def key(self) -> Secret:
        """Where its key is kept."""
        return self._key

    def _save(self, keys: KeyMap) -> None:
        """Write the file under the newest key."""
        newest = self._key.read()[0]
        fresh = self._file.with_suffix(f"{self._file.suffix}.new")
        sealed = envelope.seal(keys.payload(), key=newest, label=_MAGIC)
        try:
            fresh.unlink(missing_ok=True)
            disk.create(fresh, (_MAGIC, *sealed))
            fresh.replace(self._file)
            disk.sync(self._file.parent)
        except OSError as error:
            raise BadConfiguration(
                f"The key map could not be written ({error.strerror}), so nothing was "
                "imported; check the disk and try again."
            ) from None

    def _opened(self, key: bytes) -> bytes | None:
        """Return what the file holds, or None if it is not this key's."""
        try:
            with self._file.open("rb") as file:
                if file.read(len(_MAGIC)) != _MAGIC:
                    return None
                parts = envelope.unseal(file, key=key, label=_MAGIC)
                content = b"".join(parts)
        except envelope.Broken:
            return None
        except OSError:
            raise BadConfiguration(
                "The key map cannot be read, and an empty one would count everybody "
                "twice; restore it from where it is kept."
            ) from None
        return content if len(content) >= SECRET_BYTES else None


def _secret(key: Path | Secret) -> Secret:
    """Take a bare path for a key that is kept in a file."""
    return Secret.file(key, opens=OPENS) if isinstance(key, Path) else key
