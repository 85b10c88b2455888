"""Parquet, and the Arrow table it is made from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from coordinator.exports import manual
from coordinator.flat import KINDS, FlatRow

_TYPES: Final[dict[object, Any]] = {
    str: pa.string(),
    float: pa.float64(),
    int: pa.int64(),
    bool: pa.bool_(),
}
SCHEMA: Final = pa.schema(
    [pa.field(name, _TYPES[kind], nullable=False) for name, kind in KINDS.items()],
    metadata={"how to read": "\n".join(manual.LINES)},
)


def table(contents: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return the contents of rows as an Arrow table, of the same columns always."""
    return pa.Table.from_pylist(list(contents), schema=SCHEMA)


def write(rows: Sequence[FlatRow]) -> bytes:
    """Return the rows as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table(row.content() for row in rows), sink)
    return bytes(sink.getvalue())
