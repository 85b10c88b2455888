"""Prove that the searches of this folder do find what is there to be found.

A search that always comes back empty would pass every test. So a node is made to
leak on purpose, once in every place and in every form that is searched.
"""

import gzip
import io
import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from hyperframe import frame as http2

from node import server
from proto import wire
from proto.client import ANSWER
from proto.status import Status
from tests import canaries, doors, frames, wiretap
from tests.wiretap import TappedConnection

WORD = canaries.WORD
QUESTION = wire.ask_to_bytes(doors.ask())


@pytest.fixture
def door(tmp_path: Path) -> Iterator[tuple[doors.Serving, TappedConnection]]:
    centre = doors.Centre(tmp_path)
    with doors.serving(centre, tmp_path) as serving:
        raw = TappedConnection(
            serving.port, frames.context(centre.coordinator, tmp_path)
        )
        with raw:
            yield serving, raw


def _found(raw: TappedConnection) -> list[str]:
    _, seen = wiretap.call(raw, ANSWER, QUESTION)
    return wiretap.found(WORD, wiretap.places(seen))


def test_an_honest_node_is_found_clean(
    door: tuple[doors.Serving, TappedConnection],
) -> None:
    assert _found(door[1]) == []


@pytest.mark.parametrize("form", wiretap.forms(WORD))
def test_a_word_in_the_data_is_found_in_every_form(
    form: str, door: tuple[doors.Serving, TappedConnection]
) -> None:
    serving, raw = door
    shape = wiretap.forms(WORD)[form]
    parts = [shape[at : at + 32] for at in range(0, len(shape), 32)]
    if len(parts) == 1:
        serving.story.outcome = doors.answer(release_key=shape.ljust(32, b"\0"))
        assert f"data: {form}" in _found(raw)
    else:
        # Too long for one field of a reply: as the data of a frame it is found.
        frame = wiretap.Frame("DataFrame", 1, (), len(shape), (), b"x" + shape)
        assert f"data: {form}" in wiretap.found(WORD, wiretap.places([frame]))


def test_a_word_in_a_compressed_message_is_found() -> None:
    payload = b"\x01\x00\x00\x00\x20" + gzip.compress(f"so {WORD} it is".encode())
    frame = wiretap.Frame("DataFrame", 1, (), len(payload), (), payload)
    assert wiretap.found(WORD, wiretap.places([frame])) == ["data, unpacked: plain"]


def test_a_word_in_the_status_is_found_in_the_trailer(
    door: tuple[doors.Serving, TappedConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    serving, raw = door
    monkeypatch.setattr(Status, "words", WORD)
    serving.story.outcome = ValueError()
    assert "trailer grpc-message: percent" in _found(raw)


def test_what_the_transport_says_of_an_uncaught_error_is_found(
    door: tuple[doors.Serving, TappedConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def uncaught(*_: object) -> bytes:
        raise RuntimeError(WORD)

    monkeypatch.setattr(server._Methods, "_call", uncaught)
    assert "trailer grpc-message: percent" in _found(door[1])


@pytest.mark.parametrize("place", ["header", "trailer"])
def test_a_word_in_a_header_is_found(
    place: str,
    door: tuple[doors.Serving, TappedConnection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = server._Methods._call
    noted = (("x-note-bin", WORD.encode()),)

    def leaky(self, method, data, context: grpc.ServicerContext) -> bytes:
        if place == "header":
            context.send_initial_metadata(noted)
        else:
            context.set_trailing_metadata(noted)
        return plain(self, method, data, context)

    monkeypatch.setattr(server._Methods, "_call", leaky)
    assert any("x-note-bin: base64" in where for where in _found(door[1]))


def test_a_word_in_the_farewell_of_a_connection_is_found() -> None:
    farewell = http2.GoAwayFrame(0, additional_data=WORD.encode()).serialize()
    frame = wiretap.Frame("GoAwayFrame", 0, (), 0, (), farewell)
    assert wiretap.found(WORD, wiretap.places([frame])) == ["GoAwayFrame: plain"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda log: log.warning(WORD),
        lambda log: log.debug("of %s", WORD),
        lambda log: log.warning("%d rows", 3, extra={"who": WORD}),
        lambda log: log.warning("", exc_info=canaries.KINDS["corrupt, chained"]()),
        lambda log: log.warning("", exc_info=canaries.KINDS["statement"]()),
    ],
)
def test_a_word_in_a_log_is_found(spoil) -> None:
    with wiretap.every_log() as log:
        spoil(logging.getLogger("node.records.somewhere"))
    assert wiretap.found(WORD, [("log", log.taken())]) != []


def test_a_word_on_standard_error_is_found(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        raise canaries.KINDS["unprintable"]
    except canaries.UnprintableError:
        traceback.print_exc(file=io.StringIO())  # says nothing, so it proves nothing
    print(WORD, file=sys.stderr)  # noqa: T201 - the leak
    assert wiretap.found(WORD, [("err", capfd.readouterr().err.encode())]) != []
