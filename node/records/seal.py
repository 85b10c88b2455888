"""Join a generation to the register, once, before anybody reads it.

Sealing writes the register's numbers beside the source's ids, works out who
consents, and finds the first day of every once-per-unit event. A sealed generation
never changes, so what is checked here holds for every statement: each household
and each counted adult is in the register once, and has one row where the
dictionary says one.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    case,
    exists,
    func,
    select,
    update,
)

from node.records.schema import (
    CONSENT_FIELD,
    CONSENT_TABLE,
    CONSENT_YES,
    SLOTS,
    Schema,
    first_day,
)
from privacy.dictionary import Event, Rows
from privacy.errors import BadRecords, RegisterBroken

Transaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""How a new generation is written to: `Writer.transaction`."""


def seal(transaction: Transaction, schema: Schema) -> None:
    """Write who is counted, who consents and when events first happened.

    Each step is a transaction of its own: nobody sees the generation yet, and
    DuckDB is slow to change rows that are not committed.

    Raises:
        RegisterBroken: somebody is in the register twice, or in none of its rows.
    """
    for step in (
        index_register,
        _check,
        _number,
        _index_records,
        _write_first_days,
        write_consent,
    ):
        with transaction() as connection:
            step(connection, schema)
    with transaction() as connection:
        connection.exec_driver_sql("ANALYZE")


def index_register(connection: Connection, schema: Schema) -> None:
    """Let sealing find the source's ids; DuckDB is faster without."""
    for table, name in (
        (schema.register, "hid"),
        (schema.register, "household"),
        (schema.person, "pid"),
        (schema.person, "household"),
        (schema.person, "person"),
    ):
        _index(connection, table, [name])


def _number(connection: Connection, schema: Schema) -> None:
    """Write the register's numbers into every row, or nothing where not registered.

    Subqueries, not joins: they keep to the order of the rows, which DuckDB needs to
    change many of them quickly.
    """
    register, person = schema.register, schema.person
    nobody = connection.execute(select(register.c.household).limit(1)).first() is None
    for name, table in schema.records.items():
        numbered = select(table.c.household).where(table.c.household.is_not(None))
        if nobody and connection.execute(numbered.limit(1)).first() is None:
            # Before the first closing there is nothing to write.
            continue
        if schema.own_key(name) == "pid":
            who = select(person.c.person).where(person.c.pid == table.c.pid)
            connection.execute(update(table).values(person=who.scalar_subquery()))
            household = table.c.person // len(SLOTS)
            connection.execute(update(table).values(household=household))
        else:
            who = select(register.c.household).where(register.c.hid == table.c.hid)
            connection.execute(update(table).values(household=who.scalar_subquery()))


def _write_first_days(connection: Connection, schema: Schema) -> None:
    """Write the first day of every event of registered households and adults."""
    for event in schema.dictionary.events.values():
        day = first_day(event.name)
        rows = schema.records[event.table]
        of_adults = schema.own_key(event.table) == "pid"
        for table in (schema.register, schema.person):
            # A household's own event is each of its adults' too.
            by_adult = table is schema.person and of_adults
            key = "person" if by_adult else "household"
            first = (
                select(rows.c[key], func.min(rows.c[event.day]).label("day"))
                .where(rows.c[key].is_not(None), *_matches(rows, event))
                .group_by(rows.c[key])
                .subquery()
            )
            connection.execute(
                update(table)
                .where(table.c[key] == first.c[key])
                .values({day: first.c.day})
            )


def _matches(rows: Table, event: Event) -> tuple[ColumnElement[bool], ...]:
    """Return the event's own filter on its table."""
    if event.field is None:
        return ()
    return (rows.c[event.field].in_(event.codes),)


def write_consent(connection: Connection, schema: Schema) -> None:
    """An adult counts by their own yes; a household if no counted adult lacks it."""
    person, register = schema.person, schema.register
    consent = schema.records[CONSENT_TABLE]
    yes = exists().where(
        consent.c.person == person.c.person,
        consent.c[CONSENT_FIELD] == CONSENT_YES,
    )
    connection.execute(update(person).values(consents=case((yes, 1), else_=0)))
    lacking = exists().where(
        person.c.household == register.c.household, person.c.consents == 0
    )
    connection.execute(update(register).values(consents=case((lacking, 0), else_=1)))


def _check(connection: Connection, schema: Schema) -> None:
    """Refuse a generation in which somebody could be counted twice."""
    register, person = schema.register, schema.person
    for column in (register.c.household, register.c.hid, person.c.person, person.c.pid):
        if _repeated(connection, column):
            raise RegisterBroken(
                "A household or adult is in the register twice, so nothing was taken "
                "into use; restore the register."
            )
    for name, table in schema.dictionary.tables.items():
        own = schema.records[name].c[schema.own_key(name)]
        if table.rows is Rows.ONE and _repeated(connection, own):
            raise BadRecords(
                f"Table {name} has two rows for one household or adult; keep one and "
                "import again."
            )
    # The number of an adult is made from the household's, so two adults of one
    # household in one slot would have been found above.
    wrong = select(func.count()).where(
        person.c.person != person.c.household * len(SLOTS) + person.c.slot - 1
    )
    if connection.execute(wrong).scalar_one():
        raise RegisterBroken(
            "An adult is not numbered by household and slot in the register, so "
            "nothing was taken into use; restore the register."
        )


def _repeated(connection: Connection, column: Column[Any]) -> bool:
    """Tell whether a key that must be unique is not."""
    counts = select(func.count(column), func.count(column.distinct()))
    every, different = connection.execute(counts).one()
    return bool(every != different)


def _index_records(connection: Connection, schema: Schema) -> None:
    """Index every table by whom its rows belong to."""
    for name, table in schema.records.items():
        _index(connection, table, ["household"])
        if schema.own_key(name) == "pid":
            _index(connection, table, ["person"])


def _index(connection: Connection, table: Table, names: list[str]) -> None:
    """Make an index unless it is there; DuckDB joins without."""
    if connection.dialect.name == "duckdb":
        return
    quote = connection.dialect.identifier_preparer.quote
    index = quote("_".join(["by", table.name, *names]))
    columns = ", ".join(quote(name) for name in names)
    connection.exec_driver_sql(
        f"CREATE INDEX IF NOT EXISTS {index} ON {quote(table.name)} ({columns})"
    )
