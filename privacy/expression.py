"""The words a population and a value are written in.

A predicate says yes or no about one unit (a household or an adult); a term is
a whole number about it. Both are authored in the catalogue, never by an
analyst. An unknown fact makes a predicate false and a term empty, never an
error, so odd data cannot be told from ordinary data by what fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from privacy.errors import InvalidQuery

PERIOD_START, PERIOD_END = "period_start", "period_end"
MAX_PARTS, MAX_CODES, MAX_NUMBER = 24, 64, 1_000_000
MAX_OFFSET_DAYS = 1_100


def _within(value: int, low: int, high: int, what: str) -> None:
    """Refuse a number outside its public range, or one that is not whole."""
    if type(value) is not int or not low <= value <= high:
        raise InvalidQuery(f"{what} must be a whole number from {low} to {high}.")


def _some(values: tuple[object, ...], limit: int, what: str) -> None:
    """Refuse an empty or over-long list."""
    if not isinstance(values, tuple) or not 1 <= len(values) <= limit:
        raise InvalidQuery(f"{what} needs 1 to {limit} entries.")


@dataclass(frozen=True, slots=True)
class Instant:
    """A day: so many days after a reference.

    Attributes:
        reference: `period_start`, `period_end`, or the query's anchor event.
        days: offset, -1100 to 1100.
    """

    reference: str
    days: int

    def __post_init__(self) -> None:
        """Keep offsets within three years."""
        _within(self.days, -MAX_OFFSET_DAYS, MAX_OFFSET_DAYS, "An offset in days")


@dataclass(frozen=True, slots=True)
class Window:
    """The days from one instant to another, both included."""

    start: Instant
    end: Instant


# --- terms: whole numbers about one unit -------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """An integer field: of the unit's one row, or of a row in a filter."""

    field: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows of a table match, within a window if one is given.

    Of a household, its counted adults may be counted too: rows of a table that
    has one row for each adult, without a window.
    """

    table: str
    where: Predicate
    window: Window | None


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of an integer field over matching rows."""

    field: str
    where: Predicate
    window: Window | None


@dataclass(frozen=True, slots=True)
class SpellDays:
    """How many days of matching spells fall inside a window (overlaps add up)."""

    table: str
    where: Predicate
    window: Window


@dataclass(frozen=True, slots=True)
class DaysBetween:
    """Days from one once-per-unit event to another; empty unless both happened."""

    start: str
    end: str


class Order(StrEnum):
    """Which of several dated rows is meant; rows of one day in import order."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Pick:
    """A field of the earliest or latest matching row."""

    order: Order
    field: str
    where: Predicate
    window: Window


@dataclass(frozen=True, slots=True)
class Difference:
    """One term less another; empty if either is."""

    left: Term
    right: Term


Term = Number | Count | Sum | SpellDays | DaysBetween | Pick | Difference


# --- predicates: yes or no about one unit ------------------------------------


@dataclass(frozen=True, slots=True)
class OneOf:
    """A code field, or the code of a picked row, is one of a list."""

    source: str | Pick
    codes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Keep codes in one order, so one question has one form."""
        _some(self.codes, MAX_CODES, "A list of codes")
        if list(self.codes) != sorted(set(self.codes)):
            raise InvalidQuery("Codes must be sorted and differ.")


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag field is set."""

    field: str


class Comparison(StrEnum):
    """The comparisons a predicate may make."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class Compare:
    """A term compared with a number or another term."""

    left: Term
    comparison: Comparison
    right: int | Term

    def __post_init__(self) -> None:
        """Keep constants within a public range."""
        if isinstance(self.right, int):
            _within(self.right, -MAX_NUMBER, MAX_NUMBER, "A compared number")


@dataclass(frozen=True, slots=True)
class Active:
    """A matching spell is open on a day: begun by then and not ended by then."""

    table: str
    where: Predicate
    at: Instant


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; no parts means everybody."""

    parts: tuple[Predicate, ...]

    def __post_init__(self) -> None:
        """Bound the width."""
        if not isinstance(self.parts, tuple) or len(self.parts) > MAX_PARTS:
            raise InvalidQuery(f"`all` takes at most {MAX_PARTS} parts.")


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Predicate, ...]

    def __post_init__(self) -> None:
        """Bound the width."""
        _some(self.parts, MAX_PARTS, "`any`")


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold (an unknown fact counts as not holding)."""

    part: Predicate


Predicate = OneOf | Flag | Compare | Active | All | AnyOf | Not

EVERYBODY = All(())


# --- values: what each unit adds to its cell ---------------------------------


@dataclass(frozen=True, slots=True)
class One:
    """Each unit adds 1."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """A unit adds 1 where the predicate holds, else 0."""

    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Contrast:
    """A unit adds +1 where the predicate holds, else -1.

    With a count n of the same population, the share is (1 + contrast/n) / 2:
    half the error of an indicator for the same loss, because one household
    still moves the total by 1 while the share moves by half as much
    (the centred basis of Xiao et al. 2023, ResidualPlanner, for a binary
    attribute).
    """

    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Quantity:
    """A unit adds a term, clipped to a public range; an empty term adds 0."""

    term: Term
    lower: int
    upper: int

    def __post_init__(self) -> None:
        """The range must be a range and hold 0, which absent units add."""
        _within(self.lower, -MAX_NUMBER, 0, "The lower clip")
        _within(self.upper, 0, MAX_NUMBER, "The upper clip")
        if self.lower == self.upper:
            raise InvalidQuery("A clip needs room between lower and upper.")


@dataclass(frozen=True, slots=True)
class Weighted:
    """A unit adds its recorded weight, signed twice: by arm and by outcome.

    The sign is + where exactly both or neither of `arm` and `outcome` hold,
    else -, so the sum is a Horvitz-Thompson difference of centred outcomes.

    Attributes:
        weight: an integer field recorded at the draw, never recomputed.
        upper: the clip of the weight.
    """

    arm: Predicate
    outcome: Predicate
    weight: str
    upper: int

    def __post_init__(self) -> None:
        """Keep the clip within a public range."""
        _within(self.upper, 1, MAX_NUMBER, "The clip of a weight")


Value = One | Indicator | Contrast | Quantity | Weighted


# --- dimensions: which cell a unit falls in ----------------------------------


@dataclass(frozen=True, slots=True)
class ByField:
    """A dimension field, in one of its public groupings."""

    field: str
    grouping: str


@dataclass(frozen=True, slots=True)
class ByPick:
    """A code of a picked row, in one of its public groupings."""

    pick: Pick
    grouping: str


@dataclass(frozen=True, slots=True)
class ByBand:
    """Public bands of a term: below the first edge, between edges, from the last.

    A unit whose term is empty falls in a band of its own, `unknown`.
    """

    name: str
    term: Term
    edges: tuple[int, ...]

    def __post_init__(self) -> None:
        """Edges must rise."""
        _some(self.edges, 12, "Edges")
        if any(type(edge) is not int for edge in self.edges):
            raise InvalidQuery("Edges must be whole numbers.")
        if list(self.edges) != sorted(set(self.edges)):
            raise InvalidQuery("Edges must rise.")


@dataclass(frozen=True, slots=True)
class ByHolds:
    """Two cells, `yes` and `no`, by whether a predicate holds."""

    name: str
    predicate: Predicate


Dimension = ByField | ByPick | ByBand | ByHolds
