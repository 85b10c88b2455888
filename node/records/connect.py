"""Open one generation of the record store: to fill it once, or to read it only.

DuckDB (default): one file, encrypted with AES-256 in GCM mode by a key from a file
only its owner can read; the network and every other file are out of a statement's
reach. SQLite: one file, opened as immutable. PostgreSQL: one schema, read in
read-only transactions that end after a fixed time. Nothing a connection says about
a key, a path or a value is passed on.
"""

import contextlib
import importlib.util
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
from duckdb_engine import ConnectionWrapper
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from node.secret import Secret
from privacy.errors import BadConfiguration

OPENS = "records"
"""What the key opens, in words."""

_STATEMENT_SECONDS = 300
_GENERATION = re.compile(r"g[0-9]{8}")


class Kind(StrEnum):
    """The engines a site may keep its records in."""

    DUCKDB = "duckdb"
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Place:
    """Where the generations are.

    Attributes:
        directory: Folder of this store alone: its files, pointer and lock. With
            PostgreSQL only the pointer and the lock.
        key_file: Where the key of the encrypted files is kept (DuckDB only).
        url: The database (PostgreSQL only), as ``postgresql+psycopg://...``.
        memory: The most memory one generation may use (DuckDB only).
        threads: The most threads one generation may use (DuckDB only).

    Raises:
        BadConfiguration: a part is missing or does not belong.
    """

    kind: Kind
    directory: Path
    key_file: Path | Secret | None = None
    url: str | None = None
    memory: str = "2GB"
    threads: int = 2

    def __post_init__(self) -> None:
        """Refuse a place that leaves open where or how records are kept."""
        wanted = (self.kind is Kind.DUCKDB, self.kind is Kind.POSTGRESQL)
        if (self.key_file is not None, self.url is not None) != wanted:
            raise BadConfiguration(
                "Records in duckdb take a key file, in postgresql a url, and in sqlite "
                "neither; correct the settings."
            )

    def __repr__(self) -> str:
        """Show the engine only: an address may hold a password."""
        return f"Place({self.kind.value})"

    @property
    def key(self) -> Secret | None:
        """Where the key is kept; a bare path is a file."""
        if isinstance(self.key_file, Path):
            return Secret.file(self.key_file, opens=OPENS)
        return self.key_file

    def file(self, generation: str) -> Path:
        """Return the file of a generation."""
        _require_generation(generation)
        return self.directory / f"{generation}.{self.kind.value}"


@dataclass(frozen=True, slots=True)
class Opened:
    """One open generation: an engine, and how to close it."""

    engine: Engine
    close: Callable[[], None]


def create_key(key: Path | Secret) -> None:
    """Make the key of a site's encrypted records, readable by its owner only.

    Raises:
        BadConfiguration: something is there already, or the folder is missing.
    """
    if isinstance(key, Path):
        key = Secret.file(key, opens=OPENS)
    key.create()


def open_generation(place: Place, generation: str, *, writing: bool = False) -> Opened:
    """Open a generation; reading is the default and cannot write.

    Raises:
        BadConfiguration: the store cannot be opened as the settings say.
    """
    _require_generation(generation)
    match place.kind:
        case Kind.DUCKDB:
            return _open_duckdb(place, generation, writing=writing)
        case Kind.SQLITE:
            return _open_sqlite(place, generation, writing=writing)
        case Kind.POSTGRESQL:
            return _open_postgresql(place, generation, writing=writing)


def generations(place: Place) -> tuple[str, ...]:
    """Return the name of every generation that is there, in use or not.

    Raises:
        BadConfiguration: the store cannot be opened as the settings say.
    """
    if place.kind is not Kind.POSTGRESQL:
        found = (path.stem for path in place.directory.glob(f"*.{place.kind.value}"))
        return tuple(sorted(name for name in found if _GENERATION.fullmatch(name)))
    with server(place) as connection:
        names = connection.scalars(text("SELECT nspname FROM pg_namespace"))
        return tuple(sorted(name for name in names if _GENERATION.fullmatch(name)))


@contextlib.contextmanager
def server(place: Place) -> Iterator[Connection]:
    """Yield a connection to the PostgreSQL server itself, to make or drop schemas."""
    made = create_engine(
        make_url(place.url or ""), hide_parameters=True, isolation_level="AUTOCOMMIT"
    )
    try:
        with made.connect() as connection:
            yield connection
    except SQLAlchemyError:
        raise _unusable() from None
    finally:
        made.dispose()


