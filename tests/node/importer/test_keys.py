"""Random ids stay with their case numbers, and the map is never lost unnoticed."""

import stat
from pathlib import Path

import pytest

from node.importer import KeyStore
from node.records.connect import Kind
from privacy.errors import BadConfiguration, Corrupt
from tests.import_place import PLAIN, Place, site_on


def test_ids_stay_the_same_from_import_to_import(place: Place) -> None:
    place.take(PLAIN)
    before = {table: place.rows(table) for table in PLAIN}
    reopened = KeyStore(
        place.home / "site" / "keys", key_file=place.home / "site" / "keys.key"
    )
    Place(place.site, reopened, place.folder, place.home).take()
    assert before == {table: place.rows(table) for table in PLAIN}


def test_ids_survive_an_import_without_their_household(place: Place) -> None:
    place.take(PLAIN)
    before = place.rows("household")
    place.take({table: rows[:1] for table, rows in PLAIN.items()})
    place.take(PLAIN)
    assert before == place.rows("household")


def test_the_same_number_means_another_id_for_a_household_and_a_person(
    place: Place,
) -> None:
    place.take(
        {
            "household": [{"household_key": "17"}],
            "participant": [{"household_key": "17", "person_key": "17"}],
        }
    )
    row = place.rows("participant")[0]
    assert row["hid"] != row["pid"]


def test_two_sites_give_the_same_person_different_ids(tmp_path: Path) -> None:
    ids = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for place in site_on(Kind.SQLITE, tmp_path / name):
            place.take(PLAIN)
            ids += place.column("household.hid")
    assert len(set(ids)) == 4


def test_a_lost_key_map_is_an_error_and_never_an_empty_one(filled: Place) -> None:
    (filled.home / "site" / "keys").unlink()
    with pytest.raises(BadConfiguration, match="restore it"):
        filled.take()


def test_a_key_map_and_its_key_are_never_overwritten(filled: Place) -> None:
    site = filled.home / "site"
    for keys, key_file in (("keys", "other.key"), ("other", "keys.key")):
        with pytest.raises(BadConfiguration, match="never overwritten"):
            KeyStore.create(site / keys, key_file=site / key_file)
    assert not (site / "other").exists()
    assert not (site / "other.key").exists()


def test_a_key_others_can_read_is_refused(filled: Place) -> None:
    (filled.home / "site" / "keys.key").chmod(0o640)
    with pytest.raises(BadConfiguration, match="chmod 600"):
        filled.take()


@pytest.mark.parametrize("at", [0, 15, 40, -1])
def test_a_changed_key_map_is_noticed(filled: Place, at: int) -> None:
    file = filled.home / "site" / "keys"
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    with pytest.raises(Corrupt):
        filled.take()


def test_the_key_map_and_its_key_are_for_their_owner_only(filled: Place) -> None:
    for name in ("keys", "keys.key"):
        mode = (filled.home / "site" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
