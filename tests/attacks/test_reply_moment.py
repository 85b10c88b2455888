"""Time every way a question can end; the moment of the reply must not tell which.

Nothing leaves before the public moment, and nothing waits for a reading that is not
done. How late a crowded machine makes a reply is not measured here.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node import grid
from privacy.mechanism import Tally
from privacy.query import Query
from proto import wire
from proto.client import ANSWER
from tests import doors, frames
from tests.living_site import LivingSite, ask, restated
from tests.own_records import OwnRecords

TIMETABLE = grid.for_size_class("small")
SLOW_SECONDS = 60.0
"""A reply that waited for its reading would come this late on any machine."""


@pytest.fixture(params=doors.WAYS)
def open_door(
    worlds: dict[str, OwnRecords], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[LivingSite, frames.RawConnection]]:
    site = LivingSite(tmp_path / "site", worlds["with"])
    centre = doors.Centre(tmp_path)
    tls = frames.context(centre.coordinator, tmp_path)
    with (
        doors.serving(centre, tmp_path, site, TIMETABLE, way=request.param) as serving,
        serving.raw(tls) as raw,
    ):
        yield site, raw


def _reading(site: LivingSite, read: Callable[[Query], Tally]) -> None:
    object.__setattr__(site.node, "read", read)


def test_every_ending_of_a_question_leaves_at_one_moment(
    open_door: tuple[LivingSite, frames.RawConnection],
) -> None:
    site, raw = open_door
    ended = threading.Event()

    def broken(_: Query) -> Tally:
        raise RuntimeError

    def slow(asked: Query) -> Tally:
        ended.wait(SLOW_SECONDS)
        return site.records.read(asked)

    question = ask()
    other = restated(ask("M09"), rho=question.rho)
    endings: dict[str, tuple[wire.Ask, bytes, Callable[[Query], Tally]]] = {
        "released": (question, b"0", site.records.read),
        "given again": (question, b"0", site.records.read),
        "refused": (restated(question, metric="M999"), b"0", site.records.read),
        "not the coordinator's": (
            replace(question, asked_by="eve"),
            b"7",
            site.records.read,
        ),
        "not the catalogue's": (
            restated(question, metric="M09"),
            b"3",
            site.records.read,
        ),
        "failed": (other, b"13", broken),
        "not ready": (ask("M43", "FY2024", "enrolled"), b"0", slow),
    }
    due = TIMETABLE.seconds(cells=question.cells)
    took = {}
    for name, (asked, status, read) in endings.items():
        _reading(site, read)
        began = time.monotonic()
        heard = raw.call(ANSWER, wire.ask_to_bytes(asked))
        took[name] = time.monotonic() - began
        assert heard.status == status, name
        if status == b"0":
            assert len(heard.data) == 5 + wire.reply_size(question.cells)
    ended.set()
    assert all(due <= seconds < SLOW_SECONDS / 2 for seconds in took.values()), took


def test_the_moment_depends_on_the_public_size_of_the_question_only() -> None:
    small, same, large = (TIMETABLE.seconds(cells=cells) for cells in (1, 32, 33))
    assert small == same < large
