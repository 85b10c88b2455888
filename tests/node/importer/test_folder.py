"""A file or column the dictionary does not name is refused, and nothing changes."""

import re
from collections.abc import Iterator

import pytest

from node.importer import Report
from node.records.connect import Kind
from privacy.errors import BadRecords
from tests.import_place import PLAIN, Place, extended, site_on


@pytest.fixture(scope="module")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Make one site for all: a refused import must leave it as it was."""
    for place in site_on(Kind.SQLITE, tmp_path_factory.mktemp("site")):
        place.take(PLAIN)
        yield place


@pytest.fixture
def filled(_filled: Place) -> Place:
    """Give the site, with its folder as it was."""
    for path in _filled.folder.iterdir():
        if path.is_dir():
            path.rmdir()
    _filled.write(PLAIN)
    return _filled


def assert_refused(place: Place, match: str) -> None:
    """Refused in one sentence, and the current records are as they were."""
    generation, before = place.site.store.current(), place.content()
    with pytest.raises(BadRecords, match=match) as caught:
        place.take()
    assert re.fullmatch(r"[^.]+(\.csv[^.]*)*\.", caught.value.message)
    assert place.site.store.current() == generation
    assert place.content() == before


def found(report: Report, check: str, table: str, field: str = "") -> int:
    """Count what a check found in a table or field."""
    return sum(
        each.count
        for each in report.findings
        if (each.check.id, each.table, each.field) == (check, table, field)
    )


def test_an_unknown_file_is_refused(filled: Place) -> None:
    (filled.folder / "notes.csv").write_text("a\n")
    assert_refused(filled, "notes.csv is not a table")


def test_a_file_named_like_a_number_is_refused_by_its_position(filled: Place) -> None:
    (filled.folder / "000-55-0142.csv").write_text("a\n")
    assert_refused(filled, "File 1 is not a table")


def test_an_unknown_column_is_refused_by_name(filled: Place) -> None:
    filled.write(extended("household", {"household_key": "c", "first_name": "x"}))
    assert_refused(filled, "first_name of household.csv is not in the dictionary")


def test_a_column_named_like_a_person_is_refused_by_its_position(filled: Place) -> None:
    filled.write(extended("household", {"household_key": "c", "A000000123 Q. Doe": ""}))
    with pytest.raises(BadRecords) as caught:
        filled.take()
    assert "A000000123" not in caught.value.message
    assert_refused(filled, "household.csv has no row with the names")


def test_a_household_key_is_no_column_of_an_adults_table(filled: Place) -> None:
    filled.write(extended("enrolment", {"person_key": "p1", "household_key": "case 1"}))
    assert_refused(filled, "household_key of enrolment.csv is not in the dictionary")


def test_a_column_given_twice_is_refused(filled: Place) -> None:
    (filled.folder / "household.csv").write_text("household_key,type,type\nc,a,b\n")
    assert_refused(filled, "stands twice in household.csv")


def test_a_file_without_its_key_is_refused(filled: Place) -> None:
    (filled.folder / "participant.csv").write_text("person_key,gender\np1,woman\n")
    assert_refused(filled, "participant.csv lacks household_key")


def test_an_empty_file_is_refused(filled: Place) -> None:
    (filled.folder / "participant.csv").write_text("")
    assert_refused(filled, "participant.csv lacks person_key")


def test_a_file_whose_quotation_never_ends_is_refused(filled: Place) -> None:
    (filled.folder / "household.csv").write_text('household_key,type\nc,"open\n')
    assert_refused(filled, "never closes")


def test_a_folder_without_households_is_refused(filled: Place) -> None:
    (filled.folder / "household.csv").unlink()
    assert_refused(filled, "household.csv is missing")


def test_a_missing_folder_is_refused(place: Place) -> None:
    with pytest.raises(BadRecords, match="cannot be read"):
        place.take()
    assert place.site.store.current() is None


def test_a_row_for_an_unknown_table_is_refused(filled: Place) -> None:
    generation = filled.site.store.current()
    with pytest.raises(BadRecords, match="not in the dictionary"):
        filled.take_rows(iter([("diary", {"person_key": "p1"})]))
    assert filled.site.store.current() == generation


def test_a_missing_column_is_empty_and_said(filled: Place) -> None:
    report = filled.take()
    assert filled.column("household.n_children") == [None, None]
    assert found(report, "missing-column", "household", "n_children") == 1


def test_a_row_of_another_length_is_dropped(filled: Place) -> None:
    with (filled.folder / "household.csv").open("a") as file:
        file.write("case 3,single_adult,1,and more\n")
    report = filled.take()
    assert found(report, "ragged-row", "household") == 1
    assert report.kept["household"] == 2


def test_a_byte_order_mark_and_blank_lines_do_not_matter(filled: Place) -> None:
    file = filled.folder / "household.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes() + b"\r\n\r\n")
    report = filled.take()
    assert report.kept["household"] == 2
    assert found(report, "ragged-row", "household") == 0
