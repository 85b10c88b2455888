"""An import is compared with the one before it, whatever was closed in between."""

from collections.abc import Mapping

import pytest

from node.importer import Report
from privacy.errors import BadRecords
from tests.import_place import Place
from tests.planted_records import Home, home, records

MANY = 60


def homes(count: int = MANY) -> list[Home]:
    """Return households in order."""
    return [home(f"{n}") for n in range(count)]


def found(report: Report) -> Mapping[tuple[str, str], int]:
    """Return what drifted, and by how much."""
    drifted = {"fewer-households", "rows-changed", "emptier", "mix-changed"}
    drifted |= {"new-code", "one-left"}
    return {
        (each.check.id, f"{each.table}.{each.field}"): each.count
        for each in report.findings
        if each.check.id in drifted
    }


def test_the_same_records_do_not_drift(place: Place) -> None:
    for _ in range(2):
        assert found(place.take_rows(records(homes()))) == {}


def test_a_first_import_is_compared_with_nothing(place: Place) -> None:
    assert found(place.take_rows(records(homes(2)))) == {}


def test_half_an_export_is_held_back_until_somebody_accepts_it(place: Place) -> None:
    place.take_rows(records(homes()))
    generation, before = place.site.store.current(), place.rows("household")
    with pytest.raises(BadRecords, match=r"fewer-households.*--accept-serious") as no:
        place.take_rows(records(homes(41)))
    assert "nothing was taken into use" in no.value.message
    assert place.site.store.current() == generation
    assert place.rows("household") == before
    report = place.take_rows(records(homes(41)), accepts_serious=True)
    assert found(report)["fewer-households", "household."] == 19
    assert len(place.rows("household")) == 41


def test_a_tenth_fewer_households_are_no_drift(place: Place) -> None:
    place.take_rows(records(homes()))
    assert found(place.take_rows(records(homes(54)))) == {}


def test_the_last_import_is_remembered_across_a_closing(place: Place) -> None:
    place.take_rows(records(homes()))
    place.site.close("FY2024-Q1")
    with pytest.raises(BadRecords, match="fewer-households"):
        place.take_rows(records(homes(41)))


@pytest.mark.parametrize("count", [41, 121])
def test_a_table_that_shrinks_or_doubles_is_noted(place: Place, count: int) -> None:
    place.take_rows(records(homes()))
    changed = homes()
    rows = [row for each in changed for row in each["service_event"]]
    for each in changed:
        each["service_event"] = []
    changed[0]["service_event"] = (rows * 3)[:count]
    report = place.take_rows(records(changed))
    assert found(report) == {("rows-changed", "service_event."): abs(60 - count)}


def test_a_table_that_is_gone_is_noted(place: Place) -> None:
    place.take_rows(records(homes()))
    changed = homes()
    for each in changed:
        each["legal_event"] = []
    assert found(place.take_rows(records(changed))) == {("one-left", "legal_event."): 1}


def test_a_field_that_empties_is_noted(place: Place) -> None:
    place.take_rows(records(homes()))
    changed = homes()
    for each in changed[:20]:
        each["participant"][0]["gender"] = None
    report = place.take_rows(records(changed))
    assert found(report) == {("emptier", "participant.gender"): 33}


def test_a_code_that_is_new_and_one_that_moves_are_noted(place: Place) -> None:
    first = homes()
    for each in first[:10]:
        each["participant"][0]["gender"] = "man"
    place.take_rows(records(first))
    changed = homes()
    for each in changed[:30]:
        each["participant"][0]["gender"] = "man"
    changed[59]["participant"][0]["gender"] = "another_or_multiple"
    report = place.take_rows(records(changed))
    assert found(report) == {
        ("mix-changed", "participant.gender=man"): 34,
        ("mix-changed", "participant.gender=woman"): 35,
    }
    for each in changed[55:]:
        each["obligation_event"][0]["kind"] = "ice_check_in"
    report = place.take_rows(records(changed))
    assert found(report) == {("new-code", "obligation_event.kind=ice_check_in"): 5}


def test_a_table_of_a_few_rows_may_change_as_it_likes(place: Place) -> None:
    place.take_rows(records(homes(49)))
    assert found(place.take_rows(records(homes(3)))) == {}
