"""What importing costs: rows a second against DuckDB's own reading, and memory.

A million invented households, about ten million rows of CSV in the dictionary's own
words, come in the way a site's export does: source, profile, guard, checks, ids,
register, encrypted store. In the same run DuckDB reads the same files, every column as
text, into tables in memory. Each runs in a process of its own, whose peak memory and
processor seconds the operating system tells; the latter say more than rows a second
where something else runs as well. `python bench/importing.py 1000000`.
"""

import datetime as dt
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb

from node.importer import bring, generation
from node.importer.keys import KeyStore
from node.importer.profile_shelf import Shelf
from node.records import schema
from node.records.connect import Kind, Place, create_key
from node.records.store import RecordStore
from node.register.book import Register
from privacy import catalogue
from privacy.period import Period

NOW = dt.datetime(2025, 9, 1, 12, tzinfo=dt.UTC)
HOUSEHOLDS = 1_000_000
THREADS = 2
GOAL = 0.3

_SEEDS = """
CREATE TEMP TABLE homes AS
SELECT i, 'TRAINING-C' || lpad(i::VARCHAR, 7, '0') AS household_key, hash(i) AS h,
       1 + (hash(i, 1) % 2)::INT AS adults, hash(i, 3) % 10 < 7 AS won,
       DATE '2024-07-01' + (hash(i, 2) % 330)::INT AS entered
FROM range({households}) AS t(i);
CREATE TEMP TABLE adults AS
SELECT homes.*, n, 'P' || lpad(i::VARCHAR, 7, '0') || '-' || n AS person_key,
       hash(i, n, 4) AS p, entered + 20 + (hash(i, n, 5) % 60)::INT AS enrolled
FROM homes, range(1, 3) AS t(n) WHERE n <= adults ORDER BY hash(i, n, 6);
"""
_FILES = {
    "household": """SELECT household_key, CASE WHEN adults = 2 THEN 'family_two_adults'
        WHEN h % 4 = 0 THEN 'single_adult' ELSE 'family_one_adult' END AS type,
        adults AS n_adults, h % 4 AS n_children FROM homes""",
    "participant": """SELECT person_key, household_key, n AS adult_number,
        ['18_24', '25_34', '35_44', '45_54', '55_plus'][1 + (p % 5)::INT] AS age_band,
        ['woman', 'man', 'not_collected'][1 + (p % 3)::INT] AS gender,
        ['south_america', 'africa', 'asia_pacific'][1 + (p % 3)::INT] AS origin_region,
        ['spanish', 'other'][1 + (p % 2)::INT] AS language_group,
        CASE WHEN p % 50 = 0 THEN 'no' ELSE 'yes' END AS consent_stats FROM adults""",
    "eligibility_screening": """SELECT person_key, entered - 5 AS screened_on,
        'v1' AS rule_version, 'isap_current' AS basis, 1 AS in_proceedings,
        'eligible' AS result FROM adults""",
    "pool_entry": """SELECT household_key, entered AS entered_on,
        ['community_referral', 'walk_in', 'crcl_outreach'][1 + (h % 3)::INT] AS channel,
        1 AS interested, entered + 15 AS drawn_on, 700 AS selection_permille,
        CASE WHEN won THEN 143 ELSE 333 END AS inverse_probability_percent,
        won::INT AS selected FROM homes""",
    "enrolment": """SELECT person_key, enrolled AS enrolled_on,
        CASE WHEN p % 3 = 0 THEN enrolled + 45 END AS exited_on, 'P1' AS phase,
        1 + p % 20 AS case_manager_slot,
        CASE WHEN p % 3 = 0 THEN 'needs_met' END AS exit_reason
        FROM adults WHERE won""",
    "service_event": """SELECT person_key, enrolled + (20 * k)::INT AS served_on,
        ['needs_assessment', 'legal_orientation'][1 + (hash(p, k, 11) // 64 % 2)::INT]
        AS type,
        'office' AS mode, hash(p, k, 12) // 64 % 120 AS minutes,
        'cmpp' AS funding_source FROM adults, range(4) AS t(k)
        WHERE won AND hash(p, k, 7) % 2 = 0""",
    "obligation_event": """SELECT person_key,
        enrolled + (30 + 60 * k + hash(p, k, 8) % 30)::INT AS due_on,
        ['hearing_master', 'ice_check_in'][1 + (hash(p, k, 9) // 64 % 2)::INT]
        AS kind,
        CASE WHEN hash(p, k, 10) // 64 % 12 = 0 THEN 'missed' ELSE 'met' END AS result,
        'eoir_case_line' AS source FROM adults, range(4) AS t(k)
        WHERE won AND hash(p, k, 13) % 2 = 0""",
}


