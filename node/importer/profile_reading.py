"""Read a mapping profile (TOML); a key nobody knows is refused by its name."""

from collections.abc import Iterator, Mapping
from typing import Final

from node.importer.batch import HOUSEHOLD_KEY, PERSON_KEY, key_columns
from node.importer.dates import Style
from node.importer.profile import (
    Cell,
    Condition,
    Derivation,
    Entry,
    Join,
    Names,
    OnePer,
    People,
    Profile,
)
from node.importer.sources.reading import SETTINGS, Reading
from node.importer.spelling import plain, require_harmless
from privacy.dictionary import Dictionary, Field, Kind, Table
from privacy.errors import InvalidProgramme
from privacy.strict import Section, load_toml

_NUMBERED: Final = ("case_manager", "project")
_BOTH_DAYS: Final = {
    Derivation.AGE_BAND: ("column", "at"),
    Derivation.DAYS_BETWEEN: ("from", "to"),
}


def parse(text: str, dictionary: Dictionary) -> Profile:
    """Read and check a profile.

    Raises:
        InvalidProgramme: a key, table, field, code or recode is unknown, or the
            profile is for another dictionary.
    """
    root = Section("The profile", load_toml(text))
    head = Section("profile", root.raw("profile"))
    name = head.text("name")
    version, made_for = head.integer("version"), head.text("dictionary")
    about = head.text("about")
    own_names = head.flag("own_names", default=False)
    signature = head.texts("signature") if head.has("signature") else ()
    head.done()
    if made_for != dictionary.version:
        raise InvalidProgramme(
            f"Profile {name} is for dictionary {made_for}, and this node has "
            f"{dictionary.version}; revise it and set dictionary = "
            f'"{dictionary.version}".'
        )
    source = Section("source", root.raw("source") if root.has("source") else {})
    dates = source.choices("dates", Style) or (Style.ISO,)
    reading = Reading.from_section(
        {key: source.raw(key) for key in SETTINGS if source.has(key)}
    )
    source.done()
    recodes = {n: _recode(s) for n, s in root.sections("recodes")}
    people = _people(root) if root.has("people") else None
    entries = tuple(_entries(root, dictionary, recodes))
    root.done()
    if own_names and entries:
        raise InvalidProgramme(
            f"Profile {name} has own_names, so it takes no tables; remove them."
        )
    return Profile(
        name=name,
        version=version,
        dictionary=made_for,
        about=about,
        reading=reading,
        dates=dates,
        own_names=own_names,
        entries=_own(dictionary) if own_names else entries,
        people=people,
        recodes=recodes,
        signature=signature,
    )


def _own(dictionary: Dictionary) -> tuple[Entry, ...]:
    """Return the entries of a source that uses the dictionary's own names."""
    return tuple(
        Entry(
            where=f"tables.{name}",
            table=name,
            source=name,
            optional=name != "household",
            household_key=(HOUSEHOLD_KEY,)
            if HOUSEHOLD_KEY in key_columns(table)
            else (),
            person_key=(PERSON_KEY,) if PERSON_KEY in key_columns(table) else (),
            fields={
                field: (Cell(where=f"tables.{name}.{field}", columns=(field,)),)
                for field in table.fields
            },
        )
        for name, table in dictionary.tables.items()
    )


def _recode(section: Section) -> dict[str, str]:
    """Read one recode list; keys are compared without case, accents and spaces."""
    read: dict[str, str] = {}
    for key in section.names():
        code = section.raw(require_harmless(section.name, key))
        if not isinstance(code, str):
            raise InvalidProgramme(f"{section.name}: {key!r} must become a text.")
        if read.setdefault(plain(key), code) != code:
            raise InvalidProgramme(f"{section.name}: {key!r} has two meanings.")
    section.done()
    return read


