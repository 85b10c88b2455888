"""Write an export backwards from the mapping profile that reads it.

A profile says which column of which sheet becomes which field, and which words
become which code. Read the other way round it says what an export of that system
looks like, so the two can never disagree about a name.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from node.synthetic.row import Row, day_of
from node.synthetic.stream import Stream
from privacy.dictionary import Dictionary, Field, Kind
from privacy.errors import InvalidProgramme
from privacy.strict import load_toml

Cell: TypeAlias = str | int | dt.date | None
Line: TypeAlias = dict[str, Cell]
"""A row of a sheet: column -> what stands there."""

_EXCEL_EPOCH_DAYS: Final = 25_569
_DECOY_EVERY: Final = 9
_ODD_ONE_IN: Final = 3
_EPOCH: Final = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """How a system, and whoever types into it, writes.

    Attributes:
        stays: Sheet -> the columns that stay on it where a profile joins another.
        typed: Days and numbers are cells of their own type, not text.
        untidy: Words, dates and blanks are written in several ways.
        key: Writes a case or person number as the system does.
        stream: Decides where it is untidy.
    """

    stays: Mapping[str, frozenset[str]] = field(default_factory=dict)
    typed: bool = False
    untidy: bool = False
    key: Callable[[str], str] = str
    stream: Stream


@dataclass(slots=True)
class _Entry:
    """One `[[tables...]]` of a profile, as far as writing needs it."""

    sheet: str
    household_key: str | None
    person_key: str | None
    where: dict[str, list[str]]
    constants: dict[str, str]
    cells: dict[str, tuple[str, str | None]]
    joins: list[tuple[str, dict[str, str]]]
    written: int = 0
    serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class Backwards:
    """One profile, read backwards."""

    def __init__(self, text: str, *, dictionary: Dictionary, hand: Hand) -> None:
        """Read the profile's text.

        Raises:
            InvalidProgramme: it derives or computes, which cannot be undone.
        """
        content = load_toml(text)
        self.name = str(content["profile"]["name"])
        self._dictionary = dictionary
        self._hand = hand
        self._styles: list[str] = content["source"]["dates"]
        self._blanks: list[str] = ["", *content["source"].get("blanks", [])]
        self._words = {
            name: _inverse(recode)
            for name, recode in content.get("recodes", {}).items()
        }
        self._entries = {
            table: [_entry(each) for each in entries]
            for table, entries in content["tables"].items()
        }

    def sheets(self) -> dict[str, list[str]]:
        """Return every sheet and its columns, in the profile's order."""
        found: dict[str, dict[str, None]] = {}
        for entry in itertools.chain.from_iterable(self._entries.values()):
            columns = [key for key in (entry.household_key, entry.person_key) if key]
            columns += [*entry.where, *(column for column, _ in entry.cells.values())]
            for sheet, line in self._parted(entry, dict.fromkeys(columns)):
                found.setdefault(sheet, {}).update(dict.fromkeys(line))
        return {sheet: list(columns) for sheet, columns in found.items()}

    def lines(self, name: str, row: Row) -> Iterator[tuple[str, Line]]:
        """Yield the sheets' lines that a row of a dictionary table becomes."""
        entry = self._entry_for(name, row)
        table = self._dictionary.tables[name]
        line: Line = {}
        for key, column in (
            ("household_key", entry.household_key),
            ("person_key", entry.person_key),
        ):
            if column is not None:
                line[column] = self._hand.key(str(row[key]))
        line |= {column: self._pick(texts) for column, texts in entry.where.items()}
        for field_name, (column, recode) in entry.cells.items():
            value = row.get(field_name)
            line[column] = self._cell(table.fields[field_name], value, recode)
        yield from self._parted(entry, line)
        entry.written += 1
        if entry.where and entry.written % _DECOY_EVERY == 0:
            # A row the profile's condition must keep out.
            decoy = dict.fromkeys(entry.where, "Not of the programme")
            yield from self._parted(entry, {**line, **decoy})

    def _entry_for(self, table: str, row: Row) -> _Entry:
        """Return the entry whose fixed values a row has; the last one has none."""
        entries = self._entries[table]
        for entry in entries:
            if all(row.get(name) == value for name, value in entry.constants.items()):
                return entry
        return entries[-1]

    def _parted(self, entry: _Entry, line: Line) -> Iterator[tuple[str, Line]]:
        """Part a line among the sheet and those the profile joins to it."""
        left, own = dict(line), dict(line)
        if entry.joins:
            stays = self._hand.stays[entry.sheet]
            own = {name: left.pop(name) for name in line if name in stays}
            number = next(entry.serial)
            for _, on in entry.joins:
                for here in on:
                    own.setdefault(here, f"{number:07d}")
        yield entry.sheet, own
        for sheet, on in entry.joins:
            link: Line = {there: own[here] for here, there in on.items()}
            stays = self._hand.stays.get(sheet, frozenset(left))
            part = {name: left.pop(name) for name in tuple(left) if name in stays}
            yield sheet, link | part

    def _cell(self, into: Field, value: object, recode: str | None) -> Cell:
        """Write one value as the system does."""
        if value is None:
            return self._pick(self._blanks) or None
        match into.kind:
            case Kind.DAY:
                return self._day(str(value))
            case Kind.INTEGER:
                return int(str(value)) if self._hand.typed else str(value)
            case Kind.CODE | Kind.FLAG:
                words = self._words[recode] if recode else {}
                return self._pick(words.get(str(value), [str(value)]))

    def _day(self, text: str) -> Cell:
        """Write a day; what is no date stays as it was typed."""
        try:
            number = day_of(text)
        except ValueError:
            return text
        day = _EPOCH + dt.timedelta(days=number)
        style = self._pick(self._styles)
        if self._hand.typed and style == self._styles[0]:
            return day
        return _written(day, number, style)

    def _pick(self, ways: list[str]) -> str:
        """Return the usual way to write something; now and then another."""
        if not self._hand.untidy or self._hand.stream.below(_ODD_ONE_IN):
            return ways[0]
        return ways[self._hand.stream.below(len(ways))]


def _written(day: dt.date, number: int, style: str) -> str:
    """Write a day in a style of the profile language."""
    match style:
        case "us":
            return f"{day.month:02d}/{day.day:02d}/{day.year}"
        case "eu":
            return f"{day.day:02d}/{day.month:02d}/{day.year}"
        case "excel":
            return str(number + _EXCEL_EPOCH_DAYS)
        case "month_name":
            return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
        case _:
            return day.isoformat()


_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def _inverse(recode: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the words for each code, the usual one first."""
    words: dict[str, list[str]] = {}
    for word, code in recode.items():
        words.setdefault(code, []).append(word)
    return words


def _entry(content: Mapping[str, Any]) -> _Entry:
    """Read one entry of a profile."""
    constants, cells = {}, {}
    for name, cell in content["fields"].items():
        if set(cell) == {"constant"}:
            constants[name] = str(cell["constant"])
        elif set(cell) <= {"column", "recode"} and isinstance(cell["column"], str):
            cells[name] = (cell["column"], cell.get("recode"))
        else:
            raise InvalidProgramme(
                f"{name} is computed, so no export can be written from this profile; "
                "name one column for it."
            )
    return _Entry(
        sheet=content["from"],
        household_key=content.get("household_key"),
        person_key=content.get("person_key"),
        where=dict(content.get("where", {})),
        constants=constants,
        cells=cells,
        joins=[(join["from"], dict(join["on"])) for join in content.get("join", [])],
    )
