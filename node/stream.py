"""Keep one stream to the coordinator, from its opening to its end.

The first frame each way says who is there. After that every call that arrives goes
through the node's door, on a thread of its own, and how it ended goes back.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from queue import Empty, Full, Queue
from typing import Final

import grpc
from cryptography import x509

from node.door import CALLS_MAX, Caller, Keeper
from privacy.errors import ExchangeError
from proto import link, mtls
from proto.canonical import check
from proto.link import Beat, Frame, Kind
from proto.status import Status

_LOG = logging.getLogger(__name__)

_OPEN_SECONDS: Final = 15.0
"""How long the proof may take, with the way through a proxy."""

_OUTBOX_MAX: Final = 256
_BLOCKED_SECONDS: Final = 4.0
# A link's end names itself to us by its status; nothing else in it is looked at.
_SUPERSEDED: Final = grpc.StatusCode.ABORTED


class Calls:
    """Lead calls through the door, so many at a time over all links."""

    def __init__(self, keeper: Keeper) -> None:
        """Use a door."""
        self.keeper = keeper
        self._pool = ThreadPoolExecutor(CALLS_MAX, thread_name_prefix="call")
        self._room = threading.BoundedSemaphore(CALLS_MAX)

    def begin(self, frame: Frame, caller: Caller, end: Callable[[Frame], None]) -> None:
        """Begin a call, and hand over how it ended; at once if there is no room."""
        if not self._room.acquire(blocking=False):
            end(link.end(frame.id, Status.BUSY))
            return
        try:
            self._pool.submit(self._run, frame, caller, end)
        except RuntimeError:  # we are ending
            self._room.release()
            end(link.end(frame.id, Status.BUSY))

    def close(self) -> None:
        """Begin no more."""
        self._pool.shutdown(wait=False)

    def _run(self, frame: Frame, caller: Caller, end: Callable[[Frame], None]) -> None:
        try:
            ending = self.keeper.reply(frame.method, frame.payload, caller)
            said = link.end(frame.id, ending)
        except BaseException:  # noqa: BLE001 - whatever it is, it stays here
            said = link.end(frame.id, Status.INTERNAL)
        finally:
            self._room.release()
        end(said)


class Stream:
    """One stream to the coordinator, from its opening to its end."""

    def __init__(self, channel: grpc.Channel, *, own: bytes, calls: Calls) -> None:
        """Open the stream, and say hello.

        Args:
            channel: The way to the coordinator, of this link alone.
            own: Fingerprint of the certificate we show.
            calls: Leads what arrives through the door.
        """
        self._channel = channel
        self._own = own
        self._calls = calls
        self._nonce = secrets.token_bytes(link.NONCE_BYTES)
        self._outbox: Queue[bytes | None] = Queue(_OUTBOX_MAX)
        self._opened = time.monotonic()
        self._pulse = link.Pulse(self._opened)
        self._caller: Caller | None = None
        self._under_way: set[int] = set()
        self._lock = threading.Lock()
        self._finished = False
        self.is_closed = False
        self.was_superseded = False
        self.send(Frame(kind=Kind.HELLO, payload=self._nonce))
        invoke: grpc.StreamStreamMultiCallable[bytes, bytes]
        invoke = channel.stream_stream(link.LINK)
        self._call = invoke(iter(self._outbox.get, None))
        threading.Thread(target=self._listen, name="link", daemon=True).start()

    @property
    def is_proven(self) -> bool:
        """Whether we know who keeps the other end, and the link still stands."""
        return self._caller is not None and not self.is_closed

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for the end of a call."""
        return bool(self._under_way) and not self.is_closed

    def age(self, now: float) -> float:
        """Count the seconds since the link was opened."""
        return now - self._opened

    def leave(self) -> None:
        """Tell the coordinator to send no more calls."""
        if self.is_proven:
            self.send(link.LEAVE)

    def finish(self) -> None:
        """Send what waits to be sent, and nothing after it; the other end closes."""
        self._finished = True
        with contextlib.suppress(Full):
            self._outbox.put(None, timeout=_BLOCKED_SECONDS)

    def look(self, now: float) -> None:
        """Send a ping if one is due, and end a link on which nothing passes."""
        if not self.is_proven:
            if self.age(now) > _OPEN_SECONDS:
                self.close()
            return
        match self._pulse.look(now, busy=self.is_busy):
            case Beat.PING:
                self.send(link.PING)
            case Beat.DEAD:
                _LOG.warning("link silent")
                self.close()
            case Beat.NOTHING:
                pass

    def send(self, frame: Frame) -> None:
        """Put a frame on its way; a link that takes nothing for long is ended."""
        try:
            self._outbox.put(frame.to_bytes(), timeout=_BLOCKED_SECONDS)
        except Full:
            self.close()

    def close(self) -> None:
        """End the link; how calls under way end is not told over it any more."""
        with self._lock:
            if self.is_closed:
                return
            self.is_closed = True
        self._call.cancel()
        with contextlib.suppress(Empty):  # room for the end, which must be come upon
            self._outbox.get_nowait()
        with contextlib.suppress(Full):
            self._outbox.put_nowait(None)
        self._channel.close()

    def _end(self, frame: Frame) -> None:
        """Say how a call ended, and forget it."""
        try:
            self.send(frame)
        except BaseException:  # noqa: BLE001 - whoever waits is told by the link's end
            self.close()
        with self._lock:
            self._under_way.discard(frame.id)

    def _listen(self) -> None:
        """Take frames until there are no more, and say in one word why."""
        failure: BaseException | None = None
        try:
            for data in self._call:
                self._pulse.heard(time.monotonic())
                self._take(Frame.from_bytes(data))
        except BaseException as error:  # noqa: BLE001 - it must not leave the thread
            failure = error
        if isinstance(failure, grpc.RpcError):
            self.was_superseded = failure.code() is _SUPERSEDED
        if self.was_superseded:
            _LOG.info("link replaced")
        elif not self.is_closed and not self._finished:
            note(failure)
        self.close()

    def _take(self, frame: Frame) -> None:
        """Do what a frame asks.

        Raises:
            Malformed: It has no place here, or a call of its number is under way.
            Untrusted: Whoever keeps the other end may not call.
        """
        if self._caller is None:
            check(frame.kind is Kind.PROOF, "kind")
            certificate = link.proved(
                frame.payload, nonce=self._nonce, dialled_with=self._own
            )
            caller = partial(_checked, certificate)
            self._calls.keeper.check(caller)
            self._caller = caller
            _LOG.info("linked")
        elif frame.kind is Kind.PING:
            self.send(link.PONG)
        elif frame.kind is Kind.CALL:
            with self._lock:
                check(frame.id not in self._under_way, "id")
                self._under_way.add(frame.id)
            self._calls.begin(frame, self._caller, self._end)
        else:
            check(frame.kind is Kind.PONG, "kind")


def _checked(certificate: x509.Certificate, trust: mtls.Trust, now: datetime) -> None:
    """Check who keeps the link's other end, anew for every call."""
    mtls.check_name(certificate, trust=trust, now=now)


def note(error: BaseException | None) -> None:
    """Log why a link ended, in a word of our own."""
    kind = "ended" if error is None else "unforeseen"
    if isinstance(error, grpc.RpcError):
        kind = error.code().name.lower().replace("_", "-")
    elif isinstance(error, ExchangeError):
        kind = type(error).code
    _LOG.warning("link lost kind=%s", kind)
