"""Carry sites' heads to their peers while questions are under way.

A node lets an answer go only once enough peers have attested where its ledger stands.
The centre carries the statements; it can neither make nor alter one, and what it does
not carry is not answered. Each site has one thread here that waits, at the node, for
something to witness.
"""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Final, Self

from privacy.errors import ExchangeError, Unreachable, Untrusted
from privacy.statement import refused
from proto.client import NodeClient

_ROUND_SECONDS: Final = 0.5
"""How long one round waits for slow peers before it brings what it has."""

_PAUSE_SECONDS: Final = 0.2
"""How long a site that did not answer is left alone."""


class Witnessing:
    """Carry statements for some sites, among all that can be reached.

    Attributes:
        conflicts: Sites that stopped when a peer showed them what it keeps.
    """

    def __init__(
        self,
        sites: Sequence[str],
        nodes: Mapping[str, NodeClient],
        peers: Sequence[str],
    ) -> None:
        """Prepare; nothing is carried yet.

        Args:
            sites: Whose heads are to be witnessed.
            nodes: Every site's line, by its name.
            peers: The sites of the roster.
        """
        self._nodes = nodes
        self._peers = sorted(peer for peer in peers if peer in nodes)
        self.conflicts: set[str] = set()
        self._ending = threading.Event()
        self._calls = ThreadPoolExecutor(
            max(1, 2 * len(self._peers)), thread_name_prefix="witness"
        )
        self._rounds = [
            threading.Thread(target=self._carry, args=(site,), daemon=True)
            for site in sites
        ]

    def __enter__(self) -> Self:
        """Begin to carry."""
        for each in self._rounds:
            each.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Carry nothing more; a call under way ends with its line."""
        self._ending.set()
        self._calls.shutdown(wait=False, cancel_futures=True)

    def _carry(self, site: str) -> None:
        """Bring a site's heads to its peers, round after round."""
        node, peers = self._nodes[site], [p for p in self._peers if p != site]
        late: set[Future[bytes]] = set()
        # Few at first: each head a peer keeps costs it a durable write. Only the
        # site knows what is enough; once it was not, all are asked.
        asked = _few(site, peers)
        while peers and not self._ending.is_set():
            try:
                heads = node.standing(asked)
                if heads:
                    shown = dict(zip(asked, heads, strict=True))
                    late, enough = self._round(node, shown, late)
                    asked = asked if enough else peers
            except (ExchangeError, RuntimeError, ValueError):
                # The site is down, or pool or channel have ended; the asking says so.
                asked = peers
                self._ending.wait(_PAUSE_SECONDS)

    def _round(
        self, node: NodeClient, heads: Mapping[str, bytes], late: set[Future[bytes]]
    ) -> tuple[set[Future[bytes]], bool]:
        """Show peers their heads, and bring back what they attest as it comes.

        Returns:
            Peers that were not in time, to be brought with the next round; and
            whether the site said that it was enough.
        """
        waiting = late | {
            self._calls.submit(self._nodes[peer].witness, head)
            for peer, head in heads.items()
        }
        enough = False
        while waiting and not enough and not self._ending.is_set():
            done, still = wait(
                waiting, timeout=_ROUND_SECONDS, return_when="FIRST_COMPLETED"
            )
            if not done:
                break
            waiting = set(still)
            said = [each.result() for each in done if each.exception() is None]
            # Each by itself, or one peer that lies would spoil what others say.
            brought = [self._brought(node, attestation) for attestation in said]
            enough = any(brought)
        return waiting, enough

    def _brought(self, node: NodeClient, attestation: bytes) -> bool:
        """Bring a site what one peer attests; tell whether a quorum has attested."""
        try:
            return node.present([attestation])
        except Untrusted:
            # The site does not believe this peer; the others may be enough.
            return False
        except Unreachable:
            # Shown a head of its own that it does not hold, a node stops at once.
            if refused(attestation):
                self.conflicts.add(node.site)
            raise


def _few(site: str, peers: Sequence[str]) -> list[str]:
    """Choose a quorum for one colluder, other peers for other sites.

    See `privacy.statement.quorum`; a site that tolerates more says it is not enough.
    """
    number = min(len(peers), (len(peers) + 3) // 2)
    onward = [p for p in peers if p > site] + [p for p in peers if p < site]
    return sorted(onward[:number])
