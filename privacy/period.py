"""Closed periods of the federal fiscal year, named the same way everywhere.

`FY2024` runs from 1 October 2023 to 30 September 2024; `FY2024-H1` and
`FY2024-H2` are its halves, `FY2024-Q1` to `FY2024-Q4` its quarters. Quarters
nest in halves and halves in years, so one frozen quarter per household fixes
its half and its year too.
"""

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from privacy.errors import InvalidQuery

EPOCH = dt.date(1970, 1, 1)
GRACE_DAYS = 30
"""Days after its last day before a period may close: late entries are normal."""

_LABEL = re.compile(r"FY(20[0-9]{2})(?:-(H[12]|Q[1-4]))?")
_YEAR_FIRST, _YEAR_LAST = 2015, 2090
_FIRST_MONTH = 10


class PeriodKind(StrEnum):
    """How long a period is."""

    QUARTER = "quarter"
    HALF_YEAR = "half-year"
    FISCAL_YEAR = "fiscal-year"


_QUARTERS = {
    "": (0, 4),
    "H1": (0, 2),
    "H2": (2, 4),
    "Q1": (0, 1),
    "Q2": (1, 2),
    "Q3": (2, 3),
    "Q4": (3, 4),
}


def day_number(date: dt.date) -> int:
    """Return the days from 1 January 1970 to a date: how every store keeps dates."""
    return (date - EPOCH).days


def date_of(day: int) -> dt.date:
    """Return the date of a day number."""
    return EPOCH + dt.timedelta(days=day)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One fiscal year, half-year or quarter.

    Raises:
        InvalidQuery: the label is not of the forms in the module's first line.
    """

    label: str

    def __post_init__(self) -> None:
        """Refuse anything but a well-formed label."""
        match = _LABEL.fullmatch(self.label)
        if not match or not _YEAR_FIRST <= int(match[1]) <= _YEAR_LAST:
            raise InvalidQuery(
                f"{self.label!r} is not a period; write FY2024, FY2024-H2 or FY2024-Q3."
            )

    @classmethod
    def quarter_of(cls, day: int) -> Self:
        """Return the quarter that holds a day number."""
        date = date_of(day)
        shifted = (date.month - _FIRST_MONTH) % 12
        year = date.year + (1 if date.month >= _FIRST_MONTH else 0)
        return cls(f"FY{year}-Q{shifted // 3 + 1}")

    @property
    def year(self) -> int:
        """The fiscal year, as the calendar year it ends in."""
        return int(self.label[2:6])

    @property
    def kind(self) -> PeriodKind:
        """Quarter, half-year or fiscal year."""
        tail = self.label[7:8]
        if tail == "Q":
            return PeriodKind.QUARTER
        return PeriodKind.HALF_YEAR if tail == "H" else PeriodKind.FISCAL_YEAR

    @property
    def quarters(self) -> tuple["Period", ...]:
        """The quarters the period consists of, in order."""
        first, end = _QUARTERS[self.label[7:]]
        return tuple(Period(f"FY{self.year}-Q{n + 1}") for n in range(first, end))

    @property
    def fiscal_year(self) -> "Period":
        """The fiscal year the period lies in."""
        return Period(f"FY{self.year}")

    @property
    def start(self) -> int:
        """The day number of the first day."""
        first, _ = _QUARTERS[self.label[7:]]
        return _month_start(self.year - 1, _FIRST_MONTH + 3 * first)

    @property
    def end(self) -> int:
        """The day number of the last day (inclusive)."""
        _, end = _QUARTERS[self.label[7:]]
        return _month_start(self.year - 1, _FIRST_MONTH + 3 * end) - 1

    @property
    def closes(self) -> int:
        """The first day number on which a site may close the period."""
        return self.end + GRACE_DAYS + 1

    def next(self) -> "Period":
        """Return the period of the same kind that follows."""
        after = Period.quarter_of(self.end + 1)
        if self.kind is PeriodKind.QUARTER:
            return after
        if self.kind is PeriodKind.FISCAL_YEAR:
            return after.fiscal_year
        return Period(f"FY{after.year}-H{1 if after.label.endswith('Q1') else 2}")

    def __str__(self) -> str:
        """Show the label."""
        return self.label


def _month_start(year: int, month: int) -> int:
    """Return the day number of the first of a month; months past 12 roll over."""
    return day_number(dt.date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1))
