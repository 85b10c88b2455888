"""Check a question against the dictionary: every word must mean something.

Both ends run this. The node runs it on what it derived from its own catalogue,
so nothing outside the dictionary, no forbidden dimension and no unbounded
follow-up can reach a statement.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from privacy.dictionary import (
    Dictionary,
    FieldClass,
    Grain,
    Kind,
    Level,
    Rows,
    Table,
)
from privacy.errors import InvalidQuery
from privacy.expression import (
    PERIOD_END,
    PERIOD_START,
    Active,
    All,
    AnyOf,
    ByBand,
    ByField,
    ByHolds,
    ByPick,
    Compare,
    Contrast,
    Count,
    DaysBetween,
    Difference,
    Dimension,
    Flag,
    Indicator,
    Instant,
    Not,
    Number,
    One,
    OneOf,
    Pick,
    Predicate,
    Quantity,
    SpellDays,
    Sum,
    Term,
    Value,
    Weighted,
    Window,
)
from privacy.period import GRACE_DAYS
from privacy.query import Query, Unit, cells, name_of

MAX_DEPTH = 8


def check(query: Query, dictionary: Dictionary, grain: Grain) -> None:
    """Refuse a query that the dictionary does not give a meaning, or a grain.

    Raises:
        InvalidQuery: what is wrong, in words.
        InvalidProgramme: a table, field, grouping or event does not exist.
    """
    scope = _Scope(query, dictionary)
    scope.predicate(query.population, 0)
    scope.value(query.value)
    for dimension in query.by:
        scope.dimension(dimension, grain)
    if grain is Grain.SITE:
        _check_profile(query, dictionary)
    names = [name_of(dimension) for dimension in query.by]
    if len(set(names)) != len(names):
        raise InvalidQuery("Two dimensions have the same name.")
    if query.code_lists != code_lists(query, dictionary):
        raise InvalidQuery("The question names other code lists than it reads.")
    if query.anchor is not None:
        dictionary.event(query.anchor)
    cells(query, dictionary)


def _check_profile(query: Query, dictionary: Dictionary) -> None:
    """Refuse a question of a site about what its table may not show of a person.

    What a person is, one value each, would be told by a filter as by a dimension.
    """
    for path in _fields(query):
        field = dictionary.field(path)
        apart = field.field_class is FieldClass.DIMENSION and field.site is None
        if apart and dictionary.table(field.table).rows is Rows.ONE:
            raise InvalidQuery(f"{path} may not be asked about at site grain at all.")


def code_lists(query: Query, dictionary: Dictionary) -> tuple[tuple[str, int], ...]:
    """Return name and version of every code list a query reads, sorted."""
    found = set()
    for path in _fields(query):
        field = dictionary.field(path)
        if field.code_list is not None:
            used = dictionary.code_lists[field.code_list]
            found.add((used.name, used.version))
    return tuple(sorted(found))


def follow_up_days(query: Query) -> int:
    """Return how many days after a period's end the last fact asked about lies."""
    offsets = [
        instant.days
        for instant in walk(query)
        if isinstance(instant, Instant) and instant.reference != PERIOD_START
    ]
    return max([0, *offsets])


def matures(query: Query) -> int:
    """Return the day number from which the query may be asked.

    The follow-up window and the grace for late entries must have passed for
    the whole of the last period, so no cohort is read before its time.
    """
    return query.periods[-1].end + follow_up_days(query) + GRACE_DAYS + 1


