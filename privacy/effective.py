"""Facts that hold from one day to another, and which of them hold on a given day.

A fact is never overwritten. When it changes, the old one ends on a day and a new one
begins, so that a figure of last year is read with the facts of last year.
"""

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

from privacy.errors import InvalidProgramme
from privacy.period import date_of, day_number
from privacy.strict import Section

FOR_EVER: Final = day_number(dt.date.max)
"""The last day of a fact that nobody has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From which day to which day something holds, and how we know.

    Attributes:
        since: The first day, as a day number.
        until: The last day, inclusive.
        source: The document that says so.
        taken: The day on which it was read there, as a day number.
        invented: It is made up for training, and no live network may use it.
        note: What a reader must know beside it; empty if nothing.
    """

    since: int
    until: int
    source: str
    taken: int
    invented: bool
    note: str

    def holds(self, day: int) -> bool:
        """Tell whether it holds on a day."""
        return self.since <= day <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Anything that is stated with a span.

    Attributes:
        key: What it is about; two facts about one thing never hold on one day.
    """

    key: str
    span: Span


_F = TypeVar("_F", bound=Fact)


def span(section: Section) -> Span:
    """Read from when to when a fact holds, and its source.

    Raises:
        InvalidProgramme: a part is missing, or it ends before it begins.
    """
    since = day(section, "since")
    until = day(section, "until") if section.has("until") else FOR_EVER
    if until < since:
        raise InvalidProgramme(f"{section.name} ends before it begins; correct it.")
    return Span(
        since=since,
        until=until,
        source=section.text("source"),
        taken=day(section, "taken"),
        invented=section.flag("invented", default=False),
        note=section.optional_text("note") or "",
    )


def day(section: Section, key: str) -> int:
    """Read a TOML date as a day number."""
    value = section.raw(key)
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise InvalidProgramme(f"{section.name}: {key} must be a date.")
    return day_number(value)


def exact(section: Section, key: str, *, least: int = 0) -> Fraction:
    """Read a decimal number written as text, such as "4.20", exactly.

    Raises:
        InvalidProgramme: it is no plain decimal, or less than `least`.
    """
    text = section.text(key)
    whole, _, decimals = text.partition(".")
    plain = whole.isascii() and whole.isdecimal() and (decimals or "0").isdecimal()
    if not plain or not text.isascii() or text.endswith("."):
        raise InvalidProgramme(f'{section.name}: write {key} like "4.20".')
    value = Fraction(text)
    if value < least:
        raise InvalidProgramme(f"{section.name}: {key} must be at least {least}.")
    return value


def in_order(facts: Iterable[_F]) -> tuple[_F, ...]:
    """Return facts by what they are about and when they begin.

    Raises:
        InvalidProgramme: two facts about one thing hold on the same day.
    """
    ordered = sorted(facts, key=lambda each: (each.key, each.span.since))
    for one, other in itertools.pairwise(ordered):
        if one.key == other.key and other.span.since <= one.span.until:
            raise InvalidProgramme(
                f"Two facts about {one.key} hold on {date(other.span.since)}; end the "
                "older one on the day before."
            )
    return tuple(ordered)


def as_of(facts: Sequence[_F], on: int) -> tuple[_F, ...]:
    """Return the facts that hold on a day: at most one about each thing."""
    return tuple(each for each in facts if each.span.holds(on))


def date(number: int) -> str:
    """Write a day number as an ISO date."""
    return date_of(number).isoformat()
