"""A query: one typed aggregate question about closed periods.

It compiles to one integer vector per site: for every period and public cell,
the sum over units of a value. Shares, means and effects are computed from such
vectors afterwards and cost nothing more.
"""

import hashlib
import itertools
import math
from dataclasses import dataclass
from enum import StrEnum

from privacy import canonical
from privacy.dictionary import Dictionary, Kind
from privacy.errors import InvalidQuery
from privacy.expression import (
    ByBand,
    ByField,
    ByHolds,
    ByPick,
    Dimension,
    Predicate,
    Value,
)
from privacy.period import Period, PeriodKind

FORMAT = 1
MAX_CELLS = 24
"""Cells per period at site grain."""
MAX_DIMENSIONS, MAX_PERIODS, MAX_ENTRY_YEARS = 2, 8, 12
MAX_REVISION = 1_000

_KEY_DOMAIN = b"cmpp-exchange release key v1\x00"
_DIGEST_DOMAIN = b"cmpp-exchange query v1\x00"


@canonical.register
class Unit(StrEnum):
    """Who is counted once. The unit of *privacy* is always the household case.

    Attributes:
        HOUSEHOLD: the household; facts about adults count over its counted two.
        LEAD: the household's first counted adult: one per household.
        PERSON: each counted adult: at most two per household.
    """

    HOUSEHOLD = "household"
    LEAD = "lead"
    PERSON = "person"

    @property
    def per_household(self) -> int:
        """The most units one household can be."""
        return 2 if self is Unit.PERSON else 1


class Mode(StrEnum):
    """What leaves a site: its own release, or a share of a total."""

    SITE = "site"
    SUM = "sum"


@canonical.register
@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question. Build it from the catalogue, check it with `binding.check`.

    Attributes:
        format: version of the canonical form.
        unit: who is counted.
        entry_years: fiscal years of entry the population may touch; others are
            not counted, and only these are charged.
        anchor: the once-per-unit event whose cohort each period is, or None
            for a question about everybody of those entry years.
        periods: the periods asked about, of one kind, in order.
        population: who is in.
        value: what each unit adds.
        by: at most two dimensions.
        code_lists: name and version of every code list the question reads.
        revision: 0; a mandate raises it for a correction, at a new charge.

    Raises:
        InvalidQuery: a limit or an order is not kept.
    """

    format: int
    unit: Unit
    entry_years: tuple[Period, ...]
    anchor: str | None
    periods: tuple[Period, ...]
    population: Predicate
    value: Value
    by: tuple[Dimension, ...]
    code_lists: tuple[tuple[str, int], ...]
    revision: int

    def __post_init__(self) -> None:
        """Keep every limit that needs no dictionary."""
        if self.format != FORMAT:
            raise InvalidQuery(f"Only format {FORMAT} of the canonical form is read.")
        if not isinstance(self.unit, Unit):
            raise InvalidQuery("The unit must be household, lead or person.")
        _rising(self.entry_years, MAX_ENTRY_YEARS, "Entry years")
        _rising(self.periods, MAX_PERIODS, "Periods")
        if any(y.kind is not PeriodKind.FISCAL_YEAR for y in self.entry_years):
            raise InvalidQuery("Entry years must be fiscal years, such as FY2024.")
        if len({period.kind for period in self.periods}) != 1:
            raise InvalidQuery("A query's periods must all be of one length.")
        if not isinstance(self.by, tuple) or len(self.by) > MAX_DIMENSIONS:
            raise InvalidQuery(f"A query may have at most {MAX_DIMENSIONS} dimensions.")
        if list(self.code_lists) != sorted(set(self.code_lists)):
            raise InvalidQuery("Code lists must be sorted and differ.")
        if type(self.revision) is not int or not 0 <= self.revision <= MAX_REVISION:
            raise InvalidQuery("A revision is a whole number from 0 to 1000.")

    @property
    def canonical_form(self) -> bytes:
        """The canonical form: what is signed and compared."""
        return canonical.encode(self)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical form, 32 bytes."""
        return hashlib.sha256(_DIGEST_DOMAIN + self.canonical_form).digest()

    def release_key(self, mode: Mode) -> bytes:
        """Return the identity of this question's one answer, 32 bytes.

        It covers the question and the mode, and nothing about who asked, why,
        under what name, or at what loss: the first release is the answer.
        """
        domain = _KEY_DOMAIN + mode.value.encode() + b"\x00"
        return hashlib.sha256(domain + self.canonical_form).digest()


def parse(data: bytes) -> Query:
    """Read a query from its canonical bytes.

    Raises:
        InvalidQuery: the bytes are not the canonical form of a query.
    """
    value = canonical.decode(data)
    if not isinstance(value, Query):
        raise InvalidQuery("These bytes are not a query.")
    return value


@dataclass(frozen=True, slots=True)
class Cell:
    """One public cell: its period and one label for each dimension."""

    period: Period
    labels: tuple[tuple[str, str], ...]


def cells(query: Query, dictionary: Dictionary) -> tuple[Cell, ...]:
    """Return the cells in vector order: periods outermost, then dimensions.

    Shapes: one entry per entry of every site's vector.

    Raises:
        InvalidQuery: more cells than a site's answer may have.
    """
    axes = [(name_of(d), labels_of(d, dictionary)) for d in query.by]
    if math.prod(len(labels) for _, labels in axes) > MAX_CELLS:
        raise InvalidQuery(
            f"The question has more than {MAX_CELLS} cells per period; use a coarser "
            "grouping or one dimension fewer."
        )
    rows: list[tuple[tuple[str, str], ...]] = [()]
    for name, labels in axes:
        rows = [(*row, (name, label)) for row in rows for label in labels]
    return tuple(Cell(period, row) for period in query.periods for row in rows)


def name_of(dimension: Dimension) -> str:
    """Return the name a dimension's labels are shown under."""
    match dimension:
        case ByField(field=field):
            return field.partition(".")[2]
        case ByPick(pick=pick):
            return pick.field.partition(".")[2]
        case ByBand(name=name) | ByHolds(name=name):
            return name


def labels_of(dimension: Dimension, dictionary: Dictionary) -> tuple[str, ...]:
    """Return a dimension's public labels, in vector order."""
    match dimension:
        case ByField(field=path, grouping=grouping):
            return _groups(dictionary, path, grouping)
        case ByPick(pick=pick, grouping=grouping):
            return (*_groups(dictionary, pick.field, grouping), "none")
        case ByBand(edges=edges):
            middle = [f"{a} to {b - 1}" for a, b in itertools.pairwise(edges)]
            return (f"under {edges[0]}", *middle, f"{edges[-1]} or more", "unknown")
        case ByHolds():
            return ("yes", "no")


def _groups(dictionary: Dictionary, path: str, grouping: str) -> tuple[str, ...]:
    """Return the labels of a code field's grouping, or a flag's two."""
    field = dictionary.field(path)
    if field.kind is Kind.FLAG:
        return ("yes", "no")
    return tuple(dictionary.codes_of(field).labels(grouping))


def _rising(periods: tuple[Period, ...], limit: int, what: str) -> None:
    """Refuse an empty, over-long or unordered list of periods."""
    if not isinstance(periods, tuple) or not 1 <= len(periods) <= limit:
        raise InvalidQuery(f"{what}: give 1 to {limit}.")
    if not all(isinstance(period, Period) for period in periods):
        raise InvalidQuery(f"{what} must be periods.")
    starts = [period.start for period in periods]
    if starts != sorted(set(starts)):
        raise InvalidQuery(f"{what} must rise and differ.")
