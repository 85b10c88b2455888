"""A site to import into, a folder to import from, and a search of its bytes."""

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from node import importer
from node.importer import KeyStore, Report
from node.records.connect import Kind
from privacy.period import day_number
from tests.record_site import DICTIONARY, Site, make_site

NOW = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)
Sheets = Mapping[str, list[Mapping[str, object]]]

PLAIN: Sheets = {
    "household": [
        {"household_key": "case 1", "type": "single_adult", "n_adults": 1},
        {"household_key": "case 2", "type": "family_one_adult", "n_adults": 1},
    ],
    "participant": [
        {"person_key": "p1", "household_key": "case 1", "gender": "woman"},
        {"person_key": "p2", "household_key": "case 2", "gender": "man"},
    ],
    "enrolment": [
        {"person_key": "p1", "enrolled_on": "2024-02-01", "phase": "P1"},
        {"person_key": "p2", "enrolled_on": "2024-03-01", "exited_on": "2024-05-01"},
    ],
}


@dataclass(frozen=True)
class Place:
    """A site, its key map and a folder to import from."""

    site: Site
    keys: KeyStore
    folder: Path
    home: Path

    def write(self, sheets: Sheets) -> None:
        """Write the folder anew; missing columns stay out of the header."""
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.iterdir():
            path.unlink()
        for table, rows in sheets.items():
            names = list(dict.fromkeys(name for row in rows for name in row))
            with (self.folder / f"{table}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(rows)

    def own(self, *, accepts_serious: bool = False) -> importer.Site:
        """Return what an import fills; invented records may come in."""
        return importer.Site(
            store=self.site.store,
            keys=self.keys,
            dictionary=DICTIONARY,
            register=self.site.register,
            reports=self.home / "site" / "imports",
            training=True,
            accepts_serious=accepts_serious,
        )

    def take(self, sheets: Sheets | None = None) -> Report:
        """Import the folder."""
        if sheets is not None:
            self.write(sheets)
        return importer.import_folder(
            self.folder,
            site=self.own(),
            now=NOW,
        )

    def take_rows(
        self,
        rows: Iterator[tuple[str, Mapping[str, object]]],
        *,
        accepts_serious: bool = False,
    ) -> Report:
        """Import rows that were never written down."""
        site = self.own(accepts_serious=accepts_serious)
        return importer.import_rows(rows, site=site, now=NOW)

    def rows(self, table: str) -> list[dict[str, object]]:
        """Return what the store holds of a table, without its own numbering."""
        records = self.site.store.schema.records[table]
        own = {"seq", "household", "person"}
        columns = [column for column in records.c if column.name not in own]
        with self.site.store.open_current().transaction() as connection:
            found = connection.execute(select(*columns).order_by(records.c.seq))
            return [dict(row._mapping) for row in found]

    def column(self, path: str) -> list[object]:
        """Return one field of every row."""
        table, _, field = path.partition(".")
        return [row[field] for row in self.rows(table)]

    def content(self, pattern: str = "*") -> bytes:
        """Return every byte the site has on disk, apart from the folder."""
        files = (p for p in sorted(self.home.rglob(pattern)) if p.is_file())
        return b"".join(p.read_bytes() for p in files if self.folder not in p.parents)


def site_on(kind: Kind, home: Path, url: Callable[[], str] = str) -> Iterator[Place]:
    site = make_site(kind, home / "site", url)
    keys = KeyStore.create(home / "site" / "keys", key_file=home / "site" / "keys.key")
    yield Place(site, keys, home / "export", home)
    site.store.close()


def day(text: str) -> int:
    return day_number(dt.date.fromisoformat(text))


def with_field(path: str, *values: object) -> Sheets:
    """Return the plain records with one field of a table set, row by row."""
    table, _, field = path.partition(".")
    own = PLAIN.get(table, [{"person_key": "p1"}, {"person_key": "p2"}])
    rows = [{**row, field: value} for row, value in zip(own, values, strict=True)]
    return {**PLAIN, table: rows}


def extended(table: str, row: Mapping[str, object]) -> Sheets:
    """Return the plain records with one more row of a table."""
    return {**PLAIN, table: [*PLAIN.get(table, []), row]}
