"""Answer a query by reading plain rows in Python: slow, obvious, and without SQL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from privacy.dictionary import Kind, Level
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
    Comparison,
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
    Order,
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
from privacy.period import Period
from privacy.query import Query, Unit, cells, labels_of
from tests.record_site import DICTIONARY, Row

Records = Mapping[str, list[Row]]


@dataclass(frozen=True)
class Registered:
    """One household in the register, with its counted adults in slot order."""

    hid: str
    entry_year: str
    cohorts: Mapping[str, str | None]
    adults: tuple[str, ...]


def answer(
    query: Query, records: Records, register: Iterable[Registered]
) -> tuple[int, ...]:
    """Return the tally of a query."""
    size = len(cells(query, DICTIONARY)) // len(query.periods)
    vector = [0] * (size * len(query.periods))
    for index, period in enumerate(query.periods):
        for home in register:
            for unit in _units(query, records, home, period):
                if unit.holds(query.population):
                    vector[index * size + unit.cell(query)] += unit.value(query.value)
    return tuple(vector)


def _units(
    query: Query, records: Records, home: Registered, period: Period
) -> Iterable["_Member"]:
    """Yield the units a household is, if it is counted at all."""
    quarters = [quarter.label for quarter in period.quarters]
    if home.entry_year not in [year.label for year in query.entry_years]:
        return
    if query.anchor is not None and home.cohorts[query.anchor] not in quarters:
        return
    consents = {
        pid
        for pid in home.adults
        for row in records.get("participant", [])
        if row["pid"] == pid and row.get("consent_stats") == "yes"
    }
    everybody = consents == set(home.adults)
    if query.unit is Unit.HOUSEHOLD and everybody:
        yield _Member(records, home.hid, home.adults, period)
    elif query.unit is Unit.LEAD and everybody and home.adults:
        yield _Member(records, home.hid, home.adults[:1], period)
    elif query.unit is Unit.PERSON:
        for pid in home.adults:
            if pid in consents:
                yield _Member(records, home.hid, (pid,), period)


@dataclass(frozen=True)
class _Member:
    """One unit: whose rows are its facts, in one period."""

    records: Records
    hid: str
    pids: tuple[str, ...]
    period: Period

    def rows(self, table: str) -> list[tuple[int, Row]]:
        person = DICTIONARY.table(table).level is Level.PERSON
        return [
            (number, row)
            for number, row in enumerate(self.records.get(table, []))
            if (row["pid"] in self.pids if person else row["hid"] == self.hid)
        ]

    def one(self, path: str) -> str | int | None:
        table, _, name = path.partition(".")
        found = self.rows(table)
        return found[0][1].get(name) if found else None

    def first(self, event: str) -> int | None:
        it = DICTIONARY.event(event)
        days = [
            row[it.day]
            for _, row in self.rows(it.table)
            if row.get(it.day) is not None
            and (it.field is None or row.get(it.field) in it.codes)
        ]
        return min(days, default=None)

    def day(self, instant: Instant) -> int | None:
        if instant.reference == PERIOD_START:
            return self.period.start + instant.days
        if instant.reference == PERIOD_END:
            return self.period.end + instant.days
        first = self.first(instant.reference)
        return None if first is None else first + instant.days

    def inside(self, day: int | None, window: Window | None) -> bool:
        if window is None:
            return True
        start, end = self.day(window.start), self.day(window.end)
        return None not in (day, start, end) and start <= day <= end

    def matching(self, it: Count | Sum | Pick, table: str) -> list[tuple[int, Row]]:
        start = DICTIONARY.table(table).start
        return [
            (number, row)
            for number, row in self.rows(table)
            if self.holds(it.where, row) and self.inside(row.get(start), it.window)
        ]

    def open_on(self, it: Active | SpellDays, days: Iterable[int]) -> int:
        table = DICTIONARY.table(it.table)
        count = 0
        for _, row in self.rows(it.table):
            start, end = row.get(table.start), row.get(table.end)
            if start is not None and self.holds(it.where, row):
                count += sum(start <= d and (end is None or end > d) for d in days)
        return count

    def pick(self, it: Pick) -> Row | None:
        table = it.field.partition(".")[0]
        start = DICTIONARY.table(table).start
        found = self.matching(it, table)
        if not found:
            return None
        best = min if it.order is Order.EARLIEST else max
        return best(found, key=lambda pair: (pair[1][start], pair[0]))[1]

    def term(self, it: Term, row: Row | None = None) -> int | None:  # noqa: PLR0911
        match it:
            case Number(field=path):
                name = path.partition(".")[2]
                return self.one(path) if row is None else row.get(name)
            case Count(table=table):
                return len(self.matching(it, table))
            case Sum(field=path):
                table, _, name = path.partition(".")
                return sum(r.get(name) or 0 for _, r in self.matching(it, table))
            case SpellDays(window=window):
                start, end = self.day(window.start), self.day(window.end)
                if start is None or end is None:
                    return 0
                return self.open_on(it, range(start, end + 1))
            case DaysBetween(start=start, end=end):
                return _less(self.first(end), self.first(start))
            case Pick(field=path):
                found = self.pick(it)
                return None if found is None else found.get(path.partition(".")[2])
            case Difference(left=left, right=right):
                return _less(self.term(left, row), self.term(right, row))

    def holds(self, it: Predicate, row: Row | None = None) -> bool:  # noqa: PLR0911
        match it:
            case OneOf(source=Pick() as pick, codes=codes):
                return self.term(pick) in codes
            case OneOf(source=path, codes=codes):
                return self.fact(path, row) in codes
            case Flag(field=path):
                return self.fact(path, row) == 1
            case Compare(left=left, comparison=comparison, right=right):
                a = self.term(left, row)
                b = right if isinstance(right, int) else self.term(right, row)
                if a is None or b is None:
                    return False
                return {
                    Comparison.AT_LEAST: a >= b,
                    Comparison.AT_MOST: a <= b,
                    Comparison.EQUAL: a == b,
                }[comparison]
            case Active(at=at):
                day = self.day(at)
                return day is not None and self.open_on(it, [day]) > 0
            case All(parts=parts):
                return all(self.holds(part, row) for part in parts)
            case AnyOf(parts=parts):
                return any(self.holds(part, row) for part in parts)
            case Not(part=part):
                return not self.holds(part, row)

    def fact(self, path: str, row: Row | None) -> str | int | None:
        return self.one(path) if row is None else row.get(path.partition(".")[2])

    def value(self, it: Value) -> int:
        match it:
            case One():
                return 1
            case Indicator(predicate=predicate):
                return int(self.holds(predicate))
            case Contrast(predicate=predicate):
                return 1 if self.holds(predicate) else -1
            case Quantity(term=term, lower=lower, upper=upper):
                return max(lower, min(upper, self.term(term) or 0))
            case Weighted(arm=arm, outcome=outcome, weight=weight, upper=upper):
                size = max(0, min(upper, self.one(weight) or 0))
                return size if self.holds(arm) == self.holds(outcome) else -size

    def cell(self, query: Query) -> int:
        place = 0
        for dimension in query.by:
            labels = labels_of(dimension, DICTIONARY)
            place = place * len(labels) + labels.index(self.label(dimension))
        return place

    def label(self, it: Dimension) -> str:  # noqa: PLR0911
        match it:
            case ByField(field=path, grouping=grouping):
                if DICTIONARY.field(path).kind is Kind.FLAG:
                    return "yes" if self.one(path) == 1 else "no"
                return _group(path, grouping, self.one(path))
            case ByPick(pick=pick, grouping=grouping):
                if self.pick(pick) is None:
                    return "none"
                return _group(pick.field, grouping, self.term(pick))
            case ByBand(term=term, edges=edges):
                amount = self.term(term)
                if amount is None:
                    return "unknown"
                labels = labels_of(it, DICTIONARY)
                return labels[sum(amount >= edge for edge in edges)]
            case ByHolds(predicate=predicate):
                return "yes" if self.holds(predicate) else "no"


def _less(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left - right


def _group(path: str, grouping: str, code: str | int | None) -> str:
    codes = DICTIONARY.codes_of(DICTIONARY.field(path))
    known = code if code in codes.codes else codes.otherwise
    groups = codes.labels(grouping).items()
    return next(label for label, group in groups if known in group)
