"""Profiles and folders of CSV, to see what mapping makes of them."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from node.importer import profile_reading
from node.importer.engine import mapped
from node.importer.findings import Findings
from node.importer.guard import Guard
from node.importer.profile import Profile
from node.importer.sources import open_source
from tests.record_site import DICTIONARY

Table = Sequence[Mapping[str, str]]
Row = dict[str, object]

HEAD = """
[profile]
name = "ours"
version = 1
dictionary = "1"
about = "ours"
[source]
dates = ["us"]
blanks = ["N/A"]
"""
HOUSEHOLDS = """
[[tables.household]]
from = "Cases"
household_key = "Case #"
"""


def write(folder: Path, tables: Mapping[str, Table]) -> Path:
    """Write a folder of CSV files."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def profile(text: str) -> Profile:
    """Read a profile that begins like all of these."""
    return profile_reading.parse(HEAD + text, DICTIONARY)


class Mapped:
    """What a profile made of a folder."""

    def __init__(self, folder: Path, known: Profile) -> None:
        """Map everything."""
        guard = Guard()
        self.findings = Findings(guard.hides)
        self.rows: dict[str, list[Row]] = {}
        self.numbers: dict[tuple[str, str], int] = {}
        with open_source(folder, known.reading) as source:
            for batch in mapped(
                source,
                known,
                dictionary=DICTIONARY,
                guard=guard,
                findings=self.findings,
                numbers=self._number,
            ):
                self.rows.setdefault(batch.table, []).extend(batch.rows.to_pylist())

    def _number(self, kind: str, name: str) -> int:
        """Count what is counted, in the order it comes."""
        return self.numbers.setdefault((kind, name), len(self.numbers) + 1)

    def column(self, path: str) -> list[object]:
        """Return one field of every row."""
        table, _, field = path.partition(".")
        return [row[field] for row in self.rows.get(table, [])]

    def found(self) -> Counter[tuple[str, str, str]]:
        """Count findings by check, field and what is shown."""
        return Counter(
            {(f.check.id, f.field, f.shown): f.count for f in self.findings.groups()}
        )
