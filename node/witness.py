"""Two sides of one rule: nothing leaves before peers have seen where the ledger is.

As a node of its own, `Standing` states the ledger's head, counts which peers have
attested it since this start, and stops the node for good when a peer hands back a
head that this site once signed and its ledger no longer holds. As a peer of others,
`Witness` keeps their newest heads.

Which entries a head shows is public in itself: an entry is shown from the moment the
reply that rests on it may leave, and not from the moment the work on it was done,
which may depend on records.

See `privacy.statement` for why a quorum is enough.
"""

import threading
import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.ledger import Ledger
from privacy import statement
from privacy.errors import BadSignature, LedgerInconsistent, UnknownPeer
from privacy.law import Law
from privacy.roster import Roster
from privacy.statement import NONE, Head, Verdict


class RolledBack(LedgerInconsistent):
    """Stop: a peer holds a head of this site that this ledger does not hold."""

    code = "rolled-back"


class Standing:
    """Where this site's ledger stands, since this start, in its peers' eyes."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        site: str,
        key: Ed25519PrivateKey,
        law: Callable[[], Law],
    ) -> None:
        """Begin after the node has noted its start in the ledger.

        Args:
            ledger: This site's.
            site: This site.
            key: Signs its statements; its public half is in the roster.
            law: Returns what holds now.
        """
        head = ledger.head()
        self._ledger = ledger
        self._site = site
        self._key = key
        self._public = key.public_key().public_bytes_raw()
        self._law = law
        self._epoch, self._boot = head.epoch, head.boot
        self._shown = head.sequence
        self._started = head.sequence
        self._attested: dict[str, int] = {}
        self._kept: dict[str, tuple[int, bytes]] = {}
        self._moved = threading.Condition()

    def began(self, *, seconds: float = 0.0) -> bool:
        """Tell whether enough peers have attested this start; wait a little for it."""
        return self._wait(self._started, seconds)

    def show(self, sequence: int, *, seconds: float) -> bool:
        """Show an entry to witnesses, and tell whether enough attested it in time.

        Requires: the moment of the call is public.

        Args:
            sequence: The entry an answer rests on.
            seconds: How long to wait for attestations.
        """
        with self._moved:
            if sequence > self._shown:
                self._shown = sequence
                self._moved.notify_all()
        return self._wait(sequence, seconds)

    def heads(self, peers: Sequence[str], *, seconds: float) -> tuple[bytes, ...]:
        """Sign where the ledger stands, once for each peer that is to keep it.

        Returns:
            One head per peer, in order; none if nothing waits for witnesses within
            the given time, or the site has no roster.

        Raises:
            UnknownPeer: the roster lists no such peer.
        """
        deadline = time.monotonic() + seconds
        with self._moved:
            while (roster := self._law().roster) is None or self._enough(self._shown):
                left = deadline - time.monotonic()
                if left <= 0:
                    return ()
                self._moved.wait(left)
            sequence, kept = self._shown, dict(self._kept)
        strangers = set(peers) - (set(roster.members) - {self._site})
        if strangers:
            raise UnknownPeer("A site that is not in the roster witnesses nothing.")
        return tuple(self._head(sequence, *kept.get(p, (0, NONE))) for p in peers)

    def present(self, attestations: Sequence[bytes]) -> bool:
        """Take what peers attest, and tell whether all that is shown is attested.

        Raises:
            BadSignature: one is not by a peer in the roster, or not about this
                start of this site.
            RolledBack: one proves that this ledger was turned back.
        """
        roster = self._law().roster
        if roster is None:
            raise UnknownPeer(f"Site {self._site} has no roster yet.")
        for data in attestations:
            self._take(data, roster)
        with self._moved:
            self._moved.notify_all()
            return self._enough(self._shown)

    def _take(self, data: bytes, roster: Roster) -> None:
        """Take one attestation: count it, learn from it, or stop."""
        witness = statement.witness_of(data)
        if witness == self._site or witness not in roster.members:
            raise BadSignature("An attestation is by a site that is no peer.")
        said = statement.read_attestation(data, key=roster.members[witness].key)
        if (said.about, said.boot) != (self._site, self._boot):
            raise BadSignature("An attestation is about another site or start.")
        # The head was signed here: a peer cannot make one up to stop this node.
        kept = statement.read_head(said.kept, key=self._public)
        if kept.epoch < self._epoch:
            return
        ours = self._ledger.hash_at(kept.sequence)
        if kept.epoch > self._epoch or ours is None or bytes.fromhex(ours) != kept.hash:
            raise RolledBack(
                f"Site {witness} holds a newer state of this ledger than the ledger "
                "itself, so it was restored from an old copy or runs twice; stop the "
                "node, and have two officers run `cmpp-node reopen`."
            )
        with self._moved:
            self._kept[witness] = (kept.sequence, kept.hash)
            taken = said.verdict is Verdict.TAKEN and kept.boot == self._boot
            if taken and kept.sequence > self._attested.get(witness, 0):
                self._attested[witness] = kept.sequence

    def _head(self, sequence: int, follows: int, follows_hash: bytes) -> bytes:
        newest = self._ledger.hash_at(sequence)
        if newest is None:
            raise LedgerInconsistent("The ledger lost an entry; stop the node.")
        head = Head(
            site=self._site,
            epoch=self._epoch,
            boot=self._boot,
            follows_sequence=follows,
            follows_hash=follows_hash,
            sequence=sequence,
            hash=bytes.fromhex(newest),
        )
        return head.signed(self._key)

    def _wait(self, sequence: int, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        with self._moved:
            while not self._enough(sequence):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._moved.wait(left)
            return True

    def _enough(self, sequence: int) -> bool:
        """Tell whether a quorum of today's roster attested an entry or a later one."""
        law = self._law()
        if law.roster is None or law.policy is None:
            return False
        peers = [p for p in law.roster.members if p != self._site]
        found = sum(self._attested.get(peer, 0) >= sequence for peer in peers)
        tolerated = law.policy.tolerated_colluders
        return found >= statement.quorum(len(law.roster.members), tolerated)


class Witness:
    """The newest head of every other site, kept durably, and attested on demand."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        site: str,
        key: Ed25519PrivateKey,
        law: Callable[[], Law],
    ) -> None:
        """Keep other sites' heads beside this site's own ledger."""
        self._ledger = ledger
        self._site = site
        self._key = key
        self._law = law

    def attest(self, data: bytes) -> bytes:
        """Keep a head if it follows the one kept, and sign what is kept.

        Raises:
            UnknownPeer: there is no roster, or it does not list the site.
            BadSignature: the site did not sign the head.
        """
        roster = self._law().roster
        about = statement.site_of(data)
        if roster is None or about == self._site or about not in roster.members:
            raise UnknownPeer("This site witnesses only its peers in the roster.")
        key = roster.members[about].key
        shown = statement.read_head(data, key=key)
        verdict = Verdict.REFUSED

        def decide(kept: bytes | None) -> bytes | None:
            nonlocal verdict
            verdict = Verdict.REFUSED
            # A key may have changed since; what was kept was checked when it was.
            before = None if kept is None else statement.kept_head(kept)
            if not statement.takes(before, shown):
                return None
            verdict = Verdict.TAKEN
            return data

        kept = self._ledger.witness(about, decide)
        attestation = statement.Attestation(
            witness=self._site,
            about=about,
            boot=shown.boot,
            verdict=verdict,
            kept=data if kept is None else kept,
        )
        return attestation.signed(self._key)
