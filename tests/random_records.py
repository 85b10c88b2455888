"""Random small record sets, how they are edited over time, and random queries."""

import copy
import random

from privacy import expression as e
from privacy.dictionary import Field, FieldClass, Kind, Level, Rows, Table
from privacy.errors import InvalidQuery
from privacy.period import Period
from privacy.query import MAX_CELLS, Query, Unit, labels_of
from tests.record_site import DICTIONARY, FIRST, Row, ask_for

Records = dict[str, list[Row]]

_CONSENT = "participant.consent_stats"
_EDGE = [FIRST.start, FIRST.end, FIRST.next().end, FIRST.next().next().end]


class Edited:
    """One random site's records, which can be edited."""

    def __init__(self, chance: random.Random, households: int) -> None:
        """Make a few households with random adults and rows."""
        self._chance = chance
        self._made = 0
        self.rows: Records = {name: [] for name in DICTIONARY.tables}
        for _ in range(households):
            self._add_household()

    def edit(self) -> None:
        """Change dates and values, lose rows, split and merge households, add some."""
        chance = self._chance
        self.rows = copy.deepcopy(self.rows)
        for name, table in DICTIONARY.tables.items():
            kept = [row for row in self.rows[name] if chance.random() > 0.05]
            for row in kept:
                if chance.random() < 0.2:
                    field = chance.choice(list(table.fields.values()))
                    row[field.name] = _value(chance, field)
            if table.rows is not Rows.ONE:
                chance.shuffle(kept)
            self.rows[name] = kept
        hids = [row["hid"] for row in self.rows["household"]]
        for row in self.rows["participant"]:
            if hids and chance.random() < 0.1:
                row["hid"] = chance.choice(hids)
        if chance.random() < 0.5:
            self._add_household()

    def _add_household(self) -> None:
        chance = self._chance
        self._made += 1
        hid = f"h{self._made:02d}"
        pids = [f"{hid}-{n}" for n in range(chance.choice([0, 1, 1, 2, 2, 3]))]
        for name, table in DICTIONARY.tables.items():
            person = table.level is Level.PERSON
            for owner in pids if person else [hid]:
                key = "pid" if person else "hid"
                for _ in range(_how_many(chance, table)):
                    row = {f.name: _value(chance, f) for f in table.fields.values()}
                    row[key] = owner
                    if name == "participant":
                        row["hid"] = hid
                    self.rows[name].append(row)


def _how_many(chance: random.Random, table: Table) -> int:
    """Return how many rows somebody has; a missing one-row table is rare."""
    if table.name == "participant":
        return 1
    if table.rows is Rows.ONE:
        return int(chance.random() > 0.1)
    return chance.choice([0, 1, 1, 2, 4])


def _value(chance: random.Random, field: Field) -> str | int | None:
    """Return a random value: often at an edge, sometimes empty or unlisted."""
    if f"{field.table}.{field.name}" == _CONSENT:
        return chance.choice(["yes"] * 12 + ["no", None])
    if chance.random() < 0.1:
        return None
    match field.kind:
        case Kind.CODE:
            codes = DICTIONARY.codes_of(field).codes
            return chance.choice([*codes[:4], *codes, "not on the list"])
        case Kind.FLAG:
            return chance.randrange(2)
        case Kind.DAY:
            edge = chance.choice(_EDGE) + chance.choice([-1, 0, 1])
            return chance.choice([edge, FIRST.start + chance.randrange(-60, 400)])
        case Kind.INTEGER:
            return chance.choice(
                [field.low, field.high, chance.randint(field.low, field.high)]
            )


