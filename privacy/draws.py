"""How far each draw has come, and the one order in which its papers are believed.

    the site's list -> k pledges -> the same k members' shares -> the site's outcome

The nonce is made of all the shares. What this achieves:

- It did not exist when the list was closed: a pledge names the commitment and the
  head of the public log under which its signer found it.
- One honest member is enough. The others fixed their bytes by a pledge before the
  honest one showed anything, so nobody can fit theirs to the rest, not even with the
  list in hand. The set of members is fixed by the first share; a chair counts for
  nothing, as for a mandate.
- The coordinator makes none of it, and a paper of one draw is worth nothing in
  another, because each names the commitment it is about.
- A site has one draw of a phase open at a time, numbered without gaps: it cannot
  close ten lists and keep the one it likes.

What it does not: whoever shares last, and works with the site, sees the result first
and can keep the bytes back. The draw then stays open, or is abandoned, in public.
The centre, through which shares pass, is such a one; working with a site, it can also
show members different sets of pledges, gather a share for each, and publish the set it
likes. A member sees that: the nonce in the log is not of the set they shared with.
That a member read the log before pledging is that member's word; k of them say so.

The site's ledger, the coordinator and the auditor all use this one reading.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from privacy import draw_papers, drawing, mandate
from privacy.draw_papers import (
    Abandoned,
    Listed,
    Outcome,
    Pledge,
    Share,
)
from privacy.errors import BadSignature, NotAllowed
from privacy.roster import Roster, Standing
from privacy.signing import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How far one draw has come.

    Attributes:
        digest: Of its signed list, in hex.
        listed: What the site committed to.
        pledged: Member's public key -> pledge.
        together: The pledges that count, fixed by the first share, or None.
        values: Member's public key -> the bytes they gave.
        outcome: What was drawn, or None.
        abandoned: Why it was given up, or None.
        papers: Digests of its papers so far, in hex.
    """

    digest: str
    listed: Listed
    pledged: Mapping[bytes, bytes] = field(default_factory=dict)
    together: Mapping[bytes, bytes] | None = None
    values: Mapping[bytes, bytes] = field(default_factory=dict)
    outcome: Outcome | None = None
    abandoned: Abandoned | None = None
    papers: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What people call it."""
        return self.listed.terms.name

    @property
    def is_open(self) -> bool:
        """Whether it was neither finished nor given up."""
        return self.outcome is None and self.abandoned is None

    @property
    def nonce(self) -> bytes | None:
        """The nonce, once everybody who pledged together has shared."""
        if self.together is None or self.values.keys() != self.together.keys():
            return None
        return drawing.nonce(bytes.fromhex(self.digest), self.values)

    @property
    def state(self) -> str:
        """Where it stands, in words."""
        if self.abandoned is not None:
            if self.nonce is not None:
                return "abandoned after its nonce was known"
            shared = " after members had shared" if self.values else ""
            return f"abandoned{shared}"
        if self.outcome is not None:
            return "drawn"
        if self.nonce is not None:
            return "waits for the site to draw"
        if self.together is not None:
            return f"{len(self.values)} of {len(self.together)} have shared"
        return f"{len(self.pledged)} have pledged"


Later = Pledge | Share | Outcome | Abandoned

Draws = Mapping[str, Draw]
"""Digest of the signed list in hex -> the draw, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """By whose signatures papers are believed.

    Attributes:
        roster: In force when the paper arrives.
        floor: The least number of organisations of the Board, by the site's policy.
        officers: How many of the site's officers signed the paper; None where that
            cannot be known, because the policy is at the site.
    """

    roster: Roster
    floor: int = 0
    officers: int | None = None

    def check_site(self, document: Document, site: str) -> None:
        """Believe a site's paper by the key the roster pins."""
        member = self.roster.members.get(site)
        if member is None or member.key not in document.signers:
            raise BadSignature(
                f"The paper is not signed by site {site} with the key in the roster; "
                "make it at the site, with `cmpp-node draw`."
            )

    def member(self, document: Document) -> bytes:
        """Return the one member of the Board who signed; the chair is none."""
        seated = {seat.key for seat in self.roster.board}
        signers = document.signers & seated
        if len(signers) != 1 or not self.roster.by_board(document):
            raise BadSignature(
                "A pledge or share is signed by one member of the Board (the chair's "
                "signature does not count); have a member sign it."
            )
        return next(iter(signers))

    def check_enough(self, keys: Iterable[bytes]) -> None:
        """Require as many organisations as a mandate takes."""
        wanted = set(keys)
        found = {
            seat.organisation
            for seat in self.roster.board
            if seat.key in wanted and seat.standing is Standing.MEMBER
        }
        needed = max(self.roster.board_signatures, self.floor)
        if len(found) < needed:
            raise BadSignature(
                f"{len(found)} organisations of the Board pledged together and a nonce "
                f"takes {needed} (the chair's is not one of them); have more pledge."
            )


