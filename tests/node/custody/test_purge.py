"""After fifteen months nobody can tell who was not selected, and the counts stay."""

import datetime as dt
from collections.abc import Mapping

import pytest

from node import importer
from node.custody import consent, purge
from node.custody.consent import Whose
from node.importer import due, generation
from node.importer.keymap import Mark
from node.records.store import RecordStore
from privacy.errors import NotAllowed
from privacy.period import day_number
from privacy.query import Unit
from tests.import_place import NOW, Place
from tests.record_site import SCHEMA, ask_for

OLD, RECENT = "2024-10-20", "2025-01-20"
"""A draw more than fifteen months before the import, and one that is not."""

Sheets = Mapping[str, list[Mapping[str, object]]]


def sheets(*names: str, **changes: object) -> Sheets:
    """Return households of one adult who were drawn and not selected."""
    pool = {
        "entered_on": "2023-10-10",
        "interested": 1,
        "drawn_on": OLD,
        "selected": 0,
        "offer_outcome": "not_offered",
    }
    return {
        "household": [{"household_key": f"case {n}"} for n in names],
        "participant": [
            {
                "household_key": f"case {n}",
                "person_key": f"p{n}",
                "consent_stats": "yes",
            }
            for n in names
        ],
        "pool_entry": [
            {"household_key": f"case {n}", **pool, **changes} for n in names
        ],
    }


def counted(place: Place) -> tuple[int, int]:
    asked = (ask_for("FY2024-Q1", unit=unit) for unit in (Unit.HOUSEHOLD, Unit.PERSON))
    households, adults = (sum(place.site.ask(query)) for query in asked)
    return households, adults


def test_the_day_is_fifteen_months_back() -> None:
    def day(text: str) -> int:
        return day_number(dt.date.fromisoformat(text))

    assert due.last_day(dt.date(2026, 2, 1)) == day("2024-11-01")
    assert due.last_day(dt.date(2026, 4, 15)) == day("2025-01-15")


def test_an_import_forgets_whoever_is_due_and_says_so(place: Place) -> None:
    report = place.take(sheets("1", "2"))
    place.site.close("FY2024-Q1")
    assert any("more than 15 months ago" in line for line in report.sentences())
    keys = place.keys.load()
    for number in ("case 1", "case 2"):
        assert keys.find("household", number) is None
    assert keys.find("person", "p1") is None
    assert counted(place) == (2, 2)


def test_a_later_import_counts_nobody_twice_and_undoes_nothing(place: Place) -> None:
    place.take(sheets("1", "2"))
    place.site.close("FY2024-Q1")
    before = {name: sorted(map(str, place.rows(name))) for name in sheets()}
    for exported in (sheets("1", "2"), sheets("1"), sheets("1", "2", selected=1)):
        place.take({**exported, "household": [*exported["household"], NEWCOMER]})
        assert counted(place) == (2, 2)
        place.site.close("FY2024-Q2")
        assert counted(place) == (2, 2)
        for name in ("participant", "pool_entry"):
            assert sorted(map(str, place.rows(name))) == before[name]
    assert len(place.site.registered()) == 2
    assert place.keys.load().find("household", "case 1") is None


NEWCOMER = {"household_key": "case 9"}


def test_going_back_to_the_import_before_loses_nobody(place: Place) -> None:
    place.take(sheets("1", drawn_on=RECENT))
    place.take(sheets("1", "2"))
    place.site.close("FY2024-Q1")
    generation.undo(site=place.own(), now=NOW)
    assert counted(place) == (2, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"drawn_on": RECENT},
        {"drawn_on": None},
        {"selected": 1},
        {"selected": None},
        {"offer_outcome": "enrolled"},
        {"offer_outcome": "pending"},
    ],
)
def test_nobody_else_is_forgotten(place: Place, changes: dict[str, object]) -> None:
    place.take(sheets("1", **changes))
    assert place.keys.load().find("household", "case 1") is not None


