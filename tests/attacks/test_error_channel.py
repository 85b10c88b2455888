"""Break the node at every point of its path; no planted byte may get out.

The node is whole: signed policy, durable ledger, encrypted records, TLS door. The
peer is a plain socket. A point is entering a function, leaving it, or (in the long
run) coming to a line of it, for every function of the product that answering,
answering again, refusing and describing pass through.
"""

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import pytest

from proto import wire
from proto.client import ANSWER, DESCRIBE
from tests import canaries, doors, frames, living_site, wiretap
from tests.faults import Faults, Point, traced_pools
from tests.living_site import LivingSite, ask

QUESTION = ask()
FRESH = wire.ask_to_bytes(QUESTION)
REFUSED = wire.ask_to_bytes(ask(rho="1.5"))
LENGTH = 5 + wire.reply_size(QUESTION.cells)
WORDS = {
    b"0": {b""},
    b"3": {b"malformed"},
    b"7": {b"denied"},
    b"8": {b"busy"},
    b"13": {b"internal"},
}
FIELDS = {
    b":status",
    b"content-type",
    b"grpc-accept-encoding",
    b"grpc-status",
    b"grpc-message",
}

# Outside these, nobody of ours stands who could catch anything: they are the frame
# between the transport and the door. They hold nothing but bytes of the question.
OUTERMOST = {("_Methods._call", "call"), ("_Methods._call", "return")}


@dataclass
class Ears:
    """A site behind its door, and everything that hears what leaves it."""

    site: LivingSite
    centre: doors.Centre
    folder: Path
    faults: Faults
    log: wiretap.Log
    capfd: pytest.CaptureFixture[str]

    def call(self, path: str, message: bytes) -> frames.Heard:
        """Ask on a connection, and check whatever comes of it."""
        heard, seen = wiretap.call(self.raw, path, message)
        said = [*wiretap.places(seen), ("log", self.log.taken())]
        out, err = self.capfd.readouterr()
        said += [("standard output", out.encode()), ("standard error", err.encode())]
        self.check(said)
        assert heard.message in WORDS[heard.status]
        assert {name for name, _ in heard.headers} <= FIELDS
        if heard.status != b"0":
            assert heard.data == b""
        elif path == ANSWER:
            assert len(heard.data) == LENGTH
        return heard

    @staticmethod
    def check(said: list[tuple[str, bytes]]) -> None:
        assert wiretap.found(canaries.WORD, said) == []
        assert wiretap.found(canaries.CORE, said) == []

    def open(self) -> None:
        """Open a new door; the one before let its server go."""
        self._door = doors.serving(
            self.centre, self.folder / f"door{next(_NUMBERS)}", self.site
        )
        self.serving = self._door.__enter__()
        tls = frames.context(self.centre.coordinator, self.folder)
        self.raw = wiretap.TappedConnection(self.serving.port, tls)

    def close(self) -> None:
        """Close the door, and hear its last words."""
        self.raw.settle()
        seen, _ = self.raw.taken()
        self.raw.close()
        self._door.__exit__(None, None, None)
        self.check([*wiretap.places(seen), ("log", self.log.taken())])

    def heal(self) -> None:
        """Give the site a fresh ledger, and a new door if the old one is shut."""
        self.site.afresh()
        if self.serving.server._shut:
            self.close()
            self.open()


_NUMBERS = itertools.count()


@pytest.fixture
def ears(
    records: living_site.Records,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Ears]:
    log = wiretap.Log()
    root = logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    site = LivingSite(tmp_path / "site", records)
    made = Ears(site, doors.Centre(tmp_path), tmp_path, Faults(), log, capfd)
    with traced_pools(made.faults):
        made.open()
        try:
            yield made
        finally:
            made.close()
            root.removeHandler(log)
            root.setLevel(level)


CALLS = {
    "fresh": (ANSWER, FRESH),
    "refused": (ANSWER, REFUSED),
    "describe": (DESCRIBE, b""),
    "malformed": (ANSWER, b"\xff"),
}


def _points(ears: Ears, *, lines: bool) -> dict[str, dict[Point, CodeType]]:
    """Watch every kind of call; a point counts for the first call that passes it."""
    known: set[Point] = set()
    found: dict[str, dict[Point, CodeType]] = {}
    for name, (path, message) in CALLS.items():
        with ears.faults.watching(lines=lines) as points:
            ears.call(path, message)
        found[name] = {p: c for p, c in sorted(points.items()) if p not in known}
        known |= points.keys()
    # The stored release is another way through the ledger than a fresh one.
    with ears.faults.watching(lines=lines) as points:
        ears.call(*CALLS["fresh"])
    found["again"] = {p: c for p, c in sorted(points.items()) if p not in known}
    return found


def _break(ears: Ears, call: str, point: Point, code: CodeType, kind: str) -> None:
    """Break one point with one kind of error, then see the node answer again."""
    path, message = CALLS["fresh" if call == "again" else call]
    ears.heal()
    if call == "again":
        assert ears.call(path, message).status == b"0"
    with ears.faults.failing(point, code, canaries.KINDS[kind]):
        ears.call(path, message)
    assert ears.faults.fired, f"{point} was not passed"


def _run(ears: Ears, *, lines: bool, every_kind: bool) -> tuple[int, int]:
    kinds = itertools.cycle(canaries.KINDS)
    points = tried = 0
    for call, found in _points(ears, lines=lines).items():
        for point, code in found.items():
            if (point.function, point.event) in OUTERMOST:
                continue
            points += 1
            for kind in canaries.KINDS if every_kind else [next(kinds)]:
                try:
                    _break(ears, call, point, code, kind)
                except (AssertionError, OSError) as error:
                    error.add_note(f"when {kind!r} was raised at {point} ({call})")
                    raise
                tried += 1
    ears.heal()
    assert ears.call(ANSWER, FRESH).status == b"0"
    return points, tried


def test_no_planted_byte_leaves_when_any_function_fails(ears: Ears) -> None:
    points, tried = _run(ears, lines=False, every_kind=False)
    print(f"{points} points, {tried} faults")
    assert points > 300
    assert tried >= len(canaries.KINDS)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_no_planted_byte_leaves_when_any_line_fails_in_any_way(ears: Ears) -> None:
    points, tried = _run(ears, lines=True, every_kind=True)
    print(f"{points} points, {tried} faults")
    assert tried == points * len(canaries.KINDS)
