"""Every layout an invented site can be written in comes back as the same records."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa

from node import synthetic
from node.importer.guard import Guard
from node.synthetic import Planted, layouts
from node.synthetic.backwards import Backwards, Hand
from node.synthetic.stream import Stream
from privacy.errors import BadRecords, InvalidProgramme
from tests import brought_back
from tests.brought_back import DICTIONARY, MADE, Brought, profile_text

SYSTEMS = layouts.names()[1:]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Brought:
    """Bring the dictionary's own layout back."""
    folder = tmp_path_factory.mktemp("clean")
    location = brought_back.write(folder / "export", layouts.DICTIONARY)
    profile = profile_text(layouts.DICTIONARY)
    return brought_back.bring_back(folder / "home", location, profile)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Brought, Planted]:
    """Bring the dictionary's own layout back, spoilt."""
    folder, planted = tmp_path_factory.mktemp("dirty"), Planted()
    location = brought_back.write(folder / "export", layouts.DICTIONARY, planted)
    profile = profile_text(layouts.DICTIONARY)
    return brought_back.bring_back(folder / "home", location, profile), planted


def test_a_clean_export_holds_what_was_invented(clean: Brought) -> None:
    made: dict[str, int] = {}
    for table, _ in synthetic.generate(**MADE):
        made[table] = made.get(table, 0) + 1
    assert {table: rows.total() for table, rows in clean.rows.items()} == made
    assert clean.report.set_aside == {}


@pytest.mark.parametrize("layout", SYSTEMS)
def test_every_layout_comes_back_row_for_row(
    tmp_path: Path, clean: Brought, layout: str
) -> None:
    location = brought_back.write(tmp_path / "export", layout)
    again = brought_back.bring_back(tmp_path / "home", location, profile_text(layout))
    assert again.rows == clean.rows


@pytest.mark.parametrize("layout", SYSTEMS)
def test_every_spoilt_layout_comes_back_as_the_spoilt_dictionary_does(
    tmp_path: Path, dirty: tuple[Brought, Planted], layout: str
) -> None:
    planted = Planted()
    location = brought_back.write(tmp_path / "export", layout, planted)
    again = brought_back.bring_back(tmp_path / "home", location, profile_text(layout))
    assert again.rows == dirty[0].rows
    assert planted.defects == dirty[1].defects
    assert_reported(again, planted)
    assert_nothing_of(planted, again)


def test_every_planted_defect_is_reported_in_its_group(
    dirty: tuple[Brought, Planted],
) -> None:
    again, planted = dirty
    kinds = {defect.check for defect in planted.defects}
    assert kinds == {
        *("exact-duplicate", "seen-before", "unknown-person", "unknown-household"),
        *("unlisted-code", "not-a-date", "personal-cell", "ends-before-start"),
    }
    assert_reported(again, planted)


def test_no_planted_vault_value_is_written(dirty: tuple[Brought, Planted]) -> None:
    again, planted = dirty
    assert len(planted.vault) >= 3
    assert_nothing_of(planted, again)


def assert_reported(again: Brought, planted: Planted) -> None:
    """Every defect is found at least as often as it was planted, in its group."""
    for defect, count in planted.defects.items():
        if defect.check == "personal-cell":
            continue
        field = defect.field if defect.check != "exact-duplicate" else ""
        found = again.found(defect.check, field, defect.shown)
        assert found >= count, defect
    cells = sum(n for d, n in planted.defects.items() if d.check == "personal-cell")
    assert again.found("personal-cell") == cells


def assert_nothing_of(planted: Planted, again: Brought) -> None:
    """No vault value is in any file the import wrote, nor in its report."""
    written = again.written() + repr(again.report.findings).encode()
    for finding in again.report.findings:
        written += finding.sentence.encode()
    assert [value for value in planted.vault if value.encode() in written] == []


