"""Compile a query to its one read-only statement.

Every statement starts from the register: who is counted, since which fiscal year,
and in which frozen cohort; joins facts that have one row per unit; clips each
unit's value; and sums by public cell. The caps are in the statement itself. Its
last columns let `tally` check, on the very rows that were summed, that they held.
"""

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    select,
    union_all,
)

from node.records.rows import Joined, Units, picked, totals
from node.records.schema import SLOTS, Schema, cohort
from node.records.words import Number_, Scope
from privacy.binding import walk
from privacy.dictionary import Dictionary, Kind, Level, Rows
from privacy.expression import (
    ByBand,
    ByField,
    ByHolds,
    ByPick,
    Contrast,
    Dimension,
    Flag,
    Indicator,
    Number,
    One,
    OneOf,
    Quantity,
    Value,
    Weighted,
)
from privacy.period import Period
from privacy.query import Query, Unit, labels_of


def statement(query: Query, schema: Schema) -> Select[int, int, int, int, int]:
    """Return the statement of a checked query.

    Shapes: a row for every cell somebody is in: its place in the vector, the sum,
        then for the guard the largest magnitude of one unit's value, the highest
        slot counted, and how many units.
    Requires: the query passed `binding.check` with the schema's dictionary.
    """
    periods = enumerate(query.periods)
    branches = [_units(query, schema, period, index) for index, period in periods]
    every = union_all(*branches) if len(branches) > 1 else branches[0]
    units = every.subquery("units")
    value = units.c.value
    return select(
        units.c.cell,
        func.sum(value).label("total"),
        func.max(func.abs(value)).label("furthest"),
        func.max(units.c.slot).label("slot"),
        func.count().label("units"),
    ).group_by(units.c.cell)


def households(query: Query, schema: Schema) -> Select[int]:
    """Return the statement that counts whom the query's entry years may touch."""
    register = schema.register
    return select(func.count()).where(register.c.entry_year.in_(_entry_years(query)))


def _units(
    query: Query, schema: Schema, period: Period, index: int
) -> Select[int, int, int]:
    """Return every unit's cell and clipped value, in one period."""
    person = query.unit is not Unit.HOUSEHOLD
    unit = schema.person if person else schema.register
    units = Units(
        schema=schema, query=query, period=period, register=schema.register, unit=unit
    )
    total_columns, total_joins = totals(units)
    picked_columns, picked_joins = picked(units)
    single = _single(query, schema)
    scope = Scope(
        period=period,
        unit=unit,
        single=single,
        totals=total_columns,
        picked=picked_columns,
    )
    source = _join(schema, unit, single, [*total_joins, *picked_joins])
    return (
        select(
            _cell(query, schema.dictionary, scope, index).label("cell"),
            _value(query.value, scope).label("value"),
            (unit.c.slot if person else literal(1)).label("slot"),
        )
        .select_from(source)
        .where(_counted(query, schema, period), scope.holds(query.population))
    )


def _join(
    schema: Schema, unit: Table, single: dict[str, Table], subqueries: list[Joined]
) -> FromClause:
    """Join what is known of a unit; each side has at most one row for it."""
    register = schema.register
    source: FromClause = register
    if unit is not register:
        source = source.join(unit, unit.c.household == register.c.household)
    for name, table in single.items():
        own = schema.dictionary.table(name).level
        key = unit.c.person if own is Level.PERSON else register.c.household
        source = source.outerjoin(table, table.c[key.name] == key)
    for joined in subqueries:
        key = register.c.household if joined.key == "household" else unit.c.person
        source = source.outerjoin(joined.subquery, joined.subquery.c.key == key)
    return source


def _counted(query: Query, schema: Schema, period: Period) -> ColumnElement[bool]:
    """Say who is counted: by consent, entry year, slot and frozen cohort."""
    register, person = schema.register, schema.person
    conditions: list[ColumnElement[bool]] = [
        register.c.entry_year.in_(_entry_years(query))
    ]
    if query.unit is Unit.PERSON:
        conditions += [person.c.consents == 1, person.c.slot.in_(SLOTS)]
    else:
        conditions += [register.c.consents == 1]
    if query.unit is Unit.LEAD:
        conditions += [person.c.slot == SLOTS[0]]
    if query.anchor is not None:
        quarters = [quarter.label for quarter in period.quarters]
        conditions += [register.c[cohort(query.anchor)].in_(quarters)]
    return and_(*conditions)


