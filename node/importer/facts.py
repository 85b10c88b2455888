"""What is known of each household and adult, gathered once for every check to read.

Two temporary tables beside the new records; nobody sees them, and they are gone when
the import ends.
"""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Subquery,
    Table,
    Text,
    case,
    func,
    insert,
    select,
    union_all,
)

from node.records.schema import Schema


@dataclass(frozen=True, slots=True)
class Facts:
    """The two tables.

    Attributes:
        households: One row each: hid, adults, entered_on, drawn_on, selected,
            offer_outcome, in_pool, reselected, screened_on, enrolled_on,
            transferred, known_on.
        adults: One row each: pid, hid, enrolled_on, exited_on (None while any
            enrolment is open).
    """

    households: Table
    adults: Table


def gather(connection: Connection, schema: Schema) -> Facts:
    """Make and fill both tables."""
    metadata = MetaData()
    numbers = (
        *("adults", "entered_on", "drawn_on", "selected", "in_pool", "reselected"),
        *("screened_on", "enrolled_on", "transferred", "known_on"),
    )
    households = Table(
        "check_household",
        metadata,
        Column("hid", Text),
        Column("offer_outcome", Text),
        *(Column(name, BigInteger) for name in numbers),
        prefixes=["TEMPORARY"],
    )
    adults = Table(
        "check_adult",
        metadata,
        Column("pid", Text),
        Column("hid", Text),
        Column("enrolled_on", BigInteger),
        Column("exited_on", BigInteger),
        prefixes=["TEMPORARY"],
    )
    metadata.create_all(connection, checkfirst=False)
    _fill(connection, adults, _adults(schema))
    _fill(connection, households, _households(schema, adults))
    return Facts(households, adults)


def drop(connection: Connection, facts: Facts) -> None:
    """Remove both tables."""
    facts.households.drop(connection, checkfirst=False)
    facts.adults.drop(connection, checkfirst=False)


def _fill(
    connection: Connection, table: Table, rows: Select[tuple[object, ...]]
) -> None:
    """Write what a statement finds."""
    names = [column.name for column in rows.selected_columns]
    connection.execute(insert(table).from_select(names, rows))


def _adults(schema: Schema) -> Select[tuple[object, ...]]:
    """Return each adult with the first and last day of enrolment."""
    adult, spell = schema.records["participant"], schema.records["enrolment"]
    still = func.max(case((spell.c.exited_on.is_(None), 1), else_=0))
    spells = (
        select(
            spell.c.pid,
            func.min(spell.c.enrolled_on).label("enrolled_on"),
            case((still == 0, func.max(spell.c.exited_on))).label("exited_on"),
        )
        .group_by(spell.c.pid)
        .subquery()
    )
    return select(
        adult.c.pid, adult.c.hid, spells.c.enrolled_on, spells.c.exited_on
    ).outerjoin_from(adult, spells, spells.c.pid == adult.c.pid)


def _households(schema: Schema, adults: Table) -> Select[tuple[object, ...]]:
    """Return each household with its draw and the first days of what it did."""
    records = schema.records
    home, pool = records["household"], records["pool_entry"]
    again, spell = records["pool_reentry"], records["enrolment"]
    screening = records["eligibility_screening"]
    listed = (
        select(
            adults.c.hid,
            func.count().label("adults"),
            func.min(adults.c.enrolled_on).label("enrolled_on"),
        )
        .group_by(adults.c.hid)
        .subquery()
    )
    retried = (
        select(again.c.hid, func.max(again.c.selected).label("reselected"))
        .group_by(again.c.hid)
        .subquery()
    )
    screened = _first(adults, screening, func.min(screening.c.screened_on), "day")
    moved = _first(adults, spell, func.max(spell.c.transferred_in), "transferred")
    first = union_all(
        select(pool.c.hid, pool.c.entered_on.label("day")),
        select(listed.c.hid, listed.c.enrolled_on),
        select(screened.c.hid, screened.c.day),
    ).subquery()
    known = (
        select(first.c.hid, func.min(first.c.day).label("known_on"))
        .group_by(first.c.hid)
        .subquery()
    )
    joined = home.outerjoin(pool, pool.c.hid == home.c.hid)
    for part in (listed, retried, screened, moved, known):
        joined = joined.outerjoin(part, part.c.hid == home.c.hid)
    return select(
        home.c.hid,
        pool.c.offer_outcome,
        func.coalesce(listed.c.adults, 0).label("adults"),
        pool.c.entered_on,
        pool.c.drawn_on,
        pool.c.selected,
        case((pool.c.hid.is_(None), 0), else_=1).label("in_pool"),
        retried.c.reselected,
        screened.c.day.label("screened_on"),
        listed.c.enrolled_on,
        moved.c.transferred,
        known.c.known_on,
    ).select_from(joined)


def _first(
    adults: Table, rows: Table, value: ColumnElement[int], name: str
) -> Subquery:
    """Return one value of each household, over its adults' rows."""
    return (
        select(adults.c.hid, value.label(name))
        .join_from(adults, rows, rows.c.pid == adults.c.pid)
        .group_by(adults.c.hid)
        .subquery()
    )
