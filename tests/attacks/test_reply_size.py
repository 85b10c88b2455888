"""Compare the frames of every outcome; a listener must not tell them apart."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from privacy import errors
from proto import wire
from proto.client import ANSWER
from tests import doors, frames

OUTCOMES = {
    "small numbers": doors.answer(
        values=(0, 0, 0), free=True, charged_pico=0, worst_pico=0
    ),
    "large numbers": doors.answer(
        values=(2**62, -(2**62), 1), variance=Fraction(3**60, 2**90)
    ),
    "negative numbers": doors.answer(values=(-1, -1, -1)),
    "free": doors.answer(charged_pico=0, worst_pico=0, free=True),
    "the last entry": doors.answer(sequence=2**63 - 1, receipt=b"\xff" * 64),
    "dearer at worst": doors.answer(charged_pico=1, worst_pico=2**63 - 1),
    "no period yet": doors.answer(register_through=""),
    "refused": errors.NotAllowed("x"),
    "too much": errors.BudgetExhausted(left_pico_rho=2**60, asked_pico_rho=2**61),
    "expired": errors.Expired("x"),
    "pending": errors.Pending("x"),
}


@pytest.fixture(scope="module", params=doors.WAYS)
def open_door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[doors.Serving, frames.RawConnection]]:
    folder: Path = tmp_path_factory.mktemp("door")
    centre = doors.Centre(folder)
    with doors.serving(centre, folder, way=request.param) as serving:
        tls = frames.context(centre.coordinator, folder)
        with serving.raw(tls) as raw:
            yield serving, raw


def test_every_outcome_of_a_question_has_the_same_frames(
    open_door: tuple[doors.Serving, frames.RawConnection],
) -> None:
    serving, raw = open_door
    question = wire.ask_to_bytes(doors.ask())
    shapes = set()
    for outcome in OUTCOMES.values():
        serving.story.outcome = outcome
        heard = raw.call(ANSWER, question)
        assert len(heard.data) == 5 + wire.reply_size(3)
        shapes.add((tuple(heard.headers), tuple(heard.frame_sizes)))
    assert len(shapes) == 1


def test_the_size_is_a_step_function_of_the_number_of_cells(
    open_door: tuple[doors.Serving, frames.RawConnection],
) -> None:
    serving, raw = open_door
    sizes = []
    for cells in (1, 24, 32, 33, 64):
        serving.story.outcome = doors.answer(values=tuple(range(cells)))
        heard = raw.call(ANSWER, wire.ask_to_bytes(doors.ask(cells=cells)))
        sizes.append(len(heard.data))
    assert sizes[0] == sizes[1] == sizes[2] < sizes[3] == sizes[4]


def test_refusals_are_byte_identical_whatever_their_sentence(
    open_door: tuple[doors.Serving, frames.RawConnection],
) -> None:
    serving, raw = open_door
    question = wire.ask_to_bytes(doors.ask())
    heard = []
    for sentence in ("one household", "another household entirely", ""):
        serving.story.outcome = errors.NotMature(sentence)
        heard.append(raw.call(ANSWER, question).data)
    assert len(set(heard)) == 1
