"""Which columns of which source tables make each batch of a dictionary table's rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from node.importer.guard import Use
from node.importer.profile import PEOPLE, Cell, Condition, Derivation, Entry, OnePer

# The column a recode falls back on is stored like any other, and whoever knows one of
# two days and the days between knows the other.
_USES: Final = {
    None: Use.FIELD,
    Derivation.DAYS_BETWEEN: Use.FIELD,
    Derivation.LOCAL_NUMBER: Use.NUMBERED,
}


@dataclass(frozen=True, slots=True)
class Ref:
    """One column of the source: which of a plan's tables, 0 being the main one."""

    place: int
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A joined table and its columns."""

    table: str
    pairs: tuple[tuple[Ref, Ref], ...]
    first_by: Ref | None
    conditions: tuple[tuple[Ref, Condition], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """One field and the columns it is made of."""

    name: str
    cell: Cell
    columns: tuple[Ref, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one source table's rows become a dictionary table's."""

    entry: Entry
    main: str
    joins: tuple[Joined, ...]
    conditions: tuple[tuple[Ref, Condition], ...]
    keys: Mapping[str, Ref]
    order: Ref | None
    made: tuple[Made, ...]

    @property
    def streams(self) -> bool:
        """Whether the rows can go by one after another."""
        whole = self.joins or self.entry.one_per or self.main == PEOPLE
        return not whole

    @property
    def refs(self) -> tuple[Ref, ...]:
        """Every column the rows need, each once."""
        cells = (ref for made in self.made for ref in made.columns)
        return tuple(dict.fromkeys([*self.keys.values(), *cells]))

    def uses(self) -> Iterator[tuple[Ref, Use]]:
        """Yield what each column is used for."""
        for made in self.made:
            use = _USES.get(made.cell.derive, Use.DERIVED)
            for ref in made.columns:
                yield ref, use
        for ref in self.keys.values():
            yield ref, Use.KEY
        for ref, _ in self.conditions:
            yield ref, Use.FILTER
        for joined in self.joins:
            for pair in joined.pairs:
                yield from ((ref, Use.KEY) for ref in pair)
            for ref, _ in joined.conditions:
                yield ref, Use.FILTER
            if joined.first_by is not None:
                yield joined.first_by, Use.DERIVED
        if self.order is not None:
            yield self.order, Use.DERIVED


def ordering(entry: Entry) -> str | None:
    """Return the key of which only the first row is kept."""
    if entry.one_per is None:
        return None
    return "household_key" if entry.one_per is OnePer.HOUSEHOLD else "person_key"
