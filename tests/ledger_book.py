"""A second book of what was lost, kept by hand, for tests to hold a ledger against.

It knows nothing of how accounts are folded. It lists one household of every kind there
can be (each entry year, with each combination of cohorts), writes down what each of
them lost, and looks for the unluckiest.
"""

import itertools
from dataclasses import dataclass, field

from node.ledger import Charge
from privacy.amount import Amount, Caps
from privacy.period import Period
from tests.account_samples import EVENTS, FISCAL_YEARS, QUARTERS, YEARS


@dataclass
class Losses:
    """What one possible household lost: in all, and about each fiscal year."""

    cohorts: dict[str, Period]
    columns: dict[str | None, list[int]]

    def moved_in(self, charge: Charge) -> set[str | None]:
        """Return the sums that a charge to its entry year adds to."""
        if charge.anchor is None:
            years = {period.fiscal_year.label for period in charge.periods}
            return {None, *years}
        cohort = self.cohorts[charge.anchor]
        if not any(cohort in period.quarters for period in charge.periods):
            return set()
        return {None, cohort.fiscal_year.label}


def everybody() -> list[Losses]:
    """Return one household of every kind."""
    return [
        Losses(
            dict(zip(EVENTS, cohorts, strict=True)),
            {year: [0, 0] for year in (None, *FISCAL_YEARS)},
        )
        for cohorts in itertools.product(QUARTERS, repeat=len(EVENTS))
    ]


@dataclass
class Book:
    """What a patient person with paper would have written down."""

    losses: dict[str, list[Losses]] = field(
        default_factory=lambda: {year.label: everybody() for year in YEARS}
    )
    charged: dict[str, Charge] = field(default_factory=dict)
    sent: dict[str, tuple[int, ...]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    under: dict[str, list[int]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    caps: Caps | None = None
    largest: Caps | None = None
    paused: bool = False
    frozen: bool = False

    def unluckiest(self, year: str, about: str | None) -> list[int]:
        """Return the most any household lost, in each column."""
        sums = [each.columns[about] for each in self.losses[year]]
        return [max(column) for column in zip(*sums, strict=True)]

    def renew(self, caps: Caps) -> None:
        """Put other caps in force."""
        self.caps = caps
        self.largest = caps if self.largest is None else self.largest | caps

    def permits(self, mandate: str) -> bool:
        """Tell whether anything may be charged under a mandate."""
        still = self.paused or self.frozen or mandate in self.revoked
        return not still and mandate in self.limits and mandate in self.accepted

    def affords(self, charge: Charge) -> bool:
        """Tell whether nobody and no mandate would pass a cap."""
        pays, mandate = columns(charge.amount), charge.mandate.hex()
        had = self.under.get(mandate, [0, 0])
        limit = [min(c, self.limits[mandate]) for c in columns(self.caps.per_mandate)]
        if not _within(pays, columns(self.caps.per_release)):
            return False
        if not _within(_sum(had, pays), limit):
            return False
        asked = sorted({period.fiscal_year.label for period in charge.periods})
        for year in charge.entry_years:
            for about in (None, *asked):
                cap = self.caps.fiscal_year if about else self.caps.lifetime
                for each in self.losses[year.label]:
                    moved = pays if about in each.moved_in(charge) else [0, 0]
                    if not _within(_sum(each.columns[about], moved), columns(cap)):
                        return False
        return True

    def charge(self, name: str, charge: Charge) -> None:
        """Write down who lost what."""
        pays = columns(charge.amount)
        for year in charge.entry_years:
            for each in self.losses[year.label]:
                for about in each.moved_in(charge):
                    each.columns[about] = _sum(each.columns[about], pays)
        had = self.under.get(charge.mandate.hex(), [0, 0])
        self.under[charge.mandate.hex()] = _sum(had, pays)
        self.charged[name] = charge

    def reopen(self) -> None:
        """Count every cap that ever was as spent, by everybody.

        What was charged and not sent may have been sent in the part that was lost.
        """
        self.unknown |= self.charged.keys() - self.sent.keys()
        for year, each in self.losses.items():
            for about in (None, *FISCAL_YEARS):
                cap = self.largest.fiscal_year if about else self.largest.lifetime
                most = _most(self.unluckiest(year, about), columns(cap))
                for household in each:
                    household.columns[about] = list(most)
        for mandate, limit in self.limits.items():
            full = [min(c, limit) for c in columns(self.largest.per_mandate)]
            self.under[mandate] = _most(self.under.get(mandate, [0, 0]), full)


def columns(amount: Amount) -> list[int]:
    return [amount.model, amount.worst]


def _sum(one: list[int], other: list[int]) -> list[int]:
    return [a + b for a, b in zip(one, other, strict=True)]


def _most(one: list[int], other: list[int]) -> list[int]:
    return [max(pair) for pair in zip(one, other, strict=True)]


def _within(amounts: list[int], caps: list[int]) -> bool:
    return all(a <= cap for a, cap in zip(amounts, caps, strict=True))
