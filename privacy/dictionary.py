"""The data dictionary: which tables, fields, codes and events exist.

Public and versioned. Nothing outside it can be asked about, and no statement a
node runs holds a value that is not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from privacy import strict
from privacy.errors import InvalidProgramme


class Level(StrEnum):
    """Whose row it is."""

    HOUSEHOLD = "household"
    PERSON = "person"


class Rows(StrEnum):
    """How many rows a household or person may have, and how they are dated."""

    ONE = "one"
    MANY = "many"
    SPELLS = "spells"


class Kind(StrEnum):
    """What a field holds; flags are 0 or 1, days are day numbers."""

    CODE = "code"
    FLAG = "flag"
    INTEGER = "integer"
    DAY = "day"


class FieldClass(StrEnum):
    """What a field may be used for: filter only, dimension, or quantity."""

    LOCAL = "L"
    DIMENSION = "D"
    QUANTITY = "Q"


class Grain(StrEnum):
    """Whose number is published: one site's, or the network's total only."""

    SITE = "site"
    NATIONAL = "national"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """A fixed list of codes, and the coarser groupings it may be shown in.

    Attributes:
        groups: grouping name -> label -> codes; every code is in one label.
            The grouping `full` is the list itself.
    """

    name: str
    version: int
    codes: tuple[str, ...]
    otherwise: str
    groups: Mapping[str, Mapping[str, tuple[str, ...]]]

    def labels(self, grouping: str) -> Mapping[str, tuple[str, ...]]:
        """Return label -> codes of a grouping.

        Raises:
            InvalidProgramme: the list has no such grouping.
        """
        if grouping == "full":
            return {code: (code,) for code in self.codes}
        if grouping not in self.groups:
            raise InvalidProgramme(
                f"Code list {self.name} has no grouping {grouping!r}."
            )
        return self.groups[grouping]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a table; `site` and `national` name the finest grouping."""

    table: str
    name: str
    kind: Kind
    field_class: FieldClass
    code_list: str | None = None
    low: int | None = None
    high: int | None = None
    site: str | None = None
    national: str | None = None

    def finest(self, grain: Grain) -> str | None:
        """Return the finest grouping allowed at a grain, or None for never."""
        return self.site if grain is Grain.SITE else self.national


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of the record store; `start` and `end` are day fields."""

    name: str
    level: Level
    rows: Rows
    start: str | None
    end: str | None
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A once-per-unit event: the first day of a table's matching rows."""

    name: str
    table: str
    day: str
    field: str | None
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """The whole dictionary, validated."""

    version: str
    code_lists: Mapping[str, CodeList]
    tables: Mapping[str, Table]
    events: Mapping[str, Event]

    def field(self, path: str) -> Field:
        """Return the field a `table.field` path names.

        Raises:
            InvalidProgramme: there is no such table or field.
        """
        table, _, name = path.partition(".")
        if table not in self.tables or name not in self.tables[table].fields:
            raise InvalidProgramme(f"The dictionary has no field {path!r}.")
        return self.tables[table].fields[name]

    def table(self, name: str) -> Table:
        """Return a table.

        Raises:
            InvalidProgramme: there is no such table.
        """
        if name not in self.tables:
            raise InvalidProgramme(f"The dictionary has no table {name!r}.")
        return self.tables[name]

    def event(self, name: str) -> Event:
        """Return a once-per-unit event.

        Raises:
            InvalidProgramme: there is no such event.
        """
        if name not in self.events:
            raise InvalidProgramme(f"The dictionary has no event {name!r}.")
        return self.events[name]

    def codes_of(self, field: Field) -> CodeList:
        """Return a code field's list.

        Raises:
            InvalidProgramme: the field holds no codes.
        """
        if field.code_list is None:
            raise InvalidProgramme(f"{field.table}.{field.name} holds no codes.")
        return self.code_lists[field.code_list]


