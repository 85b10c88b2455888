"""Put a question to one node and wait for what it says, within a limit.

A question is asked again only while the node says ``pending`` or ``busy``; the
same question can never be charged twice, so asking again is always safe. The
transport itself never repeats a call.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import grpc

from privacy.errors import (
    Busy,
    CertificateRefused,
    ExchangeError,
    InvalidQuery,
    Pending,
    Unreachable,
    Untrusted,
)
from privacy.signing import Document
from proto import description, mtls, relay, wire
from proto.cmpp.v1 import node_pb2

_NODE: Final = node_pb2.DESCRIPTOR.services_by_name["Node"].full_name
ANSWER: Final = f"/{_NODE}/Answer"
DESCRIBE: Final = f"/{_NODE}/Describe"
STANDING: Final = f"/{_NODE}/Standing"
WITNESS: Final = f"/{_NODE}/Witness"
PRESENT: Final = f"/{_NODE}/Present"
DELIVER: Final = f"/{_NODE}/Deliver"

SITE_KEY: Final = "cmpp-site"
"""Names, beside a call at the switchboard, the site it is for."""

NOT_LINKED: Final = "not linked"
LINK_LOST: Final = "link lost"
NO_REPLY: Final = "no reply"
"""What the switchboard says of a site it could not reach, and no other words."""

# The node itself paces its replies; this only keeps threads out of step.
_OWN_POOL: Final = (("grpc.use_local_subchannel_pool", 1),)
_PAUSE_MILLISECONDS: Final = (50, 100)
# Words the TLS library uses when it does not accept the node's certificate.
# They are looked for, never shown.
_CERTIFICATE_WORDS: Final = ("certificate", "handshake", "verification")


class _LinkLost(Unreachable):
    """Say that a site's link died under a call; the site may be back at once."""


class NodeClient:
    """Speak to one site's node over one channel."""

    def __init__(
        self,
        address: str,
        *,
        site: str,
        identity: mtls.Identity,
        call_timeout_seconds: float = 60.0,
        dialled: bool = False,
    ) -> None:
        """Prepare the channel; nothing is sent yet.

        Args:
            address: Where the node listens, ``host:port``; for a site that dials in,
                where our own switchboard does.
            site: The site whose certificate the node must show.
            identity: Our own key and certificate, and the authority.
            call_timeout_seconds: The limit of one call. It must exceed the
                moment at which the node lets its replies go.
            dialled: Whether the site dials in.
        """
        self.site = site
        self._call_timeout_seconds = call_timeout_seconds
        self._beside = ((SITE_KEY, site),) if dialled else ()
        self._channel = mtls.channel(
            address,
            peer_dns=mtls.COORDINATOR_DNS if dialled else mtls.site_dns(site),
            authority=identity.authority,
            identity=identity,
            options=_OWN_POOL,
        )

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the channel."""
        self.close()

    def close(self) -> None:
        """Close the channel; a call still running ends as unreachable."""
        self._channel.close()

    def answer(
        self, ask: wire.Ask, *, deadline_seconds: float
    ) -> wire.Answer | wire.Refusal:
        """Ask, and ask again while the node is not ready, until the deadline.

        Raises:
            Pending: The node was still working at the deadline; ask again later.
            Busy: The node had no room until the deadline.
            Unreachable: The node did not answer.
            CertificateRefused: The node's certificate is not good.
            Untrusted: The node does not accept our certificate.
            InvalidQuery: The node does not understand the question.
            Malformed: The node's reply is not one this question can have.
        """
        deadline = time.monotonic() + deadline_seconds
        question = wire.ask_to_bytes(ask)
        waiting: Busy | _LinkLost | None = None
        while True:
            try:
                data = self._call(ANSWER, question, deadline)
                outcome = wire.reply_from_bytes(data, cells=ask.cells)
                if not isinstance(outcome, wire.NotReady):
                    return outcome
                waiting = Pending(_STILL_WORKING)
            except (Busy, _LinkLost) as still:
                waiting = still
            except Unreachable:
                # Our own deadline cut the call short: the node did answer before.
                if waiting is None or time.monotonic() < deadline:
                    raise
                raise waiting from None
            shortest, longest = _PAUSE_MILLISECONDS
            wait = (shortest + secrets.randbelow(longest - shortest)) / 1000
            if time.monotonic() + wait >= deadline:
                raise waiting
            time.sleep(wait)

    def describe(self) -> description.Description:
        """Read the node's public facts.

        Raises:
            Unreachable: The node did not answer.
            Untrusted: Either end did not accept the other, or the node calls
                itself by another site's name.
        """
        deadline = time.monotonic() + self._call_timeout_seconds
        found = description.description_from_bytes(self._call(DESCRIBE, b"", deadline))
        if found.site != self.site:
            raise Untrusted(
                f"The node at site {self.site} describes itself as another site; "
                "check the node's configuration."
            )
        return found

    def standing(self, peers: Sequence[str]) -> tuple[bytes, ...]:
        """Read the site's signed heads, one for each peer that is to witness them.

        The node waits a little for something to witness.

        Returns:
            One head per peer, in their order; none if nothing waits for witnesses.

        Raises:
            ExchangeError: As `answer` lists.
        """
        data = self._now(STANDING, relay.peers_to_bytes(peers))
        return relay.heads_from_bytes(data, peers=len(peers))

    def witness(self, head: bytes) -> bytes:
        """Show this site another site's head, and read what it attests."""
        data = self._now(WITNESS, relay.head_to_bytes(head))
        return relay.attestation_from_bytes(data)

    def present(self, attestations: Sequence[bytes]) -> bool:
        """Bring the site its peers' attestations; say whether they are enough."""
        data = self._now(PRESENT, relay.attestations_to_bytes(attestations))
        return relay.enough_from_bytes(data)

    def deliver(self, document: Document) -> str:
        """Bring the site a signed document, and read what became of it.

        Returns:
            A word of `relay.DELIVERIES`.

        Raises:
            ExchangeError: As `answer` lists.
        """
        word = "more"
        for part in relay.parts(document.kind, document.file()):
            word = relay.delivery_from_bytes(
                self._now(DELIVER, relay.part_to_bytes(part))
            )
            if word != "more":
                break
        return word

    def _now(self, method: str, message: bytes) -> bytes:
        return self._call(
            method, message, time.monotonic() + self._call_timeout_seconds
        )

    def _call(self, method: str, message: bytes, deadline: float) -> bytes:
        timeout = min(self._call_timeout_seconds, deadline - time.monotonic())
        return call(
            self._channel,
            method,
            message,
            timeout=timeout,
            peer=f"node of {self.site}",
            beside=self._beside,
        )