def _entry_years(query: Query) -> list[str]:
    """Return the labels of the entry years a query may touch."""
    return [year.label for year in query.entry_years]


def _single(query: Query, schema: Schema) -> dict[str, Table]:
    """Return the tables with one row per unit that a query reads.

    An adult's table in a question about households is only counted, never joined.
    """
    names = set()
    for part in walk(query):
        match part:
            case (
                Number(field=path)
                | Flag(field=path)
                | ByField(field=path)
                | OneOf(source=str() as path)
                | Weighted(weight=path)
            ):
                names.add(path.partition(".")[0])
            case _:
                pass
    tables = {name: schema.dictionary.table(name) for name in sorted(names)}
    return {
        name: schema.records[name]
        for name, table in tables.items()
        if table.rows is Rows.ONE
        and not (query.unit is Unit.HOUSEHOLD and table.level is Level.PERSON)
    }


def _value(value: Value, scope: Scope) -> Number_:
    """Return what a unit adds; the clip is here, and an empty term adds 0."""
    match value:
        case One():
            return literal(1)
        case Indicator(predicate=predicate):
            return case((scope.holds(predicate), 1), else_=0)
        case Contrast(predicate=predicate):
            return case((scope.holds(predicate), 1), else_=-1)
        case Quantity(term=term, lower=lower, upper=upper):
            return _clipped(scope.term(term), lower, upper)
        case Weighted(arm=arm, outcome=outcome, weight=weight, upper=upper):
            size = _clipped(scope.column(weight), 0, upper)
            signs = [case((scope.holds(it), 1), else_=-1) for it in (arm, outcome)]
            return signs[0] * signs[1] * size


def _clipped(term: Number_, lower: int, upper: int) -> Number_:
    """Keep a term within its public range."""
    return case(
        (term.is_(None), 0), (term < lower, lower), (term > upper, upper), else_=term
    )


def _cell(query: Query, dictionary: Dictionary, scope: Scope, index: int) -> Number_:
    """Return a unit's place in the vector: periods outermost, then dimensions."""
    place: Number_ | None = None
    for dimension in query.by:
        labels = labels_of(dimension, dictionary)
        mine = _place(dimension, dictionary, scope, labels)
        place = mine if place is None else place * len(labels) + mine
        index *= len(labels)
    return literal(index) if place is None else place + index


def _place(
    dimension: Dimension, dictionary: Dictionary, scope: Scope, labels: tuple[str, ...]
) -> Number_:
    """Return the place of a unit's label in a dimension's list of labels."""
    match dimension:
        case ByField(field=path, grouping=grouping):
            if dictionary.field(path).kind is Kind.FLAG:
                return case((scope.column(path) == 1, 0), else_=1)
            return _group(dictionary, path, grouping, scope.column(path))
        case ByPick(pick=pick, grouping=grouping):
            found = scope.picked[pick]
            group = _group(dictionary, pick.field, grouping, found.field)
            return case((found.found.is_(None), len(labels) - 1), else_=group)
        case ByBand(term=term, edges=edges):
            amount = scope.term(term)
            below = [(amount < edge, place) for place, edge in enumerate(edges)]
            unknown = (amount.is_(None), len(labels) - 1)
            return case(unknown, *below, else_=len(edges))
        case ByHolds(predicate=predicate):
            return case((scope.holds(predicate), 0), else_=1)


def _group(dictionary: Dictionary, path: str, grouping: str, code: Number_) -> Number_:
    """Return the place of a code's group; unknown and unlisted are `otherwise`."""
    codes = dictionary.codes_of(dictionary.field(path))
    groups = list(codes.labels(grouping).values())
    otherwise = next(i for i, group in enumerate(groups) if codes.otherwise in group)
    places = [
        (code.in_(group), place)
        for place, group in enumerate(groups)
        if place != otherwise
    ]
    return case(*places, else_=otherwise) if places else literal(otherwise)
