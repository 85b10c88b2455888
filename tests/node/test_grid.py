"""Check that the moment of a reply is decided by public facts only."""

import time

import pytest

from node import grid
from privacy.errors import BadConfiguration


def test_the_moment_depends_on_the_padded_number_of_cells_only() -> None:
    small = grid.for_size_class("small")
    assert small.seconds(cells=1) == small.seconds(cells=32)
    assert small.seconds(cells=33) > small.seconds(cells=32)


def test_a_larger_class_replies_later() -> None:
    moments = [
        grid.for_size_class(name).seconds(cells=24)
        for name in ("small", "medium", "large")
    ]
    assert moments == sorted(set(moments))
    assert moments[0] >= 0.5


def test_there_is_no_class_without_a_wait() -> None:
    for name in ("", "none", "immediate", "SMALL"):
        with pytest.raises(BadConfiguration, match="size class"):
            grid.for_size_class(name)


def test_a_reply_is_held_until_its_moment_ready_or_not() -> None:
    timetable = grid.Grid(base_seconds=0.2, cell_seconds=0.0)
    arrived = time.monotonic()
    timetable.hold(None, arrived=arrived, cells=1)
    assert time.monotonic() - arrived >= 0.2
    late = grid.Grid(base_seconds=60.0, cell_seconds=0.0)
    started = time.monotonic()
    late.hold(None, arrived=started - 61, cells=1)
    assert time.monotonic() - started < 30
