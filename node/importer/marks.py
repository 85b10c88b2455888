"""What an import must keep to, whatever a source says: withdrawals and purges.

A person who withdrew stays withdrawn although the source still says yes. A purged
household's rows are counted as they were, without the number they came from: the
source's rows of it are left out, and its own are carried from import to import.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Select, Table, or_, select, update

from node.importer import due
from node.importer.batch import (
    HOUSEHOLD_KEY,
    HOUSEHOLDS,
    PERSON_KEY,
    SOURCE_ROW,
    Batch,
)
from node.importer.findings import Findings
from node.importer.keymap import HOUSEHOLD, PERSON, KeyMap, Mark
from node.importer.keys import KeyStore
from node.records.generation import Reader, Writer
from node.records.load import read_arrow
from node.records.schema import CONSENT_FIELD, CONSENT_TABLE, Schema
from node.records.store import RecordStore

CONSENT_WITHDRAWN: Final = "withdrawn"
LISTED_AGAIN: Final = "purged-listed-again"

_AT_ONCE: Final = 500
_KEYS: Final = ((HOUSEHOLD_KEY, HOUSEHOLD), (PERSON_KEY, PERSON))
_OWN: Final = frozenset({"seq", "household", "person"})

_T = TypeVar("_T")


def withhold(writer: Writer, keys: KeyMap) -> None:
    """Write a withdrawal over whatever the source said; call it before sealing."""
    participant = writer.schema.records[CONSENT_TABLE]
    consent = participant.c[CONSENT_FIELD]
    for ids in _some(sorted(keys.marked_ids(Mark.WITHDRAWN))):
        mine = or_(participant.c.pid.in_(ids), participant.c.hid.in_(ids))
        change = update(participant).where(mine, consent != CONSENT_WITHDRAWN)
        with writer.transaction() as connection:
            connection.execute(change.values({CONSENT_FIELD: CONSENT_WITHDRAWN}))


def keep(writer: Writer, store: RecordStore, keys: KeyMap) -> None:
    """Keep a new generation to what was decided; call it before sealing."""
    if store.current() is not None:
        carry(writer, store.open_current(), keys)
    withhold(writer, keys)


def due_now(
    records: Reader | Writer,
    store: RecordStore,
    keys: KeyMap,
    findings: Findings,
    *,
    now: dt.datetime,
) -> list[str]:
    """Return the ids whose numbers are to be forgotten now, and note how many.

    Nobody's are while a legal hold lasts.
    """
    before = keys.marked_ids(Mark.PURGED)
    every = due.people(records, today=now.astimezone(dt.UTC).date())
    found = {hid: pids for hid, pids in every.items() if hid not in before}
    if not found:
        return []
    check = "purge-held" if store.held else "purged"
    findings.note(check, table="household", count=len(found))
    if store.held:
        return []
    return [each for hid, pids in found.items() for each in (hid, *pids)]


def forget(store: KeyStore, keys: KeyMap, ids: Sequence[str]) -> int:
    """Forget the numbers some ids stand for, durably; return how many were known."""
    known = keys.purge(ids) if ids else 0
    if known:
        store.save(keys)
    return known


def without_purged(batch: Batch, keys: KeyMap, findings: Findings) -> Batch:
    """Leave out the rows of households that were purged, and note how many."""
    if not keys.has(Mark.PURGED):
        return batch
    rows = batch.rows
    gone = pa.array([False] * rows.num_rows, pa.bool_())
    for name, kind in _KEYS:
        if name in rows.schema.names:
            numbers = pc.utf8_trim_whitespace(rows.column(name))
            gone = pc.or_(gone, keys.marked(Mark.PURGED, kind, numbers))
    if not gone.true_count:
        return batch
    left_out = rows.column(SOURCE_ROW).filter(gone).to_pylist()
    findings.note(LISTED_AGAIN, table=batch.table, source=batch.source, rows=left_out)
    return Batch(batch.table, batch.source, rows.filter(pc.invert(gone)))


def carry(writer: Writer, reader: Reader, keys: KeyMap) -> None:
    """Copy the rows of purged households from the records that are in use."""
    purged = keys.marked_ids(Mark.PURGED)
    if not purged:
        return
    wanted = pa.array(sorted(purged), pa.string())
    # What an undo goes back to holds some of them already.
    there = pc.is_in(wanted, value_set=_there(writer, wanted))
    wanted = wanted.filter(pc.invert(there))
    households: list[Select[Any] | list[str]] = [
        due.of_household(reader.schema, due.EVER)
    ]
    households += _some(_others(reader, wanted))
    for name, table in reader.schema.records.items():
        columns = [column for column in table.c if column.name not in _OWN]
        own = reader.schema.own_key(name)
        with reader.transaction() as connection:
            if connection.execute(select(table.c.seq).limit(1)).first() is None:
                continue
            for some_of in households:
                candidates = select(*columns).where(_of(some_of, table, reader.schema))
                for some in read_arrow(connection, candidates.order_by(table.c.seq)):
                    mine = some.filter(pc.is_in(some.column(own), value_set=wanted))
                    if mine.num_rows:
                        writer.load_arrow(name, mine)


def _others(reader: Reader, wanted: pa.StringArray) -> list[str]:
    """Return who was purged although these records, brought back, say otherwise.

    An undo brings back what a source said before it said that they were not selected.
    """
    household = reader.schema.records[HOUSEHOLDS]
    unselected = due.of_household(reader.schema, due.EVER)
    others = select(household.c.hid).where(household.c.hid.not_in(unselected))
    found: list[str] = []
    with reader.transaction() as connection:
        for rows in read_arrow(connection, others):
            ids = rows.column(0).combine_chunks()
            found += ids.filter(pc.is_in(ids, value_set=wanted)).to_pylist()
    return found


def _there(writer: Writer, wanted: pa.StringArray) -> pa.StringArray:
    """Return which of some households and adults a new generation has already."""
    records = writer.schema.records
    found = []
    with writer.transaction() as connection:
        for column in (records["household"].c.hid, records[CONSENT_TABLE].c.pid):
            for rows in read_arrow(connection, select(column)):
                ids = rows.column(0).combine_chunks()
                found.append(ids.filter(pc.is_in(ids, value_set=wanted)))
    return pa.concat_arrays([pa.array([], pa.string()), *found])


def _of(
    households: Select[Any] | Sequence[str], table: Table, schema: Schema
) -> ColumnElement[bool]:
    """Say which rows of a table are of some households or of their adults."""
    if "hid" in table.c:
        return table.c.hid.in_(households)
    participant = schema.records[CONSENT_TABLE]
    adults = select(participant.c.pid).where(participant.c.hid.in_(households))
    return table.c.pid.in_(adults)


def _some(items: Iterable[_T]) -> Iterator[list[_T]]:
    """Yield items a few hundred at a time: engines limit a statement's length."""
    iterator = iter(items)
    while some := list(islice(iterator, _AT_ONCE)):
        yield some
