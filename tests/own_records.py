"""A site's records, built as a site builds them: import a folder, close, read."""

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path

from node import importer, synthetic
from node.importer import KeyStore, Report
from node.records import connect, tally
from node.records.connect import Kind, Place
from node.records.schema import build
from node.records.store import RecordStore
from node.register.book import Register
from privacy import catalogue
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query

PROGRAMME = catalogue.load()
NOW = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)
THROUGH = Period("FY2025-Q4")

Row = dict[str, str]
Change = Callable[[str, Row], Row | None]


def invent(folder: Path, *, scale: float = 0.05, seed: int = 1) -> Path:
    """Write a folder of invented records."""
    synthetic.write_folder(
        folder, dictionary=PROGRAMME.dictionary, site="NYC", seed=seed, scale=scale
    )
    return folder


def rewrite(source: Path, target: Path, change: Change) -> Path:
    """Copy a folder, changing or leaving out rows."""
    target.mkdir(parents=True)
    for path in sorted(source.glob("*.csv")):
        with (
            path.open(encoding="utf-8", newline="") as read,
            (target / path.name).open("w", encoding="utf-8", newline="") as write,
        ):
            rows = csv.DictReader(read)
            assert rows.fieldnames is not None
            out = csv.DictWriter(write, rows.fieldnames, lineterminator="\n")
            out.writeheader()
            for row in rows:
                kept = change(path.stem, dict(row))
                if kept is not None:
                    out.writerow(kept)
    return target


def rows(folder: Path, table: str) -> list[Row]:
    """Read a table of a folder."""
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def without(source: Path, target: Path, household: str) -> Path:
    """Copy a folder, leaving out one household and all that is about it."""
    adults = {
        row["person_key"]
        for row in rows(source, "participant")
        if row["household_key"] == household
    }

    def change(_: str, row: Row) -> Row | None:
        its = row.get("household_key") == household or row.get("person_key") in adults
        return None if its else row

    return rewrite(source, target, change)


def emptied(source: Path, target: Path) -> Path:
    """Copy a folder, keeping only the headers."""
    return rewrite(source, target, lambda _table, _row: None)


def counted_in(source: Path, period: str) -> str:
    """Return a household that enrolled in a period, so that its absence would show."""
    home = {r["person_key"]: r["household_key"] for r in rows(source, "participant")}
    for row in rows(source, "enrolment"):
        day = dt.date.fromisoformat(row["enrolled_on"])
        start, end = days(period)
        if start <= day <= end and row["transferred_in"] != "1":
            return home[row["person_key"]]
    raise AssertionError(f"nobody enrolled in {period}")


def days(period: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day of a period."""
    epoch = dt.date(1970, 1, 1)
    asked = Period(period)
    first, last = (epoch + dt.timedelta(days=day) for day in (asked.start, asked.end))
    return first, last


class OwnRecords:
    """The records of one site: a store, its key map and its register."""

    def __init__(self, home: Path, kind: Kind) -> None:
        home.mkdir(parents=True)
        key_file = None
        if kind is Kind.DUCKDB:
            key_file = home / "records.key"
            connect.create_key(key_file)
        place = Place(kind=kind, directory=home / "records", key_file=key_file)
        self.home = home
        self.store = RecordStore.create(place, build(PROGRAMME.dictionary))
        self.keys = KeyStore.create(home / "keys.map", key_file=home / "keys.key")
        self.register = Register.create(
            f"sqlite:///{home}/register.sqlite",
            first=PROGRAMME.first_entry_year.quarters[0],
        )

    def take(self, folder: Path, *, through: Period = THROUGH) -> Report:
        """Import a folder and close every quarter up to one."""
        report = importer.import_folder(
            folder,
            site=importer.Site(
                store=self.store,
                keys=self.keys,
                dictionary=PROGRAMME.dictionary,
                register=self.register,
                training=True,
                accepts_serious=True,  # an empty site is one of the worlds compared
            ),
            now=NOW,
        )
        self.register.close(through, self.store, now=NOW)
        return report

    def closed_through(self) -> Period | None:
        return self.store.open_current().closed_through

    def read(self, asked: Query) -> Tally:
        return tally.read(self.store.open_current(), asked)

    def close(self) -> None:
        self.store.close()
