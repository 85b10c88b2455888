"""Check every site's ledger, and hold it against what was asked and answered."""

import datetime as dt
import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from coordinator.audit.asking import Traffic
from coordinator.audit.pack import ANSWERS, ARCHIVE, LEDGERS, Pack
from coordinator.audit.papers import Papers
from coordinator.audit.report import Check, Report
from coordinator.evidence import SignedAnswer
from privacy import archive, audit, export, transparency
from privacy.audit import Found, Paid
from privacy.chain import Kind
from privacy.errors import BadSignature, Corrupt, NotAllowed
from privacy.export import Export
from privacy.mandate import Purpose, Turn

_FROM_BOARD: Final = {
    Kind.ROSTER,
    Kind.EDITION,
    Kind.MANDATE,
    Kind.REVOKED,
    Kind.STOOD_DOWN,
    Kind.ANALYSIS_PLAN,
}
"""Entries that rest on papers the log must tell of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One site's ledger, once it was found whole.

    Attributes:
        site: Whose.
        export: What it says.
        found: Its rules and charges.
    """

    site: str
    export: Export
    found: Found

    @property
    def where(self) -> str:
        """The file it was read from."""
        return f"{LEDGERS}/{self.site}{ARCHIVE}"


def check(
    pack: Pack, papers: Papers, traffic: Traffic, report: Report
) -> tuple[Ledger, ...]:
    """Judge every ledger by itself, and then against the rest; return those read."""
    whole = report.check("Ledgers: chain, signatures, caps")
    charges = report.check("Charges against mandates and cost")
    ledgers = _read(pack, papers, whole, charges)
    _rules(ledgers, papers, report.check("Rules in ledgers against the log"))
    _charges(ledgers, papers, traffic, report.check("Charges against questions"))
    answered = report.check("Answers against ledgers")
    known = {ledger.site: ledger for ledger in ledgers}
    for number, answer in traffic.answered.items():
        with answered.looking_at(f"{ANSWERS}, line {number}"):
            _answer(answer, known.get(answer.site), traffic)
    _note_unanswered(ledgers, traffic, report)
    return ledgers


def _read(
    pack: Pack, papers: Papers, whole: Check, charges: Check
) -> tuple[Ledger, ...]:
    """Read the ledger of every site in the newest roster, and any other there is."""
    ledgers = []
    for site in sorted({*pack.ledgers, *papers.newest.members}):
        where = f"{LEDGERS}/{site}{ARCHIVE}"
        with whole.looking_at(where):
            lines = _signed_lines(pack, papers, site)
            said = export.read(lines)
            if said.site != site:
                raise Corrupt(f"it is the ledger of {said.site}, not of {site}.")
            found = audit.check_site(said)
            ledgers.append(Ledger(site=site, export=said, found=found))
            charges.count += len(said.walk.charged)
            for failure in found.failures:
                charges.fail(where, failure)
            _check_roster(found, papers)
    return tuple(ledgers)


def _signed_lines(pack: Pack, papers: Papers, site: str) -> tuple[str, ...]:
    """Return the lines of a site's archive, if the site signed it.

    Raises:
        BadSignature: it is missing, or no key the site ever had signed it.
    """
    if site not in pack.ledgers:
        raise BadSignature(f"the ledger of site {site} is missing; ask the site.")
    keys = sorted(papers.keys_of(site))
    for key in keys[:-1]:
        try:
            return archive.read(pack.ledgers[site], key=key)
        except BadSignature:
            continue
    if not keys:
        raise BadSignature(f"site {site} is in no roster.")
    return archive.read(pack.ledgers[site], key=keys[-1])


def _check_roster(found: Found, papers: Papers) -> None:
    """Refuse a site that obeys a roster which is not in the pack."""
    if found.failures:
        return
    obeyed = found.law.roster
    if obeyed is None or obeyed.digest.hex() not in papers.digests:
        raise Corrupt(
            f"site {found.law.site} obeys a roster that is not in the pack, so "
            "somebody was told another story."
        )


def _rules(ledgers: Iterable[Ledger], papers: Papers, check: Check) -> None:
    """Hold every paper a site obeys against those in the log."""
    for ledger in ledgers:
        for entry in ledger.export.entries:
            if entry.kind in _FROM_BOARD:
                check.count += 1
                check.require(
                    entry.document in papers.digests,
                    f"{ledger.where}, entry {entry.sequence}",
                    f"the {entry.kind.value} it rests on is not in the log.",
                )


