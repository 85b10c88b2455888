"""Find whom a closing adds to the register, with a few set-based statements.

They run inside a new generation of the records, which already holds the register
so far. Several quarters are closed at once: each household and event goes to the
first of them that it had happened by, as if they had been closed one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    case,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from node.records.schema import (
    CONSENT_TABLE,
    ORDER_FIELD,
    SLOTS,
    Schema,
    cohort,
    first_day,
)
from node.records.seal import index_register
from node.records.store import Writer
from node.register.tables import Row
from privacy.dictionary import Rows
from privacy.period import Period

_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Closings:
    """The quarters that are closed together, and the number of the first closing."""

    quarters: tuple[Period, ...]
    first: int

    @property
    def labels(self) -> list[str]:
        """The quarters' labels."""
        return [quarter.label for quarter in self.quarters]

    def number(self, quarter: str) -> int:
        """Return the closing's number of a quarter."""
        return self.first + self.labels.index(quarter)

    def by(self, day: ColumnElement[int], values: list[Any]) -> ColumnElement[Any]:
        """Return the value of the first quarter a day had come by, or NULL."""
        pairs = zip(self.quarters, values, strict=True)
        return case(*((day <= quarter.end, value) for quarter, value in pairs))


def extend(writer: Writer, closings: Closings) -> None:
    """Add households, adults and cohorts to the generation's copy of the register."""
    schema = writer.schema
    with writer.transaction() as connection:
        index_register(connection, schema)
        _add_households(connection, schema, closings)
    with writer.transaction() as connection:
        _add_adults(connection, schema, closings)
    writer.seal()
    with writer.transaction() as connection:
        _add_cohorts(connection, schema, closings)


def _add_cohorts(connection: Connection, schema: Schema, closings: Closings) -> None:
    """Freeze the cohort of every event that has happened; a frozen one stays."""
    for event in schema.dictionary.events:
        column = schema.register.c[cohort(event)]
        day = schema.register.c[first_day(event)]
        connection.execute(
            update(schema.register)
            .where(column.is_(None), day <= closings.quarters[-1].end)
            .values({column.name: closings.by(day, closings.labels)})
        )


def additions(
    connection: Connection, schema: Schema, closings: Closings
) -> Iterator[tuple[str, list[Row]]]:
    """Yield what was added, by table of the register, in chunks and in order.

    Shapes: household rows are (household, hid, entry_year, closing), adults
        (household, slot, pid, closing), cohorts (household, event, quarter, closing).
    """
    register, person = schema.register.c, schema.person.c
    households = select(
        register.household, register.hid, register.entry_year, register.closing
    ).where(register.closing >= closings.first)
    yield from _chunks(connection, "household", households.order_by(register.household))
    adults = select(person.household, person.slot, person.pid, person.closing).where(
        person.closing >= closings.first
    )
    yield from _chunks(connection, "adult", adults.order_by(person.person))
    for event in schema.dictionary.events:
        quarter = register[cohort(event)]
        # A quarter is closed once, so its label marks what this closing added.
        fresh = select(register.household, literal(event), quarter).where(
            quarter.in_(closings.labels)
        )
        for part, rows in _chunks(
            connection, "cohort", fresh.order_by(register.household)
        ):
            yield part, [(*row, closings.number(row[2])) for row in rows]


def _add_households(connection: Connection, schema: Schema, closings: Closings) -> None:
    """Register every household with an event by the end of the last quarter."""
    register = schema.register
    days = _days(schema).subquery()
    last = closings.quarters[-1].end
    first = (
        select(days.c.hid, func.min(days.c.day).label("day"))
        .where(days.c.day <= last, days.c.hid.not_in(select(register.c.hid)))
        .group_by(days.c.hid)
        .subquery()
    )
    years = [quarter.fiscal_year.label for quarter in closings.quarters]
    numbers = [closings.first + i for i in range(len(years))]
    taken = connection.execute(select(func.max(register.c.household))).scalar()
    closing = closings.by(first.c.day, [literal(value) for value in numbers])
    # Random ids order each closing's households, so a number tells nothing more.
    place = func.row_number().over(order_by=(closing, first.c.hid))
    found = select(
        place + (-1 if taken is None else taken),
        first.c.hid,
        closings.by(first.c.day, years),
        closing,
    )
    columns = ["household", "hid", "entry_year", "closing"]
    connection.execute(insert(register).from_select(columns, found))


