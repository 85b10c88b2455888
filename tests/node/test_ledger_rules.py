"""The ledger charges by its own rules: mandates, pauses, caps and reopenings."""

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import pytest

from node.ledger import Charged, Key, Ledger, Scope
from privacy.amount import Amount
from privacy.chain import Kind
from privacy.errors import BudgetExhausted, LedgerInconsistent, NotAllowed
from privacy.period import Period
from privacy.signing import Kind as Signed
from tests.ledger_samples import (
    LATER,
    MANDATE,
    NOW,
    OTHER,
    SECOND,
    accept,
    caps_of,
    charge_for,
    deliver,
    document,
    enact,
    revoke,
    second_mandate,
    set_policy,
    spent,
    store,
)

# ---- mandates -------------------------------------------------------------------


def test_a_mandate_opens_nothing_before_it_came_and_was_accepted(
    ledger: Ledger,
) -> None:
    with pytest.raises(NotAllowed, match="No such mandate"):
        ledger.charge(OTHER, now=NOW)
    deliver(ledger, SECOND)
    with pytest.raises(NotAllowed, match="not accepted"):
        ledger.charge(OTHER, now=NOW)
    accept(ledger, SECOND)
    assert isinstance(ledger.charge(OTHER, now=NOW), Charged)


def test_a_declined_mandate_opens_nothing_until_it_is_accepted(ledger: Ledger) -> None:
    digest = MANDATE.digest.hex()
    enact(ledger, Kind.DECLINED, detail=f"officer {digest}")
    with pytest.raises(NotAllowed, match="not accepted"):
        ledger.charge(charge_for("a"), now=NOW)
    accept(ledger)
    ledger.charge(charge_for("a"), now=NOW)
    ledger.verify()


