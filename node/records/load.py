"""Put many rows into a table of a new generation, fast on each engine.

DuckDB takes columns as JSON text: its bound lists and row-wise inserts are a
hundred times slower, and a plain file would lie readable on the disk. PostgreSQL
takes COPY, SQLite prepared inserts.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import psycopg
from sqlalchemy import Column, Connection, FromClause, Integer, Table
from sqlalchemy.exc import SQLAlchemyError

from privacy.errors import BadRecords

Value: TypeAlias = str | int | None

CHUNK = 20_000


def insert(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    rows: Iterable[Sequence[Value]],
) -> int:
    """Insert rows whose values stand in the order of `names`; return how many.

    Raises:
        BadRecords: a value is not of its column's kind or out of its range.
    """
    columns = [table.c[name] for name in names]
    total = 0
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, CHUNK)):
        _require(columns, chunk)
        try:
            _insert(connection, columns, chunk)
        except (SQLAlchemyError, psycopg.Error):
            # The engine's text could quote a value.
            raise _bad(table) from None
        total += len(chunk)
    return total


def _insert(
    connection: Connection, columns: list[Column[Any]], rows: list[Sequence[Value]]
) -> None:
    """Insert one chunk the engine's fast way; names come from the dictionary."""
    quote = connection.dialect.identifier_preparer.format_column
    table = connection.dialect.identifier_preparer.format_table(columns[0].table)
    names = ", ".join(quote(column) for column in columns)
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    elif connection.dialect.name == "duckdb":
        kinds = ["BIGINT" if _whole(column) else "VARCHAR" for column in columns]
        parts = ", ".join(f"unnest(from_json(?, '[\"{kind}\"]'))" for kind in kinds)
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({names}) SELECT {parts}",
            tuple(json.dumps(column) for column in zip(*rows, strict=True)),
        )
    else:
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            [tuple(row) for row in rows],
        )


def _require(columns: list[Column[Any]], rows: list[Sequence[Value]]) -> None:
    """Refuse a value of another kind: not every engine would."""
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        kinds = {type(value) for value in values}
        if kinds - {type(None), int if _whole(column) else str}:
            raise _bad(column.table)


def _whole(column: Column[Any]) -> bool:
    """Tell a column of numbers from one of text."""
    return isinstance(column.type, Integer)


def _bad(table: FromClause) -> BadRecords:
    """Say which table, and no value."""
    return BadRecords(
        f"A value for table {table.description} is not of the kind or in the range the "
        "dictionary gives its field; map it before loading."
    )
