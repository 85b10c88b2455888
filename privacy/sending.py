"""What the Board may send to a site, and when the site takes it.

Every document of the Board is judged by the roster and the policy in force when it
arrives. A mandate that was taken stays: it is never sent twice, except when nobody
decided it in time. A mandate can be withdrawn before it arrives, so that a
coordinator that holds the withdrawal back gains nothing by sending the mandate late.
"""

import datetime as dt
from dataclasses import replace

from privacy import analysis_plan, draw_papers, draws
from privacy import edition as editions
from privacy import mandate as mandates
from privacy.analysis_plan import Locked
from privacy.chain import Entry, Kind
from privacy.draw_papers import Listed, Outcome, Paper
from privacy.draws import Judge
from privacy.edition import Edition
from privacy.errors import BadSignature, NotAllowed
from privacy.law import Law, Sent
from privacy.mandate import Mandate, Revocation, StandingDown, Turn
from privacy.signing import Document


def edition(law: Law, entry: Entry, document: Document) -> Law:
    """Return the law after an edition of the programme arrived.

    Raises:
        BadSignature: too few members signed it, or it is not the newest.
        NotAllowed: it waits or was decided already.
    """
    new = editions.parse(document)
    _check_from_board(law, document, network=new.network)
    again = _is_again(law, entry, document)
    known = [s.what for s in law.sent.values() if isinstance(s.what, Edition)]
    newest = max((each.number for each in known), default=0)
    if new.number < newest or (new.number == newest and not again):
        raise BadSignature(
            f"Edition {new.number} is not newer than the one this site has; ask for "
            "the newest."
        )
    if not again and new.programme.version in {e.programme.version for e in known}:
        raise BadSignature(
            f"This site has another edition that goes by {new.programme.version}; "
            "change its text and have it signed again."
        )
    return _sent(law, entry, document, new)


def mandate(law: Law, entry: Entry, document: Document) -> Law:
    """Return the law after a mandate arrived.

    Raises:
        BadSignature: too few members signed it, or it is for another network.
        NotAllowed: it is not for this site, was withdrawn, or is here already.
    """
    new = mandates.parse(document)
    _check_from_board(law, document, network=new.network)
    if law.site not in new.sites:
        raise NotAllowed(f"Mandate {new.number} is not about site {law.site}.")
    if document.digest.hex() in law.withdrawn:
        raise NotAllowed(
            f"Mandate {new.number} was withdrawn, so it opens nothing any more; ask "
            "under another."
        )
    _is_again(law, entry, document)
    return _sent(law, entry, document, new)


def revocation(law: Law, _: Entry, document: Document) -> Law:
    """Return the law after a board member withdrew a mandate, known here or not.

    Raises:
        BadSignature: no counting member signed it, or it is for another network.
        NotAllowed: what it names is no mandate.
    """
    found = Revocation.parse(document)
    if law.roster is None:
        raise NotAllowed(f"Site {law.site} has no roster yet to judge this by.")
    mandates.check_network(found.network, law.roster.network)
    if not law.roster.by_board(document):
        raise BadSignature("The revocation is signed by no member of the Board.")
    sent = law.sent.get(found.mandate)
    if sent is not None and not isinstance(sent.what, Mandate):
        raise NotAllowed(
            "One member can withdraw a mandate and nothing else; to replace an "
            "edition, have the Board sign the next."
        )
    changed = replace(law, withdrawn=law.withdrawn | {found.mandate})
    if sent is None:
        return changed
    return with_fate(changed, found.mandate, Kind.REVOKED)


def standing_down(law: Law, _: Entry, document: Document) -> Law:
    """Return the law after the Board froze, resumed or ended the programme.

    Raises:
        BadSignature: too few members signed the order, or it was given before.
    """
    order = StandingDown.parse(document)
    _check_from_board(law, document, network=order.network)
    if order.number <= law.turn_number:
        raise BadSignature(
            "This order of the Board was given before; ask for a new one."
        )
    return replace(law, turn=order.turn, turn_number=order.number)


