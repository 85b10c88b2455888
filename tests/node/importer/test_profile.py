"""A profile is strict, versioned, and shipped ones are valid."""

import re
from pathlib import Path

import pytest

from node.importer import coarse, profile_reading, profile_shelf
from node.importer.profile_shelf import Shelf
from privacy.errors import BadConfiguration, BadRecords, InvalidProgramme
from tests.mapping_place import HEAD, HOUSEHOLDS, profile
from tests.record_site import DICTIONARY

ROOT = Path(__file__).parents[3]
TEXT = HEAD + HOUSEHOLDS
GUESSED = (
    TEXT + '[tables.household.fields]\nn_adults = { column = "Adults", guess = true }\n'
)


RECODED = """
[tables.household.fields]
type = { column = "K", recode = "k" }
[recodes.k]
"x" = "single"
"""


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Give an empty shelf."""
    return Shelf(tmp_path / "profiles", DICTIONARY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1\n", "unknown keys colour"),
        ("[[tables.diary]]\n", "tables.diary: the dictionary has no such table"),
        (
            '[tables.household.fields]\nnotes = { column = "N" }\n',
            "tables.household.fields.notes: household has no such field",
        ),
        (
            '[tables.household.fields]\ntype = { column = "K", recode = "k" }\n',
            "there is no \\[recodes.k\\]",
        ),
        (
            RECODED,
            "tables.household.fields.type would make 'single'",
        ),
        (
            '[tables.household.fields]\ntype = { column = "K", colour = 1 }\n',
            "tables.household.fields.type has unknown keys colour",
        ),
        ("[tables.household.fields]\ntype = { }\n", "lacks 'column'"),
    ],
)
def test_what_nobody_knows_is_refused_by_its_line(text: str, said: str) -> None:
    with pytest.raises(InvalidProgramme, match=said):
        profile(HOUSEHOLDS + text)


def test_a_table_without_its_key_is_refused() -> None:
    with pytest.raises(InvalidProgramme, match="lacks household_key"):
        profile('[[tables.household]]\nfrom = "Cases"\n')


def test_a_profile_for_another_dictionary_is_refused(shelf: Shelf) -> None:
    with pytest.raises(InvalidProgramme, match="is for dictionary 0"):
        shelf.save(TEXT.replace('dictionary = "1"', 'dictionary = "0"'), name="ours")


def test_every_shipped_profile_is_valid_and_named_like_its_file() -> None:
    names = sorted(profile_shelf._shipped())
    assert {"dictionary", "hmis-fy2024", "hmis-fy2026"} <= set(names)
    for name in names:
        assert profile_shelf.shipped(name, DICTIONARY).name == name


def test_a_saved_profile_gets_the_next_version_and_the_old_ones_are_kept(
    shelf: Shelf, tmp_path: Path
) -> None:
    assert shelf.save(TEXT, name="ours").profile.version == 1
    assert shelf.save(TEXT, name="ours").profile.version == 2
    path = tmp_path / "profiles" / "ours.toml"
    path.write_text(path.read_text().replace('about = "ours"', 'about = "edited"'))
    found = shelf.load("ours")
    assert (found.profile.version, found.profile.about) == (3, "edited")
    assert shelf.load("ours").profile.version == 3
    kept = sorted(p.name for p in path.parent.iterdir())
    assert kept == ["ours.toml", "ours.v1.toml", "ours.v2.toml", "ours.v3.toml"]
    assert path.stat().st_mode & 0o077 == 0


def test_a_guess_stays_one_until_it_is_confirmed(shelf: Shelf) -> None:
    (guess,) = shelf.save(GUESSED, name="ours").profile.guesses()
    assert guess[0] == "household.n_adults"
    assert shelf.confirm("ours").profile.guesses() == ()
    assert shelf.load("ours").profile.version == 2


@pytest.mark.parametrize("name", ["dictionary", "../x", "Ours", ""])
def test_some_names_cannot_be_taken(shelf: Shelf, name: str) -> None:
    with pytest.raises(BadConfiguration, match="cannot be saved"):
        shelf.save(TEXT, name=name)


def test_a_profile_nobody_saved_is_explained(shelf: Shelf) -> None:
    with pytest.raises(BadRecords, match="map list"):
        shelf.load("nobodys")


def test_countries_and_languages_are_known_in_both_tongues() -> None:
    regions, groups = coarse.regions(), coarse.language_groups()
    assert regions["honduras"] == regions["hn"] == regions["mexico"]
    assert regions["haiti"] == "south_central_america_caribbean"
    assert regions["espana"] == regions["spain"] == "europe_central_asia"
    assert set(regions.values()) == set(DICTIONARY.code_lists["origin_region"].codes)
    assert groups["kreyol"] == groups["ht"] == "haitian_creole"
    assert groups["espanol"] == groups["spanish"] == "spanish"
    assert set(groups.values()) == set(DICTIONARY.code_lists["language_group"].codes)


def test_the_profiles_in_the_documentation_are_valid() -> None:
    page = (ROOT / "docs" / "mapping-profiles.md").read_text("utf-8")
    whole, people = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    known = profile_reading.parse(whole, DICTIONARY)
    assert [entry.table for entry in known.entries] == ["enrolment"]
    assert profile(people).people is not None


FLAGGED = """
[tables.household.fields]
any_child_under_5 = { column = "K", derive = "flag", values = ["WORD"] }
"""
RECODE_K = '[tables.household.fields]\ntype = { column = "K", recode = "k" }\n'


@pytest.mark.parametrize(
    "text",
    [
        'where = { "SSN" = ["900-12-3456"] }\n',
        RECODE_K + '[recodes.k]\n"Ana, A000 000 123" = "single_adult"\n',
        FLAGGED.replace("WORD", "a@b.org"),
    ],
)
def test_a_profile_spells_out_nobodys_number(text: str) -> None:
    with pytest.raises(InvalidProgramme, match="a person's own number") as caught:
        profile(HOUSEHOLDS + text)
    for value in ("3456", "123", "a@b"):
        assert value not in caught.value.message


def test_a_profile_under_anothers_name_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    shelf.save(TEXT, name="ours")
    folder = tmp_path / "profiles"
    (folder / "ours.toml").rename(folder / "theirs.toml")
    with pytest.raises(InvalidProgramme, match="calls itself ours"):
        shelf.load("theirs")
