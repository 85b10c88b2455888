"""What the rules in a ledger say of themselves, and what they let it charge.

Every rule's entry carries, beside the digest of its signed document, a short note:
the last field, `detail`. The ledger charges by these notes alone, in the same
transaction that spends, so a rule that another process enters holds at the next
charge. That each note says what its document says, and that its signers had the
right to it, is the business of `privacy.law`.

    kind        detail
    POLICY      version digest lifetime fiscal-year per-mandate per-release
                (digest in hex; each cap twice, model and worst, in pico-rho)
    MANDATE     model worst, in pico-rho: the most a site may be charged under it
    ACCEPTED    who digest       (of the mandate or edition)
    DECLINED    who digest
    REVOKED     digest           (of the mandate)
    STOOD_DOWN  freeze, resume or terminate

Fields are separated by one space; numbers are plain, without sign or leading zero.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Self

from privacy import loss
from privacy.amount import PICO_MAX, Amount, Caps
from privacy.chain import Entry, Kind
from privacy.errors import BadConfiguration, LedgerInconsistent, NotAllowed
from privacy.mandate import Turn

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_POLICY_FIELDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyNote:
    """A policy, as its entry tells.

    Attributes:
        version: Only ever raised.
        digest: Of the signed document, in hex.
        caps: The caps it set.
    """

    version: int
    digest: str
    caps: Caps

    @classmethod
    def parse(cls, detail: str | None) -> Self:
        """Read an entry's last field.

        Raises:
            LedgerInconsistent: it is no such note.
        """
        parts = (detail or "").split(" ")
        if len(parts) != _POLICY_FIELDS or not _DIGEST.fullmatch(parts[1]):
            raise LedgerInconsistent("A ledger entry names no policy.")
        version, *numbers = (_number(text) for text in (parts[0], *parts[2:]))
        amounts = [Amount(*numbers[at : at + 2]) for at in range(0, len(numbers), 2)]
        lifetime, fiscal_year, per_mandate, per_release = amounts
        try:
            caps = Caps(
                lifetime=lifetime,
                fiscal_year=fiscal_year,
                per_mandate=per_mandate,
                per_release=per_release,
            )
        except BadConfiguration as error:
            raise LedgerInconsistent("A ledger entry names impossible caps.") from error
        return cls(version=version, digest=parts[1], caps=caps)

    def __str__(self) -> str:
        """Write the entry's last field."""
        caps = self.caps.named().values()
        amounts = " ".join(f"{cap.model} {cap.worst}" for cap in caps)
        return f"{self.version} {self.digest} {amounts}"


def policy_note(version: int, digest: bytes, caps: Caps) -> str:
    """Write what a policy's entry tells."""
    return str(PolicyNote(version=version, digest=digest.hex(), caps=caps))


def mandate_note(loss_rho: Fraction, worst_rho: Fraction) -> str:
    """Write what a mandate's entry tells; limits are rounded down, as caps are."""
    return f"{int(loss_rho * loss.PICO)} {int(worst_rho * loss.PICO)}"


