"""What a site publishes about itself for a month: staff, cost, places. No person.

One line is one site, one month and one phase. Every column is a number with public
bounds, or one of a few known names, so there is nowhere to put anything else.
Numbers are exact: they are read as written, and never pass through a float.
"""

import calendar
import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Final

from privacy.errors import BadRecords
from privacy.period import Period, date_of, day_number

BYTES_MAX: Final = 1_000_000
"""A larger file is not one of ours."""

_SHOWN_MAX: Final = 20
_SITE: Final = re.compile(r"(?!.*[0-9]{4})[A-Z][A-Z0-9]{1,15}", re.ASCII)
_MONTH: Final = re.compile(r"20(1[5-9]|[2-8][0-9])-(0[1-9]|1[0-2])", re.ASCII)
_PHASE: Final = re.compile(r"P[1-9][0-9]?", re.ASCII)
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?", re.ASCII)
_DOLLARS_MAX: Final = 10_000_000
_STAFF_MAX: Final = 1_000
_PLACES_MAX: Final = 10_000
_DAYS_MAX: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationMonth:
    """One site's public numbers for one month of one phase.

    Attributes:
        month: As 2024-03.
        case_manager_fte: Case managers, in full-time equivalents.
        other_fte: Everybody else, likewise.
        vacancies: Posts that stand empty, likewise.
        cost_personnel: Dollars, like the next three.
        places: Households it is funded to serve at once, on the month's last day.
        places_offered: Households' places of the draws held in the month.
        open_days: Days on which the site was open.
    """

    site: str
    month: str
    phase: str
    case_manager_fte: Fraction
    other_fte: Fraction
    vacancies: Fraction
    cost_personnel: Fraction
    cost_direct_aid: Fraction
    cost_subawards: Fraction
    cost_indirect: Fraction
    places: int
    places_offered: int
    open_days: int

    @property
    def costs(self) -> dict[str, Fraction]:
        """Dollars by kind."""
        return {name: getattr(self, f"cost_{name}") for name in COSTS}

    @property
    def cost(self) -> Fraction:
        """Dollars in all."""
        return sum(self.costs.values(), Fraction(0))

    @property
    def last_day(self) -> int:
        """The month's last day, as a day number."""
        year, month = map(int, self.month.split("-"))
        return day_number(dt.date(year, month, calendar.monthrange(year, month)[1]))

    def texts(self) -> dict[str, str]:
        """Return every column as it is written, in its one form."""
        return {name: _written(getattr(self, name)) for name in COLUMNS}


COLUMNS: Final = tuple(each.name for each in fields(OrganisationMonth))
COSTS: Final = ("personnel", "direct_aid", "subawards", "indirect")
STAFF: Final = ("case_manager_fte", "other_fte", "vacancies")
_LIMITS: Final = {
    **dict.fromkeys(STAFF, _STAFF_MAX),
    **{f"cost_{name}": _DOLLARS_MAX for name in COSTS},
    **dict.fromkeys(("places", "places_offered"), _PLACES_MAX),
    "open_days": _DAYS_MAX,
}
_WHOLES: Final = ("places", "places_offered", "open_days")
_NAMES: Final = {
    "site": (_SITE, "a site, such as NYC"),
    "month": (_MONTH, "a month, such as 2024-03"),
    "phase": (_PHASE, "a phase, such as P1"),
}


def months_of(period: Period) -> tuple[str, ...]:
    """Return the months of a period, in order."""
    first = date_of(period.start)
    last = date_of(period.end)
    count = 12 * (last.year - first.year) + last.month - first.month + 1
    numbers = (first.month - 1 + step for step in range(count))
    return tuple(f"{first.year + n // 12}-{n % 12 + 1:02d}" for n in numbers)


Doubt = Callable[[OrganisationMonth], str]
"""Says why a month that is of the right form cannot be; nothing if it can."""


