"""Fixtures: invented records, sites laid out once, and processes that always end."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.exchange import Centre, NodeProcess, settle, stock, write_records
from tests.end_to_end.papers import ELSEWHERE, REAL

SCALE = 0.1
CLOSED_THROUGH = "FY2025-Q4"


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that holds each site's invented records as CSV."""
    folder = tmp_path_factory.mktemp("records")
    for site in REAL:
        write_records(folder, site, scale=SCALE)
    return folder


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    """Give an authority and a coordinator's name."""
    (tmp_path / "centre").mkdir()
    return Centre(tmp_path / "centre")


NewSite = Callable[..., NodeProcess]


@pytest.fixture
def new_site(tmp_path: Path, centre: Centre, folders: Path) -> Iterator[NewSite]:
    """Give a function that lays out a site, ready to be served.

    Its arguments: the site's name, the period closed through, the age of its
    certificate, who is in the roster, and caps of the policy to change.
    """
    made: list[NodeProcess] = []

    def make(
        site: str,
        *,
        closed_through: str = CLOSED_THROUGH,
        certified_days_ago: int = 0,
        sites: tuple[str, ...] = (*REAL, *ELSEWHERE),
        **limits: str,
    ) -> NodeProcess:
        home = tmp_path / site
        settle(home, site, sites=sites, **limits)
        centre.certify(home, site, days_ago=certified_days_ago)
        records = tmp_path / f"{site}.records"
        shutil.copytree(folders / site, records)
        stock(home, records, closed_through=closed_through)
        made.append(NodeProcess(home, site, sites))
        return made[-1]

    yield make
    for process in made:
        process.close()
