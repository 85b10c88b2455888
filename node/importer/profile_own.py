"""Refuse what the dictionary does not name, where a source speaks its language.

Nobody has said what may be done with such a table or column. No sentence here
repeats a cell, nor a header that may be one.
"""

import re
from collections.abc import Sequence
from typing import Final

from node.importer.batch import key_columns
from node.importer.sources import SourceTable
from privacy.dictionary import Dictionary
from privacy.errors import BadRecords

_SAFE_NAME: Final = re.compile(r"[a-z][a-z_.]{0,39}")
_HOUSEHOLDS: Final = "household"


def require_own_names(tables: Sequence[SourceTable], dictionary: Dictionary) -> None:
    """Check tables and columns against the dictionary.

    Raises:
        BadRecords: one is not in it, or a key is missing.
    """
    for number, table in enumerate(tables, start=1):
        if table.name not in dictionary.tables:
            raise BadRecords(
                f"{_shown(table.about, f'File {number}')} is not a table of the "
                "dictionary, so nothing was imported; take it out, or write a mapping "
                "profile for it."
            )
        _require_columns(table, dictionary)
    if _HOUSEHOLDS not in {table.name for table in tables}:
        raise BadRecords(
            "household.csv is missing, so nothing was imported: without it nobody "
            "would be counted; export it too."
        )


def _require_columns(table: SourceTable, dictionary: Dictionary) -> None:
    """Check one table's header: known columns, and the key among them."""
    known = dictionary.tables[table.name]
    keys = key_columns(known)
    for number, name in enumerate(table.columns, start=1):
        if name not in known.fields and name not in keys:
            raise BadRecords(
                f"{_shown(name, f'Column {number}')} of {table.about} is not in the "
                "dictionary, so nothing was imported; drop or map the column."
            )
    for name in keys:
        if name not in table.columns:
            raise BadRecords(
                f"{table.about} lacks {name}, so nothing was imported; export it too."
            )


def _shown(name: str, position: str) -> str:
    """Return a name that looks like a column of a table, or else its position."""
    return name if _SAFE_NAME.fullmatch(name) else position
