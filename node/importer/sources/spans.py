"""Find the header of a sheet in which names span columns: it takes two rows."""

import re
from collections.abc import Sequence
from typing import IO, Final, NamedTuple

from node.importer.sources.layout import (
    Header,
    find_header,
    header_at,
    header_of,
    joined,
)
from node.importer.sources.reading import Reading

TOP_ROWS: Final = 200
"""Header and merges are looked for in the first rows only."""

_MOST_COLUMNS: Final = 1 << 14
_PIECE: Final = 1 << 20
_OVERLAP: Final = 200
_MERGED: Final = re.compile(
    rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)"'
)


class Span(NamedTuple):
    """A cell over several columns of one row, counted from 0."""

    row: int
    first: int
    last: int


def spanned_header(
    top: Sequence[Sequence[str]],
    spans: Sequence[Span],
    *,
    reading: Reading,
    about: str,
) -> Header:
    """Find the header; if cells of it span columns, its names take two rows.

    Raises:
        BadRecords: there is none.
    """
    plain = find_header(top, reading=reading, about=about)
    if reading.header_rows or reading.header_row or not plain.names:
        return plain
    at = header_at(top)
    for upper in (at, at - 1):
        above = [span for span in spans if span.row == upper]
        # A single cell over everything is a title.
        if above and 0 <= upper < len(top) - 1 and sum(map(bool, top[upper])) > 1:
            cells = joined(_filled(top[upper], above), top[upper + 1])
            return header_of(cells, first=upper + 2, about=about)
    return plain


def _filled(names: Sequence[str], spans: Sequence[Span]) -> list[str]:
    """Write a name that spans columns into each of them."""
    width = max([len(names), *(span.last + 1 for span in spans)])
    filled = [*names, *[""] * (width - len(names))]
    for span in spans:
        wide = span.last + 1 - span.first
        filled[span.first : span.last + 1] = [filled[span.first]] * wide
    return filled


def find_spans(sheet: IO[bytes]) -> list[Span]:
    """Find the cells near the top that span columns; a sheet lists them at its end."""
    found = set()
    before = b""
    while piece := sheet.read(_PIECE):
        for match in _MERGED.finditer(before + piece):
            first, last = _column(match[1]), _column(match[3])
            row = int(match[2][:8]) - 1
            if row < TOP_ROWS and first < last < _MOST_COLUMNS:
                found.add(Span(row, first, last))
        before = piece[-_OVERLAP:]
    return sorted(found)


def _column(letters: bytes) -> int:
    """Return which column letters name, counted from 0."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1
