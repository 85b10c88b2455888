"""Make a site again from a backup, in an empty directory.

The settings are written last: until then the directory is no site, so one that was
cut off can never answer anything. The restored ledger is as old as the backup; the
site's peers, who have seen more, keep the node from answering until two officers
reopen it with every account counted as full.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from node.custody import parcel
from node.custody.inventory import CONFIG, SETTINGS, Estate
from node.custody.parcel import Member
from node.secret import Secret
from privacy.errors import BadConfiguration, Corrupt, ExchangeError
from proto import disk

_LARGEST_SETTINGS: Final = 1 << 20

_PARTIAL: Final = f"{CONFIG}.new"

Reads = Callable[[Path], Estate]
"""Reads a file of settings into where everything of the site beside it would be."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        files: How many files were written.
        unplaced: Files with keys that the operator must make credentials of.
    """

    files: int
    unplaced: tuple[Path, ...]


def restore(
    file: Path,
    home: Path,
    *,
    reads: Reads,
    passphrase: str | None = None,
    key: X25519PrivateKey | None = None,
    outside: Sequence[Path] = (),
) -> Restored:
    """Write everything a backup holds into an empty directory, and nowhere else.

    The settings in the backup say where files go, and whoever has the public half of
    its key can write one; so somebody here names the other folders the site uses.

    Args:
        file: The backup.
        home: The new site's directory; made if it is not there.
        reads: Reads the settings.
        passphrase: Of the backup, if it has one.
        key: The recipient's, if it was written for one.
        outside: Other folders that may be written into.

    Raises:
        BadConfiguration: the directory is not empty, the file is no backup, it would
            write somewhere else, or the disk refused.
        Corrupt: the passphrase or key is wrong, or the file was changed or cut off;
            what had been written was removed.
    """
    if home.exists() and any(home.iterdir()):
        raise BadConfiguration(
            f"{home.name} is not empty, and a restore never writes over anything; "
            "name a directory that is empty or new."
        )
    made = _Made(home, outside)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file.open("rb") as source:
            return _restored(source, made, reads, passphrase, key)
    except (OSError, ValueError, ExchangeError, KeyboardInterrupt) as error:
        made.undo()
        raise _told(error) from None


def _told(error: BaseException) -> BaseException:
    """Say in our own words what stopped a restore."""
    if isinstance(error, OSError):
        return BadConfiguration(
            f"The backup could not be restored ({error.strerror}); check the disk and "
            "the file, and run the command again."
        )
    if isinstance(error, ValueError):
        return Corrupt(
            "The backup holds a path or a key that no site writes, so nothing was "
            "restored; ask who made it."
        )
    return error


class _Made:
    """What a restore wrote so far."""

    def __init__(self, home: Path, outside: Sequence[Path]) -> None:
        """Begin with nothing."""
        self.home = home
        self._allowed = [folder.resolve() for folder in (home, *outside)]
        self.files: list[Path] = []
        self.secrets: list[Secret] = []
        self.unplaced: list[Path] = []

    def write(self, path: Path, parts: Iterable[bytes]) -> None:
        """Write a new file for its owner only, and put it on disk.

        Raises:
            BadConfiguration: it is in no folder that somebody here named.
        """
        self._check(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self.files.append(path)
        with os.fdopen(handle, "wb") as out:
            out.writelines(parts)
            out.flush()
            os.fsync(out.fileno())

    def _check(self, path: Path) -> None:
        """Refuse a file outside the folders that may be written into."""
        place = path.resolve()
        if not any(place.is_relative_to(folder) for folder in self._allowed):
            folder = str(place.parent)
            shown = folder[:200] if folder.isprintable() else "a folder"
            raise BadConfiguration(
                f"The backup would write into {shown}, which is outside --home, so "
                "nothing was restored; name that folder with --outside if the site "
                "really used it, and ask who made the backup if not."
            )

    def undo(self) -> None:
        """Remove everything again."""
        for path in self.files:
            path.unlink(missing_ok=True)
        for secret in self.secrets:
            secret.forget()
        for path in sorted(self.home.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()


def _restored(
    source: BinaryIO,
    made: _Made,
    reads: Reads,
    passphrase: str | None,
    key: X25519PrivateKey | None,
) -> Restored:
    """Write one member after the other, and the settings when all were genuine."""
    members = parcel.read(source, passphrase=passphrase, key=key)
    first = next(members)
    if first.name != SETTINGS or first.size > _LARGEST_SETTINGS:
        raise Corrupt(
            "The backup does not begin with a site's settings; nothing was restored."
        )
    partial = made.home / _PARTIAL
    made.write(partial, [b"".join(first.parts)])
    estate = reads(partial)
    for member in members:
        target = estate.target(member.name)
        if target is None:
            _put_key(estate, member, made)
        else:
            made.write(target, member.parts)
    partial.replace(made.home / CONFIG)
    for folder in {path.parent for path in made.files}:
        disk.sync(folder)
    return Restored(len(made.files), tuple(made.unplaced))


def _put_key(estate: Estate, member: Member, made: _Made) -> None:
    """Put a key where the settings say it is kept, or beside it if we cannot."""
    opens = member.name.partition("/")[2]
    ring = b"".join(member.parts)
    keys = tuple(map(bytes.fromhex, ring.decode("ascii").split()))
    secret = next((each for each in estate.secrets if each.opens == opens), None)
    if secret is None:
        raise Corrupt("The backup holds a key of nothing here; nothing was restored.")
    if secret.kind == "file":
        made.write(Path(secret.place), [ring])
        return
    if secret.changeable:
        if not secret.exists():
            secret.put(keys)
            made.secrets.append(secret)
        elif secret.read() != keys:
            raise BadConfiguration(
                f"The system's keyring holds another key of the {opens}; take that "
                "entry out, or restore under another account."
            )
        return
    path = made.home / f"restored-{opens.replace(' ', '-')}.key"
    made.write(path, [ring])
    made.unplaced.append(path)
