"""Rows of one dictionary table on their way in: columns of text, as a site has them.

Between a mapping profile and the checks there is only this: keys as the site writes
them, values in the dictionary's own spelling, and where each row was found.
"""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from privacy.dictionary import Level, Table
from privacy.errors import BadRecords

HOUSEHOLD_KEY: Final = "household_key"
PERSON_KEY: Final = "person_key"
SOURCE_ROW: Final = "source_row"

HOUSEHOLDS: Final = "household"
PERSONS: Final = "participant"


def key_columns(table: Table) -> tuple[str, ...]:
    """Return the columns that say whose row it is."""
    if table.level is Level.HOUSEHOLD:
        return (HOUSEHOLD_KEY,)
    return (PERSON_KEY, HOUSEHOLD_KEY) if table.name == PERSONS else (PERSON_KEY,)


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """Some rows of one table.

    Shapes: text columns named like the table's keys and fields, a code, 0 or 1, a
    whole number or an ISO day in each cell or nothing, and `source_row`, a whole
    number. A field without a column is empty in every row.

    Attributes:
        table: The dictionary's table.
        source: The file, sheet or SQL table they were found in, for the site's eyes.
        rows: The rows.

    Raises:
        BadRecords: `source_row` is missing, or a column is not text.
    """

    table: str
    source: str
    rows: pa.RecordBatch

    def __post_init__(self) -> None:
        """Refuse columns of another shape."""
        schema = self.rows.schema
        texts = (field.type for field in schema if field.name != SOURCE_ROW)
        at = schema.get_field_index(SOURCE_ROW)
        if at < 0 or schema.field(at).type != pa.int64():
            raise BadRecords(
                f"Rows for {self.table} do not say where they were found, so nothing "
                "was imported; report this."
            )
        if any(kind != pa.string() for kind in texts):
            raise BadRecords(
                f"Rows for {self.table} hold something other than text, so nothing "
                "was imported; report this."
            )

    def __repr__(self) -> str:
        """Show nothing of the rows."""
        return f"Batch({self.table})"
