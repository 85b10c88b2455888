"""Copy a living site into one encrypted file.

The node goes on serving. Imports and closings wait, so records, register and key map
are of one moment; the ledger is copied last, by the database itself, so it is never
older than the records beside it.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from node.custody import parcel
from node.custody.inventory import (
    CONFIG,
    KEY,
    LEDGER,
    POINTER,
    RECORDS,
    REGISTER,
    SETTINGS,
    Estate,
)
from node.custody.parcel import Lock, Member
from node.records.store import RecordStore
from privacy.errors import BadConfiguration, LedgerInconsistent
from proto import disk

_AT_ONCE: Final = 1 << 20
_COPY: Final = "-backup"
_WAIT_SECONDS: Final = 30


def backup(file: Path, estate: Estate, store: RecordStore, *, lock: Lock) -> None:
    """Write a backup of everything the site needs to go on elsewhere.

    Raises:
        BadConfiguration: the file is there already, a part is in a database server,
            a key is missing, or the disk refused.
        Busy: an import or closing is running.
    """
    estate.check()
    if file.resolve().is_relative_to(estate.home.resolve()):
        raise BadConfiguration(
            "A backup inside the site's own directory is lost with it, and with every "
            "copy of it grows; name a file on another disk."
        )
    if file.exists():
        raise BadConfiguration(
            f"{file.name} is there already and is not overwritten; choose another name."
        )
    fresh = file.with_name(f"{file.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as out, store.locked():
            parcel.write(out, _members(estate, store), lock=lock)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
        disk.sync(file.parent)
    except OSError as error:
        raise BadConfiguration(
            f"The backup could not be written ({error.strerror}); check the disk and "
            "run the command again."
        ) from None
    finally:
        fresh.unlink(missing_ok=True)


def _members(estate: Estate, store: RecordStore) -> Iterator[Member]:
    """Yield every part: settings first, for a restore needs them to place the rest."""
    yield _file(SETTINGS, estate.home / CONFIG)
    for secret in estate.secrets:
        ring = "".join(f"{key.hex()}\n" for key in secret.read()).encode("ascii")
        yield Member(f"{KEY}/{secret.opens}", len(ring), [ring])
    for name, path in estate.plain().items():
        yield _file(name, path)
    current = store.current()
    if current is not None:
        generation = estate.place.file(current)
        yield _file(f"{RECORDS}/{generation.name}", generation)
        pointer = current.encode("ascii")
        yield Member(f"{RECORDS}/{POINTER}", len(pointer), [pointer])
    for name, path in ((REGISTER, estate.register), (LEDGER, estate.ledger)):
        with _at_one_moment(path) as copy:
            yield _file(name, copy)


def _file(name: str, path: Path) -> Member:
    """Return a file as it is."""
    return Member(name, path.stat().st_size, _read(path))


def _read(path: Path) -> Iterator[bytes]:
    """Yield a file's content."""
    with path.open("rb") as file:
        while part := file.read(_AT_ONCE):
            yield part


@contextlib.contextmanager
def _at_one_moment(path: Path) -> Iterator[Path]:
    """Yield a copy of a SQLite database that others may be writing to.

    Raises:
        LedgerInconsistent: it cannot be read.
    """
    copy = path.with_name(path.name + _COPY)
    copy.unlink(missing_ok=True)
    try:
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        name = f"file:{quote(str(path.absolute()))}?mode=rw"
        with (
            contextlib.closing(
                sqlite3.connect(name, uri=True, timeout=_WAIT_SECONDS)
            ) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        yield copy
    except sqlite3.Error:
        raise LedgerInconsistent(
            f"{path.name} could not be copied, so there is no backup; stop the node "
            "and tell the privacy officer before anything is restored."
        ) from None
    finally:
        copy.unlink(missing_ok=True)