@pytest.mark.parametrize(
    ("again", "kept"),
    [
        ({"drawn_on": OLD, "selected": 0}, False),
        ({"drawn_on": RECENT, "selected": 0}, True),
        ({"drawn_on": OLD, "selected": 1}, True),
        ({}, True),
    ],
)
def test_whoever_came_back_to_the_pool_is_kept(
    place: Place, *, again: dict[str, object], kept: bool
) -> None:
    row = {"household_key": "case 1", "entered_on": OLD, **again}
    place.take({**sheets("1"), "pool_reentry": [row]})
    assert (place.keys.load().find("household", "case 1") is not None) is kept


def test_whoever_was_served_is_kept(place: Place) -> None:
    enrolled = [{"person_key": "p1", "enrolled_on": "2023-11-01"}]
    place.take({**sheets("1"), "enrolment": enrolled})
    assert place.keys.load().find("household", "case 1") is not None


def test_a_hold_forgets_nobody(place: Place) -> None:
    held = RecordStore(place.site.store.place, SCHEMA, held=lambda: True)
    place.write(sheets("1"))
    site = place.own()
    own = importer.Site(
        store=held, keys=site.keys, dictionary=site.dictionary, register=site.register
    )
    report = importer.import_folder(place.folder, site=own, now=NOW)
    assert any("legal hold lasts" in line for line in report.sentences())
    assert place.keys.load().find("household", "case 1") is not None
    with pytest.raises(NotAllowed, match="legal hold"):
        purge.purge(held, place.keys, now=NOW)
    assert purge.purge(place.site.store, place.keys, now=NOW) == 2
    assert purge.purge(place.site.store, place.keys, now=NOW) == 0


def test_the_map_gets_a_new_key_so_that_old_copies_of_it_stay_shut(
    place: Place,
) -> None:
    (before,) = place.keys.key.read()
    place.take(sheets("1", drawn_on=RECENT))
    assert place.keys.key.read() == (before,)
    place.take(sheets("1"))
    assert before not in place.keys.key.read()


def test_a_withdrawal_outlives_the_number(place: Place) -> None:
    place.take(sheets("1", "2", drawn_on=RECENT))
    place.site.close("FY2024-Q1")
    consent.withdraw(place.site.store, place.keys, Whose.PERSON, "p1")
    place.take(sheets("1", "2"))
    assert place.keys.load().marked_ids(Mark.PURGED)
    assert counted(place) == (1, 1)
    # The import before still holds what the source said then.
    generation.undo(site=place.own(), now=NOW)
    assert counted(place) == (1, 1)


def test_whoever_withdraws_too_late_is_told_so(place: Place) -> None:
    place.take(sheets("1", "2"))
    place.site.close("FY2024-Q1")
    done = consent.withdraw(place.site.store, place.keys, Whose.PERSON, "p1")
    assert (done.known, done.forgotten) == (False, True)
    assert consent.standing(place.keys, Whose.CASE, "case 2").forgotten
    assert counted(place) == (2, 2)
    other = consent.withdraw(place.site.store, place.keys, Whose.PERSON, "p7")
    assert not other.forgotten


def test_lifting_a_withdrawal_of_a_forgotten_number_changes_nothing(
    place: Place,
) -> None:
    place.take(sheets("1", "2", drawn_on=RECENT))
    place.site.close("FY2024-Q1")
    consent.withdraw(place.site.store, place.keys, Whose.PERSON, "p1")
    place.take(sheets("1", "2"))
    assert consent.restore(place.site.store, place.keys, Whose.PERSON, "p1")
    found = consent.standing(place.keys, Whose.PERSON, "p1")
    assert (found.withdrawn, found.forgotten) == (False, True)
    place.take(sheets("1", "2"))
    assert counted(place) == (1, 1)


def test_going_back_to_when_somebody_was_selected_loses_nobody_later(
    place: Place,
) -> None:
    place.take(sheets("1", selected=1))
    place.take(sheets("1", "2"))
    place.site.close("FY2024-Q1")
    generation.undo(site=place.own(), now=NOW)
    for _ in range(2):
        place.take({**sheets("1", "2"), "household": [NEWCOMER]})
        assert counted(place) == (2, 2)
