"""Open an XLSX workbook: each sheet that shows is a table."""

import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

import openpyxl
import pyarrow as pa
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook import Workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from node.importer.batch import SOURCE_ROW
from node.importer.sources.archive import open_zip
from node.importer.sources.cells import text_of
from node.importer.sources.layout import Header, is_footer
from node.importer.sources.naming import shown
from node.importer.sources.reading import Reading
from node.importer.sources.source import Part, Remark, Source, SourceTable, Watch, tidy
from node.importer.sources.spans import TOP_ROWS, find_spans, spanned_header
from privacy.errors import BadRecords

_BOOK: Final = "xl/workbook.xml"
_BINARY_BOOK: Final = "xl/workbook.bin"
_SHARED: Final = "xl/sharedStrings.xml"
_MOST_SHARED: Final = 256 << 20
_MOST_OTHER: Final = 64 << 20
_MOST_ROWS: Final = 1 << 20
_CHUNK: Final = 5_000
_CELLS: Final = 500_000
"""So many are held at once, however wide the sheet is."""
_TAIL: Final = 20
_DOCTYPE: Final = b"<!DOCTYPE"
_HEAD: Final = 4_096

HIDDEN: Final = "hidden-sheet"
FOOTER: Final = "footer-row"
MISTAKE: Final = "error-cell"

# What openpyxl raises on a file that is not as it says; its sentences quote cells.
_BROKEN: Final = (
    *(ArithmeticError, AttributeError, BadZipFile, EOFError, InvalidFileException),
    *(LookupError, MemoryError, NotImplementedError, OSError, ParseError),
    *(RecursionError, TypeError, ValueError, zlib.error, AssertionError),
)

Cells: TypeAlias = Sequence[object]


def is_workbook(path: Path) -> bool:
    """Tell whether a zip is a workbook.

    Raises:
        BadRecords: it is broken, or a workbook in a format that is not read.
    """
    with closing(open_zip(path)) as archive:
        names = set(archive.namelist())
    if _BINARY_BOOK in names:
        raise BadRecords(
            f"{shown(path.name, 'The file')} is a binary workbook, so nothing was "
            "imported; save it as .xlsx."
        )
    return _BOOK in names


def open_workbook(path: Path, reading: Reading) -> Source:
    """Open a workbook; sheets that are hidden are passed over, and counted.

    Raises:
        BadRecords: it is broken, or a sheet has no header.
    """
    about = shown(path.name, "the workbook")
    with closing(open_zip(path)) as archive:
        _require_bounded(archive, about)
    with ExitStack() as held:
        try:
            archive = held.enter_context(open_zip(path))
            # openpyxl leaves a file open that it cannot read, if it opened it itself.
            file = held.enter_context(path.open("rb"))
            book = _loaded(file)
            held.callback(book.close)
            sheets = list(book.worksheets)
            open_ones = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
            parts = [
                _Sheet(sheet, number, archive=archive, about=about, reading=reading)
                for number, sheet in enumerate(open_ones, start=1)
            ]
        except _BROKEN:
            raise _broken(about) from None
        hidden = len(sheets) - len(open_ones)
        remarks = [Remark(HIDDEN, "", hidden)] if hidden else []
        return Source(parts, remarks=remarks, close=held.pop_all().close)


