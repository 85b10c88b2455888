"""The request card: what accepting a mandate would mean at this site.

It is made from the mandate, the catalogue, the policy and the ledger, and from no
record, so reading it tells nobody anything. Amounts are rounded against the site: a
card never promises more than is left, nor a smaller consequence than is possible.
"""

import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from node.policy import plan
from node.policy.plan import Planned
from privacy import analysis_plan, loss
from privacy.accounts import Accounts
from privacy.amount import Amount, Caps
from privacy.catalogue import Programme
from privacy.dictionary import Grain
from privacy.errors import NotAllowed
from privacy.law import INBOX_DAYS, Law, Sent
from privacy.mandate import Mandate, Purpose
from privacy.query import Mode, Query, Unit, labels_of, name_of
from privacy.signing import Document

REASONS: Mapping[Purpose, str] = {
    Purpose.OVERSIGHT: "the Board watches over the programme",
    Purpose.EVALUATION: "to find out whether the programme works",
    Purpose.SERVICE_IMPROVEMENT: "to serve people better",
    Purpose.FUNDING_REPORT: "to report to those who pay for the programme",
    Purpose.SINGLE_AUDIT: "an audit of how public money was spent",
}

_WHO: Mapping[Unit, str] = {
    Unit.HOUSEHOLD: "households, each once",
    Unit.LEAD: "the first counted adult of each household",
    Unit.PERSON: "adults, at most two of a household",
}

_OWN = "this site's own number is published"
_TOTAL = "only the sum over all sites is published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One metric's question, in words.

    Attributes:
        text: What is asked, in one sentence.
        who: Who is counted.
        finest: The finest slice that leaves.
        within: By period, how far each number may be off, 95 times in 100.
        answered: Periods for which the one answer was given already; it is free.
        permitted: Whether the policy permits it at all.
    """

    metric: str
    text: str
    who: str
    finest: str
    within: Mapping[str, int]
    answered: tuple[str, ...]
    permitted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a mandate may take of one account, in questions of its own size.

    Attributes:
        account: Which: a fiscal year asked about, or a lifetime.
        uses: How many it may use up, all together.
        of: How many the cap holds.
        used: How many are used already.
        leaves: How many are left if it uses them all.
    """

    account: str
    uses: int
    of: int
    used: int
    leaves: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What an officer reads before deciding about a mandate.

    Attributes:
        known: Whether this site accepted the definitions it names.
        unknown: Metrics it names that its programme does not run in its mode.
        unplanned: What will not be answered, because no analysis plan fixed it.
        rho: The most it may cost one household here.
        worst_rho: The same if every other site were in league with the coordinator.
        nearest: What was answered before about the same metrics, in words.
        public: Exact numbers of this site that accepting makes public.
        signers: Organisations of the Board that signed.
        days_left: Days in which it can still be decided.
    """

    number: str
    digest: str
    title: str
    why: tuple[str, ...]
    mode: Mode
    sites: tuple[str, ...]
    periods: tuple[str, ...]
    revision: int
    known: bool
    unknown: tuple[str, ...]
    unplanned: tuple[str, ...]
    questions: tuple[Question, ...]
    rho: Fraction
    worst_rho: Fraction
    costs: tuple[Cost, ...]
    nearest: tuple[str, ...]
    public: tuple[str, ...]
    signers: tuple[str, ...]
    not_before: dt.date
    not_after: dt.date
    days_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One release this site gave.

    Attributes:
        key: Its release key, in hex.
        on: The day it was first given.
    """

    key: str
    metric: str
    periods: str
    on: str


def of(
    sent: Sent,
    document: Document,
    *,
    law: Law,
    accounts: Accounts,
    answered: Sequence[Answered],
    now: dt.datetime,
) -> Card:
    """Make the card of a mandate that the Board sent.

    Requires: `sent.what` is a mandate, read from `document`.
    """
    mandate = sent.what
    if not isinstance(mandate, Mandate):  # pragma: no cover - the caller looked
        raise TypeError
    programme, known = _programme(law, mandate.programme)
    planned = plan.questions(mandate, programme) if programme else ()
    keys = frozenset(each.key for each in answered)
    shown = [
        _question(list(group), mandate, law, programme, keys)
        for _, group in itertools.groupby(planned, lambda each: each.metric.id)
        if programme
    ]
    return Card(
        number=mandate.number,
        digest=mandate.digest.hex(),
        title=mandate.title,
        why=tuple(REASONS[purpose] for purpose in sorted(mandate.purposes)),
        mode=mandate.mode,
        sites=tuple(sorted(mandate.sites)),
        periods=tuple(each.label for each in plan.in_time(mandate.periods)),
        revision=mandate.revision,
        known=known,
        unknown=plan.unknown(mandate, programme) if programme else (),
        unplanned=_unplanned(mandate, programme, law) if programme else (),
        questions=tuple(shown),
        rho=mandate.loss_rho,
        worst_rho=mandate.worst_rho,
        costs=_costs(mandate, planned, accounts, law),
        nearest=_nearest(mandate, answered),
        public=tuple(
            arms.words() for arms in mandate.public_arms if arms.site == law.site
        ),
        signers=tuple(sorted(law.roster.by_board(document))) if law.roster else (),
        not_before=mandate.not_before.date(),
        not_after=mandate.not_after.date(),
        days_left=days_left(sent, now),
    )


