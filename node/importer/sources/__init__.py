"""Read an export, whatever it came out of, some columns at a time.

A folder or zip of CSV files, a workbook, a Parquet file or a database: each is a
source with tables, and each table gives batches of text. Nothing here writes.
"""

from node.importer.sources.opening import open_source
from node.importer.sources.reading import Reading
from node.importer.sources.source import Part, Remark, Source, SourceTable, Watch

__all__ = [
    "Part",
    "Reading",
    "Remark",
    "Source",
    "SourceTable",
    "Watch",
    "open_source",
]
