"""One line to one site: puts questions over it, and names what went wrong."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from coordinator.evidence import SignedAnswer
from coordinator.order import Question
from coordinator.result import Status
from coordinator.sites import Site
from coordinator.store import Release
from privacy.errors import (
    BudgetExhausted,
    Busy,
    CertificateRefused,
    ExchangeError,
    Unreachable,
    Untrusted,
)
from proto import wire
from proto.client import NodeClient
from proto.wire import RefusalCode

_LANES: Final = 4
"""Questions under way at one site at a time."""

_FAILURES_MAX: Final = 2
"""Calls to a silent site before the rest are not even tried."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Say why a site gave no release.

    Attributes:
        status: One of the closed list.
        reason: For a refusal or an error, its fixed code.
        left_pico: For a spent budget, what is left.
        asked_pico: For a spent budget, what the question costs.
    """

    status: Status
    reason: str | None = None
    left_pico: int = 0
    asked_pico: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one site said to one question: a release, or why there is none.

    Attributes:
        charged_pico: What the site charged for this call.
        worst_pico: The same in the worst-case column.
        held: The centre had the release and did not ask.
        signed: The answer as the site signed it, if it came now.
        refused: Digest of the signed question, if the site refused it.
    """

    question: Question
    site: str
    release: Release | None = None
    missing: Missing | None = None
    charged_pico: int = 0
    worst_pico: int = 0
    held: bool = False
    signed: SignedAnswer | None = None
    refused: bytes | None = None

    def without(self, missing: Missing) -> "Reply":
        """Return the same reply with its release taken out."""
        return replace(self, release=None, missing=missing)


class Line:
    """Put questions to one site, a few at a time."""

    def __init__(
        self,
        site: Site,
        client: NodeClient,
        *,
        words: Callable[[Question], wire.Ask],
        key: bytes,
    ) -> None:
        """Open the line; nothing is sent yet.

        Args:
            site: Whom it leads to.
            client: The channel to its node.
            words: Writes and signs a question for this site, the same each time.
            key: The site's public key in the roster, which signs its answers.
        """
        self.site = site
        self._client = client
        self._words = words
        self._key = key
        self._lanes = ThreadPoolExecutor(_LANES, thread_name_prefix=site.name)
        self._failures: list[Missing] = []

    def put(self, question: Question, deadline: float) -> "Future[Reply]":
        """Put a question; the reply comes by the deadline on the monotonic clock."""
        return self._lanes.submit(self._put, question, deadline)

    def late(self, question: Question) -> Reply:
        """Return the reply that stands for no reply by the deadline."""
        down = self._failures[-1] if self._failures else Missing(Status.PENDING)
        return Reply(question=question, site=self.site.name, missing=down)

    def close(self) -> None:
        """Put nothing more; calls under way end with the channel."""
        self._lanes.shutdown(wait=False, cancel_futures=True)

    def _put(self, question: Question, deadline: float) -> Reply:
        """Ask the node, unless it has been silent for long enough."""
        remaining = deadline - time.monotonic()
        if len(self._failures) >= _FAILURES_MAX or remaining <= 0:
            return self.late(question)
        try:
            ask = self._words(question)
            said = self._client.answer(ask, deadline_seconds=remaining)
        except ExchangeError as error:
            missing = _missing(error)
            if missing.status is Status.CERTIFICATE:
                self._failures += [missing] * _FAILURES_MAX
            elif missing.status is Status.UNREACHABLE:
                self._failures.append(missing)
            return Reply(question=question, site=self.site.name, missing=missing)
        if isinstance(said, wire.Refusal):
            return Reply(
                question=question,
                site=self.site.name,
                missing=_no(said),
                refused=ask.digest,
            )
        return self._checked(question, ask, said)

    def _checked(self, question: Question, ask: wire.Ask, said: wire.Answer) -> Reply:
        """Take an answer only if the site signed it, to this, with enough noise."""
        reply = Reply(
            question=question,
            site=self.site.name,
            charged_pico=said.charged_pico,
            worst_pico=said.worst_pico,
        )
        signed = SignedAnswer.of(ask, said)
        if not signed.is_signed_by(self._key):
            return reply.without(Missing(Status.ERROR, "not-signed-by-the-site"))
        if said.release_key != question.key or len(said.values) != question.size:
            return reply.without(Missing(Status.ERROR, "other-question"))
        if said.variance < question.noise(said.rho).variance:
            return reply.without(Missing(Status.ERROR, "noise-not-as-declared"))
        release = Release(
            release_key=said.release_key,
            site=self.site.name,
            values=said.values,
            variance=said.variance,
            rho=said.rho,
        )
        return replace(reply, release=release, signed=signed)


def _missing(error: ExchangeError) -> Missing:
    """Sort an error into the closed list."""
    match error:
        case Busy():
            return Missing(Status.PENDING, error.code)
        case CertificateRefused() | Untrusted():
            return Missing(Status.CERTIFICATE, error.code)
        case Unreachable():
            return Missing(Status.UNREACHABLE)
        case _:
            return Missing(Status.ERROR, error.code)


def _no(refusal: wire.Refusal) -> Missing:
    """Turn a refusal into its code, with both amounts for a spent budget."""
    reason = refusal.code.name.lower().replace("_", "-")
    if refusal.code is not RefusalCode.BUDGET_EXHAUSTED:
        return Missing(Status.REFUSED, reason)
    return Missing(
        Status.REFUSED, BudgetExhausted.code, refusal.left_pico, refusal.asked_pico
    )
