"""Read a site's CSV files as an import leaves them, and what the dictionary says."""

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

EPOCH = pd.Timestamp("1970-01-01")
LATEST = pd.Timestamp("2036-01-01")


@dataclass(frozen=True)
class Slip:
    """A mistake made on purpose, to prove that it is noticed.

    Attributes:
        days: every window ends, and every spell is looked at, so much later.
        start: every window starts so much later.
        shift: every period begins and ends so much later.
        consent: whether consent matters.
        adults: how many adults of a household are counted.
        capped: whether caps are kept.
        limit: added to every threshold of a number.
        swapped: whether the earliest row is taken for the latest, and the reverse.
    """

    days: int = 0
    start: int = 0
    shift: int = 0
    consent: bool = True
    adults: int = 2
    capped: bool = True
    limit: int = 0
    swapped: bool = False


RIGHT = Slip()


@dataclass(frozen=True)
class Span:
    """The first and last day of a period, as numbers since 1970."""

    first: int
    last: int
    year: int

    def holds(self, days: pd.Series) -> pd.Series:
        """Tell which days lie in it; a missing day does not."""
        return days.between(self.first, self.last)


def span(label: str, shift: int = 0) -> Span:
    """Read FY2024, FY2024-H2 or FY2024-Q3: federal fiscal years begin in October."""
    year, part = int(label[2:6]), label[7:]
    months = {"": 12, "H": 6, "Q": 3}[part[:1]]
    begins = pd.Timestamp(year - 1, 10, 1)
    begins += pd.DateOffset(months=months * (int(part[1:] or 1) - 1))
    ends = begins + pd.DateOffset(months=months)
    return Span(_day(begins) + shift, _day(ends) - 1 + shift, year)


def _day(at: pd.Timestamp) -> int:
    return (at - EPOCH).days


@cache
def dictionary() -> Mapping[str, dict]:
    """Read the data dictionary's own text."""
    root = Path(__file__).resolve().parents[2] / "privacy" / "programme"
    return tomllib.loads((root / "dictionary.toml").read_text("utf-8"))


def labels(code_list: str, grouping: str) -> dict[str, str]:
    """Return code -> label of a public grouping."""
    groups = dictionary()["code_lists"][code_list]["groups"][grouping]
    return {code: label for label, codes in groups.items() for code in codes}


def codes(code_list: str) -> list[str]:
    """Return the codes of a list."""
    return dictionary()["code_lists"][code_list]["codes"]


def date_of(table: str) -> str:
    about = dictionary()["tables"][table]
    return about.get("date", about.get("start"))


DATES = {date_of(name) for name in dictionary()["tables"]} - {None}


@cache
def read(folder: Path, name: str) -> pd.DataFrame:
    """Read and mend one CSV file."""
    raw = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
    raw = raw.rename(columns={"household_key": "hid", "person_key": "pid"})
    raw = raw.mask(raw == "")
    about = dictionary()["tables"][name]
    for field, told in about["fields"].items():
        raw[field] = _mended(raw[field], told)
    if about["rows"] == "one":
        raw = raw.drop_duplicates("pid" if about["level"] == "person" else "hid")
    if about["rows"] == "spells":
        ends, starts = raw[about["end"]], raw[about["start"]]
        raw[about["end"]] = ends.mask(ends < starts)
    return raw.reset_index(drop=True)


def _mended(column: pd.Series, told: dict) -> pd.Series:
    """Read one column of codes, days, flags or numbers."""
    if told["kind"] == "code":
        about = dictionary()["code_lists"][told["list"]]
        listed = column.isin(about["codes"]) | column.isna()
        return column.where(listed, about["otherwise"]).astype(object)
    if told["kind"] == "day":
        days = pd.to_datetime(column, format="%Y-%m-%d", errors="coerce")
        days = days.where(days.between(pd.Timestamp(dt.date(1900, 1, 1)), LATEST))
        return (days - EPOCH).dt.days.astype(float)
    low, high = (0, 1) if told["kind"] == "flag" else (told["low"], told["high"])
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    return numbers.where(numbers.between(low, high))