def _days(schema: Schema) -> Select[Any]:
    """Return household and day of every event of somebody not counted yet."""
    participant = schema.records[CONSENT_TABLE]
    found = []
    for event in schema.dictionary.events.values():
        rows = schema.records[event.table]
        day = rows.c[event.day].label("day")
        if schema.own_key(event.table) == "hid":
            events = select(rows.c.hid, day).where(rows.c.household.is_(None))
        elif rows is participant:
            events = select(rows.c.hid, day).where(rows.c.person.is_(None))
        else:
            events = select(participant.c.hid, day).where(
                rows.c.pid == participant.c.pid, rows.c.person.is_(None)
            )
        if event.field is not None:
            events = events.where(rows.c[event.field].in_(event.codes))
        found.append(events.where(rows.c[event.day].is_not(None)))
    every = union_all(*found).subquery()
    return select(every.c.hid, every.c.day)


def _add_adults(connection: Connection, schema: Schema, closings: Closings) -> None:
    """Fill empty slots: earliest enrolment first, then adult number, then id."""
    register, person = schema.register, schema.person
    participant = schema.records[CONSENT_TABLE]
    enrolled = _first_enrolments(schema)
    taken = (
        select(person.c.household, func.count().label("slots"))
        .group_by(person.c.household)
        .subquery()
    )
    order = [enrolled.c.day, participant.c[ORDER_FIELD]]
    unknown_last = [(case((each.is_(None), 1), else_=0), each) for each in order]
    turn = func.row_number().over(
        partition_by=register.c.household,
        order_by=[part for pair in unknown_last for part in pair] + [participant.c.pid],
    )
    slot = (func.coalesce(taken.c.slots, 0) + turn).label("slot")
    candidates = (
        select(register.c.household, register.c.closing, participant.c.pid, slot)
        .select_from(register)
        .join(participant, participant.c.hid == register.c.hid)
        .outerjoin(enrolled, enrolled.c.pid == participant.c.pid)
        .outerjoin(taken, taken.c.household == register.c.household)
        .where(participant.c.pid.not_in(select(person.c.pid)))
        .subquery()
    )
    added = case(
        (candidates.c.closing > closings.first, candidates.c.closing),
        else_=closings.first,
    )
    numbered = candidates.c.household * len(SLOTS) + candidates.c.slot - 1
    found = select(
        numbered, candidates.c.household, candidates.c.slot, candidates.c.pid, added
    ).where(candidates.c.slot <= SLOTS[-1])
    columns = ["person", "household", "slot", "pid", "closing"]
    connection.execute(insert(person).from_select(columns, found))


def _first_enrolments(schema: Schema) -> Any:  # noqa: ANN401
    """Return each adult's first day of the first spell table with an event."""
    events = schema.dictionary.events.values()
    tables = schema.dictionary.tables
    event = next(e for e in events if tables[e.table].rows is Rows.SPELLS)
    rows = schema.records[event.table]
    return (
        select(rows.c.pid, func.min(rows.c[event.day]).label("day"))
        .group_by(rows.c.pid)
        .subquery()
    )


def _chunks(
    connection: Connection, part: str, statement: Select[Any]
) -> Iterator[tuple[str, list[Row]]]:
    """Read rows a chunk at a time."""
    for rows in connection.execute(statement).partitions(_CHUNK):
        yield part, [tuple(row) for row in rows]
