"""What a database must promise before a ledger or a register is kept in it.

One list for both: a setting that is safe enough for one and not for the other would
be a mistake. Every setting is read back; what only was asked for proves nothing.

Source: SQLite, "PRAGMA synchronous" (EXTRA also syncs the directory after the journal
is gone); PostgreSQL manual, "Reliability".
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg

WAIT_SECONDS: Final = 30
"""How long a writer waits for another process's."""

PRAGMAS: Final[Mapping[str, tuple[str, object]]] = {
    "busy_timeout": (str(WAIT_SECONDS * 1000), WAIT_SECONDS * 1000),
    "journal_mode": ("TRUNCATE", "truncate"),
    "synchronous": ("EXTRA", 3),
    "fullfsync": ("1", 1),
    "checkpoint_fullfsync": ("1", 1),
    "trusted_schema": ("0", 0),
    "secure_delete": ("1", 1),
    "cell_size_check": ("1", 1),
}
"""SQLite: pragma -> what is written, and what must be read back."""

SHOWN: Final[Mapping[str, set[str]]] = {
    "fsync": {"on"},
    "full_page_writes": {"on"},
    "data_sync_retry": {"off"},
    "synchronous_commit": {"on", "remote_apply"},
}
"""PostgreSQL: setting -> the values that are safe."""

Unsafe = Callable[[str], Exception]
"""Says which setting did not take, in its owner's words."""


def set_pragmas(
    connection: sqlite3.Connection,
    pragmas: Mapping[str, tuple[str, object]],
    unsafe: Unsafe,
) -> None:
    """Set every pragma and believe only what is read back.

    Raises:
        Exception: what `unsafe` makes, for a pragma that did not take.
    """
    for name, (value, expected) in pragmas.items():
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        found = connection.execute(f"PRAGMA {name}").fetchone()
        # A build without memory-mapped files answers nothing, which is as good.
        if found != (expected,) and (name, found) != ("mmap_size", None):
            raise unsafe(name)


def check_shown(
    connection: psycopg.Connection[Any],
    shown: Mapping[str, set[str]],
    unsafe: Unsafe,
) -> None:
    """Refuse a server that may forget what it acknowledged.

    Raises:
        Exception: what `unsafe` makes, for a setting that is not safe.
    """
    for name, allowed in shown.items():
        row = connection.execute(f"SHOW {name}".encode()).fetchone()
        if row is None or row[0] not in allowed:
            raise unsafe(name)
    connection.rollback()
