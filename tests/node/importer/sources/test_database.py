import os
import re
import sqlite3
from pathlib import Path

import duckdb
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from node.importer.sources import open_source
from privacy.errors import BadConfiguration, BadRecords


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "cases.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE intake (id INTEGER, reason TEXT, half REAL)")
        made.executemany(
            "INSERT INTO intake VALUES (?, ?, ?)",
            [(n, f" reason {n % 3} ", n / 2) for n in range(12_000)],
        )
        made.execute("CREATE VIEW half AS SELECT id, half FROM intake WHERE id < 3")
    made.close()
    return path


def test_a_sqlite_file_is_read_in_pieces(small, rows):
    with open_source(f"sqlite:///{small}") as source:
        assert {table.name for table in source.tables} == {"intake", "half"}
        assert rows(source, "half") == [
            {"id": "0", "half": "0", "source_row": 1},
            {"id": "1", "half": "0.5", "source_row": 2},
            {"id": "2", "half": "1", "source_row": 3},
        ]
        sizes = [batch.num_rows for batch in source.read("intake", ["reason"])]
    assert sizes == [5_000, 5_000, 2_000]


def test_reading_a_sqlite_file_leaves_nothing_beside_it(small, rows):
    before = small.read_bytes(), sorted(small.parent.iterdir())
    with open_source(f"sqlite:///{small}") as source:
        rows(source, "intake")
    assert (small.read_bytes(), sorted(small.parent.iterdir())) == before


def test_two_tables_can_be_read_at_once(small):
    with open_source(f"sqlite:///{small}") as source:
        one, two = source.read("intake", ["id"]), source.read("half", ["id"])
        assert next(one).num_rows == 5_000
        assert next(two).num_rows == 3
        assert next(one).column("source_row")[0].as_py() == 5_001


def test_a_duckdb_file_is_read(tmp_path, rows):
    path = tmp_path / "cases.duckdb"
    with duckdb.connect(path) as made:
        made.execute("CREATE TABLE intake AS SELECT 1 AS id, DATE '2024-01-02' AS day")
    with open_source(f"duckdb:///{path}") as source:
        assert rows(source, "intake") == [
            {"id": "1", "day": "2024-01-02", "source_row": 1}
        ]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_not_made(tmp_path, kind):
    with pytest.raises(BadRecords, match="no such database file"):
        open_source(f"{kind}:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


def test_a_url_may_be_kept_elsewhere(small, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPORT_URL", f"sqlite:///{small}")
    with open_source("env:EXPORT_URL") as source:
        assert source.tables
    note = tmp_path / "url"
    note.write_text(f"sqlite:///{small}\n")
    with open_source(f"file:{note}") as source:
        assert source.tables


@pytest.mark.parametrize("location", ["env:NO_SUCH_NAME", "file:/no/such/file"])
def test_a_url_that_is_nowhere_is_told(location):
    with pytest.raises(BadConfiguration, match="missing or empty"):
        open_source(location)


@pytest.mark.parametrize(
    "location",
    [
        "postgresql://account:planted@127.0.0.1:1/x?connect_timeout=2",
        "mysql+nosuchdriver://account:planted@127.0.0.1:1/x",
        "oracle://account:planted@127.0.0.1:1/x",
        "nosuch://account:planted@127.0.0.1:1/x",
        "postgresql://account:planted@127.0.0.1:port/x",
        "mssql://account:planted@127.0.0.1:1/x",
    ],
)
def test_a_password_is_never_repeated(location, capsys, caplog):
    with pytest.raises((BadRecords, BadConfiguration)) as refused:
        open_source(location)
    shown = capsys.readouterr()
    assert "planted" not in refused.value.message + shown.out + shown.err + caplog.text
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.fixture
def served(new_postgres_database):
    """Give a database with a table, a view, and two accounts."""
    url = sa.make_url(new_postgres_database())
    owner = psycopg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False),
        autocommit=True,
    )
    with owner:
        owner.execute("CREATE SCHEMA export")
        owner.execute(
            "CREATE TABLE public.intake (id int, day date, at timestamptz, flag bool, "
            "money numeric, tags text[], mark uuid)"
        )
        owner.execute(
            "INSERT INTO public.intake SELECT n, '2024-01-02', '2024-01-03 12:00Z', "
            "n % 2 = 0, n / 2.0, ARRAY['x'], "
            "'00000000-0000-4000-8000-000000000001' FROM generate_series(1, 12000) n"
        )
        owner.execute("CREATE VIEW export.cases AS SELECT id, day FROM intake")
        for account in ("reads", "writes"):
            owner.execute(f"DROP ROLE IF EXISTS {account}_{os.getpid()}")
            owner.execute(f"CREATE ROLE {account}_{os.getpid()} LOGIN")
            owner.execute(f"GRANT USAGE ON SCHEMA export TO {account}_{os.getpid()}")
            owner.execute(
                f"GRANT SELECT ON intake, export.cases TO {account}_{os.getpid()}"
            )
        owner.execute(f"GRANT UPDATE (flag) ON intake TO writes_{os.getpid()}")
        yield url
        for account in ("reads", "writes"):
            owner.execute(f"DROP OWNED BY {account}_{os.getpid()}")
            owner.execute(f"DROP ROLE {account}_{os.getpid()}")


