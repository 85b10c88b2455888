"""Lists, papers and draws without a node, for tests of what a draw is worth."""

import datetime as dt
from collections.abc import Iterable

from privacy import draw_papers, draws
from privacy.chain import Kind
from privacy.draw_papers import Abandoned, Listed, Outcome, Pledge, Share
from privacy.drawing import ClosedList, Household, Stratum, Terms
from privacy.signing import Document
from tests import signed_samples as sample
from tests.signed_samples import Site

TODAY = sample.NOW.date()
MEMBERS = ("ana", "ben")
SALT = bytes(range(32))
ROOT = bytes(32)


def terms(number: int = 1, **changes: object) -> Terms:
    """Return the terms of a draw at NYC."""
    said: dict[str, object] = {
        "site": "NYC",
        "phase": "P2",
        "closed_on": TODAY,
        "number": number,
        "slots": {Stratum.FAMILY: 2, Stratum.SINGLE: 3},
    }
    return Terms(**(said | changes))


def households(count: int = 12) -> tuple[Household, ...]:
    """Return households, in turn a single adult and a family."""
    strata = (Stratum.SINGLE, Stratum.FAMILY)
    return tuple(Household(strata[n % 2], f"C-{n:03d}") for n in range(count))


def closed(number: int = 1, salt: bytes = SALT, **changes: object) -> ClosedList:
    """Return a closed list."""
    return ClosedList(
        terms=terms(number, **changes), salt=salt, households=households()
    )


def listed(of: ClosedList | None = None, *signers: str) -> Document:
    """Return a site's paper of its closed list."""
    mine = of or closed()
    paper = Listed(network="cmpp", terms=mine.terms, commitment=mine.commitment)
    return sample.signed(paper.document(), *(signers or (mine.terms.site,)))


def pledge(
    of: Document,
    member: str,
    *,
    value: bytes | None = None,
    log: tuple[int, bytes] = (7, ROOT),
) -> Document:
    """Return a member's pledge for a list."""
    public = sample.public(member)
    mine = value or draw_papers.value_for(sample.key(member), of.digest)
    paper = Pledge(
        network="cmpp",
        draw=of.digest,
        pledge=draw_papers.pledge_of(public, of.digest, mine),
        log_size=log[0],
        log_root=log[1],
    )
    return sample.signed(paper.document(), member)


def share(
    of: Document,
    member: str,
    *,
    among: Iterable[str] = MEMBERS,
    value: bytes | None = None,
) -> Document:
    """Return a member's share, to go with the honest pledges of some members."""
    papers = {each: draw_papers.parse(pledge(of, each)) for each in among}
    paper = Share(
        network="cmpp",
        draw=of.digest,
        pledges={sample.public(each): p.pledge for each, p in papers.items()},
        value=value or draw_papers.value_for(sample.key(member), of.digest),
    )
    return sample.signed(paper.document(), member)


def outcome(
    of: Document, nonce: bytes, digest: bytes, *, day: dt.date = TODAY, by: str = "NYC"
) -> Document:
    """Return a site's paper of an outcome."""
    paper = Outcome(
        network="cmpp", draw=of.digest, nonce=nonce, outcome=digest, drawn_on=day
    )
    return sample.signed(paper.document(), by)


def abandoned(of: Document, *signers: str) -> Document:
    """Return a site's paper that gives a draw up."""
    paper = Abandoned(network="cmpp", draw=of.digest, reason="The list was wrong.")
    return sample.signed(paper.document(), *(signers or ("NYC",)))


def enact(site: Site, *papers: Document) -> None:
    """Have a site enter papers, one after another."""
    for paper in papers:
        site.enact(Kind.DRAW, paper)


def nonce_papers(of: Document, members: Iterable[str] = MEMBERS) -> list[Document]:
    """Return the Board's papers of a draw, in order."""
    those = tuple(members)
    pledges = [pledge(of, each) for each in those]
    return pledges + [share(of, each, among=those) for each in those]


def draw_at(site: Site, of: Document) -> draws.Draw:
    """Return how far a draw has come at a site."""
    return site.law.draws[of.digest.hex()]
