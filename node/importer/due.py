"""Whose case number must be forgotten: households that were not selected, in time.

Fifteen months after its draw, a household that never was selected and never enrolled
is counted still, and nobody can tell any more which case it was.
"""

import datetime as dt
from typing import Any, Final

from sqlalchemy import Select, or_, select

from node.records.generation import Reader, Writer
from node.records.schema import CONSENT_TABLE, Schema
from privacy.period import day_number

MONTHS: Final = 15

_MONTHS_A_YEAR: Final = 12
_OFFERED: Final = ("enrolled", "pending")
EVER: Final = 1_000_000
"""A day after any that is stored."""


def last_day(today: dt.date) -> int:
    """Return the last day of a draw whose unselected households are due."""
    month = today.year * _MONTHS_A_YEAR + today.month - 1 - MONTHS
    # The first of the month: a day may be missing fifteen months ago.
    first = dt.date(month // _MONTHS_A_YEAR, month % _MONTHS_A_YEAR + 1, 1)
    return day_number(first) + today.day - 1


def of_household(schema: Schema, last: int) -> Select[Any]:
    """Return the statement that finds the households not selected until some day.

    Only what is known to be so counts: forgetting cannot be undone. Subqueries that
    stand alone, not joined row by row: a new generation has no indexes yet.
    """
    pool, again = schema.records["pool_entry"], schema.records["pool_reentry"]
    participant = schema.records[CONSENT_TABLE]
    enrolment = schema.records["enrolment"]
    still_in = select(again.c.hid).where(
        or_(
            again.c.selected == 1,
            again.c.drawn_on.is_(None),
            again.c.drawn_on > last,
        )
    )
    served = select(participant.c.hid).join(
        enrolment, enrolment.c.pid == participant.c.pid
    )
    offered = pool.c.offer_outcome.in_(_OFFERED)
    return select(pool.c.hid).where(
        pool.c.drawn_on <= last,
        pool.c.selected == 0,
        or_(pool.c.offer_outcome.is_(None), ~offered),
        pool.c.hid.not_in(still_in),
        pool.c.hid.not_in(served),
    )


def people(records: Reader | Writer, *, today: dt.date) -> dict[str, list[str]]:
    """Return the random ids of the households that are due, and of their adults."""
    schema = records.schema
    participant = schema.records[CONSENT_TABLE]
    last, pool = last_day(today), schema.records["pool_entry"]
    unselected = select(pool.c.hid).where(pool.c.drawn_on <= last, pool.c.selected == 0)
    households = of_household(schema, last)
    adults = select(participant.c.hid, participant.c.pid).where(
        participant.c.hid.in_(households)
    )
    with records.transaction() as connection:
        if connection.execute(unselected.limit(1)).first() is None:
            # What follows reads every enrolment.
            return {}
        found: dict[str, list[str]] = {
            hid: [] for hid in connection.scalars(households)
        }
        for hid, pid in connection.execute(adults):
            found[hid].append(pid)
    return found
