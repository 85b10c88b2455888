"""Read a folder of CSV files, one per dictionary table, row by row.

A file or column that the dictionary does not name is refused, because nobody has
said what may be done with it. No sentence here repeats a cell.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from node.importer.report import Problem, Tally
from node.importer.sheet import HOUSEHOLD_KEY, PERSON_KEY, Source
from privacy.dictionary import Dictionary, Level, Table
from privacy.errors import BadRecords

_SUFFIX: Final = ".csv"
_SAFE_NAME: Final = re.compile(r"[a-z][a-z_.]{0,39}")


def key_columns(table: Table) -> tuple[str, ...]:
    """Return the columns that say whose row it is."""
    if table.level is Level.HOUSEHOLD:
        return (HOUSEHOLD_KEY,)
    return (PERSON_KEY, HOUSEHOLD_KEY) if table.name == "participant" else (PERSON_KEY,)


def read(
    folder: Path, *, dictionary: Dictionary, tally: Tally
) -> Iterator[tuple[str, Source]]:
    """Yield table and row, tables in the dictionary's order: parents first.

    Raises:
        BadRecords: the folder, a file or a column is not one the dictionary names,
            or a file is not CSV in UTF-8.
    """
    _require_known_files(folder, dictionary)
    for name, table in dictionary.tables.items():
        path = folder / f"{name}{_SUFFIX}"
        if path.exists():
            for row in _rows(path, table, tally):
                yield name, row


def _require_known_files(folder: Path, dictionary: Dictionary) -> None:
    """Refuse a folder with anything in it that the dictionary does not name."""
    if not folder.is_dir():
        raise BadRecords(
            "There is no such folder to import; name the folder that holds the CSV "
            "files."
        )
    for number, path in enumerate(sorted(folder.iterdir()), start=1):
        if path.name.startswith("."):
            continue
        if path.suffix != _SUFFIX or path.stem not in dictionary.tables:
            raise BadRecords(
                f"{_shown(path.name, f'File {number}')} is not a table of the "
                "dictionary, so nothing was imported; take it out of the folder."
            )
        if not path.is_file():
            raise BadRecords(
                f"{path.name} is not a file, so nothing was imported; replace it."
            )
    if not (folder / f"household{_SUFFIX}").is_file():
        raise BadRecords(
            "household.csv is missing, so nothing was imported: without it nobody "
            "would be counted; export it too."
        )


def _rows(path: Path, table: Table, tally: Tally) -> Iterator[Source]:
    """Yield one file's rows."""
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = _header(next(reader, []), table, tally)
            width = len(header)
            for cells in reader:
                line = reader.line_num
                if len(cells) == width:
                    yield dict(zip(header, cells, strict=True))
                elif cells:
                    tally.note(table.name, Problem.RAGGED)
    except (csv.Error, UnicodeError):
        raise BadRecords(
            f"{path.name} is not CSV in UTF-8 after line {line}, so nothing was "
            "imported; export it again."
        ) from None
    except OSError as error:
        raise BadRecords(
            f"{path.name} cannot be read ({error.strerror}), so nothing was imported; "
            "check the file."
        ) from None


def _header(cells: Sequence[str], table: Table, tally: Tally) -> list[str]:
    """Check a header: known columns, once each, and the key among them."""
    header = [cell.strip() for cell in cells]
    keys = key_columns(table)
    file = f"{table.name}{_SUFFIX}"
    for number, name in enumerate(header, start=1):
        if name not in table.fields and name not in keys:
            raise BadRecords(
                f"{_shown(name, f'Column {number}')} of {file} is not in the "
                "dictionary, so nothing was imported; drop or map the column."
            )
        if header.index(name) != number - 1:
            raise BadRecords(
                f"{name} is in {file} twice, so nothing was imported; drop one."
            )
    for name in keys:
        if name not in header:
            raise BadRecords(
                f"{file} lacks {name}, so nothing was imported; export it too."
            )
    for name in table.fields:
        if name not in header:
            tally.note(table.name, Problem.NO_SUCH_COLUMN, field=name)
    return header


def _shown(name: str, position: str) -> str:
    """Return a name that looks like a column of a table, or else its position."""
    return name if _SAFE_NAME.fullmatch(name) else position
