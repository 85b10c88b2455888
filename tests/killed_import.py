"""Import again and again into one site, until somebody kills this process.

`python tests/killed_import.py HOME` takes the same records in, in turn as they are and
with one household fewer, so that either can be told by its number of households.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from node import importer
from node.importer import KeyStore
from node.records.connect import Kind, Place
from node.records.store import RecordStore
from node.register.book import Register
from tests.import_place import NOW
from tests.planted_records import home, records
from tests.record_site import DICTIONARY, SCHEMA

HOMES = 40
"""Fewer than a table has to have before its change is drift."""


def rows(homes: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the rows of some households."""
    return records([home(f"case {number}") for number in range(homes)])


def site_at(home: Path) -> importer.Site:
    """Open the site in a folder."""
    return importer.Site(
        store=RecordStore(
            Place(
                kind=Kind.DUCKDB,
                directory=home / "records",
                key_file=home / "key",
            ),
            SCHEMA,
        ),
        keys=KeyStore(home / "keys", key_file=home / "keys.key"),
        dictionary=DICTIONARY,
        register=Register.open(f"sqlite:///{home}/register.sqlite"),
        reports=home / "imports",
    )


def main(home: Path) -> None:
    """Import until killed, and say when each import begins."""
    site = site_at(home)
    for turn in range(1_000):
        print("begins", flush=True)  # noqa: T201
        importer.import_rows(rows(HOMES - turn % 2), site=site, now=NOW)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
