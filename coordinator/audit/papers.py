"""Check who may sign, what the Board signed, and the log of what was done with it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coordinator.audit.pack import Pack, keys_text, paper_name
from coordinator.audit.report import Check, Report
from privacy import (
    analysis_plan,
    catalogue,
    draw_papers,
    edition,
    mandate,
    roster,
    transparency,
)
from privacy.analysis_plan import AnalysisPlan, Locked
from privacy.catalogue import Programme
from privacy.errors import BadSignature, Corrupt, WrongProgramme
from privacy.mandate import Mandate, Revocation, StandingDown
from privacy.roster import Roster
from privacy.signing import Document, Kind
from privacy.transparency import Entry
from privacy.treehead import SignedHead

LOGGED: Final = {
    transparency.Kind.ROSTER: Kind.ROSTER,
    transparency.Kind.EDITION: Kind.EDITION,
    transparency.Kind.MANDATE: Kind.MANDATE,
    transparency.Kind.REVOCATION: Kind.REVOCATION,
    transparency.Kind.STANDING_DOWN: Kind.STANDING_DOWN,
    transparency.Kind.DRAW: Kind.DRAW,
    transparency.Kind.ANALYSIS_PLAN: Kind.ANALYSIS_PLAN,
}
"""Log entries about papers, and the kind of paper each is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What the auditor brought along and trusts.

    Attributes:
        roster: Digest of the newest roster in hex, or None.
        keys: The text of a list of keys as `keys_text` writes it, or None.
        head: A head of the log kept from earlier, or None.
    """

    roster: str | None = None
    keys: str | None = None
    head: SignedHead | None = None

    def check(self, newest: Roster, check: Check, where: str) -> None:
        """Note a roster that is not the one the auditor trusts."""
        if self.roster is not None:
            check.require(
                newest.digest.hex() == self.roster,
                where,
                "the newest roster is not the one whose fingerprint was given; ask two "
                "sites by telephone which is right.",
            )
        if self.keys is not None:
            check.require(
                keys_text(newest) == self.keys,
                where,
                "the newest roster does not have the keys in the list that was given.",
            )


@dataclass(kw_only=True)
class Papers:
    """What was signed, once it has been judged.

    Attributes:
        rosters: Oldest first, each believed by the sites of the one before.
        mandates: Digest in hex -> mandate.
        withdrawn: Digest in hex of each withdrawn mandate -> digest of the paper.
        orders: Digest in hex -> order to the whole programme.
        plans: Digest in hex -> analysis plan.
        programmes: Version -> definitions the Board signed, or the software ships.
        digests: Of every paper and roster, in hex.
        entries: The log.
    """

    rosters: list[Roster] = field(default_factory=list)
    mandates: dict[str, Mandate] = field(default_factory=dict)
    withdrawn: dict[str, str] = field(default_factory=dict)
    orders: dict[str, StandingDown] = field(default_factory=dict)
    plans: dict[str, AnalysisPlan] = field(default_factory=dict)
    programmes: dict[str, Programme] = field(default_factory=dict)
    digests: set[str] = field(default_factory=set)
    entries: tuple[Entry, ...] = ()

    @property
    def newest(self) -> Roster:
        """The newest roster.

        Raises:
            BadSignature: there is none.
        """
        if not self.rosters:
            raise BadSignature("no roster in the pack can be believed.")
        return self.rosters[-1]

    def keys_of(self, site: str) -> frozenset[bytes]:
        """Return every statement key a site has had."""
        known = (r.members[site].key for r in self.rosters if site in r.members)
        return frozenset(known)

    def programme(self, version: str) -> Programme:
        """Return the definitions that go by a version.

        Raises:
            WrongProgramme: the Board signed no such edition.
        """
        if version not in self.programmes:
            raise WrongProgramme(f"no edition {version[:64]} is in the pack.")
        return self.programmes[version]

    @property
    def locked(self) -> tuple[Locked, ...]:
        """The analysis plans, each with the moment at which the log tells of it."""
        return tuple(
            Locked(plan=self.plans[digest], at=dt.datetime.fromisoformat(entry.at))
            for entry in self.logged(transparency.Kind.ANALYSIS_PLAN)
            if (digest := str(entry.body["digest"])) in self.plans
        )

    def logged(self, kind: transparency.Kind) -> tuple[Entry, ...]:
        """Return the log's entries of one kind."""
        return tuple(entry for entry in self.entries if entry.kind is kind)

    def moments(self, kind: transparency.Kind, fact: str) -> Mapping[str, int]:
        """Return where in the log each fact of a kind is told first."""
        found: dict[str, int] = {}
        for entry in self.logged(kind):
            found.setdefault(str(entry.body[fact]), entry.number)
        return found


def check(pack: Pack, anchor: Anchor, report: Report) -> Papers:
    """Judge rosters, papers and log; nothing else means anything without them."""
    papers = Papers()
    shipped = catalogue.load()
    papers.programmes[shipped.version] = shipped
    _rosters(pack, anchor, papers, report.check("Rosters"))
    if not papers.rosters:
        return papers
    _papers(pack, papers, report.check("Papers of the Board"))
    _log(pack, papers, anchor.head, report.check("Transparency log"))
    _both_ways(pack, papers, report.check("Papers against the log"))
    return papers


