"""Names of files and sheets: they may hold somebody's name or number as well."""

from pathlib import PurePosixPath
from typing import Final

from node.importer import patterns

_LONGEST: Final = 120


def shown(name: str, otherwise: str) -> str:
    """Return a name that may stand in a sentence, or else its position."""
    plain = name.isprintable() and 0 < len(name) <= _LONGEST
    return name if plain and not patterns.looks_personal(name) else otherwise


def table_name(path: str, number: int) -> str:
    """Return a file's name without folders and ending, or its position."""
    stem = PurePosixPath(path.replace("\\", "/")).stem.strip()
    return shown(stem, f"file {number}")
