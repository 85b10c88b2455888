"""Every metric's tally equals an independent recomputation, before any noise.

`tests/recomputed` computes each metric with pandas from the CSV files a site imports
and from the words of the metric's definition; it knows nothing of the queries. Here
the two are compared, cell by cell, for three invented sites on three engines.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from node import importer, synthetic
from node.importer import KeyStore
from node.records import tally
from node.records.connect import Kind, Place, create_key
from node.records.schema import build
from node.records.store import RecordStore
from node.register.book import Register
from privacy.catalogue import Metric
from privacy.period import Period
from privacy.query import cells
from tests.own_records import NOW, PROGRAMME, THROUGH
from tests.recomputed import (  # noqa: F401 - each enters its metrics in the list
    compliance,
    efficiency,
    humanitarian,
    reach,
    services,
)
from tests.recomputed.counting import METRICS, Cells
from tests.recomputed.edges import Edges
from tests.recomputed.planted import Planter, append
from tests.recomputed.reading import RIGHT, Slip
from tests.recomputed.world import World

Opened = tuple[RecordStore, Register]

ODD = {"NYC": 220, "HOU": 60, "BAL": 60}
"""How many odd households each site has beside the invented ones."""

EDGY = "NYC"
SEEDS = {"NYC": 31, "HOU": 32, "BAL": 33}
ASKED = ("FY2024-Q3", "FY2025-Q1", "FY2024-H2", "FY2024", "FY2025")
MEASURED = [m for m in PROGRAMME.metrics.values() if m.templates]

# A mistake, and the metrics in which it must be noticed.
_ALL = " ".join(metric.id for metric in MEASURED)
_LATE = "M07 M09 M10 M11 M13 M14 M16 M18 M19 M20 M21 M22 M23 M24 M25 M26 M27 M31 M35"
_LATE += " M36 M37 M38 M39 M40 M41 M42 M43 M44 M45 M48 M49 M51 M52 M56 M57 M59"
_BEGUN = "M07 M13 M14 M18 M19 M20 M21 M22 M23 M25 M26 M27 M31 M35 M36 M37 M42 M43 M44"
_BEGUN += " M45 M48 M49 M51"
_LIMITS = "M11 M13 M17 M19 M21 M24 M25 M26 M35 M36 M37 M50 M51 M59"
_THIRD = "M02 M03 M09 M10 M12 M14 M15 M16 M18 M19 M25 M26 M27 M28 M29 M30"
_THIRD += " M31 M32 M33 M34 M39 M40 M41 M43 M46 M56 M57 M59"
_PICKS = "M02 M03 M13 M19 M20 M25 M44 M47 M48 M50 M51 M53"
MISTAKES = {
    "a period is a day late": (Slip(shift=1), _ALL),
    "a period is a day early": (Slip(shift=-1), _ALL),
    "nobody is asked for consent": (Slip(consent=False), _ALL),
    "a third adult counts": (Slip(adults=3), _THIRD),
    "a window ends a day late": (Slip(days=1), _LATE),
    "a window ends a day early": (Slip(days=-1), _LATE),
    "a window begins a day late": (Slip(start=1), _BEGUN),
    "a window begins a day early": (Slip(start=-1), _BEGUN),
    "no cap is kept": (Slip(capped=False), "M16 M30 M40 M41 M57"),
    "a threshold is one too high": (Slip(limit=1), _LIMITS),
    "a threshold is one too low": (Slip(limit=-1), _LIMITS),
    "the earliest is taken for the latest": (Slip(swapped=True), _PICKS),
}

Told = dict[tuple[str, tuple[tuple[str, str], ...]], int]


def write(folder: Path, site: str, *, times: int = 1) -> Path:
    """Write a site's invented records, with odd households behind them."""
    synthetic.write_folder(
        folder,
        dictionary=PROGRAMME.dictionary,
        site=site,
        seed=SEEDS[site],
        scale=0.05 * times,
    )
    if site == EDGY:
        append(folder, Edges(site).rows())
    append(folder, Planter(SEEDS[site], site).rows(ODD[site] * times))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give the folders of the three sites' CSV files."""
    root = tmp_path_factory.mktemp("exports")
    return {site: write(root / site, site) for site in SEEDS}


@pytest.fixture(scope="module", params=list(Kind), ids=lambda kind: kind.value)
def engine(request: pytest.FixtureRequest) -> Kind:
    """Name each engine in turn."""
    return request.param


