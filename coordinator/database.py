"""Open the centre's database: an SQLite file by default, PostgreSQL by address."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from privacy.errors import BadConfiguration

METADATA = sa.MetaData()
"""Every table of the centre; all of them hold public or noisy facts only."""

_ENGINES = ("sqlite", "postgresql+psycopg")
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 30000",
    "PRAGMA trusted_schema = OFF",
)


def address(path: Path) -> str:
    """Return the address of an SQLite file."""
    return f"sqlite:///{path.resolve()}"


def connect(url: str) -> sa.Engine:
    """Open the database and make the tables that are not there yet.

    Raises:
        BadConfiguration: the address is of another kind, or nothing answers there.
    """
    try:
        engine = sa.create_engine(url)
        if engine.url.drivername not in _ENGINES:
            raise BadConfiguration(
                f"The store may be {' or '.join(_ENGINES)}, not "
                f"{engine.url.drivername}; correct store_url."
            )
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _pragmas)
        METADATA.create_all(engine)
    except (SQLAlchemyError, ImportError) as error:
        raise BadConfiguration(
            f"The store did not open ({type(error).__name__}); check store_url and "
            "that the database is running."
        ) from error
    return engine


def _pragmas(connection: sqlite3.Connection, _record: object) -> None:
    """Set what SQLite forgets between connections."""
    for pragma in _PRAGMAS:
        connection.execute(pragma)
