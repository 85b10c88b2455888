"""Rules enter the ledger one on top of the other, with what people signed."""

from fractions import Fraction

import pytest

from node.ledger import Charged, Key, Ledger, Scope
from privacy.amount import NOTHING
from privacy.chain import Event, Kind
from privacy.errors import (
    BadSignature,
    BudgetExhausted,
    Busy,
    LedgerInconsistent,
    NotAllowed,
)
from tests.ledger_samples import (
    LATER,
    MANDATE,
    NOW,
    caps_of,
    charge_for,
    deliver,
    enact,
    set_policy,
    spent,
)

# ---- policies -------------------------------------------------------------------


def test_a_new_policy_moves_the_caps(ledger: Ledger) -> None:
    for name in "abcde":
        ledger.charge(charge_for(name), now=NOW)
    set_policy(ledger, 2, caps_of(lifetime=2 * 10**11), now=LATER)
    assert isinstance(ledger.charge(charge_for("f"), now=NOW), Charged)
    ledger.verify()


def test_a_policy_entered_by_another_process_holds_at_the_next_charge(
    ledger_url: str, ledger: Ledger
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    other = Ledger.open(ledger_url)
    set_policy(other, 2, caps_of(per_release=10**9))
    with pytest.raises(BudgetExhausted):
        ledger.charge(charge_for("b"), now=NOW)
    set_policy(other, 3)
    other.close()
    assert isinstance(ledger.charge(charge_for("b"), now=NOW), Charged)


def test_a_lowered_cap_keeps_what_was_spent_and_stops_the_rest(ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    set_policy(ledger, 2, caps_of(lifetime=10**10, per_release=10**10), now=LATER)
    tiny = charge_for("b", rho=Fraction(1, 10**12))
    with pytest.raises(BudgetExhausted) as refusal:
        ledger.charge(tiny, now=NOW)
    assert refusal.value.left_pico_rho == 0
    left = ledger.remaining()
    assert left[Key(Scope.LIFETIME, "FY2025")] == NOTHING
    assert spent(ledger)["FY2025"] == 2 * 10**10
    ledger.verify()


def test_an_old_or_equal_version_never_follows(ledger: Ledger) -> None:
    set_policy(ledger, 3)
    before = ledger.head()
    for version in (1, 3):
        with pytest.raises(NotAllowed, match="version 3"):
            set_policy(ledger, version)
    assert ledger.head() == before


def test_a_rule_is_entered_only_on_the_law_that_was_read(ledger: Ledger) -> None:
    mark = ledger.law_mark()
    pause = Event(kind=Kind.PAUSED, at="")
    ledger.charge(charge_for("a"), now=NOW)  # no rule
    ledger.enact(pause, document=None, after=mark, now=NOW)
    with pytest.raises(Busy):
        ledger.enact(pause, document=None, after=mark, now=NOW)


def test_the_law_is_read_back_with_what_was_signed(ledger: Ledger) -> None:
    policy, mandate, accepted = ledger.law()
    assert policy[0].kind is Kind.POLICY
    assert mandate == (mandate[0], MANDATE.file())
    assert accepted[1] is None
    assert ledger.law_mark() == accepted[0].sequence
    assert ledger.law(after=mandate[0].sequence) == (accepted,)


def test_a_document_entered_twice_is_kept_once(ledger: Ledger) -> None:
    deliver(ledger)
    assert ledger.law()[-1][1] == MANDATE.file()
    ledger.verify()


@pytest.mark.parametrize(
    ("event", "file"),
    [
        (Event(kind=Kind.MANDATE, at="", document="00" * 32), MANDATE.file()),
        (Event(kind=Kind.MANDATE, at=""), MANDATE.file()),
        (Event(kind=Kind.MANDATE, at="", document=MANDATE.digest.hex()), None),
        (Event(kind=Kind.MANDATE, at="", document=MANDATE.digest.hex()), b"x"),
    ],
)
def test_a_rule_and_its_document_belong_together(
    ledger: Ledger, event: Event, file: bytes | None
) -> None:
    with pytest.raises(BadSignature):
        ledger.enact(event, document=file, after=ledger.law_mark(), now=NOW)
    ledger.verify()


@pytest.mark.parametrize("kind", [Kind.CHARGE, Kind.RELEASE, Kind.BOOTED, Kind.OPENED])
def test_only_a_rule_is_entered_as_one(ledger: Ledger, kind: Kind) -> None:
    with pytest.raises(LedgerInconsistent, match="no rule"):
        enact(ledger, kind)


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        (Kind.POLICY, "2"),
        (Kind.MANDATE, "5 4"),
        (Kind.MANDATE, "4 5"),  # the limit noted first was another
        (Kind.ACCEPTED, "rule"),
        (Kind.REVOKED, None),
        (Kind.STOOD_DOWN, "dance"),
    ],
)
def test_a_note_that_says_nothing_definite_is_not_entered(
    ledger: Ledger, kind: Kind, detail: str | None
) -> None:
    before = ledger.head()
    rests_on = MANDATE if kind in {Kind.POLICY, Kind.MANDATE} else None
    with pytest.raises(NotAllowed):
        enact(ledger, kind, detail=detail, rests_on=rests_on)
    assert ledger.head() == before
    ledger.charge(charge_for("a"), now=NOW)  # and the ledger goes on
