"""Open the ledger's database so that what it acknowledges survives a power cut.

SQLite: a rollback journal that is truncated and synced at every commit, and a
write lock taken before the first read. PostgreSQL: serializable transactions
behind one table lock. Every setting is read back on every connection; one that
did not take is a reason not to start.

Source: SQLite, "Atomic Commit" and "PRAGMA synchronous" (EXTRA also syncs the
directory after the journal is gone); PostgreSQL manual, "Reliability" and
"LOCK" (a lock taken before the first query precedes the snapshot).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool

from node import durable
from node.durable import WAIT_SECONDS
from node.ledger.tables import meta, metadata
from privacy.errors import BadConfiguration, LedgerInconsistent

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

_WRITE = "ledger_write"
_PRAGMAS: dict[str, tuple[str, object]] = {
    **durable.PRAGMAS,
    "foreign_keys": ("1", 1),
    "ignore_check_constraints": ("0", 0),
    "mmap_size": ("0", 0),
}
_SHOWN: dict[str, set[str]] = {
    **durable.SHOWN,
    "default_transaction_isolation": {"serializable"},
}
_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in (
        ("default_transaction_isolation", "serializable"),
        ("synchronous_commit", "on"),
        ("lock_timeout", f"{WAIT_SECONDS}s"),
        ("statement_timeout", f"{2 * WAIT_SECONDS}s"),
        ("idle_in_transaction_session_timeout", f"{2 * WAIT_SECONDS}s"),
    )
)
_RETRY = {"40001", "40P01", "23505"}
_LOCK_NOT_AVAILABLE = "55P03"
_PRIMARY_CODE = 0xFF


def parse(url: str) -> URL:
    """Read where the ledger is.

    Raises:
        BadConfiguration: not one of the two engines, or options we do not set.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadConfiguration(
            "The ledger's address is not a database URL; write "
            "sqlite:////absolute/path or postgresql+psycopg://..."
        ) from error
    sqlite = parsed.drivername in {SQLITE, f"{SQLITE}+pysqlite"}
    if sqlite and (parsed.query or parsed.database in {None, "", ":memory:"}):
        raise BadConfiguration(
            "A SQLite ledger is one local file without options; write "
            "sqlite:////absolute/path."
        )
    if not sqlite and parsed.drivername != f"{POSTGRESQL}+psycopg":
        raise BadConfiguration(
            "A ledger is kept in SQLite or PostgreSQL; write sqlite:////absolute/path "
            "or postgresql+psycopg://..."
        )
    return parsed


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite ledger, or None for a server."""
    if url.get_backend_name() != SQLITE:
        return None
    return Path(url.database or "")


def new_file(path: Path) -> None:
    """Make the empty file of a new ledger, readable by its owner only.

    Raises:
        BadConfiguration: something is there already, or the folder is missing.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError as error:
        raise BadConfiguration(
            "A ledger is already there and is never overwritten; keep it, or choose "
            "another path."
        ) from error
    except OSError as error:
        raise BadConfiguration(
            f"The ledger could not be made ({error.strerror}); check the folder."
        ) from error


def engine(url: URL) -> Engine:
    """Return an engine that never creates a file and checks every connection."""
    # Parameters of a failed statement could be noisy values: never shown.
    options: dict[str, Any] = {"hide_parameters": True, "poolclass": QueuePool}
    options |= {"pool_size": 1, "max_overflow": 0}
    path = sqlite_path(url)
    if path is not None:
        # mode=rw: a missing file stays missing. quote: a ? in a path is no option.
        name = f"file:{quote(str(path.absolute()))}"
        query = {"mode": "rw", "uri": "true"}
        local = URL.create(f"{SQLITE}+pysqlite", database=name, query=query)
        made = create_engine(local, **options)
        event.listen(made, "connect", _prepare_sqlite)
    else:
        options |= {"connect_args": {"options": _OPTIONS, "connect_timeout": 10}}
        made = create_engine(url, pool_pre_ping=True, **options)
        event.listen(made, "connect", _prepare_postgresql)
    event.listen(made, "begin", _begin)
    return made


@contextmanager
def transaction(database: Engine, *, write: bool | None = None) -> Iterator[Connection]:
    """Yield one transaction: committed, durably, or as if it had never been.

    Args:
        database: From `engine`.
        write: Whether to keep every other writer out; None while there are no
            tables yet.
    """
    with database.connect() as connection:
        connection.execution_options(**{_WRITE: write})
        with connection.begin():
            yield connection


def may_retry(error: Exception) -> bool:
    """Tell whether the same transaction may simply be tried again."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return isinstance(cause, psycopg.Error) and cause.sqlstate in _RETRY


def is_busy(error: Exception) -> bool:
    """Tell whether another process held the ledger for too long."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, psycopg.Error):
        return cause.sqlstate == _LOCK_NOT_AVAILABLE
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:
        return False
    return code & _PRIMARY_CODE in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def check_file(connection: Connection) -> None:
    """Stop if a SQLite file is damaged or its tables are not the ones we made.

    Comparing the schema catches a changed constraint and an added trigger.

    Raises:
        LedgerInconsistent: the file is not as this program leaves it.
    """
    if connection.dialect.name != SQLITE:
        return
    if connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() != ["ok"]:
        raise LedgerInconsistent(
            "The ledger's file is damaged; stop the node and tell the privacy officer "
            "before anything is restored."
        )
    listing = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    model = create_engine("sqlite://")
    with model.begin() as pattern:
        metadata.create_all(pattern)
        expected = pattern.exec_driver_sql(listing).all()
    model.dispose()
    if connection.exec_driver_sql(listing).all() != expected:
        raise LedgerInconsistent(
            "The ledger's tables were altered; stop the node and tell the privacy "
            "officer before anything is restored."
        )


def _begin(connection: Connection) -> None:
    """Take the write lock before anything is read, so no two charges overlap."""
    write = connection.get_execution_options().get(_WRITE)
    if connection.dialect.name == SQLITE:
        connection.exec_driver_sql("BEGIN" if write is False else "BEGIN IMMEDIATE")
    elif write:
        connection.exec_driver_sql(f"LOCK TABLE {meta.name} IN EXCLUSIVE MODE")


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    """Set every pragma and believe only what is read back."""
    connection.isolation_level = None  # BEGIN is ours to say
    before = connection.execute("PRAGMA journal_mode").fetchone()
    if before == ("wal",):
        raise LedgerInconsistent(
            "The ledger was switched to write-ahead logging, which can lose a charge; "
            "find out who did it before the node starts again."
        )
    durable.set_pragmas(connection, _PRAGMAS, _unsafe)


def _prepare_postgresql(connection: psycopg.Connection[Any], _: object) -> None:
    """Refuse a server that may forget what it acknowledged."""
    durable.check_shown(connection, _SHOWN, _unsafe)


def _unsafe(name: str) -> BadConfiguration:
    """Say which setting did not take."""
    return BadConfiguration(
        f"The ledger's database does not keep {name} as safe as it must be, so a "
        "charge could be lost in a power cut; correct the database's settings."
    )
