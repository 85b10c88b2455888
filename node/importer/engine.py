"""From a source and a profile to batches in the dictionary's spelling.

What needs one row at a time streams; what needs whole tables beside each other goes
through memory. No row is kept, and nothing of a source is written anywhere.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from node.importer.batch import SOURCE_ROW, Batch
from node.importer.dates import Style
from node.importer.findings import Findings
from node.importer.guard import Guard, Use
from node.importer.joined import Joining, matches
from node.importer.layout import Layout
from node.importer.mapped_cells import Cells, Numbers, Rows
from node.importer.people import People
from node.importer.plan import Plan
from node.importer.profile import PEOPLE, Profile
from node.importer.profile_own import require_own_names
from node.importer.sources import Remark, SourceTable
from privacy.dictionary import Dictionary

_STRICTEST: Final = (Use.FIELD, Use.KEY, Use.FILTER, Use.NUMBERED, Use.DERIVED)


class Readable(Protocol):
    """What is needed of an open source."""

    @property
    def tables(self) -> tuple[SourceTable, ...]:
        """Every table that can be read."""

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Everything left out so far."""

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of a table."""


@dataclass(frozen=True, slots=True, repr=False)
class Eyes:
    """Who looks at what goes by: the guard, and whoever counts findings."""

    guard: Guard
    findings: Findings


def mapped(
    source: Readable,
    profile: Profile,
    *,
    dictionary: Dictionary,
    guard: Guard,
    findings: Findings,
    numbers: Numbers,
) -> Iterator[Batch]:
    """Yield every row a profile finds, tables in the dictionary's order.

    Args:
        source: Open, and open until the last batch.
        profile: What is read, and what becomes of it.
        dictionary: What the rows are to look like.
        guard: Looks at every cell that is read.
        findings: Counts what was not understood.
        numbers: Gives a source's project or case manager a small number.

    Raises:
        BadRecords: a table or column is not there, or must never be imported.
    """
    # A cell that a workbook or database knows to be a date arrives as an ISO day.
    styles = tuple(dict.fromkeys([*profile.dates, Style.ISO]))
    whole = replace(profile, dates=styles)
    eyes = Eyes(guard, findings)
    run = _Run(source, whole, dictionary, eyes, numbers)
    with contextlib.closing(run.joining):
        yield from run.batches()


class _Run:
    """One pass over a source."""

    def __init__(
        self,
        source: Readable,
        profile: Profile,
        dictionary: Dictionary,
        eyes: Eyes,
        numbers: Numbers,
    ) -> None:
        """Find every table and column, and ask the guard about their names."""
        if profile.own_names:
            require_own_names(source.tables, dictionary)
        self._source, self._dictionary, self._eyes = source, dictionary, eyes
        layout = Layout(source.tables, profile)
        self.joining = Joining(self._read, profile.dates)
        self._people = People(profile, layout, self.joining) if profile.people else None
        self._plans = tuple(layout.plans(dictionary))
        for name, main in layout.passed_over:
            eyes.findings.note("table-passed-over", table=name, shown=main, count=1)
        self._uses = self._all_uses()
        eyes.guard.require(self._uses)
        self._cells = Cells(
            profile=profile,
            dictionary=dictionary,
            guard=eyes.guard,
            findings=eyes.findings,
            numbers=numbers,
        )

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of every plan.

        The guard has looked at a whole table before the next one begins, and at all
        of them before the last batch is out of here: nothing is published earlier.
        """
        statements = {
            id(plan): self.joining.select(plan)
            for plan in self._plans
            if not plan.streams
        }
        if self._people is not None:
            self._people.make()
        for plan in self._plans:
            if plan.streams:
                found = self._streamed(plan)
            else:
                tables = [plan.main, *(joined.table for joined in plan.joins)]
                found = self.joining.rows(statements[id(plan)], tables)
            for rows in found:
                if rows.num_rows:
                    yield self._batch(plan, rows)
            self._eyes.guard.require(self._uses)
        self._tell_remarks()

    def _read(self, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns, and let the guard empty what must not be stored."""
        for batch in self._source.read(table, columns):
            cleaned = [
                self._eyes.guard.clean(
                    table, name, batch.column(name), self._uses[table, name]
                )
                for name in columns
            ]
            yield pa.RecordBatch.from_arrays(
                [*cleaned, batch.column(SOURCE_ROW)], names=[*columns, SOURCE_ROW]
            )

    def _streamed(self, plan: Plan) -> Iterator[pa.RecordBatch]:
        """Yield a plan's columns, c0 and on, without the rows that do not count."""
        filters = [ref.column for ref, _ in plan.conditions]
        wanted = [ref.column for ref in plan.refs]
        names = [*(f"c{n}" for n in range(len(wanted))), SOURCE_ROW]
        for batch in self._read(plan.main, list(dict.fromkeys([*wanted, *filters]))):
            columns = [batch.column(name) for name in [*wanted, SOURCE_ROW]]
            rows = pa.RecordBatch.from_arrays(columns, names=names)
            kept = pa.repeat(pa.scalar(value=True), batch.num_rows)
            for ref, condition in plan.conditions:
                kept = pc.and_(kept, matches(batch.column(ref.column), condition))
            yield rows.filter(kept) if plan.conditions else rows

    def _batch(self, plan: Plan, rows: pa.RecordBatch) -> Batch:
        """Make one batch of a dictionary table."""
        at = {ref: rows.column(f"c{n}") for n, ref in enumerate(plan.refs)}
        where = Rows(plan.main, rows.column(SOURCE_ROW))
        columns = {key: at[ref] for key, ref in plan.keys.items()}
        fields = self._dictionary.tables[plan.entry.table].fields
        for made in plan.made:
            columns[made.name] = self._cells.column(
                made.cell, fields[made.name], [at[ref] for ref in made.columns], where
            )
        columns[SOURCE_ROW] = where.numbers
        return Batch(plan.entry.table, plan.main, pa.RecordBatch.from_pydict(columns))

    def _all_uses(self) -> dict[tuple[str, str], Use]:
        """Return what every column is used for, the use with the strictest rule."""
        every = [use for plan in self._plans for use in plan.uses()]
        if self._people is not None:
            every += self._people.uses()
        found: dict[tuple[str, str], Use] = {}
        for ref, use in every:
            if ref.table == PEOPLE:
                continue
            known = found.setdefault((ref.table, ref.column), use)
            found[ref.table, ref.column] = min(known, use, key=_STRICTEST.index)
        return found

    def _tell_remarks(self) -> None:
        """Count among the findings what the source and the guard left out."""
        for remark in (*self._source.remarks, *self._eyes.guard.remarks):
            remark.note_in(self._eyes.findings)
