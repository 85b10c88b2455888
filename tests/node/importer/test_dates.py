"""Dates are read in the styles a profile names, and in no other."""

import datetime as dt

import pytest

from node.importer import dates
from node.importer.dates import Evidence, Style
from privacy.period import day_number

ALL = tuple(Style)


def read(text: str, *styles: Style) -> str | None:
    """Return what a text is, as an ISO day."""
    day = dates.read(text, styles)
    return None if day is None else dates.iso(day)


@pytest.mark.parametrize(
    ("text", "style", "day"),
    [
        ("2024-03-05", Style.ISO, "2024-03-05"),
        ("2024-03-05 08:15:00", Style.ISO, "2024-03-05"),
        ("2024-03-05T08:15:00Z", Style.ISO, "2024-03-05"),
        ("2024/3/5", Style.ISO, "2024-03-05"),
        ("3/5/2024", Style.US, "2024-03-05"),
        ("03/05/2024 4:00 PM", Style.US, "2024-03-05"),
        ("3/5/24", Style.US, "2024-03-05"),
        ("3/5/2024", Style.EU, "2024-05-03"),
        ("31.12.2024", Style.EU, "2024-12-31"),
        ("45356", Style.EXCEL, "2024-03-05"),
        ("45356.75", Style.EXCEL, "2024-03-05"),
        ("5 Mar 2024", Style.MONTH_NAME, "2024-03-05"),
        ("March 5, 2024", Style.MONTH_NAME, "2024-03-05"),
        ("5-Mar-2024", Style.MONTH_NAME, "2024-03-05"),
        ("5 de marzo de 2024", Style.MONTH_NAME, "2024-03-05"),
        ("29 de febrero de 2024", Style.MONTH_NAME, "2024-02-29"),
    ],
)
def test_each_style_reads_its_own_dates(text: str, style: Style, day: str) -> None:
    assert read(text, style) == day
    others = [each for each in ALL if each is not style]
    if style not in {Style.US, Style.EU}:
        assert read(text, *others) is None


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2024-02-30", "13/13/2024", "2/30/2024", "1/2-2024", "99999", "123"],
)
def test_what_is_no_date_is_none_in_any_style(text: str) -> None:
    assert read(text, *ALL) is None


def test_the_first_style_that_reads_a_date_counts() -> None:
    assert read("3/5/2024", Style.US, Style.EU) == "2024-03-05"
    assert read("25/3/2024", Style.US, Style.EU) == "2024-03-25"


def test_a_birth_of_two_digits_is_never_after_the_day_it_is_wanted_for() -> None:
    latest = day_number(dt.date(2024, 1, 1))
    born = dates.birth("3/5/57", (Style.US,), latest=latest)
    assert born is not None
    assert dates.iso(born) == "1957-03-05"
    assert dates.birth("3/5/2057", (Style.US,), latest=latest) > latest


def test_years_are_completed_on_the_birthday() -> None:
    born, day = dt.date(2000, 2, 29), dt.date(2018, 2, 28)
    numbers = day_number(born), day_number(day)
    assert dates.years_between(*numbers) == 17
    assert dates.years_between(numbers[0], numbers[1] + 1) == 18
    assert dates.years_between(numbers[1], numbers[0]) is None


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["1/25/2024", "3/4/2024"], "1 values can only be month first"),
        (["25/1/2024", "3/4/2024"], "1 values can only be day first"),
        (["3/4/2024", "5/6/2024"], "all 2 values could be month first or day first"),
        (["1/25/2024", "25/1/2024"], "mixes both"),
        (["2024-01-25"], ""),
    ],
)
def test_evidence_says_what_decides_between_month_and_day_first(
    texts: list[str], said: str
) -> None:
    evidence = Evidence()
    evidence.look(texts)
    assert evidence.dated == len(texts)
    assert (said in evidence.sentence()) if said else not evidence.sentence()