def draw(law: Law, entry: Entry, document: Document) -> Law:
    """Return the law after one more paper of a draw: the site's own, or the Board's.

    Raises:
        BadSignature: it is not signed by whom it must be.
        NotAllowed: it comes out of order, or while the Board stopped the programme.
    """
    if law.roster is None:
        raise NotAllowed(f"Site {law.site} has no roster yet to judge this by.")
    paper = draw_papers.parse(document)
    _check_drawn_here(law, entry, paper)
    judge = Judge(
        roster=law.roster,
        floor=law.policy.board_signatures if law.policy else 0,
        officers=len(law.policy.signers(document)) if law.policy else 0,
    )
    return replace(law, draws=draws.after(law.draws, document, judge))


def plan(law: Law, entry: Entry, document: Document) -> Law:
    """Return the law after an analysis plan arrived; it holds at once.

    No officer decides about it, because it opens nothing: it only binds what the
    Board may ask later.

    Raises:
        BadSignature: too few members signed it, or it does not come after the others.
        NotAllowed: the clock was turned back since the last rule.
    """
    new = analysis_plan.parse(document)
    _check_from_board(law, document, network=new.network)
    analysis_plan.check_next(new, [each.plan for each in law.plans])
    at = moment_of(entry)
    if law.mark_at is not None and at < law.mark_at:
        raise NotAllowed(
            f"The clock of site {law.site} stands before its ledger's last rule, so "
            "nobody could tell when the plan came; set the clock right."
        )
    arrived = Locked(plan=new, at=at)
    return replace(law, plans=(*law.plans, arrived))


def with_fate(law: Law, subject: str, fate: Kind) -> Law:
    """Return the law after something that was sent met its fate."""
    changed = replace(law.sent[subject], fate=fate)
    return replace(law, sent={**law.sent, subject: changed})


def moment_of(entry: Entry) -> dt.datetime:
    """Return when an entry was made."""
    return dt.datetime.fromisoformat(entry.at)


def _check_drawn_here(law: Law, entry: Entry, paper: Paper) -> None:
    """Refuse another site's list, another day's paper, and any draw in a freeze."""
    if isinstance(paper, Listed) and paper.terms.site != law.site:
        raise NotAllowed(f"This list was closed by another site than {law.site}.")
    if not isinstance(paper, Listed | Outcome):
        return
    if law.turn is Turn.FREEZE:
        raise NotAllowed(
            "The Board froze the programme, and nothing is drawn while it stands "
            "still; draw once it goes on."
        )
    today = moment_of(entry).astimezone(dt.UTC).date()
    said = paper.terms.closed_on if isinstance(paper, Listed) else paper.drawn_on
    if said != today:
        raise NotAllowed(
            "A list is closed, and a draw held, on the day it is entered in the "
            "ledger (UTC); correct the clock."
        )


def _sent(law: Law, entry: Entry, document: Document, what: Mandate | Edition) -> Law:
    arrived = Sent(what=what, at=moment_of(entry))
    return replace(law, sent={**law.sent, document.digest.hex(): arrived})


def _is_again(law: Law, entry: Entry, document: Document) -> bool:
    """Tell whether a document comes again because nobody decided it in time.

    Raises:
        NotAllowed: it is here, and waits or was decided.
    """
    known = law.sent.get(document.digest.hex())
    if known is None:
        return False
    if known.fate is not None or known.waits(moment_of(entry)):
        raise NotAllowed(
            f"This {document.kind.value} is here already; nothing has to be done."
        )
    return True


def _check_from_board(law: Law, document: Document, *, network: str) -> None:
    """Believe the Board's documents only under the roster and policy in force."""
    if law.roster is None:
        raise NotAllowed(f"Site {law.site} has no roster yet to judge this by.")
    mandates.check_network(network, law.roster.network)
    law.roster.check_board(document)
    floor = law.policy.board_signatures if law.policy else 0
    if len(law.roster.by_board(document)) < floor:
        raise BadSignature(
            f"The policy of site {law.site} asks for {floor} board signatures; have "
            "more members sign."
        )
