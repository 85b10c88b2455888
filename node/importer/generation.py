"""The story of an import: read, check, give ids, join the register, take into use.

Nobody sees any of it before the last step, and until then the current records
stay as they are.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from node.importer import folder
from node.importer.keys import KeyMap, KeyStore
from node.importer.report import Report, Tally
from node.importer.sheet import Present, Sheet, Source, Stored
from node.records.store import RecordStore
from node.register.book import Register
from privacy.dictionary import Dictionary
from privacy.errors import BadRecords
from privacy.period import day_number

_BATCH: Final = 10_000


def import_folder(
    path: Path,
    *,
    store: RecordStore,
    keys: KeyStore,
    dictionary: Dictionary,
    register: Register,
    now: dt.datetime,
) -> Report:
    """Replace the records by a folder of CSV files, one per dictionary table.

    A table without a file is empty. Ids stay the same from import to import.

    Raises:
        BadRecords: a file or column is unknown or unreadable; nothing was changed.
        Busy: another import or closing is running.
        BadConfiguration, Corrupt: the store or the key map cannot be used.
    """
    tally = Tally()
    rows = folder.read(path, dictionary=dictionary, tally=tally)
    return _replace(rows, tally, (store, keys, dictionary, register), now)


def import_rows(
    rows: Iterable[tuple[str, Source]],
    *,
    store: RecordStore,
    keys: KeyStore,
    dictionary: Dictionary,
    register: Register,
    now: dt.datetime,
) -> Report:
    """Replace the records by rows that never lie on the disk; else as above.

    Requires: a household's row before its adults' rows, those before any other.
    """
    return _replace(rows, Tally(), (store, keys, dictionary, register), now)


def _replace(
    rows: Iterable[tuple[str, Source]],
    tally: Tally,
    site: tuple[RecordStore, KeyStore, Dictionary, Register],
    now: dt.datetime,
) -> Report:
    """Fill a new generation and take it into use."""
    store, keys, dictionary, register = site
    today = day_number(now.astimezone(dt.UTC).date())
    with store.writer() as writer:
        known = keys.load()
        sheets = _sheets(dictionary, known, tally, today)
        for table, batch in _batches(rows, sheets):
            writer.load(table, batch)
            tally.keep(table, len(batch))
        register.materialise(writer)
        # Ids first: an id nobody uses is harmless, a record whose id is forgotten
        # would be counted again under another.
        keys.save(known)
        store.publish(writer)
    return tally.report()


def _sheets(
    dictionary: Dictionary, keys: KeyMap, tally: Tally, today: int
) -> dict[str, Sheet]:
    """Prepare every table's rules."""
    present = Present()
    return {
        name: Sheet(
            table,
            dictionary=dictionary,
            keys=keys,
            present=present,
            tally=tally,
            today=today,
        )
        for name, table in dictionary.tables.items()
    }


def _batches(
    rows: Iterable[tuple[str, Source]], sheets: dict[str, Sheet]
) -> Iterator[tuple[str, list[Stored]]]:
    """Yield checked rows, many of one table at a time."""
    waiting: dict[str, list[Stored]] = {name: [] for name in sheets}
    for table, row in rows:
        if table not in sheets:
            raise BadRecords(
                "A row is for a table that is not in the dictionary, so nothing was "
                "imported; drop or map it."
            )
        stored = sheets[table].take(row)
        if stored is None:
            continue
        waiting[table].append(stored)
        if len(waiting[table]) == _BATCH:
            yield table, waiting[table]
            waiting[table] = []
    for table, batch in waiting.items():
        if batch:
            yield table, batch
