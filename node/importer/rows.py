"""Turn rows that never lay in a file into batches: invented records, and tests."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import pyarrow as pa

from node.importer.batch import SOURCE_ROW, Batch, key_columns
from privacy.dictionary import Dictionary, Table
from privacy.errors import BadRecords

Value: TypeAlias = str | int | None
Source: TypeAlias = Mapping[str, Value]
"""A row: household_key, person_key and field names."""

_AT_ONCE: Final = 50_000
_NAME: Final = "rows"


def batches(
    rows: Iterable[tuple[str, Source]], *, dictionary: Dictionary
) -> Iterator[Batch]:
    """Yield batches of every table, parents before what belongs to them.

    Requires: a household's row before its adults' rows, those before any other.

    Raises:
        BadRecords: a row is for a table that the dictionary lacks.
    """
    waiting: dict[str, list[Source]] = {name: [] for name in dictionary.tables}
    taken = dict.fromkeys(waiting, 0)

    def flushed() -> Iterator[Batch]:
        for name, table in dictionary.tables.items():
            if waiting[name]:
                yield _batch(table, waiting[name], taken[name])
                taken[name] += len(waiting[name])
                waiting[name] = []

    for name, row in rows:
        if name not in waiting:
            raise BadRecords(
                "A row is for a table that is not in the dictionary, so nothing was "
                "imported; drop or map it."
            )
        waiting[name].append(row)
        if len(waiting[name]) == _AT_ONCE:
            yield from flushed()
    yield from flushed()


def _batch(table: Table, rows: list[Source], start: int) -> Batch:
    """Return rows as columns of text; every field has one."""
    columns = {
        name: pa.array([_text(row.get(name)) for row in rows], pa.string())
        for name in (*key_columns(table), *table.fields)
    }
    numbers = range(start + 1, start + len(rows) + 1)
    columns[SOURCE_ROW] = pa.array(numbers, pa.int64())
    return Batch(table.name, _NAME, pa.RecordBatch.from_pydict(columns))


def _text(value: Value) -> str | None:
    """Return a value as a site would write it; nothing for an empty one."""
    return None if value is None else str(value).strip() or None
