"""Turn columns of a source's text into one field, in the dictionary's own spelling.

Python looks at each different text of a batch once; the rows follow by index. What a
profile cannot read is counted; a text is shown only if the guard hides nothing of it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from node.importer import coarse, dates
from node.importer.findings import SHOWN_LENGTH, Findings
from node.importer.profile import Cell, Derivation, Profile
from node.importer.spelling import plain
from privacy.dictionary import Dictionary, Field, Kind

_YES: Final = frozenset(
    {"1", "yes", "y", "true", "t", "si", "s", "x", "checked", "verdadero", "v", "1.0"}
)
_NO: Final = frozenset({"0", "no", "n", "false", "f", "falso", "unchecked", "0.0"})
_NUMBER: Final = re.compile(r"(-?[0-9]{1,3}(?:,[0-9]{3})+|-?[0-9]{1,9})(?:\.0*)?")
_APART: Final = "\x1f"
_MEMO_SIZE: Final = 50_000
_EVERYTHING_ELSE: Final = "*"

Numbers = Callable[[str, str], int]
"""From what is counted and a source's name for it to a small number of the site's."""


class Hides(Protocol):
    """What a guard says of one text."""

    def hides(self, text: str) -> bool:
        """Tell whether a text must not be shown, even at the site."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What a text became, which check noted it if one did, and if it may be shown."""

    value: str | None
    check: str = ""
    tells: bool = False


_Read = Callable[[str], Understood]
_NOTHING: Final = Understood(None)


@dataclass(frozen=True, slots=True, repr=False)
class Rows:
    """Where the cells stand: the source's table and its row numbers."""

    source: str
    numbers: pa.Array


@dataclass(slots=True, repr=False)
class Cells:
    """Every field's way from text to the dictionary, with what it read before."""

    profile: Profile
    dictionary: Dictionary
    guard: Hides
    findings: Findings
    numbers: Numbers
    _memo: dict[int, dict[str, Understood]] = field(default_factory=dict)

    def column(
        self, cell: Cell, into: Field, columns: Sequence[pa.Array], rows: Rows
    ) -> pa.Array:
        """Return a field's column of text.

        Args:
            cell: Where the field comes from.
            into: The field.
            columns: The source's columns the cell names, in its order.
            rows: Where they stand.
        """
        if cell.constant is not None:
            return pa.repeat(pa.scalar(cell.constant, pa.string()), len(rows.numbers))
        if cell.derive is Derivation.TICKED:
            return self._ticked(cell, into, columns, rows)
        if self._fits(into, columns[0]):
            return columns[0]
        both = columns[0]
        if "" in self.profile.recodes.get(cell.recode or "", {}):
            both = both.fill_null("")
        if len(columns) > 1:
            both = pc.binary_join_element_wise(
                *columns, _APART, null_handling="replace", null_replacement=""
            )
        return self._read(self._reader(cell, into), both, (cell, into, rows))

    def _fits(self, into: Field, column: pa.Array) -> bool:
        """Tell whether a column needs no reading: the sheet checks what it holds."""
        if not self.profile.own_names:
            return False
        if into.kind is Kind.CODE:
            codes = pa.array(self.dictionary.codes_of(into).codes, pa.string())
            known = pc.is_in(column, value_set=codes)
            return bool(pc.all(pc.or_(known, pc.is_null(column))).as_py())
        return into.kind is not Kind.DAY or not self.profile.shift_days

    def _read(
        self, read: _Read, column: pa.Array, where: tuple[Cell, Field, Rows]
    ) -> pa.Array:
        """Read each different text once, and count what was not understood."""
        cell, into, rows = where
        coded = column.dictionary_encode()
        memo = self._memo.setdefault(id(cell), {})
        found = []
        for at, text in enumerate(coded.dictionary.to_pylist()):
            known = memo.get(text)
            if known is None:
                known = read(text)
                if len(memo) < _MEMO_SIZE:
                    memo[text] = known
            if known.check:
                hit = pc.equal(coded.indices, pa.scalar(at, coded.indices.type))
                self._note(known, into, text, (rows, hit))
            found.append(known.value)
        return pa.array(found, pa.string()).take(coded.indices)

    def _note(
        self, known: Understood, into: Field, text: str, hit: tuple[Rows, pa.Array]
    ) -> None:
        """Count a text nobody understood."""
        rows, mask = hit
        tells = known.tells and len(text) <= SHOWN_LENGTH and not self.guard.hides(text)
        self.findings.note(
            known.check,
            table=into.table,
            field=into.name,
            shown=text if tells else "",
            source=rows.source,
            rows=rows.numbers.filter(mask, null_selection_behavior="drop").to_pylist(),
        )

    def _reader(self, cell: Cell, into: Field) -> _Read:
        """Return what reads one text of a cell."""
        kind, values = cell.kind or "", cell.values
        readers: dict[Derivation, _Read] = {
            Derivation.AGE_BAND: self._age if cell.at else _age_in_years,
            Derivation.REGION: _region,
            Derivation.LANGUAGE_GROUP: _language_group,
            Derivation.LOCAL_NUMBER: lambda text: Understood(
                str(self.numbers(kind, text))
            ),
            Derivation.DAYS_BETWEEN: lambda text: self._span(text, cell, into),
            Derivation.FLAG: lambda text: Understood(str(int(plain(text) in values))),
        }
        if cell.derive is None or cell.derive is Derivation.TICKED:
            return self._plain(cell, into)
        return readers[cell.derive]

    def _plain(self, cell: Cell, into: Field) -> _Read:
        """Return what reads a cell by its field's kind, after its recode list."""
        read = self._by_kind(cell, into)
        if cell.recode is None:
            return read
        codes = self.profile.recodes[cell.recode]
        rest = codes.get(_EVERYTHING_ELSE)

        def recoded(text: str) -> Understood:
            code = codes.get(plain(text))
            if code is None and (rest is None or not text):
                return read(text)
            code = rest if code is None else code
            return Understood(code) if code else _NOTHING

        return recoded

    def _by_kind(self, cell: Cell, into: Field) -> _Read:
        """Return what reads a text as a field's kind."""
        match into.kind:
            case Kind.CODE:
                known = self.dictionary.codes_of(into)
                codes = {plain(code): code for code in known.codes}
                unlisted = Understood(known.otherwise, "unlisted-code", tells=True)
                return lambda text: (
                    Understood(codes[plain(text)]) if plain(text) in codes else unlisted
                )
            case Kind.FLAG:
                return _flag
            case Kind.INTEGER:
                ends = (into.low or 0, into.high or 0) if cell.clip else None
                return lambda text: _number(text, ends)
            case Kind.DAY:
                return self._day

    def _day(self, text: str) -> Understood:
        """Read a day in the profile's styles."""
        day = dates.read(text, self.profile.dates)
        if day is None:
            return Understood(None, "not-a-date")
        return Understood(dates.iso(day + self.profile.shift_days))

    def _age(self, both: str) -> Understood:
        """Read a birth and a day as a band of completed years."""
        born, _, day = both.partition(_APART)
        at = dates.read(day, self.profile.dates)
        if not born or at is None:
            return _NOTHING
        start = dates.birth(born, self.profile.dates, latest=at)
        if start is None:
            return Understood(None, "not-a-date")
        return _banded(dates.years_between(start, at))

    def _span(self, both: str, cell: Cell, into: Field) -> Understood:
        """Read two days as the days between them."""
        first, _, last = both.partition(_APART)
        if not first or not last:
            return _NOTHING
        start = dates.read(first, self.profile.dates)
        end = dates.read(last, self.profile.dates)
        if start is None or end is None:
            return Understood(None, "not-a-date")
        days = end - start
        if cell.clip:
            days = min(max(days, into.low or 0), into.high or 0)
        return Understood(str(days))

    def _ticked(
        self, cell: Cell, into: Field, columns: Sequence[pa.Array], rows: Rows
    ) -> pa.Array:
        """Read boxes of which usually one is ticked."""
        many = pa.repeat(pa.scalar(0, pa.int8()), len(rows.numbers))
        code = pa.nulls(len(rows.numbers), pa.string())
        boxes = columns[: len(cell.ticks)]
        yes = pa.array(sorted(_YES), pa.string())
        for column, ticked in zip(boxes, cell.ticks.values(), strict=True):
            hit = pc.is_in(pc.utf8_lower(column), value_set=yes)
            many = pc.add(many, pc.cast(hit, pa.int8()))
            code = pc.if_else(hit, pa.scalar(ticked, pa.string()), code)
        several = pa.scalar(cell.several, pa.string())
        code = pc.if_else(pc.greater(many, 1), several, code)
        if len(columns) == len(boxes):
            return code
        read = self._plain(cell, into)
        other = self._read(read, columns[-1], (cell, into, rows))
        return pc.if_else(pc.equal(many, 0), other, code)


