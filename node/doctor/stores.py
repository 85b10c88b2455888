"""Look at the databases: whether they open, and what their roles may do."""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from node.doctor.finding import Finding, State
from privacy.errors import ExchangeError

_PATIENCE_SECONDS: Final = 10

_MAY_CREATE: Final = "SELECT has_database_privilege(current_database(), 'CREATE')"
_MORE_THAN_READING: Final = """
SELECT
  (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f')
     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) AS tables,
  (SELECT count(*) FROM pg_namespace n
   WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
     AND has_schema_privilege(n.oid, 'CREATE')) AS schemas,
  (SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls
   FROM pg_roles WHERE rolname = current_user) AS powers
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Name a store, and how to open it; opening says what is in it."""

    name: str
    opens: Callable[[], str]


def parts(stores: Iterable[Part]) -> list[Finding]:
    """Open each store, and say what came of it."""
    return [_opened(each) for each in stores]


def role(url: str, tables: Collection[str]) -> list[Finding]:
    """Look at whether the ledger's database lets this role read and write.

    Args:
        url: Where the ledger is; may hold a password.
        tables: The tables that are there.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return [
                Finding(
                    "ledger role",
                    State.WRONG,
                    f"{path.name} cannot be written by this account.",
                    "It belongs to another account, or the disk is read-only.",
                    "Run as the account that runs the node.",
                )
            ]
        return [Finding("ledger role", State.OK, "This account can write the ledger.")]
    asked = " AND ".join(
        f"has_table_privilege('{table}', 'SELECT') AND "
        f"has_table_privilege('{table}', 'INSERT')"
        for table in sorted(tables)
    )
    try:
        with _connected(url) as connection:
            may = bool(connection.execute(sa.text(f"SELECT {asked}")).scalar_one())
    except SQLAlchemyError:
        may = False
    if may:
        return [Finding("ledger role", State.OK, "The role can read and write it.")]
    return [
        Finding(
            "ledger role",
            State.WRONG,
            "The ledger's database role cannot read and write its tables.",
            "The role was changed, or the tables belong to another one.",
            "Have the database's administrator make the role their owner.",
        )
    ]


def importing(place: Path | str) -> list[Finding]:
    """Look at whether an import may make a new generation of the records.

    Args:
        place: The records' folder, or the address of their PostgreSQL.
    """
    if isinstance(place, Path):
        may = not place.exists() or os.access(place, os.R_OK | os.W_OK | os.X_OK)
        who, fix = "This account", "Run as the account that runs the node."
    else:
        who, fix = "The role", "Have the administrator GRANT CREATE on the database."
        try:
            with _connected(place) as connection:
                may = bool(connection.execute(sa.text(_MAY_CREATE)).scalar_one())
        except SQLAlchemyError:
            may = False
    if may:
        found = f"{who} can make a new import."
        return [Finding("records role", State.OK, found)]
    return [
        Finding(
            "records role",
            State.WRONG,
            f"{who} cannot make a new import.",
            "It may not write where the records are, or that cannot be reached.",
            fix,
        )
    ]


def source(url: str) -> list[Finding]:
    """Look at whether the role that reads a PostgreSQL source can do nothing else."""
    if sa.make_url(url).get_backend_name() != "postgresql":
        return [
            Finding(
                "source role",
                State.LOOK,
                "The rights of its role cannot be looked at on this kind of database.",
                "Only PostgreSQL tells them in a way this program knows.",
                "Have its administrator confirm that the role can only SELECT.",
            )
        ]
    try:
        with _connected(url) as connection:
            tables, schemas, powers = connection.execute(
                sa.text(_MORE_THAN_READING)
            ).one()
    except SQLAlchemyError as error:
        return [
            Finding(
                "source role",
                State.WRONG,
                f"The source did not open ({type(error).__name__}).",
                "Its address, name or password is wrong, or it is not running.",
                "Try the same address with psql from this machine.",
            )
        ]
    if tables or schemas or powers:
        more = "can also change tables" if tables else "can also make tables"
        return [
            Finding(
                "source role",
                State.WRONG,
                f"The role that reads the source {more if not powers else 'rules it'}.",
                "It was made with more rights than an import needs.",
                "Have the administrator make a role with CONNECT, USAGE and SELECT "
                "only, and use that.",
            )
        ]
    return [Finding("source role", State.OK, "It can SELECT, and nothing else.")]


def _opened(part: Part) -> Finding:
    """Open one store."""
    try:
        return Finding(part.name, State.OK, part.opens())
    except ExchangeError as error:
        return Finding(
            part.name,
            State.WRONG,
            error.message,
            "It is missing or damaged, or its key or role is another one.",
            "Do not make a new one in its place; see the backup's page, and tell the "
            "privacy officer.",
        )
    except (OSError, SQLAlchemyError) as error:
        return Finding(
            part.name,
            State.WRONG,
            f"It did not open ({type(error).__name__}).",
            "The file or its database cannot be reached by this account.",
            "Look at the disk, at the database, and at who owns the file.",
        )


def _connected(url: str) -> sa.Connection:
    """Open a read-only connection that is closed with its block."""
    made = sa.create_engine(
        sa.make_url(url),
        hide_parameters=True,
        poolclass=sa.NullPool,
        connect_args={
            "connect_timeout": _PATIENCE_SECONDS,
            "options": "-c default_transaction_read_only=on",
        },
    )
    return made.connect()
