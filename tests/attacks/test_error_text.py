"""Plant a canary in every error the node can meet; no byte of it may get out."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from privacy import errors
from proto import wire
from proto.client import ANSWER, DESCRIBE
from proto.status import Status
from tests import doors, frames

CANARY = "A123-456-789 Maria"
WORDS = {b"malformed", b"denied", b"busy", b"internal"}


class OddError(Exception):
    def __str__(self) -> str:
        raise RuntimeError(CANARY)


def _chained() -> BaseException:
    outer = errors.RegisterBroken(CANARY)
    outer.__cause__ = ValueError(CANARY)
    outer.add_note(CANARY)
    return outer


FAULTS: dict[str, Callable[[], BaseException]] = {
    "value": lambda: ValueError(CANARY),
    "key": lambda: KeyError(CANARY),
    "unicode": lambda: UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY),
    "os": lambda: OSError(5, CANARY, CANARY),
    "memory": lambda: MemoryError(CANARY),
    "assertion": lambda: AssertionError(CANARY),
    "recursion": lambda: RecursionError(CANARY),
    "exit": lambda: SystemExit(CANARY),
    "interrupt": lambda: KeyboardInterrupt(CANARY),
    "panic": lambda: BaseException(CANARY),
    "odd": OddError,
    "chained": _chained,
    "group": lambda: ExceptionGroup(CANARY, [ValueError(CANARY)]),
    "invalid query": lambda: errors.InvalidQuery(CANARY),
    "refused": lambda: errors.NotAllowed(CANARY),
    "pending": lambda: errors.Pending(CANARY),
    "busy": lambda: errors.Busy(CANARY),
    "untrusted": lambda: errors.BadSignature(CANARY),
    "unreachable": lambda: errors.Unreachable(CANARY),
    "records": lambda: errors.BadRecords(CANARY),
    "cap": lambda: errors.CapBroken(CANARY),
    "ledger": lambda: errors.LedgerStopped(CANARY),
    "wrong size": lambda: doors.answer(values=(1, 2)),  # type: ignore[return-value]
    "not an answer": lambda: CANARY,  # type: ignore[return-value,dict-item]
}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> doors.Centre:
    return doors.Centre(tmp_path_factory.mktemp("centre"))


@pytest.fixture(params=doors.WAYS)
def door(
    centre: doors.Centre, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[doors.Serving, frames.RawConnection]]:
    with doors.serving(centre, tmp_path, way=request.param) as serving:
        tls = frames.context(centre.coordinator, tmp_path)
        with serving.raw(tls) as raw:
            yield serving, raw


def _clean(heard: frames.Heard, logged: str) -> None:
    assert heard.status in {b"0", b"3", b"7", b"8", b"13"}
    assert heard.status == b"0" or heard.message in WORDS
    for part in ("A123", "456-789", "Maria"):
        assert part.encode() not in heard.all_bytes
        assert part not in logged


@pytest.mark.parametrize("fault", FAULTS)
def test_no_canary_leaves_when_the_story_fails(
    fault: str,
    door: tuple[doors.Serving, frames.RawConnection],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    serving, raw = door
    serving.story.outcome = FAULTS[fault]()
    heard = raw.call(ANSWER, wire.ask_to_bytes(doors.ask()))
    out, err = capfd.readouterr()
    _clean(heard, caplog.text + out + err)


@pytest.mark.parametrize("part", ["describe", "trust", "clock"])
def test_no_canary_leaves_when_a_part_of_the_door_fails(
    part: str,
    door: tuple[doors.Serving, frames.RawConnection],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    serving, raw = door

    def fail(*_: object) -> object:
        raise RuntimeError(CANARY)

    if part == "describe":
        monkeypatch.setattr(serving.story, "describe", fail)
    else:
        object.__setattr__(serving.server.keeper._door, part, fail)
    heard = raw.call(DESCRIBE, b"")
    out, err = capfd.readouterr()
    assert (heard.status, heard.message) == (b"13", b"internal")
    _clean(heard, caplog.text + out + err)


def test_the_search_does_find_a_canary_that_is_there(
    door: tuple[doors.Serving, frames.RawConnection],
    caplog: pytest.LogCaptureFixture,
) -> None:
    serving, raw = door
    serving.story.outcome = doors.answer(release_key=b"Maria".ljust(32, b"\0"))
    heard = raw.call(ANSWER, wire.ask_to_bytes(doors.ask()))
    with pytest.raises(AssertionError):
        _clean(heard, "")
    logging.getLogger("node.door").warning("planted %s", CANARY)
    with pytest.raises(AssertionError):
        _clean(frames.Heard(headers=[(b"grpc-status", b"0")]), caplog.text)


def test_a_node_cannot_make_the_coordinator_print_its_words(
    centre: doors.Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with doors.serving(centre, tmp_path) as serving:
        # A node that breaks its side of the bargain and sends words of its own.
        monkeypatch.setattr(Status, "words", CANARY)
        serving.story.outcome = ValueError()
        with (
            serving.client(centre.coordinator) as client,
            pytest.raises(errors.Unreachable) as caught,
        ):
            client.answer(doors.ask(), deadline_seconds=5)
    assert "Maria" not in str(caught.value)
    assert caught.value.__suppress_context__
