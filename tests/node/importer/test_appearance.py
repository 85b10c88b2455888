"""Whole columns that look like defaults, gaps or an old export are noted."""

import datetime as dt
from collections import Counter

import pytest

from node.importer import appearance
from node.importer.findings import Findings
from node.importer.summary import Summary
from privacy.period import day_number
from tests.record_site import DICTIONARY

TODAY = day_number(dt.date(2025, 7, 1))
DAYS = [TODAY - n for n in range(1, 401)]


def plain() -> Summary:
    """Return a summary in which nothing is odd."""
    summary = Summary()
    for name, table in DICTIONARY.tables.items():
        summary.rows[name] = 400
        for field in table.fields.values():
            values: Counter[str | int] = Counter(DAYS)
            if field.code_list is not None:
                codes = DICTIONARY.codes_of(field)
                usual = [code for code in codes.codes if code != codes.otherwise]
                values = Counter(dict.fromkeys(usual, 0))
                for number in range(400):
                    values[usual[number % len(usual)]] += 1
            elif field.low is not None:
                values = Counter({field.low: 200, field.low + 1: 200})
            summary.values[name, field.name] = values
    return summary


def looked(summary: Summary, *, today: int = TODAY) -> dict[tuple[str, str, str], int]:
    """Return what is noted, and how much of it."""
    findings = Findings()
    appearance.look(summary, dictionary=DICTIONARY, findings=findings, today=today)
    return {(e.check.id, e.table, e.field): e.count for e in findings.groups()}


def test_plain_columns_are_not_odd() -> None:
    assert looked(plain()) == {}


@pytest.mark.parametrize(
    ("field", "values", "noted"),
    [
        ("gender", {"woman": 200, "man": 119}, {"mostly-empty": 81}),
        ("gender", {"woman": 200, "man": 120}, {}),
        ("gender", {"woman": 279, "not_collected": 121}, {"last-resort": 121}),
        ("gender", {"woman": 400}, {"constant-column": 400}),
        ("consent_stats", {"yes": 199}, {}),
    ],
)
def test_codes(field: str, values: dict[str, int], noted: dict[str, int]) -> None:
    summary = plain()
    summary.values["participant", field] = Counter(values)
    expected = {(check, "participant", field): n for check, n in noted.items()}
    assert looked(summary) == expected


def test_dates_that_are_defaults() -> None:
    firsts = [day_number(dt.date(2024, month, 1)) for month in range(2, 13)]
    january = day_number(dt.date(2025, 1, 1))
    mondays = [day_number(dt.date(2025, 3, 3)) + 7 * n for n in range(10)]
    for days, check, count in (
        ([january] * 21 + DAYS[:379], "first-of-january", 22),
        (firsts * 9 + DAYS[:301], "first-of-month", 109),
        (mondays * 30 + DAYS[:100], "one-weekday", 314),
    ):
        summary = plain()
        summary.values["enrolment", "enrolled_on"] = Counter(days)
        noted = looked(summary)
        assert noted[check, "enrolment", "enrolled_on"] == pytest.approx(count, abs=2)
        assert len(noted) == 1


def test_a_draw_is_held_on_one_day() -> None:
    summary = plain()
    first = day_number(dt.date(2025, 1, 1))
    summary.values["pool_entry", "drawn_on"] = Counter({first: 400})
    assert looked(summary) == {("constant-column", "pool_entry", "drawn_on"): 400}


def test_an_old_export_and_an_old_table_are_told_by_their_newest_record() -> None:
    noted = looked(plain(), today=TODAY + 60)
    assert {(check, count) for (check, _, _), count in noted.items()} == {
        ("stale-export", 61)
    }
    summary = plain()
    older: Counter[str | int] = Counter(day - 100 for day in DAYS)
    summary.values["service_event", "served_on"] = older
    assert looked(summary) == {("stale-table", "service_event", ""): 100}


def test_dates_in_the_future_do_not_make_a_table_fresh() -> None:
    summary = plain()
    ahead: Counter[str | int] = Counter(day - 100 for day in DAYS)
    ahead[TODAY + 90] = 1
    summary.values["obligation_event", "due_on"] = ahead
    assert looked(summary) == {("stale-table", "obligation_event", ""): 100}


def test_an_empty_table_is_noted_and_nothing_else_of_it() -> None:
    summary = plain()
    summary.rows["screening"] = 0
    for name in DICTIONARY.tables["screening"].fields:
        del summary.values["screening", name]
    assert looked(summary) == {("empty-table", "screening", ""): 1}


def test_a_few_rows_make_no_pattern() -> None:
    summary = plain()
    summary.rows["participant"] = 199
    for name in DICTIONARY.tables["participant"].fields:
        summary.values["participant", name] = Counter({0: 199})
    assert looked(summary) == {}
