"""What a site's data officer types, from an unknown export to records in use."""

from pathlib import Path

import pytest

from tests import hmis_samples as hmis
from tests.mapping_place import Table, write
from tests.typed_site import TypedSite

INTAKE: Table = [
    {
        "Case #": str(number // 2),
        "Participant ID": f"p{number}",
        "First Name": "Nobody",
        "Gender": ("Female", "M", "F", "Male")[number % 4],
        "DOB": f"3/15/{1960 + number}",
        "Country": ("Guatemala", "HN", "Haití", "Narnia")[number % 4],
        "Idioma": ("Spanish", "español", "Kreyol", "Klingon")[number % 4],
        "Interpreter?": ("Yes", "no")[number % 2],
        "Enrollment Date": f"1/{number + 10}/2024",
        "Exit Date": f"6/{number + 10}/2024" if number % 3 else "",
        "Reason Closed": ("", "Moved", "Goals met")[number % 3],
        "Favourite colour": "red",
    }
    for number in range(16)
]


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    """Give a live site without any policy."""
    made = TypedSite(tmp_path)
    made.done("init", "--site", "NYC")
    return made


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Give an export nobody has mapped."""
    return write(tmp_path / "export", {"Intake": INTAKE})


def test_an_hmis_zip_is_in_use_after_one_command(
    site: TypedSite, tmp_path: Path
) -> None:
    packed = hmis.pack(tmp_path / "export.zip", hmis.invent("2024"))
    said = site.done("import", str(packed)).words
    assert "Profile hmis-fy2024, version 1" in said
    assert "are in use" in said
    assert "hmis-fy2024" in site.done("map", "suggest", str(packed)).words
    assert "are in use" in site.done("import", "report").words


def test_an_unknown_export_is_proposed_tried_confirmed_and_imported(
    site: TypedSite, export: Path
) -> None:
    assert "map suggest" in site.run("import", str(export)).told
    said = site.done("map", "suggest", str(export), "--name", "ours").words
    assert "First Name" in said
    assert "looks like a name" in said
    assert "can only be month first" in said
    text = (site.directory / "profiles" / "ours.toml").read_text("utf-8")
    assert 'dates = ["iso", "us"]' in text
    assert '"Moved" = "moved_away"' in text
    assert '# "Klingon" = ""' in text
    assert "guess = true" in text
    refused = site.run("import", str(export), "--profile", "ours")
    assert refused.code == 2
    assert "guesses nobody has confirmed" in refused.told
    tried = site.done("map", "check", str(export), "--profile", "ours").words
    assert "Nothing was taken into use" in tried
    assert "map confirm ours" in tried
    assert not (site.directory / "records" / "current").exists()
    site.done("map", "confirm", "ours", "--yes")
    said = site.done("import", str(export)).words
    assert "Profile ours, version 2" in said
    assert "'Narnia'" in said
    assert "are in use" in said


def test_an_import_can_be_taken_back(site: TypedSite, tmp_path: Path) -> None:
    packed = hmis.pack(tmp_path / "export.zip", hmis.invent("2024"))
    site.done("import", str(packed))
    assert site.run("import", "undo").code == 2
    site.done("import", str(packed))
    assert "import before" in site.done("import", "undo").words


def test_dates_are_moved_at_training_sites_only(site: TypedSite, export: Path) -> None:
    said = site.run(
        "map", "check", str(export), "--profile", "eto", "--shift-days", "9"
    )
    assert said.code == 1
    assert "training sites only" in said.told


def test_profiles_are_listed_shown_copied_and_saved(
    site: TypedSite, tmp_path: Path
) -> None:
    assert "hmis-fy2026" in site.done("map", "list").words
    text = site.done("map", "show", "hmis-fy2026").out
    assert "Client.Sex" in text
    assert "version 1" in site.done("map", "copy", "hmis-fy2026", "ours").words
    file = tmp_path / "written.toml"
    file.write_text(text, "utf-8")
    assert "version 2" in site.done("map", "save", str(file), "ours").words
    assert site.run("map", "show", "nobodys").code == 2
    assert site.run("map", "copy", "hmis-fy2026", "dictionary").code == 2


def test_a_column_that_an_hmis_renamed_is_named_with_the_line_to_change(
    site: TypedSite, tmp_path: Path
) -> None:
    files = hmis.invent("2022")
    for row in files["Exit"]:
        row["EnrollID"] = row.pop("EnrollmentID")
    packed = hmis.pack(tmp_path / "export.zip", files)
    said = site.run("import", str(packed))
    assert said.code == 2
    assert "map copy hmis-fy2024 my-hmis-fy2024" in said.told
    assert '"EnrollID"' in said.told
