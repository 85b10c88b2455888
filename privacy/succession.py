"""How the law of a site changes: one entry after another, each by who may make it.

A policy is believed by the signatures of the officers of the policy before, a
mandate by enough of the Board in the roster of that day, an acceptance by an
officer's decision, and only for the place in the ledger it was made for. Nothing
here asks a clock or a record.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from privacy import (
    analysis_plan,
    decision,
    draw_papers,
    edition,
    mandate,
    policy,
    roster,
    sending,
    signing,
    statement,
)
from privacy.chain import Entry, Kind
from privacy.decision import Act
from privacy.edition import Edition
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    ExchangeError,
    LedgerInconsistent,
    NotAllowed,
)
from privacy.law import Law
from privacy.mandate import Mandate, Revocation, StandingDown, Turn
from privacy.notes import mandate_note, policy_note
from privacy.policy import Policy
from privacy.signing import Document

BY_RULE: Final = "rule"
BY_OFFICER: Final = "officer"

_DOCUMENTS: Final = {
    Kind.ROSTER: signing.Kind.ROSTER,
    Kind.POLICY: signing.Kind.POLICY,
    Kind.EDITION: signing.Kind.EDITION,
    Kind.MANDATE: signing.Kind.MANDATE,
    Kind.REVOKED: signing.Kind.REVOCATION,
    Kind.STOOD_DOWN: signing.Kind.STANDING_DOWN,
    Kind.DECLINED: signing.Kind.DECISION,
    Kind.RESUMED: signing.Kind.DECISION,
    Kind.HELD: signing.Kind.DECISION,
    Kind.LIFTED: signing.Kind.DECISION,
    Kind.REOPENED: signing.Kind.DECISION,
    Kind.SEALED: signing.Kind.DECISION,
    Kind.DRAW: signing.Kind.DRAW,
    Kind.ANALYSIS_PLAN: signing.Kind.ANALYSIS_PLAN,
}
"""The kind of document each entry must rest on; ACCEPTED may rest on a rule."""

_ACTS: Final = {
    Kind.ACCEPTED: Act.ACCEPT,
    Kind.DECLINED: Act.DECLINE,
    Kind.RESUMED: Act.RESUME,
    Kind.HELD: Act.HOLD,
    Kind.LIFTED: Act.LIFT,
    Kind.REOPENED: Act.REOPEN,
    Kind.SEALED: Act.SEAL,
}


def after(law: Law, entry: Entry, document: Document | None) -> Law:
    """Return the law after one more entry, if it may be made.

    Raises:
        ExchangeError: the entry has no right to be; its kind says why.
    """
    _check_open(law, entry.kind)
    expected = _DOCUMENTS.get(entry.kind)
    if entry.kind is Kind.ACCEPTED and document is not None:
        expected = signing.Kind.DECISION
    if (document.kind if document else None) is not expected:
        raise BadSignature(
            f"A {entry.kind.value} entry rests on another kind of document."
        )
    changed = _TAKES[entry.kind](law, entry, document)
    at = sending.moment_of(entry)
    return replace(changed, mark=entry.sequence, mark_hash=entry.hash, mark_at=at)


def note(kind: Kind, document: Document | None, subject: str = "") -> str | None:
    """Return the detail that an entry of a kind carries.

    Args:
        kind: Of the entry.
        document: It rests on, or None.
        subject: What it is about, where no document says so.

    Raises:
        ExchangeError: the document cannot be read.
    """
    if kind is Kind.AGREED:
        return subject
    if kind in {Kind.ACCEPTED, Kind.DECLINED}:
        return f"{BY_OFFICER if document else BY_RULE} {subject}"
    if document is None or kind not in _NOTES:
        return None
    return _NOTES[kind](document)


_NOTES: Final[Mapping[Kind, Callable[[Document], str]]] = {
    Kind.POLICY: lambda document: _policy_note(policy.parse(document)),
    Kind.MANDATE: lambda document: _mandate_note(mandate.parse(document)),
    Kind.ROSTER: lambda document: str(roster.parse(document).version),
    Kind.EDITION: lambda document: str(edition.parse(document).number),
    Kind.STOOD_DOWN: lambda document: StandingDown.parse(document).turn.value,
    Kind.REVOKED: lambda document: Revocation.parse(document).mandate,
    Kind.DRAW: draw_papers.note,
    Kind.ANALYSIS_PLAN: analysis_plan.note,
}


def _policy_note(found: Policy) -> str:
    return policy_note(found.version, found.digest, found.caps)


def _mandate_note(found: Mandate) -> str:
    return mandate_note(found.loss_rho, found.worst_rho)


def replay(site: str, entries: Iterable[tuple[Entry, bytes | None]]) -> Law:
    """Read the law of a site from the rules in its ledger, in order.

    Raises:
        LedgerInconsistent: an entry is there that its signers could not make.
    """
    law = Law(site=site)
    for entry, file in entries:
        law = extend(law, entry, file)
    return law


def extend(law: Law, entry: Entry, file: bytes | None) -> Law:
    """Return the law after one more entry of a ledger.

    Raises:
        LedgerInconsistent: the entry is one that its signers could not make.
    """
    try:
        kind = _DOCUMENTS.get(entry.kind, signing.Kind.DECISION)
        document = None if file is None else signing.read(file, kind)
        subject = (entry.detail or "").rpartition(" ")[2]
        digest = None if document is None else document.digest.hex()
        said = (note(entry.kind, document, subject), digest)
        if said != (entry.detail, entry.document):
            raise BadSignature("The entry says something else than its document.")
        return after(law, entry, document)
    except ExchangeError as error:
        raise LedgerInconsistent(
            f"Ledger entry {entry.sequence} ({entry.kind.value}) has no right to be "
            f"there: {error.message} Stop the node and tell the privacy officer."
        ) from error


def _check_open(law: Law, kind: Kind) -> None:
    """Let only what can still matter happen after the end."""
    if law.sealed or law.turn is Turn.TERMINATE:
        last = set() if law.sealed else {Kind.SEALED}
        if kind not in {Kind.HELD, Kind.LIFTED} | last:
            raise NotAllowed(
                f"Site {law.site} has stopped for good; nothing can be changed any "
                "more."
            )


def _agreed(law: Law, entry: Entry, _: Document | None) -> Law:
    return replace(law, agreed=law.agreed | {entry.detail or ""})


def _roster(law: Law, _: Entry, document: Document) -> Law:
    new = roster.parse(document)
    if document.digest.hex() not in law.agreed:
        raise NotAllowed(
            f"The operator of site {law.site} has not agreed to this roster; compare "
            "its fingerprints, then run `cmpp-node roster accept`."
        )
    if law.site not in new.members:
        raise NotAllowed(f"This roster leaves out site {law.site}.")
    new.check_follows(document, law.roster)
    if law.policy is not None:
        mandate.check_network(new.network, law.policy.network)
        tolerated = law.policy.tolerated_colluders
        statement.quorum(len(new.members), tolerated)
        if law.roster is not None:
            statement.check_handover(law.roster.members, new.members, tolerated)
    return replace(law, roster=new)


def _policy(law: Law, _: Entry, document: Document) -> Law:
    new = policy.parse(document)
    if new.site != law.site:
        raise BadConfiguration(
            f"The policy is for site {new.site} and this is {law.site}; install the "
            "policy of this site."
        )
    new.check_follows(document, law.policy)
    if law.roster is not None:
        mandate.check_network(new.network, law.roster.network)
        statement.quorum(len(law.roster.members), new.tolerated_colluders)
    return replace(law, policy=new)


def _accepted(law: Law, entry: Entry, document: Document | None) -> Law:
    how, _, subject = (entry.detail or "").partition(" ")
    sent = law.sent.get(subject)
    if sent is None or sent.fate is Kind.REVOKED or law.policy is None:
        raise NotAllowed("There is nothing of this name to accept.")
    if sent.fate is None and not sent.waits(sending.moment_of(entry)):
        raise NotAllowed(
            "This waited longer than an officer has to decide, so it is over; have it "
            "sent again."
        )
    if how != BY_RULE:
        _check_decided(law, document, Act.ACCEPT, subject)
    elif sent.fate is not None or not by_rule(law, sent.what):
        # A rule decides once; what an officer declined waits for an officer.
        raise NotAllowed("No rule the officers signed accepts this.")
    return sending.with_fate(law, subject, Kind.ACCEPTED)


def _declined(law: Law, entry: Entry, document: Document) -> Law:
    subject = (entry.detail or "").partition(" ")[2]
    sent = law.sent.get(subject)
    if sent is None or sent.fate is Kind.REVOKED:
        raise NotAllowed("There is nothing of this name to decline.")
    _check_decided(law, document, Act.DECLINE, subject)
    return sending.with_fate(law, subject, Kind.DECLINED)


def _paused(law: Law, _: Entry, __: Document | None) -> Law:
    return replace(law, paused=True)


def _acted(law: Law, entry: Entry, document: Document) -> Law:
    """Take an officer's act that is about the site as a whole."""
    _check_decided(law, document, _ACTS[entry.kind], None)
    match entry.kind:
        case Kind.RESUMED:
            return replace(law, paused=False)
        case Kind.HELD | Kind.LIFTED:
            return replace(law, held=entry.kind is Kind.HELD)
        case Kind.REOPENED:
            return replace(law, epoch=law.epoch + 1)
        case _:
            return replace(law, sealed=True)


