"""The ledger's database is set up to keep what it acknowledges, or not used."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from node.ledger import Ledger, connect
from privacy.errors import (
    BadConfiguration,
    Busy,
    LedgerInconsistent,
    LedgerMissing,
    LedgerStopped,
)
from tests.ledger_samples import LATER, NOW, charge_for, ready, spent, store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger.create(f"sqlite:///{path}", site="NYC", now=NOW)
    ready(ledger)
    ledger.close()
    return path


@pytest.fixture
def wrap(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Any]], None]:
    """Give a way to open SQLite through another connection class."""

    def use(kind: type[Any]) -> None:
        real = sqlite3.dbapi2.connect
        monkeypatch.setattr(
            sqlite3.dbapi2,
            "connect",
            lambda *args, **kwargs: real(*args, factory=kind, **kwargs),
        )

    return use


def deaf_to(pragma: str) -> type[sqlite3.Connection]:
    """Make a SQLite that ignores one setting, as an old or odd build would."""

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            if sql.startswith(f"PRAGMA {pragma} ="):
                return super().execute("SELECT 0")
            return super().execute(sql, *args)

    return Deaf


def already_safe() -> set[str]:
    """Return the settings this build has anyway, where being deaf changes nothing."""
    fresh = sqlite3.connect("file::memory:", uri=True)
    found = {
        name: fresh.execute(f"PRAGMA {name}").fetchone() for name in connect._PRAGMAS
    }
    fresh.close()
    return {n for n, (_, safe) in connect._PRAGMAS.items() if found[n] == (safe,)} | {
        "mmap_size"
    }


@pytest.mark.parametrize("pragma", sorted(connect._PRAGMAS.keys() - already_safe()))
def test_a_sqlite_that_ignores_a_setting_is_refused(
    path: Path, wrap: Callable[[type[Any]], None], pragma: str
) -> None:
    wrap(deaf_to(pragma))
    with pytest.raises(BadConfiguration, match=pragma):
        Ledger.open(f"sqlite:///{path}")


def test_write_ahead_logging_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    with pytest.raises(LedgerInconsistent, match="write-ahead"):
        Ledger.open(f"sqlite:///{path}")


def test_a_new_file_is_its_owners_only(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_missing_file_is_missing_and_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with pytest.raises(LedgerMissing):
        Ledger.open(f"sqlite:///{path}")
    assert not path.exists()


def test_a_file_removed_while_in_use_is_not_made_again(path: Path) -> None:
    engine = connect.engine(connect.parse(f"sqlite:///{path}"))
    path.unlink()
    with (
        pytest.raises(sa.exc.OperationalError),
        connect.transaction(engine, write=True),
    ):
        pass
    assert not path.exists()
    engine.dispose()


def test_a_path_cannot_smuggle_options(tmp_path: Path) -> None:
    folder = tmp_path / "a?mode=memory&x=#1 %41"
    folder.mkdir()
    url = sa.URL.create("sqlite", database=str(folder / "ledger.sqlite"))
    Ledger.create(url.render_as_string(), site="NYC", now=NOW).close()
    assert (folder / "ledger.sqlite").stat().st_size > 0


def test_a_missing_folder_is_named_as_the_trouble(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="check the folder"):
        Ledger.create(f"sqlite:///{tmp_path}/none/l.sqlite", site="NYC", now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        """CREATE TRIGGER refund AFTER INSERT ON ledger_entries
           BEGIN UPDATE ledger_accounts SET spent_model = 0; END""",
        "CREATE TABLE extra (x)",
        "DROP TABLE ledger_releases",
    ],
)
def test_added_triggers_and_tables_are_refused(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.close()
    with pytest.raises(LedgerInconsistent, match="altered"):
        Ledger.open(f"sqlite:///{path}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(LedgerInconsistent):
        Ledger.open(f"sqlite:///{path}")


def test_a_ledger_held_for_too_long_is_busy_and_not_dead(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connect._PRAGMAS, "busy_timeout", ("50", 50))
    ledger = Ledger.open(f"sqlite:///{path}")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        ledger.charge(charge_for("a"), now=NOW)
    holder.execute("ROLLBACK")
    holder.close()
    assert spent(ledger) == {}
    ledger.charge(charge_for("a"), now=NOW)
    ledger.close()


def test_reading_does_not_hold_up_a_charge(path: Path) -> None:
    url = f"sqlite:///{path}"
    ledger, other = Ledger.open(url), Ledger.open(url)
    with connect.transaction(other._keeper._engine, write=False) as tx:
        tx.execute(sa.text("SELECT 1"))
        begun = time.monotonic()
        ledger.charge(charge_for("a"), now=NOW)
    assert time.monotonic() - begun < connect.WAIT_SECONDS / 3
    ledger.close()
    other.close()


def test_threads_share_one_ledger(ledger_url: str) -> None:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    ready(ledger)
    wrong: list[BaseException] = []

    def answer(number: int) -> None:
        try:
            for name in (f"{number}", "same"):
                ledger.charge(charge_for(name), now=NOW)
                store(ledger, charge_for(name).release_key)
        except BaseException as error:  # noqa: BLE001 - shown below
            wrong.append(error)

    threads = [threading.Thread(target=answer, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert spent(ledger)["FY2025"] == 5 * charge_for("a").amount.model
    ledger.verify()
    ledger.close()


# ---- PostgreSQL --------------------------------------------------------------


postgresql_only = pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synchronous_commit", "off"),
        ("default_transaction_isolation", "'serializable'"),
    ],
)
def test_our_own_session_settings_win_over_the_servers(
    new_postgres_database: Callable[[], str], name: str, value: str
) -> None:
    url = new_postgres_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as server:
        database = server.info.dbname
        server.execute(f"ALTER DATABASE {database} SET {name} = {value}".encode())
    ledger = Ledger.create(url, site="NYC", now=NOW)
    assert ledger.head().sequence == 1
    ledger.close()


@postgresql_only
@pytest.mark.parametrize("name", sorted(connect._SHOWN))
def test_a_server_that_may_forget_is_refused(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Ledger.create(ledger_url, site="NYC", now=NOW).close()
    monkeypatch.setitem(connect._SHOWN, name, {"a value the server does not have"})
    with pytest.raises(BadConfiguration, match=name):
        Ledger.open(ledger_url)


def test_a_server_that_is_away_is_told_from_a_ledger_that_is_damaged(
    tmp_path: Path,
) -> None:
    url = f"postgresql+psycopg://nobody@/none?host={tmp_path}"
    with pytest.raises(BadConfiguration, match="did not let the node in"):
        Ledger.open(url)


def test_a_conflict_between_transactions_is_tried_again(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    ready(ledger)
    conflict = sa.exc.OperationalError("", {}, psycopg.errors.SerializationFailure())
    faults = [conflict, conflict]
    real = connect.transaction

    def conflicting(engine: sa.Engine, *, write: bool | None = None) -> Any:
        if faults:
            raise faults.pop()
        return real(engine, write=write)

    monkeypatch.setattr(connect, "transaction", conflicting)
    ledger.charge(charge_for("a"), now=NOW)
    assert spent(ledger)["FY2025"] == charge_for("a").amount.model
    faults += [conflict] * 100
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(Busy):
        ledger.charge(charge_for("b"), now=NOW)
    faults.clear()
    ledger.close()


@postgresql_only
def test_a_lost_server_stops_the_ledger(ledger_url: str) -> None:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    ready(ledger)
    plain = ledger_url.replace("+psycopg", "")
    cut = sa.text("SELECT pg_terminate_backend(pg_backend_pid())")
    with (
        psycopg.connect(plain) as _,
        pytest.raises(LedgerStopped),
    ):
        ledger._keeper.run(lambda tx: tx.execute(cut), write=True)
    with pytest.raises(LedgerStopped):
        ledger.charge(charge_for("a"), now=LATER)
    ledger.close()
    reopened = Ledger.open(ledger_url)
    assert spent(reopened) == {}
    reopened.close()
