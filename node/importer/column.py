"""Read one field's texts as the dictionary says, a column at a time.

Each distinct text of a batch is read once, however many rows say it. What does not
fit is mended and noted with the rows it was found in, never with a value, except a
code that is in no list.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from node.importer.findings import OTHERS, VALUES_LISTED, Findings
from privacy.dictionary import Dictionary, Field, Kind
from privacy.period import day_number

UNLISTED: Final = "unlisted-code"
NOT_A_DATE: Final = "not-a-date"
OUT_OF_RANGE: Final = "number-out-of-range"

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_FIRST_DAY: Final = day_number(dt.date(1900, 1, 1))
_AHEAD_DAYS: Final = 3_653
_MEMO_SIZE: Final = 50_000

_Parse: TypeAlias = Callable[[str], int | str]
"""Returns a number, or the id of the check that a text fails."""


class Column:
    """One field of a table: from texts to codes, numbers, flags or day numbers."""

    def __init__(
        self, field: Field, dictionary: Dictionary, findings: Findings, *, today: int
    ) -> None:
        """Prepare the field's parser."""
        self.field = field
        self._findings = findings
        self._memo: dict[str, int | str] = {}
        self._codes: pa.StringArray | None = None
        self._otherwise: int | None = None
        if field.kind is Kind.CODE:
            known = dictionary.codes_of(field)
            self._codes = pa.array(known.codes, pa.string())
            self._otherwise = known.codes.index(known.otherwise)
        self._parse = _parser(field, dictionary, latest_day=today + _AHEAD_DAYS)

    def empty(self, length: int) -> pa.Array:
        """Return a column with nothing in it."""
        return self._stored(pa.nulls(length, pa.int32()))

    def read(
        self, texts: pa.StringArray, *, rows: pa.Int64Array, source: str
    ) -> pa.Array:
        """Return the column as it will be stored: codes by their place in the list."""
        coded = texts.dictionary_encode()
        distinct = [text.strip() for text in coded.dictionary.to_pylist()]
        found = [self._value(text) for text in distinct]
        bad = [at for at, value in enumerate(found) if isinstance(value, str)]
        if bad:
            self._note(bad, found, distinct, (coded.indices, rows, source))
        values = [self._otherwise if isinstance(v, str) else v for v in found]
        return self._stored(pa.array(values, pa.int32()).take(coded.indices))

    def _stored(self, numbers: pa.Int32Array) -> pa.Array:
        """Return numbers as they are, or as places in the code list."""
        if self._codes is None:
            return numbers
        return pa.DictionaryArray.from_arrays(numbers, self._codes)

    def _value(self, text: str) -> int | str | None:
        """Read a text, if it was not met before."""
        if not text:
            return None
        value = self._memo.get(text)
        if value is None:
            value = self._parse(text)
            if len(self._memo) < _MEMO_SIZE:
                self._memo[text] = value
        return value

    def _note(
        self,
        bad: Sequence[int],
        found: Sequence[int | str | None],
        distinct: Sequence[str],
        where: tuple[pa.Array, pa.Int64Array, str],
    ) -> None:
        """Note what does not fit: each unlisted code by itself, the rest together."""
        indices, rows, source = where
        groups: dict[tuple[str, str], list[int]] = {}
        for number, at in enumerate(bad):
            check = str(found[at])
            shown = "" if check != UNLISTED else distinct[at]
            if shown and number >= VALUES_LISTED:
                shown = OTHERS
            groups.setdefault((check, shown), []).append(at)
        for (check, shown), places in groups.items():
            wanted = pa.array(places, indices.type)
            at_fault = pc.fill_null(pc.is_in(indices, value_set=wanted), False)  # noqa: FBT003
            self._findings.note(
                check,
                table=self.field.table,
                field=self.field.name,
                shown=shown,
                source=source,
                rows=rows.filter(at_fault).to_pylist(),
            )


def _parser(field: Field, dictionary: Dictionary, *, latest_day: int) -> _Parse:
    """Return the function that reads one field."""
    match field.kind:
        case Kind.CODE:
            codes = {c: at for at, c in enumerate(dictionary.codes_of(field).codes)}
            return lambda text: codes.get(text, UNLISTED)
        case Kind.FLAG:
            flags = {"0": 0, "1": 1}
            return lambda text: flags.get(text, "not-a-flag")
        case Kind.INTEGER:
            low, high = field.low or 0, field.high or 0
            return lambda text: _number(text, low=low, high=high)
        case Kind.DAY:
            return lambda text: _day(text, latest_day=latest_day)


def _number(text: str, *, low: int, high: int) -> int | str:
    """Read a whole number within its range."""
    if not _NUMBER.fullmatch(text):
        return "not-a-number"
    number = int(text)
    return number if low <= number <= high else OUT_OF_RANGE


def _day(text: str, *, latest_day: int) -> int | str:
    """Read an ISO date as a day number."""
    if not _DATE.fullmatch(text):
        return NOT_A_DATE
    try:
        day = day_number(dt.date.fromisoformat(text))
    except ValueError:
        return NOT_A_DATE
    return day if _FIRST_DAY <= day <= latest_day else "date-out-of-range"
