"""Add up what households may have lost, and hold it against the caps.

A ledger keeps one account per *entry year*, the fiscal year a household entered.
Within an entry year ``Y`` the charges compose as

    lifetime(Y) = unscoped(Y) + sum over events e of max over quarters q of S(Y, e, q)

where ``unscoped`` adds the charges that follow no once-per-unit event, and
``S(Y, e, q)`` adds those that follow event ``e`` and whose periods hold quarter ``q``.

*Why this bounds every household's loss.* Take one household ``h`` that entered in
``Y``. A release moves with ``h`` only if it was charged to ``Y``; one that follows
event ``e`` only if the quarter of ``h``'s cohort for ``e`` lies in its periods.
Independent releases that move with ``h`` add up their zCDP, the others add nothing.
So ``h`` lost at most ``unscoped(Y)`` plus, for each ``e``, ``S(Y, e, q)`` for the one
quarter ``q`` that is ``h``'s, and that is at most the largest of them. Both columns,
and both within a fiscal year, follow in the same way. The bound holds at every step
for whatever is asked next, so a cap may be the rule by which asking stops.

*What must hold for it*, and is kept elsewhere: a household has one cohort per event,
frozen by the register before anything about it is read and never moved by edits,
imports or late rows; its entry year is frozen likewise; every statement joins the
register; and one charge pays for one answer. If a cohort could move, the maximum
would have to be a sum.

A fiscal-year account ``(Y, F)`` composes the same charges, those about periods in
``F``: it hangs on what was asked and never on the clock, so no date renews it. A
charge about several fiscal years counts in each of them, and once in the lifetime.

After a restore nobody knows what was charged in the part that was lost. Reopening
therefore counts every account as full, up to the largest cap ever in force: each
entry year for ever, known or not, and each fiscal year that had begun. Policies and
mandates that were lost with it must be entered again before it is reopened.

Source: McSherry 2009, "Privacy Integrated Queries", Theorem 4 (parallel composition);
Bun and Steinke 2016, "Concentrated Differential Privacy", Lemma 7 (zCDP adds up);
Feldman and Zrnic 2021, "Individual Privacy Accounting via a Renyi Filter" (caps as a
rule for when to stop, with questions chosen by earlier answers).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple, Self

from privacy import loss
from privacy.amount import NOTHING, PICO_MAX, Amount, Caps
from privacy.chain import Entry
from privacy.errors import BudgetExhausted, LedgerInconsistent
from privacy.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What one release costs, and whose accounts it is charged to.

    Attributes:
        entry_years: Every one of them is charged the whole amount.
        anchor: The once-per-unit event whose cohorts the periods are, or None.
        periods: The periods asked about.
        amount: The loss.
        mandate: Digest of the mandate it is asked under, in hex.

    Raises:
        LedgerInconsistent: nobody or nothing would be charged, or twice.
    """

    entry_years: tuple[Period, ...]
    anchor: str | None
    periods: tuple[Period, ...]
    amount: Amount
    mandate: str

    def __post_init__(self) -> None:
        """Refuse a charge that would fall on nobody."""
        for periods in (self.entry_years, self.periods):
            if not periods or any(a >= b for a, b in pairwise(periods)):
                raise LedgerInconsistent("A charge names periods in order, each once.")
        if not 0 < self.amount.model <= self.amount.worst <= PICO_MAX:
            raise LedgerInconsistent("A charge is above 0 and at most 100 rho.")

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Read a charge back from its entry.

        Raises:
            LedgerInconsistent: the entry is no charge, or charges another amount
                than its exact loss, rounded up.
            InvalidQuery: it names something that is no period.
        """
        years, periods, mandate = entry.entry_years, entry.periods, entry.mandate
        if years is None or periods is None or mandate is None:
            raise LedgerInconsistent(f"Ledger entry {entry.sequence} is not a charge.")
        model = _pico(entry, entry.rho, entry.pico_rho)
        worst = _pico(entry, entry.worst_rho, entry.worst_pico)
        return cls(
            entry_years=tuple(Period(label) for label in years.split(" ")),
            anchor=entry.anchor,
            periods=tuple(Period(label) for label in periods.split(" ")),
            amount=Amount(model, worst),
            mandate=mandate,
        )

    @property
    def fiscal_years(self) -> tuple[str, ...]:
        """The fiscal years asked about."""
        return tuple(sorted({period.fiscal_year.label for period in self.periods}))

    @property
    def strands(self) -> tuple["Strand", ...]:
        """The cohorts charged; none if no event is followed."""
        if self.anchor is None:
            return ()
        quarters = {q.label for period in self.periods for q in period.quarters}
        return tuple(Strand(self.anchor, quarter) for quarter in sorted(quarters))


def _pico(entry: Entry, rho: str | None, charged: int | None) -> int:
    """Return what an entry charged in one column, checked against its exact loss."""
    try:
        expected = None if rho is None else loss.pico(Fraction(rho))
    except (ArithmeticError, ValueError):
        expected = None
    if charged is None or charged != expected:
        raise LedgerInconsistent(
            f"Ledger entry {entry.sequence} charges another amount than it states."
        )
    return charged


class Strand(NamedTuple):
    """One cohort: the households whose event fell in one quarter."""

    event: str
    quarter: str

    @property
    def fiscal_year(self) -> str:
        """The fiscal year the quarter lies in."""
        return self.quarter.partition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class YearAccounts:
    """What households of one entry year may have lost.

    Attributes:
        lifetime: Over everything ever asked.
        fiscal: Over what was asked about each fiscal year.
        strands: What each cohort was charged since the ledger was last reopened.
    """

    lifetime: Amount = NOTHING
    fiscal: Mapping[str, Amount] = field(default_factory=dict)
    strands: Mapping[Strand, Amount] = field(default_factory=dict)

    def after(self, spend: Spend) -> "YearAccounts":
        """Return the accounts after a charge to this entry year."""
        strands = dict(self.strands)
        for strand in spend.strands:
            strands[strand] = strands.get(strand, NOTHING) + spend.amount
        fiscal = {
            year: self.fiscal[year] + _rise(self.strands, strands, spend, year)
            for year in spend.fiscal_years
        }
        return YearAccounts(
            lifetime=self.lifetime + _rise(self.strands, strands, spend, None),
            fiscal={**self.fiscal, **fiscal},
            strands=strands,
        )


def _rise(
    before: Mapping[Strand, Amount],
    after: Mapping[Strand, Amount],
    spend: Spend,
    fiscal_year: str | None,
) -> Amount:
    """Return by how much a charge raises an account: all of it, or a new maximum."""
    if spend.anchor is None:
        return spend.amount
    top = _largest(after, spend.anchor, fiscal_year)
    return top - _largest(before, spend.anchor, fiscal_year)


def _largest(
    strands: Mapping[Strand, Amount], event: str, fiscal_year: str | None
) -> Amount:
    """Return the most any cohort of an event was charged, within a fiscal year."""
    largest = NOTHING
    for strand, amount in strands.items():
        if strand.event == event and fiscal_year in {None, strand.fiscal_year}:
            largest = largest.or_more(amount)
    return largest


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Every account of a ledger; each step returns new ones.

    Attributes:
        years: By entry year.
        mandates: What was spent under each mandate, by its digest.
        floor: What an entry year not charged yet counts as spent.
        fiscal_floors: What a fiscal year not asked about yet counts as spent, if it
            is the named one or before it.
    """

    years: Mapping[str, YearAccounts] = field(default_factory=dict)
    mandates: Mapping[str, Amount] = field(default_factory=dict)
    floor: Amount = NOTHING
    fiscal_floors: Mapping[str, Amount] = field(default_factory=dict)

    def lifetime(self, entry_year: str) -> Amount:
        """Return the most a household of an entry year may have lost."""
        known = self.years.get(entry_year)
        return self.floor if known is None else known.lifetime

    def fiscal(self, entry_year: str, fiscal_year: str) -> Amount:
        """Return the same, for what was asked about one fiscal year."""
        known = self.years.get(entry_year)
        if known is not None and fiscal_year in known.fiscal:
            return known.fiscal[fiscal_year]
        floor = NOTHING
        for through, amount in self.fiscal_floors.items():
            if fiscal_year <= through:
                floor = floor.or_more(amount)
        return floor

    def mandate(self, digest: str) -> Amount:
        """Return what was spent under a mandate."""
        return self.mandates.get(digest, NOTHING)

    def after_charge(self, spend: Spend) -> "Accounts":
        """Return the accounts after a charge."""
        years = dict(self.years)
        for entry_year in (year.label for year in spend.entry_years):
            known = self.years.get(entry_year, YearAccounts(lifetime=self.floor))
            asked = {f: self.fiscal(entry_year, f) for f in spend.fiscal_years}
            known = replace(known, fiscal={**known.fiscal, **asked})
            years[entry_year] = known.after(spend)
        spent = self.mandate(spend.mandate) + spend.amount
        mandates = {**self.mandates, spend.mandate: spent}
        return replace(self, years=years, mandates=mandates)

    def after_reopening(
        self, caps: Caps, *, through: str, mandates: Mapping[str, Amount]
    ) -> "Accounts":
        """Return the accounts after a restore: every one of them full.

        Args:
            caps: The largest that were ever in force.
            through: The last fiscal year that has begun.
            mandates: The limit of every mandate known here, by its digest.
        """
        years = {
            entry_year: YearAccounts(
                lifetime=known.lifetime.or_more(caps.lifetime),
                fiscal={
                    year: spent.or_more(caps.fiscal_year) if year <= through else spent
                    for year, spent in known.fiscal.items()
                },
            )
            for entry_year, known in self.years.items()
        }
        full = {
            digest: self.mandate(digest).or_more(limit.or_less(caps.per_mandate))
            for digest, limit in mandates.items()
        }
        before = self.fiscal_floors.get(through, NOTHING)
        return Accounts(
            years=years,
            mandates={**self.mandates, **full},
            floor=self.floor.or_more(caps.lifetime),
            fiscal_floors={
                **self.fiscal_floors,
                through: before.or_more(caps.fiscal_year),
            },
        )