def _banded(years: int | None) -> Understood:
    """Return an adult's band; another age is no participant's."""
    band = coarse.age_band(years)
    return Understood(band) if band else Understood(None, "not-an-adult-age")


def _age_in_years(text: str) -> Understood:
    """Read a whole number of years as a band."""
    number = _number(text, None).value
    if number is None or not number.isdecimal():
        return Understood(None, "not-a-number")
    return _banded(int(number))


def _region(text: str) -> Understood:
    """Read a country as its region."""
    return _listed(coarse.regions(), text, "unknown-country", "not_stated")


def _language_group(text: str) -> Understood:
    """Read a language as its group."""
    return _listed(coarse.language_groups(), text, "unknown-language", "other")


def _listed(
    known: Mapping[str, str], text: str, check: str, otherwise: str
) -> Understood:
    """Look a name up in a shipped list."""
    found = known.get(plain(text))
    return Understood(found) if found else Understood(otherwise, check, tells=True)


def _flag(text: str) -> Understood:
    """Read yes or no."""
    word = plain(text)
    if word in _YES:
        return Understood("1")
    return Understood("0") if word in _NO else Understood(None, "not-a-flag")


def is_number(text: str) -> bool:
    """Tell whether a text is a whole number."""
    return _NUMBER.fullmatch(text) is not None


def is_yes_or_no(text: str) -> bool:
    """Tell whether a text says yes or no."""
    return plain(text) in _YES | _NO


def _number(text: str, ends: tuple[int, int] | None) -> Understood:
    """Read a whole number; what is out of range is left for the sheet to count."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return Understood(None, "not-a-number")
    number = int(match[1].replace(",", ""))
    return Understood(str(min(max(number, ends[0]), ends[1]) if ends else number))
