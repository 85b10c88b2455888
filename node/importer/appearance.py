"""Look at whole columns for what no single row shows: defaults, gaps, old exports."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Final

from node.importer.findings import Findings
from node.importer.summary import Summary
from privacy.dictionary import Dictionary, Field, Kind
from privacy.period import EPOCH

_ENOUGH: Final = 200
"""With fewer values than this, chance makes patterns."""

_GAPS_PERCENT: Final = 20
_LAST_RESORT_PERCENT: Final = 30
_JANUARY_PERCENT: Final = 5
_MONTH_PERCENT: Final = 25
_WEEKDAY_PERCENT: Final = 70
_STALE_TABLE_DAYS: Final = 60
_STALE_EXPORT_DAYS: Final = 60

_EXPECTED: Final = frozenset(
    {
        "household.type",
        "household.n_adults",
        "participant.age_band",
        "participant.gender",
        "participant.origin_region",
        "participant.language_group",
        "pool_entry.entered_on",
        "pool_entry.channel",
        "enrolment.phase",
        "service_event.type",
        "screening.tool",
        "screening.result",
        "eligibility_screening.result",
        "plan_goal.domain",
        "goal_review.domain",
        "legal_event.kind",
        "obligation_event.kind",
        "obligation_event.result",
        "monitoring_spell.technology",
    }
)
"""Whoever has such a row can nearly always say this of it."""

_GOES_ON: Final = frozenset({"service_event", "obligation_event", "goal_review"})
"""What is recorded for as long as anybody is enrolled."""

_SAME: Final = frozenset({"enrolment.phase", "enrolment.project_slot"})
"""What may well be the same for everybody at a site."""

_BY_CALENDAR: Final = frozenset({"pool_entry.drawn_on", "pool_reentry.drawn_on"})
"""Days that a calendar decides: everybody in a draw has the same."""


def look(
    summary: Summary, *, dictionary: Dictionary, findings: Findings, today: int
) -> None:
    """Note what is odd about whole tables and columns."""
    newest = {}
    for name, table in dictionary.tables.items():
        if not summary.rows[name]:
            findings.note("empty-table", table=name, count=1)
            continue
        for field in table.fields.values():
            _look_at(field, summary, dictionary, findings)
        if name in _GOES_ON and table.start is not None:
            days = _past_days(summary, name, table.start, today)
            if days:
                newest[name] = max(days)
    if not newest:
        return
    last = max(newest.values())
    if today - last > _STALE_EXPORT_DAYS:
        latest = max(newest, key=newest.__getitem__)
        findings.note("stale-export", table=latest, count=today - last)
    for name, day in newest.items():
        if last - day > _STALE_TABLE_DAYS:
            findings.note("stale-table", table=name, count=last - day)


def _look_at(
    field: Field, summary: Summary, dictionary: Dictionary, findings: Findings
) -> None:
    """Note what is odd about one column."""
    table, name = field.table, field.name
    values = summary.values.get((table, name), Counter())
    rows, held = summary.rows[table], values.total()
    gaps, path = rows - held, f"{table}.{name}"
    if path in _EXPECTED and held and gaps * 100 > rows * _GAPS_PERCENT:
        findings.note("mostly-empty", table=table, field=name, count=gaps)
    if held < _ENOUGH:
        return
    if len(values) == 1 and field.kind is not Kind.FLAG and path not in _SAME:
        findings.note("constant-column", table=table, field=name, count=held)
    elif field.kind is Kind.CODE and path in _EXPECTED:
        last = values[dictionary.codes_of(field).otherwise]
        if last * 100 > held * _LAST_RESORT_PERCENT:
            findings.note("last-resort", table=table, field=name, count=last)
    elif field.kind is Kind.DAY and path not in _BY_CALENDAR:
        for check, count in _calendar(values, held):
            findings.note(check, table=table, field=name, count=count)


def _calendar(values: Counter[str | int], held: int) -> Iterator[tuple[str, int]]:
    """Yield the checks that a column of days fails, with how many rows."""
    months: Counter[bool] = Counter()
    weekdays: Counter[int] = Counter()
    january = 0
    for day, count in values.items():
        date = EPOCH + dt.timedelta(days=int(day))
        months[date.day == 1] += count
        weekdays[date.weekday()] += count
        january += count if (date.month, date.day) == (1, 1) else 0
    most = max(weekdays.values())
    if january * 100 > held * _JANUARY_PERCENT:
        yield "first-of-january", january
    elif months[True] * 100 > held * _MONTH_PERCENT:
        yield "first-of-month", months[True]
    if most * 100 > held * _WEEKDAY_PERCENT:
        yield "one-weekday", most


def _past_days(summary: Summary, table: str, name: str, today: int) -> list[int]:
    """Return the days of a column that have come."""
    values = summary.values.get((table, name), Counter())
    return [int(day) for day in values if int(day) <= today]