def _listed(section: Section, key: str) -> Iterator[Section]:
    """Yield the tables of a list such as [[tables.participant]]."""
    if not section.has(key):
        return
    content = section.raw(key)
    if not isinstance(content, list):
        raise InvalidProgramme(
            f"{section.name}.{key} is a list: write [[{section.name}.{key}]]."
        )
    for number, one in enumerate(content, start=1):
        suffix = f" ({number})" if len(content) > 1 else ""
        yield Section(f"{section.name}.{key}{suffix}", one)


def _entries(
    root: Section, dictionary: Dictionary, recodes: Mapping[str, Mapping[str, str]]
) -> Iterator[Entry]:
    """Read every [[tables...]]."""
    if not root.has("tables"):
        return
    tables = Section("tables", root.raw("tables"))
    for name in tables.names():
        if name not in dictionary.tables:
            raise InvalidProgramme(
                f"tables.{name}: the dictionary has no such table; remove it."
            )
        for section in _listed(tables, name):
            yield _entry(section, dictionary, dictionary.tables[name], recodes)


def _entry(
    section: Section,
    dictionary: Dictionary,
    table: Table,
    recodes: Mapping[str, Mapping[str, str]],
) -> Entry:
    """Read one entry and check what it makes against the dictionary."""
    fields = {}
    inner = Section(
        f"{section.name}.fields", section.raw("fields") if section.has("fields") else {}
    )
    for name in inner.names():
        if name not in table.fields:
            raise InvalidProgramme(
                f"{inner.name}.{name}: {table.name} has no such field; remove it."
            )
        fields[name] = tuple(_cells(inner, name))
        for cell in fields[name]:
            _check(cell, table.fields[name], dictionary, recodes)
    entry = Entry(
        where=section.name,
        table=table.name,
        source=section.text("from"),
        optional=section.flag("optional", default=False),
        conditions=_conditions(section),
        household_key=_names(section, "household_key"),
        person_key=_names(section, "person_key"),
        one_per=section.choice("one_per", OnePer)
        if _said(section, "one_per")
        else None,
        order_by=section.text("order_by") if _said(section, "order_by") else None,
        joins=tuple(_join(each) for each in _listed(section, "join")),
        fields=fields,
    )
    section.done()
    for key in key_columns(table):
        if not (entry.household_key if key == HOUSEHOLD_KEY else entry.person_key):
            raise InvalidProgramme(f"{section.name} lacks {key}; add it.")
    return entry


def _said(section: Section, key: str) -> bool:
    """Tell whether a key is there and not an empty text."""
    return section.has(key) and section.raw(key) != ""


def _names(section: Section, key: str) -> Names:
    """Read one column's name, or a list of accepted ones."""
    if not section.has(key):
        return ()
    return (
        (section.text(key),)
        if isinstance(section.raw(key), str)
        else section.texts(key)
    )


def _conditions(section: Section, key: str = "where") -> tuple[Condition, ...]:
    """Read which rows count."""
    if not section.has(key):
        return ()
    inner = Section(f"{section.name}.{key}", section.raw(key))
    found = []
    for name in inner.names():
        texts = inner.raw(name)
        if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
            raise InvalidProgramme(f"{inner.name}: {name} must be a list of texts.")
        accepted = frozenset(plain(require_harmless(inner.name, t)) for t in texts)
        column, negated = name.removeprefix("!"), name.startswith("!")
        found.append(Condition(column=column, accepted=accepted, negated=negated))
    return tuple(found)


def _join(section: Section) -> Join:
    """Read one join."""
    pairs = Section(f"{section.name}.on", section.raw("on"))
    on = tuple((name, pairs.text(name)) for name in pairs.names())
    first_by = section.text("first_by") if _said(section, "first_by") else None
    if not on:
        raise InvalidProgramme(f"{section.name}: on must name a pair of columns.")
    join = Join(
        source=section.text("from"),
        on=on,
        first_by=first_by,
        conditions=_conditions(section),
    )
    section.done()
    return join


