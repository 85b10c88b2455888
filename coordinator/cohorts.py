"""Add up cohorts of a once-per-unit event: from kept answers, asking nobody.

A household is drawn for the first time once, and enrolled for the first time once,
so the cohorts of different periods hold different households. Their answers may be
added up, sum by sum, and a household loses no more than it lost in its own cohort.
Nothing like it holds for what happens to a household again and again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from coordinator import combine
from coordinator.combine import Released
from coordinator.result import EVERYWHERE, Cell, Result, SiteOutcome, Status
from coordinator.store import Release, Store
from privacy import analysis_plan, definition, estimators, public_arms
from privacy.analysis_plan import Locked
from privacy.catalogue import Programme
from privacy.dictionary import Grain
from privacy.errors import InvalidQuery, NoPublicFigure, NotAllowed
from privacy.mandate import Mandate
from privacy.metric import EstimatorKind, Metric
from privacy.period import Period
from privacy.query import Mode, Query

AND: Final = " and "
ABSENT: Final = "not-in-every-cohort"

_NO_SUMS: Final = frozenset({EstimatorKind.PUBLIC, EstimatorKind.LEDGER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohorts:
    """Which cohorts of which metric are to be added up.

    Attributes:
        metric: The metric.
        programme: By whose definitions.
        periods: The cohorts, in time.
        revision: Of the answers that are used.
        arms: Arm sizes that mandates make public, for every cohort or none.
    """

    metric: Metric
    programme: Programme
    periods: tuple[Period, ...]
    revision: int = 0
    arms: tuple[public_arms.PublicArms, ...] = ()

    def queries(self, period: Period) -> dict[str, Query]:
        """Return the queries that were asked about one cohort, by name."""
        made = self.programme.queries(self.metric, period, self.revision)
        left_out = definition.arms(self.metric) if self.arms else frozenset()
        return {name: query for name, query in made.items() if name not in left_out}

    def figures(self, sites: Sequence[str]) -> dict[str, Fraction]:
        """Return the public arm sizes of some sites, all cohorts together."""
        sums: dict[str, Fraction] = {}
        for period in self.periods:
            found = public_arms.figures(self.arms, sites=sites, period=period)
            for name, figure in found.items():
                sums[name] = sums.get(name, Fraction(0)) + figure
        return sums


def chosen(
    metric: Metric,
    programme: Programme,
    periods: Sequence[Period],
    *,
    mandates: Iterable[Mandate],
    plans: Sequence[Locked],
    revision: int = 0,
) -> Cohorts:
    """Return the cohorts, if they may be added up at all.

    Raises:
        InvalidQuery: they are not cohorts, or overlap.
        NotAllowed: a household could be there twice, or no plan fixed it for all.
    """
    if metric.estimator.kind in _NO_SUMS or metric.estimator.figure is not None:
        raise NotAllowed(
            f"{metric.id} rests on public figures of one period each, which do not add "
            "up; show each period by itself."
        )
    if not metric.once:
        raise NotAllowed(
            f"{metric.id} can count a household again in every period, so its periods "
            "do not add up: the sum would hold families twice; ask it for a longer "
            "period instead."
        )
    rising = tuple(sorted(set(periods), key=lambda each: each.start))
    same_length = len({each.kind for each in rising}) == 1
    if len(rising) < 2 or len(rising) != len(periods) or not same_length:  # noqa: PLR2004 - two are several
        raise InvalidQuery(
            "Name two or more different periods of one length, such as FY2023 FY2024."
        )
    fixed = {
        tuple(p.digest for p in analysis_plan.check_asked(metric, programme, at, plans))
        for at in rising
    }
    if len(fixed) != 1:
        raise NotAllowed(
            f"Different analysis plans fixed {metric.id} for these cohorts, so they "
            "are not added up; show each by itself."
        )
    return Cohorts(
        metric=metric,
        programme=programme,
        periods=rising,
        revision=revision,
        arms=public(metric, rising, mandates),
    )


def public(
    metric: Metric, periods: Sequence[Period], mandates: Iterable[Mandate]
) -> tuple[public_arms.PublicArms, ...]:
    """Return the arm sizes mandates made public, if they did for every cohort."""
    newest: dict[Period, Mandate] = {}
    for each in sorted(mandates, key=lambda one: (one.not_before, one.digest)):
        if metric.preregistered and metric.id in each.metrics:
            newest |= {arms.period: each for arms in each.public_arms}
    if not set(periods) <= set(newest):
        return ()
    return tuple(
        arms
        for period in periods
        for arms in newest[period].public_arms
        if arms.period == period
    )


def named(
    metric: Metric, periods: Sequence[Period], mandates: Iterable[Mandate]
) -> frozenset[str]:
    """Return the sites that some mandate opened for one of the cohorts."""
    return frozenset(
        site
        for each in mandates
        if metric.id in each.metrics and each.periods & set(periods)
        for site in each.sites
    )


def add(
    wanted: Cohorts, *, sites: Iterable[str], store: Store, confidence: Fraction
) -> Result:
    """Add up what the sites released; only a site with every cohort is in it.

    Raises:
        InvalidQuery: no site has answered every cohort by this definition.
    """
    kept = {site: _kept(wanted, site, store) for site in sorted(sites)}
    whole = {site: parts for site, parts in kept.items() if parts is not None}
    if not whole:
        raise InvalidQuery(
            f"No site has answered {wanted.metric.id} for all of these cohorts by this "
            "definition; ask each with `cmpp query run`, or name the programme they "
            "were asked by with `cmpp --programme`."
        )
    outcomes = tuple(
        SiteOutcome(site=site, status=Status.UNREACHABLE, reason=ABSENT)
        if parts is None
        else SiteOutcome(site=site, status=Status.ANSWERED, rho=lost(parts))
        for site, parts in kept.items()
    )
    known = {whose: wanted.figures(on) for whose, on in groups(wanted.metric, whole)}
    return Result(
        metric=wanted.metric.id,
        version=wanted.programme.version,
        period=label(wanted.periods),
        mode=Mode.SITE.value,
        confidence=confidence,
        cells=tuple(cells(wanted, whole, figures=known, confidence=confidence)),
        sites=outcomes,
        figures=tuple(
            (whose, name, str(figure))
            for whose, figures in known.items()
            for name, figure in figures.items()
        ),
    )


def groups(metric: Metric, sites: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return whose values are published: of all sites, and of each where it may be."""
    members = list(sites)
    each = [(site, [site]) for site in members] if metric.grain is Grain.SITE else []
    return [(EVERYWHERE, members), *each]


