"""The story of an import: read, check, give ids, join the register, take into use.

Nobody sees any of it before the last step, and until then the current records
stay as they are.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import pyarrow as pa

from node.importer import appearance, checks, drift, marks, report, rows
from node.importer.ahead import ahead
from node.importer.apart import apart
from node.importer.batch import HOUSEHOLDS, Batch
from node.importer.findings import Effect, Findings
from node.importer.keys import KeyMap, KeyStore
from node.importer.origin import Origins
from node.importer.present import Present
from node.importer.report import Report
from node.importer.sheet import Sheet, Stored
from node.importer.summary import Summary
from node.records.store import RecordStore, Writer
from node.register.book import Register
from privacy.dictionary import Dictionary
from privacy.errors import BadRecords
from privacy.period import day_number

CHUNK: Final = 500_000
"""So many rows wait for their people at most: looking people up costs by the call."""

_FEW: Final = 50
_SET_ASIDE_PERCENT: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Site:
    """What an import fills and what it needs.

    Attributes:
        reports: Folder of the reports of imports; None to write none.
        training: Whether this site is one for training, where records are invented.
        accepts_serious: Take records into use whatever was found, because somebody
            at the site said so.
        trial: Do everything but write a report and take the records into use.
    """

    store: RecordStore
    keys: KeyStore
    dictionary: Dictionary
    register: Register
    reports: Path | None = None
    training: bool = False
    accepts_serious: bool = False
    trial: bool = False


@dataclass(slots=True, repr=False)
class _Intake:
    """What one import gathers on the way."""

    findings: Findings
    today: int
    summary: Summary = field(default_factory=Summary)
    origins: Origins = field(default_factory=Origins)


Incoming: TypeAlias = Iterable[Batch] | Callable[[KeyMap], Iterable[Batch]]
"""Batches, or what makes them once the key map is open: a mapping counts projects."""


def replace(
    batches: Incoming, *, site: Site, findings: Findings, now: dt.datetime
) -> Report:
    """Replace the records; ids stay the same from import to import.

    Requires: a household's row before its adults' rows, those before any other.

    Raises:
        BadRecords: something serious was found that nobody accepted; nothing was
            changed.
        Busy: another import or closing is running.
        BadConfiguration, Corrupt: the store or the key map cannot be used.
    """
    intake = _Intake(findings, day_number(now.astimezone(dt.UTC).date()))
    with contextlib.ExitStack() as open_now:
        writer = open_now.enter_context(site.store.writer())
        present = open_now.enter_context(contextlib.closing(Present()))
        known = site.keys.load()
        sheets = _sheets(site, known, present, intake)
        incoming = apart(
            batches(known) if callable(batches) else batches, training=site.training
        )
        kept = (marks.without_purged(batch, known, findings) for batch in incoming)
        # Three steps at once: read and map, check and give ids, load.
        read = open_now.enter_context(contextlib.closing(ahead(_chunks(kept))))
        ready = ahead(_stored(read, sheets))
        with contextlib.closing(ready):
            for stored in ready:
                writer.load_arrow(stored.table, stored.rows)
                intake.summary.add(stored)
                intake.origins.add(stored)
        present.close()
        # The engine needs the memory next, and the pool would keep it.
        pa.default_memory_pool().release_unused()
        marks.keep(writer, site.store, known)
        due = marks.due_now(writer, site.store, known, findings, now=now)
        made = _checked(writer, intake, site=site, now=now)
        if site.trial:
            return made
        site.register.materialise(writer)
        # Ids first: an id nobody uses is harmless, a record whose id is forgotten
        # would be counted again under another.
        site.keys.save(known)
        site.store.publish(writer)
        # Links last: until the records are in use, their rows must stay to be found.
        marks.forget(site.keys, known, due)
    return made


def undo(*, site: Site, now: dt.datetime) -> Report:
    """Go back to the records of the import before, joined to the register as it is.

    Whoever was counted in a quarter closed since stays counted there. A second undo
    brings the newer records back.

    Raises:
        BadRecords: there is no import before.
        Busy: an import or a closing is running.
        RegisterBroken: the register is not as its closings left it.
    """
    with site.store.writer(undo=True) as writer:
        earlier = site.store.previous() or ""
        # Whoever was purged since has no number any more, so no import brings them.
        marks.keep(writer, site.store, site.keys.load())
        site.register.materialise(writer)
        made = report.revert(
            site.reports, earlier=earlier, generation=writer.generation, now=now
        )
        site.store.publish(writer)
    return made


def import_rows(
    source: Iterable[tuple[str, rows.Source]], *, site: Site, now: dt.datetime
) -> Report:
    """Replace the records by rows that never lie on the disk; else as `replace`."""
    batches = rows.batches(source, dictionary=site.dictionary)
    return replace(batches, site=site, findings=Findings(), now=now)


def _sheets(
    site: Site, known: KeyMap, present: Present, intake: _Intake
) -> dict[str, Sheet]:
    """Prepare every table's rules."""
    return {
        name: Sheet(
            table,
            dictionary=site.dictionary,
            keys=known,
            present=present,
            findings=intake.findings,
            today=intake.today,
        )
        for name, table in site.dictionary.tables.items()
    }


