"""Search every file a site ever wrote for the case numbers it was given."""

import base64
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.custody import consent, purge, rotation
from node.custody.consent import Whose
from node.records.connect import Kind
from tests.import_place import NOW, Place, site_on

CASE, PERSON, NEVER_MET = "QZ-CASE-77310", "QZ-PERSON-4471", "QZ-OTHER-9911"


def spellings(number: str) -> Iterator[bytes]:
    """Yield the ways a number could lie in a file."""
    plain = number.encode()
    yield plain
    yield plain.lower()
    yield number.encode("utf-16-le")
    yield plain.hex().encode()
    for start in range(3):
        # However it falls among groups of three bytes.
        yield base64.b64encode(plain[start:])[:12]


def found(folder: Path) -> set[str]:
    """Return the files that hold a number in any spelling."""
    looked_for = [s for n in (CASE, PERSON, NEVER_MET) for s in spellings(n)]
    holding = set()
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if any(each in content for each in looked_for):
                holding.add(path.name)
    return holding


@pytest.fixture(params=[Kind.SQLITE, Kind.DUCKDB])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from site_on(request.param, tmp_path)


def test_no_file_ever_holds_a_number(place: Place, tmp_path: Path) -> None:
    pool = {"entered_on": "2023-10-10", "drawn_on": "2024-01-10", "selected": 0}
    records = {
        "household": [{"household_key": n} for n in (CASE, "case 2", "case 3")],
        "participant": [
            {"household_key": CASE, "person_key": PERSON, "consent_stats": "yes"}
        ],
        "pool_entry": [{"household_key": CASE, **pool}],
    }
    home = tmp_path / "site"
    # Too early to purge, then not; the search is of every step between.
    early = NOW - dt.timedelta(days=500)
    place.take({**records, "pool_entry": [{**pool, "household_key": "case 2"}]})
    assert found(home) == set()
    consent.withdraw(place.site.store, place.keys, Whose.PERSON, PERSON)
    consent.withdraw(place.site.store, place.keys, Whose.CASE, NEVER_MET)
    assert found(home) == set()
    place.take(records)
    assert purge.purge(place.site.store, place.keys, now=early) == 0
    rotation.rotate_key_map(place.site.store, place.keys)
    if place.site.store.place.kind is Kind.DUCKDB:
        rotation.rotate_records(place.site.store)
    place.take(records)
    assert found(home) == set()


def test_the_search_would_find_one(tmp_path: Path) -> None:
    for number, spelling in enumerate(spellings(CASE)):
        (tmp_path / str(number)).write_bytes(b"\0" + spelling + b"\0")
    assert len(found(tmp_path)) == number + 1
