"""Check every draw: one commitment, then its nonce, then one outcome, all in public.

The log gives the order, the papers their signatures, and each site's ledger says
whether the site did anything that it did not publish. That the places follow from the
list is repeated at the site, which alone has it, with `cmpp-node draw verify`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from coordinator import draws as public
from coordinator.audit.ledgers import Ledger
from coordinator.audit.pack import Pack, paper_name
from coordinator.audit.papers import Papers
from coordinator.audit.report import Check, Report
from privacy import draw_papers, transparency
from privacy.draw_papers import BROUGHT, Paper, Pledge
from privacy.draws import Draw, Draws
from privacy.errors import Corrupt, ExchangeError
from privacy.merkle import Tree
from privacy.signing import Document, Kind


def check(
    pack: Pack, papers: Papers, ledgers: Iterable[Ledger], report: Report
) -> None:
    """Judge all draws, if there are any in the log or in a ledger."""
    known = tuple(ledgers)
    told = papers.logged(transparency.Kind.DRAW)
    if not told and not any(each.found.law.draws for each in known):
        return
    checked = report.check("Draws: commitment, nonce, outcome")
    found = _replayed(pack, papers, checked)
    _pledges(pack, papers, checked)
    steps = {d.digest.hex(): paper for d, paper in _papers(pack)}
    for ledger in known:
        _held(ledger, found, steps, checked)
    _note(found, report)


def _papers(pack: Pack) -> Iterator[tuple[Document, Paper]]:
    """Yield the papers of draws; one that says nothing was noted with the others."""
    for document in pack.papers:
        if document.kind is Kind.DRAW:
            with suppress(ExchangeError):
                yield document, draw_papers.parse(document)


def _replayed(pack: Pack, papers: Papers, checked: Check) -> Draws:
    """Follow the draws in the order of the log; note every paper out of place."""
    papers_of_draws = (document for document, _ in _papers(pack))
    by_digest = {d.digest.hex(): d for d in (*pack.rosters, *papers_of_draws)}
    ordered = []
    for entry in papers.entries:
        if entry.kind is transparency.Kind.DRAW:
            checked.count += 1
        digest = str(entry.body.get("digest"))
        if entry.kind.value in {Kind.ROSTER, Kind.DRAW} and digest in by_digest:
            ordered.append(by_digest[digest])

    def doubt(document: Document, error: ExchangeError) -> None:
        if document.kind is Kind.DRAW:
            checked.fail(paper_name(document), error.message)

    return public.replay(ordered, doubt)


def _pledges(pack: Pack, papers: Papers, checked: Check) -> None:
    """Check that every member who pledged named a log with the list in it."""
    tree = Tree(entry.leaf for entry in papers.entries)
    listed = {
        str(entry.body["draw"]): entry.number
        for entry in papers.logged(transparency.Kind.DRAW)
        if entry.body["step"] == draw_papers.Step.LIST.value
    }
    for document, paper in _papers(pack):
        if not isinstance(paper, Pledge):
            continue
        with checked.looking_at(paper_name(document)):
            if paper.log_size > len(tree) or paper.draw.hex() not in listed:
                raise Corrupt("The pledge is for a list the log does not tell of.")
            at = listed[paper.draw.hex()]
            public.check_pledge(paper, at, tree.root(paper.log_size))


def _held(
    ledger: Ledger, found: Draws, steps: Mapping[str, Paper], checked: Check
) -> None:
    """Hold what a site entered against what it published, both ways."""
    law = ledger.found.law
    for digest, entered in law.draws.items():
        checked.count += 1
        public_draw = found.get(digest)
        if public_draw is None:
            checked.fail(
                ledger.where,
                f"draw {entered.name} was begun and never published; the site submits "
                "its papers.",
            )
            continue
        _compare(ledger, entered, public_draw, steps, checked)
    for digest, draw in found.items():
        mine = draw.listed.terms.site == law.site
        if mine and digest not in law.draws and not ledger.found.failures:
            checked.fail(
                ledger.where,
                f"draw {draw.name} was published and the ledger does not have it.",
            )


def _compare(
    ledger: Ledger,
    entered: Draw,
    published: Draw,
    steps: Mapping[str, Paper],
    checked: Check,
) -> None:
    """Compare the papers of one draw at its site and in public."""
    hidden = entered.papers - published.papers
    if hidden:
        checked.fail(
            ledger.where,
            f"{len(hidden)} papers of draw {entered.name} are in the ledger and not in "
            "the log; an outcome that is kept back is not an outcome.",
        )
    own = {
        digest
        for digest in published.papers - entered.papers
        if draw_papers.step_of(steps[digest]) not in BROUGHT
    }
    if own:
        checked.fail(
            ledger.where,
            f"{len(own)} papers of draw {entered.name} were published by the site and "
            "are not in its ledger.",
        )


def _note(found: Draws, report: Report) -> None:
    """Say what is allowed and worth a question to the site."""
    for draw in found.values():
        if draw.nonce is not None and draw.outcome is None:
            report.notes.append(
                f"Draw {draw.name} has its nonce and no outcome ({draw.state}), so the "
                "site could know what it would have been; ask why."
            )
        elif draw.is_open or draw.abandoned is not None:
            report.notes.append(f"Draw {draw.name} has no outcome: {draw.state}.")
