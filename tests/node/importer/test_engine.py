"""A profile renames, recodes, joins and makes coarser; nothing else comes through."""

from pathlib import Path

import duckdb
import pytest

from node.importer.joined import Joining
from node.importer.spelling import plain
from privacy.errors import BadRecords
from tests.mapping_place import HOUSEHOLDS, Mapped, Table, profile, write

CASES: Table = [{"Case #": "1", "Kind": "Single"}, {"Case #": "2", "Kind": "FAMILY "}]
STAYS: Table = [
    {"Client": "a", "Case #": "1", "In": "1/25/2024", "Out": "", "Why": ""},
    {"Client": "b", "Case #": "2", "In": "2/1/2024", "Out": "3/1/2024", "Why": "Moved"},
    {"Client": "b", "Case #": "2", "In": "5/1/2024", "Out": "6/1/2024", "Why": "N/A"},
]
ENROLMENT = """
[[tables.enrolment]]
from = "stays"
person_key = "Client"
[tables.enrolment.fields]
enrolled_on = { column = "In" }
"""


def only(folder: Path, text: str, **tables: Table) -> Mapped:
    """Map some tables with a profile that takes the cases in."""
    given = write(folder / "export", {"Cases": CASES, **tables})
    return Mapped(given, profile(HOUSEHOLDS + text))


def test_names_and_codes_are_compared_without_case_accents_and_spaces() -> None:
    assert plain(" Género_del Cliente-2 ") == plain("generodelcliente2")


def test_a_recode_is_written_once_for_every_spelling(tmp_path: Path) -> None:
    made = only(
        tmp_path,
        '[tables.household.fields]\ntype = { column = "kind", recode = "kind" }\n'
        '[recodes.kind]\n"single" = "single_adult"\n"Family" = "family_one_adult"\n',
    )
    assert made.column("household.type") == ["single_adult", "family_one_adult"]


def test_a_value_in_no_list_is_one_finding_and_the_last_resort(tmp_path: Path) -> None:
    stays = [*STAYS, *[STAYS[1]] * 2]
    made = only(tmp_path, ENROLMENT + 'exit_reason = { column = "Why" }\n', Stays=stays)
    reasons = made.column("enrolment.exit_reason")
    assert reasons == [None, "other", None, "other", "other"]
    assert made.found()["unlisted-code", "exit_reason", "Moved"] == 3


def test_a_name_typed_where_a_code_belongs_is_not_shown(tmp_path: Path) -> None:
    names = ["Moved"] * 3 + ["Zoraida Quispe"] * 2 + ["Ana Poma", "\x1b[2JMoved"]
    stays = [{**STAYS[0], "Why": name} for name in names]
    made = only(tmp_path, ENROLMENT + 'exit_reason = { column = "Why" }\n', Stays=stays)
    assert made.found() == {
        ("unlisted-code", "exit_reason", "Moved"): 3,
        ("unlisted-code", "exit_reason", ""): 4,
    }
    rest, _ = made.findings.groups()
    assert sorted(rest.rows["Stays"]) == [5, 6, 7, 8]


def test_a_value_that_looks_personal_is_counted_and_never_shown(tmp_path: Path) -> None:
    stays = [{**row, "Why": "A000000123"} for row in STAYS] + [
        {**STAYS[0], "Why": "Moved"} for _ in range(90)
    ]
    made = only(tmp_path, ENROLMENT + 'exit_reason = { column = "Why" }\n', Stays=stays)
    assert all("A000000123" not in shown for _, _, shown in made.found())


def test_a_date_no_style_reads_is_empty_and_counted(tmp_path: Path) -> None:
    stays = [*STAYS, {**STAYS[0], "In": "31/1/2024"}]
    made = only(tmp_path, ENROLMENT, Stays=stays)
    assert made.column("enrolment.enrolled_on")[-1] is None
    assert made.found()["not-a-date", "enrolled_on", ""] == 1


def test_conditions_choose_rows_and_a_mark_turns_them_round(tmp_path: Path) -> None:
    chosen = ENROLMENT.replace(
        "[tables.enrolment.fields]",
        'where = { Why = [""], "!Client" = ["B"] }\n[tables.enrolment.fields]',
    )
    made = only(tmp_path, chosen, Stays=STAYS)
    assert made.column("enrolment.person_key") == ["a"]


