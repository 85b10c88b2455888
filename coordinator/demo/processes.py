"""Start, find again and stop the processes of a demonstration, and no others.

A process is known by its number and the moment it started, so a number that was
given to somebody else since is left alone.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from privacy.errors import Unreachable

_STOP_SECONDS: Final = 15.0
_STEP_SECONDS: Final = 0.05
_KNOWN: Final = "processes.json"


@dataclass(frozen=True, slots=True)
class Known:
    """One process that a demonstration started."""

    name: str
    number: int
    started: str


class Processes:
    """The long-running processes of one demonstration, written down as they start.

    Attributes:
        ending: Set once nothing new should be begun.
    """

    def __init__(self, directory: Path) -> None:
        """Use a directory; what an earlier demonstration left there is found."""
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._file = directory / _KNOWN
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._known = _read(self._file)

    def start(self, name: str, command: Sequence[str], *, log: Path) -> None:
        """Start a process of its own session, so that it can outlive this one."""
        with log.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        with self._lock:
            self._children[child.pid] = child
            self._known.append(Known(name, child.pid, _started(child.pid)))
            self._file.write_text(
                json.dumps([[k.name, k.number, k.started] for k in self._known])
            )

    def stop(self) -> None:
        """Ask every process to end, wait, and end those that did not."""
        living = [known for known in self._known if _lives(known)]
        for known in living:
            _signal(known, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and any(map(self._runs, living)):
            time.sleep(_STEP_SECONDS)
        for known in living:
            if self._runs(known):
                _signal(known, signal.SIGKILL)
        for child in self._children.values():
            child.wait()
        self._known = []
        self._file.unlink(missing_ok=True)

    def _runs(self, known: Known) -> bool:
        """Tell whether a process still runs; our own are collected when ended."""
        child = self._children.get(known.number)
        return child.poll() is None if child else _lives(known)


def free_ports(count: int = 1) -> list[int]:
    """Choose ports on loopback that are free and follow one another.

    They lie below those the system gives out by itself, to callers and to servers
    that name none, so that they stay free until somebody listens on them.
    """
    while True:
        first = 20_000 + secrets.randbelow(12_000)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            row = list(range(first, first + count))
            for port in row:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return row


def wait_for(port: int, *, name: str, seconds: float) -> None:
    """Wait until somebody listens on a port.

    Raises:
        Unreachable: nobody does in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1),
        ):
            return
        time.sleep(_STEP_SECONDS)
    raise Unreachable(f"{name} did not start in {seconds:.0f} seconds; read its log.")


def run(module: str, *words: str) -> str:
    """Run one of our commands to its end and return what it printed.

    Raises:
        Unreachable: it failed; what it said is in the sentence.
    """
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-m", module, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unreachable(f"`{module} {' '.join(words[:4])} ...` ended: {done.stderr}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Typed:
    """One command to be typed.

    Attributes:
        words: The command without its program.
        refused: Whether it is expected to be refused.
    """

    words: tuple[str, ...]
    refused: bool = False


def typed(module: str, commands: Sequence[Typed]) -> list[str]:
    """Type commands of one program, one after the other, in a process of their own.

    Returns:
        What each printed, or why it was refused.

    Raises:
        Unreachable: one ended in another way than was expected.
    """
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-m", "coordinator.demo.typist", f"{module}.cli.app"],
        input=json.dumps([asdict(each) for each in commands]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unreachable(f"A command of {module} failed: {done.stderr}")
    found: list[str] = json.loads(done.stdout)
    return found


def _read(file: Path) -> list[Known]:
    """Read the processes written down; an unreadable file names none."""
    try:
        return [
            Known(str(n), int(p), str(s)) for n, p, s in json.loads(file.read_text())
        ]
    except (OSError, ValueError):
        return []


def _lives(known: Known) -> bool:
    """Tell whether the very process written down is still there."""
    return bool(known.started) and _started(known.number) == known.started


def _started(number: int) -> str:
    """Return when a process started, in the system's own words; empty if it ended."""
    stat = Path(f"/proc/{number}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            # The name in brackets may hold spaces; what follows does not.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    shown = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "lstart=", "-p", str(number)],
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout.strip()


def _signal(known: Known, number: signal.Signals) -> None:
    """Signal a process unless it has just ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(known.number, number)
