"""Read dates in the styles a profile names, and find out which style a column has.

A style is never guessed while importing: 03/04/2024 is one day for a profile that
says `us` and another for one that says `eu`. Two digits of a year are of this
century; a birth in the future is one of the century before.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from node.importer.spelling import plain
from privacy.period import day_number


class Style(StrEnum):
    """How a source writes a date."""

    ISO = "iso"
    US = "us"
    EU = "eu"
    EXCEL = "excel"
    MONTH_NAME = "month_name"


_TIME: Final = r"(?:[ T,]+[0-9]{1,2}[:.][0-9]{2}.*)?"
_ISO: Final = re.compile(rf"([0-9]{{4}})[-/]([0-9]{{1,2}})[-/]([0-9]{{1,2}}){_TIME}")
_SLASHED: Final = re.compile(
    rf"([0-9]{{1,2}})([/.-])([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}}){_TIME}"
)
_SERIAL: Final = re.compile(r"([0-9]{5})(?:\.[0-9]+)?")
_DAY_FIRST: Final = re.compile(
    rf"([0-9]{{1,2}})[ -]+(?:de )?([^\W\d]+)\.?,?[ -]+(?:de )?([0-9]{{4}}){_TIME}"
)
_MONTH_FIRST: Final = re.compile(
    rf"([^\W\d]+)\.?[ -]+([0-9]{{1,2}}),?[ -]+([0-9]{{4}}){_TIME}"
)
_EXCEL_ZERO: Final = dt.date(1899, 12, 30)
_EXCEL_RANGE: Final = range(10_000, 80_000)
_CENTURY: Final = 100
_THIS_CENTURY: Final = 2000
_MONTHS_IN_YEAR: Final = 12
_MONTHS: Final = tuple(
    tuple(line.split())
    for line in (
        "jan january ene enero",
        "feb february febrero",
        "mar march marzo",
        "apr april abr abril",
        "may mayo",
        "jun june junio",
        "jul july julio",
        "aug august ago agosto",
        "sep sept september septiembre setiembre",
        "oct october octubre",
        "nov november noviembre",
        "dec december dic diciembre",
    )
)
_MONTH: Final = {
    name: at for at, names in enumerate(_MONTHS, start=1) for name in names
}


def read(text: str, styles: Sequence[Style]) -> int | None:
    """Return the day number of a date, in the first style that reads it."""
    for style in styles:
        try:
            found = _READERS[style](text)
        except (ValueError, OverflowError):
            continue
        if found is not None:
            return day_number(found)
    return None


def iso(day: int) -> str:
    """Write a day number as an ISO day."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()


def years_between(born: int, day: int) -> int | None:
    """Return the completed years from one day to another, or None if that is none.

    A birth written with two digits of a year may have come out a century late.
    """
    start, end = dt.date(1970, 1, 1), dt.date(1970, 1, 1)
    start += dt.timedelta(days=born)
    end += dt.timedelta(days=day)
    years = end.year - start.year - ((end.month, end.day) < (start.month, start.day))
    return years if years >= 0 else None


def birth(text: str, styles: Sequence[Style], *, latest: int) -> int | None:
    """Return the day number of a birth, on or before a day where two digits allow."""
    found = read(text, styles)
    if found is None or found <= latest or not _two_digits(text):
        return found
    late = dt.date(1970, 1, 1) + dt.timedelta(days=found)
    try:
        return day_number(late.replace(year=late.year - _CENTURY))
    except ValueError:
        return None


def _two_digits(text: str) -> bool:
    """Tell whether a date's year has two digits."""
    match = _SLASHED.fullmatch(text)
    return match is not None and len(match[4]) == len("24")


def _iso(text: str) -> dt.date | None:
    match = _ISO.fullmatch(text)
    return dt.date(int(match[1]), int(match[2]), int(match[3])) if match else None


def _year(digits: str) -> int:
    return int(digits) + (_THIS_CENTURY if len(digits) == len("24") else 0)


def _us(text: str) -> dt.date | None:
    match = _SLASHED.fullmatch(text)
    return dt.date(_year(match[4]), int(match[1]), int(match[3])) if match else None


def _eu(text: str) -> dt.date | None:
    match = _SLASHED.fullmatch(text)
    return dt.date(_year(match[4]), int(match[3]), int(match[1])) if match else None


def _excel(text: str) -> dt.date | None:
    match = _SERIAL.fullmatch(text)
    if match is None or int(match[1]) not in _EXCEL_RANGE:
        return None
    return _EXCEL_ZERO + dt.timedelta(days=int(match[1]))


def _month_name(text: str) -> dt.date | None:
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = match[1], match[2], match[3]
    elif match := _MONTH_FIRST.fullmatch(text):
        month, day, year = match[1], match[2], match[3]
    else:
        return None
    number = _MONTH.get(plain(month))
    return dt.date(int(year), number, int(day)) if number else None


_READERS: Final[Mapping[Style, Callable[[str], dt.date | None]]] = {
    Style.ISO: _iso,
    Style.US: _us,
    Style.EU: _eu,
    Style.EXCEL: _excel,
    Style.MONTH_NAME: _month_name,
}


@dataclass(slots=True)
class Evidence:
    """What a column's values say about how it writes dates.

    Attributes:
        seen: Values looked at.
        month_first: Values that can only be month first, such as 02/28/2024.
        day_first: Values that can only be day first, such as 28/02/2024.
        either: Values that could be both.
    """

    seen: int = 0
    month_first: int = 0
    day_first: int = 0
    either: int = 0
    styles: Counter[Style] | None = None

    def look(self, values: Iterable[str]) -> None:
        """Look at more values."""
        self.styles = Counter() if self.styles is None else self.styles
        for text in values:
            self.seen += 1
            match = _SLASHED.fullmatch(text)
            if match is not None:
                self._slashed(int(match[1]), int(match[3]))
                continue
            for style in (Style.ISO, Style.EXCEL, Style.MONTH_NAME):
                if read(text, (style,)) is not None:
                    self.styles[style] += 1
                    break

    def _slashed(self, first: int, second: int) -> None:
        """Count what two numbers before a year can be."""
        if first > _MONTHS_IN_YEAR >= second:
            self.day_first += 1
        elif second > _MONTHS_IN_YEAR >= first:
            self.month_first += 1
        elif max(first, second) <= _MONTHS_IN_YEAR:
            self.either += 1

    @property
    def dated(self) -> int:
        """How many values are dates in any style."""
        others = sum(self.styles.values()) if self.styles else 0
        return self.month_first + self.day_first + self.either + others

    def sentence(self) -> str:
        """Say what decided between month first and day first; nothing if nothing did.

        Counts of values are for the site's own screen.
        """
        if not (self.month_first or self.day_first or self.either):
            return ""
        if self.month_first and self.day_first:
            return (
                f"{self.month_first:,} values can only be month first and "
                f"{self.day_first:,} only day first: the source mixes both; put it "
                "right there"
            )
        if self.month_first:
            return f"{self.month_first:,} values can only be month first"
        if self.day_first:
            return f"{self.day_first:,} values can only be day first"
        return (
            f"all {self.either:,} values could be month first or day first: ask who "
            "keeps the source"
        )
