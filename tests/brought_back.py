"""An export brought into a store of its own, to be compared with another."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from sqlalchemy import select

from node import synthetic
from node.importer import KeyStore, Report, Site, bring
from node.importer.bring import Bringing
from node.importer.profile_reading import parse
from node.records.connect import Kind, Place
from node.records.schema import build
from node.records.store import RecordStore
from node.register.book import Register
from node.synthetic import Planted, export, layouts
from privacy import catalogue

PROGRAMME = catalogue.load()
DICTIONARY = PROGRAMME.dictionary
NOW = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)
MADE = {"site": "BAL", "seed": 4, "scale": 0.2}
_OWN = {"seq", "household", "person"}

Rows = Counter[tuple[tuple[str, object], ...]]


@dataclass(frozen=True)
class Brought:
    """What is in the store, by source keys, and what the import noticed."""

    rows: dict[str, Rows]
    report: Report
    home: Path

    def found(self, check: str, field: str = "", shown: str = "") -> int:
        """Count findings of a check, about a field and a word if they are named."""
        return sum(
            each.count
            for each in self.report.findings
            if each.check.id == check
            and (not field or each.field == field)
            and (not shown or each.shown == shown)
        )

    def written(self) -> bytes:
        """Return every byte the import wrote."""
        files = (path for path in sorted(self.home.rglob("*")) if path.is_file())
        return b"".join(path.read_bytes() for path in files)


@cache
def keys(kind: str) -> tuple[str, ...]:
    """Return every case or person number of the invented site."""
    column = f"{kind}_key"
    found = (row.get(column) for _, row in synthetic.generate(**MADE))
    return tuple({str(key): None for key in found if key is not None})


def profile_text(layout: str) -> str:
    """Return the shipped profile that reads a layout."""
    own = layout == layouts.DICTIONARY
    name = layout if own else layouts.load(layout).profile
    return (resources.files("node.importer") / "profiles" / f"{name}.toml").read_text()


def write(folder: Path, layout: str, planted: Planted | None = None) -> str:
    """Write the site's export in a layout; return where it is, as one names it."""
    rows = synthetic.generate(**MADE, planted=planted)
    if layout == layouts.DICTIONARY:
        synthetic.write(folder, rows, dictionary=DICTIONARY)
        return str(folder)
    synthetic.write_layout(
        folder,
        rows,
        layout=layout,
        profile=profile_text(layout),
        dictionary=DICTIONARY,
        seed=5,
        planted=planted,
    )
    return export.where(folder, layout)


def bring_back(home: Path, location: str, profile: str) -> Brought:
    """Import an export into a new store, and read the whole store."""
    home.mkdir()
    place = Place(kind=Kind.SQLITE, directory=home / "records")
    RecordStore.create(place, build(DICTIONARY)).close()
    # While a hold lasts nobody's number is forgotten, so every row can be named.
    store = RecordStore(place, build(DICTIONARY), held=lambda: True)
    site = Site(
        store=store,
        keys=KeyStore.create(home / "keys.map", key_file=home / "keys.key"),
        dictionary=DICTIONARY,
        register=Register.create(
            f"sqlite:///{home}/register.sqlite",
            first=PROGRAMME.first_entry_year.quarters[0],
        ),
        reports=home / "imports",
        training=True,
        accepts_serious=True,
    )
    told = Bringing(location=location, profile=parse(profile, DICTIONARY))
    report = bring.import_source(told, site=site, now=NOW)
    known = site.keys.load()
    rows = _rows(store, lambda key: _named(known.find, key))
    store.close()
    return Brought(rows, report, home)


def _named(find: Callable[[str, str], str | None], kind: str) -> dict[str, str]:
    """Return id -> source key, as the system wrote it or as it was invented."""
    found = {}
    for key in keys(kind):
        for written in (key, layouts.salesforce_id(key)):
            own = find(kind, written)
            if own is not None:
                found[own] = key
    return found


def _rows(
    store: RecordStore, named: Callable[[str], dict[str, str]]
) -> dict[str, Rows]:
    """Read every table, with source keys in place of random ids."""
    ids = {"hid": named("household"), "pid": named("person")}
    reader = store.open_current()

    def value(name: str, found: object) -> object:
        return ids[name][str(found)] if name in ids else found

    read: dict[str, Rows] = {}
    with reader.transaction() as connection:
        for name in DICTIONARY.tables:
            table = reader.schema.records[name]
            columns = [column for column in table.c if column.name not in _OWN]
            read[name] = Counter(
                tuple(
                    (n, ids[n][v] if n in ids else v) for n, v in row._mapping.items()
                )
                for row in connection.execute(select(*columns))
            )
    return read
