"""Each check of the records as a whole finds what is planted, and nothing else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.importer import Report
from node.importer.findings import catalogue
from node.importer.gatherings import of
from node.importer.probes import PROBES
from node.records.connect import Kind
from privacy.errors import BadRecords
from tests.import_place import site_on
from tests.planted_records import PLANTED, home, records
from tests.record_site import SCHEMA

Found = dict[tuple[str, str], int]
_CLEAN = 5
# A handful of households of one year looks odd as columns; that is tested elsewhere.
_COLUMNS = {"empty-table", "stale-table", "stale-export", "mostly-empty"}
_COLUMNS |= {"constant-column", "purged"}


def counted(report: Report) -> Found:
    """Return how often each check found something in a table."""
    found: Found = {}
    for each in report.findings:
        if each.check.id not in _COLUMNS:
            where = (each.check.id, each.table)
            found[where] = found.get(where, 0) + each.count
    return found


def planted(kind: Kind, folder: Path, url: Callable[[], str] = str) -> Iterator[Report]:
    """Import one household for each thing wrong, and some in order."""
    for place in site_on(kind, folder, url):
        homes = [home(f"clean {n}") for n in range(_CLEAN)]
        for (check, table), change in PLANTED.items():
            one = home(f"{check} {table}")
            change(one)
            homes.append(one)
        yield place.take_rows(records(homes))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """Give what one import found."""
    yield from planted(Kind.SQLITE, tmp_path_factory.mktemp("planted"))


def test_records_in_order_are_found_in_order(tmp_path: Path) -> None:
    for place in site_on(Kind.SQLITE, tmp_path):
        report = place.take_rows(records([home(f"{n}") for n in range(_CLEAN)]))
        assert counted(report) == {}


@pytest.mark.parametrize(("check", "table"), PLANTED)
def test_what_is_planted_is_found(found: Report, check: str, table: str) -> None:
    assert counted(found)[check, table] == 1


def test_nothing_else_is_found(found: Report) -> None:
    assert set(counted(found)) == PLANTED.keys()


def test_a_finding_names_the_rows_of_the_source(found: Report) -> None:
    homes = list(PLANTED)
    row = _CLEAN + homes.index(("type-adults-differ", "household")) + 1
    each = next(f for f in found.findings if f.check.id == "type-adults-differ")
    assert {source: list(rows) for source, rows in each.rows.items()} == {"rows": [row]}


def test_every_check_of_the_whole_is_planted() -> None:
    checks = {check for check, _ in PLANTED}
    probed = set()
    for name, probe in PROBES.items():
        columns = SCHEMA.records[name].c
        probed |= {check for check, _ in probe(columns, AnyColumn(), AnyColumn(), 0)}
    probed |= {check for check, _, _ in of(SCHEMA)}
    assert probed - checks == {"exact-duplicate"}
    assert checks <= set(catalogue())


class AnyColumn:
    """Facts, whatever they are."""

    def __getattr__(self, name: str) -> object:
        return SCHEMA.records["pool_entry"].c.entered_on


@pytest.mark.parametrize("kind", [Kind.DUCKDB, Kind.POSTGRESQL])
def test_every_engine_finds_the_same(
    found: Report, tmp_path: Path, kind: Kind, request: pytest.FixtureRequest
) -> None:
    url = str
    if kind is Kind.POSTGRESQL:
        url = request.getfixturevalue("new_postgres_database")
    for report in planted(kind, tmp_path, url):
        assert counted(report) == counted(found)


def test_rows_that_say_the_same_are_found_unless_they_are_a_few(
    tmp_path: Path,
) -> None:
    for place in site_on(Kind.SQLITE, tmp_path):
        twice = home("twice")
        twice["service_event"] *= 3
        found = counted(place.take_rows(records([twice])))
        assert found == {("exact-duplicate", "service_event"): 2}
        assert len(place.rows("service_event")) == 3
        many = [twice, *(home(f"{n}") for n in range(400))]
        assert counted(place.take_rows(records(many))) == {}


def test_records_of_people_who_do_not_consent_are_held_back(tmp_path: Path) -> None:
    for place in site_on(Kind.SQLITE, tmp_path):
        homes = [home(f"{n}") for n in range(60)]
        for each in homes[:31]:
            each["participant"][0]["consent_stats"] = "no"
        with pytest.raises(BadRecords, match="few-consent"):
            place.take_rows(records(homes))
        assert place.site.store.current() is None
        homes[0]["participant"][0]["consent_stats"] = "yes"
        assert counted(place.take_rows(records(homes))) == {}
