"""Whatever happens in whatever order, the ledger equals a book kept by hand."""

import os
import random
import sys
import tempfile
from pathlib import Path

import pytest

from tests.ledger_history import History

STEPS = 500
SEEDS = (1, 2, 4, 5)
STEPS_SOAK, HISTORIES_SOAK = 1_000, 100
HAPPENED = {
    "charged",
    "resumed",
    "repeated",
    "exhausted",
    "not allowed",
    "restart",
    "restore",
    "renew",
    "decide",
    "pause",
    "clock",
    "edit",
    "close_quarter",
}


def live(seed: int, steps: int) -> dict[str, int]:
    """Live one history; a failure says how to see it again."""
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder), seed)
        try:
            history.live(steps)
        except BaseException as error:
            error.add_note(f"See it again: HISTORY_SEED={seed} HISTORY_STEPS={steps}")
            raise
        finally:
            history.ledger.close()
    return history.seen


def test_random_histories_equal_the_book() -> None:
    chosen, steps = os.environ.get("HISTORY_SEED"), os.environ.get("HISTORY_STEPS")
    seen: set[str] = set()
    for seed in SEEDS if chosen is None else (int(chosen),):
        seen |= live(seed, int(steps or STEPS)).keys()
    assert chosen or seen >= HAPPENED  # nothing the book covers was left out


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_a_hundred_thousand_operations_equal_the_book(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = random.SystemRandom().randrange(10**9)
    total: dict[str, int] = {}
    with capsys.disabled():
        sys.stdout.write(f"\nHistories with seeds from {first} on\n")
        for seed in range(first, first + HISTORIES_SOAK):
            for what, times in live(seed, STEPS_SOAK).items():
                total[what] = total.get(what, 0) + times
        sys.stdout.write(f"{HISTORIES_SOAK * STEPS_SOAK} operations: {total}\n")