def test_a_condition_on_a_column_that_is_not_there_holds_if_empty_is_accepted(
    tmp_path: Path,
) -> None:
    text = ENROLMENT.replace(
        "[tables.enrolment.fields]",
        'where = { Gone = [""] }\n[tables.enrolment.fields]',
    )
    assert len(only(tmp_path, text, Stays=STAYS).rows["enrolment"]) == 3
    with pytest.raises(BadRecords, match="has no column Gone"):
        only(tmp_path, text.replace('[""]', '["x"]'), Stays=STAYS)


def test_the_first_row_of_a_person_is_that_of_the_earliest_day(tmp_path: Path) -> None:
    stays = [STAYS[2], STAYS[1], STAYS[0]]
    text = (
        '[[tables.participant]]\nfrom = "Stays"\nhousehold_key = "Case #"\n'
        'person_key = "Client"\none_per = "person"\norder_by = "In"\n'
        '[tables.participant.fields]\nage_band = { constant = "25_34" }\n'
    )
    made = only(tmp_path, text, Stays=stays)
    rows = [(row["person_key"], row["source_row"]) for row in made.rows["participant"]]
    assert rows == [("b", 3), ("a", 4)]


def test_a_join_takes_one_row_the_first_by_a_day(tmp_path: Path) -> None:
    exits = [
        {"Client": "b", "Left": "7/1/2024"},
        {"Client": "b", "Left": "4/1/2024"},
        {"Client": "c", "Left": "1/1/2024"},
    ]
    text = ENROLMENT.replace(
        "[tables.enrolment.fields]",
        '[[tables.enrolment.join]]\nfrom = "Exits"\non = { Client = "Client" }\n'
        'first_by = "Left"\n[tables.enrolment.fields]\nexited_on = { column = "Left" }',
    )
    made = only(tmp_path, text, Stays=STAYS, Exits=exits)
    assert made.column("enrolment.exited_on") == [None, "2024-04-01", "2024-04-01"]
    assert made.column("enrolment.source_row") == [2, 3, 4]


def test_several_tables_alike_are_read_one_after_another(tmp_path: Path) -> None:
    text = ENROLMENT.replace('"stays"', '"stays*"')
    made = only(tmp_path, text, Stays_2023=STAYS[:1], Stays_2024=STAYS[1:])
    assert made.column("enrolment.person_key") == ["a", "b", "b"]


def test_what_is_derived_is_coarse(tmp_path: Path) -> None:
    people = [
        {"Client": "a", "Case": "1", "DOB": "3/15/57", "In": "3/14/2024", "From": "HN"},
        {
            "Client": "b",
            "Case": "2",
            "DOB": "1/1/1990",
            "In": "1/1/2024",
            "From": "Haïti",
        },
        {
            "Client": "c",
            "Case": "2",
            "DOB": "1/1/2015",
            "In": "1/1/2024",
            "From": "Narnia",
        },
    ]
    text = (
        '[[tables.participant]]\nfrom = "People"\nhousehold_key = "Case"\n'
        'person_key = "Client"\n[tables.participant.fields]\n'
        'age_band = { column = "DOB", derive = "age_band", at = "In" }\n'
        'origin_region = { column = "From", derive = "region" }\n'
        'vulnerable = { column = "From", derive = "flag", values = ["hn"] }\n'
    )
    made = only(tmp_path, text, People=people)
    assert made.column("participant.age_band") == ["55_plus", "25_34", None]
    assert made.column("participant.origin_region") == [
        "mexico_north_central_america",
        "south_central_america_caribbean",
        "not_stated",
    ]
    assert made.column("participant.vulnerable") == ["1", "0", "0"]
    found = made.found()
    assert found["not-an-adult-age", "age_band", ""] == 1
    assert found["unknown-country", "origin_region", ""] == 1
    assert "1957" not in str(made.rows)