class Queries:
    """Random valid queries about closed periods."""

    def __init__(self, chance: random.Random) -> None:
        """Draw from one source of chance."""
        self._chance = chance

    def draw(self) -> Query:
        """Return a query; draws that break a limit are drawn again."""
        while True:
            try:
                return self._draw()
            except InvalidQuery:
                continue

    def _draw(self) -> Query:
        chance = self._chance
        self.unit = chance.choice(list(Unit))
        self.anchor = chance.choice([None, *DICTIONARY.events])
        by = tuple(self._dimension(n) for n in range(chance.choice([0, 0, 1, 2])))
        cells = 1
        for dimension in by:
            cells *= len(labels_of(dimension, DICTIONARY))
        if cells > MAX_CELLS or len({type(d) for d in by}) < len(by):
            raise InvalidQuery("Draw again.")
        periods = chance.choice(
            [
                ["FY2024-Q1"],
                ["FY2024-Q2"],
                ["FY2024-Q1", "FY2024-Q2", "FY2024-Q3"],
                ["FY2024-H1"],
                ["FY2024"],
            ]
        )
        return ask_for(
            *periods,
            unit=self.unit,
            anchor=self.anchor,
            entry=chance.choice([("FY2024",), ("FY2024", "FY2025"), ("FY2024",)]),
            population=e.EVERYBODY if chance.random() < 0.3 else self._predicate(2),
            value=self._value(),
            by=by,
        )

    def _tables(self, *rows: Rows) -> list[Table]:
        return [t for t in DICTIONARY.tables.values() if t.rows in rows]

    def _single(self, *kinds: Kind) -> list[Field]:
        """Return fields with one value per unit."""
        return [
            field
            for table in self._tables(Rows.ONE)
            if self.unit is not Unit.HOUSEHOLD or table.level is Level.HOUSEHOLD
            for field in table.fields.values()
            if field.kind in kinds
        ]

    def _field(self, fields: list[Field]) -> str:
        field = self._chance.choice(fields)
        return f"{field.table}.{field.name}"

    def _codes(self, path: str) -> tuple[str, ...]:
        codes = DICTIONARY.codes_of(DICTIONARY.field(path)).codes
        return tuple(sorted(self._chance.sample(codes, min(2, len(codes)))))

    def _instant(self) -> e.Instant:
        known = [e.PERIOD_START, e.PERIOD_END, *([self.anchor] if self.anchor else [])]
        days = self._chance.choice([0, 0, -30, 60])
        return e.Instant(self._chance.choice(known), days)

    def _window(self) -> e.Window:
        return e.Window(self._instant(), self._instant())

    def _where(self, table: Table, depth: int = 1) -> e.Predicate:
        """Return a filter on one table's rows."""
        chance = self._chance
        fields = list(table.fields.values())
        kind = chance.randrange(6 if depth else 3)
        if kind == 0:
            return e.EVERYBODY
        if kind in {1, 2}:
            field = chance.choice(fields)
            path = f"{table.name}.{field.name}"
            if field.kind is Kind.CODE:
                return e.OneOf(path, self._codes(path))
            if field.kind is Kind.FLAG:
                return e.Flag(path)
            if field.kind is Kind.INTEGER:
                how = chance.choice(list(e.Comparison))
                middle = (field.low + field.high) // 2
                return e.Compare(e.Number(path), how, middle)
            return e.EVERYBODY
        parts = tuple(self._where(table, 0) for _ in range(2))
        return [e.Not(parts[0]), e.All(parts), e.AnyOf(parts)][kind - 3]

    def _pick(self, *kinds: Kind) -> e.Pick:
        tables = [
            table
            for table in self._tables(Rows.MANY, Rows.SPELLS)
            if self.unit is not Unit.HOUSEHOLD or table.level is Level.HOUSEHOLD
        ]
        fields = [f for t in tables for f in t.fields.values() if f.kind in kinds]
        if not fields:
            raise InvalidQuery("Draw again.")
        path = self._field(fields)
        table = DICTIONARY.table(path.partition(".")[0])
        order = self._chance.choice(list(e.Order))
        return e.Pick(order, path, self._where(table), self._window())

    def _term(self, depth: int = 1) -> e.Term:  # noqa: PLR0911
        chance = self._chance
        many = chance.choice(self._tables(Rows.MANY, Rows.SPELLS))
        spells = chance.choice(self._tables(Rows.SPELLS))
        window = chance.choice([None, self._window()])
        match chance.randrange(7 if depth else 6):
            case 0:
                return e.Number(self._field(self._single(Kind.INTEGER)))
            case 1:
                return e.Count(many.name, self._where(many), window)
            case 2:
                sums = [f for f in many.fields.values() if f.kind is Kind.INTEGER]
                if not sums:
                    raise InvalidQuery("Draw again.")
                return e.Sum(self._field(sums), self._where(many), window)
            case 3:
                return e.SpellDays(spells.name, self._where(spells), self._window())
            case 4:
                first, last = chance.sample(list(DICTIONARY.events), 2)
                return e.DaysBetween(first, last)
            case 5:
                return self._pick(Kind.INTEGER)
            case _:
                return e.Difference(self._term(0), self._term(0))

    def _predicate(self, depth: int) -> e.Predicate:  # noqa: PLR0911
        chance = self._chance
        spells = chance.choice(self._tables(Rows.SPELLS))
        match chance.randrange(8 if depth else 5):
            case 0:
                path = self._field(self._single(Kind.CODE))
                return e.OneOf(path, self._codes(path))
            case 1:
                return e.Flag(self._field(self._single(Kind.FLAG)))
            case 2:
                how = chance.choice(list(e.Comparison))
                right = chance.choice([0, 1, 2, 30, self._term(0)])
                return e.Compare(self._term(), how, right)
            case 3:
                return e.Active(spells.name, self._where(spells), self._instant())
            case 4:
                pick = self._pick(Kind.CODE)
                return e.OneOf(pick, self._codes(pick.field))
            case 5:
                return e.Not(self._predicate(depth - 1))
            case 6:
                return e.All(tuple(self._predicate(depth - 1) for _ in range(2)))
            case _:
                return e.AnyOf(tuple(self._predicate(depth - 1) for _ in range(2)))

    def _value(self) -> e.Value:
        upper = self._chance.choice([1, 3, 40])
        match self._chance.randrange(6):
            case 0 | 1:
                return e.One()
            case 2:
                return e.Indicator(self._predicate(1))
            case 3:
                return e.Contrast(self._predicate(1))
            case 4:
                return e.Quantity(self._term(), self._chance.choice([0, -5]), upper)
            case _:
                weight = self._field(self._single(Kind.INTEGER))
                arm, outcome = self._predicate(1), self._predicate(1)
                return e.Weighted(arm, outcome, weight, upper)

    def _dimension(self, number: int) -> e.Dimension:
        name = f"dimension {number}"
        match self._chance.randrange(4):
            case 0:
                return self._by_field()
            case 1:
                pick = self._pick(Kind.CODE)
                if DICTIONARY.field(pick.field).national is None:
                    raise InvalidQuery("Draw again.")
                return e.ByPick(pick, self._grouping(pick.field))
            case 2:
                return e.ByBand(name, self._term(), (1, 3))
            case _:
                return e.ByHolds(name, self._predicate(1))

    def _by_field(self) -> e.ByField:
        fields = [
            field
            for field in self._single(Kind.CODE, Kind.FLAG)
            if field.field_class is FieldClass.DIMENSION and field.national
        ]
        path = self._field(fields)
        return e.ByField(path, self._grouping(path))

    def _grouping(self, path: str) -> str:
        return str(DICTIONARY.field(path).national)


def quarters() -> list[Period]:
    """Return the quarters the random records are closed by, in order."""
    found = [FIRST]
    while len(found) < 4:
        found.append(found[-1].next())
    return found