def write(folder: Path, households: int) -> int:
    """Write the export, by SQL: the same households give the same rows."""
    base = duckdb.connect(config={"threads": str(THREADS)})
    base.execute("SET enable_progress_bar = false")
    base.execute(_SEEDS.format(households=households))
    rows = 0
    for name, sql in _FILES.items():
        written = base.execute(f"COPY ({sql}) TO '{folder / name}.csv' (HEADER)")
        rows += written.fetchall()[0][0]
    base.close()
    return rows


def read_by_duckdb(folder: Path, _: Path) -> None:
    """Read every file into a table in memory, every column as text."""
    base = duckdb.connect(config={"threads": str(THREADS)})
    base.execute("SET enable_progress_bar = false")
    for name in _FILES:
        base.execute(
            f"CREATE TABLE {name} AS "
            f"SELECT * FROM read_csv('{folder / name}.csv', all_varchar=true)"
        )


def read_by_importer(folder: Path, home: Path) -> None:
    """Import every file as a site does."""
    programme = catalogue.load()
    create_key(home / "records.key")
    place = Place(
        kind=Kind.DUCKDB, directory=home / "records", key_file=home / "records.key"
    )
    first = Period("FY2023-Q1")
    site = generation.Site(
        store=RecordStore.create(place, schema.build(programme.dictionary)),
        keys=KeyStore.create(home / "keys.map", key_file=home / "keys.key"),
        dictionary=programme.dictionary,
        register=Register.create(f"sqlite:///{home}/register.sqlite", first=first),
        reports=home / "imports",
        training=True,
    )
    profile = Shelf(home / "profiles", programme.dictionary).load("dictionary").profile
    report = bring.import_source(
        bring.Bringing(location=folder, profile=profile),
        site=site,
        now=NOW,
    )
    for sentence in report.sentences():
        print("   ", sentence)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step took: seconds, processor seconds and peak memory in GB."""

    seconds: float
    processor: float
    memory: float

    def line(self, name: str, rows: int) -> str:
        """Say it."""
        return (
            f"  {name:14}{rows / self.seconds:12,.0f} rows/s {self.memory:6.2f} GB"
            f" {self.processor:7.1f} processor seconds"
        )


def measured(step: Callable[[Path, Path], None], folder: Path) -> Cost:
    """Take a step in a process of its own."""
    told, tell = multiprocessing.Pipe(duplex=False)
    # Spawned, not forked: a forked one would begin with this one's memory.
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(step, folder, tell)
    )
    process.start()
    tell.close()
    cost: Cost = told.recv()
    process.join()
    return cost


def _run(step: Callable[[Path, Path], None], folder: Path, tell: Connection) -> None:
    """Take a step, and tell how long it took and how much memory."""
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        step(folder, Path(home))
        seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    tell.send(Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6))


def main(households: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = write(folder, households)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{households:,} households, {rows:,} rows, {size:,.0f} MB of CSV")
        theirs = measured(read_by_duckdb, folder)
        print(theirs.line("DuckDB reads", rows))
        ours = measured(read_by_importer, folder)
        print(ours.line("import", rows))
        ratio = theirs.seconds / ours.seconds
        print(f"  ratio {ratio:.2f} (goal {GOAL}), memory goal 2 GB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else HOUSEHOLDS)
