"""Count what an import stored, column by column; kept at the site for the next one.

The counts are exact, so they never leave. Values are codes, days and small numbers of
the dictionary's, never texts.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from node.importer.sheet import Stored
from privacy.dictionary import Dictionary, Kind

_MIXED: Final = frozenset({Kind.CODE, Kind.FLAG})


@dataclass(slots=True, repr=False)
class Summary:
    """How often each field holds each value.

    Attributes:
        rows: Table -> rows.
        values: (table, field) -> value -> rows; what is missing is empty.
    """

    rows: Counter[str] = field(default_factory=Counter)
    values: dict[tuple[str, str], Counter[str | int]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Show nothing."""
        return "Summary()"

    def add(self, stored: Stored) -> None:
        """Count more rows."""
        self.rows[stored.table] += stored.rows.num_rows
        for name in stored.rows.column_names:
            if name in {"hid", "pid"}:
                continue
            counts = self.values.setdefault((stored.table, name), Counter())
            for chunk in stored.rows.column(name).chunks:
                counts.update(_counts(chunk))

    def missing(self, table: str, name: str) -> int:
        """Return in how many rows a field is empty."""
        return self.rows[table] - self.values.get((table, name), Counter()).total()

    def saved(self, dictionary: Dictionary) -> str:
        """Return what the next import is compared with: rows, gaps, code mixes."""
        tables = {
            name: {
                "rows": self.rows[name],
                "missing": {each: self.missing(name, each) for each in table.fields},
                "codes": {
                    each: {
                        str(code): count
                        for code, count in self.values.get(
                            (name, each), Counter()
                        ).items()
                    }
                    for each, told in table.fields.items()
                    if told.kind in _MIXED
                },
            }
            for name, table in dictionary.tables.items()
        }
        return json.dumps(tables)


@dataclass(frozen=True, slots=True, repr=False)
class Last:
    """What an earlier import held: rows, empty cells and codes, by table."""

    tables: Mapping[str, Any]

    @classmethod
    def read(cls, text: str) -> "Last | None":
        """Read what `Summary.saved` wrote; None if it is something else."""
        try:
            tables = json.loads(text)
        except ValueError:
            return None
        return cls(tables) if isinstance(tables, dict) else None

    def rows(self, table: str) -> int:
        """Return how many rows a table had."""
        return int(self.tables.get(table, {}).get("rows", 0))

    def missing(self, table: str, name: str) -> int | None:
        """Return in how many rows a field was empty; None if it was not counted."""
        count = self.tables.get(table, {}).get("missing", {}).get(name)
        return None if count is None else int(count)

    def codes(self, table: str, name: str) -> dict[str, int]:
        """Return how often a field held each code."""
        return dict(self.tables.get(table, {}).get("codes", {}).get(name, {}))


def _counts(chunk: pa.Array) -> dict[str | int, int]:
    """Return how often each value is in a column; empty cells are not counted."""
    listed = pa.types.is_dictionary(chunk.type)
    numbers = chunk.indices if listed else chunk
    counted = numbers.drop_null().value_counts()
    values = counted.field(0).to_pylist()
    if listed:
        codes = chunk.dictionary.to_pylist()
        values = [codes[at] for at in values]
    return dict(zip(values, counted.field(1).to_pylist(), strict=True))
