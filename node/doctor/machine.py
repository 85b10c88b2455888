"""Look at the machine: its disk, who can read the site's files, what is installed."""

import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import duckdb

from node.doctor.finding import Finding, State

_GIB: Final = 1 << 30
_LOOK_BYTES: Final = 2 * _GIB
_WRONG_BYTES: Final = _GIB // 4
_PYTHON: Final = (3, 11)
# STRICT tables, in which the ledger keeps its entries, came with this one.
_SQLITE: Final = (3, 37, 0)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SECRET: Final = ("*.key", "key*.pem")


def disk(home: Path) -> list[Finding]:
    """Look at the space left, and whether the site's directory can be written."""
    try:
        left = shutil.disk_usage(home).free
    except OSError as error:
        return [
            Finding(
                "disk",
                State.WRONG,
                f"{home} cannot be looked at ({error.strerror}).",
                "It is not there, or this account may not enter it.",
                "Name the site's directory with --home, and run as its owner.",
            )
        ]
    size = f"{left / _GIB:.1f} GiB left"
    if left < _LOOK_BYTES:
        state = State.WRONG if left < _WRONG_BYTES else State.LOOK
        space = Finding(
            "disk",
            state,
            f"{size} where the site's files are.",
            "An import needs room for a second copy of the records, and a ledger "
            "that cannot be written stops the node.",
            "Free some space, or move the site's directory to a larger disk.",
        )
    else:
        space = Finding("disk", State.OK, f"{size}.")
    return [space, _writable(home)]


def modes(home: Path) -> list[Finding]:
    """Look for files and folders that others on this machine could read."""
    try:
        return [*_folder_mode(home), _key_modes(home)]
    except OSError as error:
        return [
            Finding(
                "file modes",
                State.WRONG,
                f"The site's files cannot all be looked at ({error.strerror}).",
                "Some belong to another account.",
                "Run this as the account that runs the node.",
            )
        ]


def versions() -> list[Finding]:
    """Look at the versions that the node was tried with."""
    return [_python(), _sqlite(), _duckdb()]


def _writable(home: Path) -> Finding:
    """Write a file and take it away again."""
    try:
        with tempfile.NamedTemporaryFile(dir=home, prefix=".doctor-") as file:
            file.write(b"written")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding(
            "home",
            State.WRONG,
            f"{home} cannot be written ({error.strerror}).",
            "The disk is full or read-only, or the folder belongs to another account.",
            "Look at the disk and at the folder's owner; run as the node's account.",
        )
    return Finding("home", State.OK, f"{home} can be written.")


def _folder_mode(home: Path) -> Iterator[Finding]:
    """Look at the site's own directory."""
    if home.stat().st_mode & _OTHERS:
        yield Finding(
            "home mode",
            State.LOOK,
            f"Others on this machine can look into {home}.",
            "It was made or copied with other permissions.",
            f"chmod 700 {home}",
        )
    else:
        yield Finding("home mode", State.OK, "Only its owner can enter the directory.")


def _key_modes(home: Path) -> Finding:
    """Look at every key file."""
    keys = sorted({path for name in _SECRET for path in home.rglob(name)})
    seen = [path.relative_to(home) for path in keys if path.stat().st_mode & _OTHERS]
    if seen:
        listed = ", ".join(str(path) for path in seen)
        return Finding(
            "file modes",
            State.WRONG,
            f"Others on this machine can read keys: {listed}.",
            "They were copied or restored with other permissions.",
            "chmod 600 keeps them private from now on; whoever could read them may "
            "have, so renew the certificate and tell the privacy officer.",
        )
    return Finding("file modes", State.OK, f"{len(keys)} key files, owner only.")


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < _PYTHON:  # pragma: no cover - it would not have started
        return Finding(
            "Python",
            State.WRONG,
            f"Python {found}.",
            "The node needs 3.11 or newer.",
            "Install a newer Python and make its environment again.",
        )
    return Finding("Python", State.OK, f"Python {found}.")


def _sqlite() -> Finding:
    found = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _SQLITE:
        return Finding(
            "SQLite",
            State.WRONG,
            f"SQLite {found}.",
            "The ledger keeps its entries in tables that came with 3.37.",
            "Use a Python that brings a newer SQLite.",
        )
    return Finding("SQLite", State.OK, f"SQLite {found}; the ledger needs 3.37.")


def _duckdb() -> Finding:
    found = duckdb.__version__
    try:
        extension = metadata.version("duckdb-extension-httpfs")
    except metadata.PackageNotFoundError:
        extension = "none"
    if extension != found:
        return Finding(
            "DuckDB",
            State.WRONG,
            f"DuckDB {found} with an encryption extension of {extension}.",
            "Both must be of one version, or encrypted records do not open.",
            "Install from requirements.lock.",
        )
    return Finding("DuckDB", State.OK, f"DuckDB {found}, with its extension.")