def check(
    before: Accounts, spend: Spend, caps: Caps, mandate_limit: Amount
) -> Accounts:
    """Return the accounts after a charge, if every one stays within its cap.

    Raises:
        BudgetExhausted: one would not; it tells what the tightest cap leaves, in
            the column that stands in the way.
    """
    after = before.after_charge(spend)
    limits = [(spend.amount, caps.per_release, NOTHING)]
    limit = caps.per_mandate.or_less(mandate_limit)
    limits.append((after.mandate(spend.mandate), limit, before.mandate(spend.mandate)))
    for entry_year in (year.label for year in spend.entry_years):
        spent = (after.lifetime(entry_year), before.lifetime(entry_year))
        limits.append((spent[0], caps.lifetime, spent[1]))
        for fiscal_year in spend.fiscal_years:
            total = after.fiscal(entry_year, fiscal_year)
            spent_before = before.fiscal(entry_year, fiscal_year)
            limits.append((total, caps.fiscal_year, spent_before))
    if all(total.within(cap) for total, cap, _ in limits):
        return after
    rooms = [_room(total, cap, had, spend.amount) for total, cap, had in limits]
    model = min(room[0] for room in rooms)
    if model < spend.amount.model:
        raise BudgetExhausted(left_pico_rho=model, asked_pico_rho=spend.amount.model)
    worst = min(room[1] for room in rooms)
    raise BudgetExhausted(left_pico_rho=worst, asked_pico_rho=spend.amount.worst)


def _room(after: Amount, cap: Amount, before: Amount, asked: Amount) -> tuple[int, int]:
    """Return the largest loss a cap would have let through, by column.

    A charge moves a maximum by less than itself where another cohort had spent more;
    what it does not move is room as well.
    """
    columns = (
        (after.model, cap.model, before.model, asked.model),
        (after.worst, cap.worst, before.worst, asked.worst),
    )
    model, worst = (
        max(0, limit - total + amount) if limit >= had else 0
        for total, limit, had, amount in columns
    )
    return model, worst
