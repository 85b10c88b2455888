"""Keep out what must never be in the records: by a column's name, and by its values.

A column's use decides what is allowed. Nothing here repeats a value: only counts are
kept, and every sentence names a table, a column and a kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from node.importer import patterns
from node.importer.guard_names import kind_of, offer_for
from node.importer.patterns import Kind
from node.importer.sources.source import Remark
from privacy.errors import BadRecords

SHARE: Final = 20
"""One cell in so many that looks personal, and the column is refused."""

FEWEST: Final = 3
"""Fewer cells than this are emptied, whatever their share."""

_LONG_SHARE: Final = (3, 10)
_FEWEST_LONG: Final = 5
_MOST_LONG: Final = 20_000
_FEWEST_DAYS: Final = 5
_DAYS_SHARE: Final = (4, 5)
_BIRTHS_BEFORE: Final = 2008
_BIRTHS_SPREAD: Final = 5
_KEYS_ALL: Final = 4
_KEYS_EVERY: Final = 8

EMPTIED: Final = "personal-cell"
BARE_KEYS: Final = "bare-number-key"


class Use(Enum):
    """What becomes of a column."""

    FIELD = auto()
    """Stored after mapping."""
    KEY = auto()
    """Replaced by a random id."""
    DERIVED = auto()
    """Only a coarse derivation is kept."""
    NUMBERED = auto()
    """Replaced by a small number of the site's own, as of a project."""
    FILTER = auto()
    """Decides which rows are taken, and is not kept."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a column may not come in as it is, and what may be done instead."""

    kind: Kind
    offer: str


# A name, number or address makes a person known wherever the key is seen.
_NO_KEYS: Final = frozenset(
    {
        *(Kind.A_NUMBER, Kind.SSN, Kind.DOCUMENT, Kind.EMAIL, Kind.PHONE, Kind.NAME),
        *(Kind.BIRTH, Kind.ADDRESS, Kind.SOCIAL, Kind.BODY, Kind.DEVICE, Kind.TEXT),
    }
)
# Who works on a case may be known by name or address; whose case it is may not.
_NO_NUMBERS: Final = _NO_KEYS - {Kind.NAME, Kind.EMAIL}
_NO_NUMBER_FORMS: Final = (Kind.A_NUMBER, Kind.SSN)
_NO_KEY_FORMS: Final = (Kind.A_NUMBER, Kind.SSN, Kind.EMAIL, Kind.PHONE)


@dataclass(slots=True, repr=False)
class _Seen:
    """Counts of one column."""

    cells: int = 0
    explicit: dict[Kind, int] = field(default_factory=dict)
    bare: dict[Kind, int] = field(default_factory=dict)
    long: int = 0
    long_texts: set[int] = field(default_factory=set)
    days: int = 0
    years: dict[int, int] = field(default_factory=dict)
    emptied: int = 0

    def long_text(self) -> bool:
        """Tell whether most long cells differ, as notes do and labels do not."""
        part, whole = _LONG_SHARE
        distinct = len(self.long_texts)
        return distinct > _FEWEST_LONG and distinct * whole > self.cells * part

    def births(self) -> bool:
        """Tell whether the days lie as birthdays do: long ago and years apart."""
        part, whole = _DAYS_SHARE
        if self.days < _FEWEST_DAYS or self.days * whole < self.cells * part:
            return False
        early, middle, late = (self._year_at(tenth) for tenth in (1, 5, 9))
        return middle < _BIRTHS_BEFORE and late - early > _BIRTHS_SPREAD

    def _year_at(self, tenth: int) -> int:
        """Return the year below which so many tenths of the days lie."""
        left = self.days * tenth
        for year in sorted(self.years):
            left -= self.years[year] * 10
            if left <= 0:
                return year
        return max(self.years)


