import json
import math
from fractions import Fraction
from pathlib import Path

import opendp.prelude as dp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import loss
from privacy.errors import InvalidQuery
from privacy.loss import Loss

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "loss.json").read_text("utf-8")
)
MILLIONTH = Fraction(1, 10**6)

rhos = st.fractions(Fraction(1, 10**7), 20, max_denominator=10**9)
epsilons = st.fractions(Fraction(1, 1000), 50, max_denominator=10**6)
deltas = st.sampled_from([Fraction(1, 10**power) for power in (3, 5, 6, 9, 12)])

dp.enable_features("contrib")


def textbook_epsilon(rho: float, delta: float) -> float:
    return rho + 2 * math.sqrt(rho * math.log(1 / delta))


@pytest.mark.parametrize(
    ("text", "rho"),
    [
        ("0.0045", Fraction(9, 2000)),
        ("9/2000", Fraction(9, 2000)),
        ("1", Fraction(1)),
        ("100", Fraction(100)),
        ("0.000000000001", Fraction(1, 10**12)),
    ],
)
def test_plain_decimals_and_ratios_are_read_exactly(text: str, rho: Fraction) -> None:
    assert rho == loss.parse_rho(text)


@pytest.mark.parametrize("text", VECTORS["refused_texts"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        loss.parse_rho(text)


@pytest.mark.parametrize("value", [0.0045, 1, None, True, Fraction(1), b"0.1"])
def test_a_loss_that_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidQuery):
        loss.parse_rho(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rho",
    [Fraction(0), Fraction(-1), Fraction(101), 0.5, 1, math.nan, math.inf, None, True],
)
def test_no_loss_is_zero_negative_infinite_or_a_float(rho: object) -> None:
    for use in (Loss, loss.pico, lambda it: loss.epsilon(it, MILLIONTH)):
        with pytest.raises(InvalidQuery):
            use(rho)  # type: ignore[arg-type]


@pytest.mark.parametrize("delta", [Fraction(0), Fraction(1), Fraction(-1, 2), 1e-6])
def test_delta_is_an_exact_chance_between_zero_and_one(delta: object) -> None:
    with pytest.raises(InvalidQuery):
        loss.epsilon(Fraction(1), delta)  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery):
        loss.rho_for(Fraction(1), delta)  # type: ignore[arg-type]


@pytest.mark.parametrize("epsilon", [Fraction(0), Fraction(-1), Fraction(101), 1.0])
def test_epsilon_is_an_exact_fraction_in_range(epsilon: object) -> None:
    with pytest.raises(InvalidQuery):
        loss.rho_for(epsilon, MILLIONTH)  # type: ignore[arg-type]


@given(rhos)
def test_a_charge_is_rounded_up_by_less_than_one_pico(rho: Fraction) -> None:
    charged = loss.from_pico(loss.pico(rho))
    assert rho <= charged < rho + Fraction(1, loss.PICO)


def test_losses_add_up_exactly() -> None:
    third = Loss(Fraction(1, 3))
    assert Loss(Fraction(1)) == third + third + third == loss.total([third] * 3)
    assert third.pico == 333_333_333_334
    assert loss.epsilon(third.rho, MILLIONTH) == third.epsilon(MILLIONTH)


def test_the_total_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidQuery):
        loss.total([])


@pytest.mark.parametrize("vector", VECTORS["rho_for"])
def test_rho_for_gives_the_known_answers(vector: dict[str, str]) -> None:
    rho = loss.rho_for(Fraction(vector["epsilon"]), Fraction(vector["delta"]))
    assert Fraction(vector["rho"]) == rho


def test_rho_at_one_and_a_millionth_is_the_published_figure() -> None:
    assert round(loss.rho_for(Fraction(1), MILLIONTH), 8) == Fraction("0.02435597")
    assert abs(loss.rho_for(Fraction(1), MILLIONTH) - Fraction("0.024355970359538")) < (
        Fraction(1, 10**15)
    )
    assert abs(
        loss.rho_for(Fraction(3, 10), MILLIONTH) - Fraction("0.00253964252302")
    ) < (Fraction(1, 10**14))


@pytest.mark.parametrize("vector", VECTORS["epsilon"])
def test_epsilon_gives_the_known_answers(vector: dict[str, str]) -> None:
    assert float(vector["epsilon"]) == loss.epsilon(
        Fraction(vector["rho"]), Fraction(vector["delta"])
    )


@pytest.mark.parametrize("rho", ["0.0001", "0.0045", "0.024355970359538", "0.5", "3"])
@pytest.mark.parametrize("delta", ["1e-5", "1e-6", "1e-9"])
def test_an_independent_library_agrees(rho: str, delta: str) -> None:
    space = dp.vector_domain(dp.atom_domain(T="i64"), size=1), dp.l2_distance(T=float)
    unit = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=1.0))
    profile = unit.map(math.sqrt(2 * float(rho)))  # type: ignore[no-untyped-call]
    theirs = profile.epsilon(float(delta))
    ours = loss.epsilon(Fraction(rho), Fraction(delta))
    assert ours == pytest.approx(theirs, rel=1e-9)


@given(epsilons, deltas)
def test_a_loss_derived_from_epsilon_never_means_more(
    epsilon: Fraction, delta: Fraction
) -> None:
    rho = loss.rho_for(epsilon, delta)
    assert loss.epsilon(rho, delta) <= float(epsilon) * (1 + 1e-15)
    assert loss.epsilon(rho * (1 + MILLIONTH), delta) > epsilon


@given(rhos, deltas, st.floats(1e-6, 1e6))
def test_no_order_gives_a_smaller_epsilon(
    rho: Fraction, delta: Fraction, excess: float
) -> None:
    order = 1 + excess
    bound = order * float(rho) + math.log1p(-1 / order)
    bound += (-math.log(delta) - math.log(order)) / (order - 1)
    assert loss.epsilon(rho, delta) <= max(bound, 0) * (1 + 1e-9) + 1e-12


@given(rhos, deltas)
def test_the_textbook_formula_is_never_better(rho: Fraction, delta: Fraction) -> None:
    assert loss.epsilon(rho, delta) < textbook_epsilon(float(rho), float(delta))


def test_the_textbook_formula_would_waste_two_fifths_of_a_budget() -> None:
    textbook_rho = (math.sqrt(math.log(1e6) + 1) - math.sqrt(math.log(1e6))) ** 2
    assert textbook_epsilon(textbook_rho, 1e-6) == pytest.approx(1.0)
    assert loss.rho_for(Fraction(1), MILLIONTH) > textbook_rho * 1.39


def test_a_loss_too_small_to_matter_means_epsilon_zero() -> None:
    assert loss.epsilon(Fraction(1, 10**12), MILLIONTH) == 0.0
