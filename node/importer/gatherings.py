"""Checks on several rows at once: overlaps, doubles, and too many of a kind.

Each is a statement that returns running numbers of rows of one table.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    select,
)

from node.records.schema import Schema
from privacy.dictionary import Rows

DUPLICATE: Final = "exact-duplicate"

_GOALS: Final = 26
_A_DAY: Final = 20
_EVER: Final = 1_000
_OPEN: Final = 1_000_000
"""A day no spell reaches: where one that is still open ends."""

_CROWDED: Final = ("service_event", "obligation_event", "legal_event", "screening")

Gathering = tuple[str, str, Select[Any]]


def of(schema: Schema) -> Iterator[Gathering]:
    """Yield check, table and statement."""
    records = schema.records
    yield from _numbers(records["participant"])
    spells = records["enrolment"]
    yield (
        "enrolments-overlap",
        "enrolment",
        _overlaps(spells, "enrolled_on", "exited_on"),
    )
    monitored = records["monitoring_spell"]
    overlapping = _overlaps(monitored, "started_on", "ended_on", "technology")
    yield "monitoring-overlaps", "monitoring_spell", overlapping
    yield "many-goals", "plan_goal", _more_than(records["plan_goal"], _GOALS)
    for name in _CROWDED:
        table = records[name]
        start = schema.dictionary.table(name).start or ""
        yield "many-a-day", name, _more_than(table, _A_DAY, start)
        yield "implausibly-many", name, _more_than(table, _EVER)
    for name, told in schema.dictionary.tables.items():
        if told.rows is not Rows.ONE and told.start is not None:
            own = [schema.own_key(name), told.start]
            yield DUPLICATE, name, _doubles(records[name], own, [*told.fields])
    yield from _law(records["legal_event"])
    yield "enrolled-ineligible", "enrolment", _ineligible(schema)
    reviews = _without_goal(records["goal_review"], records["plan_goal"])
    yield "review-without-goal", "goal_review", reviews


def _numbers(adults: Table) -> Iterator[Gathering]:
    """Find adults of one household with one number."""
    twice = (
        select(func.max(adults.c.seq).label("seq"))
        .where(adults.c.adult_number.is_not(None))
        .group_by(adults.c.hid, adults.c.adult_number)
        .having(func.count() > 1)
    )
    yield "adult-number-twice", "participant", twice


def _overlaps(table: Table, start: str, end: str, *apart: str) -> Select[Any]:
    """Find spells that begin while an earlier one of the same adult is open."""
    earlier = func.max(func.coalesce(table.c[end], literal(_OPEN))).over(
        partition_by=[table.c.pid, *(table.c[name] for name in apart)],
        order_by=[table.c[start], table.c.seq],
        rows=(None, -1),
    )
    lasting = (
        select(table.c.seq, table.c[start].label("start"), earlier.label("until"))
        .where(table.c[start].is_not(None))
        .subquery()
    )
    return select(lasting.c.seq).where(lasting.c.start < lasting.c.until)


def _more_than(table: Table, most: int, *together: str) -> Select[Any]:
    """Find adults with more rows than is plausible, by one row each."""
    counted = (
        select(table.c.pid, func.min(table.c.seq).label("seq"))
        .group_by(table.c.pid, *(table.c[name] for name in together))
        .having(func.count() > most)
        .subquery()
    )
    return select(func.min(counted.c.seq).label("seq")).group_by(counted.c.pid)


def _doubles(table: Table, own: Sequence[str], fields: Sequence[str]) -> Select[Any]:
    """Find rows that say what an earlier one says.

    Only people with two rows on a day can have one, and they are few.
    """
    crowded = (
        select(*(table.c[name] for name in own))
        .where(table.c[own[1]].is_not(None))
        .group_by(*(table.c[name] for name in own))
        .having(func.count() > 1)
        .subquery()
    )
    again = func.row_number().over(
        partition_by=[table.c[own[0]], *(table.c[name] for name in fields)],
        order_by=table.c.seq,
    )
    same = and_(*(crowded.c[name] == table.c[name] for name in own))
    turns = (
        select(table.c.seq, again.label("turn"))
        .join_from(table, crowded, same)
        .subquery()
    )
    return select(turns.c.seq).where(turns.c.turn > 1)


def _law(events: Table) -> Iterator[Gathering]:
    """Find legal events that cannot follow one another."""

    def times(*kinds: str) -> ColumnElement[Any]:
        return func.sum(case((events.c.kind.in_(kinds), 1), else_=0))

    began, ended = times("custody_began"), times("custody_ended")
    reopened, ordered = times("in_absentia_reopened"), times("in_absentia_order")
    wrong = {
        "custody-never-began": ended > began,
        "custody-overlaps": began > ended + 1,
        "reopened-never-ordered": and_(reopened > 0, ordered == 0),
    }
    for check, condition in wrong.items():
        found = (
            select(func.min(events.c.seq).label("seq"))
            .where(events.c.kind.in_(_KINDS[check]))
            .group_by(events.c.pid)
            .having(condition)
        )
        yield check, "legal_event", found


_CUSTODY: Final = ("custody_began", "custody_ended")
_KINDS: Final = {
    "custody-never-began": _CUSTODY,
    "custody-overlaps": _CUSTODY,
    "reopened-never-ordered": ("in_absentia_reopened", "in_absentia_order"),
}


def _ineligible(schema: Schema) -> Select[Any]:
    """Find enrolments of adults whose every screening said no."""
    screening = schema.records["eligibility_screening"]
    spell = schema.records["enrolment"]
    yes = func.sum(case((screening.c.result == "ineligible", 0), else_=1))
    refused = (
        select(screening.c.pid).group_by(screening.c.pid).having(yes == 0).subquery()
    )
    return select(spell.c.seq).join_from(spell, refused, refused.c.pid == spell.c.pid)


def _without_goal(reviews: Table, goals: Table) -> Select[Any]:
    """Find reviews of a need that no goal of the adult names."""
    known: FromClause = select(goals.c.pid, goals.c.domain).distinct().subquery()
    joined = reviews.outerjoin(
        known, and_(known.c.pid == reviews.c.pid, known.c.domain == reviews.c.domain)
    )
    missing = and_(known.c.pid.is_(None), reviews.c.domain.is_not(None))
    return select(reviews.c.seq).select_from(joined).where(missing)