class Guard:
    """One import's guard."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._bare_keys: dict[tuple[str, str], int] = {}
        self._batches: dict[tuple[str, str], int] = {}

    def __repr__(self) -> str:
        """Show nothing."""
        return "Guard()"

    def header(self, table: str, column: str) -> Blocked | None:
        """Say what a column's name gives away, in English or Spanish.

        The table is part of the question so that a rule may look at both.
        """
        kind = kind_of(column, table=table)
        return None if kind is None else Blocked(kind, offer_for(kind))

    def hides(self, text: str) -> bool:
        """Tell whether a value must not be shown, even on the site's own screen."""
        return patterns.hides(text)

    def see(self, table: str, column: str, values: pa.Array) -> None:
        """Count what some values look like. `clean` does this as well."""
        self._look(table, column, values)

    def clean(self, table: str, column: str, values: pa.Array, use: Use) -> pa.Array:
        """Count what values look like, and empty the cells that may not be stored.

        In a field these are all that look personal; elsewhere nothing is emptied,
        because `require` refuses the column or what it holds is never stored.
        """
        if use is Use.KEY and self._looked_enough(table, column):
            return values
        if use in (Use.DERIVED, Use.FILTER):
            return values
        hit = self._look(table, column, values, days=use is Use.FIELD)
        if use is not Use.FIELD or hit is None:
            return values
        mask = pc.is_in(values, value_set=hit)
        self._seen[table, column].emptied += int(pc.sum(mask).as_py() or 0)
        return pc.if_else(mask, pa.scalar(None, values.type), values)

    def require(self, uses: Mapping[tuple[str, str], Use]) -> None:
        """Refuse columns by name, and by all values seen so far.

        Call it before the first batch and again after the last one.

        Raises:
            BadRecords: a column may not be used like that; every one is named.
        """
        refused = []
        for (table, column), use in uses.items():
            blocked = self.blocked(table, column, use)
            if blocked is not None:
                where = f"column {_shown(column)} of {_shown(table)}"
                refused.append(f"{where} looks like {blocked.kind} ({blocked.offer})")
        if refused:
            raise BadRecords(
                f"Nothing was imported, because it must never be among the records: "
                f"{'; '.join(refused)}."
            )

    def blocked(self, table: str, column: str, use: Use) -> Blocked | None:
        """Say why a column may not be used like that, if it may not."""
        if use is Use.DERIVED:
            return None
        named = self.header(table, column)
        allowed_less = {Use.KEY: _NO_KEYS, Use.NUMBERED: _NO_NUMBERS}
        if named and named.kind in allowed_less.get(use, (named.kind,)):
            return named
        seen = self._seen.get((table, column))
        if seen is None or use is Use.FILTER:
            return None
        kind = _by_values(seen, use)
        if use is Use.KEY and kind is None and seen.bare:
            self._bare_keys[table, column] = sum(seen.bare.values())
        return None if kind is None else Blocked(kind, offer_for(kind))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Tell of cells that were emptied, and of keys that are plain numbers."""
        emptied = [
            Remark(EMPTIED, table, seen.emptied, column=column)
            for (table, column), seen in self._seen.items()
            if seen.emptied
        ]
        bare = [
            Remark(BARE_KEYS, table, count, column=column)
            for (table, column), count in self._bare_keys.items()
        ]
        return (*emptied, *bare)

    def _looked_enough(self, table: str, column: str) -> bool:
        """Tell whether a key may pass unseen: of many batches one in some is told.

        A key is never stored, so this finds what it is and not each single cell.
        """
        batches = self._batches.get((table, column), 0)
        self._batches[table, column] = batches + 1
        return batches >= _KEYS_ALL and batches % _KEYS_EVERY != 0

    def _look(
        self, table: str, column: str, values: pa.Array, *, days: bool = True
    ) -> pa.Array | None:
        """Count one batch; return the texts in it that look personal, if any."""
        seen = self._seen.setdefault((table, column), _Seen())
        seen.cells += len(values) - values.null_count
        lengths = pc.binary_length(values)
        if (pc.max(lengths).as_py() or 0) < patterns.SHORTEST:
            return None
        texts, counts = _counted(values, lengths)
        if days:
            _count_days(seen, texts, counts)
        _count_long(seen, texts, counts)
        hit = pc.match_substring_regex(texts, patterns.ANY_FORM)
        hit = pc.and_not(hit, pc.match_substring_regex(texts, patterns.COMPACT_DAY))
        if not pc.any(hit).as_py():
            return None
        texts, counts = texts.filter(hit), counts.filter(hit)
        _count_forms(seen.explicit, patterns.EXPLICIT, texts, counts)
        _count_forms(seen.bare, patterns.BARE, texts, counts)
        return texts


def _counted(values: pa.Array, lengths: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the different texts that are not too short to matter, and how often."""
    wanted = pc.greater_equal(lengths, patterns.SHORTEST)
    counted = values.filter(wanted, null_selection_behavior="drop").value_counts()
    return counted.field("values"), counted.field("counts")


def _count_forms(
    into: dict[Kind, int], forms: Mapping[Kind, str], texts: pa.Array, counts: pa.Array
) -> None:
    """Count the cells of each form."""
    for kind, form in forms.items():
        found = counts.filter(pc.match_substring_regex(texts, form))
        if len(found):
            into[kind] = into.get(kind, 0) + int(pc.sum(found).as_py())


def _count_long(seen: _Seen, texts: pa.Array, counts: pa.Array) -> None:
    """Count long cells; tell them apart by a number that only this process knows."""
    long = pc.greater(pc.utf8_length(texts), patterns.LONG_TEXT)
    if not pc.any(long).as_py():
        return
    seen.long += int(pc.sum(counts.filter(long)).as_py())
    if len(seen.long_texts) < _MOST_LONG:
        seen.long_texts.update(map(hash, texts.filter(long).to_pylist()))


def _count_days(seen: _Seen, texts: pa.Array, counts: pa.Array) -> None:
    """Count days by their year."""
    found = pc.extract_regex(texts, patterns.YEAR)
    is_day = found.is_valid()
    if not pc.any(is_day).as_py():
        return
    years = pc.cast(found.filter(is_day).field("year"), pa.int32())
    weights = counts.filter(is_day).to_pylist()
    for year, count in zip(years.to_pylist(), weights, strict=True):
        seen.years[year] = seen.years.get(year, 0) + count
        seen.days += count


def _by_values(seen: _Seen, use: Use) -> Kind | None:
    """Return what a column's values look like, if that is not allowed."""
    forms = dict(seen.explicit)
    if use is Use.KEY:
        forms = {kind: forms[kind] for kind in _NO_KEY_FORMS if kind in forms}
    elif use is Use.NUMBERED:
        forms = {kind: forms[kind] for kind in _NO_NUMBER_FORMS if kind in forms}
    else:
        for kind, count in seen.bare.items():
            forms[kind] = forms.get(kind, 0) + count
    worst = max(forms.items(), key=lambda item: item[1], default=None)
    if worst and worst[1] >= FEWEST and worst[1] * SHARE > seen.cells:
        return worst[0]
    if seen.long_text():
        return Kind.TEXT
    if use is Use.FIELD and seen.births():
        return Kind.BIRTH
    return None


def _shown(name: str) -> str:
    """Return a name, unless it may be a value itself."""
    hidden = patterns.looks_personal(name) or len(name) > 2 * patterns.LONG_TEXT
    return "(a name that is not shown)" if hidden else f"'{name}'"
