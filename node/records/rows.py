"""Add up or pick among a unit's many rows, once per table, before they are joined.

Every table a query reads is scanned once per period: its counts, sums, days and
open spells become columns of one grouped subquery. Grouping is by the register's
number of the household or adult, so one unit can only ever be one row of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)

from node.records.schema import Schema
from node.records.words import (
    Number_,
    Picked,
    RowScope,
    Total,
    Yes,
    day_of,
    holds,
)
from privacy.binding import walk
from privacy.dictionary import Level
from privacy.expression import (
    PERIOD_END,
    PERIOD_START,
    Active,
    All,
    Count,
    Instant,
    Order,
    Pick,
    Predicate,
    SpellDays,
    Sum,
    Window,
)
from privacy.period import Period
from privacy.query import Query, Unit


@dataclass(frozen=True, slots=True)
class Joined:
    """A subquery with at most one row per unit, and the unit's key it joins on."""

    subquery: Subquery
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Who the units of a query are, in one period.

    Attributes:
        register: the register, one row per household.
        unit: the row the unit's own event days are in: the register's, or the
            counted adult's.
    """

    schema: Schema
    query: Query
    period: Period
    register: Table
    unit: Table

    def key(self, table: str) -> str:
        """Return the column that says whose a table's rows are."""
        level = self.schema.dictionary.table(table).level
        if self.query.unit is Unit.HOUSEHOLD or level is Level.HOUSEHOLD:
            return "household"
        return "person"

    def day(self, instant: Instant) -> Number_ | int:
        """Return the day an instant means."""
        return day_of(instant, self.period, self.unit)


def totals(units: Units) -> tuple[dict[object, Number_], list[Joined]]:
    """Return the column of every total a query asks for, and what to join."""
    wanted: dict[str, dict[Total, None]] = {}
    for part in walk(units.query):
        if isinstance(part, Count | SpellDays | Active):
            wanted.setdefault(part.table, {})[part] = None
        elif isinstance(part, Sum):
            wanted.setdefault(part.field.partition(".")[0], {})[part] = None
    columns: dict[object, Number_] = {}
    joined = []
    for name, parts in wanted.items():
        subquery = _grouped(units, name, list(parts)).subquery(f"{name}_totals")
        joined.append(Joined(subquery, _source(units, name, list(parts)).key.name))
        for number, part in enumerate(parts):
            columns[part] = subquery.c[f"n{number}"]
    return columns, joined


def picked(units: Units) -> tuple[dict[Pick, Picked], list[Joined]]:
    """Return every picked row's field, and what to join."""
    wanted = dict.fromkeys(p for p in walk(units.query) if isinstance(p, Pick))
    columns: dict[Pick, Picked] = {}
    joined = []
    for number, pick in enumerate(wanted):
        subquery = _first(units, pick).subquery(f"picked_{number}")
        name = pick.field.partition(".")[0]
        joined.append(Joined(subquery, _source(units, name, [pick]).key.name))
        columns[pick] = Picked(subquery.c.field, subquery.c.key)
    return columns, joined


def _grouped(units: Units, name: str, parts: list[Total]) -> Select[*tuple[Any, ...]]:
    """Group one table's rows by unit, with a column for each total."""
    rows, source = units.schema.records[name], _source(units, name, parts)
    needed = [_conditions(part) for part in parts]
    # What every total needs is asked once, where the engine can skip rows by it.
    shared = [each for each in needed[0] if all(each in other for other in needed)]
    own = [[each for each in other if each not in shared] for other in needed]
    conditions = [and_(true(), *(_says(units, rows, e) for e in each)) for each in own]
    columns = [
        _total(units, rows, part, condition).label(f"n{number}")
        for number, (part, condition) in enumerate(zip(parts, conditions, strict=True))
    ]
    return (
        select(source.key.label("key"), *columns)
        .select_from(source.tables)
        .where(*(_says(units, rows, each) for each in shared), or_(*conditions))
        .group_by(source.key)
    )


