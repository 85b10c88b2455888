"""Remember which row of the source each stored row came from, while an import runs."""

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from node.importer.batch import SOURCE_ROW
from node.importer.sheet import SOURCE, Stored


@dataclass(slots=True, repr=False)
class _Places:
    """One table's rows, by their running number in the store."""

    starts: list[int] = field(default_factory=list)
    parts: list[tuple[tuple[str, ...], pa.Table]] = field(default_factory=list)
    rows: int = 0


class Origins:
    """Where stored rows were found."""

    def __init__(self) -> None:
        """Start with none."""
        self._tables: dict[str, _Places] = {}

    def __repr__(self) -> str:
        """Show nothing."""
        return "Origins()"

    def add(self, stored: Stored) -> None:
        """Remember rows, in the order they are stored in."""
        places = self._tables.setdefault(stored.table, _Places())
        places.starts.append(places.rows)
        origin = stored.origin
        if len(stored.sources) == 1:
            origin = origin.drop_columns([SOURCE])
        # Millions of these wait for the end: half the width is half the memory.
        at = origin.column_names.index(SOURCE_ROW)
        narrow = origin.column(SOURCE_ROW).cast(pa.int32())
        places.parts.append((stored.sources, origin.set_column(at, SOURCE_ROW, narrow)))
        places.rows += stored.rows.num_rows

    def rows(self, table: str) -> int:
        """Return how many rows of a table are stored."""
        return self._tables.get(table, _Places()).rows

    def find(self, table: str, numbers: Iterable[int]) -> dict[str, list[int]]:
        """Return source -> row numbers there, of rows by their running number."""
        found: dict[str, list[int]] = {}
        places = self._tables.get(table, _Places())
        for number in numbers:
            if number >= places.rows:
                # Carried over from the records before: this source has no such row.
                continue
            at = bisect.bisect_right(places.starts, number) - 1
            sources, origin = places.parts[at]
            row = number - places.starts[at]
            several = len(sources) > 1
            source = sources[origin.column(SOURCE)[row].as_py() if several else 0]
            found.setdefault(source, []).append(origin.column(SOURCE_ROW)[row].as_py())
        return found