def days_left(sent: Sent, now: dt.datetime) -> int:
    """Return the whole days in which something sent can still be decided."""
    left = sent.at + dt.timedelta(days=INBOX_DAYS) - now
    return max(0, left.days)


def _programme(law: Law, version: str) -> tuple[Programme | None, bool]:
    """Return the definitions of a version, and whether an officer accepted them."""
    for edition in law.editions:
        if edition.programme.version == version:
            return edition.programme, True
    newest = law.newest
    if newest is not None and newest.version == version:
        return newest, True
    for sent in law.sent.values():
        if not isinstance(sent.what, Mandate) and (
            sent.what.programme.version == version
        ):
            return sent.what.programme, False
    return None, False


def _question(
    planned: Sequence[Planned],
    mandate: Mandate,
    law: Law,
    programme: Programme,
    answered: frozenset[str],
) -> Question:
    """Put one metric's questions in words."""
    metric = planned[0].metric
    queries = [each.query for each in planned]
    years = sorted({year.label for query in queries for year in query.entry_years})
    who = " and ".join(sorted({_WHO[query.unit] for query in queries}))
    slices = "; ".join(dict.fromkeys(_slices(query, programme) for query in queries))
    own = mandate.mode is Mode.SITE and metric.grain is Grain.SITE
    within: dict[str, int] = {}
    open_periods: dict[str, bool] = {}
    for each in planned:
        period = each.period.label
        off = math.ceil(each.half_width(programme))
        within[period] = max(within.get(period, 0), off)
        given = each.query.release_key(mandate.mode).hex() in answered
        open_periods[period] = open_periods.get(period, False) or not given
    rules = law.policy
    return Question(
        metric=metric.id,
        text=f"{metric.name}: {metric.definition}",
        who=f"{who}, that entered in {years[0]} to {years[-1]}",
        finest=f"{slices}; {_OWN if own else _TOTAL}",
        within=within,
        answered=tuple(
            period for period, is_open in open_periods.items() if not is_open
        ),
        permitted=rules is not None
        and metric.id in rules.allow - rules.deny
        and all(each.period.kind in rules.period_kinds for each in planned),
    )


def _unplanned(mandate: Mandate, programme: Programme, law: Law) -> tuple[str, ...]:
    """Name each metric and period that an analysis plan should have fixed."""
    found = []
    for name in sorted(mandate.metrics & set(programme.metrics)):
        metric = programme.metrics[name]
        for period in plan.in_time(mandate.periods):
            try:
                analysis_plan.check_asked(metric, programme, period, law.plans)
            except NotAllowed:
                if period.kind in metric.periods:
                    found.append(f"{name} for {period}")
    return tuple(found)


def _slices(query: Query, programme: Programme) -> str:
    """Name the groups that numbers are given for."""
    parts = [
        f"{name_of(each)} ({', '.join(labels_of(each, programme.dictionary))})"
        for each in query.by
    ]
    return f"by {' and by '.join(parts)}" if parts else "one number"


def _costs(
    mandate: Mandate, planned: Sequence[Planned], accounts: Accounts, law: Law
) -> tuple[Cost, ...]:
    """Return what the mandate may take of each account, at most."""
    if law.policy is None or not planned:
        return ()
    caps = law.policy.caps
    limit = int(mandate.loss_rho * loss.PICO)
    size = max(1, math.ceil(Fraction(limit, len(planned))))
    years = sorted({year.label for each in planned for year in each.query.entry_years})
    asked = sorted({each.period.fiscal_year.label for each in planned})
    costs = [
        _cost(
            f"what may be asked about {fiscal_year}",
            max(accounts.fiscal(year, fiscal_year).model for year in years),
            caps.fiscal_year,
            limit=_most(limit, caps),
            size=size,
        )
        for fiscal_year in asked
    ]
    spent = max(accounts.lifetime(year).model for year in years)
    most = _most(limit, caps)
    return (
        *costs,
        _cost("a lifetime", spent, caps.lifetime, limit=most, size=size),
    )


def _most(limit: int, caps: Caps) -> int:
    """Return the most a mandate may cost: its own limit, or the cap on mandates."""
    return min(limit, caps.per_mandate.model)


def _cost(name: str, spent: int, cap: Amount, *, limit: int, size: int) -> Cost:
    """Count an account in questions, rounded against the site."""
    return Cost(
        account=name,
        uses=math.ceil(Fraction(limit, size)),
        of=cap.model // size,
        used=math.ceil(Fraction(spent, size)),
        leaves=max(0, cap.model - spent - limit) // size,
    )


def _nearest(mandate: Mandate, answered: Sequence[Answered]) -> tuple[str, ...]:
    """Name what was answered before about the same metrics."""
    found = {
        f"{each.metric} for {each.periods}, answered on {each.on}"
        for each in answered
        if each.metric in mandate.metrics
    }
    return tuple(sorted(found))
