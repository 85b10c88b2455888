"""Results that no site is asked for: public money, and the loss that was charged.

Both are exact: the first is published anyway, the second follows from answers that
the sites signed. No record is read, nothing is sent, nothing is charged.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from coordinator.evidence import SignedAnswer
from coordinator.figures import PublicFigures
from coordinator.result import EVERYWHERE, Cell, Result, SiteOutcome, Status
from privacy import loss, query
from privacy.accounts import Accounts, Spend
from privacy.amount import Amount
from privacy.catalogue import EstimatorKind, Metric, Programme
from privacy.errors import InvalidQuery, NoPublicFigure
from privacy.estimate import Estimate
from privacy.organisation_month import COSTS, OrganisationMonth, months_of
from privacy.period import Period
from proto.wire import Ask

MODE: Final = "public"
"""The mode of a result that holds no site's answer."""

_NO_COST: Final = (
    "Cost is missing for {sites}: not every month of the period was published; add "
    "the months with `cmpp facts add`."
)
_MOST: Final = (
    "A line for all sites shows the site where the loss is largest: a household is "
    "in one site's ledger, and one that two sites served is in two, which add up."
)
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What exact results are read from.

    Attributes:
        sites: Those on the list, by name.
        figures: What is public about the programme and its sites.
        asks: Every signed question.
        answers: Every signed answer.
        mandates: Digest in hex -> what people call the mandate.
    """

    programme: Programme = field(repr=False)
    confidence: Fraction
    sites: tuple[str, ...]
    figures: PublicFigures = field(repr=False)
    asks: Sequence[Ask] = field(default=(), repr=False)
    answers: Sequence[SignedAnswer] = field(default=(), repr=False)
    mandates: Mapping[str, str] = field(default_factory=dict)


def publish(metric: Metric, period: Period, books: Books) -> Result:
    """Return an exact result.

    Raises:
        InvalidQuery: the metric is not of this kind, or not of this length of period.
    """
    if metric.periods:
        books.programme.queries(metric, period)
    match metric.estimator.kind:
        case EstimatorKind.PUBLIC:
            return _money(metric, period, books)
        case EstimatorKind.LEDGER:
            return _charged(metric, period, books)
        case kind:
            raise InvalidQuery(f"{metric.id} is a {kind.value}; the sites are asked.")


def _money(metric: Metric, period: Period, books: Books) -> Result:
    """Publish what was awarded up to a period, and what was spent in it."""
    months = months_of(period)
    spent = {
        site: [m for m in books.figures.months if m.site == site and m.month in months]
        for site in books.sites
        if books.figures.complete(site, months)
    }
    missing = [site for site in books.sites if site not in spent]
    found = [*_awarded(period, books)]
    found += _spent(EVERYWHERE, period, [m for each in spent.values() for m in each])
    for site, mine in spent.items():
        found += _spent(site, period, mine)
    outcomes = [
        SiteOutcome(site=site, status=Status.ANSWERED)
        if site in spent
        else SiteOutcome(site=site, status=Status.ERROR, reason=NoPublicFigure.code)
        for site in books.sites
    ]
    note = _NO_COST.format(sites=", ".join(missing)) if missing else ""
    return _result(metric, period, books, found, outcomes=outcomes, note=note)


def _awarded(period: Period, books: Books) -> Iterator[tuple[str, Labels, Fraction]]:
    """Yield every award up to a period's fiscal year; a frozen one says so."""
    facts = books.figures.facts
    for award in facts.awards:
        if award.fiscal_year.year <= period.year:
            phase = facts.phase(award.phase, on=max(period.end, award.span.since))
            state = "" if phase.accepts else f", {phase.state.value}"
            labels = (
                ("money", f"obligated{state}"),
                ("fiscal_year", award.fiscal_year.label),
                ("phase", award.phase),
            )
            yield EVERYWHERE, labels, award.dollars


def _spent(
    site: str, period: Period, months: Sequence[OrganisationMonth]
) -> Iterator[tuple[str, Labels, Fraction]]:
    """Yield what was spent in each phase; over all sites, by kind too."""
    for phase in sorted({month.phase for month in months}):
        mine = [month for month in months if month.phase == phase]
        kinds = {"spent": sum(m.cost for m in mine)}
        for name in COSTS if site == EVERYWHERE else ():
            part = sum(m.costs[name] for m in mine)
            kinds[f"spent, {name.replace('_', ' ')}"] = part
        for kind, dollars in kinds.items():
            labels = (("money", kind), ("period", period.label), ("phase", phase))
            yield site, labels, Fraction(dollars)


def _charged(metric: Metric, period: Period, books: Books) -> Result:
    """Publish what the sites' signed answers were charged, as their ledgers count.

    Each answer is charged once, however often it was sent. What is asked about
    periods that end later is left out.
    """
    asks = {ask.digest: ask for ask in books.asks}
    accounts = dict.fromkeys(books.sites, Accounts())
    seen: set[tuple[str, bytes]] = set()
    for answer in books.answers:
        ask, known = asks.get(answer.ask), (answer.site, answer.release_key)
        if ask is None or known in seen or answer.site not in accounts:
            continue
        seen.add(known)
        spend = _spend(ask, answer)
        if all(each.end <= period.end for each in spend.periods):
            accounts[answer.site] = accounts[answer.site].after_charge(spend)
    by_site = {site: dict(_lines(mine, books)) for site, mine in accounts.items()}
    every = sorted({labels for lines in by_site.values() for labels in lines})
    found = [
        (EVERYWHERE, labels, max(lines.get(labels, 0) for lines in by_site.values()))
        for labels in every
    ]
    for site, lines in by_site.items():
        found += [(site, labels, pico) for labels, pico in sorted(lines.items())]
    exact = ((site, labels, loss.from_pico(pico)) for site, labels, pico in found)
    outcomes = [SiteOutcome(site=s, status=Status.ANSWERED) for s in books.sites]
    return _result(metric, period, books, exact, outcomes=outcomes, note=_MOST)


def _spend(ask: Ask, answer: SignedAnswer) -> Spend:
    """Return what an answer was charged, and to whom, as the site's ledger has it."""
    asked = query.parse(ask.query)
    pico = loss.pico(answer.rho)
    return Spend(
        entry_years=asked.entry_years,
        anchor=asked.anchor,
        periods=asked.periods,
        amount=Amount(pico, pico),
        mandate=ask.mandate.hex(),
    )


def _lines(accounts: Accounts, books: Books) -> Iterator[tuple[Labels, int]]:
    """Yield what each entry year lost at most, and what each mandate was charged."""
    for year, known in accounts.years.items():
        yield (("entry_year", year),), known.lifetime.worst
    for digest, amount in accounts.mandates.items():
        name = books.mandates.get(digest, digest[:12])
        yield (("mandate", name),), amount.worst


def _result(
    metric: Metric,
    period: Period,
    books: Books,
    found: Iterable[tuple[str, Labels, Fraction]],
    *,
    outcomes: Sequence[SiteOutcome],
    note: str,
) -> Result:
    """Make a result whose intervals have no width."""
    return Result(
        metric=metric.id,
        version=books.programme.version,
        period=period.label,
        mode=MODE,
        confidence=books.confidence,
        cells=tuple(
            Cell(site=site, labels=labels, estimate=_exact(value, books.confidence))
            for site, labels, value in found
        ),
        sites=tuple(outcomes),
        note=note,
    )


def _exact(value: Fraction, confidence: Fraction) -> Estimate:
    """Return a value with nothing around it."""
    number = float(value)
    return Estimate(
        value=number,
        low=number,
        high=number,
        standard_error=0.0,
        confidence=confidence,
    )