def call(
    channel: grpc.Channel,
    method: str,
    message: bytes,
    *,
    timeout: float,
    peer: str,
    beside: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """Make one call of bytes for bytes, and name what went wrong.

    Args:
        channel: The way to the peer.
        method: What is called.
        message: What is sent.
        timeout: For how many seconds to wait.
        peer: What the sentence of an error calls it.
        beside: Words sent beside the message.

    Raises:
        ExchangeError: One of the errors that `NodeClient.answer` lists.
    """
    invoke: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    try:
        return invoke(message, timeout=max(timeout, 0.001), metadata=beside or None)
    except grpc.RpcError as error:
        # The transport's own words may quote what the other end chose to send.
        about_link = _link_error(error, peer) if beside else None
        raise about_link or _error(error, peer) from None


_STILL_WORKING: Final = (
    "The site is still working on the question; ask the same again, it is not "
    "charged twice."
)


def _error(error: grpc.RpcError, peer: str) -> ExchangeError:
    code = error.code()
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidQuery(
                f"The {peer} does not understand the question; bring both ends to one "
                "version."
            )
        case grpc.StatusCode.PERMISSION_DENIED:
            return Untrusted(f"The {peer} does not accept our certificate; renew it.")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Busy(f"The {peer} has no room for the question; ask again shortly.")
        case grpc.StatusCode.INTERNAL:
            return Unreachable(
                f"The {peer} stopped for an internal reason; its operator finds the "
                "reference in the node's log."
            )
        case _ if _is_about_certificates(error):
            return CertificateRefused(
                f"The certificate of the {peer} is expired, foreign or for another "
                "name; its operator renews it."
            )
        case _:
            return Unreachable(
                f"The {peer} did not answer; check that it is running, and that our "
                "own certificate is current."
            )


def _link_error(error: grpc.RpcError, peer: str) -> ExchangeError | None:
    """Name what stands between us and a site that dials in, if that is what it is."""
    if error.code() is not grpc.StatusCode.UNAVAILABLE or _is_about_certificates(error):
        return None
    said = error.details()
    if said == NOT_LINKED:
        return Unreachable(
            f"The {peer} has not dialled in; its operator runs `cmpp-node dial` "
            "there, and `cmpp-node doctor` to find what is in its way."
        )
    if said == LINK_LOST:
        return _LinkLost(f"The link of the {peer} was lost during the call; ask again.")
    if said == NO_REPLY:
        return None
    return Unreachable(
        f"The {peer} dials in, and nobody here takes its links; start `cmpp serve` on "
        "this machine."
    )


def _is_about_certificates(error: grpc.RpcError) -> bool:
    words = str(error.details() or "").lower()
    return any(word in words for word in _CERTIFICATE_WORDS)