def test_spans_numbers_and_local_numbers(tmp_path: Path) -> None:
    rows = [
        {"Client": "a", "On": "1/1/2024", "Closed": "1/31/2024", "Minutes": "1,234"},
        {"Client": "b", "On": "1/1/2024", "Closed": "", "Minutes": "7.0"},
    ]
    text = (
        '[[tables.service_event]]\nfrom = "Services"\nperson_key = "Client"\n'
        '[tables.service_event.fields]\nserved_on = { column = "On" }\n'
        'minutes = { column = "Minutes", clip = true }\n'
        'referral_closed_after_days = { derive = "days_between", from = "On", '
        'to = "Closed" }\n'
    )
    made = only(tmp_path, text, Services=rows)
    assert made.column("service_event.minutes") == ["240", "7"]
    assert made.column("service_event.referral_closed_after_days") == ["30", None]
    stays = ENROLMENT + (
        'project_slot = { column = "Case #", derive = "local_number", '
        'kind = "project" }\n'
    )
    made = only(tmp_path, stays, Stays=STAYS)
    assert made.column("enrolment.project_slot") == ["1", "2", "2"]


def test_people_who_ever_shared_a_household_are_one(tmp_path: Path) -> None:
    entries = [
        {"Person": "7", "House": "x", "In": "1/1/2024"},
        {"Person": "5", "House": "y", "In": "2/1/2024"},
        {"Person": "5", "House": "x", "In": "3/1/2024"},
        {"Person": "9", "House": "z", "In": "3/1/2024"},
    ]
    births = [
        {"Person": "7", "Born": "1/1/1980"},
        {"Person": "5", "Born": "1/1/2021"},
        {"Person": "9", "Born": ""},
    ]
    text = """
[people]
from = "Entries"
person = "Person"
household = { linked = ["House", "Person"] }
at = "In"
born = "Born"
[[people.join]]
from = "Births"
on = { Person = "Person" }
[[tables.household]]
from = "@people"
where = { adult = ["1"] }
household_key = "household"
one_per = "household"
order_by = "first_on"
[tables.household.fields]
type = { column = "composition" }
n_children = { column = "children" }
any_child_under_5 = { column = "under_5" }
formed_on = { column = "first_on" }
"""
    given = write(tmp_path / "export", {"Entries": entries, "Births": births})
    made = Mapped(given, profile(text))
    rows = [
        (row["household_key"], row["type"], row["n_children"], row["formed_on"])
        for row in made.rows["household"]
    ]
    assert rows == [
        ("5", "family_one_adult", "1", "2024-01-01"),
        ("9", "single_adult", "0", "2024-03-01"),
    ]


def test_what_must_never_come_in_is_refused_by_name(tmp_path: Path) -> None:
    text = '[tables.household.fields]\nn_adults = { column = "Phone" }\n'
    cases = [{**row, "Phone": "(555) 555-0142"} for row in CASES]
    given = write(tmp_path / "export", {"Cases": cases})
    with pytest.raises(BadRecords, match="phone number") as caught:
        Mapped(given, profile(HOUSEHOLDS + text))
    assert "0142" not in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"Cases"', '"Casos"', 'set from = "Cases"'),
        ('"Case #"', '"Case Number"', "has no column Case Number"),
    ],
)
def test_what_is_missing_is_said_with_the_line_to_change(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    given = write(tmp_path / "export", {"Cases": CASES})
    with pytest.raises(BadRecords) as caught:
        Mapped(given, profile(HOUSEHOLDS.replace(old, new)))
    assert said in caught.value.message
    assert "tables.household" in caught.value.message
    assert "nothing was imported" in caught.value.message


def test_what_is_joined_never_goes_to_the_disk() -> None:
    joining = Joining(lambda _table, _columns: iter(()), ())
    asked = "SELECT current_setting('temp_directory'), current_setting('memory_limit')"
    place, limit = joining._engine.execute(asked).fetchone() or ("?", "?")
    assert place == ""
    assert limit.endswith("GiB")
    with pytest.raises(duckdb.Error):
        joining._engine.execute("COPY (SELECT 1) TO '/tmp/written.csv'")
    joining.close()


def test_tables_that_do_not_fit_into_memory_are_refused_in_one_sentence(
    tmp_path: Path,
) -> None:
    joining = Joining(lambda _table, _columns: iter(()), ())
    joining._engine.execute("SET memory_limit = '1MB'")
    too_much = "SELECT array_agg(r) FROM range(10000000) t(r)"
    with pytest.raises(BadRecords, match="do not fit into memory"):
        list(joining.rows(too_much, []))
    joining.close()
    assert list(tmp_path.iterdir()) == []
