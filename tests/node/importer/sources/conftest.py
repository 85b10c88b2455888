"""Reading a source back as plain rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.importer.sources import Reading, Source, open_source

Rows = list[dict[str, Any]]


def rows_of(source: Source, table: str, columns: list[str] | None = None) -> Rows:
    """Read a whole table."""
    (found,) = (each for each in source.tables if each.name == table)
    return [
        row
        for batch in source.read(table, columns or found.columns)
        for row in batch.to_pylist()
    ]


@pytest.fixture
def rows() -> Callable[..., Rows]:
    """Give the rows of a table of an open source."""
    return rows_of


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., tuple[Rows, Any]]:
    """Give what a text file reads as: its rows and the remarks."""

    def read(content: str | bytes, **settings: object) -> tuple[Rows, Any]:
        path = tmp_path / "intake.csv"
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
        with open_source(path, Reading(**settings)) as source:
            found = rows_of(source, "intake") if source.tables[0].columns else []
            return found, source.remarks

    return read
