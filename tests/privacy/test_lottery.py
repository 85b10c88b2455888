import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import lottery
from privacy.errors import InvalidQuery
from privacy.estimate import Measured
from privacy.lottery import Arms, Outcome

USUAL = Fraction(19, 20)
QUIET = Fraction(1, 100)

sums = st.integers(-(2**40), 2**40) | st.integers(-100_000, 100_000)
variances = st.fractions(Fraction(1, 100), 10**9, max_denominator=1000)
measured = st.builds(Measured, sums, variances)
outcomes = st.builds(Outcome, effect=measured, mean=measured)
uppers = st.sampled_from([200, 300, 500])
published = st.builds(
    lottery.published,
    st.fractions(1, 10**6, max_denominator=1),
    st.fractions(1, 10**6, max_denominator=1),
    upper=uppers,
)
some = settings(max_examples=40)
some_arms = published | st.builds(lottery.measured, measured, measured, upper=uppers)


def outcome(
    good: tuple[int, int], bad: tuple[int, int], noise: Fraction = QUIET
) -> Outcome:
    """Return the sums of selected and others, each of weight 200."""
    selected, others = (200 * (g - b) for g, b in zip(good, bad, strict=True))
    return Outcome(
        effect=Measured(selected - others, noise),
        mean=Measured(selected + others, noise),
    )


def even(each: int, upper: int = 200) -> Arms:
    return lottery.published(Fraction(200 * each), Fraction(200 * each), upper=upper)


def louder(one: Outcome, factor: int) -> Outcome:
    return Outcome(
        effect=Measured(one.effect.value, one.effect.variance * factor),
        mean=Measured(one.mean.value, one.mean.variance * factor),
    )


def test_the_effect_is_the_difference_of_the_arms_shares() -> None:
    # 188 of 200 selected appear, and 180 of 200 others.
    found = lottery.effect(outcome((188, 180), (12, 20)), even(200), confidence=USUAL)
    assert found.value == pytest.approx(0.04)
    own = math.sqrt(0.94 * 0.06 / 199 + 0.90 * 0.10 / 199)
    assert found.sampling_error == pytest.approx(own, rel=1e-3)
    assert found.standard_error < 1e-5
    assert found.high - found.value == pytest.approx(1.959964 * own, rel=1e-3)


def test_unequal_follow_up_does_not_move_the_effect() -> None:
    # 190 of 200 selected appear, and 72 of the 80 others that are found.
    arms = lottery.published(Fraction(40_000), Fraction(16_000), upper=200)
    found = lottery.effect(outcome((190, 72), (10, 8)), arms, confidence=USUAL)
    assert found.value == pytest.approx(0.05)
    own = math.sqrt(0.95 * 0.05 / 199 + 0.90 * 0.10 / 79)
    assert found.sampling_error == pytest.approx(own, rel=1e-3)


def test_measured_arms_give_the_effect_of_published_ones_and_more_noise() -> None:
    one = outcome((188, 180), (12, 20))
    arms = lottery.measured(
        Measured(0, Fraction(250_000)), Measured(80_000, Fraction(250_000)), upper=200
    )
    found = lottery.effect(one, arms, confidence=USUAL)
    assert found.value == pytest.approx(0.04)
    # The lean's noise moves the mean of 0.84 by its deviation over the weight.
    assert 0.84 * 500 / 80_000 < found.standard_error < 0.9 * 500 / 80_000


def test_noise_and_draw_are_told_apart_and_both_in_the_interval() -> None:
    loud = outcome((188, 180), (12, 20), Fraction(1_000_000))
    found = lottery.effect(loud, even(200), confidence=USUAL)
    assert found.standard_error == pytest.approx(1000 / 80_000)
    both = math.hypot(found.standard_error, found.sampling_error)
    assert found.high - found.value == pytest.approx(1.959964 * both, rel=1e-3)


def test_a_higher_cap_admits_a_less_even_draw() -> None:
    one = outcome((188, 180), (12, 20))
    narrow = lottery.effect(one, even(200), confidence=USUAL)
    wide = lottery.effect(one, even(200, upper=300), confidence=USUAL)
    # At worst the arm that varies more weighs 3, the other 1.5, instead of 2 and 2.
    assert wide.sampling_error > narrow.sampling_error
    assert wide.sampling_error < narrow.sampling_error * math.sqrt(1.5)


