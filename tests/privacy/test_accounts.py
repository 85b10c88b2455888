"""Accounts add up what the text says, and caps hold them to the last pico."""

import random
from dataclasses import replace

import pytest

from privacy.accounts import Accounts, Spend, check
from privacy.amount import NOTHING, PICO_MAX, Amount, Caps
from privacy.errors import BadConfiguration, BudgetExhausted, LedgerInconsistent
from tests.account_samples import (
    FISCAL_YEARS,
    MANDATE,
    QUARTERS,
    WIDE,
    YEARS,
    after,
    caps_of,
    random_charge,
    spend,
)

# ---- what a charge moves --------------------------------------------------------


def test_cohorts_of_one_event_are_charged_side_by_side() -> None:
    q1 = spend(10, anchor="exit", periods=("FY2026-Q1",))
    q2 = spend(7, anchor="exit", periods=("FY2026-Q2",))
    assert after(q1, q2).lifetime("FY2025") == Amount(10, 10)
    assert after(q1, q2, q2).lifetime("FY2025") == Amount(14, 14)


def test_different_events_and_unscoped_charges_add_up() -> None:
    exits, draws = spend(10, anchor="exit"), spend(20, anchor="draw")
    assert after(exits, draws, spend(3)).lifetime("FY2025") == Amount(33, 33)


def test_an_anchored_charge_reaches_every_quarter_of_its_periods() -> None:
    half = spend(10, anchor="exit", periods=("FY2026-H1",))
    for quarter, expected in (("FY2026-Q2", 15), ("FY2026-Q3", 10)):
        single = spend(5, anchor="exit", periods=(quarter,))
        assert after(half, single).lifetime("FY2025").model == expected


def test_a_charge_about_two_fiscal_years_counts_in_both_and_once_in_all() -> None:
    both = spend(10, periods=("FY2025-H2", "FY2026-H1"))
    accounts = after(both)
    assert accounts.lifetime("FY2025") == Amount(10, 10)
    assert [accounts.fiscal("FY2025", f).model for f in FISCAL_YEARS] == [10, 10]
    assert accounts.mandate(MANDATE) == Amount(10, 10)


def test_an_entry_year_not_named_is_not_charged() -> None:
    accounts = after(spend(10))
    assert accounts.lifetime("FY2024") == NOTHING
    assert accounts.fiscal("FY2025", "FY2025") == NOTHING


def test_the_two_columns_are_counted_apart() -> None:
    one = spend(10, worst=100, anchor="exit", periods=("FY2026-Q1",))
    two = spend(20, worst=30, anchor="exit", periods=("FY2026-Q2",))
    # The largest cohort of each column: a bound on both, whoever colludes.
    assert after(one, two).lifetime("FY2025") == Amount(20, 100)


# ---- reopening ------------------------------------------------------------------

CAPS = caps_of(1000, 500, 300, 100)


def test_after_a_reopening_every_account_is_full() -> None:
    accounts = after(spend(10), spend(20, anchor="exit")).after_reopening(
        CAPS,
        through="FY2026",
        mandates={MANDATE: Amount(200, 250), "cd" * 32: CAPS.lifetime},
    )
    for year in ("FY2025", "FY2024", "FY2031"):  # charged, never charged, to come
        assert accounts.lifetime(year) == Amount(1000, 1000)
        assert accounts.fiscal(year, "FY2026") == Amount(500, 500)
        assert accounts.fiscal(year, "FY2020") == Amount(500, 500)
        assert accounts.fiscal(year, "FY2027") == NOTHING
    assert accounts.mandate(MANDATE) == Amount(200, 250)
    assert accounts.mandate("cd" * 32) == Amount(300, 300)


def test_what_comes_after_a_reopening_adds_to_full_accounts() -> None:
    accounts = after(spend(10, anchor="exit")).after_reopening(
        CAPS, through="FY2026", mandates={}
    )
    more = accounts.after_charge(spend(30, anchor="exit"))
    more = more.after_charge(spend(5, years=YEARS[:1], periods=("FY2027-Q1",)))
    assert more.lifetime("FY2025") == Amount(1030, 1030)
    assert more.fiscal("FY2025", "FY2026") == Amount(530, 530)
    assert more.lifetime("FY2024") == Amount(1005, 1005)
    assert more.fiscal("FY2024", "FY2027") == Amount(5, 5)


