"""JSON: a list with one object for every value."""

import json
from collections.abc import Sequence

from coordinator.flat import FlatRow


def write(rows: Sequence[FlatRow]) -> bytes:
    """Return the rows as a JSON list."""
    content = [row.content() for row in rows]
    return f"{json.dumps(content, indent=2, allow_nan=False)}\n".encode()
