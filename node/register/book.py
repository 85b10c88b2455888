"""The register: the one authority on who is counted where.

Its own durable file, apart from the records, because it outlives them: an undone
import, a re-import, a household that splits or a purge changes nothing in it. Each
generation of the records holds a copy, which every statement joins.
"""

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any, Self

from sqlalchemy import (
    Connection,
    Engine,
    case,
    delete,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from node.records import load
from node.records.schema import SLOTS
from node.records.schema import cohort as cohort_column
from node.records.store import Reader, RecordStore, Writer
from node.register import connect
from node.register.closing import Closings, additions, extend
from node.register.tables import (
    FORMAT,
    PARTS,
    Digest,
    Row,
    about,
    adult,
    closing,
    cohort,
    genesis,
    household,
    metadata,
)
from privacy.errors import BadConfiguration, PeriodNotClosed, RegisterBroken
from privacy.period import Period, PeriodKind, day_number

_CHUNK = 20_000


class Register:
    """Who is counted where, at one site."""

    def __init__(self, database: Engine, first: Period) -> None:
        """Use an open register; see `create` and `open`."""
        self._database = database
        self._first = first

    @classmethod
    def create(cls, url: str, *, first: Period) -> Self:
        """Make a new, empty register.

        Args:
            url: Where it is kept, as a database URL.
            first: The first quarter it will close: the programme's start.

        Raises:
            BadConfiguration: it is there already, or cannot be made.
        """
        if first.kind is not PeriodKind.QUARTER:
            raise BadConfiguration("The register starts with a quarter: FY2023-Q1.")
        parsed = connect.parse(url)
        connect.new_file(parsed)
        database = connect.engine(parsed)
        with _transaction(database) as connection:
            if inspect(connection).has_table(about.name):
                raise BadConfiguration(
                    "A register is already there and is never overwritten; keep it."
                )
            metadata.create_all(connection)
            row = {"format": FORMAT, "first_quarter": first.label}
            connection.execute(insert(about).values(row))
        return cls(database, first)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a register that exists; a missing one is never an empty one.

        Raises:
            RegisterBroken: it is missing or cannot be read.
        """
        database = connect.engine(connect.parse(url))
        with _transaction(database) as connection:
            row = connection.execute(select(about)).one_or_none()
        if row is None or row.format != FORMAT:
            raise _broken()
        return cls(database, Period(row.first_quarter))

    def head(self) -> str:
        """Return the digest of the last closing: what a generation must hold."""
        with _transaction(self._database) as connection:
            return self._last(connection)[1]

    def closed_through(self) -> Period | None:
        """Return the last closed quarter, or None before the first."""
        with _transaction(self._database) as connection:
            label = connection.execute(
                select(closing.c.quarter).order_by(closing.c.closing.desc()).limit(1)
            ).scalar_one_or_none()
        return Period(label) if label else None

    def reader(self, store: RecordStore) -> Reader:
        """Return the current records, if they hold this register and no other.

        While a closing is under way they may hold it as it was before: a closing
        writes the register first, and takes the records that go with it into use last.

        Raises:
            RegisterBroken: they do not.
            BadRecords: there are none yet.
        """
        # Twice, because a closing may end between one look and the next.
        for _ in range(2):
            reader = store.open_current()
            if reader.register_head == self.head():
                return reader
            if store.is_written() and self._was_head(reader.register_head):
                return reader
        raise RegisterBroken(
            "The records were not joined to the register as it is now; close the "
            "last period again, or import again."
        )

    def materialise(self, writer: Writer) -> None:
        """Copy the register into a new generation, after checking every row.

        Raises:
            RegisterBroken: the register is not as its closings left it.
        """
        self.verify()
        schema = writer.schema
        events = list(schema.dictionary.events)
        households = (
            select(household, *(_cohort_of(event) for event in events))
            .outerjoin(cohort, cohort.c.household == household.c.household)
            .group_by(*household.c)
            .order_by(household.c.household)
        )
        number = adult.c.household * len(SLOTS) + adult.c.slot - 1
        adults = select(number.label("person"), adult).order_by(number)
        with _transaction(self._database) as source:
            with writer.transaction() as connection:
                connection.execute(delete(schema.register))
                connection.execute(delete(schema.person))
                names = [column.name for column in household.c]
                names += [cohort_column(event) for event in events]
                rows = _rows(source, households)
                load.insert(connection, schema.register, names, rows)
                names = ["person", *(column.name for column in adult.c)]
                load.insert(connection, schema.person, names, _rows(source, adults))
            head = self._last(source)[1]
        writer.joined_to(head=head, closed_through=self.closed_through())

    def close(self, through: Period, store: RecordStore, *, now: dt.datetime) -> None:
        """Close every quarter up to and including a period, for ever.

        The register's rows are durable before the records that use them are
        published; if the latter fails, closing again publishes them.

        Raises:
            PeriodNotClosed: the period, and the grace for late entries, is not over.
            BadRecords: there are no records yet.
            Busy: an import or another closing is running.
            RegisterBroken: the register is not as its closings left it.
        """
        if day_number(now.astimezone(dt.UTC).date()) < through.closes:
            raise PeriodNotClosed(
                f"{through} may be closed once the 30 days for late entries after its "
                "last day are over; close it then."
            )
        current = store.open_current()
        if not self._due(through) and current.register_head == self.head():
            return
        with store.writer(copy=True) as writer:
            if current.register_head == self.head():
                self.verify()
            else:
                self.materialise(writer)
            due = self._due(through)
            if due is not None:
                extend(writer, due)
                with writer.transaction() as connection:
                    head = self._append(connection, writer, due, now)
                writer.joined_to(head=head, closed_through=due.quarters[-1])
            store.publish(writer)

    def verify(self) -> None:
        """Recompute every closing's digest from its rows.

        Raises:
            RegisterBroken: a row was changed, added or lost.
        """
        with _transaction(self._database) as connection:
            closings = connection.execute(
                select(closing).order_by(closing.c.closing)
            ).all()
            previous = genesis(self._first.label)
            for number, row in enumerate(closings, start=1):
                found = (row.closing, row.previous, row.digest)
                digest = _digest(
                    connection, number, row.quarter, row.closed_at, previous
                )
                if found != (number, previous, digest):
                    raise _broken()
                previous = digest
            known = len(closings)
            for table in PARTS:
                strays = select(func.count()).where(~table.c.closing.between(1, known))
                if connection.execute(strays).scalar_one():
                    raise _broken()

    def _due(self, through: Period) -> Closings | None:
        """Return the quarters not closed yet, up to the end of a period."""
        last = self.closed_through()
        quarter = last.next() if last else self._first
        quarters = []
        while quarter.end <= through.end:
            quarters.append(quarter)
            quarter = quarter.next()
        with _transaction(self._database) as connection:
            number = self._last(connection)[0]
        return Closings(tuple(quarters), number + 1) if quarters else None

    def _last(self, connection: Connection) -> tuple[int, str]:
        """Return number and digest of the last closing."""
        row = connection.execute(
            select(closing).order_by(closing.c.closing.desc()).limit(1)
        ).one_or_none()
        return (row.closing, row.digest) if row else (0, genesis(self._first.label))

    def _was_head(self, digest: str) -> bool:
        """Tell whether a digest is one of a closing, or of the start."""
        with _transaction(self._database) as connection:
            of_one = select(closing.c.digest).where(closing.c.digest == digest)
            found = connection.execute(of_one).first()
        return found is not None or digest == genesis(self._first.label)

    def _append(
        self, source: Connection, writer: Writer, due: Closings, now: dt.datetime
    ) -> str:
        """Write the new rows and their closings in one durable transaction."""
        closed_at = now.astimezone(dt.UTC).isoformat(timespec="seconds")
        tables = {table.name: table for table in PARTS}
        with _transaction(self._database) as connection:
            number, head = self._last(connection)
            if number + 1 != due.first:
                raise _broken()
            for part, rows in additions(source, writer.schema, due):
                names = [column.name for column in tables[part].c]
                load.insert(connection, tables[part], names, rows)
            for quarter in due.quarters:
                number += 1
                row = {
                    "closing": number,
                    "quarter": quarter.label,
                    "closed_at": closed_at,
                    "previous": head,
                }
                head = _digest(connection, number, quarter.label, closed_at, head)
                connection.execute(insert(closing).values(row | {"digest": head}))
        return head


@contextlib.contextmanager
def _transaction(database: Engine) -> Iterator[Connection]:
    """Yield one transaction: committed, durably, or as if it had never been.

    Raises:
        RegisterBroken: the database failed; what it said is dropped.
    """
    try:
        with database.begin() as connection:
            yield connection
    except SQLAlchemyError:
        raise _broken() from None


def _digest(
    connection: Connection, number: int, quarter: str, closed_at: str, previous: str
) -> str:
    """Return the digest of one closing, from the rows that carry its number."""
    digest = Digest()
    for table in PARTS:
        added = select(table).where(table.c.closing == number)
        ordered = added.order_by(*table.primary_key.columns)
        for rows in connection.execute(ordered).partitions(_CHUNK):
            digest.add(table.name, map(tuple, rows))
    return digest.done(
        number=number, quarter=quarter, closed_at=closed_at, previous=previous
    )


def _cohort_of(event: str) -> Any:  # noqa: ANN401
    """Turn the rows of one event into a column."""
    quarter = case((cohort.c.event == event, cohort.c.quarter))
    return func.max(quarter).label(cohort_column(event))


def _rows(connection: Connection, statement: Any) -> Iterator[Row]:  # noqa: ANN401
    """Read rows one by one, fetched in chunks."""
    for rows in connection.execute(statement).partitions(_CHUNK):
        yield from map(tuple, rows)


def _broken() -> RegisterBroken:
    """Stop, without saying what was found."""
    return RegisterBroken(
        "The register is missing or not as its closings left it; stop the node and "
        "restore the register before anything is asked."
    )
