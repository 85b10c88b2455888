"""Put many rows into a table of a new generation, fast on each engine.

DuckDB reads Arrow's columns where they lie, and rows as columns of JSON text: its
bound lists and row-wise inserts are a hundred times slower, and a plain file would
lie readable on the disk. PostgreSQL takes COPY, SQLite prepared inserts.
"""

import io
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Table,
)
from sqlalchemy.exc import SQLAlchemyError

from privacy.errors import BadRecords, Corrupt

Value: TypeAlias = str | int | None

CHUNK = 20_000
_READ = 100_000
_INCOMING = "incoming_rows"


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


def insert_arrow(connection: Connection, table: Table, rows: pa.Table) -> None:
    """Insert columns of Arrow: whole numbers, and text plain or by its place in a list.

    Raises:
        BadRecords: a value is not of its column's kind or out of its range.
    """
    for name in rows.column_names:
        kind = rows.schema.field(name).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        whole = pa.types.is_integer(kind)
        if whole is not _whole(table.c[name]) or not (whole or kind == pa.string()):
            raise _bad(table)
    try:
        _insert_arrow(connection, table, rows)
    except (SQLAlchemyError, psycopg.Error, duckdb.Error):
        # The engine's text could quote a value.
        raise _bad(table) from None


def _insert_arrow(connection: Connection, table: Table, rows: pa.Table) -> None:
    """Insert columns the engine's fast way; names come from the dictionary."""
    preparer = connection.dialect.identifier_preparer
    into = preparer.format_table(table)
    names = ", ".join(preparer.quote(name) for name in rows.column_names)
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "duckdb":
        driver.register(_INCOMING, rows)
        try:
            connection.exec_driver_sql(
                f"INSERT INTO {into} ({names}) SELECT {names} FROM {_INCOMING}"  # noqa: S608
            )
        finally:
            driver.unregister(_INCOMING)
    elif connection.dialect.name == "postgresql":
        copied = f"COPY {into} ({names}) FROM STDIN (FORMAT csv)"
        with driver.cursor().copy(copied) as copy:
            for batch in _plain(rows).to_batches(max_chunksize=CHUNK):
                # Empty cells are written bare and texts in quotes, as COPY reads them.
                sink = io.BytesIO()
                options = pyarrow.csv.WriteOptions(include_header=False)
                pyarrow.csv.write_csv(batch, sink, options)
                copy.write(sink.getvalue())
    else:
        marks = ", ".join("?" * rows.num_columns)
        for batch in _plain(rows).to_batches(max_chunksize=CHUNK):
            values = [column.to_pylist() for column in batch.columns]
            connection.exec_driver_sql(
                f"INSERT INTO {into} ({names}) VALUES ({marks})",  # noqa: S608
                list(zip(*values, strict=True)),
            )


def read_arrow(connection: Connection, statement: Select[Any]) -> Iterator[pa.Table]:
    """Yield what a statement of whole numbers and texts finds, so many rows at once.

    Raises:
        Corrupt: the engine failed on the way; what it said is dropped.
    """
    columns = list(statement.selected_columns)
    found = connection.execute(statement)
    if connection.dialect.name == "duckdb":
        # Row by row it is a hundred times slower.
        cursor: Any = found.cursor
        try:
            for batch in cursor.to_arrow_reader(_READ):
                yield pa.Table.from_batches([batch])
        except (duckdb.Error, pa.ArrowException):
            raise Corrupt(
                "The records could not be read; check the store and import again."
            ) from None
        return
    kinds = [pa.int64() if _whole(column) else pa.string() for column in columns]
    names = [column.name for column in columns]
    for rows in found.partitions(_READ):
        values = zip(zip(*rows, strict=True), kinds, strict=True)
        yield pa.table([pa.array(each, kind) for each, kind in values], names=names)


def _plain(rows: pa.Table) -> pa.Table:
    """Return rows whose texts stand in their columns themselves."""
    columns = {}
    for name in rows.column_names:
        column = rows.column(name)
        listed = pa.types.is_dictionary(column.type)
        columns[name] = pc.cast(column, pa.string()) if listed else column
    return pa.table(columns)


def _require(columns: list[Column[Any]], rows: list[Sequence[Value]]) -> None:
    """Refuse a value of another kind: not every engine would."""
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        kinds = {type(value) for value in values}
        if kinds - {type(None), int if _whole(column) else str}:
            raise _bad(column.table)


def _whole(column: ColumnElement[Any]) -> bool:
    """Tell a column of numbers from one of text."""
    return isinstance(column.type, Integer)


def _bad(table: FromClause) -> BadRecords:
    """Say which table, and no value."""
    return BadRecords(
        f"A value for table {table.description} is not of the kind or in the range the "
        "dictionary gives its field; map it before loading."
    )