def _open_duckdb(place: Place, generation: str, *, writing: bool) -> Opened:
    """Attach one encrypted file to an empty database and use nothing else."""
    try:
        base = bare(place)
        _attach(base, place, generation, writing=writing)
        base.execute("SET enable_progress_bar = false")
        base.execute("SET enable_external_access = false")
        base.execute("SET lock_configuration = true")
    except duckdb.Error:
        # The library's own text could quote the key.
        raise _unusable() from None

    def cursor() -> ConnectionWrapper:
        session = base.cursor()
        session.execute("USE records")
        return ConnectionWrapper(session)

    made = create_engine(
        "duckdb:///:memory:",
        creator=cursor,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=60,
        hide_parameters=True,
    )

    def close() -> None:
        made.dispose()
        base.close()

    return Opened(made, close)


def _open_sqlite(place: Place, generation: str, *, writing: bool) -> Opened:
    """Open one file; a generation that is read never changes again."""
    name = quote(str(place.file(generation).absolute()))
    mode = "rwc" if writing else "ro&immutable=1"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{name}?mode={mode}", uri=True, check_same_thread=False
        )
        connection.execute("PRAGMA trusted_schema = 0")
        connection.execute(f"PRAGMA query_only = {0 if writing else 1}")
        return connection

    made = create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=QueuePool,
        max_overflow=60,
        hide_parameters=True,
    )
    return Opened(made, made.dispose)


def _open_postgresql(place: Place, generation: str, *, writing: bool) -> Opened:
    """Look at one schema only; reading transactions cannot write."""
    options = f"-c search_path={generation}"
    if not writing:
        options += (
            " -c default_transaction_read_only=on"
            " -c default_transaction_isolation=repeatable\\ read"
            f" -c statement_timeout={_STATEMENT_SECONDS}s"
        )
    made = create_engine(
        make_url(place.url or ""),
        connect_args={"options": options, "connect_timeout": 10},
        pool_pre_ping=not writing,
        hide_parameters=True,
    )
    return Opened(made, made.dispose)


def bare(place: Place) -> duckdb.DuckDBPyConnection:
    """Return an empty database that can attach encrypted files.

    Raises:
        duckdb.Error: the engine did not start.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": place.memory,
        "temp_directory": str(place.directory / "spill"),
        "threads": str(place.threads),
    }
    base = duckdb.connect(":memory:", config=config)
    # What does not fit in memory is spilled; it must not lie there readable.
    base.execute("SET temp_file_encryption = true")
    base.execute(f"LOAD '{_openssl()}'")
    return base


def _attach(
    base: duckdb.DuckDBPyConnection, place: Place, generation: str, *, writing: bool
) -> None:
    """Attach the encrypted file with the key, or while it is being changed either.

    Raises:
        BadConfiguration: the key is missing.
        duckdb.Error: neither key opens it.
    """
    tried: set[bytes] = set()
    last: duckdb.Error | None = None
    # Asked again until nothing is new: the key may change between the two readings.
    while untried := [key for key in _keys(place) if key not in tried]:
        for key in untried:
            tried.add(key)
            try:
                attach(base, place.file(generation), key, writing=writing)
            except duckdb.Error as error:
                last = error
            else:
                return
    raise last or _unusable()


def _keys(place: Place) -> tuple[bytes, ...]:
    """Return the keys a generation may be under."""
    return () if place.key is None else place.key.read()


def attach(
    base: duckdb.DuckDBPyConnection,
    path: Path,
    key: bytes,
    *,
    writing: bool,
    name: str = "records",
) -> None:
    """Attach one encrypted file under a name.

    Raises:
        duckdb.Error: the key does not open it; the text could quote the key.
    """
    file = str(path).replace("'", "''")
    options = f"ENCRYPTION_KEY '{key.hex()}'" + ("" if writing else ", READ_ONLY")
    base.execute(f"ATTACH '{file}' AS {name} ({options})")


def _openssl() -> str:
    """Return the extension whose OpenSSL writes encrypted files, from its wheel."""
    spec: Any = importlib.util.find_spec("duckdb_extension_httpfs")
    if spec is None:
        raise BadConfiguration("duckdb-extension-httpfs is not installed; install it.")
    folder = Path(spec.submodule_search_locations[0]) / "extensions"
    path = folder / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    if not path.is_file():
        raise BadConfiguration(
            "duckdb and duckdb-extension-httpfs differ in version; install the same."
        )
    return str(path).replace("'", "''")


def _require_generation(name: str) -> None:
    """Refuse any name we did not make: it goes into paths and statements."""
    if not _GENERATION.fullmatch(name):
        raise _unusable()


def _unusable() -> BadConfiguration:
    """Say that the store cannot be used, and nothing about why."""
    return BadConfiguration(
        "The record store cannot be opened; check its folder, key and address."
    )
