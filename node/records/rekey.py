"""Copy one encrypted generation to a file under another key."""

from pathlib import Path

import duckdb

from node.records.connect import Place, attach, bare
from privacy.errors import Corrupt
from proto import disk


def is_under(place: Place, file: Path, key: bytes) -> bool:
    """Tell whether a generation's file opens with a key."""
    base = bare(place)
    try:
        attach(base, file, key, writing=False)
    except duckdb.Error:
        return False
    finally:
        base.close()
    return True


def copy(place: Place, file: Path, fresh: Path, *, old: bytes, new: bytes) -> None:
    """Write everything a file under the old key holds to a new one, durably.

    Raises:
        Corrupt: the old key does not open it, or the disk refused; what the engine
            said is dropped, as it could quote a key.
    """
    base = bare(place)
    try:
        attach(base, file, old, writing=False)
        attach(base, fresh, new, writing=True, name="fresh")
        base.execute("COPY FROM DATABASE records TO fresh")
        base.execute("DETACH fresh")
    except duckdb.Error:
        raise Corrupt(
            "A generation of the records could not be sealed again, and is as it was; "
            "check the key and the disk, and run the command again."
        ) from None
    finally:
        base.close()
    disk.sync(fresh)


def swap(fresh: Path, file: Path) -> None:
    """Put the copy in the file's place, in one step that survives a power cut."""
    fresh.chmod(0o600)
    fresh.replace(file)
    disk.sync(file.parent)
