"""A process killed at any instant of an import leaves the old records or the new."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node import importer
from node.importer import KeyStore
from node.records.connect import Kind
from tests.import_place import NOW, Place, site_on
from tests.killed_import import HOMES, rows, site_at
from tests.record_site import SCHEMA, ask_for

KILLS = 3
MANY_KILLS = 100
_SEED = 4
ROOT = Path(importer.__file__).resolve().parents[2]


def kill_one(home: Path, seconds: float) -> None:
    """Start importing, and kill it some time after an import began."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.killed_import", str(home)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"begins\n", process.stderr.read()
        time.sleep(seconds)
        process.kill()
        assert process.wait() == -signal.SIGKILL, process.stderr.read()


def whole(home: Path) -> None:
    """The records in use open, are all there, and their ids are the key map's."""
    site = site_at(home)
    reader = site.store.open_current()
    with reader.transaction() as connection:
        found = {
            name: connection.execute(table.select()).all()
            for name, table in SCHEMA.records.items()
        }
    homes = len(found["household"])
    assert homes in {HOMES, HOMES - 1}
    expected = dict.fromkeys(found, 0)
    for name, _ in rows(homes):
        expected[name] += 1
    assert {name: len(some) for name, some in found.items()} == expected
    keys = site.keys.load()
    known = {keys.find("household", f"case {number}") for number in range(homes)}
    assert {row.hid for row in found["household"]} == known
    assert site.register.reader(site.store).generation == reader.generation
    site.store.close()


def prove(folder: Path, kills: int) -> None:
    """Kill many imports of one site, and look at it after each."""
    chance = random.Random(_SEED)
    for place in site_on(Kind.DUCKDB, folder):
        home = place.home / "site"
        place.take_rows(rows(HOMES))
        place.site.store.close()
        began = time.monotonic()
        importer.import_rows(rows(HOMES), site=site_at(home), now=NOW)
        lasts = time.monotonic() - began
        for _ in range(kills):
            kill_one(home, chance.uniform(0, 2 * lasts))
            whole(home)
        assert KeyStore(home / "keys", key_file=home / "keys.key").load()
        importer.import_rows(rows(HOMES), site=site_at(home), now=NOW)
        whole(home)
        left = {path.name for path in (home / "records").iterdir()}
        assert len([name for name in left if name.endswith(".duckdb")]) == 2


def test_a_killed_import_leaves_the_old_records_or_the_new(tmp_path: Path) -> None:
    prove(tmp_path, KILLS)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_killed_imports_leave_the_old_records_or_the_new(
    tmp_path: Path,
) -> None:
    prove(tmp_path, MANY_KILLS)


def test_a_site_answers_throughout_an_import(tmp_path: Path) -> None:
    for place in site_on(Kind.DUCKDB, tmp_path):
        place.take_rows(rows(HOMES))
        place.site.close("FY2024-Q2")
        assert set(answered_throughout(place)) == {(HOMES,)}


def answered_throughout(place: Place) -> list[tuple[int, ...]]:
    """Ask without a pause while the site imports three times."""
    asked = ask_for("FY2024-Q2", anchor="enrolment")
    answers: list[tuple[int, ...]] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answers.append(place.site.ask(asked))

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(ask)
        try:
            for _ in range(3):
                before, generation = len(answers), place.site.store.current()
                place.take_rows(rows(HOMES))
                assert place.site.store.current() != generation
                assert len(answers) > before
        finally:
            over.set()
        asking.result()
    return answers