def test_noise_cannot_make_an_arm_look_sure() -> None:
    sure = outcome((200, 200), (0, 0), Fraction(1_000_000))
    found = lottery.effect(sure, even(200), confidence=USUAL)
    assert found.sampling_error > 0.009


def test_cohorts_of_several_draws_are_added_up() -> None:
    first, second = outcome((188, 180), (12, 20)), outcome((95, 85), (5, 15))
    both = Outcome(effect=first.effect + second.effect, mean=first.mean + second.mean)
    found = lottery.effect(both, even(300), confidence=USUAL)
    assert found.value == pytest.approx((188 + 95) / 300 - (180 + 85) / 300)


def test_the_effect_on_the_enrolled_is_larger_by_what_enrolment_differs() -> None:
    arms = even(20_000)
    found = lottery.effect_on_enrolled(
        outcome((18_800, 18_000), (1_200, 2_000)),
        outcome((15_000, 0), (5_000, 20_000)),
        arms,
        confidence=USUAL,
    )
    assert found.value == pytest.approx(0.04 / 0.75)
    assert 0 < found.low < found.high < 0.07


@pytest.mark.parametrize("enrolled", [(0, 0), (10, 20), (30, 28)])
def test_without_a_sure_effect_on_enrolling_nothing_is_said(
    enrolled: tuple[int, int],
) -> None:
    bad = (200 - enrolled[0], 200 - enrolled[1])
    found = lottery.effect_on_enrolled(
        outcome((188, 180), (12, 20)),
        outcome(enrolled, bad),
        even(200),
        confidence=USUAL,
    )
    assert (found.value, found.low, found.high) == (0.0, -1.0, 1.0)


@pytest.mark.parametrize(
    "arms",
    [
        lottery.measured(Measured(0, QUIET), Measured(-5, QUIET), upper=200),
        lottery.measured(Measured(0, QUIET), Measured(0, QUIET), upper=200),
        lottery.measured(
            Measured(0, Fraction(10**9)), Measured(40_000, Fraction(10**9)), upper=200
        ),
        lottery.published(Fraction(40_000), Fraction(400), upper=200),
    ],
)
def test_arms_of_hardly_anybody_say_nothing(arms: Arms) -> None:
    found = lottery.effect(outcome((188, 180), (12, 20)), arms, confidence=USUAL)
    assert (found.value, found.low, found.high) == (0.0, -1.0, 1.0)
    assert found.standard_error == 1.0


@given(outcomes, some_arms)
@some
def test_an_effect_never_surprises(one: Outcome, arms: Arms) -> None:
    found = lottery.effect(one, arms, confidence=USUAL)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert 0 <= found.standard_error <= 1
    assert 0 <= found.sampling_error <= 1


@given(outcomes, outcomes, some_arms)
@some
def test_an_effect_on_the_enrolled_never_surprises(
    one: Outcome, enrolled: Outcome, arms: Arms
) -> None:
    found = lottery.effect_on_enrolled(one, enrolled, arms, confidence=USUAL)
    assert -1 <= found.low <= found.value <= found.high <= 1


@given(outcomes, published, st.integers(2, 100))
@some
def test_more_noise_never_narrows_an_effect(
    one: Outcome, arms: Arms, factor: int
) -> None:
    quiet = lottery.effect(one, arms, confidence=USUAL)
    loud = lottery.effect(louder(one, factor), arms, confidence=USUAL)
    assert loud.low <= quiet.low + 1e-9
    assert quiet.high <= loud.high + 1e-9


@given(outcomes, some_arms)
@some
def test_the_opposite_outcome_has_the_opposite_effect(one: Outcome, arms: Arms) -> None:
    other = Outcome(
        effect=Measured(-one.effect.value, one.effect.variance),
        mean=Measured(-one.mean.value, one.mean.variance),
    )
    ahead = lottery.effect(one, arms, confidence=USUAL)
    back = lottery.effect(other, arms, confidence=USUAL)
    assert ahead.low == pytest.approx(-back.high, abs=1e-9)
    assert ahead.value == pytest.approx(-back.value, abs=1e-9)


def test_a_cap_that_some_weight_must_break_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="200 percent"):
        lottery.published(Fraction(1), Fraction(1), upper=199)


def test_sums_do_not_print() -> None:
    assert "4242" not in repr(outcome((4242, 0), (0, 0)))
    assert "4242" not in repr(even(4242))
