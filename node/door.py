"""Keep the node's door: who may speak, what they may hear, and when.

There are two ways to it, one that listens and one that dials out; see `node.server`
and `node.dial`. Both only carry bytes, and everything they carry comes through here.

Every call is checked for itself: a connection that was good an hour ago proves
nothing now. Whatever happens behind the door, what passes it is a reply of public
size at a public moment, or one of four statuses with constant words. What went
wrong stays in the local log under a random reference, and even there only as the
name of one of our own errors.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]

from node.desk import Desk
from privacy.errors import (
    BadConfiguration,
    Busy,
    Corrupt,
    ExchangeError,
    LedgerStopped,
    Pending,
    Refused,
)
from proto import description, mtls, wire
from proto import status as statuses
from proto.canonical import check, encode, parse
from proto.client import ANSWER, DESCRIBE
from proto.status import Status

HEALTH: Final = "/grpc.health.v1.Health/Check"
EXIT_LEDGER_STOPPED: Final = 5
CALLS_MAX: Final = 64
# One at a time, so that the order of entries in the ledger, which witnesses see,
# tells nothing about how long the work on a question took.
_AT_ONCE: Final = 1
_WAITING: Final = 31

_LOG = logging.getLogger(__name__)

Ending = bytes | Status
"""How a call ends: the bytes of a message, or a status."""

Carried = Callable[[bytes], bytes]  # for the coordinator: see `node.carrier`

Caller = Callable[[mtls.Trust, datetime], object]
"""Checks who calls, as the transport knows it, against who may at this moment."""


class Story(Protocol):
    """What the door needs from the node behind it."""

    def answer(self, ask: wire.Ask, *, now: datetime) -> wire.Answer:
        """Give the one release for a question, or refuse."""

    def check(self, ask: wire.Ask, *, now: datetime) -> None:
        """Refuse what rules made since do not allow any more."""

    def show(self, answer: wire.Answer) -> bool:
        """Show an answer's entry to witnesses; tell whether it may leave."""

    def describe(self) -> description.Description:
        """State public facts about the site."""


