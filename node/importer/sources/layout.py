"""Find out how a table is laid out: its delimiter, its header, its closing lines."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from node.importer import patterns
from node.importer.sources.reading import Reading
from privacy.errors import BadRecords

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_ROWS: Final = 200
_LONGEST_NAME: Final = 200
_DECLARED: Final = re.compile(r"sep=([,;\t|])\r?\n?", re.IGNORECASE)
_MARKUP: Final = re.compile(r"\s*<(?:!doctype|html|table|\?xml)", re.IGNORECASE)
_LINES: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_FOOTER: Final = re.compile(
    r"(?:grand |sub-?|sub )?total(?:e?s)?\b|record count\b|confiden[ct]ial|"
    r"copyright|\(c\)|©|generated (?:by|on|at)\b|generado (?:por|el)\b|"
    r"report (?:generated|run|date|name)|exported (?:by|on|at)\b|run (?:by|on|at)\b|"
    r"as of\b|page \d+|p[aá]gina \d+|end of (?:report|file)|filtered by\b|"
    r"printed (?:by|on)|all rights reserved",
    re.IGNORECASE,
)

Row: TypeAlias = Sequence[str]


@dataclass(frozen=True, slots=True)
class Header:
    """Where the names of the columns stand.

    Attributes:
        names: One per column, empty where there is none.
        first: The row after them, counted from 0.
    """

    names: tuple[str, ...]
    first: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names that stand, each once."""
        return tuple(dict.fromkeys(name for name in self.names if name))

    @property
    def repeated(self) -> frozenset[str]:
        """Return the names that stand more than once."""
        counts = Counter(name for name in self.names if name)
        return frozenset(name for name, count in counts.items() if count > 1)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file is laid out.

    Attributes:
        delimiter: Between cells.
        header: The names of the columns.
        body: Where the rows below the header begin, in characters.
    """

    delimiter: str
    header: Header
    body: int


def is_footer(cell: str, reading: Reading) -> bool:
    """Tell whether a row that begins so closes a report, and is nobody's record."""
    text = cell.strip()
    if _FOOTER.match(text):
        return True
    return any(text.startswith(footer) for footer in reading.footers if footer)


def find_layout(sample: str, *, whole: bool, reading: Reading, about: str) -> Layout:
    """Read a text file's layout off its beginning.

    Args:
        sample: The first characters.
        whole: Whether they are the whole file.
        reading: What the profile says.
        about: The file, for the site's own screen.

    Raises:
        BadRecords: there is no header, or its row holds records.
    """
    if _MARKUP.match(sample):
        raise BadRecords(
            f"{about} is a web page or XML, whatever its name says, so nothing was "
            "imported; open it in a spreadsheet and save it as .xlsx or CSV."
        )
    declared = _DECLARED.match(sample)
    start = declared.end() if declared else 0
    lines = _LINES.findall(sample[start:])
    delimiter = reading.delimiter or (declared[1] if declared else "")
    if not delimiter:
        delimiter = _best_delimiter(lines, whole=whole)
    rows = list(_rows(lines, delimiter, whole=whole))
    header = find_header([row for row, _ in rows], reading=reading, about=about)
    taken = rows[header.first - 1][1] if header.first else 0
    body = start + sum(len(line) for line in lines[:taken])
    if declared:
        header = Header(header.names, header.first + 1)
    return Layout(delimiter=delimiter, header=header, body=body)


def _best_delimiter(lines: Sequence[str], *, whole: bool) -> str:
    """Choose the sign that makes the most cells in rows that are equally wide."""

    def made(delimiter: str) -> int:
        rows = [row for row, _ in _rows(lines, delimiter, whole=whole)]
        widths = Counter(len(row) for row in rows)
        return max((count * (wide - 1) for wide, count in widths.items()), default=0)

    return max(_DELIMITERS, key=made)


def _rows(
    lines: Sequence[str], delimiter: str, *, whole: bool
) -> Iterator[tuple[Row, int]]:
    """Yield the first rows, each with the number of lines up to its end."""
    reader = csv.reader(iter(lines), delimiter=delimiter)
    held: tuple[Row, int] | None = None
    try:
        for number, row in enumerate(reader):
            if held is not None:
                yield held
            if number == _SAMPLE_ROWS:
                return
            held = row, reader.line_num
    except csv.Error:
        whole = True  # what is held is a row that came out well
    # The last row of a sample may have been cut.
    if held is not None and whole:
        yield held


def find_header(rows: Sequence[Row], *, reading: Reading, about: str) -> Header:
    """Find the names of the columns, past titles and empty rows.

    Raises:
        BadRecords: there are none, or their row holds records.
    """
    if not any(cell.strip() for row in rows for cell in row):
        return Header((), len(rows))
    at = reading.header_row - 1 if reading.header_row else header_at(rows)
    depth = max(reading.header_rows, 1)
    if not 0 <= at <= len(rows) - depth:
        raise BadRecords(
            f"{about} has no row {reading.header_row or 1} that could name its "
            "columns; correct header_row in the profile."
        )
    names: Row = rows[at]
    if depth > 1:
        names = joined(_carried(names, len(rows[at + 1])), rows[at + 1])
    return header_of(names, first=at + depth, about=about)


def header_of(names: Row, *, first: int, about: str) -> Header:
    """Make a header of the cells that name the columns.

    Raises:
        BadRecords: their row holds records.
    """
    tidy = tuple(" ".join(name.split()) for name in names)
    require_names(tidy, about=about)
    return Header(tidy, first)


def header_at(rows: Sequence[Row]) -> int:
    """Return which row names the columns: the first one that is wide and full."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0] if widths else 1
    for number, row in enumerate(rows):
        filled = sum(bool(cell.strip()) for cell in row)
        if len(row) * 2 > width and filled * 2 > len(row) and filled * 3 > width:
            return number
    return next(
        number for number, row in enumerate(rows) if any(cell.strip() for cell in row)
    )


def _carried(upper: Row, width: int) -> list[str]:
    """Let every upper name hold until the next one, as a cell over columns does."""
    names, held = [], ""
    for number in range(width):
        held = (upper[number].strip() if number < len(upper) else "") or held
        names.append(held)
    return names


def joined(upper: Row, lower: Row) -> list[str]:
    """Join two rows of names, column by column."""
    width = max(len(upper), len(lower))
    pairs = zip(_padded(upper, width), _padded(lower, width), strict=True)
    return [
        above if below in ("", above) else f"{above} {below}".strip()
        for above, below in pairs
    ]


def _padded(row: Row, width: int) -> list[str]:
    """Fill a row up with empty cells."""
    return [cell.strip() for cell in row] + [""] * (width - len(row))


def require_names(names: Iterable[str], *, about: str) -> None:
    """Refuse a header that is a row of records: its cells would be shown as names.

    Raises:
        BadRecords: a cell looks like a value, or is too long for a name.
    """
    for name in names:
        if len(name) > _LONGEST_NAME or patterns.looks_personal(name):
            raise BadRecords(
                f"{about} has no row with the names of its columns: where they should "
                "stand there are values; add a header, or correct header_row in the "
                "profile."
            )
