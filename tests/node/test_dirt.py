"""What is planted in an untidy export, and that it comes from nobody's ranges."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from node import synthetic
from node.importer.findings import catalogue as checks
from node.synthetic import Planted, dirt, parameters
from node.synthetic.backwards import Backwards, Hand
from node.synthetic.dirt import canaries_of, vault_of
from node.synthetic.odds import Chance
from node.synthetic.row import Row
from node.synthetic.stream import Stream
from privacy import catalogue
from privacy.errors import InvalidProgramme
from tests.brought_back import profile_text

DICTIONARY = catalogue.load().dictionary
MADE = {"site": "HOU", "seed": 9, "scale": 0.5}
DAYS = ("served_on", "reviewed_on", "due_on", "happened_on", "followed_up_on")
NOBODYS = re.compile(
    r"A000000\d{3}|\(202\) 555-01\d\d|case\d{1,3}@example\.org"
    r"|Training note \d{1,3}: nobody said this, and nobody wrote it; call 555-01\d\d\."
)


@pytest.fixture(scope="module")
def planted() -> Planted:
    made = Planted()
    for _ in synthetic.generate(**MADE, planted=made):
        pass
    return made


@pytest.fixture(scope="module")
def spoilt() -> list[tuple[str, Row]]:
    return list(synthetic.generate(**MADE, planted=Planted()))


def test_without_dirt_nothing_is_spoilt() -> None:
    plain = list(synthetic.generate(**MADE))
    assert plain == list(synthetic.generate(**MADE, planted=None))


def test_the_same_seed_spoils_the_same_way(
    spoilt: list[tuple[str, Row]], planted: Planted
) -> None:
    again = Planted()
    assert list(synthetic.generate(**MADE, planted=again)) == spoilt
    assert again == planted


def test_duplicates_are_as_many_as_configured(
    spoilt: list[tuple[str, Row]], planted: Planted
) -> None:
    twice = sum(
        count
        for defect, count in planted.defects.items()
        if defect.check in {"exact-duplicate", "seen-before"}
    )
    assert twice / len(spoilt) == pytest.approx(0.015, rel=0.2)


def test_vault_values_come_from_ranges_that_are_nobodys(planted: Planted) -> None:
    assert planted.vault
    assert [v for v in planted.vault if not NOBODYS.fullmatch(v)] == []
    stream = Stream(1)
    for kind in ("number", "phone", "mail", "note"):
        values = {vault_of(kind, stream) for _ in range(200)}
        assert [v for v in values if not NOBODYS.fullmatch(v)] == []


def test_twenty_canaries_are_unlike_anybody_and_each_other(
    spoilt: list[tuple[str, Row]], planted: Planted
) -> None:
    assert len(planted.canaries) == dirt.CANARIES
    names = ("language_group", "origin_region", "gender", "age_band")
    rare = [tuple(row[name] for name in names) for row in planted.canaries]
    assert len(set(rare)) == len(rare)
    everybody = Counter(
        tuple(row.get(name) for name in names)
        for table, row in spoilt
        if table == "participant"
    )
    assert {everybody[each] for each in rare} == {1}
    plain = [row for table, row in synthetic.generate(**MADE) if table == "participant"]
    assert not {tuple(row[name] for name in names) for row in plain} & set(rare)


def test_a_small_site_has_fewer_canaries() -> None:
    assert len(canaries_of(40)) == 8
    assert canaries_of(3) == frozenset()


def test_late_entries_are_not_there_yet(spoilt: list[tuple[str, Row]]) -> None:
    def last_month(rows: list[tuple[str, Row]]) -> int:
        days = (str(row.get(day, "")) for _, row in rows for day in DAYS)
        return sum(day.startswith("2025-12") for day in days)

    plain = list(synthetic.generate(**MADE))
    assert last_month(spoilt) < last_month(plain)


def test_every_defect_names_a_check_the_importer_has(planted: Planted) -> None:
    assert {defect.check for defect in planted.defects} <= set(checks())


def test_dirt_for_a_field_that_is_none_is_refused() -> None:
    known = parameters.load(name="HOU", preset="default").dirt
    dirt.check(known, DICTIONARY)
    for path in ("household.n_adults", "household.colour"):
        wrong = replace(known, vault={path: Chance(1)})
        with pytest.raises(InvalidProgramme):
            dirt.check(wrong, DICTIONARY)


# --- words, dates and blanks of an untidy hand -----------------------------------


def cells(*, untidy: bool, field: str, value: str) -> set[object]:
    hand = Hand(untidy=untidy, stream=Stream(3))
    written = Backwards(profile_text("apricot"), dictionary=DICTIONARY, hand=hand)
    row: Row = {"person_key": "p", field: value}
    column = {field: f"Details {field.replace('_', ' ').capitalize()}"}
    lines = (line for _ in range(300) for _, line in written.lines("enrolment", row))
    return {line[column[field]] for line in lines}


def test_an_untidy_hand_uses_several_words_for_one_thing() -> None:
    assert cells(untidy=False, field="exit_reason", value="moved_away") == {"Relocated"}
    found = cells(untidy=True, field="exit_reason", value="moved_away")
    assert found == {"Relocated", "moved out", "MUDANZA", "Se mudó"}


def test_an_untidy_hand_writes_days_in_several_ways() -> None:
    day = {"field": "enrolled_on", "value": "2024-03-01"}
    assert cells(untidy=False, **day) == {"2024-03-01"}
    assert cells(untidy=True, **day) == {"2024-03-01", "03/01/2024", "45352"}


def test_what_is_no_day_stays_as_it_was_typed() -> None:
    assert cells(untidy=True, field="enrolled_on", value="soon") == {"soon"}
