"""Write invented records as a folder of CSV files, one per dictionary table."""

import contextlib
import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from node.synthetic.dirt import Planted
from node.synthetic.population import generate
from node.synthetic.row import Row
from privacy.dictionary import Dictionary, Level, Table


def columns(table: Table) -> tuple[str, ...]:
    """Return a table's header: its key columns, then the dictionary's fields."""
    if table.level is Level.HOUSEHOLD:
        return ("household_key", *table.fields)
    if table.name == "participant":
        return ("person_key", "household_key", *table.fields)
    return ("person_key", *table.fields)


def write(
    folder: Path, rows: Iterable[tuple[str, Row]], *, dictionary: Dictionary
) -> dict[str, int]:
    """Write rows as CSV files; tables without a row get a header only.

    Returns:
        The number of rows in each table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: Counter[str] = Counter(dict.fromkeys(dictionary.tables, 0))
    with contextlib.ExitStack() as files:
        writers = {}
        for name, table in dictionary.tables.items():
            path = folder / f"{name}.csv"
            file = files.enter_context(path.open("w", encoding="utf-8", newline=""))
            writers[name] = csv.DictWriter(file, columns(table), lineterminator="\n")
            writers[name].writeheader()
        for name, row in rows:
            writers[name].writerow(row)
            written[name] += 1
    return dict(written)


def write_folder(  # noqa: PLR0913 - what an invented site is made of
    folder: Path,
    *,
    dictionary: Dictionary,
    site: str,
    seed: int,
    scale: float = 1.0,
    preset: str = "default",
    planted: Planted | None = None,
) -> dict[str, int]:
    """Write a site's invented records; same arguments, same bytes.

    Args:
        folder: Where the CSV files go.
        dictionary: Names the tables and their columns.
        site: NYC, HOU, LAX, BAL, DCA, or S01 to S99.
        seed: Decides every record.
        scale: Multiplies the number of households.
        preset: The effect of enrolment: default, null, modest or fcmp_like.
        planted: Spoil the rows, and write down here what was planted.

    Returns:
        The number of rows in each table.
    """
    rows = generate(site=site, seed=seed, scale=scale, preset=preset, planted=planted)
    return write(folder, rows, dictionary=dictionary)
