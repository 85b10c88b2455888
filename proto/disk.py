"""Put files and names on disk so that a power cut does not take them back."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600


def sync(path: Path) -> None:
    """Make a file's content, or a folder's names, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def create(path: Path, parts: Iterable[bytes], *, mode: int = OWNER_ONLY) -> None:
    """Write a new file, for its owner only unless told otherwise, and put it on disk.

    Its name is on disk once its folder is, too.

    Raises:
        FileExistsError: something is there already, and stays as it is.
        OSError: the disk refused.
    """
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with os.fdopen(handle, "wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
