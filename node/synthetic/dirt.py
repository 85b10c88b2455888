"""What goes wrong between a case worker's desk and an export, planted on purpose.

Every defect is written down as it is planted, with the finding it must lead to, so
that an importer can be held against the list. Vault values come from ranges that
belong to nobody: A000000000 to A000000999, 555-0100 to 555-0199, example.org.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from node.synthetic import odds
from node.synthetic.odds import Chance, Odds
from node.synthetic.people import chances
from node.synthetic.row import Row, Rows, day_of, iso
from node.synthetic.stream import Stream
from privacy.dictionary import Dictionary, Kind, Table
from privacy.dictionary import Rows as Many
from privacy.errors import InvalidProgramme
from privacy.strict import Section

CANARIES: Final = 20
_KEYS: Final = ("household_key", "person_key")
_ZEROS: Final = re.compile("(?<=-[HP])0+")
_VAULT: Final = ("number", "phone", "mail")
_UNREADABLE: Final = ("soon", "??", "2024-13-45", "next week")
_RARE_REGIONS: Final = (
    "asia_pacific",
    "europe_central_asia",
    "middle_east_north_africa",
)
_RARE_GENDERS: Final = ("another_or_multiple", "does_not_know", "prefers_not")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirt:
    """How often each defect is planted.

    Attributes:
        missing: `table.field` -> chance that its cell is empty.
        duplicated: A row is there twice.
        ends_early: A spell ends before it starts.
        lost_zeros: A key lost its leading zeros.
        unreadable: A date is none.
        unlisted: `table.field` -> words that are in no code list.
        unlisted_chance: Chance that such a field has one of them.
        vault: `table.field` -> chance of a value that must never come in.
        entry_lag: Days until what happened is typed in; later rows are not there yet.
        last_day: The day of the export.
    """

    missing: dict[str, Chance]
    duplicated: Chance
    ends_early: Chance
    lost_zeros: Chance
    unreadable: Chance
    unlisted: dict[str, tuple[str, ...]]
    unlisted_chance: Chance
    vault: dict[str, Chance]
    entry_lag: Odds[int]
    last_day: int


@dataclass(frozen=True, slots=True)
class Defect:
    """One kind of defect: the check that must find it, where, and the word shown."""

    check: str
    table: str
    field: str = ""
    shown: str = ""


@dataclass(slots=True)
class Planted:
    """Everything planted so far.

    Attributes:
        defects: How often each kind was planted.
        vault: Values that must appear nowhere after an import.
        canaries: Rare records that nobody may ever recover.
    """

    defects: Counter[Defect] = field(default_factory=Counter)
    vault: set[str] = field(default_factory=set)
    canaries: list[Row] = field(default_factory=list)


def read(section: Section, *, last_day: int) -> Dirt:
    """Read the dirt section."""
    unlisted = section.raw("unlisted")
    if not isinstance(unlisted, dict):
        raise InvalidProgramme(f"{section.name}.unlisted must be a table of lists.")
    dirt = Dirt(
        missing=chances(section, "missing"),
        duplicated=odds.percent(section, "duplicated"),
        ends_early=odds.percent(section, "ends_early"),
        lost_zeros=odds.percent(section, "lost_zeros"),
        unreadable=odds.percent(section, "unreadable"),
        unlisted={name: tuple(map(str, words)) for name, words in unlisted.items()},
        unlisted_chance=odds.percent(section, "unlisted_percent"),
        vault=chances(section, "vault"),
        entry_lag=odds.lag(section, "entry_lag"),
        last_day=last_day,
    )
    section.done()
    return dirt


class Spoiler:
    """Spoil one site's rows, household by household."""

    def __init__(
        self,
        dirt: Dirt,
        dictionary: Dictionary,
        planted: Planted,
        *,
        stream: Callable[[int], Stream],
        canaries: Collection[int],
    ) -> None:
        """Prepare.

        Args:
            dirt: How often each defect is planted.
            dictionary: Says which fields are codes and days.
            planted: Where it is written down.
            stream: A household's number -> its own stream.
            canaries: Numbers of the households that become canaries.
        """
        self._dirt = dirt
        self._dictionary = dictionary
        self._planted = planted
        self._new_stream = stream
        self._canaries = frozenset(canaries)

    def spoil(self, rows: Rows, *, index: int) -> Rows:
        """Yield a household's rows with whatever goes wrong with them."""
        stream = self._new_stream(index)
        if index in self._canaries:
            yield from self._canary(rows)
            return
        for name, row in rows:
            table = self._dictionary.tables[name]
            if not self._late(table, row, stream):
                yield from ((name, each) for each in self._row(table, row, stream))

    def _canary(self, rows: Rows) -> Rows:
        """Make the first adult unlike anybody else, in a way no odds produce."""
        number = len(self._planted.canaries)
        for name, row in rows:
            if name == "participant" and row["adult_number"] == 1:
                gender, rest = number % len(_RARE_GENDERS), number // len(_RARE_GENDERS)
                rare: Row = {
                    "language_group": "indigenous_americas",
                    "origin_region": _RARE_REGIONS[rest % len(_RARE_REGIONS)],
                    "gender": _RARE_GENDERS[gender],
                    "age_band": ("55_plus", "45_54", "18_24")[rest // 3 % 3],
                    "protection_sought": "vawa_t_u_sij",
                }
                keys = {key: row[key] for key in _KEYS}
                self._planted.canaries.append(keys | rare)
                yield name, row | rare
            else:
                yield name, row

    def _late(self, table: Table, row: Row, stream: Stream) -> bool:
        """Tell whether an event had not yet been typed in on the day of the export."""
        if table.rows is not Many.MANY or row.get(str(table.start)) is None:
            return False
        happened = day_of(str(row[str(table.start)]))
        return happened + self._dirt.entry_lag.pick(stream) > self._dirt.last_day

    def _row(self, table: Table, row: Row, stream: Stream) -> Iterator[Row]:
        """Yield a row with at most one defect, once or twice."""
        spoilt = (
            self._early_end(table, row, stream)
            or self._lost_zeros(table, row, stream)
            or self._unreadable(table, row, stream)
            or self._word(table, row, stream)
            or self._vault(table, row, stream)
        )
        if spoilt is not None:
            yield spoilt
            return
        row = self._emptied(table, row, stream)
        yield row
        if self._dirt.duplicated.happens(stream):
            once = table.rows is Many.ONE
            self._note("seen-before" if once else "exact-duplicate", table)
            yield dict(row)

    def _note(self, check: str, table: Table, field: str = "", shown: str = "") -> None:
        """Write a defect down."""
        self._planted.defects[Defect(check, table.name, field, shown)] += 1

    def _early_end(self, table: Table, row: Row, stream: Stream) -> Row | None:
        """End a spell before it starts."""
        start, end = table.start, table.end
        if start is None or end is None or row.get(end) is None:
            return None
        if not self._dirt.ends_early.happens(stream):
            return None
        self._note("ends-before-start", table, end)
        return row | {end: iso(day_of(str(row[start])) - 1 - stream.below(30))}

    def _lost_zeros(self, table: Table, row: Row, stream: Stream) -> Row | None:
        """Write a key as a spreadsheet does that takes it for a number."""
        if table.name in {"household", "participant"}:
            return None
        if not self._dirt.lost_zeros.happens(stream):
            return None
        (key,) = (key for key in _KEYS if key in row)
        whose = "household" if key == "household_key" else "person"
        self._note(f"unknown-{whose}", table)
        return row | {key: _ZEROS.sub("", str(row[key]))}

    def _unreadable(self, table: Table, row: Row, stream: Stream) -> Row | None:
        """Write something into a day's cell that is no date."""
        if table.rows is not Many.MANY or not self._dirt.unreadable.happens(stream):
            return None
        day = str(table.start)
        self._note("not-a-date", table, day)
        return row | {day: _UNREADABLE[stream.below(len(_UNREADABLE))]}

    def _word(self, table: Table, row: Row, stream: Stream) -> Row | None:
        """Write a word of the site's own that is in no code list."""
        for path, words in self._dirt.unlisted.items():
            where, _, name = path.partition(".")
            if where != table.name or row.get(name) is None:
                continue
            if self._dirt.unlisted_chance.happens(stream):
                word = words[stream.below(len(words))]
                self._note("unlisted-code", table, name, word)
                return row | {name: word}
        return None

    def _vault(self, table: Table, row: Row, stream: Stream) -> Row | None:
        """Write a value that must never come in into a code's cell."""
        for path, chance in self._dirt.vault.items():
            where, _, name = path.partition(".")
            if where == table.name and chance.happens(stream):
                value = vault_value(stream)
                self._planted.vault.add(value)
                self._note("personal-cell", table, name)
                return row | {name: value}
        return None

    def _emptied(self, table: Table, row: Row, stream: Stream) -> Row:
        """Leave cells empty."""
        for path, chance in self._dirt.missing.items():
            where, _, name = path.partition(".")
            if where == table.name and chance.happens(stream):
                row = row | {name: None}
        return row


def vault_value(stream: Stream) -> str:
    """Return an alien number, telephone number or address that is nobody's."""
    return vault_of(_VAULT[stream.below(len(_VAULT))], stream)


def vault_of(kind: str, stream: Stream) -> str:
    """Return a value of one kind, from the ranges that belong to nobody."""
    number = stream.below(1_000)
    match kind:
        case "number":
            return f"A{number:09d}"
        case "phone":
            return f"(202) 555-01{number % 100:02d}"
        case "mail":
            return f"case{number}@example.org"
        case _:
            said = f"Training note {number}: nobody said this, and nobody wrote it"
            return f"{said}; call 555-01{number % 100:02d}."


def canaries_of(households: int) -> frozenset[int]:
    """Return which of a site's households become canaries, spread evenly."""
    count = min(CANARIES, households // 5)
    half = Decimal("0.5")
    return frozenset(1 + int((n + half) * households / count) for n in range(count))


def check(dirt: Dirt, dictionary: Dictionary) -> None:
    """Refuse a defect for a field that there is not, or of another kind.

    Raises:
        InvalidProgramme: the dirt section names it.
    """
    for path in (*dirt.unlisted, *dirt.vault):
        if dictionary.field(path).kind is not Kind.CODE:
            raise InvalidProgramme(f"dirt: {path} is not a code; choose another field.")
    for path in dirt.missing:
        dictionary.field(path)