def cells(
    wanted: Cohorts,
    released: Mapping[str, Sequence[Released]],
    *,
    figures: Mapping[str, Mapping[str, Fraction]],
    confidence: Fraction,
) -> list[Cell]:
    """Return the published values, in order; none where a public figure is missing.

    Args:
        wanted: Which cohorts; one of them is enough.
        released: Site -> for each cohort in time, its releases by query name.
        figures: By whose value it is, the public figures it rests on.
        confidence: Of every interval.
    """
    first = wanted.periods[0]
    queries = wanted.programme.queries(wanted.metric, first, wanted.revision)
    found: list[Cell] = []
    for whose, members in groups(wanted.metric, released):
        measured = {
            name: combine.cohorts(
                [
                    combine.site_mode([released[site][at][name] for site in members])
                    for at in range(len(wanted.periods))
                ]
            )
            for name in wanted.queries(first)
        }
        try:
            made = estimators.publish(
                wanted.metric,
                queries,
                measured,
                wanted.programme.dictionary,
                confidence=confidence,
                figures=figures.get(whose, {}),
            )
        except NoPublicFigure:
            continue
        found += [
            Cell(site=whose, labels=cell.labels, estimate=cell.estimate)
            for cell in made
        ]
    return found


def lost(cohorts: Sequence[Released]) -> Fraction:
    """Return the loss of a household at one site: that of its own cohort, at most."""
    return max(
        sum((release.rho for release in each.values()), Fraction(0)) for each in cohorts
    )


def label(periods: Sequence[Period]) -> str:
    """Name the cohorts of a combined result."""
    return AND.join(period.label for period in periods)


def periods_of(text: str) -> tuple[Period, ...]:
    """Return the periods a result's label names: one, or those added up.

    Raises:
        InvalidQuery: it names something else.
    """
    return tuple(Period(part) for part in text.split(AND))


def _kept(wanted: Cohorts, site: str, store: Store) -> list[Released] | None:
    """Return a site's releases for every cohort, or None if one is missing."""
    found: list[Released] = []
    for period in wanted.periods:
        mine: dict[str, Release] = {}
        for name, query in wanted.queries(period).items():
            release = store.release(query.release_key(Mode.SITE), site)
            if release is None:
                return None
            mine[name] = release
        found.append(mine)
    return found
