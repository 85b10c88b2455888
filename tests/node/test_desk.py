"""Check that each question is worked on once, within bounds."""

import threading

import pytest

from node.desk import Desk
from privacy.errors import Busy


def test_a_question_in_flight_is_joined_not_started_twice() -> None:
    desk: Desk[int] = Desk(at_once=1, waiting=1)
    gate = threading.Event()
    calls = []

    def work() -> int:
        calls.append(1)
        gate.wait(10)
        return 7

    first = desk.start(b"k", work)
    second = desk.start(b"k", work)
    assert first is second
    assert desk.collect(b"k", first) is None
    gate.set()
    assert first.result(10) == 7
    assert desk.collect(b"k", first) == 7
    assert desk.collect(b"k", second) == 7
    assert len(calls) == 1
    desk.close()


def test_an_outcome_is_kept_for_whoever_asks_next_and_then_forgotten() -> None:
    desk: Desk[int] = Desk(at_once=1, waiting=1)
    counter = iter(range(10))
    desk.start(b"k", lambda: next(counter)).result(10)
    kept = desk.start(b"k", lambda: next(counter))
    assert desk.collect(b"k", kept) == 0
    fresh = desk.start(b"k", lambda: next(counter))
    assert fresh.result(10) == 1
    desk.close()


def test_a_full_desk_says_busy_and_starts_nothing() -> None:
    desk: Desk[int] = Desk(at_once=1, waiting=1)
    gate = threading.Event()
    for key in (b"a", b"b"):
        desk.start(key, lambda: int(gate.wait(10)))
    with pytest.raises(Busy):
        desk.start(b"c", lambda: 1)
    gate.set()
    desk.close()


def test_outcomes_nobody_collects_do_not_pile_up() -> None:
    desk: Desk[int] = Desk(at_once=2, waiting=10_000)
    for number in range(700):
        desk.start(number.to_bytes(4, "big"), lambda: 1).result(10)
    assert len(desk._flights) <= 257
    desk.close()
