"""Charges and caps that several test files about accounts use."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from privacy.accounts import Accounts, Spend
from privacy.amount import NOTHING, PICO_MAX, Amount, Caps
from privacy.period import Period

EVENTS = ("enrolment", "exit")
YEARS = (Period("FY2024"), Period("FY2025"), Period("FY2026"))
FISCAL_YEARS = ("FY2025", "FY2026")
QUARTERS = [q for year in FISCAL_YEARS for q in Period(year).quarters]
HALVES = [Period(f"{year}-H{n}") for year in FISCAL_YEARS for n in (1, 2)]
MANDATE = "ab" * 32


def caps_of(*amounts: int) -> Caps:
    """Return caps with both columns alike: lifetime, fiscal, mandate, release."""
    names = ("lifetime", "fiscal_year", "per_mandate", "per_release")
    pairs = zip(names, amounts, strict=True)
    return Caps(**{name: Amount(pico, pico) for name, pico in pairs})


WIDE = caps_of(PICO_MAX, PICO_MAX, PICO_MAX, PICO_MAX)


def spend(
    pico: int,
    *,
    years: Iterable[Period] = YEARS[1:2],
    anchor: str | None = None,
    periods: Iterable[str] = ("FY2026-Q1",),
    worst: int | None = None,
) -> Spend:
    return Spend(
        entry_years=tuple(years),
        anchor=anchor,
        periods=tuple(Period(label) for label in periods),
        amount=Amount(pico, pico if worst is None else worst),
        mandate=MANDATE,
    )


def after(*charges: Spend) -> Accounts:
    accounts = Accounts()
    for charge in charges:
        accounts = accounts.after_charge(charge)
    return accounts


@dataclass
class Household:
    """One household: what its records say now, and what the register froze."""

    entry_year: Period
    recorded: dict[str, int] = field(default_factory=dict)
    frozen: dict[str, Period] = field(default_factory=dict)
    lost: list[tuple[Spend, frozenset[str]]] = field(default_factory=list)

    def close(self, quarter: Period) -> None:
        """Freeze the cohort of every event that was recorded as past by now."""
        for event, day in self.recorded.items():
            if day <= quarter.end:
                self.frozen.setdefault(event, quarter)

    def seen_by(self, charge: Spend) -> frozenset[str] | None:
        """Return the fiscal years in which a charge moves with it, if it does."""
        if self.entry_year not in charge.entry_years:
            return None
        if charge.anchor is None:
            return frozenset(charge.fiscal_years)
        cohort = self.frozen.get(charge.anchor)
        if cohort is None or not any(cohort in p.quarters for p in charge.periods):
            return None
        return frozenset({cohort.fiscal_year.label})

    def loss(self, fiscal_year: str | None = None) -> Amount:
        """Return what it really lost, in all or about one fiscal year."""
        total = NOTHING
        for charge, years in self.lost:
            if fiscal_year is None or fiscal_year in years:
                total += charge.amount
        return total


def random_charge(dice: random.Random, closed: list[Period]) -> Spend:
    anchor = dice.choice((None, *EVENTS))
    halves = [h for h in HALVES if set(h.quarters) <= set(closed)]
    periods = {dice.choice(closed)} if not halves or dice.random() < 0.6 else None
    many = dice.sample(halves, k=dice.randint(1, len(halves))) if halves else []
    model = dice.randint(1, 50)
    return Spend(
        entry_years=tuple(sorted(dice.sample(YEARS, k=dice.randint(1, 3)))),
        anchor=anchor,
        periods=tuple(sorted(periods or many)),
        amount=Amount(model, model + dice.choice((0, 0, dice.randint(0, 90)))),
        mandate=MANDATE,
    )
