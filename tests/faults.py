"""Make the product fail at any point it passes through, with any error.

The interpreter's own tracing is the tool: a trace function that raises puts its
error exactly where the program stands. So every function the product enters, every
line it comes to and every return is a fault point, found by watching and not by
a list that somebody must keep. Nothing of the product is replaced.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import thread
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_PRODUCT = tuple(f"{_ROOT / name}/" for name in ("node", "privacy", "proto"))
_GENERATED = f"{_ROOT / 'proto' / 'cmpp'}/"


@dataclass(frozen=True, order=True)
class Point:
    """A place in the product: entering, coming to a line of, or leaving a function."""

    file: str
    function: str
    event: str
    line: int

    def __str__(self) -> str:
        """Say where it is, as a traceback would."""
        return f"{self.file}:{self.line} {self.event} {self.function}"


class Faults:
    """Watch the product's path, then break it at one point of it."""

    def __init__(self) -> None:
        self._points: dict[Point, CodeType] | None = None
        self._lines = False
        self._armed: tuple[CodeType, str, int] | None = None
        self._make: Callable[[], BaseException] = RuntimeError
        self.fired = False

    @contextmanager
    def watching(self, *, lines: bool) -> Iterator[dict[Point, CodeType]]:
        """Collect every point passed on the threads of any pool."""
        self._points, self._lines = {}, lines
        try:
            yield self._points
        finally:
            self._points = None

    @contextmanager
    def failing(
        self, point: Point, code: CodeType, make: Callable[[], BaseException]
    ) -> Iterator[None]:
        """Raise what `make` gives, the first time a point is passed."""
        self._make, self.fired = make, False
        self._armed = (code, point.event, point.line)
        try:
            yield
        finally:
            self._armed = None

    def on_entry(self, frame: FrameType, event: str, _: object) -> Any:
        """Trace a call: the interpreter's hook."""
        code = frame.f_code
        armed = self._armed
        if armed is not None:
            if code is not armed[0]:
                return None
            self._maybe_raise(frame, event)
            return self._inside
        if self._points is None or not code.co_filename.startswith(_PRODUCT):
            return None
        if code.co_filename.startswith(_GENERATED):
            return None
        self._note(frame, event)
        return self._inside

    def _inside(self, frame: FrameType, event: str, _: object) -> Any:
        if self._armed is not None:
            self._maybe_raise(frame, event)
        elif self._points is not None and (self._lines or event == "return"):
            self._note(frame, event)
        return self._inside

    def _note(self, frame: FrameType, event: str) -> None:
        code = frame.f_code
        if event == "exception" or self._points is None:
            return
        if event == "return" and code.co_flags & inspect.CO_GENERATOR:
            return  # a yield, where no error can arise
        point = Point(
            file=str(Path(code.co_filename).relative_to(_ROOT)),
            function=code.co_qualname,
            event=event,
            line=frame.f_lineno if event == "line" else code.co_firstlineno,
        )
        self._points.setdefault(point, code)

    def _maybe_raise(self, frame: FrameType, event: str) -> None:
        assert self._armed is not None
        code, wanted, line = self._armed
        if self.fired or frame.f_code is not code or event != wanted:
            return
        if event == "line" and frame.f_lineno != line:
            return
        self.fired = True
        raise self._make()


@contextmanager
def traced_pools(faults: Faults) -> Iterator[None]:
    """Trace whatever any thread pool runs, each piece of work anew.

    An error raised by a trace function also ends tracing on its thread.
    """
    plain = thread._WorkItem.run

    def run(item: Any) -> None:
        before = sys.gettrace()
        sys.settrace(faults.on_entry)
        try:
            plain(item)
        finally:
            sys.settrace(before)

    thread._WorkItem.run = run  # type: ignore[method-assign]
    try:
        yield
    finally:
        thread._WorkItem.run = plain  # type: ignore[method-assign]
