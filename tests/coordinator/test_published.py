"""The view other tools read, on each engine, in plain SQL and through the client."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from coordinator import client, database, flat, published, result
from coordinator.client import Results
from coordinator.config import Home
from coordinator.flat import COLUMNS
from coordinator.store import RESULTS, Release, Store
from privacy.errors import BadConfiguration, Corrupt
from tests import published_samples as samples
from tests.published_samples import METRICS, PROGRAMMES, cell, estimate

NOW = dt.datetime(2026, 11, 22, 8, 0, tzinfo=dt.UTC)
SECRET = 8_675_309


@pytest.fixture
def engine(ledger_url: str) -> Iterator[sa.Engine]:
    """Give an empty database, on SQLite and then on PostgreSQL."""
    made = database.connect(ledger_url)
    yield made
    made.dispose()


def keep(engine: sa.Engine, *published_results: result.Result, hour: int = 0) -> None:
    """Keep results one after the other."""
    for number, each in enumerate(published_results):
        moment = NOW + dt.timedelta(hours=hour, minutes=number)
        Store(engine).keep_result(each.content(), now=moment)


def fill(engine: sa.Engine) -> int:
    """Bring the view up to date."""
    return published.fill(engine, PROGRAMMES, training=False)


def due(*published_results: result.Result) -> list[dict[str, object]]:
    """Return the rows that follow from some results."""
    return [
        row.content()
        for each in published_results
        for row in flat.rows(each, METRICS[each.metric], training=False)
    ]


def test_plain_sql_reads_what_an_export_has(engine: sa.Engine) -> None:
    keep(engine, *samples.ALL)
    assert fill(engine) == len(samples.ALL)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT * FROM published ORDER BY made_at, digest, place"
        )
        assert tuple(found.keys()) == (*COLUMNS, published.WHEN, published.NEWEST)
        lines = [dict(line) for line in found.mappings()]
    assert [{n: line[n] for n in COLUMNS} for line in lines] == due(*samples.ALL)
    assert all(line[published.NEWEST] for line in lines)


def test_a_tool_filters_and_adds_up_by_column(engine: sa.Engine) -> None:
    keep(engine, *samples.ALL)
    fill(engine)
    with engine.connect() as connection:
        (found,) = connection.exec_driver_sql(
            "SELECT value, low, high, sentence FROM published WHERE metric = 'M08' "
            "AND period = 'FY2024-H2' AND site = 'NYC' AND newest AND readable"
        ).all()
        shares = connection.exec_driver_sql(
            "SELECT label_1, value FROM published WHERE metric = 'M04' "
            "AND dimension_1 = 'intake_channel' ORDER BY value"
        ).all()
    assert found.value == 431
    assert found.low < 431 < found.high
    assert found.sentence.startswith("About 431 households (NYC)")
    assert [label for label, _ in shares] == ["legal_aid", "hotline"]


def test_results_kept_before_there_was_a_view_are_in_it(engine: sa.Engine) -> None:
    content = samples.HEARINGS.content()
    with engine.begin() as connection:
        names = ("digest", "metric", "version", "period", "mode")
        connection.execute(
            RESULTS.insert().values(
                **{name: content[name] for name in names},
                sites_answered=5,
                sites_total=5,
                content=json.dumps(content),
                made_at=NOW.isoformat(),
            )
        )
    assert fill(engine) == 1
    assert fill(engine) == 0


def test_the_newest_result_stands_for_those_before_it(engine: sa.Engine) -> None:
    later = replace(samples.ENROLLED, cells=(cell(estimate(1251.0, 20.25)),))
    keep(engine, samples.ENROLLED)
    keep(engine, later, hour=1)
    fill(engine)
    with engine.connect() as connection:
        newest = published.read(connection, metric="M08")
        every = published.read(connection, metric="M08", every=True)
    assert [row.value for row in newest] == [1251]
    assert [row.value for row in every] == [1240, -3, 431, 1251]


def test_two_commands_that_fill_at_once_add_every_row_once(engine: sa.Engine) -> None:
    keep(engine, samples.ENROLLED)
    add = published._add
    assert add(engine, samples.ENROLLED, PROGRAMMES, training=False) == 1
    assert add(engine, samples.ENROLLED, PROGRAMMES, training=False) == 0
    with engine.connect() as connection:
        assert len(published.read(connection)) == 3


def test_a_metric_that_is_not_known_yet_waits(engine: sa.Engine) -> None:
    keep(engine, replace(samples.ENROLLED, metric="M98", version="2027.1+0"))
    assert fill(engine) == 0
    keep(engine, samples.HEARINGS)
    assert fill(engine) == 1


def test_a_result_that_was_changed_is_not_published(engine: sa.Engine) -> None:
    keep(engine, samples.ENROLLED)
    content = samples.ENROLLED.content() | {"period": "FY2024-H1"}
    with engine.begin() as connection:
        connection.execute(RESULTS.update().values(content=json.dumps(content)))
    with pytest.raises(Corrupt, match="store was changed"):
        fill(engine)


def test_a_result_without_values_adds_no_row(engine: sa.Engine) -> None:
    keep(engine, samples.result("M56", note="A figure is missing."))
    assert fill(engine) == 0


def test_a_role_that_reads_the_view_reads_nothing_else(
    new_postgres_database: object,
) -> None:
    url = new_postgres_database()
    made = database.connect(url)
    keep(made, *samples.ALL)
    release = Release(
        release_key=bytes(32),
        site="NYC",
        values=(SECRET,),
        variance=estimate(1.0, 1.0).confidence,
        rho=estimate(1.0, 1.0).confidence,
    )
    Store(made).keep(release, now=NOW)
    fill(made)
    with made.begin() as connection:
        for line in (
            "CREATE ROLE analyst LOGIN",
            "GRANT SELECT ON published TO analyst",
        ):
            connection.exec_driver_sql(line)
    made.dispose()
    with Results.open(url.replace("postgres@", "analyst@")) as results:
        assert [row.content() for row in results.rows()] == due(*samples.ALL)
        for table in ("releases", "results", "published_values", "queries"):
            with (
                results._engine.connect() as connection,
                pytest.raises(sa.exc.ProgrammingError, match="permission denied"),
            ):
                connection.exec_driver_sql(f"SELECT * FROM {table}")
        with (
            results._engine.connect() as connection,
            pytest.raises(sa.exc.InternalError, match="read-only transaction"),
        ):
            connection.exec_driver_sql("CREATE TABLE mine (n INTEGER)")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a centre's directory with results in its file."""
    made = database.connect(database.address(Home(tmp_path).store_file))
    keep(made, *samples.ALL)
    fill(made)
    made.dispose()
    return tmp_path


