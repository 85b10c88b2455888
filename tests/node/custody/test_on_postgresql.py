"""What people decide holds where the records are in PostgreSQL as well."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.custody import consent, purge
from node.custody.consent import Whose
from node.importer import generation
from node.records.connect import Kind
from privacy.query import Unit
from tests.import_place import NOW, Place, site_on
from tests.record_site import ask_for

RECENT = "2025-01-20"


@pytest.fixture
def place(tmp_path: Path, new_postgres_database: Callable[[], str]) -> Iterator[Place]:
    """Give a site whose records are in a database of their own."""
    yield from site_on(Kind.POSTGRESQL, tmp_path, new_postgres_database)


def sheets(drawn_on: str) -> dict[str, list[dict[str, object]]]:
    """Return two households of one adult who were drawn and not selected."""
    cases = ("1", "2")
    return {
        "household": [{"household_key": f"case {n}"} for n in cases],
        "participant": [
            {
                "household_key": f"case {n}",
                "person_key": f"p{n}",
                "consent_stats": "yes",
            }
            for n in cases
        ],
        "pool_entry": [
            {
                "household_key": f"case {n}",
                "entered_on": "2023-10-10",
                "interested": 1,
                "drawn_on": drawn_on,
                "selected": 0,
                "offer_outcome": "not_offered",
            }
            for n in cases
        ],
    }


def counted(place: Place) -> tuple[int, int]:
    asked = (ask_for("FY2024-Q1", unit=unit) for unit in (Unit.HOUSEHOLD, Unit.PERSON))
    households, adults = (sum(place.site.ask(query)) for query in asked)
    return households, adults


def test_purges_withdrawals_and_undos_count_whom_they_should(place: Place) -> None:
    place.take(sheets(RECENT))
    place.site.close("FY2024-Q1")
    store, keys = place.site.store, place.keys
    consent.withdraw(store, keys, Whose.PERSON, "p1")
    assert counted(place) == (1, 1)
    place.take(sheets("2024-10-20"))
    assert keys.load().find("household", "case 1") is None
    assert purge.purge(store, keys, now=NOW) == 0
    assert counted(place) == (1, 1)
    generation.undo(site=place.own(), now=NOW)
    assert counted(place) == (1, 1)
    place.take({"household": [{"household_key": "case 9"}]})
    assert counted(place) == (1, 1)
    place.site.close("FY2024-Q2")
    assert counted(place) == (1, 1)
