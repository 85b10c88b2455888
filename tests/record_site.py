"""A site's records and register on any engine, filled and asked by tests."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from node.records import schema, tally
from node.records.connect import Kind, Place, create_key
from node.records.store import RecordStore
from node.register.book import Register
from privacy import binding, catalogue
from privacy.dictionary import Grain
from privacy.expression import EVERYBODY, Dimension, One, Predicate, Value
from privacy.period import EPOCH, Period
from privacy.query import FORMAT, Query, Unit

DICTIONARY = catalogue.load().dictionary
SCHEMA = schema.build(DICTIONARY)
FIRST = Period("FY2024-Q1")

Row = Mapping[str, str | int | None]
Records = Mapping[str, Iterable[Row]]


def moment(day: int) -> dt.datetime:
    """Return noon, UTC, of a day number."""
    return dt.datetime.combine(
        EPOCH + dt.timedelta(days=day), dt.time(12), tzinfo=dt.UTC
    )


@dataclass(frozen=True)
class Site:
    """One site's store and register."""

    store: RecordStore
    register: Register

    def take(self, records: Records) -> None:
        """Import records: a new generation that replaces the last."""
        with self.store.writer() as writer:
            for table, rows in records.items():
                writer.load(table, rows)
            self.register.materialise(writer)
            self.store.publish(writer)

    def close(self, label: str) -> None:
        """Close every quarter through a period, on the first day allowed."""
        period = Period(label)
        self.register.close(period, self.store, now=moment(period.closes))

    def ask(self, query: Query) -> tuple[int, ...]:
        """Return the exact tally of a checked query."""
        binding.check(query, DICTIONARY, Grain.NATIONAL)
        return tally.read(self.register.reader(self.store), query).exact()

    def registered(self) -> dict[str, tuple[str | int | None, ...]]:
        """Return hid -> entry year and cohorts, as the generation holds them."""
        register = SCHEMA.register
        with self.store.open_current().transaction() as connection:
            return {
                row.hid: tuple(
                    getattr(row, column.name)
                    for column in register.c
                    if column.name == "entry_year" or column.name.startswith("cohort_")
                )
                for row in connection.execute(register.select())
            }


def make_site(kind: Kind, directory: Path, url: Callable[[], str]) -> Site:
    """Make an empty site in a folder."""
    directory.mkdir(exist_ok=True)
    place = Place(
        kind=kind,
        directory=directory / "records",
        key_file=directory / "key" if kind is Kind.DUCKDB else None,
        url=url() if kind is Kind.POSTGRESQL else None,
    )
    if place.key_file is not None:
        create_key(place.key_file)
    register = Register.create(f"sqlite:///{directory}/register.sqlite", first=FIRST)
    return Site(RecordStore.create(place, SCHEMA), register)


def household(
    hid: str, *pids: str, enrolled: int | None = None, **fields: str | int | None
) -> dict[str, list[Row]]:
    """Return the rows of one household: adults consenting, enrolled or not."""
    adults = [
        {"pid": pid, "hid": hid, "adult_number": n, "consent_stats": "yes"}
        for n, pid in enumerate(pids, start=1)
    ]
    spells = [{"pid": pid, "enrolled_on": enrolled} for pid in pids]
    return {
        "household": [{"hid": hid, **fields}],
        "participant": adults,
        "enrolment": spells if enrolled is not None else [],
    }


def merged(*parts: Records) -> dict[str, list[Row]]:
    """Put the rows of several households together."""
    together: dict[str, list[Row]] = {}
    for part in parts:
        for table, rows in part.items():
            together.setdefault(table, []).extend(rows)
    return together


def ask_for(
    *periods: str,
    unit: Unit = Unit.HOUSEHOLD,
    anchor: str | None = None,
    entry: tuple[str, ...] = ("FY2024",),
    population: Predicate = EVERYBODY,
    value: Value = One(),  # noqa: B008
    by: tuple[Dimension, ...] = (),
) -> Query:
    """Build a query whose code lists are the ones it reads."""
    bare = Query(
        format=FORMAT,
        unit=unit,
        entry_years=tuple(map(Period, entry)),
        anchor=anchor,
        periods=tuple(map(Period, periods)),
        population=population,
        value=value,
        by=by,
        code_lists=(),
        revision=0,
    )
    return with_lists(bare)


def with_lists(bare: Query) -> Query:
    """Name the code lists a query reads."""
    parts = {
        name: getattr(bare, name)
        for name in Query.__dataclass_fields__
        if name != "code_lists"
    }
    return Query(**parts, code_lists=binding.code_lists(bare, DICTIONARY))
