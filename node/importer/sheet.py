"""Check rows against the dictionary, one table each, and swap keys for random ids."""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from node.importer.batch import (
    HOUSEHOLD_KEY,
    HOUSEHOLDS,
    PERSON_KEY,
    PERSONS,
    SOURCE_ROW,
    Batch,
)
from node.importer.column import Column
from node.importer.findings import Findings
from node.importer.keys import KeyMap
from node.importer.present import Present
from privacy.dictionary import Dictionary, Kind, Level, Rows, Table

SOURCE: Final = "#source"
"""No field can be named so."""

_PLACE: Final = "#place"
_KEY_LENGTH: Final = 200
_IDS_AT_ONCE: Final = 100_000
_MAY_LIE_AHEAD: Final = frozenset({("obligation_event", "due_on")})


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """Rows of one table as the record store takes them, and where they were found.

    Attributes:
        rows: hid, pid and field names -> text, codes and whole numbers.
        sources: The names of the files, sheets or SQL tables.
        origin: `source`, a place in `sources`, and `source_row`, for each row.
    """

    table: str
    rows: pa.Table
    sources: tuple[str, ...]
    origin: pa.Table

    def __repr__(self) -> str:
        """Show nothing of the rows."""
        return f"Stored({self.table})"


class Sheet:
    """One table's rules.

    Rows must come parents first: a household before its adults, and an adult
    before whatever happened to them.
    """

    def __init__(
        self,
        table: Table,
        *,
        dictionary: Dictionary,
        keys: KeyMap,
        present: Present,
        findings: Findings,
        today: int,
    ) -> None:
        """Prepare a parser for each field."""
        self.waiting = 0
        self._table = table
        self._keys = keys
        self._present = present
        self._findings = findings
        self._today = today
        self._sources: dict[str, int] = {}
        self._parts: list[pa.RecordBatch] = []
        self._columns = {
            name: Column(field, dictionary, findings, today=today)
            for name, field in table.fields.items()
        }
        self._met: set[str] = set()

    def add(self, batch: Batch) -> None:
        """Read a batch's fields; its rows wait until their people are known."""
        rows, length = batch.rows, batch.rows.num_rows
        names = set(rows.schema.names)
        where = rows.column(SOURCE_ROW)
        columns = {}
        for name in (HOUSEHOLD_KEY, PERSON_KEY):
            if name in names:
                columns[name] = _usable(rows.column(name))
        for name, column in self._columns.items():
            columns[name] = (
                column.read(rows.column(name), rows=where, source=batch.source)
                if name in names
                else column.empty(length)
            )
        number = self._sources.setdefault(batch.source, len(self._sources))
        columns[SOURCE] = pa.repeat(pa.scalar(number, pa.int32()), length)
        columns[SOURCE_ROW] = where
        for key in self._key_names():
            columns.setdefault(key, pa.nulls(length, pa.string()))
        self._met |= names
        self._parts.append(pa.RecordBatch.from_pydict(columns))
        self.waiting += length

    def flush(self) -> Stored | None:
        """Return the rows that waited, those of nobody left out; or None."""
        if not self._parts:
            return None
        rows = pa.Table.from_batches(self._parts).combine_chunks()
        self._parts, self.waiting = [], 0
        if self._table.name == HOUSEHOLDS:
            rows = self._households(rows)
        elif self._table.name == PERSONS:
            rows = self._persons(rows)
        else:
            rows = self._events(rows)
        if not rows.num_rows:
            return None
        rows = self._ordered(rows)
        self._note_days(rows)
        origin = rows.select([SOURCE, SOURCE_ROW])
        kept = [name for name in ("hid", "pid") if name in rows.column_names]
        kept += self._table.fields
        return Stored(self._table.name, rows.select(kept), tuple(self._sources), origin)

    def finish(self) -> None:
        """Note the fields that no batch had a column for."""
        for name in self._columns if self._met else ():
            if name not in self._met:
                self._findings.note(
                    "missing-column", table=self._table.name, field=name, count=1
                )

    def _key_names(self) -> tuple[str, ...]:
        """Return the columns that say whose row it is."""
        if self._table.name == PERSONS:
            return (PERSON_KEY, HOUSEHOLD_KEY)
        of_household = self._table.level is Level.HOUSEHOLD
        return (HOUSEHOLD_KEY if of_household else PERSON_KEY,)

    def _households(self, rows: pa.Table) -> pa.Table:
        """Take in new households."""
        rows = self._keep(rows, _there(rows, HOUSEHOLD_KEY), "no-key")
        return self._take_in(rows, "household", HOUSEHOLD_KEY, "hid")

    def _persons(self, rows: pa.Table) -> pa.Table:
        """Take in new adults of households that are already in."""
        both = pc.and_(_there(rows, PERSON_KEY), _there(rows, HOUSEHOLD_KEY))
        rows = self._keep(rows, both, "no-key")
        places = self._present.places("household", _column(rows, HOUSEHOLD_KEY))
        rows = self._keep(
            rows.append_column(_PLACE, places), places.is_valid(), "unknown-household"
        )
        rows = rows.append_column("hid", self._ids("household", rows))
        return self._take_in(rows, "person", PERSON_KEY, "pid")

    def _take_in(self, rows: pa.Table, kind: str, key: str, own: str) -> pa.Table:
        """Give whoever is new an id, and set aside second rows of the same."""
        keys = _column(rows, key)
        fresh = self._present.new(kind, keys)
        rows = self._only(rows, fresh)
        keys = keys.take(fresh)
        starts = range(0, len(keys), _IDS_AT_ONCE)
        parts = [self._keys.ids(kind, keys.slice(at, _IDS_AT_ONCE)) for at in starts]
        ids = pa.concat_arrays(parts) if parts else pa.array([], pa.string())
        self._present.add(kind, keys, ids)
        return rows.append_column(own, ids)

    def _events(self, rows: pa.Table) -> pa.Table:
        """Find the household or adult that another table's rows belong to."""
        (key,) = self._key_names()
        kind, own, unknown = (
            ("household", "hid", "unknown-household")
            if key == HOUSEHOLD_KEY
            else ("person", "pid", "unknown-person")
        )
        rows = self._keep(rows, _there(rows, key), "no-key")
        places = self._present.places(kind, _column(rows, key))
        rows = self._keep(
            rows.append_column(_PLACE, places), places.is_valid(), unknown
        )
        if self._table.rows is Rows.ONE:
            places = _column(rows, _PLACE)
            rows = self._only(rows, self._present.first_rows(self._table.name, places))
        return rows.append_column(own, self._ids(kind, rows))

    def _ids(self, kind: str, rows: pa.Table) -> pa.DictionaryArray:
        """Return random ids, by place: a column of numbers and one list."""
        places = _column(rows, _PLACE)
        return pa.DictionaryArray.from_arrays(places, self._present.ids(kind))

    def _keep(self, rows: pa.Table, wanted: pa.Array, check: str) -> pa.Table:
        """Set aside the rows that are not wanted."""
        if pc.all(wanted).as_py() in {True, None}:
            return rows
        self._note_rows(check, rows.filter(pc.invert(wanted)))
        return rows.filter(wanted).combine_chunks()

    def _only(self, rows: pa.Table, places: pa.Int32Array) -> pa.Table:
        """Keep the rows at some places; the rest are of somebody seen before."""
        if len(places) == rows.num_rows:
            return rows
        at = pa.array(range(rows.num_rows), pa.int32())
        others = pc.invert(pc.is_in(at, value_set=places))
        self._note_rows("seen-before", rows.filter(others))
        return rows.take(places).combine_chunks()

    def _ordered(self, rows: pa.Table) -> pa.Table:
        """Empty the end of a spell that ends before it starts."""
        start, end = self._table.start, self._table.end
        if start is None or end is None:
            return rows
        first, last = _column(rows, start), _column(rows, end)
        wrong = pc.fill_null(pc.less(last, first), False)  # noqa: FBT003
        if not pc.any(wrong).as_py():
            return rows
        self._note_rows("ends-before-start", rows.filter(wrong), field=end)
        mended = pc.if_else(wrong, pa.scalar(None, pa.int32()), last)
        return rows.set_column(rows.column_names.index(end), end, mended)

    def _note_days(self, rows: pa.Table) -> None:
        """Note rows without their date, and dates that cannot have come yet."""
        name, start = self._table.name, self._table.start
        if start is not None and start in self._met:
            undated = pc.is_null(rows.column(start))
            if pc.any(undated).as_py():
                self._note_rows("undated", rows.filter(undated), field=start)
        for field in self._table.fields.values():
            if field.kind is not Kind.DAY or (name, field.name) in _MAY_LIE_AHEAD:
                continue
            ahead = pc.greater(rows.column(field.name), self._today).fill_null(False)  # noqa: FBT003
            if pc.any(ahead).as_py():
                self._note_rows("dated-ahead", rows.filter(ahead), field=field.name)

    def _note_rows(self, check: str, rows: pa.Table, *, field: str = "") -> None:
        """Note rows, by the source they were found in."""
        found = rows.column(SOURCE)
        for source, number in self._sources.items():
            own = rows.column(SOURCE_ROW).filter(pc.equal(found, number))
            self._findings.note(
                check,
                table=self._table.name,
                field=field,
                source=source,
                rows=own.to_pylist(),
            )


def _usable(keys: pa.StringArray) -> pa.StringArray:
    """Empty the keys that are blank or too long to be one."""
    keys = pc.utf8_trim_whitespace(keys)
    lengths = pc.utf8_length(keys)
    usable = pc.and_(pc.greater(lengths, 0), pc.less_equal(lengths, _KEY_LENGTH))
    if pc.all(usable).as_py() in {True, None}:
        return keys
    return pc.if_else(usable, keys, pa.scalar(None, pa.string()))


def _there(rows: pa.Table, column: str) -> pa.Array:
    """Tell where a column is not empty."""
    return pc.is_valid(_column(rows, column))


def _column(rows: pa.Table, name: str) -> pa.Array:
    """Return a column in one piece."""
    column = rows.column(name)
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
