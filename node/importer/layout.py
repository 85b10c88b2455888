"""Find a profile's tables and columns in a source, and say what to change if it cannot.

What comes out are plans. No row is read here.
"""

import difflib
import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import replace

from node.importer.plan import Joined, Made, Plan, Ref
from node.importer.profile import (
    PEOPLE,
    PEOPLE_COLUMNS,
    Cell,
    Condition,
    Derivation,
    Entry,
    Join,
    Names,
    Profile,
)
from node.importer.sources import SourceTable
from node.importer.spelling import plain, shown
from privacy.dictionary import Dictionary
from privacy.errors import BadRecords


class Layout:
    """The tables of a source, looked up the way people write names."""

    def __init__(self, tables: Sequence[SourceTable], profile: Profile) -> None:
        """Keep the tables, and the one the profile makes of people."""
        self._tables = {table.name: table for table in tables}
        self._profile = profile
        self.passed_over: list[tuple[str, str]] = []
        if profile.people is not None:
            self._tables[PEOPLE] = SourceTable(
                name=PEOPLE, columns=PEOPLE_COLUMNS, about=PEOPLE
            )

    def about(self, table: str) -> str:
        """Return where a table is, for the site's eyes."""
        known = self._tables[table]
        return shown(known.about, "a table") if known.about else table

    def plans(self, dictionary: Dictionary) -> Iterator[Plan]:
        """Yield every plan, tables in the dictionary's order: parents first.

        Raises:
            BadRecords: a table or column the profile needs is not there; the
                sentence names the profile's line and what it could say.
        """
        for name, table in dictionary.tables.items():
            for entry in self._profile.entries:
                if entry.table != name:
                    continue
                for main in self._matching(entry):
                    try:
                        yield self._plan(entry, main, table.start)
                    except BadRecords:
                        if not entry.optional:
                            raise
                        self.passed_over.append((name, main))

    def _matching(self, entry: Entry) -> list[str]:
        """Return the source tables an entry is about."""
        wanted = entry.source if entry.source == PEOPLE else plain(entry.source)
        if entry.source == PEOPLE:
            found = [PEOPLE] if PEOPLE in self._tables else []
        else:
            found = [n for n in self._tables if fnmatch.fnmatchcase(plain(n), wanted)]
        if not found and not entry.optional:
            raise self._no_table(entry.source, entry.where, entry.table)
        return found

    def table(self, name: str, *, where: str, needed_for: str) -> str:
        """Return the one source table of a name.

        Raises:
            BadRecords: there is none.
        """
        if name == PEOPLE and PEOPLE in self._tables:
            return PEOPLE
        found = [n for n in self._tables if fnmatch.fnmatchcase(plain(n), plain(name))]
        if not found:
            raise self._no_table(name, where, needed_for)
        return found[0]

    def _no_table(self, name: str, where: str, needed_for: str) -> BadRecords:
        """Say which line of the profile names a table that is not there."""
        known = [n for n in self._tables if n != PEOPLE]
        close = _closest(name, known)
        change = f'set from = "{close}"' if close else "correct from"
        return BadRecords(
            f"The source has no table {name}, which profile {self._profile.name} reads "
            f"for {needed_for}, so nothing was imported; in [{where}] {change}, or set "
            "optional = true."
        )

    def _plan(self, entry: Entry, main: str, start: str | None) -> Plan:
        """Find an entry's columns."""
        tables = [main]
        joins = tuple(self._joined(join, entry, tables) for join in entry.joins)
        made = []
        for name, cells in entry.fields.items():
            found = self._made(name, cells, tables)
            if found is None and name == start:
                raise self._no_column(cells[0].columns, tables, cells[0].where)
            # A field without a column is one of the findings of the sheet.
            if found is not None:
                made.append(found)
        keys = {
            key: self._needed(names, tables, f"{entry.where}.{key}")
            for key, names in (
                ("household_key", entry.household_key),
                ("person_key", entry.person_key),
            )
            if names
        }
        order = (
            self._needed((entry.order_by,), tables, f"{entry.where}.order_by")
            if entry.order_by
            else None
        )
        return Plan(
            entry=entry,
            main=main,
            joins=joins,
            conditions=tuple(
                self.conditions(entry.conditions, tables, f"{entry.where}.where")
            ),
            keys=keys,
            order=order,
            made=tuple(made),
        )

    def _joined(self, join: Join, entry: Entry, tables: list[str]) -> Joined:
        """Find a join's table and columns, and add it to the plan's tables."""
        return self.joined(join, tables, f"{entry.where}.join", entry.table)

    def joined(
        self, join: Join, tables: list[str], where: str, needed_for: str
    ) -> Joined:
        """Find a join's table and columns, and add it to the plan's tables."""
        table = self.table(join.source, where=where, needed_for=needed_for)
        here, place = list(tables), len(tables)
        tables.append(table)

        def there(name: str) -> Ref:
            found = self._column(name, table)
            if found is None:
                raise self._no_column((name,), [table], f"{where}.on")
            return Ref(place, table, found)

        return Joined(
            table=table,
            pairs=tuple(
                (self._needed((left,), here, f"{where}.on"), there(right))
                for left, right in join.on
            ),
            first_by=there(join.first_by) if join.first_by else None,
            conditions=tuple(
                (Ref(place, table, ref.column), condition)
                for ref, condition in self.conditions(
                    join.conditions, [table], f"{where}.where"
                )
            ),
        )

    def conditions(
        self, conditions: Sequence[Condition], tables: Sequence[str], where: str
    ) -> Iterator[tuple[Ref, Condition]]:
        """Yield conditions with their columns; an absent column is an empty one."""
        for condition in conditions:
            accepted = tuple(condition.column.split(" | "))
            found = self._ref(accepted, tables)
            if found is not None:
                yield found, condition
            elif not condition.holds(""):
                raise self._no_column(accepted, tables, f"{where}.{accepted[0]}")

    def _made(
        self, name: str, cells: Sequence[Cell], tables: Sequence[str]
    ) -> Made | None:
        """Return the first way a field can be made of what is there."""
        for cell in cells:
            if cell.constant is not None:
                return Made(name, cell, ())
            if cell.derive is Derivation.TICKED:
                found = self._boxes(name, cell, tables)
                if found is not None:
                    return found
                continue
            parts = [cell.columns, *([cell.at] if cell.at else [])]
            refs = [self._ref(names, tables) for names in parts]
            if all(ref is not None for ref in refs):
                return Made(name, cell, tuple(ref for ref in refs if ref is not None))
        return None

    def _boxes(self, name: str, cell: Cell, tables: Sequence[str]) -> Made | None:
        """Return the boxes that are there, and the answer given if none is ticked."""
        boxes = {box: self._ref((box,), tables) for box in cell.ticks}
        there = {box: ref for box, ref in boxes.items() if ref is not None}
        if not there:
            return None
        other = self._ref(cell.at, tables) if cell.at else None
        fewer = replace(cell, ticks={box: cell.ticks[box] for box in there})
        return Made(name, fewer, (*there.values(), *([other] if other else [])))

    def _needed(self, names: Names, tables: Sequence[str], where: str) -> Ref:
        """Return a column that must be there."""
        found = self._ref(names, tables)
        if found is None:
            raise self._no_column(names, tables, where)
        return found

    def needed(self, name: str, tables: Sequence[str], where: str) -> Ref:
        """Return a column that must be there.

        Raises:
            BadRecords: it is not.
        """
        return self._needed((name,), tables, where)

    def optional(self, names: Names, tables: Sequence[str]) -> Ref | None:
        """Return the first accepted column that is there."""
        return self._ref(names, tables)

    def _ref(self, names: Names, tables: Sequence[str]) -> Ref | None:
        """Return the first accepted column that is there, the main table's first."""
        for name in names:
            for place, table in enumerate(tables):
                own = name
                before, dot, after = name.partition(".")
                if dot and plain(before) == plain(table):
                    own = after
                found = self._column(own, table)
                if found is not None:
                    return Ref(place, table, found)
        return None

    def _column(self, name: str, table: str) -> str | None:
        """Return a table's column of a name, written in any way."""
        columns = self._tables[table].columns
        if name in columns:
            return name
        return next((c for c in columns if plain(c) == plain(name)), None)

    def _no_column(self, names: Names, tables: Sequence[str], where: str) -> BadRecords:
        """Say which line of the profile names a column that is not there."""
        here = [c for t in tables if t != PEOPLE for c in self._tables[t].columns]
        close = _closest(names[0], here)
        line, _, key = where.rpartition(".")
        change = f'so that {key} names "{close}"' if close else f"the line of {key}"
        wanted = " or ".join(names)
        about = shown(self._tables[tables[0]].name, "A table")
        return BadRecords(
            f"{about} has no column {wanted}, which profile {self._profile.name} names "
            f"as {key}, so nothing was imported; in [{line}] change {change}."
        )


def _closest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name most like another, if it may be shown."""
    by_plain = {plain(each): each for each in known}
    close = difflib.get_close_matches(plain(name), list(by_plain), n=1, cutoff=0.5)
    found = by_plain[close[0]] if close else None
    return found if found and shown(found, "") else None
