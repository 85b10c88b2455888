"""One generation of the records: a reader of one in use, a writer of a new one."""

import contextlib
import itertools
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from node.records import load
from node.records.connect import Kind, Opened, Place, open_generation
from node.records.schema import CONSENT_TABLE, Schema
from node.records.seal import seal, write_consent
from privacy.errors import BadRecords, Corrupt, RegisterBroken
from privacy.period import Period
from proto import disk

_FILLING: Final = "1GB"


class Reader:
    """One published generation, open for reading only.

    Attributes:
        generation: Its name.
        register_head: The head of the register it was joined to.
        closed_through: The last quarter of that register, or None.
    """

    def __init__(self, opened: Opened, schema: Schema, generation: str) -> None:
        """Read which register the generation was joined to."""
        self._opened = opened
        # Closed when the last thread that reads it lets go, and not before.
        weakref.finalize(self, opened.close)
        self.schema = schema
        self.generation = generation
        with self.transaction() as connection:
            row = connection.execute(select(schema.generation)).one()
        self.register_head: str = row.register_head
        self.closed_through = Period(row.closed_through) if row.closed_through else None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield one read-only transaction.

        Raises:
            Corrupt: the engine failed; what it said is dropped, as it could quote
                a record.
        """
        try:
            with self._opened.engine.connect() as connection, connection.begin():
                yield connection
        except SQLAlchemyError:
            raise Corrupt(
                "The records could not be read; check the store and import again."
            ) from None


class Writer:
    """A new generation that nobody can see until it is published."""

    def __init__(
        self, place: Place, schema: Schema, generation: str, *, filling: bool = False
    ) -> None:
        """Open the generation's file or schema.

        Args:
            place: Where it is.
            schema: The tables.
            generation: Its name.
            filling: Leave memory to whoever fills it, until it is sealed.
        """
        self.schema = schema
        self.generation = generation
        self._place = place
        self._filling = filling and place.kind is Kind.DUCKDB
        narrow = replace(place, memory=_FILLING) if self._filling else place
        self._opened: Opened | None = open_generation(narrow, generation, writing=True)
        self._numbers: dict[str, int] = {}
        self._sealed = False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield one writing transaction.

        Raises:
            Corrupt: the engine failed; what it said is dropped.
        """
        if self._opened is None:
            raise Corrupt("A published generation is never changed; make a new one.")
        try:
            with self._opened.engine.begin() as connection:
                yield connection
        except SQLAlchemyError:
            raise Corrupt(
                "The records could not be written; check the disk and try again."
            ) from None

    def load(self, table: str, rows: Iterable[Mapping[str, load.Value]]) -> int:
        """Add rows to a dictionary table, in order; return how many.

        Each row maps `hid` (household tables) or `pid` (tables of adults; the
        participant has both) and field names to values; a missing name is empty.
        Days are day numbers. May be called again for the same table.

        Raises:
            BadRecords: an unknown name, or a value that does not fit its field.
        """
        fields = self.schema.dictionary.table(table).fields
        keys = [self.schema.own_key(table)]
        if table == CONSENT_TABLE:
            keys.append("hid")
        names = [*keys, *fields]
        known = set(names)
        numbers = itertools.count(self._numbers.get(table, 0))

        def values() -> Iterator[Sequence[load.Value]]:
            for row in rows:
                if not known.issuperset(row):
                    raise BadRecords(
                        f"A row for table {table} has a column the dictionary lacks; "
                        "drop or map it before loading."
                    )
                yield [next(numbers), *map(row.get, names)]

        with self.transaction() as connection:
            total = load.insert(
                connection, self.schema.records[table], ["seq", *names], values()
            )
        self._numbers[table] = self._numbers.get(table, 0) + total
        self._sealed = False
        return total

    def load_arrow(self, table: str, rows: pa.Table) -> None:
        """Add rows to a dictionary table, in order; else as `load`.

        Args:
            table: The dictionary's table.
            rows: hid, pid and field names; a field without a column is empty.

        Raises:
            BadRecords: an unknown name, or a value that does not fit its field.
        """
        records = self.schema.records[table]
        known = {
            self.schema.own_key(table),
            *self.schema.dictionary.table(table).fields,
        }
        if not known.union({"hid"} if table == CONSENT_TABLE else ()).issuperset(
            rows.column_names
        ):
            raise BadRecords(
                f"A row for table {table} has a column the dictionary lacks; "
                "drop or map it before loading."
            )
        start = self._numbers.get(table, 0)
        ones = pa.repeat(pa.scalar(1, pa.int64()), rows.num_rows)
        rows = rows.append_column("seq", pc.cumulative_sum(ones, start=start - 1))
        with self.transaction() as connection:
            load.insert_arrow(connection, records, rows)
        self._numbers[table] = start + rows.num_rows
        self._sealed = False

    def added(self, table: str) -> int:
        """Return how many rows of a dictionary table were added."""
        return self._numbers.get(table, 0)

    def joined_to(self, *, head: str, closed_through: Period | None) -> None:
        """Note which register the generation holds."""
        label = closed_through.label if closed_through else ""
        table = self.schema.generation
        with self.transaction() as connection:
            connection.execute(table.delete())
            row = {"register_head": head, "closed_through": label}
            connection.execute(insert(table).values(row))

    def seal(self) -> None:
        """Join the generation to the register it holds.

        Raises:
            RegisterBroken: the register names somebody twice.
            BadRecords: a table with one row per unit has two.
        """
        if self._filling:
            # Whoever filled it is done, and sealing changes every row at once.
            self.close()
            self._opened = open_generation(self._place, self.generation, writing=True)
            self._filling = False
        seal(self.transaction, self.schema)
        self._sealed = True

    def consent_anew(self) -> None:
        """Work out again who consents; all else of a sealed copy stays as it is."""
        if self._place.kind is Kind.POSTGRESQL:
            # A copy there comes without indexes, which sealing makes.
            self.seal()
            return
        with self.transaction() as connection:
            write_consent(connection, self.schema)
        self._sealed = True

    def finish(self) -> None:
        """Seal the generation and put it on disk.

        Raises:
            RegisterBroken: the register was not copied in, or names somebody twice.
            BadRecords: a table with one row per unit has two.
        """
        with self.transaction() as connection:
            if connection.execute(select(self.schema.generation)).first() is None:
                raise RegisterBroken(
                    "The register was not copied into the new records; nothing was "
                    "taken into use."
                )
        if not self._sealed:
            self.seal()
        self.close()
        if self._place.kind is not Kind.POSTGRESQL:
            disk.sync(self._place.file(self.generation))

    def close(self) -> None:
        """Close the generation's file or connections."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
