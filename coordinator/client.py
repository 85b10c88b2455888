"""Published values for an analyst: a DataFrame, an Arrow table, or plain rows.

Opens a centre's store to read, and of it only the view `published`. There is nothing
here that could ask a site or see more than was published.

    from coordinator.client import Results
    with Results.open("centre") as results:
        results.frame("M08", "FY2024")
"""

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from coordinator import published
from coordinator.config import Home
from coordinator.exports import columnar
from coordinator.flat import FlatRow
from privacy.errors import BadConfiguration

if TYPE_CHECKING:
    import pandas as pd


_HARMLESS: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_TRANSACTION}
)


class Results:
    """The published values of one centre."""

    def __init__(self, engine: sa.Engine) -> None:
        """Use a connected database; `open` makes one that can only read."""
        self._engine = engine

    @classmethod
    def open(cls, place: str | Path) -> Self:
        """Open a centre's store to read.

        Args:
            place: The centre's directory, its SQLite file, or the address of its
                PostgreSQL database.

        Raises:
            BadConfiguration: there is no store there.
        """
        try:
            engine = sa.create_engine(_address(place))
        except (SQLAlchemyError, ImportError) as error:
            raise BadConfiguration(
                "The store's address is not understood; give the centre's directory, "
                "its SQLite file, or postgresql+psycopg://..."
            ) from error
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _only_the_view)
        return cls(engine.execution_options(postgresql_readonly=True))

    def rows(
        self,
        metric: str | None = None,
        period: str | None = None,
        *,
        every: bool = False,
    ) -> tuple[FlatRow, ...]:
        """Return published values, each with its interval.

        Args:
            metric: Such as `M08`; all, if left out.
            period: Such as `FY2024`; all, if left out.
            every: Also results that a newer one of the metric and period stands for.

        Raises:
            BadConfiguration: the store has no such view, or it may not be read.
        """
        try:
            with self._engine.connect() as connection:
                return published.read(
                    connection, metric=metric, period=period, every=every
                )
        except SQLAlchemyError as error:
            raise BadConfiguration(
                f"The view `{published.VIEW}` could not be read "
                f"({type(error).__name__}); run `cmpp query list` at the centre once, "
                "and let your account read the view."
            ) from error

    def table(
        self,
        metric: str | None = None,
        period: str | None = None,
        *,
        every: bool = False,
    ) -> pa.Table:
        """Return published values as an Arrow table, as `rows` finds them."""
        found = self.rows(metric, period, every=every)
        return columnar.table(row.content() for row in found)

    def frame(
        self,
        metric: str | None = None,
        period: str | None = None,
        *,
        every: bool = False,
    ) -> "pd.DataFrame":
        """Return published values as a pandas DataFrame, as `rows` finds them.

        Raises:
            BadConfiguration: pandas is not installed.
        """
        found = self.table(metric, period, every=every)
        try:
            return found.to_pandas()
        except ImportError as error:
            raise BadConfiguration(
                "A DataFrame needs pandas; install `cmpp-exchange[analyst]`, or use "
                "table() or rows()."
            ) from error

    def close(self) -> None:
        """Close the store."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Return the open results."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()


def _only_the_view(connection: sqlite3.Connection, _record: object) -> None:
    """Let a connection read the view, and no table but through it."""
    connection.set_authorizer(_may)


def _may(
    action: int,
    table: str | None,
    _column: str | None,
    _database: str | None,
    inside: str | None,
) -> int:
    """Tell SQLite whether a statement may do something."""
    through = inside == published.VIEW and table in published.BEHIND
    if action in _HARMLESS or (
        action == sqlite3.SQLITE_READ and (through or table == published.VIEW)
    ):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _address(place: str | Path) -> str:
    """Return the address of a store that can only be read.

    Raises:
        BadConfiguration: there is no store there.
    """
    if "://" in str(place):
        return str(place)
    path = Path(place)
    if path.is_dir():
        home = Home(path)
        if home.config_file.exists() and (url := home.config().store_url):
            return url
        path = home.store_file
    if not path.is_file():
        raise BadConfiguration(
            f"There is no store at {path}; give the centre's directory, its SQLite "
            "file, or the address of its database."
        )
    return f"sqlite:///{path.resolve().as_uri()}?mode=ro&uri=true"
