"""Plant words in the sites' records, run the board's pack, then seize every disk.

The exchange is whole: a coordinator and two sites laid out by their own commands,
nodes as processes of their own, mutual TLS, encrypted records. What is planted are
the sites' own case numbers, codes that are in no list, and dates and numbers that
are none. What is searched besides are the random ids that stand for people.
"""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import select

from coordinator.cli.app import app as cmpp
from coordinator.demo import processes
from node.cli.home import Home
from tests import planter, seizure
from tests.end_to_end import exchange, papers
from tests.end_to_end.exchange import NodeProcess
from tests.seizure import Search
from tests.wiretap import forms

SITES = ("NYC", "HOU", "LAX")
WORDS_MIN = 1000
MANDATE = papers.mandate(SITES)
PERIOD, THROUGH = "FY2024-H2", "FY2025-Q4"

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Seized:
    """What is left when all processes have ended."""

    folder: Path
    planted: Path
    words: frozenset[str]
    ids: frozenset[str]
    printed: bytes


@pytest.fixture(scope="module")
def seized(tmp_path_factory: pytest.TempPathFactory) -> Seized:
    folder = tmp_path_factory.mktemp("exchange") / "disks"
    planted = tmp_path_factory.mktemp("planted")
    words: set[str] = set()
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        for site in SITES:
            words |= planter.plant(planted, site, scale=0.15)
        _run_exchange(folder, planted)
    ids = frozenset(i for site in SITES for i in _ids(folder / site))
    return Seized(folder, planted, frozenset(words), ids, said.getvalue().encode())


def _run_exchange(folder: Path, planted: Path) -> None:
    """Lay out the centre and the sites, run the pack twice, and end everything."""
    home = folder / "coordinator"
    join = f"127.0.0.1:{processes.free_ports()[0]}"
    _cmpp(home, "init", "--join-address", join)
    (home / "identity" / "statement.key").write_bytes(papers.pem_of("coordinator"))
    nodes = [NodeProcess(folder / site, site, SITES) for site in SITES]
    with (folder / "coordinator.log").open("wb") as log:
        door = subprocess.Popen(
            [sys.executable, "-m", "coordinator", "--home", str(home), "serve"],
            cwd=exchange.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        processes.wait_for(int(join.partition(":")[2]), name="The door", seconds=60)
        for node in nodes:
            exchange.settle(node.home, node.site, sites=SITES, mandate=MANDATE)
            exchange.stock(node.home, planted / node.site, closed_through=THROUGH)
            invite = ("site", "invite", node.site, "--address", node.address, "--json")
            invitation = json.loads(_cmpp(home, *invite))["invitation"]
            exchange.node(node.home, "join", invitation)
            node.start()
        _bring_papers(home)
        page, results = str(home / "report.html"), str(home / "results.json")
        for words in ((), ("--ask-again",)):
            written = ("--html", page, "--results", results, "--by-site")
            _cmpp(home, "pack", "run", PERIOD, *written, *words)
        _look_back(home, nodes)
    finally:
        for node in nodes:
            node.close()
        door.terminate()
        door.wait(timeout=30)


def _bring_papers(home: Path) -> None:
    """Put the roster and a mandate in force at the centre."""
    for words, signed in (
        (("roster", "publish"), papers.roster(SITES)),
        (("mandate", "submit"), MANDATE),
    ):
        paper = home / f"{words[0]}.cmpp"
        paper.write_bytes(signed.file())
        _cmpp(home, *words, str(paper))


def _look_back(home: Path, nodes: list[NodeProcess]) -> None:
    """Show and write all that can be shown and written of what happened."""
    for node in nodes:
        exchange.node(node.home, "ledger", "show", "--entries")
        exchange.node(node.home, "status")
        archive = home / f"{node.site}.archive"
        exchange.node(node.home, "ledger", "export", str(archive))
    _cmpp(home, "log", "publish", str(home / "public"))
    pack = ("--output", str(home / "pack"), "--site-ledgers", str(home))
    _cmpp(home, "audit", "pack", *pack)


def _cmpp(home: Path, *words: str) -> str:
    """Run one command of the centre, and return what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        cmpp(["--home", str(home), *words], standalone_mode=False)
    print(printed.getvalue())  # noqa: T201 - it is searched as well
    return printed.getvalue()


def _ids(home: Path) -> Iterator[str]:
    """Yield the random ids of a site's households and adults."""
    records = Home(home).records
    reader = records.open_current()
    with reader.transaction() as connection:
        for table, column in (("household", "hid"), ("participant", "pid")):
            own = reader.schema.records[table].c[column]
            yield from connection.execute(select(own)).scalars()
    records.close()


def test_enough_was_planted_and_the_pack_was_answered(seized: Seized) -> None:
    assert len(seized.words) >= WORDS_MIN
    assert len(seized.ids) > 300
    results = json.loads((seized.folder / "coordinator/results.json").read_text())
    assert len(results) == 12
    assert {(r["sites_answered"], r["sites_total"]) for r in results} == {(3, 3)}


def test_no_planted_word_is_on_any_disk_or_in_any_log(seized: Seized) -> None:
    search = Search(seized.words)
    assert search.of_folder(seized.folder) == set()
    assert search.of_bytes(seized.printed, "printed") == set()


def test_no_id_of_anybody_is_outside_the_register(seized: Seized) -> None:
    search = Search(seized.ids)
    found = search.of_folder(seized.folder)
    assert seizure.places_in(found) == {f"{site}/register.sqlite" for site in SITES}
    assert search.of_bytes(seized.printed, "printed") == set()


def test_the_search_finds_every_word_where_it_was_planted(seized: Seized) -> None:
    found = Search(seized.words).of_folder(seized.planted)
    assert seizure.words_in(found) == seized.words


def test_records_that_were_not_encrypted_would_have_been_found(
    seized: Seized, tmp_path: Path
) -> None:
    records = Home(seized.folder / "NYC").records
    reader = records.open_current()
    participant = reader.schema.records["participant"]
    with reader.transaction() as connection:
        rows = connection.execute(select(participant.c.pid, participant.c.hid)).all()
    records.close()
    ids = {value for row in rows for value in row}
    with duckdb.connect(str(tmp_path / "plain.duckdb")) as plain:
        plain.execute("CREATE TABLE participant (pid VARCHAR, hid VARCHAR)")
        plain.executemany("INSERT INTO participant VALUES (?, ?)", rows)
    found = Search(ids).of_folder(tmp_path)
    assert seizure.words_in(found) == ids


@pytest.mark.parametrize("form", sorted(forms("Kq0123456789abcdW")))
def test_the_search_finds_a_word_in_every_form(form: str, tmp_path: Path) -> None:
    word = "Kq0123456789abcdW"
    shape = forms(word)[form]
    for offset in range(9):
        data = b"\x00" * offset + b"..." + shape + b"..."
        (tmp_path / "a file").write_bytes(data)
        found = Search([word]).of_folder(tmp_path)
        assert form in {find.form for find in found}
