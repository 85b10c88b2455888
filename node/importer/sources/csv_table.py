"""Read one text file of a source: a table in columns, a block at a time."""

import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final
from zipfile import BadZipFile

import pyarrow as pa
import pyarrow.csv as pc

from node.importer.batch import SOURCE_ROW
from node.importer.sources.decoding import Decoded
from node.importer.sources.layout import Layout, find_layout, is_footer
from node.importer.sources.reading import Reading
from node.importer.sources.source import Part, SourceTable, Watch, tidy
from privacy.errors import BadRecords

_SAMPLE: Final = 1 << 18
_BLOCK: Final = 1 << 20
_TAIL: Final = 20
RAGGED: Final = "ragged-row"
FOOTER: Final = "footer-row"


class CsvTable(Part):
    """A text file with a header."""

    def __init__(
        self,
        name: str,
        *,
        about: str,
        size: int,
        reading: Reading,
        opened: Callable[[], BinaryIO],
    ) -> None:
        """Read the header.

        Args:
            name: Of the table.
            about: The file, for the site's own screen.
            size: Of the file, in bytes.
            reading: How the profile says to read it.
            opened: Opens the file anew.

        Raises:
            BadRecords: the file cannot be read, or has no header.
        """
        self._size = size
        self._reading = reading
        self._opened = opened
        self._about = about
        with self._stream() as stream:
            self._layout, _ = self._begin(stream)
        header = self._layout.header
        super().__init__(
            SourceTable(name, header.columns, about), repeated=header.repeated
        )

    def batches(self, columns: Sequence[str], watch: Watch) -> Iterator[pa.RecordBatch]:
        """Yield some columns; leave out, and count, what is no row of the table.

        Raises:
            BadRecords: the file is broken, or changed since its header was read.
        """
        watch.total = self._size
        names = self._layout.header.names
        places = [names.index(column) for column in columns]
        with self._stream() as stream:
            layout, rest = self._begin(stream)
            if layout != self._layout:
                raise BadRecords(
                    f"{self._about} changed while it was read; import it again when "
                    "the export is finished."
                )
            stream.put_back(rest)
            rows = _Rows(self._reading, watch, first=layout.header.first + 1)
            for batch in rows.passed_on(self._blocks(stream, places, rows)):
                watch.done = min(stream.taken, self._size)
                arrays = [
                    tidy(batch.column(f"c{n}"), self._reading, blanked=True)
                    for n in places
                ]
                yield pa.record_batch(
                    [*arrays, batch.column(SOURCE_ROW)], names=[*columns, SOURCE_ROW]
                )

    def _stream(self) -> Decoded:
        """Open the file as UTF-8."""
        try:
            raw = self._opened()
        except (OSError, EOFError, BadZipFile, zlib.error, NotImplementedError):
            raise _broken(self._about) from None
        try:
            return Decoded(raw, encoding=self._reading.encoding, about=self._about)
        except BadRecords:
            raw.close()
            raise
        except (OSError, EOFError, BadZipFile, zlib.error):
            raw.close()
            raise _broken(self._about) from None

    def _begin(self, stream: Decoded) -> tuple[Layout, bytes]:
        """Return the layout, and the bytes already read past the header."""
        pieces, length, whole = [], 0, False
        try:
            while length < _SAMPLE and not whole:
                piece = stream.read(_SAMPLE - length)
                pieces.append(piece)
                length += len(piece)
                whole = not piece
        except (OSError, EOFError, BadZipFile, zlib.error):
            raise _broken(self._about) from None
        data = b"".join(pieces)
        # A cut inside a character loses that character of the sample only.
        sample = data.decode("utf-8", "ignore")
        layout = find_layout(
            sample, whole=whole, reading=self._reading, about=self._about
        )
        return layout, data[len(sample[: layout.body].encode("utf-8")) :]

    def _blocks(
        self, stream: Decoded, places: Sequence[int], rows: "_Rows"
    ) -> Iterator[pa.RecordBatch]:
        """Yield blocks of the columns that are needed, all as text."""
        width = len(self._layout.header.names)
        names = [f"c{number}" for number in range(width)]
        # The first column tells closing lines from records.
        needed = [names[number] for number in dict.fromkeys((0, *places))]
        first = stream.read(1)
        if not first:
            return
        stream.put_back(first)
        try:
            yield from pc.open_csv(
                stream,
                # One thread: only then is a row that is left out known by number.
                pc.ReadOptions(
                    use_threads=False, block_size=_BLOCK, column_names=names
                ),
                pc.ParseOptions(
                    delimiter=self._layout.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=rows.odd,
                ),
                pc.ConvertOptions(
                    include_columns=needed,
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=list(self._reading.empty),
                    strings_can_be_null=True,
                ),
            )
        except (pa.ArrowException, ValueError, MemoryError):
            # Arrow's own sentence would quote the cell.
            raise _broken(self._about) from None
        except (OSError, EOFError, BadZipFile, zlib.error):
            raise _broken(self._about) from None
        if stream.quotes % 2:
            # Rows after a mark that never closes would be lost inside one cell.
            raise BadRecords(
                f"{self._about} has a quotation mark that never closes, so nothing "
                "was imported; export it again with every text in quotation marks."
            )


class _Rows:
    """Number the rows of a file as its owner sees them."""

    def __init__(self, reading: Reading, watch: Watch, *, first: int) -> None:
        """Start below the header."""
        self._reading = reading
        self._watch = watch
        self._first = first
        self._next = first
        self._skipped: list[int] = []

    def odd(self, row: pc.InvalidRow) -> str:
        """Leave out a row with more or fewer cells than the header."""
        number = self._first + int(row.number or 1) - 1
        self._skipped.append(number)
        closing = row.actual_columns == 1 or is_footer(
            row.text.lstrip('" '), self._reading
        )
        self._watch.leave_out(FOOTER if closing else RAGGED, number)
        return "skip"

    def passed_on(self, blocks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Number every row, and take the closing lines off the last block."""
        held: pa.RecordBatch | None = None
        for block in blocks:
            if held is not None:
                yield held
            numbers = self._numbers(block.num_rows)
            held = pa.record_batch(
                [*block.columns, numbers], names=[*block.schema.names, SOURCE_ROW]
            )
        if held is not None:
            yield self._without_closing(held)

    def _numbers(self, count: int) -> pa.Array:
        """Return the numbers of the next rows, over those left out among them."""
        del self._skipped[: bisect_left(self._skipped, self._next)]
        if not self._skipped:
            start, self._next = self._next, self._next + count
            return pa.arange(start, self._next)
        left_out = set(self._skipped)
        numbers: list[int] = []
        while len(numbers) < count:
            if self._next not in left_out:
                numbers.append(self._next)
            self._next += 1
        return pa.array(numbers, pa.int64())

    def _without_closing(self, block: pa.RecordBatch) -> pa.RecordBatch:
        """Take totals and the like off the end."""
        end = block.num_rows
        first = block.column(0)
        for place in range(end - 1, max(end - 1 - _TAIL, -1), -1):
            cell = first[place].as_py()
            if cell is not None and not is_footer(cell, self._reading):
                break
            if cell is not None:
                self._watch.leave_out(FOOTER, block.column(SOURCE_ROW)[place].as_py())
                end = place
        return block.slice(0, end)


def _broken(about: str) -> BadRecords:
    """Say that a file is not a table in text."""
    return BadRecords(
        f"{about} is broken: it cannot be read as a table to its end, so nothing was "
        "imported; export it again."
    )