def _loaded(file: BinaryIO) -> Workbook:
    """Open the workbook for streaming."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(
            file, read_only=True, data_only=True, keep_links=False
        )


def _require_bounded(archive: ZipFile, about: str) -> None:
    """Refuse what must be held in memory whole and is too big for it."""
    for member in archive.infolist():
        if not member.filename.endswith((".xml", ".rels")):
            continue
        sheet = member.filename.startswith("xl/worksheets/")
        most = _MOST_SHARED if member.filename == _SHARED else _MOST_OTHER
        if not sheet and member.file_size > most:
            raise BadRecords(
                f"{about} holds more text than fits in memory, so nothing was "
                "imported; save its sheets as CSV files."
            )
        try:
            with archive.open(member) as file:
                head = file.read(_HEAD)
        except _BROKEN:
            raise _broken(about) from None
        if _DOCTYPE in head.upper():
            raise _broken(about)


class _Sheet(Part):
    """One sheet."""

    def __init__(
        self,
        sheet: ReadOnlyWorksheet,
        number: int,
        *,
        archive: ZipFile,
        about: str,
        reading: Reading,
    ) -> None:
        """Find the header.

        Raises:
            BadRecords: there is none.
        """
        name = shown(sheet.title.strip(), f"sheet {number}")
        self._sheet = sheet
        self._reading = reading
        self._about = f"{about}, sheet {name}"
        self._file = about
        sheet.reset_dimensions()
        top = [
            [text_of(cell) or "" for cell in row]
            for row in islice(self._rows(None), TOP_ROWS)
        ]
        for row in top:
            while row and not row[-1]:
                row.pop()
        self._header = self._named(top, archive)
        super().__init__(
            SourceTable(name, self._header.columns, self._about),
            repeated=self._header.repeated,
        )

    def _named(self, top: Sequence[Sequence[str]], archive: ZipFile) -> Header:
        """Find the names of the columns."""
        # openpyxl keeps the part's name to itself, and the spans of a sheet unread.
        part = str(vars(self._sheet)["_worksheet_path"])
        try:
            with archive.open(part.lstrip("/")) as file:
                spans = find_spans(file)
        except _BROKEN:
            raise _broken(self._file) from None
        return spanned_header(top, spans, reading=self._reading, about=self._about)

    def batches(self, columns: Sequence[str], watch: Watch) -> Iterator[pa.RecordBatch]:
        """Yield some columns; a formula gives the value it last had.

        Raises:
            BadRecords: the sheet is broken.
        """
        names = self._header.names
        places = [names.index(column) for column in columns]
        if not names:
            return
        held: list[tuple[int, Cells]] = []
        for chunk in self._chunks(len(names)):
            if held:
                yield self._batch(held, columns, places, watch)
            held = chunk
            watch.done = chunk[-1][0]
        self._drop_closing(held, watch)
        if held:
            yield self._batch(held, columns, places, watch)

    def _chunks(self, width: int) -> Iterator[list[tuple[int, Cells]]]:
        """Yield the rows below the header that hold anything, with their numbers."""
        chunk: list[tuple[int, Cells]] = []
        for number, row in enumerate(self._rows(width), start=1):
            if number > self._header.first and any(cell is not None for cell in row):
                chunk.append((number, row))
                if len(chunk) == max(1, min(_CHUNK, _CELLS // width)):
                    yield chunk
                    chunk = []
        if chunk:
            yield chunk

    def _rows(self, width: int | None) -> Iterator[Cells]:
        """Yield rows of cells, not more than a sheet can have.

        Without a width each row is as long as it is written, and not padded.
        """
        # The published types of this method are those of another class.
        sheet: Any = self._sheet
        at_once = TOP_ROWS if width is None else max(1, min(_CHUNK, _CELLS // width))
        rows: Iterator[Cells] = sheet.iter_rows(
            max_row=_MOST_ROWS, max_col=width, values_only=True
        )
        while True:
            try:
                # A warning of openpyxl's would print the cell.
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    piece = list(islice(rows, at_once))
            except _BROKEN:
                raise _broken(self._file) from None
            yield from piece
            if len(piece) < at_once:
                return

    def _drop_closing(self, rows: list[tuple[int, Cells]], watch: Watch) -> None:
        """Take totals and the like off the end."""
        for place in range(len(rows) - 1, max(len(rows) - 1 - _TAIL, -1), -1):
            number, row = rows[place]
            filled = [cell for cell in row if cell is not None]
            first = text_of(filled[0]) if filled else None
            if first is not None and not is_footer(first, self._reading):
                return
            if first is not None:
                watch.leave_out(FOOTER, number)
            del rows[place:]

    def _batch(
        self,
        rows: list[tuple[int, Cells]],
        columns: Sequence[str],
        places: Sequence[int],
        watch: Watch,
    ) -> pa.RecordBatch:
        """Make columns of text."""
        arrays = []
        for place in places:
            cells = [row[place] if place < len(row) else None for _, row in rows]
            texts = [text_of(cell) for cell in cells]
            for (number, _), cell, text in zip(rows, cells, texts, strict=True):
                if text is None and cell is not None:
                    watch.leave_out(MISTAKE, number)
            arrays.append(tidy(pa.array(texts, pa.string()), self._reading))
        numbers = pa.array([number for number, _ in rows], pa.int64())
        return pa.record_batch([*arrays, numbers], names=[*columns, SOURCE_ROW])


def _broken(about: str) -> BadRecords:
    """Say that a workbook cannot be read."""
    return BadRecords(
        f"{about} is broken or not a workbook, so nothing was imported; save it again "
        "as .xlsx."
    )