def _chunks(batches: Iterable[Batch]) -> Generator[list[Batch], None, None]:
    """Yield batches, so many together as wait for their people at most."""
    chunk: list[Batch] = []
    rows = 0
    for batch in batches:
        if rows + batch.rows.num_rows > CHUNK:
            yield chunk
            chunk, rows = [], 0
        chunk.append(batch)
        rows += batch.rows.num_rows
    yield chunk


def _stored(
    chunks: Iterable[list[Batch]], sheets: dict[str, Sheet]
) -> Generator[Stored, None, None]:
    """Yield checked rows: a table's in order, parents before what belongs to them."""
    for chunk in chunks:
        for batch in chunk:
            if batch.table not in sheets:
                raise BadRecords(
                    "A row is for a table that is not in the dictionary, so nothing "
                    "was imported; drop or map it."
                )
            sheets[batch.table].add(batch)
        yield from _flushed(sheets)
    for sheet in sheets.values():
        sheet.finish()


def _flushed(sheets: dict[str, Sheet]) -> Iterator[Stored]:
    """Yield what waits, in the dictionary's order."""
    for sheet in sheets.values():
        stored = sheet.flush()
        if stored is not None:
            yield stored


def _checked(
    writer: Writer, intake: _Intake, *, site: Site, now: dt.datetime
) -> Report:
    """Look at the whole, and write the report; say no if something is serious."""
    summary, findings, dictionary = intake.summary, intake.findings, site.dictionary
    if not summary.rows[HOUSEHOLDS]:
        findings.note("no-household", table=HOUSEHOLDS)
    _note_set_aside(summary, findings)
    checks.run(writer, origins=intake.origins, findings=findings, today=intake.today)
    appearance.look(
        summary, dictionary=dictionary, findings=findings, today=intake.today
    )
    last = report.last_summary(site.reports, site.store.current())
    if last is not None:
        drift.compare(last, summary, dictionary=dictionary, findings=findings)
    serious = [each.check.id for each in findings.serious()]
    held = bool(serious) and not site.accepts_serious
    taken = not (held or site.trial)
    made = Report.of(findings, dict(summary.rows), now=now, taken=taken)
    if site.trial:
        return made
    name = report.HELD if held else writer.generation
    report.write(site.reports, made, generation=name, summary=summary.saved(dictionary))
    if held:
        raise BadRecords(
            f"Something serious was found ({', '.join(sorted(set(serious)))}), so "
            "nothing was taken into use; read the report, repair the export, or import "
            "it again with --accept-serious."
        )
    return made


def _note_set_aside(summary: Summary, findings: Findings) -> None:
    """Note tables most of whose rows were set aside."""
    aside: dict[str, int] = {}
    for each in findings.groups():
        if each.check.effect is Effect.ROW:
            aside[each.table] = aside.get(each.table, 0) + each.count
    for table, count in aside.items():
        every = summary.rows[table] + count
        if every >= _FEW and count * 100 > every * _SET_ASIDE_PERCENT:
            findings.note("many-set-aside", table=table, count=count)
