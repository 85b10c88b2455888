"""Where a key is kept: a file, a systemd credential, or the system's keyring.

A key is 64 hexadecimal digits on a line. While a key is being changed there are two
lines, the newest first, and whatever is encrypted opens with one of them; so a
process that dies in between leaves everything readable. A missing key is an error:
a new one would open nothing.
"""

import os
import re
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

import keyring
from keyring.errors import KeyringError, PasswordDeleteError

from node.config import KEY_PLACE
from privacy.errors import BadConfiguration
from proto import disk

KEY_BYTES: Final = 32

_KEYS: Final = re.compile(r"[0-9a-f]{64}(\n[0-9a-f]{64})?")
_MOST_BYTES: Final = 4096
_DIRECTORY: Final = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """One place of a key, and whose key it is.

    Attributes:
        kind: How it is kept.
        place: A path, a credential's name, or a keyring's ``service/name``.
        opens: What the key opens, in words: "records" or "key map".
    """

    kind: Literal["file", "credential", "keyring"]
    place: str
    opens: str

    def __repr__(self) -> str:
        """Show no path and no name."""
        return f"Secret({self.kind})"

    @classmethod
    def file(cls, path: Path, *, opens: str) -> Self:
        """Name a key kept in a file."""
        return cls("file", str(path), opens)

    @classmethod
    def parse(cls, text: str, *, folder: Path, opens: str) -> Self:
        """Read where a key is kept, such as ``keyring:cmpp/records``.

        Raises:
            BadConfiguration: it is none of the three.
        """
        if not re.fullmatch(KEY_PLACE, text):
            raise BadConfiguration(
                f"The key of the {opens} is kept in none of the three places; write "
                "file:PATH, credential:NAME or keyring:SERVICE/NAME."
            )
        kind, _, place = text.partition(":")
        if kind == "credential":
            return cls("credential", place, opens)
        if kind == "keyring":
            return cls("keyring", place, opens)
        return cls("file", str(folder / place), opens)

    @property
    def path(self) -> Path | None:
        """The key's file, if it is kept in one of the node's own."""
        return Path(self.place) if self.kind == "file" else None

    @property
    def changeable(self) -> bool:
        """Whether this program can put another key there."""
        return self.kind != "credential"

    def exists(self) -> bool:
        """Tell whether something is there."""
        match self.kind:
            case "file":
                return Path(self.place).exists()
            case "credential":
                return self._credential().exists()
            case "keyring":
                return self._from_keyring() is not None

    def read(self) -> tuple[bytes, ...]:
        """Return the key, or while it is being changed the new and the old one.

        Raises:
            BadConfiguration: it is missing, open to others, or no key.
        """
        text = self._text()
        if text is None:
            raise BadConfiguration(
                f"The key of the {self.opens} cannot be read from {self._where()}, and "
                "a new one would open nothing; restore it from where it is kept."
            )
        if not _KEYS.fullmatch(text.strip()):
            raise BadConfiguration(
                f"What is in {self._where()} is not the key of the {self.opens}; "
                "restore it from where it is kept."
            )
        return tuple(map(bytes.fromhex, text.split()))

    def create(self) -> None:
        """Put a first key there.

        Raises:
            BadConfiguration: something is there already, or it cannot be written.
        """
        text = secrets.token_hex(KEY_BYTES) + "\n"
        if self.kind == "credential":
            # Only the system's own manager makes credentials; it must be there.
            self.read()
            return
        if self.kind == "keyring":
            if self.exists():
                raise self._there()
            self._to_keyring(text)
            return
        try:
            path = Path(self.place)
            disk.create(path, [text.encode("ascii")])
            disk.sync(path.parent)
        except FileExistsError:
            raise self._there() from None
        except OSError as error:
            raise self._unwritten(error) from None

    def put(self, keys: Sequence[bytes]) -> None:
        """Replace what is there in one step, and overwrite what a file held before.

        Raises:
            BadConfiguration: it cannot be written; what was there still is.
        """
        text = "".join(f"{key.hex()}\n" for key in keys)
        match self.kind:
            case "credential":
                raise BadConfiguration(
                    f"The key of the {self.opens} is a systemd credential, which this "
                    "program cannot change; change it as the runbook says."
                )
            case "keyring":
                self._to_keyring(text)
            case "file":
                try:
                    _replace(Path(self.place), text)
                except OSError as error:
                    raise self._unwritten(error) from None

    def forget(self) -> bool:
        """Destroy the key, as well as a program can; return whether it was there.

        Raises:
            BadConfiguration: it is not this program's to destroy, or the disk refused.
        """
        if self.kind == "credential":
            return False
        if not self.exists():
            return False
        if self.kind == "keyring":
            service, _, name = self.place.partition("/")
            try:
                with suppress(PasswordDeleteError):
                    keyring.delete_password(service, name)
            except KeyringError:
                raise self._closed() from None
            return True
        try:
            path = Path(self.place)
            with path.open("r+b") as old:
                _overwrite(old.fileno())
            path.unlink()
            disk.sync(path.parent)
        except OSError as error:
            raise self._unwritten(error) from None
        return True

    def _text(self) -> str | None:
        """Return what is kept there, or None if nothing can be read."""
        if self.kind == "keyring":
            return self._from_keyring()
        path = Path(self.place) if self.kind == "file" else self._credential()
        try:
            # systemd shows a credential's access list as group bits, so its own
            # folder is what protects it.
            if self.kind == "file" and stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise BadConfiguration(
                    f"The key of the {self.opens} must be a file only its owner can "
                    "read; run chmod 600 on it."
                )
            with path.open(encoding="ascii") as file:
                return file.read(_MOST_BYTES)
        except (OSError, UnicodeError):
            return None

    def _credential(self) -> Path:
        """Return the file that systemd made of a credential.

        Raises:
            BadConfiguration: the process was not started with credentials.
        """
        folder = os.environ.get(_DIRECTORY)
        if not folder:
            raise BadConfiguration(
                f"The key of the {self.opens} is a systemd credential, and none was "
                "given to this process; start it from its unit, or with systemd-run "
                "and LoadCredentialEncrypted."
            )
        return Path(folder) / self.place

    def _from_keyring(self) -> str | None:
        """Ask the system's keyring."""
        service, _, name = self.place.partition("/")
        try:
            return keyring.get_password(service, name)
        except KeyringError:
            raise self._closed() from None

    def _to_keyring(self, text: str) -> None:
        """Tell the system's keyring, and believe only what it gives back."""
        service, _, name = self.place.partition("/")
        try:
            keyring.set_password(service, name, text)
        except KeyringError:
            raise self._closed() from None
        if self._from_keyring() != text:
            raise self._closed()

    def _where(self) -> str:
        """Name the kind of place."""
        return {
            "file": "its file",
            "credential": "its systemd credential",
            "keyring": "the system's keyring",
        }[self.kind]

    def _closed(self) -> BadConfiguration:
        """Say that the keyring does not serve."""
        return BadConfiguration(
            f"The system's keyring, which keeps the key of the {self.opens}, is locked "
            "or missing; unlock it, or keep the key in a file or a credential."
        )

    def _there(self) -> BadConfiguration:
        """Say that a key is never overwritten."""
        return BadConfiguration(
            f"A key of the {self.opens} is already there and is never overwritten; "
            "keep it."
        )

    def _unwritten(self, error: OSError) -> BadConfiguration:
        """Say that the disk refused."""
        return BadConfiguration(
            f"The key of the {self.opens} could not be written ({error.strerror}); "
            "check the folder and try again."
        )


def _replace(path: Path, text: str) -> None:
    """Swap a file's content in one step, then overwrite what it held."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    disk.create(fresh, [text.encode("ascii")])
    with path.open("r+b") if path.exists() else fresh.open("rb") as old:
        fresh.replace(path)
        disk.sync(path.parent)
        if old.writable():
            _overwrite(old.fileno())


def _overwrite(handle: int) -> None:
    """Write chance over every byte of a small file."""
    os.pwrite(handle, secrets.token_bytes(os.fstat(handle).st_size), 0)
    os.fsync(handle)
