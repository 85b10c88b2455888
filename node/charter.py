"""The law of this site, as its ledger has it now, and the one way to change it.

A rule made by the command line or brought by the coordinator is an entry in the
ledger, so the node that serves obeys it at the very next call. Whoever brings a
rule, what counts is who signed it.
"""

import datetime as dt
import threading
from collections.abc import Callable, Mapping

from node.ledger import Ledger
from privacy import draw_papers, policy, roster, signing, succession
from privacy.chain import GENESIS, Event, Kind, place
from privacy.decision import Act, Decision
from privacy.errors import Busy, NotAllowed
from privacy.law import Law
from privacy.mandate import Revocation, StandingDown
from privacy.signing import Document

BROUGHT = {
    signing.Kind.ROSTER: Kind.ROSTER,
    signing.Kind.EDITION: Kind.EDITION,
    signing.Kind.MANDATE: Kind.MANDATE,
    signing.Kind.REVOCATION: Kind.REVOKED,
    signing.Kind.STANDING_DOWN: Kind.STOOD_DOWN,
    signing.Kind.DRAW: Kind.DRAW,
    signing.Kind.ANALYSIS_PLAN: Kind.ANALYSIS_PLAN,
}
"""What the coordinator may bring, and the entry it becomes."""

ADOPTED, WAITING, KNOWN = "adopted", "waiting", "known"
"""What can become of a document that was believed."""

_SENT = {Kind.EDITION, Kind.MANDATE}
_NAMES_NETWORK: Mapping[signing.Kind, Callable[[Document], str]] = {
    signing.Kind.ROSTER: lambda document: roster.parse(document).network,
    signing.Kind.POLICY: lambda document: policy.parse(document).network,
}
_ATTEMPTS = 5


