"""Check the new records as a whole, before anybody is asked about them.

A handful of statements, each of which reads a table once and counts what fails every
condition. What fails is then looked up in the source, the first rows of it.
"""

from typing import Any, Final

from sqlalchemy import (
    Connection,
    FromClause,
    Select,
    Table,
    case,
    func,
    select,
)
from sqlalchemy.sql.util import find_tables

from node.importer import facts, gatherings
from node.importer.facts import Facts
from node.importer.findings import Findings
from node.importer.gatherings import DUPLICATE
from node.importer.origin import Origins
from node.importer.probes import PROBES
from node.records.generation import Writer
from node.records.schema import CONSENT_FIELD, CONSENT_TABLE, CONSENT_YES, Schema

LISTED: Final = 1_000
"""So many rows of a finding are looked up in the source."""

_DOUBLES_AMONG: Final = 200
"""Among so many rows two may say the same by chance: a group's two sessions."""

_FEW: Final = 50


def run(writer: Writer, *, origins: Origins, findings: Findings, today: int) -> None:
    """Note what fails; the records themselves stay as they are.

    Raises:
        Corrupt: the engine failed.
    """
    schema = writer.schema
    with writer.transaction() as connection:
        gathered = facts.gather(connection, schema)
        for name in filter(writer.added, PROBES):
            _probe(connection, (schema, gathered), name, (origins, findings, today))
        for check, name, rows in gatherings.of(schema):
            if not writer.added(name):
                continue
            found = _count(connection, rows)
            if check != DUPLICATE or found * _DOUBLES_AMONG > origins.rows(name):
                _note(connection, rows, (check, name), (origins, findings), found)
        _consent(connection, schema.records[CONSENT_TABLE], findings)
        facts.drop(connection, gathered)


def _probe(
    connection: Connection,
    known: tuple[Schema, Facts],
    name: str,
    noted: tuple[Origins, Findings, int],
) -> None:
    """Count every condition on one table in one statement; list what fails."""
    schema, gathered = known
    origins, findings, today = noted
    table = schema.records[name]
    home, adult = gathered.households, gathered.adults
    conditions = list(PROBES[name](table.c, home.c, adult.c, today))
    asked = {
        each
        for _, failed in conditions
        for each in find_tables(failed, check_columns=True)
    }
    joined: FromClause = table
    if schema.own_key(name) == "hid":
        joined = table.outerjoin(home, home.c.hid == table.c.hid)
    elif asked & {adult, home}:
        joined = table.outerjoin(adult, adult.c.pid == table.c.pid)
        if home in asked:
            joined = joined.outerjoin(home, home.c.home == adult.c.home)
    counts = [func.sum(case((failed, 1), else_=0)) for _, failed in conditions]
    found = connection.execute(select(*counts).select_from(joined)).one()
    for (check, failed), count in zip(conditions, found, strict=True):
        if count:
            rows = select(table.c.seq).select_from(joined).where(failed)
            _note(connection, rows, (check, name), (origins, findings), int(count))


def _note(
    connection: Connection,
    rows: Select[Any],
    where: tuple[str, str],
    noted: tuple[Origins, Findings],
    count: int,
) -> None:
    """Note rows by their running numbers: all are counted, the first are listed."""
    check, table = where
    origins, findings = noted
    if not count:
        return
    number = rows.selected_columns[0]
    first = connection.scalars(rows.order_by(number).limit(LISTED)).all()
    listed = origins.find(table, first)
    for source, places in listed.items():
        findings.note(check, table=table, source=source, rows=places)
    rest = count - sum(map(len, listed.values()))
    findings.note(check, table=table, count=rest)


def _count(connection: Connection, rows: Select[Any]) -> int:
    """Count what a statement finds."""
    every = select(func.count()).select_from(rows.subquery())
    return int(connection.execute(every).scalar_one())


def _consent(connection: Connection, adults: Table, findings: Findings) -> None:
    """Note it when most adults do not consent."""
    consent = adults.c[CONSENT_FIELD]
    yes = func.sum(case((consent == CONSENT_YES, 1), else_=0))
    every, agreed = connection.execute(select(func.count(), yes)).one()
    lacking = every - int(agreed or 0)
    if every >= _FEW and lacking * 2 > every:
        findings.note("few-consent", table=CONSENT_TABLE, count=lacking)
