"""What a loss means to a person: exact, never understated, in plain words."""

import math
import statistics
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import consequence, loss
from privacy.consequence import DELTA, STANDARD, Strength
from privacy.errors import InvalidQuery

rhos = st.fractions(Fraction(1, 10**10), 20, max_denominator=10**12)


def test_the_table_says_what_was_worked_out_by_hand() -> None:
    # By hand: odds 10 to 90 times exp(1) are 0.30203, so 23.197 of 100; and so on.
    told = [
        tuple(map(str, (row.epsilon, row.odds, row.from_10, row.from_50)))
        for row in consequence.rows()
    ]
    assert told == [
        ("0.100", "1.11", "11.0", "52.5"),
        ("0.500", "1.65", "15.5", "62.3"),
        ("1.000", "2.72", "23.2", "73.2"),
        ("2.000", "7.39", "45.1", "88.1"),
        ("4.000", "54.6", "85.9", "98.3"),
        ("8.000", "2990", "99.7", "100.0"),
    ]
    assert [row.strength for row in consequence.rows()] == list(Strength)


@given(rhos)
def test_nothing_is_understated(rho: Fraction) -> None:
    row = consequence.of(rho)
    epsilon = loss.epsilon(rho, DELTA)
    assert epsilon <= row.epsilon < epsilon + 0.00101
    factor = math.exp(epsilon)
    assert row.odds >= factor * (1 - 1e-12)
    for before, after in ((0.1, row.from_10), (0.5, row.from_50)):
        now = 100 * before * factor / (1 - before + before * factor)
        assert now * (1 - 1e-12) <= after <= min(100, now + 0.2)


@given(rhos, rhos)
def test_more_loss_never_looks_better(one: Fraction, other: Fraction) -> None:
    less, more = (consequence.of(rho) for rho in sorted((one, other)))
    for name in ("epsilon", "odds", "from_10", "from_50"):
        assert getattr(less, name) <= getattr(more, name)
    words = list(Strength)
    assert words.index(less.strength) <= words.index(more.strength)


@given(rhos)
def test_the_stated_chance_covers_gaussian_noise(rho: Fraction) -> None:
    # The loss of Gaussian noise is itself normal: mean rho, variance 2 rho.
    row = consequence.of(rho)
    noise = statistics.NormalDist(float(rho), math.sqrt(2 * rho))
    assert 0.5 * math.erfc(
        (float(row.epsilon) - noise.mean) / noise.stdev / 2**0.5
    ) <= (row.chance)
    assert 0 <= row.chance <= 1
    assert row.chance < Decimal("0.01") or row.epsilon < Decimal("0.01")


def test_our_word_is_that_of_the_next_larger_row() -> None:
    for epsilon, word in zip(STANDARD, Strength, strict=True):
        assert consequence.strength(epsilon) is word
    assert consequence.strength(Fraction(3)) is Strength.LIMITED
    assert consequence.strength(Decimal("4.001")) is Strength.WEAK
    assert consequence.strength(Decimal(100)) is Strength.WEAK


def test_the_sentence_names_both_starting_points() -> None:
    said = consequence.of(loss.rho_for(Fraction(2), DELTA)).sentence()
    for part in ("at most 45.1 are", "at most 88.1", "moderate protection", "0.000032"):
        assert part in said


def test_a_larger_delta_shows_a_smaller_epsilon() -> None:
    rho = Fraction(1, 20)
    usual, lax = consequence.of(rho), consequence.of(rho, Fraction(1, 1000))
    assert lax.epsilon < usual.epsilon
    assert lax.chance > usual.chance


@pytest.mark.parametrize("rho", [Fraction(0), Fraction(-1), Fraction(101), 0.5, None])
def test_a_loss_that_is_none_has_no_consequence(rho: object) -> None:
    with pytest.raises(InvalidQuery):
        consequence.of(rho)  # type: ignore[arg-type]
