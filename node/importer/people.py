"""Make the table of people: who belongs together, and how old each was at first.

See `profile` for what a household is, and for what happens when two of them meet.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa

from node.importer.batch import SOURCE_ROW
from node.importer.guard import Use
from node.importer.joined import Joining
from node.importer.layout import Layout
from node.importer.plan import Plan, Ref
from node.importer.profile import PEOPLE, Entry, Profile

_WHERE: Final = "people"

# One row per person: the first entry counts, and the household's people are counted
# beside each of them.
_STATEMENT: Final = """
WITH entry AS (
    SELECT *, row_number() OVER (PARTITION BY person ORDER BY day NULLS LAST, n) AS nth
    FROM given
    WHERE person IS NOT NULL
), first AS (
    SELECT person, household, day, minor, n,
        DATE '1970-01-01' + day AS came, DATE '1970-01-01' + born AS birth
    FROM entry WHERE nth = 1
), aged AS (
    SELECT *, year(came) - year(birth)
        - ((month(came), day(came)) < (month(birth), day(birth)))::INTEGER AS age
    FROM first
), grown AS (
    SELECT *, CASE WHEN age IS NULL THEN NOT minor ELSE age >= 18 END
        AS adult
    FROM aged
), counted AS (
    SELECT *,
        count(*) FILTER (adult) OVER home AS adults,
        count(*) FILTER (NOT adult) OVER home AS children,
        count(*) FILTER (age < 5) OVER home AS under_5,
        row_number() OVER (PARTITION BY household, adult ORDER BY day NULLS LAST, n)
            AS number
    FROM grown WINDOW home AS (PARTITION BY household)
)
SELECT person, household, strftime(came, '%Y-%m-%d') AS first_on,
    age::VARCHAR AS age, adult::INTEGER::VARCHAR AS adult,
    CASE WHEN adult THEN number::VARCHAR END AS number, adults::VARCHAR AS adults,
    children::VARCHAR AS children, under_5::VARCHAR AS under_5,
    CASE WHEN adults > 1 THEN 'family_two_adults'
        WHEN children > 0 THEN 'family_one_adult' ELSE 'single_adult' END
        AS composition,
    n AS source_row
FROM counted ORDER BY n
"""


class People:
    """A profile's `[people]` section, found in a source."""

    def __init__(self, profile: Profile, layout: Layout, joining: Joining) -> None:
        """Find the columns and prepare the statement.

        Raises:
            BadRecords: a table or column is not there.
        """
        people = profile.people
        if people is None:
            raise TypeError
        main = layout.table(people.source, where=_WHERE, needed_for=PEOPLE)
        tables = [main]
        joins = tuple(
            layout.joined(join, tables, f"{_WHERE}.join", PEOPLE)
            for join in people.joins
        )
        self._person = layout.needed(people.person, tables, f"{_WHERE}.person")
        self._linked = tuple(
            layout.needed(name, tables, f"{_WHERE}.household")
            for name in people.household
        )
        at = layout.needed(people.at, tables, f"{_WHERE}.at")
        self._born = layout.optional(people.born, tables)
        minor = people.minor
        found = layout.optional((minor.column,), tables) if minor else None
        self._flags = [(found, minor)] if found and minor else []
        self.days: tuple[Ref, ...] = (at, *([self._born] if self._born else []))
        self.plan = Plan(
            entry=Entry(where=_WHERE, table=PEOPLE, source=people.source),
            main=main,
            joins=joins,
            conditions=tuple(
                layout.conditions(people.conditions, tables, f"{_WHERE}.where")
            ),
            keys={"person": self._person}
            | {f"linked {n}": ref for n, ref in enumerate(self._linked)},
            order=None,
            made=(),
        )
        self._joining = joining
        self._statement = joining.select(self.plan, days=self.days, flags=self._flags)

    def uses(self) -> Iterator[tuple[Ref, Use]]:
        """Yield what each column is used for."""
        yield from self.plan.uses()
        yield from ((ref, Use.DERIVED) for ref in self.days)
        yield from ((ref, Use.FILTER) for ref, _ in self._flags)

    def make(self) -> None:
        """Fill the table, from everybody's entries."""
        tables = [self.plan.main, *(joined.table for joined in self.plan.joins)]
        batches = list(self._joining.rows(self._statement, tables))
        whole = pa.Table.from_batches(batches) if batches else _NO_ENTRIES
        persons = _column(whole, f"c{self.plan.refs.index(self._person)}")
        linked = [_column(whole, f"c{self.plan.refs.index(r)}") for r in self._linked]
        nobody = pa.repeat(pa.scalar(value=False), len(persons))
        given = pa.table(
            {
                "person": persons,
                "household": together(persons, linked),
                "day": _column(whole, "d0"),
                "born": _column(whole, "d1")
                if self._born
                else pa.nulls(len(persons), pa.int32()),
                "minor": _column(whole, "f0") if self._flags else nobody,
                "n": _column(whole, SOURCE_ROW),
            }
        )
        self._joining.make("people", _STATEMENT, given)


_NO_ENTRIES: Final = pa.table(
    {name: pa.array([], pa.string()) for name in ("c0", "c1", "c2", "c3")}
    | {name: pa.array([], pa.int32()) for name in ("d0", "d1")}
    | {"f0": pa.array([], pa.bool_()), "source_row": pa.array([], pa.int64())}
)


def _column(table: pa.Table, name: str) -> pa.Array:
    """Return a whole column as one array."""
    return table.column(name).combine_chunks()


def together(persons: pa.Array, linked: Sequence[pa.Array]) -> pa.Array:
    """Return each row's household: the smallest person key of those who are linked.

    With one column that is not the person's own, the household is that column's
    text. With several, people who share a text in any of them belong together.
    """
    if len(linked) == 1:
        return linked[0]
    coded = persons.dictionary_encode()
    names = coded.dictionary.to_pylist()
    root = array("q", range(len(names)))

    def top(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = root[at]
        return at

    own = coded.indices.to_pylist()
    for column in linked:
        first: dict[int, int] = {}
        for person, group in zip(
            own, column.dictionary_encode().indices.to_pylist(), strict=True
        ):
            if person is None or group is None:
                continue
            one, other = top(person), top(first.setdefault(group, person))
            if one != other:
                root[other] = one
    smallest: dict[int, str] = {}
    for at, name in enumerate(names):
        known = smallest.get(top(at))
        smallest[top(at)] = name if known is None else min(name, known)
    keys = pa.array([smallest[top(at)] for at in range(len(names))], pa.string())
    return keys.take(coded.indices)
