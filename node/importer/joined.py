"""Join, order and filter whole tables, in memory only.

Nothing may reach the disk as it was written, so the engine has no temporary
directory and a limit of memory. No text of a source or profile is part of a
statement: tables and columns are numbered, and what is compared was compared before.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb
import pyarrow as pa

from node.importer import dates
from node.importer.batch import SOURCE_ROW
from node.importer.dates import Style
from node.importer.plan import Joined, Plan, Ref, ordering
from node.importer.profile import PEOPLE, Condition
from node.importer.spelling import plain
from privacy.errors import BadRecords

_ROWS: Final = 50_000
_SETTINGS: Final = {
    "temp_directory": "''",
    "memory_limit": "'1200MB'",
    "threads": "2",
    "enable_progress_bar": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
}

Read = Callable[[str, Sequence[str]], Iterator[pa.RecordBatch]]
"""From a source table and its columns to its batches."""


@dataclass(slots=True)
class _Needs:
    """What of one source table is held: text, outcomes of conditions, days."""

    name: str
    texts: dict[str, str] = field(default_factory=dict)
    flags: dict[tuple[str, Condition], str] = field(default_factory=dict)
    days: dict[str, str] = field(default_factory=dict)
    loaded: bool = False


class Joining:
    """Source tables in memory. Prepare every statement before running the first."""

    def __init__(self, read: Read, styles: Sequence[Style]) -> None:
        """Open an empty engine."""
        self._read = read
        self._styles = styles
        self._needs: dict[str, _Needs] = {}
        self._engine = duckdb.connect(":memory:")
        for name, value in _SETTINGS.items():
            self._engine.execute(f"SET {name} = {value}")

    def close(self) -> None:
        """Forget everything."""
        self._engine.close()

    def select(
        self,
        plan: Plan,
        *,
        days: Sequence[Ref] = (),
        flags: Sequence[tuple[Ref, Condition]] = (),
    ) -> str:
        """Return the statement of a plan's rows: c0.. texts, d0.. days, f0.. flags."""
        columns = [f"{self._text(ref)} AS c{n}" for n, ref in enumerate(plan.refs)]
        columns += [f"{self._day(ref)} AS d{n}" for n, ref in enumerate(days)]
        columns += [f"{self._holds(*each)} AS f{n}" for n, each in enumerate(flags)]
        columns.append(f"m0.{SOURCE_ROW} AS {SOURCE_ROW}")
        tables = [f"{self._needed(plan.main).name} AS m0"]
        tables += [self._join(n, j) for n, j in enumerate(plan.joins, start=1)]
        where = [self._holds(ref, condition) for ref, condition in plan.conditions]
        words = ["SELECT", ", ".join(columns), "FROM", " ".join(tables)]
        if where:
            words += ["WHERE", " AND ".join(where)]
        key = ordering(plan.entry)
        if key is not None:
            of = self._text(plan.keys[key])
            by = [f"{self._day(plan.order)} NULLS LAST"] if plan.order else []
            by.append(f"m0.{SOURCE_ROW}")
            words.append(
                f"QUALIFY {of} IS NULL OR row_number() OVER "
                f"(PARTITION BY {of} ORDER BY {', '.join(by)}) = 1"
            )
        words.append(f"ORDER BY m0.{SOURCE_ROW}")
        return " ".join(words)

    def rows(self, statement: str, tables: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Run a statement, after loading the tables it reads.

        Raises:
            BadRecords: they do not fit into memory together.
        """
        try:
            for table in tables:
                self._load(table)
            yield from self._engine.execute(statement).to_arrow_reader(_ROWS)
        except duckdb.OutOfMemoryException:
            raise BadRecords(
                "The tables this profile joins do not fit into memory together, so "
                "nothing was imported; export fewer columns or a shorter span."
            ) from None

    def make(self, name: str, statement: str, content: pa.Table) -> None:
        """Keep a statement's rows over a table of ours, under a name."""
        self._engine.register("given", content)
        self._engine.execute(f"CREATE TABLE {name} AS {statement}")
        self._engine.unregister("given")

    def _join(self, number: int, joined: Joined) -> str:
        """Return a left join on at most one row."""
        needs, alias = self._needed(joined.table), f"m{number}"
        on, own = [], []
        for left, right in joined.pairs:
            column = self._text(right).partition(".")[2]
            on.append(f"{self._text(left)} = {alias}.{column}")
            own.append(column)
        flags = [
            self._flag(ref, condition).partition(".")[2]
            for ref, condition in joined.conditions
        ]
        by = [SOURCE_ROW]
        if joined.first_by is not None:
            by.insert(0, f"{self._day(joined.first_by).partition('.')[2]} NULLS LAST")
        where = f"WHERE {' AND '.join(flags)}" if flags else ""
        nth = f"(PARTITION BY {', '.join(own)} ORDER BY {', '.join(by)})"
        rows = f"SELECT * FROM {needs.name} {where}"  # noqa: S608 - names are ours
        first = f"{rows} QUALIFY row_number() OVER {nth} = 1"
        return f"LEFT JOIN ({first}) AS {alias} ON {' AND '.join(on)}"

    def _needed(self, table: str) -> _Needs:
        """Return what is held of a table."""
        fresh = _Needs(f"t{len(self._needs)}")
        return self._needs.setdefault(table, fresh)

    def _text(self, ref: Ref) -> str:
        """Name a column's text."""
        texts = self._needed(ref.table).texts
        return f"m{ref.place}.{texts.setdefault(ref.column, f'c{len(texts)}')}"

    def _day(self, ref: Ref) -> str:
        """Name a column's day number."""
        needs = self._needed(ref.table)
        self._text(ref)
        return (
            f"m{ref.place}.{needs.days.setdefault(ref.column, f'd{len(needs.days)}')}"
        )

    def _flag(self, ref: Ref, condition: Condition) -> str:
        """Name the outcome of a condition."""
        needs = self._needed(ref.table)
        self._text(ref)
        name = needs.flags.setdefault((ref.column, condition), f"f{len(needs.flags)}")
        return f"m{ref.place}.{name}"

    def _holds(self, ref: Ref, condition: Condition) -> str:
        """Write a condition; a join that found nothing has an empty cell."""
        empty = "TRUE" if condition.holds("") else "FALSE"
        return f"coalesce({self._flag(ref, condition)}, {empty})"

    def _load(self, table: str) -> None:
        """Take a table in, if it is not in yet."""
        needs = self._needs[table]
        if needs.loaded:
            return
        kinds = [f"{name} VARCHAR" for name in needs.texts.values()]
        kinds += [f"{name} BOOLEAN" for name in needs.flags.values()]
        kinds += [f"{name} INTEGER" for name in needs.days.values()]
        kinds.append(f"{SOURCE_ROW} BIGINT")
        self._engine.execute(f"CREATE TABLE {needs.name} ({', '.join(kinds)})")
        for batch in self._batches(table, needs):
            self._engine.register("given", pa.Table.from_batches([batch]))
            self._engine.execute(f"INSERT INTO {needs.name} FROM given")
            self._engine.unregister("given")
        needs.loaded = True

    def _batches(self, table: str, needs: _Needs) -> Iterator[pa.RecordBatch]:
        """Yield a table's batches with what is held of each."""
        source = (
            self._engine.cursor().execute("SELECT * FROM people").to_arrow_reader(_ROWS)
            if table == PEOPLE
            else self._read(table, tuple(needs.texts))
        )
        for batch in source:
            columns = [batch.column(name) for name in needs.texts]
            columns += [
                matches(batch.column(name), condition)
                for name, condition in needs.flags
            ]
            columns += [day_numbers(batch.column(n), self._styles) for n in needs.days]
            columns.append(batch.column(SOURCE_ROW))
            yield pa.RecordBatch.from_arrays(
                columns,
                names=[
                    *needs.texts.values(),
                    *needs.flags.values(),
                    *needs.days.values(),
                    SOURCE_ROW,
                ],
            )


def matches(column: pa.Array, condition: Condition) -> pa.Array:
    """Return where a condition holds; nothing counts as an empty text."""
    coded = column.dictionary_encode()
    outcomes = [condition.holds(plain(text)) for text in coded.dictionary.to_pylist()]
    held = pa.array(outcomes, pa.bool_()).take(coded.indices)
    return held.fill_null(condition.holds(""))


def day_numbers(column: pa.Array, styles: Sequence[Style]) -> pa.Array:
    """Return days as numbers; what no style reads is nothing."""
    coded = column.dictionary_encode()
    days = [dates.read(text, styles) for text in coded.dictionary.to_pylist()]
    return pa.array(days, pa.int32()).take(coded.indices)
