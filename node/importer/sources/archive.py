"""Open a zip of text files without unpacking it: members are read where they lie."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from node.importer.sources.csv_table import CsvTable
from node.importer.sources.naming import shown, table_name
from node.importer.sources.reading import Reading
from node.importer.sources.source import Part, Remark, Source
from privacy.errors import BadRecords

MOST_MEMBERS: Final = 2_000
MOST_BYTES: Final = 64 << 30
"""Unpacked, all members together."""
MOST_TIMES: Final = 250
"""How many times its packed size a large member may have; text packs 5 to 50 times."""
_LARGE: Final = 64 << 20
_TEXTS: Final = frozenset({".csv", ".txt", ".tsv"})
_HIDDEN: Final = ("__MACOSX", ".")
PASSED_OVER: Final = "passed-over-file"


def open_archive(path: Path, reading: Reading) -> Source:
    """Open a zip of text files.

    Raises:
        BadRecords: it is broken, has a password, unpacks to an absurd size, or its
            members have names that point outside it.
    """
    archive = open_zip(path)
    try:
        members = list(_texts(archive))
        parts: list[Part] = [
            CsvTable(
                table_name(member.filename, number),
                about=shown(PurePosixPath(member.filename).name, f"file {number}"),
                size=member.file_size,
                reading=reading,
                opened=_opener(archive, member),
            )
            for number, member in enumerate(members, start=1)
        ]
    except BaseException:
        archive.close()
        raise
    if not parts:
        archive.close()
        raise BadRecords(
            "The zip holds no CSV file, so nothing was imported; export it again as "
            "CSV."
        )
    others = sum(not member.is_dir() for member in archive.infolist()) - len(parts)
    remarks = [Remark(PASSED_OVER, "", others)] if others else []
    return Source(parts, remarks=remarks, close=archive.close)


def open_zip(path: Path) -> ZipFile:
    """Open a zip, and refuse one that is a trap.

    Raises:
        BadRecords: it is broken, has a password, or unpacks to an absurd size.
    """
    try:
        archive = ZipFile(path)
    except (BadZipFile, NotImplementedError, ValueError, UnicodeError, EOFError):
        raise BadRecords(
            "The zip file is broken, so nothing was imported; export it again."
        ) from None
    except OSError as error:
        raise BadRecords(
            f"The file cannot be read ({error.strerror}), so nothing was imported; "
            "check the path and its permissions."
        ) from None
    try:
        _require_harmless(archive.infolist())
    except BadRecords:
        archive.close()
        raise
    return archive


def _require_harmless(members: list[ZipInfo]) -> None:
    """Refuse what would fill the memory or point out of the archive."""
    if len(members) > MOST_MEMBERS:
        raise BadRecords(
            f"The zip holds more than {MOST_MEMBERS} files, so nothing was imported; "
            "export only the tables that are needed."
        )
    if sum(member.file_size for member in members) > MOST_BYTES or any(
        member.file_size > _LARGE
        and member.file_size > member.compress_size * MOST_TIMES
        for member in members
    ):
        raise BadRecords(
            "The zip would unpack to an absurd size, so nothing was imported; export "
            "it again, or unpack it yourself and name the folder."
        )
    for member in members:
        name = member.filename.replace("\\", "/")
        link = stat.S_ISLNK(member.external_attr >> 16)
        if link or name.startswith("/") or ":" in name or ".." in name.split("/"):
            raise BadRecords(
                "The zip holds a link or a name that points outside it, so nothing "
                "was imported; export it again."
            )
        if member.flag_bits & 1:
            raise BadRecords(
                "The zip is protected by a password, so nothing was imported; remove "
                "the password, or unpack it and name the folder."
            )


def _texts(archive: ZipFile) -> Iterator[ZipInfo]:
    """Yield the members that are text, by their ending."""
    for member in archive.infolist():
        name = PurePosixPath(member.filename)
        hidden = any(part.startswith(_HIDDEN) for part in name.parts)
        if not member.is_dir() and not hidden and name.suffix.lower() in _TEXTS:
            yield member


def _opener(archive: ZipFile, member: ZipInfo) -> Callable[[], BinaryIO]:
    """Return how to open a member; it is unpacked as it is read."""
    return lambda: cast("BinaryIO", archive.open(member))