def test_a_revocation_holds_at_the_next_call_and_is_final(
    ledger_url: str, ledger: Ledger
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    other = Ledger.open(ledger_url)
    revoke(other)
    for _ in range(2):
        with pytest.raises(NotAllowed, match="withdrawn"):
            ledger.charge(charge_for("b"), now=NOW)
        accept(other)
    other.close()


def test_a_revocation_may_come_before_its_mandate(ledger: Ledger) -> None:
    revoke(ledger, SECOND)
    second_mandate(ledger)
    with pytest.raises(NotAllowed, match="withdrawn"):
        ledger.charge(OTHER, now=NOW)
    ledger.verify()


def test_a_repeat_is_free_but_needs_a_mandate_that_stands(ledger: Ledger) -> None:
    asked = charge_for("a")
    ledger.charge(asked, now=NOW)
    stored = store(ledger, asked.release_key)
    revoke(ledger)
    with pytest.raises(NotAllowed):
        ledger.charge(asked, now=NOW)
    second_mandate(ledger)
    again = replace(asked, mandate=SECOND.digest, ask=b"\x09" * 32)
    assert ledger.charge(again, now=LATER) == stored
    assert spent(ledger)["FY2025"] == 2 * 10**10


def test_an_unfinished_charge_resumes_under_another_mandate(ledger: Ledger) -> None:
    first = ledger.charge(charge_for("a"), now=NOW)
    revoke(ledger)
    second_mandate(ledger, Fraction(1, 10**6))  # less than the charge: it is paid
    again = ledger.charge(charge_for("a", mandate=SECOND.digest), now=NOW)
    assert isinstance(again, Charged)
    assert again == replace(first, resumed=True)


def test_a_mandate_pays_for_no_more_than_it_says(ledger: Ledger) -> None:
    second_mandate(ledger, Fraction(3, 100))
    ledger.charge(OTHER, now=NOW)
    more = charge_for("y", mandate=SECOND.digest)
    with pytest.raises(BudgetExhausted) as refusal:
        ledger.charge(more, now=NOW)
    assert refusal.value.left_pico_rho == 10**10
    ledger.charge(replace(more, mandate=MANDATE.digest), now=NOW)
    key = Key(Scope.MANDATE, SECOND.digest.hex())
    assert ledger.remaining()[key] == Amount(10**10, 10**10)
    ledger.verify()


def test_the_sites_cap_per_mandate_counts_whatever_the_mandate_says(
    ledger: Ledger,
) -> None:
    set_policy(ledger, 2, caps_of(per_mandate=3 * 10**10))
    ledger.charge(charge_for("a"), now=NOW)
    with pytest.raises(BudgetExhausted):
        ledger.charge(charge_for("b"), now=NOW)
    second_mandate(ledger)
    ledger.charge(charge_for("b", mandate=SECOND.digest), now=NOW)
    set_policy(ledger, 3)
    ledger.charge(charge_for("c"), now=NOW)
    ledger.verify()


# ---- standing still -------------------------------------------------------------


def stop(ledger: Ledger, kind: Kind, detail: str | None = None) -> None:
    why = None if kind is Kind.PAUSED else document(Signed.DECISION, f"{kind} {detail}")
    enact(ledger, kind, detail=detail, rests_on=why)


STOPS = [
    (Kind.PAUSED, None),
    (Kind.SEALED, None),
    (Kind.STOOD_DOWN, "freeze"),
    (Kind.STOOD_DOWN, "terminate"),
]


@pytest.mark.parametrize(("kind", "detail"), STOPS)
def test_a_site_that_stands_still_charges_and_repeats_nothing(
    ledger_url: str, ledger: Ledger, kind: Kind, detail: str | None
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    store(ledger, charge_for("a").release_key)
    other = Ledger.open(ledger_url)
    stop(other, kind, detail)
    other.close()
    before = ledger.head()
    for name in "ab":
        with pytest.raises(NotAllowed, match="nothing is charged or answered"):
            ledger.charge(charge_for(name), now=NOW)
    assert ledger.head() == before
    ledger.verify()


@pytest.mark.parametrize(
    ("stopped", "again"),
    [(STOPS[0], (Kind.RESUMED, None)), (STOPS[2], (Kind.STOOD_DOWN, "resume"))],
)
def test_a_site_that_resumed_answers_again(
    ledger: Ledger, stopped: tuple[Kind, str | None], again: tuple[Kind, str | None]
) -> None:
    stop(ledger, *stopped)
    stop(ledger, *again)
    assert isinstance(ledger.charge(charge_for("a"), now=NOW), Charged)
    ledger.verify()


def test_what_was_being_computed_when_the_site_paused_is_kept(ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    stop(ledger, Kind.PAUSED)
    kept = store(ledger, charge_for("a").release_key)
    stop(ledger, Kind.RESUMED)
    assert ledger.charge(charge_for("a"), now=NOW) == kept
    ledger.verify()


def test_a_legal_hold_changes_nothing_about_charging(ledger: Ledger) -> None:
    stop(ledger, Kind.HELD)
    ledger.charge(charge_for("a"), now=NOW)
    stop(ledger, Kind.LIFTED)
    ledger.charge(charge_for("b"), now=NOW)
    ledger.verify()


# ---- fiscal years and columns ---------------------------------------------------


def test_a_fiscal_years_cap_hangs_on_what_is_asked_and_not_on_the_clock(
    ledger: Ledger,
) -> None:
    set_policy(ledger, 2, caps_of(fiscal_year=5 * 10**10))
    for name in "ab":
        ledger.charge(charge_for(name), now=NOW)
    for years in (-10, -1, 1, 2, 10):
        moment = NOW.replace(year=NOW.year + years)
        with pytest.raises(BudgetExhausted) as refusal:
            ledger.charge(charge_for("c"), now=moment)
        assert refusal.value.left_pico_rho == 10**10
    later = charge_for("c", periods=(Period("FY2027-H1"),))
    ledger.charge(later, now=NOW - dt.timedelta(days=3650))
    assert spent(ledger)["FY2025"] == 6 * 10**10 - 2 * 10**10  # another cohort
    ledger.verify()


def test_cohorts_of_a_year_share_its_cap_side_by_side(ledger: Ledger) -> None:
    quarters = Period("FY2026").quarters
    for quarter in quarters:
        for name in "abcde":
            asked = charge_for(f"{name} {quarter}", periods=(quarter,))
            ledger.charge(asked, now=NOW)
    assert spent(ledger) == {"FY2025": 10**11, "FY2026": 10**11}
    for anchor in ("enrolment", "exit", None):
        asked = charge_for("last", periods=quarters[:1], anchor=anchor)
        with pytest.raises(BudgetExhausted):
            ledger.charge(asked, now=NOW)
    ledger.verify()


def test_the_worst_case_column_has_caps_of_its_own(ledger: Ledger) -> None:
    wide = caps_of()
    set_policy(ledger, 2, replace(wide, lifetime=Amount(10**11, 2 * 10**11)))
    dear = {"worst_rho": Fraction(3, 100)}
    for name in "abcde":
        ledger.charge(charge_for(name, rho=Fraction(1, 100), **dear), now=NOW)
    years = Key(Scope.LIFETIME, "FY2025")
    assert ledger.remaining()[years] == Amount(5 * 10**10, 5 * 10**10)
    ledger.charge(charge_for("f", rho=Fraction(1, 100), **dear), now=NOW)
    with pytest.raises(BudgetExhausted) as refusal:
        ledger.charge(charge_for("g", rho=Fraction(1, 100), **dear), now=NOW)
    assert refusal.value.left_pico_rho == 2 * 10**10
    assert refusal.value.asked_pico_rho == 3 * 10**10
    ledger.verify()


# ---- the last line of defence ---------------------------------------------------


def test_a_guard_stops_what_a_forged_balance_would_let_through(
    ledger: Ledger, tamper: object
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    # The cap column alone was lowered: the spending statement itself refuses.
    tamper("UPDATE ledger_accounts SET cap_model = spent_model")  # type: ignore[operator]
    with pytest.raises(LedgerInconsistent, match="is not what its entries make it"):
        ledger.charge(charge_for("b"), now=NOW)
