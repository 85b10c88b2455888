"""No household ever lost more than its account says, whatever was edited or asked."""

import itertools
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from privacy.accounts import Spend
from privacy.period import Period
from tests.account_samples import (
    EVENTS,
    FISCAL_YEARS,
    QUARTERS,
    YEARS,
    Household,
    after,
    random_charge,
)

HISTORIES = 150


def live(dice: random.Random) -> tuple[list[Household], list[Spend]]:
    """Return households after a random history, and what was charged in it."""
    households = [Household(dice.choice(YEARS)) for _ in range(60)]
    charges, closed = [], []
    for quarter in QUARTERS:
        for household in dice.sample(households, k=40):
            # Edits move any recorded event to and fro, frozen or not.
            event = dice.choice(EVENTS)
            household.recorded[event] = quarter.end - dice.randint(-120, 400)
        for household in households:
            household.close(quarter)
        closed.append(quarter)
        for _ in range(dice.randint(0, 5)):
            charges.append(charge := random_charge(dice, closed))
            for household in households:
                years = household.seen_by(charge)
                if years is not None:
                    household.lost.append((charge, years))
    return households, charges


@pytest.mark.parametrize("seed", range(0, HISTORIES, 10))
def test_no_household_lost_more_than_its_account_says(seed: int) -> None:
    for each in range(seed, seed + 10):
        households, charges = live(random.Random(each))
        accounts = after(*charges)
        for household in households:
            year = household.entry_year.label
            assert household.loss().within(accounts.lifetime(year)), each
            for fiscal in FISCAL_YEARS:
                bound = accounts.fiscal(year, fiscal)
                assert household.loss(fiscal).within(bound), each


@pytest.mark.parametrize("seed", range(40))
def test_an_account_is_what_the_unluckiest_household_lost(seed: int) -> None:
    # Every combination of cohorts, so that nothing is charged that nobody can lose.
    dice = random.Random(seed)
    charges = [random_charge(dice, QUARTERS) for _ in range(dice.randint(1, 25))]
    accounts = after(*charges)
    for year in YEARS:
        everybody = [
            Household(year, frozen=dict(zip(EVENTS, cohorts, strict=True)))
            for cohorts in itertools.product(QUARTERS, repeat=len(EVENTS))
        ]
        for household in everybody:
            seen = [(charge, household.seen_by(charge)) for charge in charges]
            household.lost = [(c, years) for c, years in seen if years is not None]
        for fiscal in (None, *FISCAL_YEARS):
            losses = [household.loss(fiscal) for household in everybody]
            if fiscal is None:
                found = accounts.lifetime(year.label)
            else:
                found = accounts.fiscal(year.label, fiscal)
            assert found.model == max(lost.model for lost in losses)
            assert found.worst == max(lost.worst for lost in losses)


Rule = Callable[[list[Spend], Period], int]


def strands(charges: list[Spend], year: Period) -> tuple[int, dict[str, list[int]]]:
    """Return the unscoped sum, and each event's sums by quarter."""
    mine = [charge for charge in charges if year in charge.entry_years]
    unscoped = sum(c.amount.model for c in mine if c.anchor is None)
    sums = {
        event: [
            sum(
                c.amount.model
                for c in mine
                if c.anchor == event and any(q in p.quarters for p in c.periods)
            )
            for q in QUARTERS
        ]
        for event in EVENTS
    }
    return unscoped, sums


def the_rule(charges: list[Spend], year: Period) -> int:
    unscoped, sums = strands(charges, year)
    return unscoped + sum(max(by_quarter) for by_quarter in sums.values())


def largest_event_only(charges: list[Spend], year: Period) -> int:
    unscoped, sums = strands(charges, year)
    return unscoped + max(max(by_quarter) for by_quarter in sums.values())


def without_the_unscoped(charges: list[Spend], year: Period) -> int:
    _, sums = strands(charges, year)
    return sum(max(by_quarter) for by_quarter in sums.values())


def largest_charge_instead_of_largest_sum(charges: list[Spend], year: Period) -> int:
    unscoped, _ = strands(charges, year)
    mine = [c for c in charges if year in c.entry_years]
    return unscoped + sum(
        max((c.amount.model for c in mine if c.anchor == event), default=0)
        for event in EVENTS
    )


def first_quarter_only(charges: list[Spend], year: Period) -> int:
    short = [replace(c, periods=c.periods[0].quarters[:1]) for c in charges]
    return the_rule(short, year)


def breaks(rule: Rule) -> bool:
    """Tell whether some household of some history lost more than a rule says."""
    for seed in range(HISTORIES):
        households, charges = live(random.Random(seed))
        bounds = {year: rule(charges, year) for year in YEARS}
        if any(h.loss().model > bounds[h.entry_year] for h in households):
            return True
    return False


def test_the_histories_tell_a_wrong_rule_from_the_right_one() -> None:
    assert not breaks(the_rule)
    assert breaks(largest_event_only)
    assert breaks(without_the_unscoped)
    assert breaks(largest_charge_instead_of_largest_sum)
    assert breaks(first_quarter_only)


def test_a_cohort_that_follows_the_records_would_break_the_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def follow(self: Household, quarter: Period) -> None:
        for event, day in self.recorded.items():
            if day <= quarter.end:
                self.frozen[event] = Period.quarter_of(day)

    monkeypatch.setattr(Household, "close", follow)
    assert breaks(the_rule)
