"""Send what no honest coordinator sends; nothing may come back but one word."""

import gzip
import logging
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proto import mtls, wire
from proto.canonical import Malformed
from proto.client import ANSWER, DESCRIBE
from tests import doors, frames

GOOD = wire.ask_to_bytes(doors.ask())
MUTANTS = 10_000
FEWER = 1_000
"""Where each goes through two doors; the one behind is the same."""


@pytest.fixture(scope="module", params=doors.WAYS)
def open_door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[doors.Serving, frames.RawConnection]]:
    folder = tmp_path_factory.mktemp("door")
    centre = doors.Centre(folder)
    with doors.serving(centre, folder, way=request.param) as serving:
        tls = frames.context(centre.coordinator, folder)
        with serving.raw(tls) as raw:
            yield serving, raw


def _is_refused_in_one_word(heard: frames.Heard) -> None:
    assert heard.data == b""
    assert heard.status == b"3"
    assert heard.message == b"malformed"
    assert {name for name, _ in heard.headers} <= {
        b":status",
        b"content-type",
        b"grpc-status",
        b"grpc-message",
        b"grpc-accept-encoding",
    }


def _mutants() -> Iterator[bytes]:
    """Every truncation, every bit of the head flipped, bytes put in and taken out."""
    state = 12345
    yield from (GOOD[:end] for end in range(len(GOOD)))
    while True:
        # A fixed little generator: the same mutants on every run.
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        at, byte, how = state >> 33, (state >> 20) & 255, (state >> 28) % 4
        place = at % len(GOOD)
        if how == 0:
            yield GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
        elif how == 1:
            yield GOOD[:place] + bytes([byte]) * (1 + byte % 9) + GOOD[place:]
        elif how == 2:
            yield GOOD[:place] + GOOD[place + 1 + byte % 7 :]
        else:
            other = (at >> 7) % len(GOOD)
            yield GOOD[:place] + GOOD[other:]


def test_malformed_questions_bring_back_one_word_and_cost_nothing(
    open_door: tuple[doors.Serving, frames.RawConnection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)  # each would leave a line
    serving, raw = open_door
    before = serving.story.calls
    sent = 0
    answers = set()
    for mutant in _mutants():
        try:
            wire.ask_from_bytes(mutant)
            continue  # by chance a question somebody might ask
        except Malformed:
            pass
        heard = raw.call(ANSWER, mutant)
        answers.add((heard.status, heard.message, heard.data))
        sent += 1
        if sent == (FEWER if serving.exchange else MUTANTS):
            break
    assert answers == {(b"3", b"malformed", b"")}
    assert serving.story.calls == before


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.binary(max_size=300))
def test_random_bytes_are_malformed(
    open_door: tuple[doors.Serving, frames.RawConnection], data: bytes
) -> None:
    _, raw = open_door
    _is_refused_in_one_word(raw.call(ANSWER, data))
    if data:
        _is_refused_in_one_word(raw.call(DESCRIBE, data))


@pytest.mark.parametrize("depth", [101, 1_000, 5_000])
def test_deep_nesting_is_malformed(
    open_door: tuple[doors.Serving, frames.RawConnection], depth: int
) -> None:
    _, raw = open_door
    nested = b""
    for _ in range(depth):
        length = len(nested)
        size = bytearray()
        while True:
            size.append((length & 127) | (128 if length > 127 else 0))
            length >>= 7
            if not length:
                break
        nested = b"\x2a" + bytes(size) + nested
    _is_refused_in_one_word(raw.call(ANSWER, nested))


@pytest.mark.parametrize(
    "path",
    [
        "/cmpp.v1.Node/Answers",
        "/cmpp.v1.Node/",
        "/cmpp.v2.Node/Answer",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/",
    ],
)
def test_there_is_no_other_method(
    open_door: tuple[doors.Serving, frames.RawConnection], path: str
) -> None:
    _, raw = open_door
    _is_refused_in_one_word(raw.call(path, GOOD))


def test_a_message_above_the_limit_never_reaches_the_story(
    open_door: tuple[doors.Serving, frames.RawConnection],
) -> None:
    serving, raw = open_door
    before = serving.story.calls
    for size in (64 * 1024 + 1, 1024 * 1024):
        heard = raw.call(ANSWER, bytes(size))
        assert heard.status == b"8"
        assert heard.data == b""
    _is_refused_in_one_word(raw.call(ANSWER, bytes(64 * 1024)))
    assert serving.story.calls == before


def test_a_decompression_bomb_is_refused_without_being_unpacked(
    open_door: tuple[doors.Serving, frames.RawConnection],
) -> None:
    serving, raw = open_door
    before = serving.story.calls
    bomb = gzip.compress(bytes(40 * 1024 * 1024), 9)
    assert len(bomb) < 64 * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        heard = raw.call(
            ANSWER, bomb, compressed=True, more=(("grpc-encoding", "gzip"),)
        )
        assert heard.status not in {b"0", b"none"}
        assert heard.data == b""
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert grown < 16 * 1024  # kilobytes; unpacking it takes 40 MiB
    assert serving.story.calls == before


def test_large_metadata_is_refused(
    open_door: tuple[doors.Serving, frames.RawConnection],
) -> None:
    _, raw = open_door
    heard = raw.call(DESCRIBE, b"", more=(("x-filler", "x" * 20_000),))
    assert heard.status != b"0"
    assert heard.data == b""


def test_a_poisoned_proxy_setting_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("https_proxy", "http_proxy", "grpc_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    centre = doors.Centre(tmp_path)
    with (
        doors.serving(centre, tmp_path) as serving,
        serving.client(centre.coordinator) as client,
    ):
        assert client.describe().site == "NYC"
    assert dict(mtls.CHANNEL_OPTIONS)["grpc.enable_retries"] == 0
