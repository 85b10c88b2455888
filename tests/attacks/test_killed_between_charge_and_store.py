"""A process killed at any instant loses no charge, doubles none, answers once."""

import itertools
import os
import random
import signal
import sys
import time

import pytest

from node.ledger import Charged, Ledger, Stored
from privacy.chain import Entry, Kind
from tests.ledger_samples import LATER, NOW, charge_for, ready, store
from tests.ledger_spender import answer_for_ever, context, names

KILLS = 20
KILLS_SOAK = 250
SECONDS_MAX = 0.25

Step = tuple[str, str, tuple[int, ...] | None]


@pytest.fixture
def url(ledger_url: str) -> str:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    ready(ledger)
    ledger.close()
    return ledger_url


def run_and_kill(url: str, seed: str, after: float) -> list[Step]:
    """Return the steps a process had acknowledged when it was killed."""
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=answer_for_ever, args=(url, seed, there))
    process.start()
    there.close()
    assert here.recv() == "ready"
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    process.join(timeout=30)
    assert process.exitcode == -signal.SIGKILL
    process.close()
    steps = []
    try:
        while True:
            steps.append(here.recv())
    except EOFError:
        return steps


def under_key(entries: tuple[Entry, ...], kind: Kind) -> dict[str | None, Entry]:
    """Return the entries of a kind by release key; each key must be there once."""
    found = [entry for entry in entries if entry.kind is kind]
    by_key = {entry.release_key: entry for entry in found}
    assert len(by_key) == len(found)
    return by_key


def check_after(url: str, seed: str, steps: list[Step]) -> int:
    """Check what was acknowledged, finish what was not; return how much that was."""
    ledger = Ledger.open(url)
    charges = under_key(ledger.entries(), Kind.CHARGE)
    releases = under_key(ledger.entries(), Kind.RELEASE)
    for kind, name, values in steps:
        asked = charge_for(name)
        assert asked.release_key.hex() in charges
        if kind == "sent":
            again = ledger.charge(asked, now=LATER)
            assert isinstance(again, Stored)
            assert again.values == values
    before = ledger.accounts()
    asked_so_far = itertools.islice(names(seed), len(steps) + 1)
    left_open = {charge_for(name).release_key.hex(): name for name in asked_so_far}
    left_open = {k: left_open[k] for k in charges.keys() - releases.keys()}
    for key, name in left_open.items():
        resumed = ledger.charge(charge_for(name), now=LATER)
        assert isinstance(resumed, Charged)
        assert resumed.resumed
        assert resumed.sequence == charges[key].sequence
        store(ledger, charge_for(name).release_key)
    ledger.verify()
    assert ledger.accounts() == before
    ledger.close()
    return len(left_open)


def kill_often(url: str, kills: int, seed: int) -> tuple[int, int]:
    """Kill a process again and again; return steps seen and charges left open."""
    moments = random.Random(seed)
    everything: list[Step] = []
    left_open = 0
    for number in range(kills):
        after = moments.uniform(0, SECONDS_MAX)
        steps = run_and_kill(url, f"{seed} {number}", after)
        left_open += check_after(url, f"{seed} {number}", steps)
        everything += steps
    assert check_after(url, f"{seed} 0", everything) == 0
    return len(everything), left_open


def test_kills_at_random_instants_lose_and_double_nothing(url: str) -> None:
    seen, _ = kill_often(url, KILLS, seed=20_261_122)
    assert seen > KILLS // 2  # it was working when it was killed


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_many_kills_lose_and_double_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, left_open = kill_often(url, KILLS_SOAK, seed=7)
    assert seen > KILLS_SOAK
    assert left_open > 0  # some kills fell between charge and store
    with capsys.disabled():
        engine = url.partition(":")[0]
        sys.stdout.write(
            f"\n{engine}: {KILLS_SOAK} kills, {seen} acknowledged steps, "
            f"{left_open} charges left open and finished later\n"
        )
