"""Open a Parquet file: one table, its columns typed by whoever wrote it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from node.importer.batch import SOURCE_ROW
from node.importer.sources.cells import text_of
from node.importer.sources.layout import header_of
from node.importer.sources.naming import shown, table_name
from node.importer.sources.reading import Reading
from node.importer.sources.source import (
    BATCH_ROWS,
    Part,
    Source,
    SourceTable,
    Watch,
    tidy,
)
from privacy.errors import BadRecords

_BROKEN: Final = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)
_ROWS_AT_ONCE: Final = 20_000


def open_parquet(path: Path, reading: Reading) -> Source:
    """Open a Parquet file.

    Raises:
        BadRecords: it is broken or encrypted.
    """
    about = shown(path.name, "the file")
    try:
        file = pq.ParquetFile(path)
    except _BROKEN:
        raise _broken(about) from None
    try:
        part = _Columns(table_name(path.name, 1), file, about=about, reading=reading)
    except BadRecords:
        file.close()
        raise
    return Source([part], close=file.close)


class _Columns(Part):
    """The columns of a file that are not lists or records themselves."""

    def __init__(
        self, name: str, file: pq.ParquetFile, *, about: str, reading: Reading
    ) -> None:
        """Keep the names of the columns that can be text."""
        self._file = file
        self._about = about
        self._reading = reading
        try:
            names = [
                field.name
                for field in file.schema_arrow
                if not pa.types.is_nested(field.type)
            ]
        except _BROKEN:
            raise _broken(about) from None
        header = header_of(names, first=1, about=about)
        # Arrow finds a column by its exact name, so a tidied one is looked up.
        self._own = dict(zip(header.names, names, strict=True))
        super().__init__(
            SourceTable(name, header.columns, about), repeated=header.repeated
        )

    def batches(self, columns: Sequence[str], watch: Watch) -> Iterator[pa.RecordBatch]:
        """Yield some columns as text.

        Raises:
            BadRecords: the file is broken.
        """
        own = [self._own[column] for column in columns]
        watch.total = int(self._file.metadata.num_rows)
        # A header row would be number 1, were this a sheet.
        row = 2
        try:
            for batch in self._file.iter_batches(
                batch_size=min(_ROWS_AT_ONCE, BATCH_ROWS),
                columns=own,
                use_threads=False,
            ):
                # Arrow takes a file's word that its text is text.
                batch.validate(full=True)
                arrays = [
                    tidy(_text(batch.column(name)), self._reading) for name in own
                ]
                numbers = pa.arange(row, row + batch.num_rows)
                row += batch.num_rows
                watch.done += batch.num_rows
                yield pa.record_batch([*arrays, numbers], names=[*columns, SOURCE_ROW])
        except _BROKEN:
            raise _broken(self._about) from None


def _text(column: pa.Array) -> pa.Array:
    """Write a typed column as text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_boolean(kind):
        return pc.cast(pc.cast(column, pa.int8()), pa.string())
    if pa.types.is_timestamp(kind):
        return pc.strftime(column, format="%Y-%m-%d")
    if (
        pa.types.is_integer(kind)
        or pa.types.is_date(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    ):
        return pc.cast(column, pa.string())
    return pa.array([text_of(cell) for cell in column.to_pylist()], pa.string())


def _broken(about: str) -> BadRecords:
    """Say that a file cannot be read."""
    return BadRecords(
        f"{about} is broken, encrypted or not Parquet, so nothing was imported; export "
        "it again."
    )
