"""Work on each question once, in a small pool, and keep the outcome for its asker.

A reply may have to leave before the work is done. The work then goes on, and
whoever asks the same question again is given its outcome.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from privacy.errors import Busy

_KEPT_MAX: Final = 256

T = TypeVar("T")


class Desk(Generic[T]):
    """Hold the questions being worked on, and the outcomes not yet collected."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        """Open the desk.

        Args:
            at_once: How many questions are worked on at once.
            waiting: How many more may wait for their turn.
        """
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="answer")
        self._room = at_once + waiting
        self._lock = threading.Lock()
        self._flights: dict[bytes, Future[T]] = {}

    def start(self, key: bytes, work: Callable[[], T]) -> Future[T]:
        """Start work under a key, or join the work already started under it.

        Raises:
            Busy: There is no room; nothing was started.
        """
        with self._lock:
            if key in self._flights:
                return self._flights[key]
            unfinished = sum(not flight.done() for flight in self._flights.values())
            if unfinished >= self._room:
                raise Busy("The node has no room for the question; ask again shortly.")
            flight = self._pool.submit(work)
            self._flights[key] = flight
            self._forget_oldest()
            return flight

    def collect(self, key: bytes, flight: Future[T]) -> T | None:
        """Take the outcome if it is there, and forget it here.

        What is forgotten is only who was told: the ledger keeps the release.
        """
        if not flight.done():
            return None
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        return flight.result()

    def close(self) -> None:
        """Take no more work, and wait for what was started."""
        self._pool.shutdown(wait=True)

    def _forget_oldest(self) -> None:
        """Bound the outcomes that nobody came back for."""
        done = [key for key, flight in self._flights.items() if flight.done()]
        for key in done[: max(0, len(self._flights) - _KEPT_MAX)]:
            del self._flights[key]
