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
    Table,
    Text,
    case,
    func,
    insert,
    select,
)

from node.records.schema import Schema


@dataclass(frozen=True, slots=True)
class Facts:
    """The two tables.

    Attributes:
        households: One row each: hid, home (its `seq`), adults, entered_on,
            drawn_on, selected, offer_outcome, in_pool, reselected, screened_on,
            enrolled_on, transferred, known_on.
        adults: One row each: pid, home (its household's `seq`), enrolled_on,
            exited_on (None while any enrolment is open), screened_on, transferred.
    """

    households: Table
    adults: Table


def gather(connection: Connection, schema: Schema) -> Facts:
    """Make and fill both tables."""
    metadata = MetaData()
    numbers = (
        *(
            "home",
            "adults",
            "entered_on",
            "drawn_on",
            "selected",
            "in_pool",
            "reselected",
        ),
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
        *(
            Column(name, BigInteger)
            for name in (
                *("home", "enrolled_on", "exited_on"),
                *("screened_on", "transferred"),
            )
        ),
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
    """Return each adult with what the rows about them say of days."""
    records = schema.records
    adult, home = records["participant"], records["household"]
    spell, screening = records["enrolment"], records["eligibility_screening"]
    still = func.max(case((spell.c.exited_on.is_(None), 1), else_=0))
    spells = (
        select(
            spell.c.pid,
            func.min(spell.c.enrolled_on).label("enrolled_on"),
            case((still == 0, func.max(spell.c.exited_on))).label("exited_on"),
            func.max(spell.c.transferred_in).label("transferred"),
        )
        .group_by(spell.c.pid)
        .subquery()
    )
    screened = (
        select(screening.c.pid, func.min(screening.c.screened_on).label("screened_on"))
        .group_by(screening.c.pid)
        .subquery()
    )
    joined = adult.outerjoin(home, home.c.hid == adult.c.hid)
    for part in (spells, screened):
        joined = joined.outerjoin(part, part.c.pid == adult.c.pid)
    return select(
        adult.c.pid,
        home.c.seq.label("home"),
        spells.c.enrolled_on,
        spells.c.exited_on,
        screened.c.screened_on,
        spells.c.transferred,
    ).select_from(joined)


def _households(schema: Schema, adults: Table) -> Select[tuple[object, ...]]:
    """Return each household with its draw and the first days of what it did."""
    records = schema.records
    home, pool = records["household"], records["pool_entry"]
    again = records["pool_reentry"]
    listed = (
        select(
            adults.c.home,
            func.count().label("adults"),
            func.min(adults.c.enrolled_on).label("enrolled_on"),
            func.min(adults.c.screened_on).label("screened_on"),
            func.max(adults.c.transferred).label("transferred"),
        )
        .group_by(adults.c.home)
        .subquery()
    )
    retried = (
        select(again.c.hid, func.max(again.c.selected).label("reselected"))
        .group_by(again.c.hid)
        .subquery()
    )
    joined = (
        home.outerjoin(pool, pool.c.hid == home.c.hid)
        .outerjoin(listed, listed.c.home == home.c.seq)
        .outerjoin(retried, retried.c.hid == home.c.hid)
    )
    known = _earlier(listed.c.enrolled_on, listed.c.screened_on)
    return select(
        home.c.hid,
        home.c.seq.label("home"),
        pool.c.offer_outcome,
        func.coalesce(listed.c.adults, 0).label("adults"),
        pool.c.entered_on,
        pool.c.drawn_on,
        pool.c.selected,
        case((pool.c.hid.is_(None), 0), else_=1).label("in_pool"),
        retried.c.reselected,
        listed.c.screened_on,
        listed.c.enrolled_on,
        listed.c.transferred,
        _earlier(pool.c.entered_on, known).label("known_on"),
    ).select_from(joined)


def _earlier(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    """Return the earlier of two days, or the one that is known; on every engine."""
    return case(
        (one.is_(None), other), (other.is_(None), one), (one < other, one), else_=other
    )
