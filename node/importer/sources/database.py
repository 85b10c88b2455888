"""Open a database to read, with an account that can do nothing else."""

import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.engine.reflection import Inspector, ObjectKind
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from node.importer.batch import SOURCE_ROW
from node.importer.sources.cells import text_of
from node.importer.sources.layout import header_of
from node.importer.sources.naming import shown
from node.importer.sources.reading import Reading
from node.importer.sources.source import Part, Source, SourceTable, Watch, tidy
from privacy.errors import BadConfiguration, BadRecords

_FETCHED: Final = 5_000
_LONGEST_URL: Final = 4_096
_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mssql": "mssql+pyodbc",
    "sqlserver": "mssql+pyodbc",
}
_OWN_SCHEMAS: Final = frozenset(
    {
        "information_schema",
        "sys",
        "guest",
        "mysql",
        "performance_schema",
        "INFORMATION_SCHEMA",
    }
)
# What a driver raises on a broken database; its sentences quote cells.
_BROKEN: Final = (
    *(SQLAlchemyError, sqlite3.Error, ValueError, OverflowError, MemoryError),
    *(TypeError, LookupError),
)
_FILES: Final = frozenset({"sqlite", "duckdb"})

# What each server says about this account's rights: more than 0, and it can write.
_MAY_WRITE: Final = {
    "postgresql": (
        "SELECT CAST(has_table_privilege(:name, 'INSERT, UPDATE, DELETE, TRUNCATE') "
        "OR has_any_column_privilege(:name, 'INSERT, UPDATE') AS INTEGER)"
    ),
    "mssql": (
        "SELECT HAS_PERMS_BY_NAME(:name, 'OBJECT', 'INSERT') "
        "+ HAS_PERMS_BY_NAME(:name, 'OBJECT', 'UPDATE') "
        "+ HAS_PERMS_BY_NAME(:name, 'OBJECT', 'DELETE')"
    ),
    "mysql": (
        "SELECT COUNT(*) FROM (SELECT privilege_type FROM "
        "information_schema.user_privileges UNION ALL SELECT privilege_type FROM "
        "information_schema.schema_privileges UNION ALL SELECT privilege_type FROM "
        "information_schema.table_privileges) AS held WHERE privilege_type IN "
        "('INSERT', 'UPDATE', 'DELETE', 'DROP', 'ALTER') AND :name <> ''"
    ),
}
_MAY_WRITE["mariadb"] = _MAY_WRITE["mysql"]


def open_database(location: str, reading: Reading) -> Source:
    """Open a database; its URL may be in the environment or in a file.

    Everything is read in one transaction, so that the tables belong together.

    Raises:
        BadRecords: it cannot be reached, or is of a kind whose account cannot be
            checked.
        BadConfiguration: the variable or file with its URL is not there.
    """
    url = _url(location)
    kind = url.get_backend_name()
    if kind not in _FILES and kind not in _MAY_WRITE:
        raise BadRecords(
            "Nobody can check here that the account of this kind of database is for "
            "reading only, so nothing was imported; export the tables as CSV."
        )
    try:
        engine = _engine(url)
        connection = _connected(engine, kind)
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, TypeError):
        # The driver's own sentence may hold the address and the account.
        raise BadRecords(
            f"The {kind} database cannot be opened, so nothing was imported; check "
            "the address, the account, its password and the firewall."
        ) from None
    except ImportError:
        raise BadConfiguration(
            f"The driver for {kind} is not installed; install the one that its URL "
            "names, or export the tables as CSV."
        ) from None

    def close() -> None:
        connection.close()
        engine.dispose()

    try:
        return Source(_tables(connection, reading), close=close)
    except _BROKEN:
        close()
        raise _unreadable(kind) from None
    except BadRecords:
        close()
        raise


def _url(location: str) -> URL:
    """Read the URL, from where it was put."""
    text = location.strip()
    if text.startswith("env:"):
        text = os.environ.get(text.removeprefix("env:"), "").strip()
    elif text.startswith("file:"):
        try:
            with Path(text.removeprefix("file:")).open(encoding="utf-8") as file:
                text = file.read(_LONGEST_URL).strip()
        except (OSError, UnicodeError):
            text = ""
    if not text:
        raise BadConfiguration(
            "The environment variable or file that should hold the database's URL is "
            "missing or empty; set it."
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BadConfiguration(
            "The location of the database is not a URL such as "
            "postgresql://account@server/database; correct it."
        ) from None
    driver = _DRIVERS.get(url.drivername)
    return url if driver is None else url.set(drivername=driver)


def _engine(url: URL) -> Engine:
    """Prepare to connect, for reading only where the driver can say so."""
    kind = url.get_backend_name()
    more: dict[str, Any] = {}
    if kind == "sqlite":
        more["creator"] = _sqlite(url)
    elif kind == "duckdb":
        _require_file(url)
        # A view could read other files, with the rights of whoever imports.
        config = {"enable_external_access": "false"}
        more["connect_args"] = {"read_only": True, "config": config}
    elif kind == "postgresql":
        # Asking for this type would set savepoints.
        more["use_native_hstore"] = False
    return sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, **more)


def _require_file(url: URL) -> Path:
    """Refuse a database file that is not there: opening would make one."""
    path = Path(url.database or "")
    if not path.is_file():
        raise BadRecords(
            "There is no such database file, so nothing was imported; check its path."
        )
    return path


