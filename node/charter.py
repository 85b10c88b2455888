"""The law of this site, as its ledger has it now, and the one way to change it.

A rule made by the command line or brought by the coordinator is an entry in the
ledger, so the node that serves obeys it at the very next call. Whoever brings a
rule, what counts is who signed it.
"""

import datetime as dt
import threading
from collections.abc import Callable

from node.ledger import Ledger
from privacy import signing, succession
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
}
"""What the coordinator may bring, and the entry it becomes."""

ADOPTED, WAITING, KNOWN = "adopted", "waiting", "known"
"""What can become of a document that was believed."""

_SENT = {Kind.EDITION, Kind.MANDATE}
_ATTEMPTS = 5


class Charter:
    """Read and change one site's law."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        site: str,
        changed: Callable[[Kind], None] = lambda _kind: None,
    ) -> None:
        """Use a ledger.

        Args:
            ledger: Where the law is.
            site: Whose it is.
            changed: Told of every rule made through this charter, for the people
                who must know.
        """
        self.site = site
        self._ledger = ledger
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
                self._law = law
            return self._law

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
        if kind is None:
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


def _is_known(law: Law, kind: Kind, document: Document, now: dt.datetime) -> bool:
    """Tell whether a document is in force, waits, or was decided already.

    What nobody decided in time is over, so the Board may send the same again.
    """
    digest = document.digest.hex()
    if kind in _SENT:
        sent = law.sent.get(digest)
        return sent is not None and (sent.fate is not None or sent.waits(now))
    if kind is Kind.REVOKED:
        # Said twice it changes nothing, and must not make the ledger grow.
        return Revocation.parse(document).mandate in law.withdrawn
    if kind is Kind.STOOD_DOWN:
        order = StandingDown.parse(document)
        return (order.number, order.turn) == (law.turn_number, law.turn)
    return law.roster is not None and law.roster.digest == document.digest
