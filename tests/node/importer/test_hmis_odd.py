"""HMIS exports that a vendor bent: they import, or the tool names what to change."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node import importer
from node.importer import choosing
from node.importer.bring import Bringing
from node.importer.profile_shelf import Shelf
from node.records.connect import Kind
from privacy.errors import BadRecords
from tests import hmis_samples as hmis
from tests.import_place import DICTIONARY, NOW, Place, site_on

Texts = dict[str, bytes]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give an empty site."""
    yield from site_on(Kind.SQLITE, tmp_path)


def written(files: hmis.Files, *, delimiter: str = ",", first: str = "") -> Texts:
    """Write every file as text."""
    texts = {}
    for name, rows in files.items():
        names = list(dict.fromkeys(n for row in rows for n in row)) or ["ExportID"]
        into = io.StringIO()
        into.write(first)
        writer = csv.DictWriter(into, names, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
        texts[f"{name}.csv"] = into.getvalue().encode()
    return texts


def packed(folder: Path, texts: Texts) -> Path:
    """Put texts into a zip."""
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for name, text in texts.items():
            opened.writestr(name, text)
    return path


def take(place: Place, export: Path) -> importer.Report:
    """Import an export with whatever shipped profile fits."""
    found = choosing.choose(export, Shelf(place.home / "none", DICTIONARY), DICTIONARY)
    bringing = Bringing(location=export, profile=found.profile)
    return importer.import_source(
        bringing, site=place.own(accepts_serious=True), now=NOW
    )


def changed(files: hmis.Files, change: Callable[[hmis.Line], hmis.Line]) -> hmis.Files:
    """Change every row."""
    return {name: [change(row) for row in rows] for name, rows in files.items()}


def small(row: hmis.Line) -> hmis.Line:
    return {name.lower(): text for name, text in row.items()}


def timed(row: hmis.Line) -> hmis.Line:
    return {
        name: f"{text} 00:00:00" if "Date" in name and len(text) == 10 else text
        for name, text in row.items()
    }


FILES = hmis.invent("2024")
BENT: dict[str, Callable[[], Texts]] = {
    "2021, small letters": lambda: written(changed(hmis.invent("2021"), small)),
    "tabs": lambda: {
        name.replace(".csv", ".txt"): text
        for name, text in written(FILES, delimiter="\t").items()
    },
    "semicolons": lambda: written(FILES, delimiter=";"),
    "UTF-16": lambda: {
        name: text.decode().encode("utf-16") for name, text in written(FILES).items()
    },
    "a title first": lambda: written(FILES, first="HMIS CSV export of our system\n\n"),
    "no services": lambda: {
        name: text for name, text in written(FILES).items() if "Services" not in name
    },
    "services of a header": lambda: (
        written({**FILES, "Services": []})
        | {"Services.csv": b"ServicesID,EnrollmentID,PersonalID,DateProvided"}
    ),
    "services of nothing": lambda: written(FILES) | {"Services.csv": b""},
    "times": lambda: written(changed(FILES, timed)),
}


@pytest.mark.parametrize("bent", BENT)
def test_a_bent_export_gives_the_same_households(
    place: Place, tmp_path: Path, bent: str
) -> None:
    year = "2021" if "2021" in bent else "2024"
    take(place, packed(tmp_path, written(hmis.invent(year))))
    before = {name: place.rows(name) for name in ("household", "enrolment")}
    assert len(before["enrolment"]) > 60
    take(place, packed(tmp_path, BENT[bent]()))
    assert {name: place.rows(name) for name in before} == before


def test_a_file_that_is_missing_is_named_with_what_to_do(
    place: Place, tmp_path: Path
) -> None:
    texts = written(FILES)
    del texts["Exit.csv"]
    with pytest.raises(BadRecords) as caught:
        take(place, packed(tmp_path, texts))
    assert "Exit" in caught.value.message
    assert "map copy hmis-fy2024" in caught.value.message


def test_an_enrolment_listed_twice_counts_its_people_once(
    place: Place, tmp_path: Path
) -> None:
    take(place, packed(tmp_path, written(FILES)))
    households, adults = len(place.rows("household")), len(place.rows("participant"))
    twice = {**FILES, "Enrollment": [*FILES["Enrollment"], *FILES["Enrollment"][:9]]}
    report = take(place, packed(tmp_path, written(twice)))
    assert len(place.rows("household")) == households
    assert len(place.rows("participant")) == adults
    assert any("repeat an earlier row" in each for each in report.sentences())


def test_people_without_a_household_are_households_of_their_own(
    place: Place, tmp_path: Path
) -> None:
    alone = [{**row, "HouseholdID": ""} for row in FILES["Enrollment"]]
    take(place, packed(tmp_path, written({**FILES, "Enrollment": alone})))
    assert len(place.rows("household")) == len(place.rows("participant"))
    assert set(place.column("household.n_adults")) == {1}
