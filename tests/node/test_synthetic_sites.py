"""Many sites of different sizes, and what shakes a site from outside."""

import statistics
from decimal import Decimal

import pytest

from node import synthetic
from node.synthetic import parameters
from node.synthetic.row import Row
from node.synthetic.site import lognormal_factor

MADE = {"site": "NYC", "seed": 6, "scale": 4.0}


def test_sixty_sites_are_lognormal_around_the_template() -> None:
    slots = [
        sum(window.adult_slots for window in place.site.windows)
        for number in range(1, 61)
        for place in [parameters.load(name=f"S{number:02d}", preset="default")]
    ]
    # Sixty draws: the median's standard error is 8 %, the spread's 9 %.
    assert statistics.median(slots) == pytest.approx(Decimal(180), rel=Decimal("0.3"))
    logs = [float(each.ln()) for each in slots]
    assert statistics.stdev(logs) == pytest.approx(0.5, rel=0.4)
    assert lognormal_factor("S01", Decimal("0.5")) != lognormal_factor(
        "S02", Decimal("0.5")
    )


@pytest.fixture(scope="module")
def calm() -> list[tuple[str, Row]]:
    return pools(shocks=False)


@pytest.fixture(scope="module")
def shaken() -> list[tuple[str, Row]]:
    return pools(shocks=True)


def pools(*, shocks: bool) -> list[tuple[str, Row]]:
    wanted = {"pool_entry", "eligibility_screening"}
    rows = synthetic.generate(**MADE, shocks=shocks)
    return [(table, row) for table, row in rows if table in wanted]


def screened(rows: list[tuple[str, Row]], month: str) -> float:
    days = [str(row["screened_on"]) for table, row in rows if "screened_on" in row]
    return sum(day.startswith(month) for day in days) / len(days)


def test_a_busy_month_and_a_pause_show(
    calm: list[tuple[str, Row]], shaken: list[tuple[str, Row]]
) -> None:
    busy = screened(shaken, "2024-06") / screened(calm, "2024-06")
    quiet = screened(shaken, "2024-10") / screened(calm, "2024-10")
    assert 1.2 < busy < 1.6
    assert 0.35 < quiet < 0.65


def test_a_rumour_raises_distrust_by_its_points_while_it_lasts() -> None:
    calm, during, after = (
        parameters.load(name="BAL", preset="default", shocks=shocks).offers
        for shocks in (False, True, True)
    )
    assert calm.rumour is None
    assert during.rumour is not None
    day = during.rumour.since
    assert during.rumour.reasons_on(day) is not None
    assert after.rumour is not None
    assert after.rumour.reasons_on(day - 1) is None
    plain, raised = calm.decline_reason, during.rumour.reasons
    at = plain.values.index("distrust_data_or_government")
    share = [(odds.ends[at] - odds.ends[at - 1]) / 2**32 for odds in (plain, raised)]
    assert share[1] - share[0] == pytest.approx(0.08, abs=1e-6)


def test_without_shocks_nothing_changes(calm: list[tuple[str, Row]]) -> None:
    assert calm == pools(shocks=False)


def test_a_transfer_never_stands_in_a_draw() -> None:
    tables: dict[str, list[Row]] = {}
    for table, row in synthetic.generate(**MADE):
        tables.setdefault(table, []).append(row)
    moved = {r["person_key"] for r in tables["enrolment"] if r["transferred_in"]}
    home = {r["person_key"]: r["household_key"] for r in tables["participant"]}
    drawn = {r["household_key"] for r in tables["pool_entry"]}
    assert 0.01 < len(moved) / len(tables["enrolment"]) < 0.15
    assert not {home[key] for key in moved} & drawn