class Timetable(Protocol):
    """What decides when a reply leaves."""

    def hold(self, work: Future[Done] | None, *, arrived: float, cells: int) -> None:
        """Return when the reply may leave; there is no work if there was no room."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a question: how the call ends, and an answer if there is one."""

    ending: Ending
    answer: wire.Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Hold how the door is set up.

    Attributes:
        address: Where to listen, or whom to dial, ``host:port``.
        identity: Reads our key and certificate, anew for every handshake.
        trust: Reads who may call, anew for every call.
        timetable: Decides when replies leave.
        clock: Tells the time, with its time zone.
    """

    address: str
    identity: Callable[[], mtls.Identity]
    trust: Callable[[], mtls.Trust]
    timetable: Timetable
    clock: Callable[[], datetime]


class Keeper:
    """Keep one node's door, whichever way calls come to it."""

    def __init__(
        self, story: Story, *, carried: Mapping[str, Carried], door: Door
    ) -> None:
        """Take the story behind the door; nothing is open yet."""
        self._story = story
        self._door = door
        self._desk: Desk[Done] = Desk(at_once=_AT_ONCE, waiting=_WAITING)
        self._serving = True
        self._shut = False
        self._exit_code = 0
        self._ending = threading.Event()
        self._methods: dict[str, Callable[[bytes], Ending]] = {
            **carried,
            ANSWER: self._answer,
            DESCRIBE: self._describe,
            HEALTH: self._health,
        }

    def end(self) -> None:
        """Ask for the server to end; `wait` returns. Safe in a signal handler."""
        self._ending.set()

    def wait(self) -> int:
        """Wait until somebody or a broken ledger asks for the end.

        Returns:
            The exit code the process should end with.
        """
        self._ending.wait()
        return self._exit_code

    def leave(self) -> None:
        """Say of ourselves, from now on, that we do not serve any more."""
        self._serving = False

    def close(self) -> None:
        """Let the work that was started finish, and take no more."""
        self._desk.close()

    def check(self, caller: Caller) -> None:
        """Check who calls against who may at this moment.

        Raises:
            Untrusted: They may not.
        """
        caller(self._door.trust(), self._door.clock())

    def identity(self) -> mtls.Identity:
        """Read our key and certificate, and say nothing of what is wrong with them.

        Raises:
            BadConfiguration: They cannot be read.
        """
        failure: ExchangeError = BadConfiguration(
            "The node's key and certificate cannot be read; restore them, or join "
            "again."
        )
        try:
            return self._door.identity()
        except ExchangeError as error:
            failure = error
        except BaseException:  # noqa: BLE001, S110 - the transport would log its words
            pass
        _LOG.warning("certificate not read; the one in use is kept")
        raise failure

    def reply(self, method: str, data: bytes, caller: Caller) -> Ending:
        """Check the caller, run the method, and let nothing else pass."""
        try:
            self.check(caller)
            run = self._methods.get(method)
            return Status.MALFORMED if run is None else run(data)
        except BaseException as error:  # noqa: BLE001 - native panics are among them
            failure = error
        return self._failed(failure)

    def _answer(self, data: bytes) -> Ending:
        """Reply to a question at its public moment, whatever the outcome."""
        arrived = time.monotonic()
        ask = wire.ask_from_bytes(data)
        not_ready = wire.reply_to_bytes(wire.NotReady(), cells=ask.cells)
        key = hashlib.sha256(data).digest()
        try:
            work = self._desk.start(key, partial(self._work, ask))
        except Busy:
            self._door.timetable.hold(None, arrived=arrived, cells=ask.cells)
            return Status.BUSY
        self._door.timetable.hold(work, arrived=arrived, cells=ask.cells)
        if not work.done():  # looked at once: what ends later has not been shown yet
            return not_ready
        # This moment is public, so what is shown to witnesses from now on is, too.
        # Work that failed is collected too, or every later asker would fail with it.
        answer = work.result().answer if work.exception() is None else None
        kept_back = answer and self._kept_back(ask, answer, not_ready)
        if kept_back:
            return kept_back
        done = self._desk.collect(key, work)
        return not_ready if done is None else done.ending

    def _kept_back(
        self, ask: wire.Ask, answer: wire.Answer, unready: bytes
    ) -> Ending | None:
        """Return what is said instead of an answer that may not leave now, if so.

        A rule was made since, such as a revocation; or too few peers saw its entry.
        """
        try:
            if self._shut:
                return Status.INTERNAL
            self._story.check(ask, now=self._door.clock())
            return None if self._story.show(answer) else unready
        except Refused as error:
            return wire.reply_to_bytes(statuses.refusal(error), cells=ask.cells)

    def _work(self, ask: wire.Ask) -> Done:
        """Turn all that can come of a question into an ending, and note which."""
        if self._shut:
            return Done(Status.INTERNAL)
        outcome = self._outcome(ask)
        if isinstance(outcome, BaseException):
            return Done(self._failed(outcome))
        said, reply = outcome
        if isinstance(said, wire.Answer):
            prefix = said.release_key.hex()[:12]
            _LOG.info("released metric=%s key=%s", ask.metric, prefix)
        elif isinstance(said, wire.Refusal):
            _LOG.info("refused metric=%s code=%s", ask.metric, said.code.name)
        return Done(reply, said if isinstance(said, wire.Answer) else None)

    def _outcome(self, ask: wire.Ask) -> tuple[wire.Outcome, bytes] | BaseException:
        """Run the story, and hand over an error instead of handling it.

        A log that cannot be written prints the error being handled, with all its
        causes, on standard error. So nothing is noted while one is.
        """
        said: wire.Outcome
        try:
            try:
                said = self._story.answer(ask, now=self._door.clock())
            except Refused as error:
                said = statuses.refusal(error)
            except Pending:
                said = wire.NotReady()
            return said, wire.reply_to_bytes(said, cells=ask.cells)
        except BaseException as error:  # noqa: BLE001 - native panics are among them
            return error

    def _describe(self, data: bytes) -> Ending:
        check(data == b"", "describe")
        return description.description_to_bytes(self._story.describe())

    def _health(self, data: bytes) -> Ending:
        parse(health_pb2.HealthCheckRequest, data)
        state = health_pb2.HealthCheckResponse.ServingStatus
        reply = health_pb2.HealthCheckResponse(
            status=state.SERVING if self._serving else state.NOT_SERVING
        )
        return encode(reply)

    def _failed(self, error: BaseException) -> Ending:
        """Keep an error inside: fail shut, note it locally, give its status."""
        ending = Status.INTERNAL
        kind = "unforeseen"
        if isinstance(error, ExchangeError):
            kind = type(error).code
            ending = statuses.status(error)
        if isinstance(error, Corrupt):
            self._serving = False
            self._shut = True
        if isinstance(error, LedgerStopped):
            self._exit_code = EXIT_LEDGER_STOPPED
            self.end()
        reference = secrets.token_hex(4)
        _LOG.warning("%s ref=%s kind=%s", ending.words, reference, kind)
        return ending


class Transport(Protocol):
    """One of the two ways to the door."""

    def end(self) -> None:
        """Ask for the end; `wait` returns. Safe in a signal handler."""

    def wait(self) -> int:
        """Wait until somebody or a broken ledger asks for the end."""

    def drain(self, grace_seconds: float) -> None:
        """Take no more calls, and let those inside finish."""


def run(transport: Transport, *, grace_seconds: float) -> int:
    """Serve until told to end by a signal or a broken ledger, then drain.

    Returns:
        The exit code the process should end with.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: transport.end())
    code = transport.wait()
    transport.drain(grace_seconds)
    return code
