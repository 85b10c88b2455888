"""What a mapping profile says: where each field of the dictionary comes from.

A profile is data, read from TOML by `profile_reading`. It can rename, recode and
make coarser; it cannot compute anything else, and never names a value's owner.

Households are people who belong together. Where a source numbers a household anew at
each entry, a profile's `[people]` section joins everybody who ever shared one: the
group's key is the smallest person key in it, so it stays the same from import to
import while that person stays. If two groups meet, the one with the larger key is
gone from the records from then on; the register goes on counting its household where
it was counted, and nobody is counted again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from node.importer.dates import Style
from node.importer.sources.reading import Reading

PEOPLE: Final = "@people"
"""The name of the table that a profile's `[people]` section makes."""

PEOPLE_COLUMNS: Final = (
    "person",
    "household",
    "first_on",
    "age",
    "adult",
    "number",
    "adults",
    "children",
    "under_5",
    "composition",
)


class Derivation(StrEnum):
    """What is kept of a cell that must not be kept itself."""

    AGE_BAND = "age_band"
    REGION = "region"
    LANGUAGE_GROUP = "language_group"
    LOCAL_NUMBER = "local_number"
    DAYS_BETWEEN = "days_between"
    FLAG = "flag"
    TICKED = "ticked"


class OnePer(StrEnum):
    """Of whose rows only the first is kept."""

    PERSON = "person"
    HOUSEHOLD = "household"


Names = tuple[str, ...]
"""Columns a profile accepts for one meaning: the first that is there counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where one field comes from.

    Attributes:
        where: The line of the profile that says so, for an error's sentence.
        columns: Accepted columns.
        recode: Name of a recode list.
        constant: The same value in every row.
        derive: What is kept instead of the cell.
        at: Accepted columns of the second day, for an age or a span of days.
        kind: What a local number counts.
        values: Texts that make a flag 1.
        ticks: Column -> code, for boxes to be ticked; `several` if more than one is.
        clip: Whether a number outside the range becomes the nearest end of it.
        guess: Whether the program proposed it and nobody has confirmed it.
    """

    where: str
    columns: Names = ()
    recode: str | None = None
    constant: str | None = None
    derive: Derivation | None = None
    at: Names = ()
    kind: str | None = None
    values: frozenset[str] = frozenset()
    ticks: Mapping[str, str] = field(default_factory=dict)
    several: str | None = None
    clip: bool = False
    guess: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Which rows count: those whose cell is one of a few texts, or none of them."""

    column: str
    accepted: frozenset[str]
    negated: bool = False

    def holds(self, plain: str) -> bool:
        """Tell whether a text without case, accents and spaces passes."""
        return (plain in self.accepted) is not self.negated


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Another source table's columns beside each row: at most one row of it.

    Attributes:
        on: Pairs of a column here and one there.
        first_by: The day by which the first of several rows is chosen.
    """

    source: str
    on: tuple[tuple[str, str], ...]
    first_by: str | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Rows of one dictionary table, from one source table or several alike."""

    where: str
    table: str
    source: str
    optional: bool = False
    conditions: tuple[Condition, ...] = ()
    household_key: Names = ()
    person_key: Names = ()
    one_per: OnePer | None = None
    order_by: str | None = None
    joins: tuple[Join, ...] = ()
    fields: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who belongs together, and how old everybody was when they first came.

    Attributes:
        household: One column, or those that link people to one another.
        at: The day of an entry; ages are of the first.
        born: The day of birth.
        minor: Who is a child although no birth is known.
    """

    source: str
    person: str
    household: Names
    at: str
    born: Names
    minor: Condition | None = None
    conditions: tuple[Condition, ...] = ()
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A whole mapping profile.

    Attributes:
        own_names: Whether the source already speaks the dictionary's language; then
            anything the dictionary does not name is refused.
        recodes: List -> text without case, accents and spaces -> code; `*` stands
            for every other text, an empty code for nothing.
        shift_days: Added to every day that is kept; for training only.
    """

    name: str
    version: int
    dictionary: str
    about: str
    reading: Reading
    dates: tuple[Style, ...]
    own_names: bool = False
    entries: tuple[Entry, ...] = ()
    people: People | None = None
    recodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    signature: tuple[str, ...] = ()
    shift_days: int = 0

    def guesses(self) -> tuple[tuple[str, Cell], ...]:
        """Return the fields nobody has confirmed, as `table.field` and cell."""
        return tuple(
            (f"{entry.table}.{name}", cell)
            for entry in self.entries
            for name, cells in entry.fields.items()
            for cell in cells
            if cell.guess
        )
