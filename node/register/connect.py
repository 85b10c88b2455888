"""Open the register's own database so that what it acknowledges is durable.

It has the ledger's habits: a rollback journal synced at every commit, every setting
read back, and never an empty register where one is missing.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from node import durable
from privacy.errors import BadConfiguration
from proto import disk


def parse(url: str) -> URL:
    """Read where the register is.

    Raises:
        BadConfiguration: not a local SQLite file or a PostgreSQL database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = URL.create("none")
    if parsed.drivername == "sqlite" and parsed.database and not parsed.query:
        return parsed
    if parsed.drivername == "postgresql+psycopg":
        return parsed
    raise BadConfiguration(
        "The register is kept in SQLite or PostgreSQL; write sqlite:////absolute/path "
        "or postgresql+psycopg://..."
    )


def new_file(url: URL) -> None:
    """Make the empty file of a new register; PostgreSQL needs none.

    Raises:
        BadConfiguration: something is there already, or the folder is missing.
    """
    if url.drivername != "sqlite":
        return
    path = Path(str(url.database))
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        disk.sync(path.parent)
    except FileExistsError:
        raise BadConfiguration(
            "A register is already there and is never overwritten; keep it."
        ) from None
    except OSError as error:
        raise BadConfiguration(
            f"The register could not be made ({error.strerror}); check the folder."
        ) from None


def engine(url: URL) -> Engine:
    """Return an engine that never creates a file and checks every connection."""
    options: dict[str, Any] = {"hide_parameters": True, "poolclass": NullPool}
    if url.drivername == "sqlite":
        # mode=rw: a missing file stays missing. quote: a ? in a path is no option.
        name = quote(str(Path(str(url.database)).absolute()))
        made = create_engine(
            f"sqlite+pysqlite:///file:{name}?mode=rw&uri=true", **options
        )
        event.listen(made, "connect", _prepare_sqlite)
        event.listen(made, "begin", _begin_sqlite)
        return made
    options |= {"connect_args": {"options": "-c synchronous_commit=on"}}
    made = create_engine(url, isolation_level="SERIALIZABLE", **options)
    event.listen(made, "connect", _prepare_postgresql)
    return made


def _begin_sqlite(connection: Connection) -> None:
    """Say BEGIN ourselves: the driver would commit before some statements."""
    connection.exec_driver_sql("BEGIN")


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    """Set every pragma and believe only what is read back."""
    connection.isolation_level = None
    durable.set_pragmas(connection, durable.PRAGMAS, _unsafe)


def _prepare_postgresql(connection: psycopg.Connection[Any], _: object) -> None:
    """Refuse a server that may forget what it acknowledged."""
    durable.check_shown(connection, durable.SHOWN, _unsafe)


def _unsafe(name: str) -> BadConfiguration:
    """Say which setting did not take."""
    return BadConfiguration(
        f"The register's database does not keep {name} as safe as it must be; correct "
        "the database's settings."
    )