def named(url, account):
    return url.set(username=f"{account}_{os.getpid()}").render_as_string(
        hide_password=False
    )


def test_postgresql_is_read_with_typed_cells(served, rows):
    with open_source(named(served, "reads")) as source:
        assert {table.name for table in source.tables} == {"intake", "export.cases"}
        first = rows(source, "intake")[0]
        cases = rows(source, "export.cases")
    assert first == {
        "id": "1",
        "day": "2024-01-02",
        "at": "2024-01-03",
        "flag": "0",
        "money": "0.5",
        "tags": None,
        "mark": "00000000-0000-4000-8000-000000000001",
        "source_row": 1,
    }
    assert len(cases) == 12_000


@pytest.mark.parametrize("account", ["writes", "postgres"])
def test_an_account_that_can_write_is_refused(served, account):
    url = named(served, account) if account == "writes" else served
    url = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    with (
        open_source(url) as source,
        pytest.raises(BadRecords, match="granted SELECT only"),
    ):
        next(source.read("intake", ["id"]))


SAYS = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*?)(?=\n\d{4}-|\Z)", re.DOTALL)


def test_the_server_sees_nothing_but_reading(served):
    account = f"reads_{os.getpid()}"
    plain = served.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as owner:
        owner.execute(f"ALTER ROLE {account} SET log_statement = 'all'")
    log = Path(served.query["host"]) / "log"
    mark = log.stat().st_size
    with open_source(named(served, "reads")) as source:
        for table in source.tables:
            for batch in source.read(table.name, table.columns):
                assert batch.num_rows
    text = log.read_bytes()[mark:].decode()
    statements = [" ".join(each.split()).upper() for each in SAYS.findall(text)]
    assert {each.split()[0].rstrip(";") for each in statements} <= {
        *("SELECT", "SET", "SHOW", "BEGIN", "COMMIT", "ROLLBACK"),
        *("DECLARE", "FETCH", "CLOSE"),
    }
    begun = [each for each in statements if each.startswith("BEGIN")]
    assert all("READ ONLY" in each for each in begun[-1:])
    declared = [each for each in statements if each.startswith("DECLARE")]
    assert len(declared) >= 2
    assert all(" CURSOR FOR SELECT " in each for each in declared)


def test_what_is_read_belongs_together(served):
    with open_source(named(served, "reads")) as source:
        cases = source.read("export.cases", ["id"])
        before = next(cases).num_rows
        plain = served.set(drivername="postgresql")
        with psycopg.connect(plain.render_as_string(hide_password=False)) as owner:
            owner.execute("DELETE FROM intake")
        after = sum(batch.num_rows for batch in source.read("intake", ["id"]))
        assert before + sum(batch.num_rows for batch in cases) == after == 12_000


def test_a_select_is_written_for_sql_server():
    table = sa.table("intake", sa.column("id"), sa.column("order"), schema="dbo")
    text = str(sa.select(table.c.order).compile(dialect=mssql.dialect()))
    assert " ".join(text.split()) == ("SELECT dbo.intake.[order] FROM dbo.intake")


def test_a_view_reads_no_other_file(tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("word\nplanted\n")
    path = tmp_path / "cases.duckdb"
    with duckdb.connect(path) as made:
        made.execute(f"CREATE VIEW intake AS SELECT * FROM read_csv('{other}')")
    source = open_source(f"duckdb:///{path}")
    with source, pytest.raises(BadRecords, match="could not be read") as caught:
        list(source.read("intake", ["word"]))
    assert str(other) not in caught.value.message
