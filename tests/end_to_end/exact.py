"""The exact totals by SQL that shares nothing with the nodes, and what they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

SCRIPT = Path(__file__).with_name("exact_totals.sql")


@dataclass(frozen=True)
class Exact:
    """What an exchange without privacy would compute.

    Attributes:
        totals: (query, site, period, label) -> the sum a site's vector must hold;
            what is not there is 0.
        figures: (metric, site, period, cell) -> numerator and denominator of what
            is published; the denominator of a count is None. Site `all` is the
            nation.
    """

    totals: Mapping[tuple[str, str, str, str], int]
    figures: Mapping[tuple[str, str, str, str], tuple[int, int | None]]


def of(folder: Path) -> Exact:
    """Compute the totals of the sites whose folders lie in a folder."""
    with duckdb.connect() as database:
        database.execute(f"SET VARIABLE folder = '{folder}'")
        database.execute(SCRIPT.read_text())
        totals = database.execute(
            "SELECT query, site, period, cell, total FROM exact_total"
        ).fetchall()
        figures = database.execute(
            "SELECT metric, site, period, cell, numerator, denominator "
            "FROM exact_figure"
        ).fetchall()
    return Exact(
        totals={tuple(key): total for *key, total in totals},
        figures={tuple(key): (top, bottom) for *key, top, bottom in figures},
    )