def _first(units: Units, pick: Pick) -> Select[*tuple[Any, ...]]:
    """Number each unit's matching rows by day, then row; the first is picked."""
    name, _, field = pick.field.partition(".")
    rows = units.schema.records[name]
    table = units.schema.dictionary.table(name)
    day, seq = rows.c[str(table.start)], rows.c.seq
    order = (day, seq) if pick.order is Order.EARLIEST else (day.desc(), seq.desc())
    source = _source(units, name, [pick])
    key = source.key
    turn = func.row_number().over(partition_by=key, order_by=order)
    condition = and_(
        holds(pick.where, RowScope(rows)), _inside(units, day, pick.window)
    )
    wanted = rows.c[field].label("field")
    numbered = select(key.label("key"), wanted, turn.label("turn"))
    every = numbered.select_from(source.tables).where(condition).subquery()
    return select(every.c.key, every.c.field).where(every.c.turn == 1)


@dataclass(frozen=True, slots=True)
class _Open:
    """The rows are spells open on a day, or on some day from one to another."""

    first: Instant
    last: Instant


_Condition: TypeAlias = Predicate | Window | _Open


def _conditions(part: Total) -> list[_Condition]:
    """Return what a row must be for a total; all of it, in no order."""
    whole = part.where
    where: list[_Condition] = [*whole.parts] if isinstance(whole, All) else [whole]
    match part:
        case Active(at=at):
            return [*where, _Open(at, at)]
        case SpellDays(window=window):
            return [*where, _Open(window.start, window.end)]
        case Count(window=window) | Sum(window=window):
            return where if window is None else [*where, window]


def _says(units: Units, rows: Table, condition: _Condition) -> Yes:
    """Turn a condition on a row into SQL."""
    table = units.schema.dictionary.table(rows.name)
    if isinstance(condition, Window):
        return _inside(units, rows.c[str(table.start)], condition)
    if isinstance(condition, _Open):
        start, end = rows.c[str(table.start)], rows.c[str(table.end)]
        first, last = units.day(condition.first), units.day(condition.last)
        return and_(start <= last, or_(end.is_(None), end > first))
    return holds(condition, RowScope(rows))


def _total(
    units: Units, rows: Table, part: Total, condition: Yes
) -> ColumnElement[int]:
    """Add up one total over the rows it is about."""
    if isinstance(part, Count | Active):
        return func.count(case((condition, 1)))
    if isinstance(part, Sum):
        amount: Number_ = func.coalesce(rows.c[part.field.partition(".")[2]], 0)
    else:
        amount = _overlap(units, rows, part)
    return cast(func.sum(case((condition, amount), else_=0)), BigInteger)


def _overlap(units: Units, rows: Table, part: SpellDays) -> ColumnElement[int]:
    """Return the days of a spell inside a window: open on its first day, not its last.

    The same days on which `Active` holds.
    """
    table = units.schema.dictionary.table(rows.name)
    start, end = rows.c[str(table.start)], rows.c[str(table.end)]
    first, last = _column(units.day(part.window.start)), units.day(part.window.end)
    after = _column(last) + 1
    begins = case((start > first, start), else_=first)
    ends = case((end < after, end), else_=after)
    return case((ends > begins, ends - begins), else_=0)


def _column(day: Number_ | int) -> Number_:
    """Return a day as an expression."""
    return literal(day, BigInteger) if isinstance(day, int) else day


def _inside(units: Units, day: Number_, window: Window) -> Yes:
    """Say whether a row's day lies in a window, ends included."""
    return and_(day >= units.day(window.start), day <= units.day(window.end))


def _days_of(it: object) -> bool:
    """Tell whether a part hangs on a unit's event, not on the period."""
    return any(
        isinstance(part, Instant) and part.reference not in {PERIOD_START, PERIOD_END}
        for part in walk(it)
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """The rows of one table, and the key they are grouped by."""

    tables: FromClause
    key: Column[int]


def _source(units: Units, name: str, parts: Sequence[Total | Pick]) -> _Source:
    """Join the units' event days to a table's rows where a window hangs on them.

    A household's rows are then looked at once for each of its adults, whose days
    differ, so they are grouped by adult.
    """
    rows, key = units.schema.records[name], units.key(name)
    if not any(_days_of(part) for part in parts):
        return _Source(rows, rows.c[key])
    own = units.unit
    joined = rows.join(own, rows.c[key] == own.c[key])
    return _Source(joined, own.c.person if "person" in own.c else own.c.household)
