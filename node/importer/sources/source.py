"""A source: tables of text, read a batch at a time and never written down."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from node.importer.batch import SOURCE_ROW
from node.importer.findings import Findings
from node.importer.sources.reading import Reading
from privacy.errors import BadRecords

BATCH_ROWS: Final = 50_000
_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table as the site knows it.

    Attributes:
        name: Of the file without its ending, the sheet, or the table in SQL.
        columns: Their names, those without one left out, each once.
        about: Where it is, for the site's own screen.
    """

    name: str
    columns: tuple[str, ...]
    about: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a source left out, to be put among the findings.

    Attributes:
        check: Which kind, an id in checks.toml.
        table: Where; empty if it is about the whole source.
        count: How many rows, sheets or files.
        rows: The first of them.
        column: Which, if it is about one.
    """

    check: str
    table: str
    count: int
    rows: tuple[int, ...] = ()
    column: str = ""

    def note_in(self, findings: Findings) -> None:
        """Put it among the findings."""
        findings.note(
            self.check,
            table=self.table or "the export",
            field=self.column,
            source=self.table,
            rows=self.rows,
            count=self.count,
        )


@dataclass(slots=True)
class Watch:
    """How far the reading of one table is, and what it left out so far."""

    done: int = 0
    total: int | None = None
    left_out: dict[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)

    def leave_out(self, check: str, row: int) -> None:
        """Count a row that is not passed on."""
        count, rows = self.left_out.get(check, (0, ()))
        kept = (*rows, row) if len(rows) < _LISTED else rows
        self.left_out[check] = (count + 1, kept)


class Part(ABC):
    """One table of a source."""

    def __init__(
        self, table: SourceTable, *, repeated: frozenset[str] = frozenset()
    ) -> None:
        """Keep what is known before reading.

        Args:
            table: Its name and columns.
            repeated: Columns whose name stands twice, so that neither can be meant.
        """
        self.table = table
        self.repeated = repeated

    @abstractmethod
    def batches(self, columns: Sequence[str], watch: Watch) -> Iterator[pa.RecordBatch]:
        """Yield some columns as text, with `SOURCE_ROW`; say how far in `watch`."""


class Source:
    """An open source. Use it in a ``with`` statement."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        remarks: Sequence[Remark] = (),
        close: Callable[[], None] | None = None,
    ) -> None:
        """Check that no two tables share a name.

        Raises:
            BadRecords: two do.
        """
        self._parts = {part.table.name: part for part in parts}
        self._remarks = tuple(remarks)
        self._watches: dict[str, Watch] = {}
        self._close = close
        self._now = Watch()
        folded = [part.table.name.casefold() for part in parts]
        for number, part in enumerate(parts):
            if folded.index(folded[number]) != number:
                self.close()
                raise BadRecords(
                    f"Two tables of the source are called {part.table.name}, so a "
                    "profile could not tell them apart; rename one."
                )

    def __enter__(self) -> Self:
        """Give the source."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of files and connections."""
        self.close()

    def close(self) -> None:
        """Let go of files and connections; twice does no harm."""
        if self._close is not None:
            self._close()
            self._close = None

    def __repr__(self) -> str:
        """Show no names: they are the site's own."""
        return f"Source({len(self._parts)} tables)"

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every table, to be put together with those of other files."""
        return tuple(self._parts.values())

    @property
    def tables(self) -> tuple[SourceTable, ...]:
        """Every table that can be read."""
        return tuple(part.table for part in self._parts.values())

    @property
    def progress(self) -> tuple[int, int | None]:
        """How much of the table being read is done: bytes or rows, and of how many."""
        return self._now.done, self._now.total

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Everything left out so far; a table read twice is told of once."""
        return self._remarks + tuple(
            Remark(check, name, count, rows)
            for name, watch in self._watches.items()
            for check, (count, rows) in watch.left_out.items()
        )

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of a table, at most `BATCH_ROWS` rows at a time.

        Every column is trimmed text, null where the cell is blank; `SOURCE_ROW` is
        the row as a spreadsheet numbers it, the first row being 1. Rows in which
        all these columns are blank are passed over.

        Raises:
            BadRecords: there is no such table or column, its name stands twice, or
                the file is broken.
        """
        part = self._parts.get(table)
        if part is None:
            raise BadRecords("The source has no table of that name; check the profile.")
        wanted = tuple(dict.fromkeys(columns))
        for name in wanted:
            if name not in part.table.columns:
                raise BadRecords(
                    f"{part.table.about} has no column called {name}; check the "
                    "profile."
                )
            if name in part.repeated:
                raise BadRecords(
                    f"Column {name} stands twice in {part.table.about}, so nobody "
                    "can say which is meant; rename one of the two."
                )
        self._now = self._watches[table] = Watch()
        return _bounded(part.batches(wanted, self._now))


def _bounded(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut long batches, and pass over rows that hold nothing."""
    for whole in batches:
        held = _without_empty(whole)
        for start in range(0, held.num_rows, BATCH_ROWS):
            yield held.slice(start, BATCH_ROWS)


def _without_empty(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out the rows in which every column is null."""
    columns = [batch.column(n) for n in batch.schema.names if n != SOURCE_ROW]
    if not columns or any(column.null_count == 0 for column in columns):
        return batch
    held = columns[0].is_valid()
    for column in columns[1:]:
        held = pc.or_(held, column.is_valid())
    return batch if pc.all(held).as_py() else batch.filter(held)


def tidy(column: pa.Array, reading: Reading, *, blanked: bool = False) -> pa.Array:
    """Trim text, and make what means "empty" null.

    Args:
        column: Text.
        reading: What means "empty".
        blanked: Whether untrimmed cells that mean it are null already.
    """
    trimmed = pc.utf8_trim_whitespace(column)
    if blanked and _length(trimmed) == _length(column):
        return trimmed
    empty = pc.is_in(trimmed, value_set=pa.array(reading.empty, pa.string()))
    if not pc.any(empty).as_py():
        return trimmed
    return pc.if_else(empty, pa.scalar(None, pa.string()), trimmed)


def _length(column: pa.Array) -> int:
    """Return how many bytes of text a column has."""
    return int(pc.sum(pc.binary_length(column)).as_py() or 0)
