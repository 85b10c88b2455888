"""CSV: text in quotes, numbers bare, in UTF-8.

Source: RFC 4180.
"""

import csv
import io
from collections.abc import Sequence

from coordinator.exports.plain import harmless
from coordinator.flat import COLUMNS, FlatRow


def write(rows: Sequence[FlatRow]) -> bytes:
    """Return the rows below a line of column names."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(each) for each in row.content().values()])
    return text.getvalue().encode()


def _cell(content: object) -> object:
    """Return what a cell holds: numbers as they are, anything else as plain text."""
    if isinstance(content, bool):
        return str(content).lower()
    return content if isinstance(content, int | float) else harmless(str(content))
