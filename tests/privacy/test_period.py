"""Periods name the same days everywhere."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import InvalidQuery
from privacy.period import EPOCH, GRACE_DAYS, Period, PeriodKind, day_number


@pytest.mark.parametrize(
    ("label", "first", "last", "kind"),
    [
        ("FY2024", (2023, 10, 1), (2024, 9, 30), PeriodKind.FISCAL_YEAR),
        ("FY2024-H1", (2023, 10, 1), (2024, 3, 31), PeriodKind.HALF_YEAR),
        ("FY2024-H2", (2024, 4, 1), (2024, 9, 30), PeriodKind.HALF_YEAR),
        ("FY2024-Q1", (2023, 10, 1), (2023, 12, 31), PeriodKind.QUARTER),
        ("FY2024-Q2", (2024, 1, 1), (2024, 3, 31), PeriodKind.QUARTER),
        ("FY2025-Q4", (2025, 7, 1), (2025, 9, 30), PeriodKind.QUARTER),
    ],
)
def test_a_label_names_the_days_of_the_federal_fiscal_calendar(
    label: str, first: tuple[int, int, int], last: tuple[int, int, int], kind: str
) -> None:
    period = Period(label)
    assert day_number(dt.date(*first)) == period.start
    assert day_number(dt.date(*last)) == period.end
    assert kind == period.kind
    assert period.end + GRACE_DAYS + 1 == period.closes


@pytest.mark.parametrize(
    "label",
    [
        "",
        "2024",
        "FY24",
        "FY2024-H3",
        "FY2024-Q0",
        "fy2024",
        "FY2024 ",
        "FY1999",
        "FY2024\n",
    ],
)
def test_any_other_label_is_refused_with_the_forms_to_write(label: str) -> None:
    with pytest.raises(InvalidQuery, match="FY2024-H2"):
        Period(label)


@given(st.integers(min_value=16_800, max_value=43_000))
def test_every_day_lies_in_exactly_one_quarter(day: int) -> None:
    quarter = Period.quarter_of(day)
    assert quarter.start <= day <= quarter.end
    assert quarter in quarter.fiscal_year.quarters
    assert EPOCH + dt.timedelta(days=quarter.next().start) == EPOCH + dt.timedelta(
        days=quarter.end + 1
    )


@pytest.mark.parametrize(
    ("label", "after"),
    [
        ("FY2024-H1", "FY2024-H2"),
        ("FY2024-H2", "FY2025-H1"),
        ("FY2024", "FY2025"),
        ("FY2024-Q4", "FY2025-Q1"),
    ],
)
def test_periods_follow_one_another(label: str, after: str) -> None:
    assert Period(after) == Period(label).next()