@dataclass(frozen=True, slots=True)
class _Scope:
    """What may be said inside one query."""

    query: Query
    dictionary: Dictionary

    def predicate(  # noqa: C901, PLR0912 - one case for each word of the language
        self, it: Predicate, depth: int, row: Table | None = None
    ) -> None:
        """Check a predicate, about the unit or (with `row`) about one row."""
        if depth > MAX_DEPTH:
            raise InvalidQuery(f"Predicates may be nested at most {MAX_DEPTH} deep.")
        match it:
            case OneOf(source=source, codes=codes):
                path = source.field if isinstance(source, Pick) else source
                if isinstance(source, Pick):
                    self.pick(source, row)
                else:
                    self.single(path, row)
                self.kind(path, Kind.CODE)
                field = self.dictionary.field(path)
                if not set(codes) <= set(self.dictionary.codes_of(field).codes):
                    raise InvalidQuery(f"{path} has no such code.")
            case Flag(field=path):
                self.single(path, row)
                self.kind(path, Kind.FLAG)
            case Compare(left=left, right=right):
                self.term(left, row)
                if not isinstance(right, int):
                    self.term(right, row)
            case Active(table=name, where=where, at=at):
                self.rows(name, where, depth, row, Rows.SPELLS)
                self.instant(at)
            case All(parts=parts) | AnyOf(parts=parts):
                for part in parts:
                    self.predicate(part, depth + 1, row)
            case Not(part=part):
                self.predicate(part, depth + 1, row)
            case _:
                raise InvalidQuery("This is not a predicate.")

    def term(self, it: Term, row: Table | None = None) -> None:
        """Check a term."""
        match it:
            case Number(field=path):
                self.single(path, row)
                self.kind(path, Kind.INTEGER)
            case Count(table=name, where=where, window=None):
                self.countable(name, where, row)
            case Count(table=name, where=where, window=window):
                self.rows(name, where, 0, row)
                self.window(window)
            case Sum(field=path, where=where, window=window):
                self.rows(path.partition(".")[0], where, 0, row)
                self.kind(path, Kind.INTEGER)
                self.window(window)
            case SpellDays(table=name, where=where, window=window):
                self.rows(name, where, 0, row, Rows.SPELLS)
                self.window(window)
            case DaysBetween(start=start, end=end):
                self.no_row(row)
                self.dictionary.event(start)
                self.dictionary.event(end)
            case Pick():
                self.pick(it, row)
                self.kind(it.field, Kind.INTEGER)
            case Difference(left=left, right=right):
                self.term(left, row)
                self.term(right, row)
            case _:
                raise InvalidQuery("This is not a term.")

    def value(self, it: Value) -> None:
        """Check a value."""
        match it:
            case One():
                pass
            case Indicator(predicate=predicate) | Contrast(predicate=predicate):
                self.predicate(predicate, 0)
            case Quantity(term=term):
                self.term(term)
            case Weighted(arm=arm, outcome=outcome, weight=weight):
                self.predicate(arm, 0)
                self.predicate(outcome, 0)
                self.single(weight, None)
                self.kind(weight, Kind.INTEGER)
            case _:
                raise InvalidQuery("This is not a value.")

    def dimension(self, it: Dimension, grain: Grain) -> None:
        """Check a dimension, and that its grouping is allowed at the grain."""
        match it:
            case ByField(field=path, grouping=grouping):
                self.single(path, None)
                self.grain(path, grouping, grain)
            case ByPick(pick=pick, grouping=grouping):
                self.pick(pick, None)
                self.kind(pick.field, Kind.CODE)
                self.grain(pick.field, grouping, grain)
            case ByBand(term=term):
                self.term(term)
            case ByHolds(predicate=predicate):
                self.predicate(predicate, 0)
            case _:
                raise InvalidQuery("This is not a dimension.")

    def pick(self, it: Pick, row: Table | None) -> None:
        """Check a picked row; a household has no single picked adult's row."""
        table = self.rows(it.field.partition(".")[0], it.where, 0, row)
        if self.query.unit is Unit.HOUSEHOLD and table.level is Level.PERSON:
            raise InvalidQuery(
                f"{it.field} belongs to an adult; ask it of the lead or the person."
            )
        self.dictionary.field(it.field)
        self.window(it.window)

    def rows(
        self,
        name: str,
        where: Predicate,
        depth: int,
        row: Table | None,
        needed: Rows | None = None,
    ) -> Table:
        """Check a table of dated rows and the filter on them."""
        self.no_row(row)
        table = self.dictionary.table(name)
        if table.rows is Rows.ONE or (needed is not None and table.rows is not needed):
            raise InvalidQuery(f"{name} does not have the kind of rows asked for.")
        self.predicate(where, depth + 1, table)
        return table

    def countable(self, name: str, where: Predicate, row: Table | None) -> None:
        """Check a table to be counted: dated rows, or a household's adults."""
        table = self.dictionary.table(name)
        adults = table.rows is Rows.ONE and table.level is Level.PERSON
        if adults and self.query.unit is Unit.HOUSEHOLD:
            self.no_row(row)
            self.predicate(where, 1, table)
        else:
            self.rows(name, where, 0, row)

    def single(self, path: str, row: Table | None) -> None:
        """Check a field that must have one value here."""
        field = self.dictionary.field(path)
        if row is not None:
            if field.table != row.name:
                raise InvalidQuery(f"A filter on {row.name} cannot read {path}.")
            return
        table = self.dictionary.table(field.table)
        if table.rows is not Rows.ONE:
            raise InvalidQuery(f"{path} has many rows; count or pick among them.")
        if self.query.unit is Unit.HOUSEHOLD and table.level is Level.PERSON:
            raise InvalidQuery(
                f"{path} belongs to an adult; ask it of the lead or the person."
            )

    def grain(self, path: str, grouping: str, grain: Grain) -> None:
        """Refuse a grouping finer than the dictionary allows at this grain."""
        field = self.dictionary.field(path)
        if field.field_class is not FieldClass.DIMENSION:
            raise InvalidQuery(f"{path} may not be a dimension.")
        finest = field.finest(grain)
        if finest is None or finest not in ("full", grouping):
            raise InvalidQuery(
                f"{path} may not be shown by {grouping!r} at {grain.value} grain."
            )
        if field.kind is Kind.CODE:
            self.dictionary.codes_of(field).labels(grouping)
        elif grouping != "full":
            raise InvalidQuery(f"{path} has only the grouping 'full'.")

    def kind(self, path: str, kind: Kind) -> None:
        """Refuse a field of another kind."""
        if self.dictionary.field(path).kind is not kind:
            raise InvalidQuery(f"{path} is not a {kind.value} field.")

    def window(self, window: Window | None) -> None:
        """Check both ends of a window."""
        if window is not None:
            self.instant(window.start)
            self.instant(window.end)

    def instant(self, instant: Instant) -> None:
        """A day hangs on the period, or on the anchor whose cohort it is."""
        known = {PERIOD_START, PERIOD_END, self.query.anchor}
        if instant.reference not in known:
            raise InvalidQuery(
                f"A day hangs on the period or the anchor, not {instant.reference!r}."
            )

    def no_row(self, row: Table | None) -> None:
        """A filter on rows may only read that row."""
        if row is not None:
            raise InvalidQuery(f"A filter on {row.name} may only read its own fields.")


def walk(it: object) -> Iterator[object]:
    """Yield every part of a query, itself first."""
    yield it
    if isinstance(it, tuple):
        for part in it:
            yield from walk(part)
    elif hasattr(it, "__dataclass_fields__"):
        for name in it.__dataclass_fields__:
            yield from walk(getattr(it, name))


def _fields(query: Query) -> Iterator[str]:
    """Yield the path of every field a query reads."""
    for part in walk(query):
        match part:
            case Number(field=path) | Flag(field=path) | Sum(field=path):
                yield path
            case Pick(field=path) | ByField(field=path):
                yield path
            case OneOf(source=str() as path) | Weighted(weight=path):
                yield path
            case _:
                pass
