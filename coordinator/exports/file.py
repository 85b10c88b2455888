"""Write an export to a file: whole or not at all, and never over another one."""

import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from coordinator.exports import columnar, delimited, records, workbook
from coordinator.flat import FlatRow
from privacy.errors import BadConfiguration


class Format(StrEnum):
    """In what form published values are written to a file."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSON = "json"


_WRITERS: Final[Mapping[Format, Callable[[Sequence[FlatRow]], bytes]]] = {
    Format.CSV: delimited.write,
    Format.XLSX: workbook.write,
    Format.PARQUET: columnar.write,
    Format.JSON: records.write,
}


def content(rows: Sequence[FlatRow], form: Format) -> bytes:
    """Return the bytes of an export."""
    return _WRITERS[form](rows)


def form_of(path: Path, named: Format | None) -> Format:
    """Return the form of an export: as named, else as its file's name ends.

    Raises:
        BadConfiguration: neither says it.
    """
    if named is not None:
        return named
    ending = path.suffix.lower().removeprefix(".")
    if ending not in set(Format):
        raise BadConfiguration(
            f"{path.name} does not say which form it should have; end its name in "
            f"{', '.join(f'.{each.value}' for each in Format)}, or give --format."
        )
    return Format(ending)


def check_free(path: Path, *, force: bool) -> None:
    """Refuse to write over a file, before anything is asked or charged.

    Raises:
        BadConfiguration: it is there and may not be replaced, or it cannot be.
    """
    if not path.parent.is_dir():
        raise BadConfiguration(f"There is no directory {path.parent}; make it first.")
    if path.is_dir() or (path.exists() and not force):
        raise BadConfiguration(
            f"{path} is there already; choose another name, or give --force to replace "
            "a file."
        )


def write(path: Path, rows: Sequence[FlatRow], form: Format, *, force: bool) -> None:
    """Write an export beside its place, then put it there.

    Raises:
        BadConfiguration: the file is there and may not be replaced.
    """
    check_free(path, force=force)
    put(path, content(rows, form), force=force)


def put(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file whole or not at all: beside its place, then there.

    Raises:
        BadConfiguration: the file is there and may not be replaced.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(data)
        if not force:
            check_free(path, force=False)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