def _sqlite(url: URL) -> Callable[[], sqlite3.Connection]:
    """Return how to open a file that is not to be changed."""
    path = _require_file(url).resolve()
    # With a log beside it the file alone is not the whole database.
    log = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    # Opened in one thread and read in another, never in two at once.
    return lambda: sqlite3.connect(
        f"file:{quote(str(path))}?{mode}", uri=True, check_same_thread=False
    )


def _connected(engine: Engine, kind: str) -> Connection:
    """Connect, and begin the one transaction everything is read in."""
    connection = engine.connect()
    if kind == "postgresql":
        return connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    if kind in {"mysql", "mariadb"}:
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        connection.commit()
    return connection


def _tables(connection: Connection, reading: Reading) -> list[Part]:
    """List the tables and views this account sees."""
    if connection.dialect.name == "duckdb":
        # Its dialect asks for a PostgreSQL table that DuckDB does not have.
        return [
            _Table(connection, table, number=number, reading=reading)
            for number, table in enumerate(_listed(connection), start=1)
        ]
    with warnings.catch_warnings():
        # A type that SQLAlchemy does not know is read as what it is.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        inspector = sa.inspect(connection)
        usual = inspector.default_schema_name
        others = [
            schema
            for schema in _schemas(inspector)
            if schema != usual
            and schema not in _OWN_SCHEMAS
            and not schema.startswith(("pg_", "db_"))
        ]
        found = [
            (schema, name, tuple(str(column["name"]) for column in columns))
            for wanted in (None, *others)
            for (schema, name), columns in inspector.get_multi_columns(
                schema=wanted, kind=ObjectKind.ANY
            ).items()
        ]
    return [
        _Table(
            connection,
            sa.table(name, *(sa.column(column) for column in columns), schema=schema),
            number=number,
            reading=reading,
        )
        for number, (schema, name, columns) in enumerate(found, start=1)
    ]


def _listed(connection: Connection) -> list[sa.TableClause]:
    """List tables and views by the schema every server of the standard has."""
    columns: dict[tuple[str, str], list[str]] = {}
    for schema, table, column in connection.exec_driver_sql(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns "
        "WHERE table_schema NOT IN ('information_schema', 'pg_catalog') "
        "ORDER BY table_schema, table_name, ordinal_position"
    ):
        columns.setdefault((schema, table), []).append(column)
    return [
        sa.table(
            name, *map(sa.column, held), schema=None if schema == "main" else schema
        )
        for (schema, name), held in columns.items()
    ]


def _schemas(inspector: Inspector) -> list[str]:
    """List schemas, where a database has any besides its own."""
    if inspector.dialect.name in {"postgresql", "mssql"}:
        return inspector.get_schema_names()
    return []


class _Table(Part):
    """One table or view."""

    def __init__(
        self,
        connection: Connection,
        table: sa.TableClause,
        *,
        number: int,
        reading: Reading,
    ) -> None:
        """Keep the names of the columns."""
        self._connection = connection
        self._own = table
        self._reading = reading
        full = f"{table.schema}.{table.name}" if table.schema else table.name
        name = shown(full, f"table {number}")
        own = tuple(column.name for column in table.columns)
        header = header_of(own, first=0, about=f"table {name}")
        self._names = dict(zip(header.names, own, strict=True))
        super().__init__(
            SourceTable(name, header.columns, f"table {name}"),
            repeated=header.repeated,
        )

    def batches(self, columns: Sequence[str], watch: Watch) -> Iterator[pa.RecordBatch]:
        """Yield some columns; rows are numbered as the database gives them.

        Raises:
            BadRecords: the account can write to the table, or the reading broke.
        """
        kind = self._connection.dialect.name
        try:
            self._require_reading_only()
            wanted = [self._own.columns[self._names[column]] for column in columns]
            rows = self._connection.execution_options(
                stream_results=True, yield_per=_FETCHED
            ).execute(sa.select(*wanted))
            with rows:
                for piece in rows.partitions():
                    yield self._batch(piece, columns, watch)
        except _BROKEN:
            raise _unreadable(kind) from None

    def _batch(
        self, rows: Sequence[sa.Row[Any]], columns: Sequence[str], watch: Watch
    ) -> pa.RecordBatch:
        """Make columns of text."""
        arrays = [
            tidy(
                pa.array([text_of(row[place]) for row in rows], pa.string()),
                self._reading,
            )
            for place in range(len(columns))
        ]
        first = watch.done + 1
        watch.done += len(rows)
        numbers = pa.arange(first, first + len(rows))
        return pa.record_batch([*arrays, numbers], names=[*columns, SOURCE_ROW])

    def _require_reading_only(self) -> None:
        """Refuse an account that could change what it reads.

        Raises:
            BadRecords: it can.
        """
        question = _MAY_WRITE.get(self._connection.dialect.name)
        if question is None:
            return
        name = self._connection.dialect.identifier_preparer.format_table(
            sa.Table(self._own.name, sa.MetaData(), schema=self._own.schema)
        )
        answer = self._connection.execute(sa.text(question), {"name": name}).scalar()
        if answer is None or int(answer) > 0:
            raise BadRecords(
                f"The database account can change {self.table.about}, so nothing was "
                "imported; use an account that is granted SELECT only."
            )


def _unreadable(kind: str) -> BadRecords:
    """Say that reading broke off."""
    return BadRecords(
        f"The {kind} database could not be read to the end, so nothing was imported; "
        "check that the account may SELECT from the table, and try again."
    )
