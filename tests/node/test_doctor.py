"""What the doctor says of disks, versions and roles."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from node import doctor
from node.doctor import Finding, State
from node.ledger import Ledger, tables
from tests import doors


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "state"),
    [(100 << 20, State.WRONG), (1 << 30, State.LOOK), (50 << 30, State.OK)],
)
def test_a_disk_that_fills_is_looked_at_and_then_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: State
) -> None:
    usage = Usage(free * 2, free, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    space, writable = doctor.disk(tmp_path)
    assert (space.state, writable.state) == (state, State.OK)
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    (found,) = doctor.disk(tmp_path / "none")
    assert found.state is State.WRONG
    assert "--home" in found.fix
    assert doctor.worst(doctor.modes(tmp_path / "none")) is State.WRONG


def test_an_old_sqlite_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.worst(doctor.versions()) is State.OK
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.36.0")
    assert doctor.worst(doctor.versions()) is State.WRONG


def test_the_worst_of_nothing_is_that_all_is_well() -> None:
    assert doctor.worst([]) is State.OK
    states = [Finding("x", state, "y") for state in (State.LOOK, State.OK)]
    assert doctor.worst(states) is State.LOOK


def as_role(url: str, name: str) -> str:
    """Return a database's address for another role of it."""
    return sa.make_url(url).set(username=name).render_as_string(hide_password=False)


@pytest.fixture
def database(new_postgres_database: Callable[[], str]) -> str:
    """Give a database with one table of somebody's, and three roles beside it."""
    url = new_postgres_database()
    made = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with made.connect() as connection:
        for statement in (
            "CREATE TABLE intake (a int)",
            *(f"DROP ROLE IF EXISTS {name}" for name in ("reads", "writes", "makes")),
            *(f"CREATE ROLE {name} LOGIN" for name in ("reads", "writes", "makes")),
            "GRANT SELECT ON intake TO reads, makes",
            "GRANT SELECT, INSERT ON intake TO writes",
            "GRANT CREATE ON SCHEMA public TO makes",
        ):
            connection.execute(sa.text(statement))
    return url


def drop(database: str) -> None:
    """Remove the roles, which belong to the whole server."""
    made = sa.create_engine(
        database, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with made.connect() as connection:
        for name in ("reads", "writes", "makes"):
            connection.execute(sa.text(f"DROP OWNED BY {name}"))
            connection.execute(sa.text(f"DROP ROLE {name}"))


def test_a_source_role_may_select_and_nothing_else(database: str) -> None:
    try:
        states = {
            name: doctor.worst(doctor.source(as_role(database, name)))
            for name in ("reads", "writes", "makes", "postgres", "nobody_here")
        }
    finally:
        drop(database)
    assert states == {
        "reads": State.OK,
        **dict.fromkeys(("writes", "makes", "postgres", "nobody_here"), State.WRONG),
    }


def test_the_rights_of_another_kind_of_source_are_not_guessed(tmp_path: Path) -> None:
    (found,) = doctor.source(f"sqlite:///{tmp_path / 'x.sqlite'}")
    assert found.state is State.LOOK
    assert list(tmp_path.iterdir()) == []


def test_the_ledgers_role_must_read_and_write_it(database: str) -> None:
    Ledger.create(database, site="NYC", now=doors.now()).close()
    names = tables.metadata.tables
    try:
        assert doctor.worst(doctor.role(database, names)) is State.OK
        reader = doctor.role(as_role(database, "reads"), names)
        assert doctor.worst(reader) is State.WRONG
    finally:
        drop(database)


def test_the_records_role_must_be_able_to_make_an_import(
    database: str, tmp_path: Path
) -> None:
    assert doctor.worst(doctor.importing(tmp_path)) is State.OK
    try:
        assert doctor.worst(doctor.importing(database)) is State.OK
        reader = doctor.importing(as_role(database, "reads"))
        assert doctor.worst(reader) is State.WRONG
    finally:
        drop(database)


def test_a_password_never_appears() -> None:
    url = "postgresql+psycopg://ana:secret-word@127.0.0.1:1/x"
    for found in (
        *doctor.source(url),
        *doctor.role(url, ["ledger_meta"]),
        *doctor.importing(url),
    ):
        assert found.state is State.WRONG
        assert "secret-word" not in repr(found)
