"""A key is changed in one step, whatever interrupts it; the old one opens nothing."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from node.custody import rotation
from node.importer.keys import KeyStore
from node.records import rekey
from node.records.connect import OPENS, Kind, Place, attach, bare, generations
from node.records.store import RecordStore
from node.secret import Secret
from privacy.errors import BadConfiguration, Busy, Corrupt, NotAllowed
from tests import import_place
from tests.record_site import SCHEMA


class PowerCutError(BaseException):
    """The process is gone; nothing may catch this."""


def opens(place: Place, generation: str, key: bytes) -> bool:
    base = bare(place)
    try:
        attach(base, place.file(generation), key, writing=False)
    except duckdb.Error:
        return False
    else:
        return True
    finally:
        base.close()


def secret(place: Place) -> Secret:
    assert place.key is not None
    return place.key


def households(store: RecordStore) -> list[str]:
    table = SCHEMA.records["household"]
    fresh = RecordStore(store.place, SCHEMA)
    with fresh.open_current().transaction() as connection:
        found = sorted(row.hid for row in connection.execute(table.select()))
    fresh.close()
    return found


def test_every_generation_opens_with_the_new_key_only(
    encrypted: import_place.Place,
) -> None:
    store = encrypted.site.store
    before, (old,) = households(store), secret(store.place).read()
    names = generations(store.place)
    assert rotation.rotate_records(store) == len(names) == 2
    (new,) = secret(store.place).read()
    assert new != old
    for name in names:
        assert opens(store.place, name, new)
        assert not opens(store.place, name, old)
    assert households(store) == before
    assert generations(store.place) == names


def test_a_reader_goes_on_while_the_key_changes(encrypted: import_place.Place) -> None:
    reader = encrypted.site.store.open_current()
    rotation.rotate_records(encrypted.site.store)
    with reader.transaction() as connection:
        assert connection.execute(SCHEMA.records["household"].select()).all()


def test_records_can_be_imported_and_taken_back_after_a_change(
    encrypted: import_place.Place,
) -> None:
    before = encrypted.rows("household")
    rotation.rotate_records(encrypted.site.store)
    encrypted.take()
    assert encrypted.rows("household") == before
    assert encrypted.site.store.previous() is not None


def cut_at(step: int) -> Callable[[], None]:
    """Let the process die before the n-th step that writes; return how to mend it."""
    taken = iter(range(100))
    undo = pytest.MonkeyPatch()

    def dying(inner: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            if next(taken) == step:
                raise PowerCutError
            return inner(*args, **kwargs)

        return call

    undo.setattr(Secret, "put", dying(Secret.put))
    for name in ("copy", "swap"):
        undo.setattr(rekey, name, dying(getattr(rekey, name)))
    undo.setattr(KeyStore, "_save", dying(KeyStore._save))
    return undo.undo


@pytest.mark.parametrize("step", range(6))
def test_a_crash_at_any_step_leaves_records_that_open(
    step: int, encrypted: import_place.Place
) -> None:
    store = encrypted.site.store
    before, (old,) = households(store), secret(store.place).read()
    mend = cut_at(step)
    with pytest.raises(PowerCutError):
        rotation.rotate_records(store)
    mend()
    assert households(store) == before
    rotation.rotate_records(store)
    (new,) = secret(store.place).read()
    assert new != old
    assert households(store) == before
    assert not any(opens(store.place, name, old) for name in generations(store.place))
    assert not list(store.place.directory.glob("*.new*"))


@pytest.mark.parametrize("step", range(3))
def test_a_crash_at_any_step_leaves_a_key_map_that_opens(
    step: int, encrypted: import_place.Place
) -> None:
    keys = encrypted.keys
    before, (old,) = keys.load().household("case 1"), keys.key.read()
    mend = cut_at(step)
    with pytest.raises(PowerCutError):
        rotation.rotate_key_map(encrypted.site.store, keys)
    mend()
    assert keys.load().find("household", "case 1") == before
    rotation.rotate_key_map(encrypted.site.store, keys)
    assert keys.load().find("household", "case 1") == before
    assert len(keys.key.read()) == 1
    assert old not in keys.key.read()


def test_the_old_key_opens_no_key_map(encrypted: import_place.Place) -> None:
    (old,) = encrypted.keys.key.read()
    rotation.rotate_key_map(encrypted.site.store, encrypted.keys)
    encrypted.keys.key.put([old])
    with pytest.raises(Corrupt):
        encrypted.keys.load()


def test_a_hold_keeps_every_key(encrypted: import_place.Place) -> None:
    store = RecordStore(encrypted.site.store.place, SCHEMA, held=lambda: True)
    before = secret(store.place).read()
    with pytest.raises(NotAllowed, match="legal hold"):
        rotation.rotate_records(store)
    with pytest.raises(NotAllowed, match="legal hold"):
        rotation.rotate_key_map(store, encrypted.keys)
    assert secret(store.place).read() == before


def test_nothing_is_sealed_while_an_import_runs(encrypted: import_place.Place) -> None:
    store = encrypted.site.store
    before = secret(store.place).read()
    with store.writer(), pytest.raises(Busy):
        rotation.rotate_records(store)
    assert secret(store.place).read() == before


def test_a_store_that_is_not_encrypted_has_no_key(place: import_place.Place) -> None:
    if place.site.store.place.kind is Kind.SQLITE:
        with pytest.raises(BadConfiguration, match="not encrypted by this program"):
            rotation.rotate_records(place.site.store)


@pytest.fixture
def credential(
    encrypted: import_place.Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[RecordStore, Path]:
    """Give the site's store, its key handed over by systemd."""
    place = encrypted.site.store.place
    (key,) = secret(place).read()
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "records").write_text(key.hex())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    given = Secret.parse("credential:records", folder=tmp_path, opens=OPENS)
    moved = Place(kind=place.kind, directory=place.directory, key_file=given)
    return RecordStore(moved, SCHEMA), folder / "records"


def test_a_credential_is_changed_by_whoever_makes_it(
    credential: tuple[RecordStore, Path],
) -> None:
    store, file = credential
    before = households(store)
    with pytest.raises(BadConfiguration, match="above the old one"):
        rotation.rotate_records(store)
    file.write_text(f"{'ab' * 32}\n{file.read_text()}")
    assert rotation.rotate_records(store) == 2
    assert rotation.must_drop(secret(store.place))
    file.write_text("ab" * 32)
    assert not rotation.must_drop(secret(store.place))
    assert households(store) == before