@pytest.mark.parametrize("layout", SYSTEMS)
def test_a_profile_that_reads_a_vault_column_is_refused(
    tmp_path: Path, layout: str
) -> None:
    location = brought_back.write(tmp_path / "export", layout, Planted())
    text, headers = profile_text(layout), layouts.load(layout).vault
    fields = ("age_band", "gender", "protection_sought")
    for field, header in zip(fields, headers, strict=True):
        changed = re.sub(
            rf"(?m)^{field} = .*$", f'{field} = {{ column = "{header}" }}', text
        )
        assert changed != text
        text = changed
    with pytest.raises(BadRecords, match="never be among the records") as refused:
        brought_back.bring_back(tmp_path / "home", location, text)
    assert [header for header in headers if header not in str(refused.value)] == []
    assert not any(v in str(refused.value) for v in ("A0000", "555-01", "@"))
    assert list((tmp_path / "home" / "records").glob("g*")) == []


@pytest.mark.parametrize("layout", SYSTEMS)
def test_no_column_a_shipped_profile_reads_has_a_name_the_guard_knows(
    layout: str,
) -> None:
    hand = Hand(stays=layouts.load(layout).stays, stream=Stream(1))
    read = Backwards(profile_text(layout), dictionary=DICTIONARY, hand=hand)
    guard = Guard()
    assert [
        (sheet, column)
        for sheet, columns in read.sheets().items()
        for column in columns
        if guard.header(sheet, column) is not None
    ] == []


# --- what the files look like ------------------------------------------------


@pytest.mark.parametrize("layout", [layouts.DICTIONARY, *SYSTEMS])
def test_the_same_seed_gives_the_same_export(tmp_path: Path, layout: str) -> None:
    twice = []
    for name in ("one", "other"):
        brought_back.write(tmp_path / name, layout, Planted())
        files = sorted((tmp_path / name).iterdir())
        twice.append({path.name: path.read_bytes() for path in files})
    assert twice[0] == twice[1]


def test_a_workbook_has_a_title_and_merged_names(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(brought_back.write(tmp_path, "apricot"))
    sheet = book["Adults"]
    assert str(sheet["A1"].value).endswith("training report")
    assert "C3:M3" in {str(merged) for merged in sheet.merged_cells.ranges}
    assert sheet["B4"].value == "Participant Number"


def test_a_report_is_quoted_and_closed(tmp_path: Path) -> None:
    brought_back.write(tmp_path, "salesforce")
    lines = (tmp_path / "report_households.csv").read_text().splitlines()
    assert lines[1].split(",")[1].strip('"').startswith("TRAINING-H")
    assert len(lines[1].split(",")[1]) == 20
    assert lines[-2] == '"Confidential Information - Do Not Distribute"'


def test_an_hmis_zip_has_the_standards_own_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(brought_back.write(tmp_path, "hmis")) as archive:
        names = set(archive.namelist())
        header = archive.read("Client.csv").decode().splitlines()[0]
    standard = ("Export", "Organization", "Project", "Client", "Enrollment", "Exit")
    assert {f"{name}.csv" for name in standard} <= names
    assert {"CustomParticipant.csv", "CustomServiceEvent.csv"} <= names
    assert header.startswith("PersonalID,FirstName,MiddleName,LastName")


def test_the_tables_can_be_written_to_postgresql(
    tmp_path: Path, new_postgres_database: Callable[[], str]
) -> None:
    url = new_postgres_database()
    counts = synthetic.write_layout(
        tmp_path,
        synthetic.generate(**MADE),
        layout="sql",
        profile=profile_text("sql"),
        dictionary=DICTIONARY,
        seed=1,
        url=url,
    )
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        for table, lines in counts.items():
            counted = sa.select(sa.func.count()).select_from(sa.table(table))
            assert connection.scalar(counted) == lines
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_a_layout_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidProgramme, match="apricot, eto"):
        layouts.load("lotus")


def test_a_profile_that_computes_cannot_be_written_backwards() -> None:
    text = profile_text("hmis")
    derived = text.replace(
        'age_band = { column = "AgeBand", recode = "age_band" }',
        'age_band = { column = "DOB", derive = "age_band", at = "EntryDate" }',
    )
    assert derived != text
    with pytest.raises(InvalidProgramme, match="computed"):
        Backwards(derived, dictionary=DICTIONARY, hand=Hand(stream=Stream(1)))
