"""Values that do not fit are mended and counted; rows of nobody are dropped."""

from collections.abc import Mapping

import pytest

from node.importer.keys import KeyMap
from node.importer.report import Problem, Report, Tally
from node.importer.sheet import Present, Sheet, Stored
from tests.import_place import NOW, PLAIN, Sheets, day, extended, with_field
from tests.record_site import DICTIONARY


def check(sheets: Sheets) -> tuple[dict[str, list[Stored]], Report]:
    """Check every row, parents first."""
    tally, present, keys = Tally(), Present(), KeyMap(b"secret", {})
    kept: dict[str, list[Stored]] = {}
    for name, table in DICTIONARY.tables.items():
        sheet = Sheet(
            table,
            dictionary=DICTIONARY,
            keys=keys,
            present=present,
            tally=tally,
            today=day(NOW.date().isoformat()),
        )
        rows = [sheet.take(row) for row in sheets.get(name, [])]
        kept[name] = [row for row in rows if row is not None]
    return kept, tally.report()


def column(kept: Mapping[str, list[Stored]], path: str) -> list[object]:
    """Return one field of every row that is kept."""
    table, _, field = path.partition(".")
    return [row.get(field) for row in kept[table]]


@pytest.mark.parametrize(
    ("path", "value", "stored", "problem"),
    [
        ("participant.gender", "Mujer", "not_collected", Problem.UNLISTED_CODE),
        ("household.type", "Single_Adult", "not_stated", Problem.UNLISTED_CODE),
        ("enrolment.enrolled_on", "02/01/2024", None, Problem.NOT_A_DATE),
        ("enrolment.enrolled_on", "20240201", None, Problem.NOT_A_DATE),
        ("enrolment.enrolled_on", "2024-02-30", None, Problem.NOT_A_DATE),
        (
            "enrolment.enrolled_on",
            "\u0662\u0660\u0662\u0664-01-01",
            None,
            Problem.NOT_A_DATE,
        ),
        ("enrolment.enrolled_on", "1824-02-01", None, Problem.OUT_OF_RANGE),
        ("enrolment.enrolled_on", "2204-02-01", None, Problem.OUT_OF_RANGE),
        ("household.n_adults", "two", None, Problem.NOT_A_NUMBER),
        ("household.n_adults", "1.0", None, Problem.NOT_A_NUMBER),
        ("household.n_adults", "9" * 40, None, Problem.NOT_A_NUMBER),
        ("household.n_adults", "0", None, Problem.OUT_OF_RANGE),
        ("household.n_adults", "10", None, Problem.OUT_OF_RANGE),
        ("enrolment.transferred_in", "yes", None, Problem.NOT_A_FLAG),
        ("enrolment.transferred_in", "2", None, Problem.NOT_A_FLAG),
    ],
)
def test_a_value_that_does_not_fit_is_replaced_and_counted(
    path: str, value: str, stored: object, problem: Problem
) -> None:
    kept, report = check(with_field(path, value, value))
    table, _, field = path.partition(".")
    assert column(kept, path) == [stored, stored]
    assert report.problems[table, field, problem] == 2


@pytest.mark.parametrize(
    ("path", "value", "stored"),
    [
        ("participant.gender", " woman ", "woman"),
        ("participant.gender", "", None),
        ("enrolment.enrolled_on", " 2024-02-01", day("2024-02-01")),
        ("household.n_adults", "09", 9),
        ("enrolment.transferred_in", "1", 1),
        ("enrolment.transferred_in", "0", 0),
    ],
)
def test_a_value_that_fits_is_kept(path: str, value: str, stored: object) -> None:
    kept, report = check(with_field(path, value, value))
    assert column(kept, path) == [stored, stored]
    assert {p for _, _, p in report.problems} <= {Problem.NO_SUCH_COLUMN}


def test_a_spell_that_ends_before_it_starts_is_left_open() -> None:
    kept, report = check(with_field("enrolment.exited_on", "2023-12-31", "2024-05-01"))
    assert column(kept, "enrolment.exited_on") == [None, day("2024-05-01")]
    assert report.problems["enrolment", "exited_on", Problem.ENDS_BEFORE_START] == 1


def assert_dropped(report: Report, table: str, problem: Problem) -> None:
    rows = {key: n for key, n in report.problems.items() if key[1] == ""}
    assert rows == {(table, "", problem): 1}


@pytest.mark.parametrize(
    ("table", "row", "problem"),
    [
        ("household", {"household_key": " "}, Problem.NO_KEY),
        ("household", {"household_key": "k" * 300}, Problem.NO_KEY),
        ("household", {"household_key": "case 1 "}, Problem.SEEN_BEFORE),
        ("participant", {"person_key": "p3", "household_key": ""}, Problem.NO_KEY),
        ("participant", {"person_key": "", "household_key": "case 1"}, Problem.NO_KEY),
        (
            "participant",
            {"person_key": "p3", "household_key": "case 9"},
            Problem.UNKNOWN_HOUSEHOLD,
        ),
        (
            "participant",
            {"person_key": "p1", "household_key": "case 2"},
            Problem.SEEN_BEFORE,
        ),
        ("enrolment", {"person_key": "p9"}, Problem.UNKNOWN_PERSON),
        ("enrolment", {"person_key": "case 1"}, Problem.UNKNOWN_PERSON),
        ("enrolment", {"person_key": ""}, Problem.NO_KEY),
        ("pool_entry", {"household_key": "case 9"}, Problem.UNKNOWN_HOUSEHOLD),
        ("pool_entry", {"household_key": "p1"}, Problem.UNKNOWN_HOUSEHOLD),
    ],
)
def test_a_row_of_nobody_we_know_is_dropped_and_counted(
    table: str, row: Mapping[str, object], problem: Problem
) -> None:
    kept, report = check(extended(table, row))
    assert_dropped(report, table, problem)
    assert len(kept[table]) == len(PLAIN.get(table, []))


def test_a_second_row_where_one_is_allowed_is_dropped() -> None:
    entries = [
        {"household_key": "case 1", "channel": channel}
        for channel in ("walk_in", "other")
    ]
    kept, report = check({**PLAIN, "pool_entry": entries})
    assert_dropped(report, "pool_entry", Problem.SEEN_BEFORE)
    assert column(kept, "pool_entry.channel") == ["walk_in"]


def test_a_report_says_what_to_mend_in_words() -> None:
    _, report = check(with_field("participant.gender", "Mujer", "woman"))
    assert "participant.gender: 1 not in the code list; stored as the list's last " in (
        "\n".join(report.sentences())
    )