def test_a_reopening_never_lowers_an_account() -> None:
    accounts = after(spend(5000), spend(400, periods=("FY2027-Q1",)))
    low = accounts.after_reopening(CAPS, through="FY2026", mandates={MANDATE: NOTHING})
    assert low.lifetime("FY2025") == Amount(5400, 5400)
    assert low.fiscal("FY2025", "FY2026") == Amount(5000, 5000)
    assert low.fiscal("FY2025", "FY2027") == Amount(400, 400)
    assert low.mandate(MANDATE) == Amount(5400, 5400)
    twice = low.after_reopening(CAPS, through="FY2024", mandates={})
    assert twice.fiscal("FY2024", "FY2026") == Amount(500, 500)


# ---- caps -----------------------------------------------------------------------


def refusal(
    accounts: Accounts, asked: Spend, caps: Caps, limit: int
) -> tuple[int, int]:
    with pytest.raises(BudgetExhausted) as error:
        check(accounts, asked, caps, Amount(limit, limit))
    return error.value.left_pico_rho, error.value.asked_pico_rho


@pytest.mark.parametrize(
    ("caps", "limit"),
    [
        (caps_of(60, 900, 900, 50), 900),
        (caps_of(900, 60, 900, 50), 900),
        (caps_of(900, 900, 60, 50), 900),
        (caps_of(900, 900, 900, 50), 60),
    ],
)
def test_each_cap_stands_in_the_way_in_its_turn(caps: Caps, limit: int) -> None:
    accounts = after(spend(20))
    assert refusal(accounts, spend(41), caps, limit) == (40, 41)
    check(accounts, spend(40), caps, Amount(limit, limit))
    assert refusal(Accounts(), spend(51), caps, limit) == (50, 51)


def test_the_worst_column_refuses_by_its_own_numbers() -> None:
    wider = Amount(500, 2000)
    caps = replace(CAPS, fiscal_year=wider, per_mandate=wider)
    accounts = after(spend(100, worst=950))
    assert refusal(accounts, spend(10, worst=60), caps, 10**6) == (50, 60)


def test_a_cap_lowered_below_what_was_spent_leaves_nothing() -> None:
    accounts = after(spend(90, anchor="exit"))
    low = caps_of(50, 50, 500, 40)
    beside = spend(1, anchor="exit", periods=("FY2026-Q3",))
    assert refusal(accounts, beside, low, 500) == (0, 1)


@pytest.mark.parametrize("seed", range(300))
def test_what_is_said_to_be_left_is_exactly_what_is_left(seed: int) -> None:
    dice = random.Random(seed)
    charges = [random_charge(dice, QUARTERS) for _ in range(dice.randint(0, 12))]
    charges = [
        replace(c, amount=Amount(c.amount.model, c.amount.model)) for c in charges
    ]
    accounts, asked = after(*charges), random_charge(dice, QUARTERS)
    caps = caps_of(*(dice.randint(100, 300) for _ in range(3)), 100)
    asked = replace(asked, amount=Amount(100, 100))
    try:
        check(accounts, asked, caps, WIDE.lifetime)
    except BudgetExhausted as error:
        left = error.left_pico_rho
        assert 0 <= left < 100
        over = replace(asked, amount=Amount(left + 1, left + 1))
        with pytest.raises(BudgetExhausted):
            check(accounts, over, caps, WIDE.lifetime)
        if left:
            check(
                accounts, replace(asked, amount=Amount(left, left)), caps, WIDE.lifetime
            )


@pytest.mark.parametrize(
    "amounts", [(0, 9, 9, 1), (PICO_MAX + 1, 9, 9, 1), (9, 9, 9, 10), (9, 9, -1, 1)]
)
def test_impossible_caps_are_refused(amounts: tuple[int, ...]) -> None:
    with pytest.raises((BadConfiguration, LedgerInconsistent)):
        caps_of(*amounts)


def test_a_worst_case_cap_is_never_below_the_other() -> None:
    with pytest.raises(BadConfiguration):
        replace(CAPS, lifetime=Amount(1000, 999))


@pytest.mark.parametrize("amount", [(-1, 0), (1.0, 1), (True, 1), (1, None)])
def test_an_amount_is_two_whole_numbers(amount: tuple[int, int]) -> None:
    with pytest.raises(LedgerInconsistent):
        Amount(*amount)


@pytest.mark.parametrize(
    "change",
    [
        {"entry_years": ()},
        {"entry_years": (YEARS[1], YEARS[0])},
        {"periods": ()},
        {"amount": NOTHING},
        {"amount": Amount(2, 1)},
        {"amount": Amount(1, PICO_MAX + 1)},
    ],
)
def test_a_charge_on_nobody_or_of_nothing_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(LedgerInconsistent):
        replace(spend(1), **change)
