"""Know which sites have dialled in, and put calls to them over their links.

A site that nobody can call opens a link itself and keeps it open. Here every call to
such a site finds its link, waits for its end, and fails at once when there is none or
when it dies. A site has one link that takes calls: its newest.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime
from queue import Empty, Full, Queue
from typing import Final

from cryptography import x509

from privacy.errors import ExchangeError, Unreachable
from proto import link as links
from proto import mtls
from proto.canonical import check
from proto.link import Beat, Frame, Kind
from proto.status import Status

_LOG = logging.getLogger(__name__)

CALLS_MAX: Final = 64
"""Calls under way on one link; a node takes no more either."""

_OUTBOX_MAX: Final = 256
_BLOCKED_SECONDS: Final = 4.0
_GRACE_SECONDS: Final = 60.0
"""How long calls under way may take on a link that a newer one replaced."""

_GAP_SECONDS: Final = 5.0
"""How long a call waits for a site that was there a moment ago."""

Ending = bytes | Status


class NotLinked(Unreachable):
    """Tell a caller that a site has not dialled in."""


class LinkLost(Unreachable):
    """Tell a caller that a site's link died before the call ended."""


class Link:
    """One stream that a site opened, with the calls under way on it.

    Attributes:
        site: Whose it is, by its certificate.
        certificate: The one it was opened with.
        was_superseded: Whether a newer link took its place.
        was_refused: Whether its certificate is not good any more.
        has_left: Whether the site said that it takes no more calls.
    """

    def __init__(self, site: str, certificate: x509.Certificate) -> None:
        """Begin with a stream that was just opened."""
        self.site = site
        self.certificate = certificate
        self.was_superseded = False
        self.was_refused = False
        self.has_left = False
        self._closed = False
        self._ends_by = float("inf")
        self._lock = threading.Lock()
        self._calls: dict[int, Future[Ending]] = {}
        self._outbox: Queue[Frame | None] = Queue(_OUTBOX_MAX)
        self._pulse = links.Pulse(time.monotonic())

    @property
    def is_closed(self) -> bool:
        """Whether nothing passes any more."""
        return self._closed

    def send(self, frame: Frame) -> None:
        """Put a frame on its way; a link that takes nothing for long is closed."""
        try:
            self._outbox.put(frame, timeout=_BLOCKED_SECONDS)
        except Full:
            self.close()

    def outgoing(self) -> Iterator[bytes]:
        """Yield what is to be sent, until the link is closed."""
        while not self._closed and (frame := self._outbox.get()) is not None:
            yield frame.to_bytes()

    def call(self, frame: Frame) -> Future[Ending]:
        """Put a call over the link; its future ends with the call or with the link.

        Raises:
            LinkLost: The link has just died; nothing was sent.
        """
        work: Future[Ending] = Future()
        with self._lock:
            if self._closed:
                raise _lost(self.site)
            if len(self._calls) >= CALLS_MAX:
                work.set_result(Status.BUSY)
                return work
            self._calls[frame.id] = work
        self.send(frame)
        return work

    def forget(self, number: int) -> None:
        """Wait no longer for the end of a call."""
        with self._lock:
            self._calls.pop(number, None)
        self._end_if_done()

    def listen(self, frames: Iterator[bytes]) -> None:
        """Take what the site sends until it ends, and close the link.

        Raises:
            Malformed: The site sent what has no place on a link.
        """
        try:
            for data in frames:
                self._pulse.heard(time.monotonic())
                self._take(Frame.from_bytes(data))
                if self._closed:
                    break
        finally:
            self.close()

    def look(self, now: float) -> None:
        """Send a ping if one is due, and close a link on which nothing passes."""
        if now > self._ends_by:
            self.close()
            return
        match self._pulse.look(now, busy=bool(self._calls)):
            case Beat.PING:
                self.send(links.PING)
            case Beat.DEAD:
                _LOG.warning("link silent site=%s", self.site)
                self.close()
            case Beat.NOTHING:
                pass

    def retire(self) -> None:
        """Make room for a newer link: close when the calls under way have ended."""
        self.was_superseded = True
        self._take_no_more()
        self._end_if_done()

    def close(self) -> None:
        """Let nothing pass any more; every call under way ends as lost."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            calls, self._calls = self._calls, {}
        with contextlib.suppress(Empty):  # room for the end, which must be come upon
            self._outbox.get_nowait()
        with contextlib.suppress(Full):
            self._outbox.put_nowait(None)
        for work in calls.values():
            work.set_exception(_lost(self.site))

    def _take(self, frame: Frame) -> None:
        """Do what a frame says."""
        if frame.kind is Kind.END:
            with self._lock:
                work = self._calls.pop(frame.id, None)
            # Nobody waits any more for a call that was given up.
            if work is not None:
                work.set_result(frame.ending)
            self._end_if_done()
        elif frame.kind is Kind.PING:
            self.send(links.PONG)
        elif frame.kind is Kind.LEAVE:
            self.has_left = True
            self._take_no_more()
        else:
            check(frame.kind is Kind.PONG, "kind")

    def _take_no_more(self) -> None:
        self._ends_by = min(self._ends_by, time.monotonic() + _GRACE_SECONDS)

    def _end_if_done(self) -> None:
        """Close a link that was replaced and on which no call is under way."""
        if self.was_superseded and not self._calls:
            self.close()

    @property
    def takes_calls(self) -> bool:
        """Whether a new call may be put over it."""
        return not self._closed and self._ends_by == float("inf")


class Switchboard:
    """Hold every site's link, and put calls over them."""

    def __init__(
        self, *, trust: Callable[[], mtls.Trust], clock: Callable[[], datetime]
    ) -> None:
        """Begin with no link.

        Args:
            trust: Reads which sites may dial in, and what was revoked.
            clock: Tells the time, with its time zone.
        """
        self._trust = trust
        self._clock = clock
        self._changed = threading.Condition()
        self._newest: dict[str, Link] = {}
        self._open: set[Link] = set()
        self._began = time.monotonic()
        self._seen: dict[str, float] = {}

    def linked(self) -> tuple[str, ...]:
        """Name the sites that can be reached at this moment."""
        with self._changed:
            found = [s for s, each in self._newest.items() if each.takes_calls]
        return tuple(sorted(found))

    def open_links(self, site: str) -> int:
        """Count the links a site has open, also those that take no calls."""
        with self._changed:
            return sum(each.site == site for each in self._open)

    def caller(
        self, auth: Mapping[str, Iterable[bytes]]
    ) -> tuple[str, x509.Certificate]:
        """Name the site on the other end of a connection, and its certificate.

        Raises:
            Untrusted: It may not dial in.
        """
        uri = mtls.check_call(auth, trust=self._trust(), now=self._clock())
        (pem,) = auth["x509_pem_cert"]  # one, or the check had refused it
        site = uri.removeprefix(mtls.site_uri(""))
        return site, x509.load_pem_x509_certificate(pem)

    def plug(self, link: Link) -> None:
        """Take a site's new link; the one before takes no calls from now on."""
        with self._changed:
            before = self._newest.get(link.site)
            self._newest[link.site] = link
            self._open.add(link)
            self._changed.notify_all()
        if before is not None:
            before.retire()
        _LOG.info("linked site=%s", link.site)

    def unplug(self, link: Link) -> None:
        """Forget a link that ended."""
        with self._changed:
            self._open.discard(link)
            if self._newest.get(link.site) is link:
                del self._newest[link.site]
                # Who said goodbye is not waited for.
                self._seen[link.site] = (
                    float("-inf") if link.has_left else time.monotonic()
                )
                _LOG.info("link lost site=%s", link.site)

    def call(self, site: str, method: str, message: bytes, *, seconds: float) -> Ending:
        """Put one call to a site over its link, and wait for its end.

        Raises:
            NotLinked: The site has not dialled in.
            LinkLost: Its link died before the call ended; ask again.
            Unreachable: It did not end in time.
            Malformed: No frame can carry it.
        """
        deadline = time.monotonic() + seconds
        number = secrets.randbelow(links.ID_MAX) + 1
        frame = Frame(kind=Kind.CALL, id=number, method=method, payload=message)
        link = self._link(site, deadline)
        work = link.call(frame)
        try:
            return work.result(timeout=max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            link.forget(number)
            raise Unreachable(
                f"The node of {site} did not answer in time; ask again."
            ) from None

    def look(self) -> None:
        """Look after every link; to be called a few times a second."""
        now = time.monotonic()
        for each in self._links():
            each.look(now)

    def check(self) -> None:
        """Close links whose certificate is not good any more.

        To be called every second: what is revoked is cut off that soon. If it cannot
        be read who may dial in, every link is closed.
        """
        found = self._links()
        if not found:
            return
        try:
            trust, now = self._trust(), self._clock()
        except BaseException:
            for each in found:
                each.close()
            raise
        for each in found:
            try:
                mtls.check_name(each.certificate, trust=trust, now=now)
            except ExchangeError as error:
                _LOG.warning("link refused site=%s kind=%s", each.site, error.code)
                each.was_refused = True
                each.close()

    def close(self) -> None:
        """Close every link."""
        for each in self._links():
            each.close()

    def _links(self) -> tuple[Link, ...]:
        with self._changed:
            return tuple(self._open)

    def _link(self, site: str, deadline: float) -> Link:
        """Find the link of a site; wait a little if it was there a moment ago."""
        with self._changed:
            until = min(deadline, self._seen.get(site, self._began) + _GAP_SECONDS)
            while True:
                link = self._newest.get(site)
                if link is not None and link.takes_calls:
                    return link
                left = until - time.monotonic()
                if left <= 0:
                    raise NotLinked(
                        f"{site} has not dialled in; its operator runs "
                        "`cmpp-node doctor` and `cmpp-node dial` there."
                    )
                self._changed.wait(left)


def _lost(site: str) -> LinkLost:
    return LinkLost(f"The link of {site} was lost during the call; ask again.")
