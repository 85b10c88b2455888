"""A fresh key comes into use under load, and whenever the process is killed."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from node import identity
from node.dial import NodeDial, Pace
from node.door import Door
from node.server import NodeServer
from privacy.errors import ExchangeError
from proto import credentials, mtls
from proto.client import NodeClient
from tests import dialled, doors, exchanging
from tests.exchanging import Exchange

ROOT = Path(__file__).parents[2]
SOAK_EVERY = 1
QUICK_POINTS = 2


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with exchanging.exchange(doors.Centre(tmp_path)) as opened:
        yield opened


class Load:
    """Calls to a node without end, with and without a handshake for each."""

    def __init__(self, connected: Callable[[], NodeClient]) -> None:
        self._connected = connected
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, kwargs={"anew": number > 0})
            for number in range(3)
        ]
        self.done = 0
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for each in self._threads:
            each.join()

    def more(self, calls: int) -> None:
        """Wait until so many more calls have ended."""
        aim = self.done + calls
        while self.done < aim and not self.failed:
            self._ended.wait(0.01)

    def _ask(self, *, anew: bool) -> None:
        client = self._connected()
        while not self._ended.is_set():
            try:
                client.describe()
                self.done += 1
            except ExchangeError as error:
                self.failed.append(repr(error))
            if anew:
                client.close()
                client = self._connected()
        client.close()


def door(folder: Path, address: str) -> Door:
    """Set up a door as the commands do, from a site's own files."""
    return Door(
        address=address,
        identity=lambda: identity.load(folder),
        trust=lambda: identity.trust(folder, coordinator=mtls.COORDINATOR_URI),
        timetable=doors.Immediate(),  # type: ignore[arg-type]
        clock=doors.now,
    )


def renew_under(load: Load, exchange: Exchange, folder: Path, *, times: int) -> None:
    """Renew again and again while calls run; none of them fails."""
    seen = {exchanging.fingerprint(folder)}
    with load:
        for _ in range(times):
            exchange.renewal(folder).renew(now=doors.now())
            seen.add(exchanging.fingerprint(folder))
            load.more(20)
    assert load.failed == []
    assert len(seen) == times + 1


def test_a_serving_node_renews_under_load_without_a_failed_call(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    server = NodeServer(doors.Steady(), carried={}, door=door(folder, "127.0.0.1:0"))
    address, caller = f"127.0.0.1:{server.start()}", exchange.centre.coordinator
    load = Load(lambda: NodeClient(address, site="NYC", identity=caller))
    try:
        renew_under(load, exchange, folder, times=10)
    finally:
        server.drain(2.0)


def test_a_dialling_node_renews_under_load_without_a_failed_call(
    exchange: Exchange, tmp_path: Path
) -> None:
    folder = exchanging.aged(exchange.centre, tmp_path / "site", days=21)
    node = NodeDial(
        doors.Steady(),
        carried={},
        door=door(folder, exchange.address),
        pace=Pace(renew_seconds=0.3),  # so that every fresh certificate is dialled with
    )
    address, caller = f"127.0.0.1:{exchange.local_port}", exchange.centre.coordinator
    load = Load(lambda: NodeClient(address, site="NYC", identity=caller, dialled=True))
    try:
        dialled.start(node)
        renew_under(load, exchange, folder, times=5)
    finally:
        node.drain(2.0)


def kill_at(exchange: Exchange, folder: Path, point: int) -> tuple[int, int]:
    """Renew in a process that dies at one of its steps; give its code and the step."""
    script = [sys.executable, "-m", "tests.killed_renewal", str(folder)]
    ended = subprocess.run(
        [*script, exchange.address, str(point)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, int(ended.stdout or 0)


def killed(exchange: Exchange, tmp_path: Path, points: range) -> None:
    """Kill a renewal at many steps; after each there is one whole pair."""
    for point in points:
        folder = exchanging.aged(exchange.centre, tmp_path / f"site{point}", days=21)
        code, _ = kill_at(exchange, folder, point)
        assert code == 9, point
        exchanging.check_whole(exchange, folder)
        exchange.renewal(folder).renew(now=doors.now())
        exchanging.check_whole(exchange, folder)
        assert len(credentials.key_files(folder)) == 1
        assert not (folder / credentials.NEXT_FILE).exists()
        exchange.centre.authority.revoke_site("NYC", now=doors.now())


def steps(exchange: Exchange, tmp_path: Path) -> int:
    """Count the steps of a renewal that nobody kills."""
    folder = exchanging.aged(exchange.centre, tmp_path / "counted", days=21)
    code, count = kill_at(exchange, folder, 0)
    assert code == 0
    assert count > 30
    return count


def test_a_renewal_killed_at_some_of_its_steps_leaves_a_whole_pair(
    exchange: Exchange, tmp_path: Path
) -> None:
    count = steps(exchange, tmp_path)
    killed(exchange, tmp_path, range(3, count, max(1, count // QUICK_POINTS)))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_renewal_killed_at_each_of_its_steps_leaves_a_whole_pair(
    exchange: Exchange, tmp_path: Path
) -> None:
    killed(exchange, tmp_path, range(1, steps(exchange, tmp_path), SOAK_EVERY))