def test_a_frame_has_every_value_with_its_interval(home: Path) -> None:
    with Results.open(home) as results:
        frame = results.frame("M08", "FY2024-H2")
        assert list(frame.columns) == list(COLUMNS)
        assert frame[["site", "value"]].to_numpy().tolist() == [
            ["all", 1240.0],
            ["BAL", -3.0],
            ["NYC", 431.0],
        ]
        assert (frame["low"] < frame["value"]).all()
        assert frame["readable"].tolist() == [True, False, True]
        assert len(results.frame()) == len(due(*samples.ALL))
        assert results.frame("M08", "FY1999").empty
        assert results.table("M29").num_rows == 1


def test_a_store_is_found_by_directory_file_or_settings(home: Path) -> None:
    for place in (home, str(home), home / "store.sqlite"):
        with Results.open(place) as results:
            assert len(results.rows("M29")) == 1
    other = home / "other"
    other.mkdir()
    address = database.address(home / "store.sqlite")
    (other / "coordinator.toml").write_text(
        f'join_address = "localhost:7440"\nstore_url = "{address}"\n'
    )
    with Results.open(other) as results:
        assert len(results.rows("M29")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM published_values",
        "SELECT noisy_values FROM releases",
        "SELECT * FROM published_values",
        "SELECT p.value FROM published p JOIN releases r ON r.site = p.site",
        "SELECT canonical FROM (SELECT * FROM queries) AS published",
        "WITH published AS (SELECT * FROM queries LIMIT 1) SELECT * FROM published",
        "PRAGMA writable_schema = ON",
        "ATTACH ':memory:' AS other",
        "CREATE TEMP VIEW published AS SELECT * FROM releases",
    ],
)
def test_the_client_reads_the_view_and_does_nothing_else(
    home: Path, statement: str
) -> None:
    with (
        Results.open(home) as results,
        results._engine.connect() as connection,
        pytest.raises(sa.exc.DatabaseError, match=r"authoriz|prohibited|readonly"),
    ):
        connection.exec_driver_sql(statement)


def test_what_cannot_be_opened_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="no store"):
        Results.open(tmp_path)
    with pytest.raises(BadConfiguration, match="not understood"):
        Results.open("nothing://x")
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    with (
        Results.open(empty) as results,
        pytest.raises(BadConfiguration, match="cmpp query list"),
    ):
        results.rows()


WITHOUT_PANDAS = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Without())
from coordinator.client import Results
from privacy.errors import BadConfiguration

results = Results.open(sys.argv[1])
assert results.table("M29").num_rows == 1
try:
    results.frame("M29")
except BadConfiguration as error:
    print(error)
"""


def test_without_pandas_there_is_still_a_table(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANDAS, str(home)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cmpp-exchange[analyst]" in done.stdout


def test_the_client_names_nothing_but_what_was_published() -> None:
    offered = {name for name in vars(Results) if not name.startswith("_")}
    assert offered == {"open", "rows", "table", "frame", "close"}
    assert "releases" not in Path(client.__file__).read_text()