def parse(text: str) -> Dictionary:
    """Read and check a dictionary file (TOML).

    Raises:
        InvalidProgramme: an unknown key, a missing list, a code in two labels,
            or anything else that would leave a meaning open.
    """
    root = strict.Section("dictionary", strict.load_toml(text))
    version = root.text("version")
    lists = {n: _code_list(n, s) for n, s in root.sections("code_lists")}
    tables = {n: _table(n, s, lists) for n, s in root.sections("tables")}
    events = {n: _event(n, s, tables, lists) for n, s in root.sections("events")}
    root.done()
    return Dictionary(version=version, code_lists=lists, tables=tables, events=events)


def _code_list(name: str, section: strict.Section) -> CodeList:
    """Read one code list; its groupings must partition it."""
    codes = section.texts("codes")
    otherwise = section.text("otherwise")
    if otherwise not in codes or len(set(codes)) != len(codes):
        raise InvalidProgramme(
            f"Code list {name}: codes must differ and include {otherwise!r}."
        )
    groups = {}
    for grouping, inner in section.sections("groups"):
        labels = {label: inner.texts(label) for label in inner.names()}
        inner.done()
        grouped = [code for part in labels.values() for code in part]
        if sorted(grouped) != sorted(codes):
            raise InvalidProgramme(
                f"Code list {name}: grouping {grouping} must hold each code once."
            )
        groups[grouping] = labels
    version = section.integer("version")
    section.done()
    return CodeList(
        name=name, version=version, codes=codes, otherwise=otherwise, groups=groups
    )


def _table(name: str, section: strict.Section, lists: Mapping[str, CodeList]) -> Table:
    """Read one table and its fields."""
    rows = section.choice("rows", Rows)
    start = end = None
    if rows is Rows.MANY:
        start = section.text("date")
    elif rows is Rows.SPELLS:
        start, end = section.text("start"), section.text("end")
    fields = {n: _field(name, n, s, lists) for n, s in section.sections("fields")}
    level = section.choice("level", Level)
    section.done()
    for day in (start, end):
        if day is not None and (day not in fields or fields[day].kind is not Kind.DAY):
            raise InvalidProgramme(
                f"Table {name}: {day!r} must be one of its day fields."
            )
    return Table(name=name, level=level, rows=rows, start=start, end=end, fields=fields)


def _field(
    table: str, name: str, section: strict.Section, lists: Mapping[str, CodeList]
) -> Field:
    """Read one field; codes need a known list, integers a range."""
    kind = section.choice("kind", Kind)
    field_class = section.choice("class", FieldClass)
    code_list = low = high = site = national = None
    if kind is Kind.CODE:
        code_list = section.text("list")
        if code_list not in lists:
            raise InvalidProgramme(f"{table}.{name}: no code list {code_list!r}.")
    if kind is Kind.INTEGER:
        low, high = section.integer("low"), section.integer("high")
        if low > high:
            raise InvalidProgramme(f"{table}.{name}: low must not exceed high.")
    if field_class is FieldClass.DIMENSION:
        site, national = (
            section.optional_text("site"),
            section.optional_text("national"),
        )
        for grouping in (site, national):
            if grouping is not None and code_list is not None:
                lists[code_list].labels(grouping)
    section.done()
    return Field(
        table=table,
        name=name,
        kind=kind,
        field_class=field_class,
        code_list=code_list,
        low=low,
        high=high,
        site=site,
        national=national,
    )


def _event(
    name: str,
    section: strict.Section,
    tables: Mapping[str, Table],
    lists: Mapping[str, CodeList],
) -> Event:
    """Read one event; its day and optional filter must exist."""
    table, day = section.text("table"), section.text("day")
    field = section.optional_text("field")
    codes = section.texts("codes") if field is not None else ()
    section.done()
    fields = tables[table].fields if table in tables else {}
    if day not in fields or fields[day].kind is not Kind.DAY:
        raise InvalidProgramme(f"Event {name}: {table}.{day} is not a day field.")
    if field is not None:
        known = fields[field].code_list if field in fields else None
        if known is None or not set(codes) <= set(lists[known].codes):
            raise InvalidProgramme(f"Event {name}: unknown codes of {table}.{field}.")
    return Event(name=name, table=table, day=day, field=field, codes=codes)
