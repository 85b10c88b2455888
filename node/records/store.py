"""Keep the records in generations, so that a serving node is never in the way.

An import or a closing makes a new generation beside the current one; publishing
swaps a pointer, in one step that survives a power cut. Whoever is reading the old
generation finishes there. One earlier generation is kept.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from node.records import load
from node.records.connect import (
    Kind,
    Opened,
    Place,
    generations,
    open_generation,
    server,
)
from node.records.schema import CONSENT_TABLE, Schema
from node.records.seal import seal
from privacy.errors import BadConfiguration, BadRecords, Busy, Corrupt, RegisterBroken
from privacy.period import Period

_POINTER, _LOCK = "current", "lock"


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

    def __init__(self, place: Place, schema: Schema, generation: str) -> None:
        """Open the generation's file or schema."""
        self.schema = schema
        self.generation = generation
        self._place = place
        self._opened: Opened | None = open_generation(place, generation, writing=True)
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
        seal(self.transaction, self.schema)
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
            _sync(self._place.file(self.generation))

    def close(self) -> None:
        """Close the generation's file or connections."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class RecordStore:
    """The generations of one site's records."""

    def __init__(
        self,
        place: Place,
        schema: Schema,
        *,
        held: Callable[[], bool] = lambda: False,
    ) -> None:
        """Use a folder; `create` makes it.

        Args:
            place: The folder.
            schema: The tables.
            held: Tells whether a legal hold lasts; then no generation is removed.
        """
        self.schema = schema
        self._place = place
        self._held = held
        self._mutex = threading.Lock()
        self._reader: Reader | None = None

    @classmethod
    def create(cls, place: Place, schema: Schema) -> "RecordStore":
        """Make the folder of a new store, for its owner only.

        Raises:
            BadConfiguration: the folder cannot be made.
        """
        try:
            place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadConfiguration(
                f"The records' folder could not be made ({error.strerror}); check it."
            ) from None
        return cls(place, schema)

    def current(self) -> str | None:
        """Return the name of the published generation, or None before the first."""
        try:
            return (self._place.directory / _POINTER).read_text(encoding="ascii")
        except FileNotFoundError:
            return None

    def open_current(self) -> Reader:
        """Return a reader of the published generation; kept open until it changes.

        Raises:
            BadRecords: nothing was ever imported.
            BadConfiguration: the store cannot be opened.
        """
        with self._mutex:
            name = self.current()
            if name is None:
                raise BadRecords("This site holds no records yet; import some first.")
            if self._reader is None or self._reader.generation != name:
                opened = open_generation(self._place, name)
                self._reader = Reader(opened, self.schema, name)
            return self._reader

    def close(self) -> None:
        """Let go of the reader."""
        with self._mutex:
            self._reader = None

    @contextlib.contextmanager
    def writer(self, *, copy: bool = False) -> Iterator[Writer]:
        """Yield a new generation: empty, or a copy of the current one.

        Leaving without `publish` removes it. One writer at a time, across
        processes.

        Raises:
            Busy: another import or closing is running.
        """
        with self._lock():
            before = self.current()
            number = int(before[1:]) + 1 if before else 1
            name = f"g{number:08d}"
            self._remove(name)
            self._begin(name, before if copy else None)
            made = Writer(self._place, self.schema, name)
            try:
                if not (copy and before):
                    with made.transaction() as connection:
                        self.schema.metadata.create_all(connection, checkfirst=False)
                yield made
            finally:
                made.close()
                if self.current() != name:
                    self._remove(name)

    def publish(self, writer: Writer) -> None:
        """Take a new generation into use; call it inside `writer`.

        Raises:
            RegisterBroken, BadRecords: see `Writer.finish`; nothing was changed.
        """
        held = self._held()
        writer.finish()
        pointer = self._place.directory / _POINTER
        fresh = pointer.with_suffix(".new")
        fresh.write_text(writer.generation, encoding="ascii")
        _sync(fresh)
        fresh.replace(pointer)
        _sync(self._place.directory)
        for name in () if held else generations(self._place):
            if int(name[1:]) < int(writer.generation[1:]) - 1:
                self._remove(name)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep every other writer out, in this process and others."""
        with (self._place.directory / _LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Busy(
                    "Another import or closing is running; wait for it to end."
                ) from None
            yield

    def _begin(self, name: str, source: str | None) -> None:
        """Make an empty generation, or copy one."""
        if self._place.kind is Kind.POSTGRESQL:
            self._begin_postgresql(name, source)
        elif source is not None:
            shutil.copyfile(self._place.file(source), self._place.file(name))
            self._place.file(name).chmod(0o600)

    def _begin_postgresql(self, name: str, source: str | None) -> None:
        """Make a schema; copies keep columns and checks, not indexes."""
        with server(self._place) as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
            if source is None:
                return
            for table in self.schema.metadata.tables:
                copied = f'{name}."{table}"'
                original = f'{source}."{table}"'
                for statement in (
                    f"CREATE TABLE {copied} (LIKE {original} INCLUDING CONSTRAINTS)",
                    f"INSERT INTO {copied} SELECT * FROM {original}",  # noqa: S608
                ):
                    connection.execute(text(statement))

    def _remove(self, name: str) -> None:
        """Remove a generation that is not in use, if it is there."""
        if self._place.kind is Kind.POSTGRESQL:
            with server(self._place) as connection:
                connection.execute(text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))
            return
        file = self._place.file(name)
        for path in (file, Path(f"{file}.wal"), Path(f"{file}-journal")):
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Make a file's content, or a folder's names, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
