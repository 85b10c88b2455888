"""The law of one site: every rule in force there, after some entry of its ledger.

Each rule came into the ledger as an entry with the signed document it rests on;
`privacy.succession` reads them in order and believes none that its signers had no
right to make. The running node, the site's own check and the auditor, who has no
node, all use the one reading.

The inbox is what the Board sent and no officer has decided yet.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from privacy import catalogue
from privacy.analysis_plan import Locked
from privacy.catalogue import Programme
from privacy.chain import GENESIS, Kind
from privacy.draws import Draws
from privacy.edition import Edition
from privacy.errors import NotAllowed, WrongProgramme
from privacy.mandate import Mandate, Turn
from privacy.policy import Policy
from privacy.roster import Roster

INBOX_DAYS: Final = 14
"""What is not decided in two weeks is over; the Board may send it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A mandate or an edition that the Board sent, and what became of it.

    Attributes:
        what: The thing itself.
        at: When it arrived.
        fate: ACCEPTED, DECLINED, REVOKED, or None while it waits.
    """

    what: Mandate | Edition
    at: dt.datetime
    fate: Kind | None = None

    def waits(self, now: dt.datetime) -> bool:
        """Tell whether an officer may still decide it."""
        return self.fate is None and now - self.at <= dt.timedelta(days=INBOX_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """What holds at one site after some entry of its ledger.

    Attributes:
        site: Whose law.
        mark: Sequence of the last entry that changed it; 0 before any.
        mark_hash: That entry's hash: what a decision must name.
        mark_at: That entry's moment, or None before any.
        agreed: Digests of the rosters the operator signed, in hex.
        roster: In force, or None.
        policy: In force, or None.
        sent: Digest in hex -> what the Board sent.
        withdrawn: Digests of mandates a board member withdrew, come or not.
        turn: The Board's last order to the whole programme, or None.
        turn_number: Its number.
        paused: The site stopped answering.
        held: A legal hold lasts.
        sealed: The site stopped for good.
        epoch: 1, and one more with each reopening.
        draws: How far each draw of the site has come.
        plans: The analysis plans that came, in order, and when.
    """

    site: str
    mark: int = 0
    mark_hash: str = GENESIS
    mark_at: dt.datetime | None = None
    agreed: frozenset[str] = frozenset()
    roster: Roster | None = None
    policy: Policy | None = None
    sent: Mapping[str, Sent] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    turn: Turn | None = None
    turn_number: int = 0
    paused: bool = False
    held: bool = False
    sealed: bool = False
    epoch: int = 1
    draws: Draws = field(default_factory=dict)
    plans: tuple[Locked, ...] = ()

    def check_answering(self) -> None:
        """Refuse every question while the site, or the programme, stands still.

        Raises:
            NotAllowed: it does.
        """
        still = {
            "has no roster yet, so nobody could witness its ledger": not self.roster,
            "has no signed policy yet": not self.policy,
            "has paused": self.paused,
            "has stopped for good": self.sealed,
            "stands still, because the Board froze the programme": (
                self.turn is Turn.FREEZE
            ),
            "has ended, because the Board ended the programme": (
                self.turn is Turn.TERMINATE
            ),
        }
        for what, is_still in still.items():
            if is_still:
                raise NotAllowed(f"Site {self.site} {what}; nothing is answered.")

    def permit(self, digest: bytes) -> Mandate:
        """Return the mandate a question names, if it opens anything here.

        Raises:
            NotAllowed: it is unknown, not accepted, declined or withdrawn.
        """
        sent = self.sent.get(digest.hex())
        if sent is None or not isinstance(sent.what, Mandate):
            raise NotAllowed(
                f"Site {self.site} knows no such mandate; deliver it first."
            )
        if sent.fate is not Kind.ACCEPTED:
            why = sent.fate.value if sent.fate else "not yet accepted by its officer"
            raise NotAllowed(
                f"Mandate {sent.what.number} is {why} at site {self.site}, so it opens "
                "nothing there."
            )
        return sent.what

    @property
    def editions(self) -> tuple[Edition, ...]:
        """The accepted editions, oldest first."""
        accepted = (
            sent.what
            for sent in self.sent.values()
            if isinstance(sent.what, Edition) and sent.fate is Kind.ACCEPTED
        )
        return tuple(sorted(accepted, key=lambda each: each.number))

    @property
    def newest(self) -> Programme | None:
        """The newest programme the officers know, or None before any.

        What this software ships counts only if the policy names it as read.
        """
        if self.editions:
            return self.editions[-1].programme
        shipped = catalogue.load()
        read = self.policy is not None and self.policy.programme == shipped.version
        return shipped if read else None

    def programme(self, version: str) -> Programme:
        """Return the definitions that go by a version here.

        Raises:
            WrongProgramme: no officer of this site accepted such an edition.
        """
        shipped = catalogue.load()
        if self.policy and version == shipped.version == self.policy.programme:
            return shipped
        for known in self.editions:
            if known.programme.version == version:
                return known.programme
        raise WrongProgramme(
            f"Site {self.site} has accepted no programme {version[:64]}; have the "
            "Board send the edition, and its officer accept it."
        )

    def inbox(self, now: dt.datetime) -> dict[str, Sent]:
        """Return what waits for an officer, by digest, oldest first."""
        return {key: sent for key, sent in self.sent.items() if sent.waits(now)}
