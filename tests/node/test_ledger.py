"""The ledger on both engines: charging, storing, repeating."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from node.ledger import Charge, Charged, Ledger, Stored
from privacy.amount import Amount
from privacy.chain import Kind
from privacy.errors import BudgetExhausted, InvalidQuery, LedgerInconsistent, NotAllowed
from privacy.expression import EVERYBODY, One
from privacy.period import Period
from privacy.query import FORMAT, Mode, Query, Unit
from tests.ledger_samples import (
    CAPS,
    LATER,
    MANDATE,
    NOW,
    RHO,
    VALUES,
    accept,
    charge_for,
    deliver,
    spent,
    store,
)

# ---- charging -------------------------------------------------------------------


def test_a_charge_is_taken_from_every_entry_year_it_touches(ledger: Ledger) -> None:
    charged = ledger.charge(charge_for("a"), now=NOW)
    assert isinstance(charged, Charged)
    assert not charged.resumed
    assert (charged.rho, charged.amount) == (RHO, Amount(2 * 10**10, 2 * 10**10))
    assert spent(ledger) == {"FY2025": 2 * 10**10, "FY2026": 2 * 10**10}


def test_a_charge_is_rounded_up_and_kept_exact_beside_it(ledger: Ledger) -> None:
    third = Fraction(1, 300)
    ledger.charge(charge_for("a", rho=third), now=NOW)
    entry = ledger.entries()[-1]
    assert (entry.pico_rho, entry.rho) == (3_333_333_334, "1/300")
    assert spent(ledger)["FY2025"] == 3_333_333_334


def test_an_entry_records_the_event_and_the_cohorts_it_touched(ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    ledger.charge(charge_for("b", anchor=None), now=NOW)
    first, second = ledger.entries()[-2:]
    assert (first.anchor, first.periods) == ("enrolment", "FY2026-H1")
    assert second.anchor is None
    assert first.entry_years == "FY2025 FY2026"


def test_a_charge_past_the_lifetime_cap_is_refused_and_costs_nothing(
    ledger: Ledger,
) -> None:
    for name in "abcde":
        ledger.charge(charge_for(name), now=NOW)
    before = (ledger.head(), spent(ledger))
    with pytest.raises(BudgetExhausted) as refusal:
        ledger.charge(charge_for("f"), now=NOW)
    assert refusal.value.left_pico_rho == 0
    assert refusal.value.asked_pico_rho == 2 * 10**10
    assert (ledger.head(), spent(ledger)) == before


def test_the_last_pico_can_be_spent_and_not_one_more(ledger: Ledger) -> None:
    for name in "abc":
        ledger.charge(charge_for(name, rho=Fraction(3, 100)), now=NOW)
    nearly = Fraction(10**10, 10**12)
    over = charge_for("d", rho=nearly + Fraction(1, 10**13))
    with pytest.raises(BudgetExhausted):
        ledger.charge(over, now=NOW)
    ledger.charge(charge_for("d", rho=nearly), now=NOW)
    assert spent(ledger)["FY2025"] == CAPS.lifetime.model


def test_one_full_entry_year_refuses_the_charge_for_all_of_them(ledger: Ledger) -> None:
    one = (Period("FY2025"),)
    for name in "abcde":
        ledger.charge(charge_for(name, entry_years=one), now=NOW)
    with pytest.raises(BudgetExhausted):
        ledger.charge(charge_for("f"), now=NOW)
    assert "FY2026" not in spent(ledger)
    other = charge_for("f", entry_years=(Period("FY2026"),))
    assert isinstance(ledger.charge(other, now=NOW), Charged)


def test_the_amount_left_is_that_of_the_tightest_entry_year(ledger: Ledger) -> None:
    one = (Period("FY2025"),)
    for name in "abcd":
        ledger.charge(charge_for(name, entry_years=one), now=NOW)
    dear = charge_for("e", rho=Fraction(3, 100))
    with pytest.raises(BudgetExhausted) as refusal:
        ledger.charge(dear, now=NOW)
    assert refusal.value.left_pico_rho == 2 * 10**10


def test_a_charge_past_the_cap_per_release_is_refused(ledger: Ledger) -> None:
    with pytest.raises(BudgetExhausted) as refusal:
        ledger.charge(charge_for("a", rho=Fraction(4, 100)), now=NOW)
    assert refusal.value.left_pico_rho == CAPS.per_release.model
    assert ledger.accounts() == ()


def test_nothing_is_charged_without_a_policy(ledger_url: str) -> None:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    deliver(ledger)
    accept(ledger)
    with pytest.raises(NotAllowed, match="no signed policy"):
        ledger.charge(charge_for("a"), now=NOW)
    assert ledger.accounts() == ()
    ledger.close()


@pytest.mark.parametrize(
    "change",
    [
        {"rho": 0.02},
        {"rho": Fraction(101)},
        {"release_key": b"short"},
        {"query_digest": "0" * 32},
        {"mandate": b""},
        {"ask": None},
        {"worst_rho": RHO / 2},
        {"worst_rho": Fraction(101)},
        {"metric": "M 08"},
        {"anchor": "a\nb"},
        {"entry_years": ()},
        {"entry_years": (Period("FY2026"), Period("FY2025"))},
        {"entry_years": (Period("FY2026"), Period("FY2026"))},
        {"entry_years": (Period("FY2026-Q1"),)},
        {"periods": ()},
    ],
)
def test_a_charge_that_could_be_misread_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery):
        charge_for("a", **change)


@pytest.mark.parametrize("rho", [Fraction(0), Fraction(-1, 50)])
def test_there_is_no_free_and_no_negative_charge(rho: Fraction) -> None:
    with pytest.raises(InvalidQuery):
        charge_for("a", rho=rho)


def test_a_charge_is_read_off_the_question() -> None:
    question = Query(
        format=FORMAT,
        unit=Unit.HOUSEHOLD,
        entry_years=(Period("FY2025"), Period("FY2026")),
        anchor=None,
        periods=(Period("FY2026-H1"),),
        population=EVERYBODY,
        value=One(),
        by=(),
        code_lists=(),
        revision=0,
    )
    charge = Charge.of(
        question,
        metric="M08",
        mode=Mode.SITE,
        rho=RHO,
        worst_rho=2 * RHO,
        mandate=MANDATE.digest,
        ask=b"\x05" * 32,
    )
    assert charge.release_key == question.release_key(Mode.SITE)
    assert charge.query_digest == question.digest
    assert charge.entry_years == question.entry_years
    assert (charge.anchor, charge.periods) == (None, question.periods)
    assert (charge.rho, charge.worst_rho) == (RHO, 2 * RHO)
    assert (charge.mandate, charge.ask) == (MANDATE.digest, b"\x05" * 32)


# ---- one answer for ever --------------------------------------------------------


def test_a_stored_release_comes_back_free_and_the_same(ledger: Ledger) -> None:
    asked = charge_for("a")
    ledger.charge(asked, now=NOW)
    stored = store(ledger, asked.release_key)
    before = (ledger.head(), spent(ledger))
    again = ledger.charge(asked, now=LATER)
    assert isinstance(again, Stored)
    assert again == stored
    assert (again.values, again.rho) == (VALUES, RHO)
    assert (again.variance, again.l2_squared) == (Fraction(81, 4), 4)
    assert (ledger.head(), spent(ledger)) == before


def test_a_repeat_is_free_even_when_nothing_is_left(ledger: Ledger) -> None:
    for name in "abcde":
        ledger.charge(charge_for(name), now=NOW)
    store(ledger, charge_for("a").release_key)
    assert isinstance(ledger.charge(charge_for("a"), now=NOW), Stored)
    assert isinstance(ledger.charge(charge_for("b"), now=NOW), Charged)


def test_a_charge_without_a_release_is_resumed_at_the_loss_first_charged(
    ledger: Ledger,
) -> None:
    first = ledger.charge(charge_for("a"), now=NOW)
    asked = charge_for("a", rho=Fraction(1, 40), metric="M09")
    again = ledger.charge(asked, now=LATER)
    assert again == replace(first, resumed=True)
    assert spent(ledger)["FY2025"] == 2 * 10**10


@pytest.mark.parametrize(
    "change",
    [
        {"query_digest": b"\x07" * 32},
        {"mode": Mode.SUM},
        {"entry_years": (Period("FY2025"),)},
        {"anchor": None},
        {"periods": (Period("FY2026-H2"),)},
    ],
)
def test_another_question_under_the_same_key_is_refused(
    ledger: Ledger, change: dict[str, Any]
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    store(ledger, charge_for("a").release_key)
    with pytest.raises(InvalidQuery, match="Another question"):
        ledger.charge(charge_for("a", **change), now=NOW)


def test_the_first_stored_release_stands(ledger: Ledger) -> None:
    asked = charge_for("a")
    ledger.charge(asked, now=NOW)
    first = store(ledger, asked.release_key)
    second = store(ledger, asked.release_key, values=(9, 9, 9, 9))
    assert second == first
    assert second.values == VALUES
    assert [e.kind for e in ledger.entries()].count(Kind.RELEASE) == 1


def test_a_release_without_a_charge_stops_the_ledger(ledger: Ledger) -> None:
    with pytest.raises(LedgerInconsistent, match="without a charge"):
        store(ledger, charge_for("a").release_key)


@pytest.mark.parametrize(
    "values", [(), (2**63,), (1.0,), (True,), tuple(range(4097)), (None,)]
)
def test_what_is_no_release_is_not_stored(
    ledger: Ledger, values: tuple[Any, ...]
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    with pytest.raises(LedgerInconsistent, match="whole 64-bit"):
        store(ledger, charge_for("a").release_key, values=values)


@pytest.mark.parametrize(
    ("variance", "l2_squared"),
    [
        (Fraction(0), 4),
        (Fraction(-1), 4),
        (1.5, 4),
        (Fraction(1), 0),
        (Fraction(1), 2.0),
    ],
)
def test_a_release_without_noise_is_not_stored(
    ledger: Ledger, variance: Fraction, l2_squared: int
) -> None:
    asked = charge_for("a")
    ledger.charge(asked, now=NOW)
    with pytest.raises(LedgerInconsistent, match="has noise"):
        ledger.store(
            asked.release_key,
            values=VALUES,
            variance=variance,
            l2_squared=l2_squared,
            now=NOW,
        )


def test_extreme_values_come_back_as_they_were(ledger: Ledger) -> None:
    asked, extremes = charge_for("a"), (2**63 - 1, -(2**63), 0, -1)
    ledger.charge(asked, now=NOW)
    store(ledger, asked.release_key, values=extremes)
    assert ledger.charge(asked, now=NOW).values == extremes


def test_the_stored_size_depends_on_the_number_of_cells_only(ledger: Ledger) -> None:
    asked = charge_for("a")
    ledger.charge(asked, now=NOW)
    assert len(store(ledger, asked.release_key, values=(0, 2**62)).blob) == 16


def test_noisy_values_do_not_print(ledger: Ledger) -> None:
    asked = charge_for("a")
    ledger.charge(asked, now=NOW)
    assert str(2**40) not in repr(store(ledger, asked.release_key))
