"""The encrypted store keeps its key to itself and its records unreadable."""

import traceback
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import text

from node.records.connect import Kind, Place, create_key, open_generation
from node.records.store import RecordStore
from privacy.errors import BadConfiguration, Corrupt
from tests.record_site import SCHEMA, Site, household, make_site

CANARY = "canary4f1c"


@pytest.fixture
def encrypted(tmp_path: Path) -> Site:
    made = make_site(Kind.DUCKDB, tmp_path / "site", str)
    made.take(household(CANARY, f"{CANARY}1", enrolled=19_700, type=f"{CANARY}type"))
    return made


def _file(site: Site) -> Path:
    return site.store._place.file(str(site.store.current()))


def test_no_record_can_be_read_from_the_disk(encrypted: Site, tmp_path: Path) -> None:
    encrypted.store.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(CANARY.encode() in path.read_bytes() for path in files)
    with pytest.raises(duckdb.Error):
        duckdb.connect(str(_file(encrypted)))


def test_the_same_search_finds_what_is_not_encrypted(tmp_path: Path) -> None:
    plain = make_site(Kind.SQLITE, tmp_path / "plain", str)
    plain.take(household(CANARY))
    assert CANARY.encode() in _file(plain).read_bytes()


def test_the_key_is_its_owners_alone(encrypted: Site) -> None:
    key = Path(str(encrypted.store._place.key_file))
    assert key.stat().st_mode & 0o777 == 0o600
    encrypted.store.close()
    key.chmod(0o640)
    with pytest.raises(BadConfiguration, match="chmod 600"):
        encrypted.store.open_current()


@pytest.mark.parametrize("content", ["0" * 64, "short", ""])
def test_another_key_opens_nothing_and_is_not_told(
    encrypted: Site, content: str
) -> None:
    key = Path(str(encrypted.store._place.key_file))
    right = key.read_text().strip()
    key.write_text(content)
    with pytest.raises(BadConfiguration) as caught:
        encrypted.store.open_current()
    told = "".join(traceback.format_exception(caught.value))
    assert right not in told
    assert "0" * 64 not in told


def test_a_key_is_never_overwritten_nor_a_missing_one_made(
    tmp_path: Path,
) -> None:
    create_key(tmp_path / "key")
    with pytest.raises(BadConfiguration):
        create_key(tmp_path / "key")
    with pytest.raises(BadConfiguration):
        create_key(tmp_path / "no" / "folder")
    place = Place(kind=Kind.DUCKDB, directory=tmp_path, key_file=tmp_path / "none")
    with pytest.raises(BadConfiguration):
        open_generation(place, "g00000001", writing=True)


@pytest.mark.parametrize(
    "statement",
    [
        "COPY household TO '/tmp/records.csv'",
        "ATTACH '/tmp/other.duckdb'",
        "SELECT * FROM read_text('/etc/hostname')",
        "INSTALL spatial",
        "SET enable_external_access = true",
        "SELECT * FROM 'https://example.org/x.csv'",
    ],
)
def test_a_statement_reaches_no_other_file_and_no_network(
    encrypted: Site, statement: str
) -> None:
    reader = encrypted.store.open_current()
    with pytest.raises(Corrupt), reader.transaction() as connection:
        connection.execute(text(statement)).all()


def test_what_an_engine_says_is_not_passed_on(site: Site) -> None:
    site.take(household(CANARY))
    reader = site.store.open_current()
    statement = text("SELECT CAST(hid AS INTEGER) / 0 FROM household, nowhere")
    with pytest.raises(Corrupt) as caught, reader.transaction() as connection:
        connection.execute(statement).all()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert CANARY not in caught.value.message


@pytest.mark.parametrize("name", ["../x", "g1", "public; DROP", "g000000001"])
def test_only_our_own_names_become_paths_and_schemas(tmp_path: Path, name: str) -> None:
    place = Place(kind=Kind.SQLITE, directory=tmp_path)
    with pytest.raises(BadConfiguration):
        open_generation(place, name, writing=True)


def test_a_place_says_everything_and_shows_nothing(tmp_path: Path) -> None:
    secret = "postgresql+psycopg://u:secret@h/d"
    assert "secret" not in repr(
        Place(kind=Kind.POSTGRESQL, directory=tmp_path, url=secret)
    )
    for wrong in (
        {"kind": Kind.DUCKDB},
        {"kind": Kind.SQLITE, "url": secret},
        {"kind": Kind.POSTGRESQL},
        {"kind": Kind.SQLITE, "key_file": tmp_path},
    ):
        with pytest.raises(BadConfiguration):
            Place(directory=tmp_path, **wrong)


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://u@/d?host={tmp_path}"
    site_place = Place(kind=Kind.POSTGRESQL, directory=tmp_path / "records", url=url)

    store = RecordStore.create(site_place, SCHEMA)
    with pytest.raises(BadConfiguration), store.writer():
        pass