def parse(
    data: bytes, doubt: Doubt = lambda _month: ""
) -> tuple[OrganisationMonth, ...]:
    """Read a file of months, or none of it.

    Args:
        data: The file.
        doubt: Judges each month besides.

    Raises:
        BadRecords: it is not such a file; one sentence for every bad line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRecords("The file is not text in UTF-8; nothing was read.") from error
    if len(data) > BYTES_MAX or "\x00" in text:
        raise BadRecords("The file is too large, or no CSV file; nothing was read.")
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        # What stands in a wrong header is not repeated: it may be anything.
        if tuple(next(lines, ())) != COLUMNS:
            raise BadRecords(
                f"The first line must be exactly {','.join(COLUMNS)}; nothing was read."
            )
        rows = [(lines.line_num, cells) for cells in lines]
    except csv.Error as error:
        raise BadRecords(
            f"Line {lines.line_num} is not CSV; nothing was read."
        ) from error
    return _months(rows, doubt)


def write(months: Iterable[OrganisationMonth]) -> str:
    """Write what `parse` reads."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(month.texts() for month in months)
    return file.getvalue()


def read(texts: Mapping[str, str]) -> OrganisationMonth:
    """Read one month from the texts of its columns.

    Raises:
        BadRecords: a column is not of its form.
    """
    wrong = next(_wrong(texts), None)
    if wrong is not None:
        raise BadRecords(f"A month cannot be read: {wrong}.")
    parts: dict[str, Any] = {name: texts[name] for name in _NAMES}
    for name in _LIMITS:
        parts[name] = int(texts[name]) if name in _WHOLES else Fraction(texts[name])
    return OrganisationMonth(**parts)


def _refuse(sentences: list[str]) -> None:
    """Refuse a file for what is wrong in its lines, if anything is.

    Raises:
        BadRecords: something is.
    """
    if not sentences:
        return
    shown = sentences[:_SHOWN_MAX]
    if len(sentences) > len(shown):
        shown.append(f"{len(sentences) - len(shown)} more lines are wrong.")
    raise BadRecords("\n".join([*shown, "Nothing was added; correct the file."]))


def _months(
    rows: list[tuple[int, list[str]]], doubt: Doubt
) -> tuple[OrganisationMonth, ...]:
    """Read every line, or say of every bad one what is wrong."""
    found: dict[tuple[str, str, str], OrganisationMonth] = {}
    bad: list[str] = []
    for number, cells in rows:
        if len(cells) != len(COLUMNS):
            bad.append(f"Line {number} has not {len(COLUMNS)} columns.")
            continue
        texts = dict(zip(COLUMNS, cells, strict=True))
        wrong = next(_wrong(texts), None)
        if wrong is not None:
            bad.append(f"Line {number}: {wrong}.")
            continue
        month = read(texts)
        wrong = doubt(month)
        if wrong:
            bad.append(f"Line {number}: {wrong}.")
            continue
        key = (month.site, month.month, month.phase)
        if key in found:
            bad.append(f"Line {number} repeats {' '.join(key)}.")
        found[key] = month
    _refuse(bad)
    if not found:
        raise BadRecords("The file holds no month; nothing was read.")
    return tuple(found[key] for key in sorted(found))


def _wrong(texts: Mapping[str, str]) -> Iterator[str]:
    """Say which columns are not of their form; what stands there is not repeated."""
    for name, (pattern, form) in _NAMES.items():
        if not pattern.fullmatch(texts[name]):
            yield f"{name} must be {form}"
    for name, most in _LIMITS.items():
        pattern, form = (
            (_WHOLE, "a whole number")
            if name in _WHOLES
            else (_DECIMAL, "a number with at most two decimals")
        )
        if not pattern.fullmatch(texts[name]) or Fraction(texts[name]) > most:
            yield f"{name} must be {form} from 0 to {most:,}"


def _written(value: str | int | Fraction) -> str:
    """Write a column: exact, without a sign and without needless zeros."""
    if not isinstance(value, Fraction):
        return str(value)
    hundredths = value * 100
    whole, rest = divmod(hundredths.numerator, 100)
    return f"{whole}.{rest:02d}" if rest else str(whole)