def _rosters(pack: Pack, anchor: Anchor, papers: Papers, check: Check) -> None:
    """Follow the rosters from the first to the one the auditor trusts."""
    where = "rosters"
    for number, document in enumerate(pack.rosters, 1):
        where = f"rosters/{number:04d}.cmpp"
        with check.looking_at(where):
            found = roster.parse(document)
            found.check_follows(
                document, papers.rosters[-1] if papers.rosters else None
            )
            papers.rosters.append(found)
            papers.digests.add(document.digest.hex())
    if check.require(papers.rosters, where, "no roster can be believed."):
        anchor.check(papers.newest, check, where)


def _papers(pack: Pack, papers: Papers, check: Check) -> None:
    """Judge every paper by the Board of some roster."""
    for document in pack.papers:
        with check.looking_at(paper_name(document)):
            _paper(document, papers)
            papers.digests.add(document.digest.hex())


def _paper(document: Document, papers: Papers) -> None:
    """Take in one paper.

    Raises:
        ExchangeError: it says nothing definite, or too few signed it.
    """
    digest = document.digest.hex()
    match document.kind:
        case Kind.MANDATE:
            opened = mandate.parse(document)
            _check_board(document, papers, opened.network)
            papers.mandates[digest] = opened
        case Kind.EDITION:
            made = edition.parse(document)
            _check_board(document, papers, made.network)
            papers.programmes[made.programme.version] = made.programme
        case Kind.STANDING_DOWN:
            order = StandingDown.parse(document)
            _check_board(document, papers, order.network)
            papers.orders[digest] = order
        case Kind.REVOCATION:
            found = Revocation.parse(document)
            mandate.check_network(found.network, papers.newest.network)
            if not any(known.by_board(document) for known in papers.rosters):
                raise BadSignature("no member of the Board signed the withdrawal.")
            papers.withdrawn[found.mandate] = digest
        case Kind.ANALYSIS_PLAN:
            plan = analysis_plan.parse(document)
            _check_board(document, papers, plan.network)
            papers.plans[digest] = plan
        case Kind.DRAW:
            # Who signed it, and when, is judged with the draw it is part of.
            draw_papers.parse(document)
        case _:
            raise BadSignature(f"a {document.kind.value} is no paper of the Board.")


def _check_board(document: Document, papers: Papers, network: str) -> None:
    """Believe a paper if enough of the Board of some roster signed it."""
    mandate.check_network(network, papers.newest.network)
    for known in papers.rosters[:-1]:
        if len(known.by_board(document)) >= known.board_signatures:
            return
    papers.newest.check_board(document)


def _log(pack: Pack, papers: Papers, since: SignedHead | None, check: Check) -> None:
    """Check every line of the log against its signed head, and an earlier one."""
    if pack.head is None:
        check.fail("head.json", "there is no signed head, so the log proves nothing.")
        return
    with check.looking_at("log.jsonl"):
        newest = papers.newest
        pack.head.check(newest.coordinator, network=newest.network)
        papers.entries = transparency.check(
            pack.lines, pack.head, key=newest.coordinator, since=since
        )
        check.count = len(papers.entries)


def _both_ways(pack: Pack, papers: Papers, check: Check) -> None:
    """Compare the papers in the pack with what the log tells of each."""
    told: dict[str, list[Entry]] = {}
    for entry in papers.entries:
        if entry.kind in LOGGED:
            told.setdefault(str(entry.body["digest"]), []).append(entry)
    named = {f"rosters/{n:04d}.cmpp": d for n, d in enumerate(pack.rosters, 1)}
    named |= {paper_name(document): document for document in pack.papers}
    for where, document in named.items():
        with check.looking_at(where):
            entries = told.pop(document.digest.hex(), [])
            if not entries:
                raise Corrupt("it is not in the log.")
            for entry in entries:
                _check_told(entry, document)
    for digest, entries in told.items():
        kind = entries[0].kind.value
        check.fail("log.jsonl", f"it tells of {kind} {digest}, not in the pack.")


def _check_told(entry: Entry, document: Document) -> None:
    """Refuse an entry that tells something else of a paper than the paper says."""
    facts: dict[str, object]
    match document.kind:
        case Kind.ROSTER:
            facts = {"version": roster.parse(document).version}
        case Kind.EDITION:
            facts = {"number": edition.parse(document).number}
        case Kind.MANDATE:
            opened = mandate.parse(document)
            facts = {"number": opened.number, "title": opened.title}
        case Kind.REVOCATION:
            facts = {"mandate": Revocation.parse(document).mandate}
        case Kind.DRAW:
            facts = _draw_facts(document)
        case Kind.ANALYSIS_PLAN:
            plan = analysis_plan.parse(document)
            facts = {"number": plan.number, "metric": plan.metric}
            facts["document"] = document.file().decode()
        case _:
            facts = {"what": StandingDown.parse(document).turn.value}
    said = {name: entry.body.get(name) for name in facts}
    if LOGGED[entry.kind] is not document.kind or said != facts:
        raise Corrupt(f"entry {entry.number} of the log tells something else of it.")


def _draw_facts(document: Document) -> dict[str, object]:
    """Return what the log must tell of a paper of a draw, its very text included."""
    paper = draw_papers.parse(document)
    return {
        "step": draw_papers.step_of(paper).value,
        "draw": draw_papers.draw_of(document, paper),
        "document": document.file().decode(),
    }
