"""Compute every published figure again, from the answers the sites signed.

Nothing is taken from the published result but what it claims: which metric, about
which period, from which sites. The figures, their intervals and the loss follow from
the signed answers by the estimators that made them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from coordinator import combine, evidence
from coordinator import result as results
from coordinator.audit.asking import Traffic
from coordinator.audit.pack import LINES, RESULTS, Pack
from coordinator.audit.papers import Papers
from coordinator.audit.report import Check, Report
from coordinator.result import EVERYWHERE, Cell, Result, Status
from coordinator.store import Release
from privacy import estimators, transparency
from privacy.catalogue import Metric, Programme
from privacy.dictionary import Grain
from privacy.errors import Corrupt
from privacy.period import Period
from privacy.query import Mode, Query
from privacy.transparency import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a result claims to be, and the questions that would have to be behind it.

    Attributes:
        result: As it was published.
        metric: Its definition.
        programme: Where that stands.
        queries: The questions, by name.
        published_at: Its first entry in the log.
    """

    result: Result
    metric: Metric
    programme: Programme = field(repr=False)
    queries: Mapping[str, Query]
    published_at: int


def check(pack: Pack, papers: Papers, traffic: Traffic, report: Report) -> None:
    """Judge every result, and compare the results with the log, both ways."""
    check = report.check("Published figures")
    logged: dict[str, list[Entry]] = {}
    for entry in papers.logged(transparency.Kind.PUBLICATION):
        logged.setdefault(str(entry.body["digest"]), []).append(entry)
    for number, content in enumerate(pack.results, 1):
        where = f"{RESULTS}, line {number}"
        with check.looking_at(where):
            published = results.read(content)
            told = logged.pop(str(content["digest"]), [])
            _check_told(content, told)
            claim = _claim(published, papers, traffic, told[0].number)
            _check_sites(claim, papers, traffic)
            _check_figures(claim, traffic, check, where)
    for digest, entries in logged.items():
        check.fail(
            f"{LINES}, entry {entries[0].number}",
            f"it tells of the result {digest[:16]}, which is not in the pack.",
        )


def _check_told(content: Mapping[str, Any], told: Sequence[Entry]) -> None:
    """Refuse a result that the log does not tell, or tells with other numbers."""
    if not told:
        raise Corrupt("the log does not tell of it.")
    facts = evidence.publication_facts(content)
    for entry in told:
        said = {name: entry.body.get(name) for name in facts}
        if said != facts:
            raise Corrupt("the log tells of other figures than the result has.")


def _claim(
    published: Result, papers: Papers, traffic: Traffic, published_at: int
) -> Claim:
    """Find the questions behind a result.

    Raises:
        Corrupt: no question that was answered is behind it.
    """
    programme = papers.programme(published.version)
    metric, period = programme.metric(published.metric), Period(published.period)
    if published.mode != Mode.SITE.value:
        raise Corrupt("it was published in a mode that no mandate here opens.")
    revisions = {0} | {m.revision for m in papers.mandates.values()}
    for revision in sorted(revisions, reverse=True):
        queries = programme.queries(metric, period, revision)
        answered = [o.site for o in published.sites if o.status is Status.ANSWERED]
        if answered and all(_has(traffic, queries, site) for site in answered):
            return Claim(
                result=published,
                metric=metric,
                programme=programme,
                queries=queries,
                published_at=published_at,
            )
    raise Corrupt(
        "it names sites as answering whose signed answers are not all in the pack."
    )


def _check_sites(claim: Claim, papers: Papers, traffic: Traffic) -> None:
    """Refuse a result that counts sites otherwise than they answered."""
    named = {outcome.site for outcome in claim.result.sites}
    covering = [
        mandate.sites & set(roster.members)
        for roster in papers.rosters
        for mandate in papers.mandates.values()
        if claim.metric.id in mandate.metrics
        and Period(claim.result.period) in mandate.periods
    ]
    if named not in covering or len(named) != len(claim.result.sites):
        raise Corrupt("it does not name every site of its mandate, each once.")
    keys = [query.release_key(Mode.SITE).hex() for query in claim.queries.values()]
    for outcome in claim.result.sites:
        places = [traffic.answered_at.get((key, outcome.site)) for key in keys]
        before = [at for at in places if at is not None and at < claim.published_at]
        whole = len(before) == len(keys)
        if whole is not (outcome.status is Status.ANSWERED):
            raise Corrupt(
                f"it says site {outcome.site} was {outcome.status.value}, and by then "
                f"the site had answered {len(before)} of its {len(keys)} questions."
            )
        rho = sum((_rho(traffic, key, outcome.site) for key in keys), Fraction(0))
        if whole and rho != outcome.rho:
            raise Corrupt(
                f"it says site {outcome.site} lost {outcome.rho} rho, and its signed "
                f"answers cost {rho}."
            )


def _check_figures(claim: Claim, traffic: Traffic, check: Check, where: str) -> None:
    """Note every figure that differs from what the signed answers give."""
    due = list(_figures(claim, traffic))
    found = list(claim.result.cells)
    if len(due) != len(found):
        check.fail(where, f"it has {len(found)} figures and {len(due)} follow.")
        return
    for one, other in zip(due, found, strict=True):
        if (one.site, one.labels) != (other.site, other.labels):
            check.fail(where, f"{_named(other)} stands where {_named(one)} belongs.")
        elif one.estimate != other.estimate:
            check.fail(
                where,
                f"{_named(one)} is {one.estimate.value:.6g} ({one.estimate.low:.6g} to "
                f"{one.estimate.high:.6g}) by the signed answers, and not "
                f"{other.estimate.value:.6g} ({other.estimate.low:.6g} to "
                f"{other.estimate.high:.6g}).",
            )


def _figures(claim: Claim, traffic: Traffic) -> Iterator[Cell]:
    """Yield every figure that follows from the signed answers, in order."""
    answered = [
        outcome.site
        for outcome in claim.result.sites
        if outcome.status is Status.ANSWERED
    ]
    groups = [(EVERYWHERE, answered)]
    if claim.metric.grain is Grain.SITE:
        groups += [(site, [site]) for site in answered]
    for label, members in groups:
        measured = {
            name: combine.site_mode([_release(traffic, query, s) for s in members])
            for name, query in claim.queries.items()
        }
        cells = estimators.publish(
            claim.metric,
            claim.queries,
            measured,
            claim.programme.dictionary,
            confidence=claim.result.confidence,
        )
        for cell in cells:
            yield Cell(site=label, labels=cell.labels, estimate=cell.estimate)


def _has(traffic: Traffic, queries: Mapping[str, Query], site: str) -> bool:
    """Tell whether a site answered every one of some questions."""
    keys = (query.release_key(Mode.SITE).hex() for query in queries.values())
    return all((key, site) in traffic.answers for key in keys)


def _release(traffic: Traffic, query: Query, site: str) -> Release:
    """Return a signed answer as the product adds it up."""
    answer = traffic.answers[query.release_key(Mode.SITE).hex(), site]
    return Release(
        release_key=answer.release_key,
        site=answer.site,
        values=answer.values,
        variance=answer.variance,
        rho=answer.rho,
    )


def _rho(traffic: Traffic, key: str, site: str) -> Fraction:
    """Return what an answer cost, nothing if there is none."""
    answer = traffic.answers.get((key, site))
    return Fraction(0) if answer is None else answer.rho


def _named(cell: Cell) -> str:
    """Name a figure by whose it is and its labels."""
    labels = ", ".join(label for _, label in cell.labels) or "the figure"
    return f"{labels} of {cell.site}"
