"""Forget case numbers that are due, without waiting for the next import."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from node import draw
from node.importer import due, marks
from node.importer.findings import Findings
from node.importer.keys import KeyStore
from node.records.store import RecordStore
from node.stopping import shred
from privacy.errors import NotAllowed
from privacy.period import day_number

_LISTS: Final = frozenset({".list", ".csv"})


def old_lists(directory: Path, *, now: dt.datetime) -> tuple[Path, ...]:
    """Return the lists of draws, and of who was drawn, that are as old as that.

    Only what has not been written to for fifteen months: a restored list waits again.
    """
    last = due.last_day(now.astimezone(dt.UTC).date())
    return tuple(
        path
        for path in draw.private_files(directory)
        if path.suffix in _LISTS and _day(path) <= last
    )


def destroy_lists(lists: Sequence[Path], store: RecordStore) -> int:
    """Destroy old lists of draws; return how many there were.

    An auditor can repeat none of those draws any more.

    Raises:
        NotAllowed: a legal hold lasts.
        BadConfiguration: one could not be destroyed; run it again.
    """
    _check_hold(store)
    return sum(shred.destroy(path) for path in lists)


def purge(store: RecordStore, keys: KeyStore, *, now: dt.datetime) -> int:
    """Forget the numbers of unselected households fifteen months after their draw.

    Returns:
        How many households' and adults' numbers were forgotten: for the site's own
        screen.

    Raises:
        NotAllowed: a legal hold lasts.
        BadRecords: nothing was ever imported.
        Busy: an import or closing is running.
    """
    _check_hold(store)
    with store.locked():
        known = keys.load()
        found = marks.due_now(store.open_current(), store, known, Findings(), now=now)
        return marks.forget(keys, known, found)


def _day(path: Path) -> int:
    """Return the day a file was written to last."""
    written = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    return day_number(written.date())


def _check_hold(store: RecordStore) -> None:
    """Destroy nothing while counsel wants everything kept."""
    if store.held:
        raise NotAllowed(
            "A legal hold lasts, so nothing is destroyed; purge again when counsel has "
            "ended it."
        )
