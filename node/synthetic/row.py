"""The shape of invented records: one table's row, its keys and its dates."""

import datetime as dt
import functools
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias

from node.config import INVENTED
from privacy.errors import InvalidProgramme
from privacy.period import date_of, day_number
from privacy.strict import Section

Row: TypeAlias = dict[str, str | int | None]
"""Field name (or household_key, person_key) -> code, ISO date, number or None."""

Rows: TypeAlias = Iterator[tuple[str, Row]]
"""Table name and row, household by household."""

_ADULTS = "ABC"


def household_key(site: str, index: int) -> str:
    """Return the case number an invented site would use."""
    return f"{INVENTED}{site}-H{index:07d}"


def person_key(site: str, index: int, adult: int) -> str:
    """Return the person number an invented site would use."""
    return f"{INVENTED}{site}-P{index:07d}{_ADULTS[adult]}"


@functools.cache
def iso(day: int) -> str:
    """Write a day number as an ISO date."""
    return date_of(day).isoformat()


@functools.cache
def day_of(text: str) -> int:
    """Read an ISO date as a day number."""
    return day_number(dt.date.fromisoformat(text))


def day(section: Section, key: str) -> int:
    """Read a TOML date as a day number."""
    value = section.raw(key)
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise InvalidProgramme(f"{section.name}.{key} must be a date.")
    return day_number(value)


def integers(section: Section, key: str) -> tuple[int, ...]:
    """Read a list of whole numbers."""
    value = section.raw(key)
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise InvalidProgramme(f"{section.name}.{key} must list whole numbers.")
    return tuple(value)


def share(part: Decimal | int) -> Decimal:
    """Turn percent into a share of one."""
    return Decimal(part) / 100
