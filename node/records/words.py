"""Turn one unit's predicates and terms into SQL expressions.

A fact may be unknown (NULL), and an unknown fact makes a predicate false. Where SQL
only asks whether something holds, its third truth value does as well as false; but
`not` would make a yes of neither, so below it every comparison also asks whether
its facts are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Table, and_, false, func, not_, or_, true

from node.records.schema import first_day
from privacy.errors import InvalidQuery
from privacy.expression import (
    PERIOD_END,
    PERIOD_START,
    Active,
    All,
    AnyOf,
    Compare,
    Comparison,
    Count,
    DaysBetween,
    Difference,
    Flag,
    Instant,
    Not,
    Number,
    OneOf,
    Pick,
    Predicate,
    SpellDays,
    Sum,
    Term,
)
from privacy.period import Period

Number_: TypeAlias = ColumnElement[Any]
Yes: TypeAlias = ColumnElement[bool]
Total: TypeAlias = Count | Sum | SpellDays | Active
"""What is added up over a unit's rows; `Active` counts its open spells."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The field of a picked row, and a key that is NULL where no row matched."""

    field: Number_
    found: Number_


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What names mean for one unit in one period.

    Attributes:
        unit: the register's row the unit's event days are in.
        single: tables with one row per unit, joined to it.
        totals: counts, sums, days and open spells, already added up per unit.
        picked: picked rows' fields.
    """

    period: Period
    unit: Table
    single: Mapping[str, Table]
    totals: Mapping[object, Number_]
    picked: Mapping[Pick, Picked]

    def holds(self, it: Predicate) -> Yes:
        """Say whether a predicate holds for the unit: true, or false or NULL."""
        return holds(it, self)

    def term(self, it: Term) -> Number_:
        """Return a term of the unit; NULL where it is empty."""
        match it:
            case Count() | Sum() | SpellDays():
                return func.coalesce(self.totals[it], 0)
            case Pick():
                return self.picked[it].field
            case DaysBetween(start=start, end=end):
                return self.unit.c[first_day(end)] - self.unit.c[first_day(start)]
            case Difference(left=left, right=right):
                return self.term(left) - self.term(right)
            case _:
                return self.column(it.field)

    def total(self, it: Total) -> Number_:
        """Return a total; NULL where there are no rows, which stands for 0."""
        return self.totals[it]

    def column(self, path: str) -> Number_:
        """Return a field of a row joined to the unit."""
        table, _, name = path.partition(".")
        return self.single[table].c[name]


@dataclass(frozen=True, slots=True)
class RowScope:
    """What names mean inside a filter on one table's rows."""

    rows: Table

    def term(self, it: Term) -> Number_:
        """Return a term of the row."""
        match it:
            case Number(field=path):
                return self.column(path)
            case Difference(left=left, right=right):
                return self.term(left) - self.term(right)
            case _:
                raise InvalidQuery("A filter on rows may only read its own fields.")

    def total(self, _: Total) -> Number_:
        """Refuse: totals are facts about a unit."""
        raise InvalidQuery("A filter on rows may only read its own fields.")

    def column(self, path: str) -> Number_:
        """Return a field of the row."""
        table, _, name = path.partition(".")
        if table != self.rows.name:
            raise InvalidQuery("A filter on rows may only read its own fields.")
        return self.rows.c[name]


def holds(it: Predicate, scope: Scope | RowScope, *, known: bool = False) -> Yes:
    """Turn a predicate into a truth value; `known` ones are never NULL."""
    found: Yes
    match it:
        case OneOf(source=source, codes=codes):
            if isinstance(source, str):
                code = scope.column(source)
            else:
                code = scope.term(source)
            found = _if_known(code.in_(codes), code, known=known)
        case Flag(field=path):
            flag = scope.column(path)
            found = _if_known(flag == 1, flag, known=known)
        case Compare():
            found = _compare(it, scope, known=known)
        case Active():
            found = _if_known(scope.total(it) >= 1, scope.total(it), known=known)
        case All(parts=parts):
            found = and_(true(), *(holds(part, scope, known=known) for part in parts))
        case AnyOf(parts=parts):
            found = or_(false(), *(holds(part, scope, known=known) for part in parts))
        case Not(part=part):
            found = not_(holds(part, scope, known=True))
    return found


def day_of(instant: Instant, period: Period, unit: Table) -> Number_ | int:
    """Return a day: a number, or a column where it hangs on the unit's event."""
    if instant.reference == PERIOD_START:
        return period.start + instant.days
    if instant.reference == PERIOD_END:
        return period.end + instant.days
    return unit.c[first_day(instant.reference)] + instant.days


def _compare(it: Compare, scope: Scope | RowScope, *, known: bool) -> Yes:
    """Compare; an empty term on either side makes it false."""
    left = scope.term(it.left)
    right = it.right if isinstance(it.right, int) else scope.term(it.right)
    if it.comparison is Comparison.AT_LEAST:
        if isinstance(it.left, Count | Sum | SpellDays) and it.right == 1 and not known:
            # No rows cannot be enough: the engine may skip whoever has none.
            return scope.total(it.left) >= 1
        found = left >= right
    elif it.comparison is Comparison.AT_MOST:
        found = left <= right
    else:
        found = left == right
    if not isinstance(it.right, int):
        found = _if_known(found, scope.term(it.right), known=known)
    never_empty = isinstance(it.left, Count | Sum | SpellDays)
    return found if never_empty else _if_known(found, left, known=known)


def _if_known(found: Yes, fact: Number_, *, known: bool) -> Yes:
    """Make a comparison false, not NULL, where its fact is not known."""
    return and_(fact.is_not(None), found) if known else found
