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


def test_a_name_typed_where_a_code_belongs_is_not_written_into_a_profile(
    site: TypedSite, tmp_path: Path
) -> None:
    rows = [{**row, "Reason Closed": "Moved"} for row in INTAKE]
    for at, words in enumerate(["Zoraida Quispe", "Zoraida Quispe", "Goals met Ana"]):
        rows[at]["Reason Closed"] = words
    rows[4]["Gender"] = "Transwoman"
    export = write(tmp_path / "export", {"Intake": rows})
    site.done("map", "suggest", str(export), "--name", "ours")
    text = (site.directory / "profiles" / "ours.toml").read_text("utf-8")
    assert '"Moved" = "moved_away"' in text
    assert "too few rows to be shown" in text
    # A word this software knows is nobody's name, however rare it is.
    assert '"M" = "man"' in text
    for name in ("Zoraida", "Ana"):
        assert name not in text
    assert (
        "Zoraida" not in site.done("map", "check", str(export), "--profile", "ours").out
    )


def test_a_column_with_signs_that_steer_a_terminal_is_shown_as_it_is(
    site: TypedSite, tmp_path: Path
) -> None:
    rows = [{**row, "Score [/b]": "1", "Fit [m/f]": "1"} for row in INTAKE]
    export = write(tmp_path / "export", {"Intake": rows})
    said = site.done("map", "suggest", str(export), "--name", "ours").words
    assert "[/b]" in said
    assert "[m/f]" in said


def test_what_an_editor_left_beside_the_profiles_is_passed_over(
    site: TypedSite, export: Path
) -> None:
    site.done("map", "copy", "hmis-fy2026", "ours")
    folder = site.directory / "profiles"
    (folder / "My copy of ours.toml").write_text("nothing")
    assert "ours" in site.done("map", "list").words
    (folder / "ours.toml").write_text("[profile]\nname = ")
    said = site.run("import", str(export))
    assert said.code == 2
    assert "profiles/ours.toml" in said.told
    (folder / "ours.toml").write_bytes(b"\xff\xfe")
    assert "profiles/ours.toml" in site.run("map", "list").told


def test_a_guess_is_confirmed_wherever_in_its_line_it_stands(
    site: TypedSite, export: Path
) -> None:
    site.done("map", "suggest", str(export), "--name", "ours")
    file = site.directory / "profiles" / "ours.toml"
    text = file.read_text("utf-8")
    assert "guess = true" in text
    lines = [
        line.replace(", guess = true", "").replace("= { ", "= { guess = true, ")
        if ", guess = true" in line
        else line
        for line in text.splitlines()
    ]
    file.write_text("\n".join(lines), "utf-8")
    site.done("map", "confirm", "ours", "--yes")
    assert "no guesses left" in site.done("map", "confirm", "ours").words
    assert "A line with guess = true is a guess" in file.read_text("utf-8")


def test_a_profile_whose_version_cannot_be_raised_is_not_saved(
    site: TypedSite, tmp_path: Path
) -> None:
    text = site.done("map", "show", "hmis-fy2026").out
    file = tmp_path / "written.toml"
    file.write_text(text.replace("version = 1", "version = 1 # first"), "utf-8")
    site.done("map", "copy", "hmis-fy2026", "ours")
    said = site.run("map", "save", str(file), "ours")
    assert said.code == 2
    assert "stand alone on a line" in said.told


def test_a_header_that_only_a_saved_profile_finds_is_found(
    site: TypedSite, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    lines = ["2/1/2024,3/1/2024", "Case,Kind", "1,single_adult", "2,single_adult"]
    (folder / "Cases.csv").write_text("\n".join(lines))
    file = tmp_path / "ours.toml"
    file.write_text(
        '[profile]\nname = "ours"\nversion = 1\ndictionary = "1"\nabout = "ours"\n'
        '[source]\nheader_row = 2\n[[tables.household]]\nfrom = "Cases"\n'
        'household_key = "Case"\n[tables.household.fields]\n'
        'type = { column = "Kind" }\n'
    )
    assert site.run("import", str(folder)).code == 2
    site.done("map", "save", str(file), "ours")
    assert "are in use" in site.done("import", str(folder)).words