def by_rule(law: Law, what: Mandate | Edition) -> bool:
    """Tell whether the policy accepts something without an officer."""
    if law.policy is None:
        return False
    if isinstance(what, Mandate):
        return law.policy.auto_accept.takes(what)
    newest = law.newest
    return (
        law.policy.auto_accept.editions
        and newest is not None
        and edition.changes(newest, what.programme).only_adds
    )


def _check_decided(
    law: Law, document: Document | None, act: Act, subject: str | None
) -> None:
    """Believe an officer's decision only for this act, here and now."""
    if law.policy is None or document is None:
        raise NotAllowed(f"Site {law.site} has no officers yet to decide this.")
    found = decision.parse(document)
    expected = (law.site, act, subject, law.mark_hash)
    if (found.site, found.act, found.subject, found.follows) != expected:
        raise BadSignature(
            "The officer's decision is about something else, or was made before the "
            "last change; make it again."
        )
    needed = decision.SIGNATURES[act]
    if len(law.policy.signers(document)) < needed:
        raise BadSignature(
            f"To {act.value} takes {needed} of the officers named in the policy; have "
            "them sign."
        )


def _rested(
    take: Callable[[Law, Entry, Document], Law],
) -> Callable[[Law, Entry, Document | None], Law]:
    """Let a step that needs a document be called only with one."""

    def checked(law: Law, entry: Entry, document: Document | None) -> Law:
        if document is None:
            raise BadSignature(f"A {entry.kind.value} entry lacks its document.")
        return take(law, entry, document)

    return checked


_TAKES: Final[Mapping[Kind, Callable[[Law, Entry, Document | None], Law]]] = {
    Kind.AGREED: _agreed,
    Kind.ROSTER: _rested(_roster),
    Kind.POLICY: _rested(_policy),
    Kind.EDITION: _rested(sending.edition),
    Kind.MANDATE: _rested(sending.mandate),
    Kind.ACCEPTED: _accepted,
    Kind.DECLINED: _rested(_declined),
    Kind.REVOKED: _rested(sending.revocation),
    Kind.STOOD_DOWN: _rested(sending.standing_down),
    Kind.PAUSED: _paused,
    Kind.RESUMED: _rested(_acted),
    Kind.HELD: _rested(_acted),
    Kind.LIFTED: _rested(_acted),
    Kind.REOPENED: _rested(_acted),
    Kind.SEALED: _rested(_acted),
    Kind.DRAW: _rested(sending.draw),
    Kind.ANALYSIS_PLAN: _rested(sending.plan),
}
