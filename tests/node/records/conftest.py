"""A site's records on each engine in turn."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.records.connect import Kind
from tests.record_site import Site, make_site


@pytest.fixture(params=list(Kind), ids=lambda kind: kind.value)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Give an empty site, on each engine in turn."""

    def url() -> str:
        make: Callable[[], str] = request.getfixturevalue("new_postgres_database")
        return make()

    made = make_site(request.param, tmp_path / "site", url)
    yield made
    made.store.close()


@pytest.fixture
def sqlite_site(tmp_path: Path) -> Iterator[Site]:
    """Give an empty site on the quickest engine, where engines do not matter."""
    made = make_site(Kind.SQLITE, tmp_path / "site", str)
    yield made
    made.store.close()
