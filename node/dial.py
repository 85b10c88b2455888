"""Dial out to the coordinator, and lead the calls that come back through the door.

Nothing listens here. The node opens one stream, learns by a signed proof who keeps
its other end, and answers what arrives on it. A link that was lost is opened again
after a pause by chance; one that has grown old is replaced before it is closed, so
that a renewed certificate comes into use and a revoked one goes out of it.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.door import Carried, Door, Keeper, Story
from node.stream import Calls, Stream, note
from proto import link, mtls
from proto.proxy import proxy_for

_LOG = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.2
_OLD_SECONDS: Final = 60.0
"""How long a link that was replaced may take to end by itself."""

_LAST_SECONDS: Final = 1.0
"""How long the last words on a link may take to arrive at the end."""

_NO_HURRY: Final = 4
_CHANCE_STEPS: Final = 10_000
_OWN_POOL: Final = (("grpc.use_local_subchannel_pool", 1),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Hold how soon a link is opened again.

    Attributes:
        first_seconds: The longest pause after the first failure.
        most_seconds: The longest pause however many there were.
        renew_seconds: The age at which a link is replaced.
    """

    first_seconds: float = 0.5
    most_seconds: float = 30.0
    renew_seconds: float = 540.0

    def pause(self, failures: int) -> float:
        """Choose a pause by chance, up to a limit that doubles with each failure."""
        limit = min(self.most_seconds, self.first_seconds * 2.0 ** min(failures, 30))
        return limit * secrets.randbelow(_CHANCE_STEPS) / _CHANCE_STEPS


class NodeDial:
    """Answer one node's story over links that the node opens itself."""

    def __init__(
        self,
        story: Story,
        *,
        carried: Mapping[str, Carried],
        door: Door,
        proxy_url: str | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Prepare the door; nothing is dialled yet.

        Args:
            story: The node behind the door.
            carried: Further methods by name; see `node.carrier`.
            door: How the door is set up.
            proxy_url: The proxy of our settings; see `proto.proxy`.
            pace: How soon a link is opened again.
        """
        self.keeper = Keeper(story, carried=carried, door=door)
        self._address = door.address
        self._proxy_url = proxy_url
        self._pace = pace or Pace()
        self._calls = Calls(self.keeper)
        self._links: list[Stream] = []
        self._failures = 0
        self._next_try = 0.0
        self._leaving = False
        self._stopped = threading.Event()
        self._watch = threading.Thread(target=self._keep, name="dial", daemon=True)

    @property
    def linked(self) -> bool:
        """Whether calls can reach the node at this moment."""
        return any(each.is_proven for each in self._links)

    def start(self) -> None:
        """Begin to dial, and go on until drained.

        Raises:
            BadConfiguration: Our certificate cannot be read, or the proxy's
                address is not one.
        """
        self.keeper.identity()
        proxy_for(self._address, setting=self._proxy_url)
        self._watch.start()
        _LOG.info("dialling")

    def end(self) -> None:
        """Ask for the end; `wait` returns. Safe in a signal handler."""
        self.keeper.end()

    def wait(self) -> int:
        """Wait until somebody or a broken ledger asks for the end.

        Returns:
            The exit code the process should end with.
        """
        return self.keeper.wait()

    def drain(self, grace_seconds: float) -> None:
        """Take no more calls, let those inside finish, then let the work finish."""
        self.keeper.leave()
        self._leaving = True
        for each in tuple(self._links):
            each.leave()
        deadline = time.monotonic() + grace_seconds
        while any(x.is_busy for x in self._links) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS / 4)
        self._stopped.set()
        if self._watch.is_alive():
            self._watch.join()
        # What was put on its way has not arrived: a link that is cut now loses it.
        proven = [each for each in self._links if each.is_proven]
        for each in proven:
            each.finish()
        deadline = time.monotonic() + _LAST_SECONDS
        while any(x.is_proven for x in proven) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS / 8)
        for each in self._links:
            each.close()
        self.keeper.close()
        self._calls.close()
        _LOG.info("drained")

    def _keep(self) -> None:
        """Look after the links, a few times a second, whatever happens."""
        while not self._stopped.is_set():
            try:
                self._look(time.monotonic())
            except BaseException as error:  # noqa: BLE001 - or nobody would dial again
                note(error)
            self._stopped.wait(_LOOK_SECONDS)

    def _look(self, now: float) -> None:
        """Look after every link, and open one if it is time to."""
        for each in self._links:
            each.look(now)
        self._after_losses(now)
        if self._is_due(self._links[-1] if self._links else None, now):
            self._open(now)

    def _after_losses(self, now: float) -> None:
        """Forget links that ended, and choose when to dial again."""
        lost = [each for each in self._links if each.is_closed]
        self._links = [each for each in self._links if not each.is_closed]
        if self.linked:
            self._failures = 0
            for old in self._links[:-1]:
                if old.age(now) > self._pace.renew_seconds + _OLD_SECONDS:
                    old.close()
        elif lost:
            self._failures += 1
            if any(each.was_superseded for each in lost):
                # Not by us: we have none. It is no reason to hurry, or the two of us
                # would go on for ever.
                _LOG.warning("link taken by another node with our certificate's name")
                self._failures += _NO_HURRY
            self._next_try = now + self._pace.pause(self._failures - 1)

    def _is_due(self, newest: Stream | None, now: float) -> bool:
        """Say whether a link is to be opened now."""
        if self._leaving or now < self._next_try:
            return False
        if newest is None:
            return True
        return newest.is_proven and newest.age(now) >= self._pace.renew_seconds

    def _open(self, now: float) -> None:
        """Open a link with the certificate of this moment."""
        self._next_try = now + self._pace.first_seconds
        try:
            identity = self.keeper.identity()
            channel = mtls.channel(
                self._address,
                peer_dns=mtls.COORDINATOR_DNS,
                authority=identity.authority,
                identity=identity,
                proxy=proxy_for(self._address, setting=self._proxy_url),
                options=(*link.OPTIONS, *_OWN_POOL),
            )
            own = link.fingerprint(identity.chain)
        except BaseException as error:  # noqa: BLE001 - the thread must go on
            self._failures += 1
            self._next_try = now + self._pace.pause(self._failures)
            note(error)
            return
        self._links.append(Stream(channel, own=own, calls=self._calls))
