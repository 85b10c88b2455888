"""The sites of a roster that no process serves here, witnessing over the wire."""

import contextlib
import threading
from typing import Self

from privacy.errors import ExchangeError
from tests.end_to_end.exchange import Centre, NodeProcess
from tests.end_to_end.papers import ELSEWHERE
from tests.governed import Peers

_CALL_SECONDS = 10
_PAUSE_SECONDS = 0.1


class Witnesses:
    """Threads that carry each node's heads to its peers, as the coordinator does.

    A node that is down is asked again; what its peers keep outlives it.
    """

    def __init__(self, centre: Centre, *processes: NodeProcess) -> None:
        self._centre = centre
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._carry, args=(process,))
            for process in processes
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(3 * _CALL_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads)

    def _carry(self, process: NodeProcess) -> None:
        peers = Peers.of(process.site, (*ELSEWHERE, process.site))
        while not self._ending.is_set():
            with (
                contextlib.suppress(ExchangeError),
                self._centre.client(process, call_seconds=_CALL_SECONDS) as client,
            ):
                while not self._ending.is_set():
                    heads = client.standing(peers.names)
                    if heads:
                        shown = zip(peers.names, heads, strict=True)
                        client.present([peers.attest(*each) for each in shown])
            self._ending.wait(_PAUSE_SECONDS)
