"""Arm sizes that become public can be held against the record of the draw."""

import datetime as dt
from fractions import Fraction

import pytest

from privacy import drawing, mandate, public_arms
from privacy.drawing import ClosedList, Household, Stratum, Terms
from privacy.errors import InvalidProgramme
from privacy.period import Period
from privacy.public_arms import PublicArms
from privacy.signing import Document
from tests import signed_samples as samples

KNOWN = {
    "draw": "NYC-P2-FY2024-Q3-1",
    "stratum": Stratum.FAMILY,
    "period": Period("FY2024-H2"),
    "places": 12,
    "households": 30,
    "selected": 11,
    "not_selected": 16,
}


def arms(**changes: object) -> PublicArms:
    return PublicArms(**(KNOWN | changes))  # type: ignore[arg-type]


def opened(*made: PublicArms, **changes: str) -> Document:
    known = {"sites": '["NYC"]', "metrics": '["M35"]'} | changes
    lines = [line for each in made for line in each.lines()]
    content = samples.mandate(**known).content + "\n".join([*lines, ""]).encode()
    return Document(kind=samples.mandate().kind, content=content)


def test_a_mandate_says_which_arms_are_public() -> None:
    found = mandate.parse(opened(arms(), arms(stratum=Stratum.SINGLE)))
    assert found.public_arms == (arms(), arms(stratum=Stratum.SINGLE))


def test_a_mandate_without_them_reads_as_before() -> None:
    assert mandate.parse(samples.mandate()).public_arms == ()


def test_the_weights_are_those_the_draw_recorded() -> None:
    """Held against a real draw: every weight of the list, added up."""
    terms = Terms(
        site="NYC",
        phase="P2",
        closed_on=dt.date(2024, 5, 1),
        number=1,
        slots={Stratum.FAMILY: 12},
    )
    households = tuple(
        Household(stratum=Stratum.FAMILY, case=f"case {n}") for n in range(30)
    )
    pool = ClosedList(terms=terms, salt=bytes(32), households=households)
    places = drawing.draw(pool, bytes(32)).places
    whole = arms(selected=12, not_selected=18)
    sums = tuple(
        sum(p.inverse_probability_percent for p in places if p.selected is chosen)
        for chosen in (True, False)
    )
    assert whole.weights_percent == sums == (12 * 250, 18 * 167)
    assert {p.selection_permille for p in places} == {drawing.permille(whole.chance)}


def test_the_sums_are_over_the_sites_that_answered() -> None:
    made = [arms(), arms(stratum=Stratum.SINGLE), arms(draw="HOU-P2-FY2024-Q3-1")]
    period = Period("FY2024-H2")
    one = public_arms.figures(made, sites=["NYC"], period=period)
    assert one == {
        "arm_selected_weight": Fraction(2 * 11 * 250),
        "arm_not_selected_weight": Fraction(2 * 16 * 167),
    }
    assert public_arms.figures(made, sites=["BAL"], period=period) == {}
    assert public_arms.figures(made, sites=["NYC"], period=Period("FY2024")) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"draw": "a draw"},
        {"places": 30},
        {"places": 0},
        {"selected": 13},
        {"not_selected": 19},
        {"selected": -1},
    ],
    ids=str,
)
def test_numbers_that_no_draw_could_have_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidProgramme):
        arms(**change)


@pytest.mark.parametrize(
    ("made", "change"),
    [
        ((arms(), arms()), {}),
        ((arms(draw="HOU-P2-FY2024-Q3-1"),), {}),
        ((arms(period=Period("FY2024-H1")),), {}),
        ((arms(),), {"sites": '["NYC", "HOU"]'}),
    ],
    ids=["twice", "another site", "another period", "one of two sites"],
)
def test_arms_a_mandate_could_not_use_are_refused(
    made: tuple[PublicArms, ...], change: dict[str, str]
) -> None:
    with pytest.raises(InvalidProgramme):
        mandate.parse(opened(*made, **change))


def test_an_unknown_word_is_refused() -> None:
    content = opened(arms()).content + b"noise = 0\n"
    with pytest.raises(InvalidProgramme, match="unknown"):
        mandate.parse(Document(kind=samples.mandate().kind, content=content))
