"""What would happen if packs were asked for years: burn-down, precision, what is left.

Nothing is asked and nothing is looked at but public plans, caps and the accounts of a
ledger. The charging is not imitated: the same `accounts` that a node charges by are
driven with the same questions, so what the forecast refuses a node would refuse.

Losses are those of site mode, where both columns are equal.
"""

import statistics
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from privacy import accounts, consequence, loss, precision
from privacy.accounts import Accounts, Spend
from privacy.amount import NOTHING, PICO_MAX, Amount, Caps
from privacy.catalogue import Programme
from privacy.consequence import Consequence
from privacy.errors import BudgetExhausted, InvalidQuery
from privacy.pack import Pack, PlannedLine
from privacy.period import Period, PeriodKind
from privacy.precision import Precision
from privacy.query import Mode, Query

_MOST = Amount(PICO_MAX, PICO_MAX)
_NO_LIMIT = Caps(
    lifetime=_MOST, fiscal_year=_MOST, per_mandate=_MOST, per_release=_MOST
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which packs would be asked, when, and at which loss.

    Attributes:
        programme: The dictionary and catalogue.
        packs: Each is asked in every half-year, in this order.
        half_years: In order.
        multiplier: Every loss is multiplied by this.

    Raises:
        InvalidQuery: there is nothing to ask, or the half-years are out of order.
    """

    programme: Programme = field(repr=False)
    packs: tuple[Pack, ...]
    half_years: tuple[Period, ...]
    multiplier: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        """Refuse a plan that could not be carried out."""
        halves = {period.kind for period in self.half_years} == {PeriodKind.HALF_YEAR}
        rising = [period.start for period in self.half_years]
        if not halves or rising != sorted(set(rising)) or not self.packs:
            raise InvalidQuery("Plan at least one pack for half-years in order.")
        if self.multiplier <= 0:
            raise InvalidQuery("Losses can be multiplied by more than zero only.")

    def questions(self, period: Period) -> Iterator[tuple[str, str, Query, Fraction]]:
        """Yield a half-year's questions: mandate, name, query and loss."""
        for pack in self.packs:
            for planned in pack.lines_for(period):
                for query, rho in pack.priced(self.programme, planned):
                    name = f"{planned.line.metric} {planned.period}"
                    yield f"{pack.name} {period}", name, query, rho * self.multiplier

    @property
    def typical(self) -> Amount:
        """What a question of the usual size costs: the median of the packs'."""
        lines = (line for pack in self.packs for line in pack.lines)
        losses = [rho for line in lines for rho in line.losses.values()]
        usual = loss.pico(statistics.median_high(losses) * self.multiplier)
        return Amount(usual, usual)

    @property
    def lines(self) -> tuple[tuple[Pack, PlannedLine], ...]:
        """Each line of the packs, for the first period in which it is asked."""
        found: dict[tuple[str, str], tuple[Pack, PlannedLine]] = {}
        for period in self.half_years:
            for pack in self.packs:
                for planned in pack.lines_for(period):
                    named = (pack.name, planned.line.metric)
                    found.setdefault(named, (pack, planned))
        return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How far one account is used.

    Attributes:
        entry_year: Whose account.
        fiscal_year: The fiscal year asked about; None for the lifetime.
        charged: What the half-year added to it.
        spent: What has been spent in all.
        cap: The most that may be.
    """

    entry_year: str
    fiscal_year: str | None
    charged: Amount
    spent: Amount
    cap: Amount

    @property
    def left(self) -> Amount:
        """What may still be spent."""
        return self.cap - self.spent

    @property
    def used(self) -> Fraction:
        """The part of the cap that is spent, in the column where it is larger."""
        return max(
            Fraction(self.spent.model, self.cap.model),
            Fraction(self.spent.worst, self.cap.worst),
        )

    def questions(self, size: Amount) -> int:
        """Return how many more questions of a size fit, if nothing is shared."""
        return min(self.left.model // size.model, self.left.worst // size.worst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One half-year of the plan.

    Attributes:
        period: Which.
        asked: How many new questions were put; shared ones count once.
        refused: The metrics and periods of those that no longer fitted.
        levels: Lifetime accounts of the entry years asked about.
        fiscal_levels: Their accounts for the fiscal years asked about.
        after: Every account afterwards.
    """

    period: Period
    asked: int
    refused: tuple[str, ...]
    levels: tuple[Level, ...]
    fiscal_levels: tuple[Level, ...]
    after: Accounts = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The plan, half-year by half-year.

    Attributes:
        steps: In order.
        typical: What a question of the usual size costs.
        most: The most the whole plan adds to any lifetime account.
    """

    steps: tuple[Step, ...]
    typical: Amount
    most: Amount

    @property
    def first_refused(self) -> Period | None:
        """The first half-year in which a question no longer fits; None if all do."""
        return next((step.period for step in self.steps if step.refused), None)


def half_years(first: Period, last: Period) -> tuple[Period, ...]:
    """Return the half-years from one to another, both included.

    Raises:
        InvalidQuery: they are not half-years in order.
    """
    halves = first.kind is last.kind is PeriodKind.HALF_YEAR
    if not halves or first.start > last.start:
        raise InvalidQuery("Name two half-years in order, such as FY2024-H1 FY2026-H2.")
    found = [first]
    while found[-1] != last:
        found.append(found[-1].next())
    return tuple(found)


def simulate(
    plan: Plan,
    caps: Caps,
    *,
    before: Accounts | None = None,
    answered: Collection[bytes] = (),
) -> Forecast:
    """Ask a whole plan without asking anybody.

    Args:
        plan: What is asked.
        caps: Those in force, or those an officer considers.
        before: The accounts to start from; empty ones unless told.
        answered: Release keys that a site has answered; they cost nothing more.
    """
    start = now = before or Accounts()
    known = set(answered)
    steps = []
    for period in plan.half_years:
        step = _ask(plan, period, caps, before=now, known=known)
        steps.append(step)
        now = step.after
    most = NOTHING
    for year in now.years:
        most = most.or_more(now.lifetime(year) - start.lifetime(year))
    return Forecast(steps=tuple(steps), typical=plan.typical, most=most)


def _ask(
    plan: Plan, period: Period, caps: Caps, *, before: Accounts, known: set[bytes]
) -> Step:
    """Ask one half-year's questions; those that do not fit are refused and go on."""
    after = before
    asked: set[bytes] = set()
    refused: dict[str, None] = {}
    touched: set[tuple[str, str]] = set()
    for mandate, name, query, rho in plan.questions(period):
        key = query.release_key(Mode.SITE)
        if key in known or key in asked:
            continue
        asked.add(key)
        spend = _spend(query, rho, mandate)
        for year in spend.entry_years:
            touched |= {(year.label, fiscal) for fiscal in spend.fiscal_years}
        try:
            accounts.check(after, spend, caps, caps.per_mandate)
        except BudgetExhausted:
            refused[name] = None
        else:
            after = after.after_charge(spend)
            known.add(key)
    return Step(
        period=period,
        asked=len(asked),
        refused=tuple(refused),
        levels=tuple(
            _level(year, None, (before.lifetime(year), after.lifetime(year)), caps)
            for year in sorted({year for year, _ in touched})
        ),
        fiscal_levels=tuple(
            _level(
                year,
                fiscal,
                (before.fiscal(year, fiscal), after.fiscal(year, fiscal)),
                caps,
            )
            for year, fiscal in sorted(touched)
        ),
        after=after,
    )


def _spend(query: Query, rho: Fraction, mandate: str) -> Spend:
    """Return what a question would charge, and to whom."""
    pico = loss.pico(rho)
    return Spend(
        entry_years=query.entry_years,
        anchor=query.anchor,
        periods=query.periods,
        amount=Amount(pico, pico),
        mandate=mandate,
    )


def _level(
    entry_year: str, fiscal_year: str | None, moved: tuple[Amount, Amount], caps: Caps
) -> Level:
    """Say how far an account is used after it moved."""
    before, after = moved
    return Level(
        entry_year=entry_year,
        fiscal_year=fiscal_year,
        charged=after - before,
        spent=after,
        cap=caps.lifetime if fiscal_year is None else caps.fiscal_year,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What it would be to multiply every loss of a plan.

    Attributes:
        multiplier: By how much.
        rho: The most a household would lose if no cap stopped the plan.
        consequence: What that means for one person; None if nothing was asked.
        first_refused: The first half-year in which a question no longer fits.
        precision: Of every headline.
    """

    multiplier: Fraction
    rho: Fraction
    consequence: Consequence | None
    first_refused: Period | None
    precision: tuple[Precision, ...]


def choices(
    plan: Plan,
    caps: Caps,
    *,
    sites: int,
    multipliers: Sequence[Fraction],
    delta: Fraction = consequence.DELTA,
) -> tuple[Choice, ...]:
    """Set precision beside loss, for several losses.

    Raises:
        InvalidQuery: a multiplied loss is out of the range of one release.
    """
    found = []
    for multiplier in multipliers:
        scaled = Plan(
            programme=plan.programme,
            packs=plan.packs,
            half_years=plan.half_years,
            multiplier=plan.multiplier * multiplier,
        )
        rho = loss.from_pico(simulate(scaled, _NO_LIMIT).most.model)
        found.append(
            Choice(
                multiplier=multiplier,
                rho=rho,
                consequence=consequence.of(rho, delta) if rho else None,
                first_refused=simulate(scaled, caps).first_refused,
                precision=headlines(scaled, sites=sites),
            )
        )
    return tuple(found)


def headlines(plan: Plan, *, sites: int) -> tuple[Precision, ...]:
    """Say how precise every headline of a plan would be.

    Raises:
        InvalidQuery: there is no site, or a loss is out of the range of one release.
    """
    return tuple(
        precision.of(
            planned,
            plan.programme,
            sites=sites,
            confidence=pack.confidence,
            multiplier=plan.multiplier,
        )
        for pack, planned in plan.lines
        if planned.line.headline
    )
