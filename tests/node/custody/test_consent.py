"""Whoever withdraws is in no later answer, whatever the source goes on saying."""

from collections.abc import Mapping

import pytest

from node.custody import consent
from node.custody.consent import Whose
from node.importer import generation
from privacy.errors import BadRecords, Busy
from privacy.query import Unit
from tests.import_place import NOW, Place
from tests.record_site import ask_for


def sheets(*, two: str = "yes") -> Mapping[str, list[Mapping[str, object]]]:
    """Return two households: one adult, and two adults of whom one may say no."""
    adults = [("p1", "case 1", "yes"), ("p2", "case 2", "yes"), ("p3", "case 2", two)]
    return {
        "household": [{"household_key": f"case {n}"} for n in (1, 2)],
        "participant": [
            {"person_key": p, "household_key": h, "consent_stats": said}
            for p, h, said in adults
        ],
        "enrolment": [
            {"person_key": p, "enrolled_on": "2023-11-01"} for p, _, _ in adults
        ],
    }


@pytest.fixture
def asked(place: Place) -> Place:
    """Give a site with a closed quarter that may be asked about."""
    place.take(sheets())
    place.site.close("FY2024-Q1")
    return place


def counted(place: Place) -> tuple[int, int]:
    """Return how many households and adults the real statements count."""
    asked = (ask_for("FY2024-Q1", unit=unit) for unit in (Unit.HOUSEHOLD, Unit.PERSON))
    households, adults = (sum(place.site.ask(query)) for query in asked)
    return households, adults


def test_a_person_counts_in_no_later_answer(asked: Place) -> None:
    assert counted(asked) == (2, 3)
    done = consent.withdraw(asked.site.store, asked.keys, Whose.PERSON, " p3 ")
    assert done.known
    # The household as a whole goes with its adult; the other adult stays.
    assert counted(asked) == (1, 2)


def test_every_later_import_keeps_it_so(asked: Place) -> None:
    consent.withdraw(asked.site.store, asked.keys, Whose.PERSON, "p1")
    asked.take(sheets())
    assert counted(asked) == (1, 2)
    assert asked.column("participant.consent_stats").count("withdrawn") == 1


def test_a_case_takes_all_its_adults(asked: Place) -> None:
    consent.withdraw(asked.site.store, asked.keys, Whose.CASE, "case 2")
    assert counted(asked) == (1, 1)
    asked.take(sheets())
    assert counted(asked) == (1, 1)


def test_somebody_no_import_has_met_is_withdrawn_when_one_does(place: Place) -> None:
    done = consent.withdraw(place.site.store, place.keys, Whose.PERSON, "p1")
    assert not done.known
    place.take(sheets())
    place.site.close("FY2024-Q1")
    assert counted(place) == (1, 2)


def test_going_back_to_the_import_before_does_not_bring_a_person_back(
    asked: Place,
) -> None:
    asked.take(sheets())
    consent.withdraw(asked.site.store, asked.keys, Whose.PERSON, "p1")
    generation.undo(site=asked.own(), now=NOW)
    assert counted(asked) == (1, 2)


def test_a_later_closing_does_not_bring_a_person_back(asked: Place) -> None:
    consent.withdraw(asked.site.store, asked.keys, Whose.PERSON, "p1")
    asked.site.close("FY2024-Q2")
    assert counted(asked) == (1, 2)


def test_following_the_source_again_waits_for_an_import(asked: Place) -> None:
    store, keys = asked.site.store, asked.keys
    consent.withdraw(store, keys, Whose.PERSON, "p3")
    assert consent.restore(store, keys, Whose.PERSON, "p3")
    assert not consent.restore(store, keys, Whose.PERSON, "p3")
    assert counted(asked) == (1, 2)
    asked.take(sheets(two="no"))
    assert counted(asked) == (1, 2)
    asked.take(sheets())
    assert counted(asked) == (2, 3)


def test_the_standing_of_a_number_can_be_asked(asked: Place) -> None:
    consent.withdraw(asked.site.store, asked.keys, Whose.PERSON, "p1")
    known = consent.standing(asked.keys, Whose.PERSON, "p1")
    assert known == consent.Standing(known=True, withdrawn=True)
    other = consent.standing(asked.keys, Whose.CASE, "p1")
    assert other == consent.Standing(known=False, withdrawn=False)


def test_a_withdrawal_writes_no_number_anywhere(asked: Place) -> None:
    consent.withdraw(asked.site.store, asked.keys, Whose.PERSON, "QZ-7731-never-met")
    assert b"QZ-7731" not in asked.content()


def test_a_withdrawal_cut_off_is_finished_by_the_next_import(
    asked: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut:
        cut.setattr(consent.marks, "withhold", _die)
        with pytest.raises(KeyboardInterrupt):
            consent.withdraw(asked.site.store, asked.keys, Whose.PERSON, "p1")
    assert counted(asked) == (2, 3)
    asked.take(sheets())
    assert counted(asked) == (1, 2)


def test_a_withdrawal_waits_its_turn_and_says_so(asked: Place) -> None:
    with asked.site.store.writer(), pytest.raises(Busy):
        consent.withdraw(asked.site.store, asked.keys, Whose.PERSON, "p1")
    assert not consent.standing(asked.keys, Whose.PERSON, "p1").withdrawn


@pytest.mark.parametrize("number", ["", "   ", "x" * 201])
def test_what_is_no_number_is_refused(place: Place, number: str) -> None:
    with pytest.raises(BadRecords, match="one to 200 characters"):
        consent.withdraw(place.site.store, place.keys, Whose.PERSON, number)


def _die(*_: object) -> None:
    raise KeyboardInterrupt
