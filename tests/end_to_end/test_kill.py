"""A node killed at any instant loses no charge, doubles none, and answers once."""

import contextlib
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from node.ledger import Ledger
from proto.wire import Ask
from tests.end_to_end.exchange import Centre, NodeProcess, every_question, tell
from tests.end_to_end.load import Books, Load, books
from tests.end_to_end.witnesses import Witnesses

KILLS, KILLS_SOAK = 10, 100
THREADS = 12
AFTER_READY_SECONDS = 2.0
AFTER_SPAWN_SECONDS = 3.0
PERIODS = tuple(
    f"{year}{part}"
    for year in ("FY2023", "FY2024", "FY2025")
    for part in ("-Q1", "-Q2", "-Q3", "-Q4", "-H1", "-H2", "")
)
KEYS_PER_KILL = 8
"""New keys a kill may use up, at most about."""

NewSite = Callable[..., NodeProcess]


@pytest.fixture
def site(request: pytest.FixtureRequest, new_site: NewSite) -> NodeProcess:
    """Give a site whose budget does not run out."""
    return new_site(request.param)


def questions(process: NodeProcess) -> list[Ask]:
    """State everything that may be asked of a site."""
    return every_question(PERIODS, rho=Fraction(1, 1000), site=process.site)


def ledger_of(process: NodeProcess) -> Path:
    """Return the ledger's file."""
    return process.home / "ledger.sqlite"


def as_the_kill_left_it(process: NodeProcess, aside: Path) -> Books:
    """Read a copy of a dead node's ledger, so that the node itself repairs its own."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for path in process.home.glob("ledger.sqlite*"):
        shutil.copy(path, aside)
    ledger = Ledger.open(f"sqlite:///{aside / 'ledger.sqlite'}")
    ledger.verify()
    ledger.close()
    return books(aside / "ledger.sqlite")


def kill_at_random(process: NodeProcess, chance: random.Random) -> str:
    """Start a node, and kill it while it starts or while it answers."""
    if chance.random() < 0.2:
        process.spawn()
        after = chance.uniform(0, AFTER_SPAWN_SECONDS)
        time.sleep(after)
        process.kill()
        return f"{after:.3f}s after its start"
    process.start()
    after = chance.uniform(0, AFTER_READY_SECONDS)
    time.sleep(after)
    process.kill()
    return f"{after:.3f}s after it listened"


def check_all(process: NodeProcess, load: Load, left: list[Books]) -> Books:
    """Compare everything the asker was told with what the ledger holds."""
    found = books(ledger_of(process))
    found.check()
    seen = load.seen
    assert not seen.different()
    # 0 lost: every release that was seen stands in the ledger beside one charge.
    assert seen.releases.keys() <= found.releases.keys()
    # 0 doubled: no key was ever said to be charged twice.
    assert max(seen.charged.values()) == 1
    for before in left:
        # What was charged when the node died is charged now, by the same entry.
        assert before.charges.items() <= found.charges.items()
        assert before.releases.items() <= found.releases.items()
    ledger = Ledger.open(f"sqlite:///{ledger_of(process)}")
    ledger.verify()
    ledger.close()
    return found


def kill_again_and_again(
    process: NodeProcess, centre: Centre, *, kills: int, seed: int
) -> None:
    """Kill a node under load so many times; afterwards every question is answered."""
    chance = random.Random(seed)
    every = questions(process)
    rounds = -(-kills * KEYS_PER_KILL // len(every))
    empty = process.home / "empty.sqlite"
    shutil.copy(ledger_of(process), empty)
    owed: set[tuple[int, str]] = set()
    answers = failed = 0
    for number in range(rounds):
        shutil.copy(empty, ledger_of(process))
        left = []
        # Peers that remembered the round before would not let an old ledger answer.
        with (
            Witnesses(centre, process),
            Load(
                lambda: centre.client(process, call_seconds=10),
                every,
                threads=THREADS,
                seed=chance.randrange(10**9),
            ) as load,
        ):
            for kill in range(number, kills, rounds):
                when = kill_at_random(process, chance)
                left.append(as_the_kill_left_it(process, process.home / "aside"))
                owed |= {(number, key) for key in left[-1].owed}
                tell(f"kill {kill}: {when}; {len(left[-1].owed)} charged, unanswered")
            process.start()
        found = check_all(process, load, left)
        assert not [key for before in left for key in before.owed if key in found.owed]
        process.kill()
        answers += load.seen.told
        failed += load.seen.failed
    tell(f"{kills} kills: {answers} answers, {failed} calls failed and were repeated,")
    tell(f"{len(owed)} charges were found without their release, and finished later.")
    assert answers > kills
    assert failed > 0


@pytest.mark.parametrize(("site", "seed"), [("NYC", 1), ("HOU", 2)], indirect=["site"])
def test_ten_kills_under_load_lose_double_and_change_nothing(
    site: NodeProcess, centre: Centre, seed: int
) -> None:
    kill_again_and_again(site, centre, kills=KILLS, seed=seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("site", "seed"), [("NYC", 3), ("HOU", 4)], indirect=["site"])
def test_a_hundred_kills_under_load_lose_double_and_change_nothing(
    site: NodeProcess, centre: Centre, seed: int
) -> None:
    kill_again_and_again(site, centre, kills=KILLS_SOAK, seed=seed)


def caught_between(process: NodeProcess, centre: Centre) -> tuple[Ask, Books]:
    """Kill a node as soon as its ledger shows a charge without a release."""
    for number, question in enumerate(questions(process)):
        with Load(
            lambda: centre.client(process, call_seconds=10),
            [question],
            threads=1,
            seed=0,
        ):
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                with contextlib.suppress(sqlite3.OperationalError):
                    now = books(ledger_of(process))
                    if now.owed:
                        process.kill()
                        left = as_the_kill_left_it(process, process.home / "aside")
                        process.start()
                        if left.owed:
                            return question, left
                        break
                    if len(now.releases) > number:
                        break
    raise AssertionError("the node was never caught between charge and release")


@pytest.mark.parametrize("site", ["NYC"], indirect=True)
def test_a_crash_after_the_charge_finishes_later_under_the_same_charge(
    site: NodeProcess, centre: Centre
) -> None:
    site.start()
    with Witnesses(centre, site), centre.client(site) as client:
        question, left = caught_between(site, centre)
        (key,) = left.owed
        answer = client.answer(question, deadline_seconds=20)
        again = client.answer(question, deadline_seconds=20)
    assert answer.release_key.hex() == key
    assert answer.charged_pico == 0
    assert (again.values, again.variance) == (answer.values, answer.variance)
    found = books(ledger_of(site))
    found.check()
    assert found.charges[key] == left.charges[key]
    assert found.spent == left.spent
    assert not found.owed
