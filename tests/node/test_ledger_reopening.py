"""After a restore, what was lost counts as spent, and nothing is answered twice."""

from fractions import Fraction

import pytest

from node.ledger import Ledger, Stored
from privacy.errors import BudgetExhausted, NotAllowed
from privacy.period import Period
from tests.ledger_samples import (
    NOW,
    OTHER,
    SECOND,
    boot_name,
    caps_of,
    charge_for,
    ready,
    reopen,
    second_mandate,
    set_policy,
    spent,
    store,
)


def test_a_reopened_ledger_counts_every_cap_as_spent(
    ledger_url: str, ledger: Ledger
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    store(ledger, charge_for("a").release_key)
    reopen(ledger)
    assert ledger.head().epoch == 2
    never = (Period("FY2019"),)
    for asked in (charge_for("b"), charge_for("b", entry_years=never)):
        with pytest.raises(BudgetExhausted) as refusal:
            ledger.charge(asked, now=NOW)
        assert refusal.value.left_pico_rho == 0
    assert isinstance(ledger.charge(charge_for("a"), now=NOW), Stored)
    reopened = Ledger.open(ledger_url)
    assert reopened.accounts() == ledger.accounts()
    reopened.close()


def test_what_was_unanswered_before_a_restore_is_never_answered(
    ledger: Ledger,
) -> None:
    # Its answer may have left in the part that was lost: one charge, one answer.
    ledger.charge(charge_for("a"), now=NOW)
    reopen(ledger)
    set_policy(ledger, 2, caps_of(lifetime=10**13))
    with pytest.raises(NotAllowed, match="before the ledger was restored"):
        ledger.charge(charge_for("a"), now=NOW)
    with pytest.raises(NotAllowed, match="before the ledger was restored"):
        store(ledger, charge_for("a").release_key)
    ledger.verify()


def test_a_larger_cap_gives_a_reopened_ledger_the_difference(ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    reopen(ledger)
    second_mandate(ledger)
    set_policy(ledger, 2, caps_of(lifetime=13 * 10**10))
    to_come = {"periods": (Period("FY2028-H1"),), "mandate": SECOND.digest}
    years = (Period("FY2019"), Period("FY2025"))
    asked = charge_for("b", entry_years=years, rho=Fraction(3, 100), **to_come)
    ledger.charge(asked, now=NOW)
    for year in years:
        with pytest.raises(BudgetExhausted):
            ledger.charge(charge_for("c", entry_years=(year,), **to_come), now=NOW)
    assert spent(ledger) == {
        "*": 10**11,
        "FY2019": 13 * 10**10,
        "FY2025": 13 * 10**10,
        "FY2026": 10**11,
    }
    ledger.verify()


def test_a_reopening_counts_the_largest_cap_that_ever_was(ledger: Ledger) -> None:
    # The cap may have been lowered after the lost part had spent more.
    ledger.charge(charge_for("a"), now=NOW)
    set_policy(ledger, 2, caps_of(lifetime=3 * 10**11))
    set_policy(ledger, 3, caps_of(lifetime=5 * 10**10))
    reopen(ledger)
    assert spent(ledger) == dict.fromkeys(("*", "FY2025", "FY2026"), 3 * 10**11)
    ledger.verify()


def test_a_mandate_from_before_the_restore_is_spent(ledger: Ledger) -> None:
    second_mandate(ledger, Fraction(5, 100))
    reopen(ledger)
    set_policy(ledger, 2, caps_of(lifetime=10**13))
    with pytest.raises(BudgetExhausted) as refusal:
        ledger.charge(OTHER, now=NOW)
    assert refusal.value.left_pico_rho == 0
    ledger.verify()


def test_a_clock_set_back_reopens_no_fiscal_year(ledger: Ledger) -> None:
    ledger.boot(boot_name(1), now=NOW)
    reopen(ledger, now=NOW.replace(year=2020))
    accounts = ledger.accounts(
        entry_years=(Period("FY2025"),),
        fiscal_years=(Period("FY2027"), Period("FY2028")),
    )
    left = {a.fiscal_year: a.left.model for a in accounts if a.name == "FY2025"}
    assert left == {"": 0, "FY2027": 0, "FY2028": 10**14}
    ledger.verify()


def test_a_ledger_without_a_policy_is_not_reopened(ledger_url: str) -> None:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    with pytest.raises(NotAllowed, match="newest policy first"):
        reopen(ledger)
    ready(ledger)
    reopen(ledger)
    ledger.verify()
    ledger.close()
