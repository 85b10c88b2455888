"""HMIS exports of several years and vendors import with the shipped profiles alone."""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from node import importer
from node.importer import choosing
from node.importer.bring import Bringing
from node.importer.profile_shelf import Shelf
from node.records.connect import Kind
from privacy.errors import BadRecords
from tests import hmis_samples as hmis
from tests.import_place import DICTIONARY, NOW, Place, site_on

SUPPLIED = os.environ.get("CMPP_HMIS_ZIP")
GROUPS = {
    code: group
    for group, codes in DICTIONARY.code_lists["exit_reason"].labels("four").items()
    for code in codes
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give an empty site."""
    yield from site_on(Kind.SQLITE, tmp_path)


def take(place: Place, export: Path) -> importer.Report:
    """Import an export with whatever shipped profile fits."""
    found = choosing.choose(export, Shelf(place.home / "none", DICTIONARY), DICTIONARY)
    bringing = Bringing(location=export, profile=found.profile)
    return importer.import_source(
        bringing, site=place.own(accepts_serious=True), now=NOW
    )


def stored(place: Place, projects: set[str]) -> Counter[tuple[str, str, str]]:
    """Count what the store holds by project, entry quarter and exit group."""
    names = {place.keys.load().number("project", name): name for name in projects}
    table = place.site.store.schema.records["enrolment"]
    columns = (table.c.project_slot, table.c.enrolled_on, table.c.exit_reason)
    found: Counter[tuple[str, str, str]] = Counter()
    with place.site.store.open_current().transaction() as connection:
        for slot, day, reason in connection.execute(select(*columns)):
            found[names[slot], quarter(day), GROUPS.get(reason, "none")] += 1
    return found


def quarter(day: int) -> str:
    """Return the calendar quarter of a day number."""
    moment = hmis.date(1970, 1, 1) + hmis.timedelta(days=day)
    return f"{moment.year}Q{(moment.month + 2) // 3}"


def assert_equal(place: Place, files: hmis.Files) -> None:
    """The store holds what the raw files say."""
    counts = hmis.counted(files)
    assert stored(place, {project for project, _, _ in counts}) == counts
    assert len(counts) > 3


@pytest.mark.parametrize("vendor", [hmis.PLAIN, hmis.ODD], ids=["plain", "odd"])
@pytest.mark.parametrize("year", sorted(hmis.GENDERS))
def test_counts_by_project_quarter_and_exit_equal_those_of_the_raw_files(
    place: Place, tmp_path: Path, year: str, vendor: hmis.Vendor
) -> None:
    files = hmis.invent(year)
    take(place, hmis.pack(tmp_path / "export.zip", files, vendor))
    assert_equal(place, files)
    genders = Counter(place.column("participant.gender"))
    assert {"woman", "man", "does_not_know", "prefers_not"} <= set(genders)
    assert place.rows("screening")
    assert place.rows("service_event")


@pytest.mark.skipif(SUPPLIED is None, reason="CMPP_HMIS_ZIP names no export")
def test_the_supplied_export_gives_the_counts_of_its_raw_files(tmp_path: Path) -> None:
    export = Path(SUPPLIED or "")
    for place in site_on(Kind.DUCKDB, tmp_path):
        take(place, export)
        assert_equal(place, hmis.unpack(export))


def test_ids_stay_the_same_from_import_to_import(place: Place, tmp_path: Path) -> None:
    export = hmis.pack(tmp_path / "export.zip", hmis.invent("2024"))
    take(place, export)
    before = [(row["hid"], row["type"]) for row in place.rows("household")]
    take(place, export)
    assert [(row["hid"], row["type"]) for row in place.rows("household")] == before


def test_two_households_that_meet_keep_the_smaller_key(
    place: Place, tmp_path: Path
) -> None:
    files = hmis.invent("2024", households=2, seed=3)
    take(place, hmis.pack(tmp_path / "one.zip", files))
    apart = {row["hid"] for row in place.rows("household")}
    kept = [row for row in files["Enrollment"] if not row["DateDeleted"]]
    first, last = kept[0], kept[-1]
    together = {**last, "EnrollmentID": "later", "HouseholdID": first["HouseholdID"]}
    files["Enrollment"].append(together)
    take(place, hmis.pack(tmp_path / "two.zip", files))
    (left,) = (row["hid"] for row in place.rows("household"))
    assert len(apart) == 2
    assert left in apart


def test_a_renamed_column_is_said_with_the_line_to_change(
    place: Place, tmp_path: Path
) -> None:
    files = hmis.invent("2022")
    for row in files["Enrollment"]:
        row["EntryDt"] = row.pop("EntryDate")
    export = hmis.pack(tmp_path / "export.zip", files)
    with pytest.raises(BadRecords) as caught:
        take(place, export)
    said = caught.value.message
    assert "EntryDate" in said
    assert '"EntryDt"' in said
    assert "map copy hmis-fy2024" in said
    shelf = Shelf(tmp_path / "profiles", DICTIONARY)
    text = shelf.load("hmis-fy2024").text.replace('"EntryDate"', '"EntryDt"')
    saved = shelf.save(text, name="ours")
    bringing = Bringing(location=export, profile=saved.profile)
    importer.import_source(bringing, site=place.own(accepts_serious=True), now=NOW)
    for row in files["Enrollment"]:
        row["EntryDate"] = row.pop("EntryDt")
    assert_equal(place, files)


def test_dates_can_be_moved_by_whole_days(place: Place, tmp_path: Path) -> None:
    export = hmis.pack(tmp_path / "export.zip", hmis.invent("2026"))
    take(place, export)
    before = place.column("enrolment.enrolled_on")
    shelf = Shelf(tmp_path / "none", DICTIONARY)
    moved = replace(shelf.load("hmis-fy2026").profile, shift_days=30)
    bringing = Bringing(location=export, profile=moved)
    importer.import_source(bringing, site=place.own(accepts_serious=True), now=NOW)
    assert place.column("enrolment.enrolled_on") == [int(str(d)) + 30 for d in before]


def test_nothing_of_a_person_is_written(place: Place, tmp_path: Path) -> None:
    export = hmis.pack(tmp_path / "inbox.zip", hmis.invent("2024"))
    place.folder.mkdir(exist_ok=True)
    take(place, export.rename(place.folder / "export.zip"))
    content = place.content()
    assert b"Invented1" not in content
    assert b"h1e0" not in content


def as_guid(key: str) -> str:
    """Write a key the way SQL Server does."""
    return f"{{{uuid.uuid5(uuid.NAMESPACE_OID, key)}}}".upper()


def as_hash(key: str) -> str:
    """Write a key as 32 hexadecimal digits."""
    return uuid.uuid5(uuid.NAMESPACE_OID, key).hex


def as_long_number(key: str) -> str:
    """Write a key as nine digits, like an A-number without its letter."""
    return str(100_000_000 + int.from_bytes(key.encode()) % 899_999_999)


@pytest.mark.parametrize("written", [as_guid, as_hash, as_long_number])
def test_keys_of_other_vendors_are_taken_as_keys(
    place: Place, tmp_path: Path, written: Callable[[str], str]
) -> None:
    files = hmis.invent("2022")
    for row in (row for rows in files.values() for row in rows):
        for name in ("PersonalID", "HouseholdID", "EnrollmentID"):
            if name in row:
                row[name] = written(row[name])
    take(place, hmis.pack(tmp_path / "export.zip", files))
    assert_equal(place, files)


def test_codes_that_went_through_a_spreadsheet_are_the_same_codes(
    place: Place, tmp_path: Path
) -> None:
    files = hmis.invent("2024")
    counts = hmis.counted(files)
    for row in (row for rows in files.values() for row in rows):
        for name in ("Destination", "RelationshipToHoH", "Woman", "Man"):
            if row.get(name):
                row[name] += ".0"
    take(place, hmis.pack(tmp_path / "export.zip", files))
    assert stored(place, {project for project, _, _ in counts}) == counts