def after(known: Draws, document: Document, judge: Judge) -> dict[str, Draw]:
    """Return the draws after one more paper, if it has the right to be.

    Raises:
        BadSignature: it is not signed by whom it must be, or for another network.
        NotAllowed: it comes out of order, or a second time.
        InvalidProgramme: it does not say one definite thing.
    """
    paper = draw_papers.parse(document)
    mandate.check_network(paper.network, judge.roster.network)
    if isinstance(paper, Listed):
        judge.check_site(document, paper.terms.site)
        changed = _begun(known, document, paper)
    else:
        changed = _gone_on(known, document, paper, judge)
    papers = changed.papers | {document.digest.hex()}
    return {**known, changed.digest: replace(changed, papers=papers)}


def _begun(known: Draws, document: Document, paper: Listed) -> Draw:
    """Take a new list, if it is the next one of its site.

    Raises:
        NotAllowed: another draw is open, or was numbered so.
    """
    terms = paper.terms
    alike = [
        draw
        for draw in known.values()
        if (draw.listed.terms.site, draw.listed.terms.phase)
        == (terms.site, terms.phase)
    ]
    for draw in alike:
        if draw.is_open:
            raise NotAllowed(
                f"Draw {draw.name} is not finished, and a list is closed once; finish "
                "it, or abandon it for everybody to see."
            )
    number = 1 + sum(d.listed.terms.quarter == terms.quarter for d in alike)
    if terms.number != number:
        raise NotAllowed(
            f"The next draw of {terms.site}, {terms.phase} in {terms.quarter} is "
            f"number {number}, and there is no second commitment for one before it."
        )
    if any(terms.closed_on < d.listed.terms.closed_on for d in alike):
        raise NotAllowed(
            f"{terms.site} closed a later list of {terms.phase} before; a list is "
            "closed on the day it is committed to."
        )
    return Draw(digest=document.digest.hex(), listed=paper)


def _gone_on(known: Draws, document: Document, paper: Later, judge: Judge) -> Draw:
    """Take one more paper about a list that was closed before.

    Raises:
        BadSignature: it is not signed by whom it must be.
        NotAllowed: there is no such draw, it is over, or the paper came before.
    """
    draw = known.get(draw_papers.draw_of(document, paper))
    if draw is None:
        raise NotAllowed(
            "The paper is about a draw that is not known here; each names the one "
            "list it was made for, and no other."
        )
    if document.digest.hex() in draw.papers:
        raise NotAllowed(f"This paper of draw {draw.name} is here already.")
    if not draw.is_open:
        raise NotAllowed(
            f"Draw {draw.name} is over ({draw.state}); nothing is drawn again."
        )
    match paper:
        case Pledge():
            return _pledged(draw, judge.member(document), paper)
        case Share():
            return _shared(draw, judge.member(document), paper, judge)
        case Outcome():
            judge.check_site(document, draw.listed.terms.site)
            return _drawn(draw, paper)
        case Abandoned():
            judge.check_site(document, draw.listed.terms.site)
            return _abandoned(draw, paper, judge)


def _pledged(draw: Draw, member: bytes, paper: Pledge) -> Draw:
    if draw.together is not None:
        raise NotAllowed(
            f"Members of the Board have shared for draw {draw.name} already, so nobody "
            "can pledge any more; this pledge could have been fitted to them."
        )
    if member in draw.pledged:
        raise NotAllowed(f"This member has pledged for draw {draw.name} already.")
    return replace(draw, pledged={**draw.pledged, member: paper.pledge})


def _shared(draw: Draw, member: bytes, paper: Share, judge: Judge) -> Draw:
    together = dict(paper.pledges)
    if draw.together is None:
        judge.check_enough(together)
        if any(draw.pledged.get(key) != each for key, each in together.items()):
            raise NotAllowed(
                f"The share for draw {draw.name} goes with a pledge that is not here; "
                "bring the pledges first."
            )
    elif together != draw.together:
        raise NotAllowed(
            f"The share for draw {draw.name} goes with other pledges than the first "
            "share did; the members are fixed by the first."
        )
    pledge = draw_papers.pledge_of(member, paper.draw, paper.value)
    if together.get(member) != pledge or member in draw.values:
        raise BadSignature(
            f"The share for draw {draw.name} is not what its signer pledged, or the "
            "signer has shared already."
        )
    values = {**draw.values, member: paper.value}
    return replace(draw, together=together, values=values)


def _drawn(draw: Draw, paper: Outcome) -> Draw:
    if draw.nonce is None or paper.nonce != draw.nonce:
        raise NotAllowed(
            f"Draw {draw.name} has no nonce yet, or another one; it is held with the "
            "nonce all its members made."
        )
    if paper.drawn_on < draw.listed.terms.closed_on:
        raise NotAllowed(f"Draw {draw.name} cannot be held before its list is closed.")
    return replace(draw, outcome=paper)


def _abandoned(draw: Draw, paper: Abandoned, judge: Judge) -> Draw:
    """Give a draw up; once its result could be known, site staff cannot do it alone.

    From the first share on it could be: to whoever has the list, and the values of
    those who have not shared in public.
    """
    if draw.values and judge.officers == 0:
        raise BadSignature(
            f"Members of the Board have shared for draw {draw.name}, so a privacy "
            "officer signs with the site that it is given up; have one sign."
        )
    return replace(draw, abandoned=paper)