def _people(root: Section) -> People:
    """Read who belongs together."""
    section = Section("people", root.raw("people"))
    household = section.raw("household")
    if isinstance(household, dict):
        inner = Section("people.household", household)
        linked = inner.texts("linked")
        inner.done()
    else:
        linked = (section.text("household"),)
    minor = _conditions(section, "minor")
    people = People(
        source=section.text("from"),
        person=section.text("person"),
        household=linked,
        at=section.text("at"),
        born=_names(section, "born"),
        minor=minor[0] if minor else None,
        conditions=_conditions(section),
        joins=tuple(_join(each) for each in _listed(section, "join")),
    )
    section.done()
    return people


def _cells(inner: Section, name: str) -> Iterator[Cell]:
    """Read one field: a cell, or a list of cells of which the first possible counts."""
    raw = inner.raw(name)
    for one in raw if isinstance(raw, list) else [raw]:
        yield _cell(Section(f"{inner.name}.{name}", one))


def _cell(section: Section) -> Cell:
    """Read where one field comes from."""
    guess = section.flag("guess", default=False)
    where = section.name
    if section.has("constant"):
        cell = Cell(where=where, constant=section.text("constant"), guess=guess)
    elif section.has("derive"):
        cell = _derived(section, section.choice("derive", Derivation), guess=guess)
    else:
        cell = Cell(
            where=where,
            columns=_names(section, "column"),
            recode=section.optional_text("recode"),
            clip=section.flag("clip", default=False),
            guess=guess,
        )
    section.done()
    if not (cell.columns or cell.ticks or cell.constant is not None):
        raise InvalidProgramme(f"{where} lacks 'column'; add it.")
    return cell


def _derived(section: Section, derive: Derivation, *, guess: bool) -> Cell:
    """Read a cell of which something coarser is kept."""
    where = section.name
    first, second = _BOTH_DAYS.get(derive, ("column", None))
    if derive is Derivation.TICKED:
        ticks = Section(f"{where}.ticks", section.raw("ticks"))
        return Cell(
            where=where,
            derive=derive,
            ticks={name: ticks.text(name) for name in ticks.names()},
            several=section.text("several"),
            at=_names(section, "none"),
            recode=section.optional_text("recode"),
            guess=guess,
        )
    kind = section.text("kind") if derive is Derivation.LOCAL_NUMBER else None
    if kind is not None and kind not in _NUMBERED:
        raise InvalidProgramme(
            f"{where}: kind has {kind!r}; choose from {', '.join(_NUMBERED)}."
        )
    values = section.texts("values") if derive is Derivation.FLAG else ()
    return Cell(
        where=where,
        derive=derive,
        columns=_names(section, first),
        at=_names(section, second) if second else (),
        kind=kind,
        values=frozenset(plain(require_harmless(where, v)) for v in values),
        clip=section.flag("clip", default=False),
        guess=guess,
    )


def _check(
    cell: Cell,
    field: Field,
    dictionary: Dictionary,
    recodes: Mapping[str, Mapping[str, str]],
) -> None:
    """Refuse a cell that would make something its field cannot hold."""
    if cell.recode is not None and cell.recode not in recodes:
        raise InvalidProgramme(
            f"{cell.where}: there is no [recodes.{cell.recode}]; add it."
        )
    made = set(recodes[cell.recode].values()) if cell.recode else set()
    made |= set(cell.ticks.values())
    made |= {text for text in (cell.several, cell.constant) if text is not None}
    if field.kind is Kind.CODE:
        allowed = set(dictionary.codes_of(field).codes)
    elif field.kind is Kind.FLAG:
        allowed = {"0", "1"}
    else:
        return
    wrong = sorted(made - allowed - {""})
    if wrong:
        raise InvalidProgramme(
            f"{cell.where} would make {wrong[0]!r}, and {field.table}.{field.name} "
            f"takes {', '.join(sorted(allowed))}; correct it."
        )
