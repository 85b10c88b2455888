"""A site to import into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.records.connect import Kind
from tests.import_place import PLAIN, Place, site_on


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give a site whose files can be searched: SQLite does not encrypt them."""
    yield from site_on(Kind.SQLITE, tmp_path)


@pytest.fixture
def filled(place: Place) -> Place:
    """Give a site with records."""
    place.take(PLAIN)
    return place