def _charges(
    ledgers: Iterable[Ledger], papers: Papers, traffic: Traffic, check: Check
) -> None:
    """Hold every charge against the signed question it names."""
    for ledger in ledgers:
        for paid in ledger.found.paid.values():
            where = f"{ledger.where}, entry {paid.entry.sequence}"
            with check.looking_at(where):
                _charge(ledger.site, paid, papers, traffic)


def _charge(site: str, paid: Paid, papers: Papers, traffic: Traffic) -> None:
    """Judge one charge.

    Raises:
        ExchangeError: its question is not in the log, costs something else, or was
            asked after its mandate or the programme had ended.
    """
    entry = paid.entry
    question = traffic.questions.get(entry.ask or "")
    if question is None:
        raise Corrupt("it pays for a question that is not in the log.")
    ask = question.ask
    said = (ask.site, ask.metric, ask.query_name, ask.mandate.hex(), ask.rho)
    if said != (site, entry.metric, paid.name, entry.mandate, _rho(paid)):
        raise Corrupt("it pays for something else than the coordinator asked.")
    if Purpose(ask.purpose) not in paid.purposes:
        raise NotAllowed(
            f"mandate or policy did not permit the purpose {ask.purpose} that day."
        )
    made = dt.datetime.fromisoformat(entry.at)
    if made.timestamp() > ask.not_after + 1:
        raise NotAllowed("the question had lapsed when it was charged.")
    withdrawn = papers.moments(transparency.Kind.REVOCATION, "mandate")
    at = withdrawn.get(entry.mandate or "")
    if at is not None and question.logged > at:
        raise NotAllowed(
            "it was asked after the mandate was withdrawn, and the site had not been "
            "told."
        )
    if _stood_still(papers, question.logged):
        raise NotAllowed("it was asked while the Board had stopped the programme.")


def _stood_still(papers: Papers, number: int) -> bool:
    """Tell whether the last order before an entry of the log had stopped everything."""
    still = False
    for entry in papers.logged(transparency.Kind.STANDING_DOWN):
        order = papers.orders.get(str(entry.body["digest"]))
        if order is not None and entry.number < number:
            still = order.turn is not Turn.RESUME
    return still


def _answer(answer: SignedAnswer, ledger: Ledger | None, traffic: Traffic) -> None:
    """Judge one answer by its site's ledger.

    Raises:
        ExchangeError: the ledger keeps another release, or none.
    """
    if ledger is None:
        raise Corrupt(f"the ledger of site {answer.site} could not be read.")
    paid = ledger.found.paid.get(answer.release_key.hex())
    if paid is None or paid.release is None or paid.kept_by is None:
        raise Corrupt(f"the ledger of site {answer.site} keeps no such release.")
    blob = struct.pack(f">{len(answer.values)}q", *answer.values)
    said = (
        hashlib.sha256(blob).hexdigest(),
        answer.variance,
        answer.rho,
        answer.sequence,
    )
    kept = paid.release
    if said != (
        kept.values,
        Fraction(kept.variance),
        _rho(paid),
        paid.kept_by.sequence,
    ):
        raise Corrupt(
            f"the ledger of site {answer.site} keeps other numbers than this answer."
        )
    charged = traffic.charged[answer.digest]
    amount = (paid.entry.pico_rho, paid.entry.worst_pico)
    mine = paid.entry.ask == answer.ask.hex()
    if charged != (0, 0) and not (mine and charged == amount):
        raise Corrupt(
            f"the log says it was charged {charged[0]} pico-rho and the ledger of "
            f"site {answer.site} does not."
        )


def _note_unanswered(
    ledgers: Iterable[Ledger], traffic: Traffic, report: Report
) -> None:
    """Count charges without an answer: a crash costs budget and tells nothing."""
    for ledger in ledgers:
        keys = set(ledger.found.paid)
        alone = sum((key, ledger.site) not in traffic.answers for key in keys)
        if alone:
            report.notes.append(
                f"Site {ledger.site} was charged {alone} times without an answer in "
                "the pack; that is allowed, as after a crash."
            )


def _rho(paid: Paid) -> Fraction:
    """Return the exact loss a charge states."""
    return Fraction(paid.entry.rho or "0")