def mandate_limit(detail: str | None) -> Amount:
    """Read the most a site may be charged under a mandate.

    Raises:
        LedgerInconsistent: the note tells no such limit.
    """
    parts = (detail or "").split(" ")
    if len(parts) != len(("model", "worst")):
        raise LedgerInconsistent("A ledger entry names no mandate.")
    limit = Amount(*(_number(text) for text in parts))
    if not limit.model <= limit.worst <= PICO_MAX:
        raise LedgerInconsistent("A ledger entry names an impossible mandate.")
    return limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What all rules so far let the ledger charge.

    Attributes:
        policy: In force, or None before the first.
        largest: The largest of each cap that ever was in force: what a part of the
            ledger that was lost may have spent.
        limits: Mandate digest -> the most it may cost here.
        accepted: Digests of what was accepted last, not declined.
        revoked: Digests of mandates withdrawn; that is final.
        paused: Whether the site stopped answering.
        sealed: Whether it stopped for good.
        turn: What the Board ordered last, if anything.
    """

    policy: PolicyNote | None = None
    largest: Caps | None = None
    limits: Mapping[str, Amount] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    revoked: frozenset[str] = frozenset()
    paused: bool = False
    sealed: bool = False
    turn: Turn | None = None

    def after(self, entry: Entry) -> "Notes":
        """Return the notes after one more entry; other kinds change nothing.

        Raises:
            LedgerInconsistent: the entry's note is none, or cannot follow.
        """
        if entry.kind is Kind.REOPENED and self.policy is None:
            raise LedgerInconsistent(
                "A ledger without a policy has no caps to count as spent, so it cannot "
                "be reopened; install the newest policy first."
            )
        read = _READERS.get(entry.kind)
        return self if read is None else read(self, entry)

    def caps(self) -> Caps:
        """Return the caps in force.

        Raises:
            NotAllowed: there are none.
        """
        if self.policy is None:
            raise NotAllowed(
                "This site has no signed policy, so nothing may be charged; install "
                "one."
            )
        return self.policy.caps

    def caps_ever(self) -> Caps:
        """Return the largest of each cap that was ever in force here.

        Raises:
            NotAllowed: there was none.
        """
        return self.caps() if self.largest is None else self.largest

    def limit(self, mandate: str) -> Amount:
        """Return the most a mandate may cost, or refuse to charge under it.

        Raises:
            NotAllowed: nothing may be asked here now, or not under this mandate.
        """
        still = {
            "has stopped for good": self.sealed,
            "has paused": self.paused,
            "stands still by order of the Board": self.turn is Turn.FREEZE,
            "has ended by order of the Board": self.turn is Turn.TERMINATE,
        }
        for what, is_still in still.items():
            if is_still:
                raise NotAllowed(f"The site {what}, so nothing is charged or answered.")
        limit = self.limits.get(mandate)
        if limit is None:
            raise NotAllowed(
                "No such mandate has come to this site; have it delivered first."
            )
        if mandate in self.revoked:
            raise NotAllowed(
                "The mandate was withdrawn and opens nothing any more; ask under "
                "another."
            )
        if mandate not in self.accepted:
            raise NotAllowed(
                "The site's privacy officer has not accepted the mandate, so it opens "
                "nothing here; wait for the officer's decision."
            )
        return limit


def _policy(notes: Notes, entry: Entry) -> Notes:
    """Put a policy in force; its version is higher than any before it."""
    policy = PolicyNote.parse(entry.detail)
    if policy.digest != entry.document:
        raise LedgerInconsistent("A policy's entry rests on another document.")
    if notes.policy is not None and policy.version <= notes.policy.version:
        raise LedgerInconsistent(
            f"Policy version {policy.version} cannot follow version "
            f"{notes.policy.version}; raise the version and have it signed again."
        )
    largest = policy.caps if notes.largest is None else policy.caps | notes.largest
    return replace(notes, policy=policy, largest=largest)


def _mandate(notes: Notes, entry: Entry) -> Notes:
    """Note a mandate's limit; it may come twice, never with two limits."""
    digest, limit = entry.document, mandate_limit(entry.detail)
    if digest is None or notes.limits.get(digest, limit) != limit:
        raise LedgerInconsistent("A mandate's entry contradicts an earlier one.")
    return replace(notes, limits={**notes.limits, digest: limit})


def _turn(notes: Notes, entry: Entry) -> Notes:
    """Freeze, resume or end the programme; an ended one stays ended."""
    try:
        turn = Turn(entry.detail or "")
    except ValueError as error:
        raise LedgerInconsistent(
            "A ledger entry orders the programme to do nothing known."
        ) from error
    if notes.turn is Turn.TERMINATE:
        raise LedgerInconsistent("A programme that has ended stays ended.")
    return replace(notes, turn=turn)


def _accepted(notes: Notes, entry: Entry) -> Notes:
    """Note an acceptance; it moves nothing that was withdrawn."""
    return replace(notes, accepted=notes.accepted | {_subject(entry)})


def _declined(notes: Notes, entry: Entry) -> Notes:
    """Take an acceptance back."""
    return replace(notes, accepted=notes.accepted - {_subject(entry)})


def _revoked(notes: Notes, entry: Entry) -> Notes:
    """Withdraw a mandate, whether it has come yet or not."""
    return replace(notes, revoked=notes.revoked | {_subject(entry)})


def _paused(notes: Notes, entry: Entry) -> Notes:
    """Stop answering, or go on."""
    return replace(notes, paused=entry.kind is Kind.PAUSED)


def _sealed(notes: Notes, _: Entry) -> Notes:
    """Stop for good."""
    return replace(notes, sealed=True)


_READERS: Mapping[Kind, Callable[[Notes, Entry], Notes]] = {
    Kind.POLICY: _policy,
    Kind.MANDATE: _mandate,
    Kind.ACCEPTED: _accepted,
    Kind.DECLINED: _declined,
    Kind.REVOKED: _revoked,
    Kind.STOOD_DOWN: _turn,
    Kind.PAUSED: _paused,
    Kind.RESUMED: _paused,
    Kind.SEALED: _sealed,
}


def _subject(entry: Entry) -> str:
    """Return the digest of what a decision is about: the note's last word."""
    digest = (entry.detail or "").rpartition(" ")[2]
    if not _DIGEST.fullmatch(digest):
        raise LedgerInconsistent(f"Ledger entry {entry.sequence} decides nothing.")
    return digest


def _number(text: str) -> int:
    """Read a plain number; a second way of writing one is refused."""
    if not _NUMBER.fullmatch(text):
        raise LedgerInconsistent("A ledger entry's note holds no plain number.")
    return int(text)
