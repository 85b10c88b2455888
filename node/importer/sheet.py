"""Check rows against the dictionary, one table each, and swap keys for random ids."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from node.importer.keys import KeyMap
from node.importer.report import Problem, Tally
from privacy.dictionary import Dictionary, Field, Kind, Level, Rows, Table
from privacy.period import day_number

Value: TypeAlias = str | int | None
Source: TypeAlias = Mapping[str, Value]
"""A row as the site gave it: household_key, person_key and field names."""

Stored: TypeAlias = dict[str, Value]
"""A row as the record store takes it: hid, pid and field names."""

HOUSEHOLD_KEY: Final = "household_key"
PERSON_KEY: Final = "person_key"
_HOUSEHOLDS: Final = "household"
_PERSONS: Final = "participant"

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_FIRST_DAY: Final = day_number(dt.date(1900, 1, 1))
_AHEAD_DAYS: Final = 3_653
_KEY_LENGTH: Final = 200
_MEMO_SIZE: Final = 50_000

_Parse: TypeAlias = Callable[[str], str | int | Problem]


@dataclass(slots=True, repr=False)
class Present:
    """Whom this import has a household or participant row for, by random id."""

    households: set[str] = field(default_factory=set)
    persons: set[str] = field(default_factory=set)


class Sheet:
    """One table's rules.

    Rows must come parents first: a household before its adults, and an adult
    before whatever happened to them.
    """

    def __init__(
        self,
        table: Table,
        *,
        dictionary: Dictionary,
        keys: KeyMap,
        present: Present,
        tally: Tally,
        today: int,
    ) -> None:
        """Prepare a parser for each field."""
        self._table = table
        self._keys = keys
        self._present = present
        self._tally = tally
        self._seen: set[str] = set()
        self._otherwise = {
            name: dictionary.codes_of(field).otherwise
            for name, field in table.fields.items()
            if field.kind is Kind.CODE
        }
        self._fields: list[tuple[str, dict[Value, str | int], _Parse]] = [
            (name, {}, _parser(field, dictionary, latest_day=today + _AHEAD_DAYS))
            for name, field in table.fields.items()
        ]

    def take(self, row: Source) -> Stored | None:
        """Return a row as it will be stored, or None if it is dropped."""
        stored = self._own(row)
        if isinstance(stored, Problem):
            self._tally.note(self._table.name, stored)
            return None
        for name, memo, parse in self._fields:
            raw = row.get(name)
            if raw is None or raw == "":
                continue
            value = memo.get(raw)
            if value is None:
                value = self._parse(name, raw, memo, parse)
            stored[name] = value
        self._order(stored)
        return stored

    def _own(self, row: Source) -> Stored | Problem:
        """Return whose row it is, as random ids."""
        if self._table.name == _HOUSEHOLDS:
            return self._household(row)
        if self._table.name == _PERSONS:
            return self._person(row)
        return self._event(row)

    def _household(self, row: Source) -> Stored | Problem:
        """Take in a new household."""
        source = _key(row, HOUSEHOLD_KEY)
        if source is None:
            return Problem.NO_KEY
        hid = self._keys.household(source)
        if hid in self._present.households:
            return Problem.SEEN_BEFORE
        self._present.households.add(hid)
        return {"hid": hid}

    def _person(self, row: Source) -> Stored | Problem:
        """Take in a new adult of a household that is already in."""
        source, household = _key(row, PERSON_KEY), _key(row, HOUSEHOLD_KEY)
        if source is None or household is None:
            return Problem.NO_KEY
        hid, pid = self._keys.household(household), self._keys.person(source)
        if hid not in self._present.households:
            return Problem.UNKNOWN_HOUSEHOLD
        if pid in self._present.persons:
            return Problem.SEEN_BEFORE
        self._present.persons.add(pid)
        return {"pid": pid, "hid": hid}

    def _event(self, row: Source) -> Stored | Problem:
        """Find the household or adult that another table's row belongs to."""
        of_household = self._table.level is Level.HOUSEHOLD
        source = _key(row, HOUSEHOLD_KEY if of_household else PERSON_KEY)
        if source is None:
            return Problem.NO_KEY
        if of_household:
            own, present = self._keys.household(source), self._present.households
        else:
            own, present = self._keys.person(source), self._present.persons
        if own not in present:
            unknown = Problem.UNKNOWN_HOUSEHOLD
            return unknown if of_household else Problem.UNKNOWN_PERSON
        if self._table.rows is Rows.ONE:
            if own in self._seen:
                return Problem.SEEN_BEFORE
            self._seen.add(own)
        return {"hid" if of_household else "pid": own}

    def _parse(
        self, name: str, raw: Value, memo: dict[Value, str | int], parse: _Parse
    ) -> str | int | None:
        """Read a value not met before; what is wrong is counted every time."""
        text = str(raw).strip()
        if not text:
            return None
        value = parse(text)
        if isinstance(value, Problem):
            self._tally.note(self._table.name, value, field=name)
            return self._otherwise.get(name)
        if len(memo) < _MEMO_SIZE:
            memo[raw] = value
        return value

    def _order(self, stored: Stored) -> None:
        """Empty the end of a spell that ends before it starts."""
        start, end = self._table.start, self._table.end
        if start is None or end is None:
            return
        first, last = stored.get(start), stored.get(end)
        if isinstance(first, int) and isinstance(last, int) and last < first:
            stored[end] = None
            problem = Problem.ENDS_BEFORE_START
            self._tally.note(self._table.name, problem, field=end)


def _key(row: Source, column: str) -> str | None:
    """Return a usable case or person number, or None."""
    raw = row.get(column)
    text = "" if raw is None else str(raw).strip()
    return text if 0 < len(text) <= _KEY_LENGTH else None


def _parser(field: Field, dictionary: Dictionary, *, latest_day: int) -> _Parse:
    """Return the function that reads one field."""
    match field.kind:
        case Kind.CODE:
            codes = frozenset(dictionary.codes_of(field).codes)
            return lambda text: text if text in codes else Problem.UNLISTED_CODE
        case Kind.FLAG:
            flags = {"0": 0, "1": 1}
            return lambda text: flags.get(text, Problem.NOT_A_FLAG)
        case Kind.INTEGER:
            low, high = field.low or 0, field.high or 0
            return lambda text: _number(text, low=low, high=high)
        case Kind.DAY:
            return lambda text: _day(text, latest_day=latest_day)


def _number(text: str, *, low: int, high: int) -> int | Problem:
    """Read a whole number within its range."""
    if not _NUMBER.fullmatch(text):
        return Problem.NOT_A_NUMBER
    number = int(text)
    return number if low <= number <= high else Problem.OUT_OF_RANGE


def _day(text: str, *, latest_day: int) -> int | Problem:
    """Read an ISO date as a day number."""
    if not _DATE.fullmatch(text):
        return Problem.NOT_A_DATE
    try:
        day = day_number(dt.date.fromisoformat(text))
    except ValueError:
        return Problem.NOT_A_DATE
    return day if _FIRST_DAY <= day <= latest_day else Problem.OUT_OF_RANGE
