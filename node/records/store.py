"""Keep the records in generations, so that a serving node is never in the way.

An import or a closing makes a new generation beside the current one; publishing
swaps a pointer, in one step that survives a power cut. Whoever is reading the old
generation finishes there. The records of the import before are kept, however often
a quarter was closed since: the pointer names them too.
"""

import contextlib
import fcntl
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import text

from node.records.connect import (
    Kind,
    Place,
    generations,
    open_generation,
    server,
)
from node.records.generation import Reader, Writer
from node.records.schema import Schema
from privacy.errors import BadConfiguration, BadRecords, Busy
from proto import disk

__all__ = ["Reader", "RecordStore", "Writer"]

_POINTER, _LOCK = "current", "lock"


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
        self._earlier: str | None = None

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

    @property
    def place(self) -> Place:
        """Where the generations are."""
        return self._place

    @property
    def held(self) -> bool:
        """Whether a legal hold lasts, so that nothing is destroyed."""
        return self._held()

    def current(self) -> str | None:
        """Return the name of the published generation, or None before the first."""
        return self._pointer()[0]

    def previous(self) -> str | None:
        """Return the generation of the import before this one, if there is one."""
        return self._pointer()[1]

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
    def writer(self, *, copy: bool = False, undo: bool = False) -> Iterator[Writer]:
        """Yield a new generation: empty, or a copy of one that is there.

        Leaving without `publish` removes it. One writer at a time, across
        processes.

        Args:
            copy: Start from the current generation, as a closing does.
            undo: Start from the import before, as an undo does.

        Raises:
            Busy: another import or closing is running.
            BadRecords: there is no import before to go back to.
        """
        with self.locked():
            before, earlier = self._pointer()
            if undo and (earlier is None or earlier not in generations(self._place)):
                raise BadRecords(
                    "There is no earlier import to go back to, so nothing was changed; "
                    "import the older export instead."
                )
            number = int(before[1:]) + 1 if before else 1
            name = f"g{number:08d}"
            source = earlier if undo else before if copy else None
            self._remove(name)
            self._begin(name, source)
            made = Writer(self._place, self.schema, name, filling=source is None)
            # A closing leaves the records as they are, and so what undo goes back to.
            self._earlier = earlier if copy else before
            try:
                if source is None:
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
        names = [writer.generation, *filter(None, [self._earlier])]
        fresh.write_text(" ".join(names), encoding="ascii")
        disk.sync(fresh)
        fresh.replace(pointer)
        disk.sync(self._place.directory)
        for name in () if held else generations(self._place):
            last = int(writer.generation[1:]) - 1
            if int(name[1:]) < last and name not in names:
                self._remove(name)

    def _pointer(self) -> tuple[str | None, str | None]:
        """Return the published generation and the import before it."""
        try:
            names = (self._place.directory / _POINTER).read_text("ascii").split()
        except FileNotFoundError:
            names = []
        current, earlier, *_ = [*names, None, None]
        return current, earlier

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other writer out, in this process and others.

        Raises:
            Busy: another import or closing is running.
        """
        with (self._place.directory / _LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Busy(
                    "Another import or closing is running; wait for it to end."
                ) from None
            yield

    def is_written(self) -> bool:
        """Tell whether an import or closing is under way, in any process."""
        with (self._place.directory / _LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

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
