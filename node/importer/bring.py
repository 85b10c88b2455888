"""The story of an import: open, map, check, take into use.

Everything up to the last step can be tried without it.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from node.importer import generation
from node.importer.batch import Batch
from node.importer.engine import mapped
from node.importer.findings import Findings
from node.importer.generation import Site
from node.importer.guard import Guard
from node.importer.keys import KeyMap
from node.importer.profile import Profile
from node.importer.profile_shelf import shipped
from node.importer.report import Report
from node.importer.sources import Remark, Source, SourceTable, open_source

Tell = Callable[[str, int, int | None], None]
"""Told of a table, how far its reading is, and of how much."""


def _nobody(_table: str, _done: int, _total: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bringing:
    """What is brought in, and who is told how far it is.

    Does not print: a location may hold a password.
    """

    location: str | Path
    profile: Profile
    tell: Tell = field(default=_nobody)


def import_source(bringing: Bringing, *, site: Site, now: dt.datetime) -> Report:
    """Replace the records by what a profile finds in a source.

    Raises:
        BadRecords: the source, profile and dictionary do not fit, something must
            never be imported, or something serious was found; nothing was changed.
        Busy: another import or closing is running.
        BadConfiguration, Corrupt: the store or the key map cannot be used.
    """
    findings = Findings(hides=Guard().hides)
    with open_source(bringing.location, bringing.profile.reading) as source:
        return generation.replace(
            lambda keys: batches(bringing, source, site, (keys, findings)),
            site=site,
            findings=findings,
            now=now,
        )


def import_folder(path: Path, *, site: Site, now: dt.datetime) -> Report:
    """Replace the records by files that carry the dictionary's own names."""
    known = shipped("dictionary", site.dictionary)
    return import_source(Bringing(location=path, profile=known), site=site, now=now)


def batches(
    bringing: Bringing, source: Source, site: Site, counted: tuple[KeyMap, Findings]
) -> Iterator[Batch]:
    """Yield a source's rows, mapped."""
    keys, findings = counted
    return mapped(
        Watched(source, bringing.tell),
        bringing.profile,
        dictionary=site.dictionary,
        guard=Guard(),
        findings=findings,
        numbers=keys.number,
    )


class Watched:
    """A source that says how far it is after each batch."""

    def __init__(self, source: Source, tell: Tell) -> None:
        """Watch an open source."""
        self._source = source
        self._tell = tell

    @property
    def tables(self) -> tuple[SourceTable, ...]:
        """Every table that can be read."""
        return self._source.tables

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Everything left out so far."""
        return self._source.remarks

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of a table."""
        for batch in self._source.read(table, columns):
            self._tell(table, *self._source.progress)
            yield batch