class Charter:
    """Read and change one site's law."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        site: str,
        training: bool = False,
        changed: Callable[[Kind], None] = lambda _kind: None,
    ) -> None:
        """Use a ledger.

        Args:
            ledger: Where the law is.
            site: Whose it is.
            training: Whether the site's records are invented.
            changed: Told of every rule made through this charter, for the people
                who must know.
        """
        self.site = site
        self._ledger = ledger
        self._training = training
        self._changed = changed
        self._lock = threading.Lock()
        self._law = Law(site=site)
        self.last_moment = dt.datetime.min.replace(tzinfo=dt.UTC)
        """When the last rule was made; a clock before it is wrong."""

    def law(self) -> Law:
        """Return what holds now; entries made since the last look are read first.

        Raises:
            LedgerInconsistent: an entry is there that nobody had the right to make.
        """
        with self._lock:
            if self._ledger.law_mark() != self._law.mark:
                law = self._law
                for entry, file in self._ledger.law(law.mark):
                    law = succession.extend(law, entry, file)
                    made = dt.datetime.fromisoformat(entry.at)
                    self.last_moment = max(self.last_moment, made)
                self._check_kind(law)
                self._law = law
            return self._law

    def _check_kind(self, law: Law) -> None:
        """Answer as a live site under no rules for training, whoever edited what.

        Raises:
            NotAllowed: the signed rules in force are for training.
        """
        if not self._training and True in _kinds(law):
            raise NotAllowed(
                f"Site {self.site} is under rules for training and its settings say "
                "that it is live; put `training = true` back in node.toml. Nothing is "
                "answered."
            )

    def enact(
        self,
        kind: Kind,
        document: Document | None = None,
        *,
        subject: str = "",
        now: dt.datetime,
    ) -> Law:
        """Make a rule, if its signers had the right to, and return what holds then.

        Args:
            kind: Of the entry.
            document: What it rests on, if anything.
            subject: What it is about, where no document says so.
            now: The moment, for the record.

        Raises:
            ExchangeError: it may not be made; nothing changed.
            Busy: others kept changing the law; nothing changed.
        """
        if document is not None:
            self.check_network(document)
        for _ in range(_ATTEMPTS):
            law = self.law()
            event = Event(
                kind=kind,
                at=now.astimezone(dt.UTC).isoformat(timespec="microseconds"),
                document=document.digest.hex() if document else None,
                detail=succession.note(kind, document, subject),
            )
            # Tried out in a place of its own; the ledger gives it its real one.
            trial = place(event, sequence=law.mark + 1, previous_hash=GENESIS)
            succession.after(law, trial, document)
            try:
                file = document.file() if document else None
                self._ledger.enact(event, document=file, after=law.mark, now=now)
            except Busy:
                continue
            self._changed(kind)
            return self.law()
        raise Busy("The site's rules kept changing, so nothing was done; try again.")

    def check_network(self, document: Document) -> None:
        """Keep a training site and a live network apart, and the other way round.

        Raises:
            NotAllowed: a roster or a policy is for the other kind of network.
        """
        if document.kind not in _NAMES_NETWORK:
            return
        name = _NAMES_NETWORK[document.kind](document)
        if roster.is_training(name) is not self._training:
            ours = "a training site" if self._training else "a live site"
            raise NotAllowed(
                f"Site {self.site} is {ours} and network {name[:32]} is not for one: "
                f"the name of a training network, and of no other, begins with "
                f"{roster.TRAINING}; nothing was changed."
            )

    def decide(
        self, act: Act, *, subject: str | None = None, reason: str, now: dt.datetime
    ) -> Document:
        """Draft an officer's decision about things as they stand, to be signed."""
        drafted = Decision(
            site=self.site,
            act=act,
            subject=subject,
            reason=reason,
            follows=self.law().mark_hash,
            at=now,
        )
        return drafted.document()

    def deliver(self, document: Document, *, now: dt.datetime) -> str:
        """Take what the coordinator brings, if those who signed it may say so.

        Returns:
            ADOPTED: it is in force. WAITING: an officer must decide.
            KNOWN: the site has it already.

        Raises:
            ExchangeError: it is not believed; nothing changed.
        """
        kind = BROUGHT.get(document.kind)
        if kind is None or _is_made_here(document):
            raise NotAllowed(
                f"A {document.kind.value} is never taken from the coordinator; it is "
                "made at the site."
            )
        law = self.law()
        if _is_known(law, kind, document, now):
            return KNOWN
        law = self.enact(kind, document, now=now)
        if kind not in _SENT:
            return ADOPTED
        subject = document.digest.hex()
        if not succession.by_rule(law, law.sent[subject].what):
            return WAITING
        self.enact(Kind.ACCEPTED, subject=subject, now=now)
        return ADOPTED


def _kinds(law: Law) -> set[bool]:
    """Tell of each rule in force that names a network whether it is for training."""
    rules = (law.roster, law.policy)
    return {roster.is_training(each.network) for each in rules if each is not None}


def _is_made_here(document: Document) -> bool:
    """Tell whether a paper of a draw is the site's own: it is never taken back in."""
    if document.kind is not signing.Kind.DRAW:
        return False
    paper = draw_papers.parse(document)
    return draw_papers.step_of(paper) not in draw_papers.BROUGHT


def _is_known(law: Law, kind: Kind, document: Document, now: dt.datetime) -> bool:
    """Tell whether a document is in force, waits, or was decided already.

    What nobody decided in time is over, so the Board may send the same again.
    """
    digest = document.digest.hex()
    if kind in _SENT:
        sent = law.sent.get(digest)
        return sent is not None and (sent.fate is not None or sent.waits(now))
    if kind is Kind.DRAW:
        return any(digest in draw.papers for draw in law.draws.values())
    if kind is Kind.ANALYSIS_PLAN:
        return any(each.plan.digest == document.digest for each in law.plans)
    if kind is Kind.REVOKED:
        # Said twice it changes nothing, and must not make the ledger grow.
        return Revocation.parse(document).mandate in law.withdrawn
    if kind is Kind.STOOD_DOWN:
        order = StandingDown.parse(document)
        return (order.number, order.turn) == (law.turn_number, law.turn)
    return law.roster is not None and law.roster.digest == document.digest
