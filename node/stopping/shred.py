"""Destroy a small file, as well as a program can.

The bytes are overwritten in place, put on disk, and the name removed. What this
cannot promise, and the runbook says so: a solid-state disk, a copy-on-write file
system, a snapshot or a backup may keep the old bytes elsewhere. That is why keys are
what is destroyed: whoever finds an old copy of the records finds them encrypted, and
whoever finds an old copy of a key has to find both.
"""

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.secret import Secret
from privacy.errors import BadConfiguration
from proto import disk

_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Doomed:
    """One file to destroy.

    Attributes:
        path: Where it is; a key may be elsewhere than in a file.
        what: What it is, in words for the operator.
    """

    path: Path | Secret
    what: str


def destroy(path: Path) -> bool:
    """Overwrite a file and remove it; return whether it was there.

    A second call finds nothing and does nothing, so a destruction that was cut off
    is finished by repeating it.

    Raises:
        BadConfiguration: it is no plain file, or the disk refused.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BadConfiguration(
            f"{path.name} is not a plain file, so overwriting it could destroy "
            "something else; remove it by hand, and run the command again."
        )
    try:
        handle = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _not_destroyed(path, error) from error
    try:
        try:
            _overwrite(handle)
        finally:
            os.close(handle)
        path.unlink()
        disk.sync(path.parent)
    except OSError as error:
        raise _not_destroyed(path, error) from error
    return True


def destroy_all(files: Iterable[Doomed]) -> tuple[str, ...]:
    """Destroy files in order; return what each of those still there was."""
    return tuple(each.what for each in files if _gone(each.path))


def _gone(where: Path | Secret) -> bool:
    """Destroy one; return whether it was there."""
    return where.forget() if isinstance(where, Secret) else destroy(where)


def _overwrite(handle: int) -> None:
    """Write chance over every byte, then cut the file, both put on disk."""
    left = os.fstat(handle).st_size
    while left > 0:
        left -= os.write(handle, secrets.token_bytes(min(left, _AT_ONCE)))
    os.fsync(handle)
    os.ftruncate(handle, 0)
    os.fsync(handle)


def _not_destroyed(path: Path, error: OSError) -> BadConfiguration:
    """Say that a file is still there."""
    return BadConfiguration(
        f"{path.name} could not be destroyed ({error.strerror}); it may still be "
        "there, so repair the disk and run the command again."
    )
