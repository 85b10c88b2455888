"""Open whatever a site names: a folder, a file or a database."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

from node.importer.sources.archive import PASSED_OVER, open_archive
from node.importer.sources.csv_table import CsvTable
from node.importer.sources.database import open_database
from node.importer.sources.naming import shown, table_name
from node.importer.sources.parquet import open_parquet
from node.importer.sources.reading import Reading
from node.importer.sources.source import Part, Remark, Source
from node.importer.sources.workbook import is_workbook, open_workbook
from privacy.errors import BadRecords

_TEXTS: Final = frozenset({".csv", ".txt", ".tsv"})
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_PARQUET: Final = (b"PAR1", b"PARE")
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ELSEWHERE: Final = ("env:", "file:")
_LONGEST_MARK: Final = 8


def open_source(location: str | Path, reading: Reading | None = None) -> Source:
    """Open an export for reading. Use it in a ``with`` statement.

    Args:
        location: A folder or zip of CSV files, a CSV, XLSX or Parquet file, a
            folder of these, or a database as SQLAlchemy writes its URL; a URL with
            a password is better kept in the environment (``env:NAME``) or in a
            file (``file:PATH``).
        reading: What the profile says about how it is written.

    Raises:
        BadRecords: it is not there, broken, protected, or nothing this can read.
    """
    reading = reading or Reading()
    text = str(location)
    if "://" in text or text.startswith(_ELSEWHERE):
        return open_database(text, reading)
    path = Path(location)
    if path.is_dir():
        return _open_folder(path, reading)
    return _open_file(path, reading)


def _open_folder(folder: Path, reading: Reading) -> Source:
    """Open every file of a folder that can be read; say how many cannot."""
    try:
        files = sorted(
            path
            for path in folder.iterdir()
            if path.is_file() and not path.name.startswith((".", "~$"))
        )
    except OSError as error:
        raise BadRecords(
            f"The folder cannot be read ({error.strerror}), so nothing was imported; "
            "check its permissions."
        ) from None
    parts: list[Part] = []
    remarks: list[Remark] = []
    closing: list[Source] = []
    for path in files:
        opener = _opener(path)
        if opener is None:
            remarks.append(Remark(PASSED_OVER, "", 1))
            continue
        try:
            held = opener(path, reading)
        except BadRecords:
            _close_all(closing)
            raise
        closing.append(held)
        parts.extend(held.parts)
        remarks.extend(held.remarks)
    if not parts:
        raise BadRecords(
            "The folder holds no CSV, XLSX or Parquet file, so nothing was imported; "
            "name the folder of the export."
        )
    return Source(parts, remarks=remarks, close=lambda: _close_all(closing))


def _close_all(sources: Sequence[Source]) -> None:
    """Let go of every file."""
    for source in sources:
        source.close()


def _opener(path: Path) -> Callable[[Path, Reading], Source] | None:
    """Choose how to open a file of a folder, by its ending."""
    suffix = path.suffix.lower()
    if suffix in _TEXTS:
        return _open_text
    if suffix in {".xlsx", ".xlsm", ".parquet", ".xls"}:
        return _open_file
    return None


def _open_file(path: Path, reading: Reading) -> Source:
    """Open one file, by how it begins."""
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_MARK)
    except OSError as error:
        raise BadRecords(
            f"The export cannot be read ({error.strerror}), so nothing was imported; "
            "check the path and its permissions."
        ) from None
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return (open_workbook if is_workbook(path) else open_archive)(path, reading)
    if head.startswith(_PARQUET):
        return open_parquet(path, reading)
    if head.startswith(_OLE):
        raise BadRecords(
            f"{shown(path.name, 'The file')} is a workbook with a password or in the "
            "format of before 2007, so nothing was imported; save it as .xlsx without "
            "a password."
        )
    return _open_text(path, reading)


def _open_text(path: Path, reading: Reading) -> Source:
    """Open one text file."""
    about = shown(path.name, "the file")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadRecords(
            f"{about} cannot be read ({error.strerror}), so nothing was imported; "
            "check its permissions."
        ) from None

    def opened() -> BinaryIO:
        return cast("BinaryIO", path.open("rb", buffering=0))

    table = CsvTable(
        table_name(path.name, 1),
        about=about,
        size=size,
        reading=reading,
        opened=opened,
    )
    return Source([table])
