import itertools
from fractions import Fraction

import pytest

from privacy import mechanism, sensitivity
from privacy.dictionary import Dictionary
from privacy.errors import InvalidQuery
from privacy.expression import (
    EVERYBODY,
    ByHolds,
    Contrast,
    Count,
    Indicator,
    One,
    Quantity,
    Value,
    Weighted,
)
from privacy.period import Period
from privacy.query import FORMAT, Query, Unit, cells
from privacy.sensitivity import Sensitivity

NOTHING = Dictionary(version="1", code_lists={}, tables={}, events={})
QUARTERS = tuple(Period(f"FY2024-Q{number}") for number in (1, 2, 3, 4))
VISITS = Count(table="contact", where=EVERYBODY, window=None)


def query(
    unit: Unit,
    *,
    value: Value | None = None,
    periods: int = 1,
    dimensions: int = 0,
    anchor: str | None = None,
) -> Query:
    return Query(
        format=FORMAT,
        unit=unit,
        entry_years=(Period("FY2024"),),
        anchor=anchor,
        periods=QUARTERS[:periods],
        population=EVERYBODY,
        value=value or One(),
        by=tuple(ByHolds(f"d{n}", EVERYBODY) for n in range(dimensions)),
        code_lists=(),
        revision=0,
    )


def worst_household(asked: Query, most: int) -> Sensitivity:
    """Try every place and both signs of every contribution of one household."""
    size = len(cells(asked, NOTHING))
    per_period = size // len(asked.periods)
    spots = [range(start, start + per_period) for start in range(0, size, per_period)]
    if asked.anchor is not None:
        spots = [range(size)]
    adds = [
        [(spot, sign * most) for spot in choice for sign in (1, -1)]
        for choice in spots
        for _ in range(asked.unit.per_household)
    ]
    worst = [0, 0, 0, 0]
    for household in itertools.product(*adds):
        moved = [0] * size
        for spot, amount in household:
            moved[spot] += amount
        seen = (
            sum(each != 0 for each in moved),
            sum(map(abs, moved)),
            max(map(abs, moved)),
            sum(each**2 for each in moved),
        )
        worst = [max(pair) for pair in zip(worst, seen, strict=True)]
    return Sensitivity(*worst)


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("anchor", [None, "entry"])
@pytest.mark.parametrize("periods", [1, 2])
@pytest.mark.parametrize("dimensions", [0, 1, 2])
@pytest.mark.parametrize(
    ("value", "most"),
    [(One(), 1), (Contrast(EVERYBODY), 1), (Quantity(VISITS, lower=-7, upper=3), 7)],
)
def test_the_declared_sensitivity_is_that_of_the_worst_household(
    *,
    unit: Unit,
    anchor: str | None,
    periods: int,
    dimensions: int,
    value: Value,
    most: int,
) -> None:
    asked = query(
        unit, value=value, periods=periods, dimensions=dimensions, anchor=anchor
    )
    assert worst_household(asked, most) == sensitivity.of(asked, NOTHING)


@pytest.mark.parametrize(
    ("value", "most"),
    [
        (One(), 1),
        (Indicator(EVERYBODY), 1),
        (Contrast(EVERYBODY), 1),
        (Quantity(VISITS, lower=0, upper=12), 12),
        (Quantity(VISITS, lower=-20, upper=12), 20),
        (Weighted(EVERYBODY, EVERYBODY, "draw.weight", upper=400), 400),
    ],
)
def test_a_unit_adds_at_most_its_clip(value: Value, most: int) -> None:
    found = sensitivity.of(query(Unit.HOUSEHOLD, value=value), NOTHING)
    assert Sensitivity(l0=1, l1=most, linf=most, l2_squared=most**2) == found


def test_two_adults_may_share_a_cell() -> None:
    found = sensitivity.of(query(Unit.PERSON, dimensions=1), NOTHING)
    assert Sensitivity(l0=2, l1=2, linf=2, l2_squared=4) == found


def test_a_lead_adult_counts_like_a_household() -> None:
    lead, household = (
        sensitivity.of(query(unit, periods=3, dimensions=2), NOTHING)
        for unit in (Unit.LEAD, Unit.HOUSEHOLD)
    )
    assert household == lead


def test_an_anchored_question_costs_the_same_for_any_number_of_periods() -> None:
    one, four = (
        sensitivity.of(query(Unit.HOUSEHOLD, periods=n, anchor="entry"), NOTHING)
        for n in (1, 4)
    )
    assert four == one
    assert sensitivity.of(query(Unit.HOUSEHOLD, periods=4), NOTHING).l2_squared == 4


def test_no_question_is_free() -> None:
    with pytest.raises(InvalidQuery):
        Sensitivity(l0=0, l1=1, linf=1, l2_squared=1)


def test_the_largest_sensitivity_a_query_can_have_can_be_noised() -> None:
    value = Quantity(VISITS, lower=-1_000_000, upper=1_000_000)
    found = sensitivity.of(query(Unit.PERSON, value=value, periods=4), NOTHING)
    noise = mechanism.calibrate(
        l2_squared=found.l2_squared, rho=Fraction("0.0001"), size=4
    )
    assert noise.variance > found.l2_squared