@pytest.fixture(scope="module")
def sites(
    request: pytest.FixtureRequest,
    engine: Kind,
    folders: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Opened]]:
    """Give the three sites on an engine: imported, and closed through FY2025."""
    made = {}
    for site, folder in folders.items():
        home = tmp_path_factory.mktemp(f"{engine.value}-{site}")
        made[site] = bring(home, folder, kind=engine, url=url_of(engine, request))
    yield made
    for store, _ in made.values():
        store.close()


def url_of(engine: Kind, request: pytest.FixtureRequest) -> str | None:
    """Return where a new PostgreSQL database is, for that engine alone."""
    if engine is not Kind.POSTGRESQL:
        return None
    new: Callable[[], str] = request.getfixturevalue("new_postgres_database")
    return new()


def bring(home: Path, folder: Path, *, kind: Kind, url: str | None) -> Opened:
    """Import a folder as a site does, and close every quarter through FY2025."""
    key_file = home / "records.key" if kind is Kind.DUCKDB else None
    if key_file is not None:
        create_key(key_file)
    place = Place(kind=kind, directory=home / "records", key_file=key_file, url=url)
    store = RecordStore.create(place, build(PROGRAMME.dictionary))
    register = Register.create(
        f"sqlite:///{home}/register.sqlite",
        first=PROGRAMME.first_entry_year.quarters[0],
    )
    site = importer.Site(
        store=store,
        keys=KeyStore.create(home / "keys.map", key_file=home / "keys.key"),
        dictionary=PROGRAMME.dictionary,
        register=register,
        training=True,
        accepts_serious=True,
    )
    importer.import_folder(folder, site=site, now=NOW)
    register.close(THROUGH, store, now=NOW)
    return store, register


def periods(metric: Metric) -> list[str]:
    """Return a short and a long period a metric is published for, or two of a kind."""
    published = [each for each in ASKED if Period(each).kind in metric.periods]
    return [published[0], published[-1]]


def answered(site: Opened, metric: Metric, label: str) -> Told:
    """Ask a site a metric's queries, and return every cell."""
    store, register = site
    reader = register.reader(store)
    told: Told = {}
    for name, query in PROGRAMME.queries(metric, Period(label)).items():
        key = store, query.digest
        exact = _exact.get(key) or tally.read(reader, query).exact()
        _exact[key] = exact
        for cell, value in zip(cells(query, PROGRAMME.dictionary), exact, strict=True):
            told[name, cell.labels] = value
    return told


_exact: dict[tuple[RecordStore, bytes], tuple[int, ...]] = {}
"""What a site answered: many metrics ask the same."""


@cache
def world(folder: Path, slip: Slip) -> World:
    """Read a folder once."""
    return World(folder, slip)


@cache
def recomputed(folder: Path, name: str, label: str, slip: Slip = RIGHT) -> Told:
    """Recompute a metric; cells in which nobody is are left out."""
    made = world(folder, slip)
    found: dict[str, Cells] = METRICS[name](made, made.period(label))
    return {(name, key): n for name, got in found.items() for key, n in got.items()}


@pytest.mark.parametrize("metric", MEASURED, ids=lambda metric: metric.id)
def test_the_tally_is_what_a_statistician_counts(
    metric: Metric, sites: dict[str, Opened], folders: dict[str, Path]
) -> None:
    for site, folder in folders.items():
        assert_equal(metric, sites[site], folder)


def assert_equal(metric: Metric, site: Opened, folder: Path) -> None:
    """Every cell of a metric is the same, asked and recomputed, for two periods."""
    for label in periods(metric):
        told = answered(site, metric, label)
        counted = recomputed(folder, metric.id, label)
        assert set(counted) <= set(told), (folder.name, label)
        assert {key: counted.get(key, 0) for key in told} == told, (folder.name, label)


@pytest.mark.soak
def test_the_tallies_of_a_large_site_are_what_a_statistician_counts(
    engine: Kind, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = write(tmp_path / "export", EDGY, times=20)
    home = tmp_path / "home"
    home.mkdir()
    site = bring(home, folder, kind=engine, url=url_of(engine, request))
    for metric in MEASURED:
        assert_equal(metric, site, folder)
    site[0].close()


@pytest.mark.parametrize("metric", MEASURED, ids=lambda metric: metric.id)
def test_a_wrong_recomputation_would_be_noticed(
    metric: Metric, folders: dict[str, Path]
) -> None:
    unnoticed = [
        mistake
        for mistake, (slip, metrics) in MISTAKES.items()
        if metric.id in metrics.split()
        and all(
            recomputed(folder, metric.id, label)
            == recomputed(folder, metric.id, label, slip)
            for folder in folders.values()
            for label in periods(metric)
        )
    ]
    assert unnoticed == []
