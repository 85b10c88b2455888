"""Whatever happens in whatever order, the ledger is the sum of its charges."""

import tempfile
from fractions import Fraction
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.ledger import Charge, Charged, Ledger, Stored
from privacy.errors import BudgetExhausted
from privacy.period import Period
from tests.ledger_samples import CAPS, NOW, charge_for, ready, spent, store

YEARS = [Period(f"FY{year}") for year in (2024, 2025, 2026)]
RHOS = [Fraction(1, 40), Fraction(1, 300), Fraction(3, 100), Fraction(1, 25)]

questions = st.integers(0, 11)
steps = st.one_of(
    st.tuples(st.just("charge"), questions, st.sampled_from(RHOS)),
    st.tuples(st.just("store"), questions, st.just(None)),
    st.tuples(st.just("restart"), st.just(0), st.just(None)),
)


def question(number: int, rho: Fraction) -> Charge:
    """Return one of twelve questions; each always touches the same entry years."""
    touched = tuple(y for bit, y in enumerate(YEARS) if (number % 7 + 1) >> bit & 1)
    return charge_for(str(number), rho=rho, entry_years=touched)


class Model:
    """What a person with pencil and paper would have written down."""

    def __init__(self) -> None:
        self.charged: dict[int, Charge] = {}
        self.sent: dict[int, tuple[int, ...]] = {}

    def spent(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for charge in self.charged.values():
            for year in charge.entry_years:
                total[year.label] = total.get(year.label, 0) + charge.amount.model
        return total

    def affords(self, charge: Charge) -> bool:
        spent = self.spent()
        return charge.amount.model <= CAPS.per_release.model and all(
            spent.get(y.label, 0) + charge.amount.model <= CAPS.lifetime.model
            for y in charge.entry_years
        )

    def charge(self, ledger: Ledger, number: int, rho: Fraction) -> None:
        asked = question(number, rho)
        known = number in self.charged
        try:
            answer = ledger.charge(asked, now=NOW)
        except BudgetExhausted:
            assert not known
            assert not self.affords(asked)
            return
        if number in self.sent:
            assert isinstance(answer, Stored)
            assert answer.values == self.sent[number]
            return
        assert isinstance(answer, Charged)
        assert answer.resumed == known
        assert known or self.affords(asked)
        assert answer.rho == self.charged.setdefault(number, asked).rho

    def store(self, ledger: Ledger, number: int, noise: int) -> None:
        if number not in self.charged:
            return
        key = self.charged[number].release_key
        stands = self.sent.setdefault(number, (number, noise))
        assert store(ledger, key, values=(number, noise)).values == stands


@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(steps, max_size=30))
def test_balances_are_the_sum_of_charges(
    history: list[tuple[str, int, Fraction | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/ledger.sqlite"
        ledger, model = Ledger.create(url, site="NYC", now=NOW), Model()
        ready(ledger)
        for noise, (step, number, rho) in enumerate(history):
            if rho is not None:
                model.charge(ledger, number, rho)
            elif step == "store":
                model.store(ledger, number, noise)
            else:
                ledger.close()
                ledger = Ledger.open(url)
            assert spent(ledger) == model.spent()
        ledger.verify()
        ledger.close()
