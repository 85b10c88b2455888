"""Many processes at once can neither share the last of a budget nor answer twice."""

import itertools
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest

from node.ledger import Ledger
from privacy.chain import Kind
from tests.ledger_samples import CAPS, NOW, charge_for, ready, spent
from tests.ledger_spender import MILLI, agree, contend, context, race

PROCESSES = 8
EACH = 60


@pytest.fixture
def url(ledger_url: str) -> str:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    ready(ledger)
    ledger.close()
    return ledger_url


def all_at_once(target: Callable[..., None], url: str, each: int) -> list[object]:
    """Run a function in every process, started together; return their reports."""
    ends: list[Connection] = []
    processes = []
    for number in range(PROCESSES):
        here, there = context.Pipe()
        process = context.Process(target=target, args=(url, number, each, there))
        process.start()
        there.close()
        ends.append(here)
        processes.append(process)
    for end in ends:
        assert end.recv() == "ready"
    for end in ends:
        end.send("go")
    reports = [end.recv() for end in ends]
    for process in processes:
        process.join(timeout=30)
        assert process.exitcode == 0
        process.close()
    return reports


def test_exactly_what_the_cap_covers_is_charged(url: str) -> None:
    # 480 attempts of a thousandth each, against a cap of a tenth.
    charged = all_at_once(race, url, EACH)
    assert sum(charged) == 100
    ledger = Ledger.open(url)
    assert set(spent(ledger).values()) == {CAPS.lifetime.model}
    charges = [e.release_key for e in ledger.entries() if e.kind is Kind.CHARGE]
    assert len(charges) == 100
    assert turns(charges) > PROCESSES  # they did race, not queue one after another
    ledger.close()


def turns(release_keys: list[str | None]) -> int:
    """Count how often the next charge came from another process than the last."""
    whose = {
        charge_for(f"{number} {attempt}").release_key.hex(): number
        for number in range(PROCESSES)
        for attempt in range(EACH)
    }
    return sum(whose[a] != whose[b] for a, b in itertools.pairwise(release_keys))


def test_one_question_is_charged_once_and_has_one_answer(url: str) -> None:
    reports = all_at_once(agree, url, 12)
    assert sum(first for first, _ in reports) == 12
    assert all(sent == reports[0][1] for _, sent in reports)
    ledger = Ledger.open(url)
    assert spent(ledger)["FY2025"] == 12 * int(MILLI * 10**12)
    ledger.close()


def test_of_rules_made_on_the_same_law_one_is_entered(url: str) -> None:
    rounds = 5
    reports = all_at_once(contend, url, rounds)
    ledger = Ledger.open(url)
    pauses = [e for e in ledger.entries() if e.kind is Kind.PAUSED]
    assert sum(reports) == len(pauses) >= rounds
    # Each was entered on the very rule its maker had read.
    law = [entry.sequence for entry, _ in ledger.law()]
    for entry in pauses:
        assert entry.detail == str(law[law.index(entry.sequence) - 1])
    ledger.close()
