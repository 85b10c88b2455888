"""Compute every published figure again, from the answers the sites signed.

Nothing is taken from the published result but what it claims: which metric, about
which period, from which sites. The figures, their intervals and the loss follow from
the signed answers by the estimators that made them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

from coordinator import cohorts, evidence
from coordinator import result as results
from coordinator.audit import exact
from coordinator.audit.asking import Traffic
from coordinator.audit.pack import LINES, RESULTS, Pack
from coordinator.audit.papers import Papers
from coordinator.audit.report import Check, Report
from coordinator.cohorts import Cohorts
from coordinator.exact import MODE
from coordinator.result import EVERYWHERE, Cell, Result, Status
from coordinator.store import Release
from privacy import analysis_plan, public_arms, transparency
from privacy.analysis_plan import Locked
from privacy.catalogue import Metric, Programme
from privacy.errors import Corrupt
from privacy.mandate import Mandate
from privacy.period import Period
from privacy.public_arms import PublicArms
from privacy.query import Mode, Query
from privacy.transparency import Entry

ARM_FIGURES: Final = frozenset({public_arms.SELECTED, public_arms.NOT_SELECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a result claims to be, and the questions that would have to be behind it.

    Attributes:
        result: As it was published.
        metric: Its definition.
        programme: Where that stands.
        cohorts: The period it is about, or the cohorts that were added up.
        published_at: Its first entry in the log.
    """

    result: Result
    metric: Metric
    programme: Programme = field(repr=False)
    cohorts: Cohorts
    published_at: int

    @property
    def queries(self) -> tuple[dict[str, Query], ...]:
        """The questions about each cohort, by name."""
        return tuple(self.cohorts.queries(at) for at in self.cohorts.periods)


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
            if published.mode == MODE:
                at = told[0].number
                exact.check(published, papers, traffic, report, published_at=at)
                continue
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
    if published.mode != Mode.SITE.value:
        raise Corrupt("it was published in a mode that no mandate here opens.")
    programme = papers.programme(published.version)
    metric = programme.metric(published.metric)
    mandates = _mandates(papers, before=published_at)
    made = _cohorts(published, metric, programme, papers.locked, mandates)
    revisions = {0} | {m.revision for m in papers.mandates.values()}
    answered = [o.site for o in published.sites if o.status is Status.ANSWERED]
    for revision in sorted(revisions, reverse=True):
        claim = Claim(
            result=published,
            metric=metric,
            programme=programme,
            cohorts=replace(made, revision=revision),
            published_at=published_at,
        )
        asked = claim.queries
        if answered and all(_has(traffic, q, s) for q in asked for s in answered):
            return claim
    raise Corrupt(
        "it names sites as answering whose signed answers are not all in the pack."
    )


def _cohorts(
    published: Result,
    metric: Metric,
    programme: Programme,
    plans: Sequence[Locked],
    mandates: Sequence[Mandate],
) -> Cohorts:
    """Return what a result is about, if plans and mandates let it be published.

    Raises:
        ExchangeError: no plan fixed it in time, its cohorts do not add up, or no
            mandate makes the arm sizes public that it rests on.
    """
    periods = cohorts.periods_of(published.period)
    exact = {name for _, name, _ in published.figures} & ARM_FIGURES
    if len(periods) > 1:
        made = cohorts.chosen(
            metric, programme, periods, mandates=mandates, plans=plans
        )
        return made if exact else replace(made, arms=())
    analysis_plan.check_asked(metric, programme, periods[0], plans)
    arms: tuple[PublicArms, ...] = ()
    if exact:
        arms = _stated_arms(published, metric, periods[0], mandates)
    return Cohorts(metric=metric, programme=programme, periods=periods, arms=arms)


def _mandates(papers: Papers, *, before: int) -> list[Mandate]:
    """Return the mandates the log told of before some entry."""
    told = papers.moments(transparency.Kind.MANDATE, "digest")
    known = papers.mandates.items()
    return [each for digest, each in known if told.get(digest, before) < before]


def _stated_arms(
    published: Result, metric: Metric, period: Period, mandates: Iterable[Mandate]
) -> tuple[PublicArms, ...]:
    """Return the arms of the mandate that makes public just what a result used."""
    used = {
        (site, name): Fraction(figure)
        for site, name, figure in published.figures
        if name in ARM_FIGURES
    }
    answered = [o.site for o in published.sites if o.status is Status.ANSWERED]
    for mandate in mandates:
        known = {
            (whose, name): figure
            for whose in {site for site, _ in used}
            for name, figure in public_arms.figures(
                mandate.public_arms,
                sites=answered if whose == EVERYWHERE else [whose],
                period=period,
            ).items()
        }
        if metric.id in mandate.metrics and known == used:
            return mandate.public_arms
    raise Corrupt("it rests on arm sizes that no mandate makes public.")


def _check_sites(claim: Claim, papers: Papers, traffic: Traffic) -> None:
    """Refuse a result that counts sites otherwise than they answered."""
    named = {outcome.site for outcome in claim.result.sites}
    covering = _covering(claim, papers)
    if named not in covering or len(named) != len(claim.result.sites):
        raise Corrupt("it does not name every site of its mandate, each once.")
    by_cohort = [
        [query.release_key(Mode.SITE).hex() for query in queries.values()]
        for queries in claim.queries
    ]
    keys = [key for keys in by_cohort for key in keys]
    for outcome in claim.result.sites:
        places = [traffic.answered_at.get((key, outcome.site)) for key in keys]
        before = [at for at in places if at is not None and at < claim.published_at]
        whole = len(before) == len(keys)
        if whole is not (outcome.status is Status.ANSWERED):
            raise Corrupt(
                f"it says site {outcome.site} was {outcome.status.value}, and by then "
                f"the site had answered {len(before)} of its {len(keys)} questions."
            )
        rho = max(
            sum((_rho(traffic, key, outcome.site) for key in keys), Fraction(0))
            for keys in by_cohort
        )
        if whole and rho != outcome.rho:
            raise Corrupt(
                f"it says site {outcome.site} lost {outcome.rho} rho, and its signed "
                f"answers cost {rho}."
            )


def _covering(claim: Claim, papers: Papers) -> list[frozenset[str]]:
    """Return the sites that a result had to name: for some mandate and roster."""
    periods = claim.cohorts.periods
    named = [
        mandate.sites
        for mandate in papers.mandates.values()
        if claim.metric.id in mandate.metrics and periods[0] in mandate.periods
    ]
    if len(periods) > 1:
        known = _mandates(papers, before=claim.published_at)
        named = [cohorts.named(claim.metric, periods, known)]
    return [sites & set(each.members) for each in papers.rosters for sites in named]


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
    answered = [o.site for o in claim.result.sites if o.status is Status.ANSWERED]
    released = {
        site: [
            {name: _release(traffic, query, site) for name, query in queries.items()}
            for queries in claim.queries
        ]
        for site in answered
    }
    # The public figures are those the result itself says it used.
    figures: dict[str, dict[str, Fraction]] = {}
    for site, name, figure in claim.result.figures:
        figures.setdefault(site, {})[name] = Fraction(figure)
    yield from cohorts.cells(
        claim.cohorts,
        released,
        figures=figures,
        confidence=claim.result.confidence,
    )


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
