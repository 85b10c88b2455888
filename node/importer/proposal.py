"""Propose a profile for a source nobody has mapped yet; every guess says it is one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from node.importer import choosing, proposal_text, survey
from node.importer.batch import HOUSEHOLD_KEY, PERSON_KEY, key_columns
from node.importer.guard import Guard
from node.importer.patterns import Kind
from node.importer.profile import Profile
from node.importer.profile_shelf import Shelf
from node.importer.proposal_text import Chosen, Drafted
from node.importer.sources import Reading, open_source
from node.importer.survey import Column
from node.importer.vocabulary import Vocabulary
from privacy.dictionary import Dictionary, Field, Table
from privacy.dictionary import Kind as Holds
from privacy.errors import BadRecords

_ENOUGH: Final = 0.5
_SURE: Final = 0.95
_FEWEST_FIELDS: Final = 2
_NAME_WEIGHT: Final = 0.6
_BORN: Final = ("participant.age_band",)
_DERIVED: Final = {
    ("participant.age_band", Kind.BIRTH): "age_band",
    ("participant.origin_region", Kind.COUNTRY): "region",
    ("enrolment.case_manager_slot", Kind.STAFF): "local_number",
}
"""What may be kept of a column whose name alone keeps it out."""
_NUMBERED: Final = {"project_slot": "project", "case_manager_slot": "case_manager"}


@dataclass(frozen=True, slots=True)
class Line:
    """One column of the source, and what is proposed for it."""

    table: str
    column: str
    field: str
    why: str
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposed profile.

    Attributes:
        fitting: A profile that fits as it is; then there is nothing to propose.
        text: The profile (TOML).
        lines: Every column, with what becomes of it.
        notes: What the site should know, in sentences.
    """

    fitting: Profile | None = None
    text: str = ""
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True, repr=False)
class _Draft:
    """What is gathered on the way."""

    taken: dict[tuple[str, str], str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    drafted: list[Drafted] = field(default_factory=list)


def propose(location: str | Path, shelf: Shelf, dictionary: Dictionary) -> Proposal:
    """Look at a whole source and propose a profile.

    Raises:
        BadRecords: the source cannot be read, or nothing in it can be a household.
    """
    every = list(shelf)
    try:
        return Proposal(fitting=choosing.choose(location, shelf, dictionary).profile)
    except BadRecords:
        near = choosing.nearest(location, every, dictionary)
    if near is not None:
        found, error = near
        return Proposal(text=found.text, notes=(error.message,))
    words = Vocabulary(dictionary, [found.profile for found in every])
    guard = Guard()
    draft = _Draft()
    with open_source(location, Reading()) as source:
        seen = [columns for _, columns in survey.look(source, guard)]
    for columns in seen:
        draft.drafted += _tables(columns, words, dictionary)
    _complete(draft)
    if not any(each.table == "household" for each in draft.drafted):
        raise BadRecords(
            "No table of this source has a column that looks like a household's "
            "number, so nothing can be proposed; write a profile by hand from "
            "`cmpp-node map show` of one that is alike."
        )
    order = list(dictionary.tables)
    draft.drafted.sort(key=lambda each: order.index(each.table))
    return Proposal(
        text=proposal_text.write(draft.drafted, seen, dictionary),
        lines=tuple(_lines(seen, draft.drafted)),
        notes=tuple(proposal_text.notes(draft.drafted)),
    )


def _tables(
    columns: Sequence[Column], words: Vocabulary, dictionary: Dictionary
) -> Iterator[Drafted]:
    """Yield the dictionary's tables that one source table could fill."""
    keys = {name: _key(columns, name, words) for name in (HOUSEHOLD_KEY, PERSON_KEY)}
    used = {column.name for column in keys.values() if column}
    free = [column for column in columns if column.name not in used]
    for table in dictionary.tables.values():
        if any(keys[name] is None for name in key_columns(table)):
            continue
        own = {name: keys[name] for name in key_columns(table)}
        chosen = dict(_fields(free, table, words, dictionary))
        named = words.likeness(table.name, columns[0].table) >= _ENOUGH
        if table.start is not None and table.start not in chosen:
            continue
        if len(chosen) < _FEWEST_FIELDS and not (named and chosen):
            continue
        yield Drafted(
            table=table.name,
            source=columns[0].table,
            keys={name: column for name, column in own.items() if column},
            fields=chosen,
            named=named,
        )


def _key(columns: Sequence[Column], name: str, words: Vocabulary) -> Column | None:
    """Return the column most like a key's name, if any is."""
    scored = [
        (words.likeness(name, column.name), -at, column)
        for at, column in enumerate(columns)
        if column.blocked is None
    ]
    best = max(scored, default=None, key=lambda each: each[:2])
    return best[2] if best and best[0] >= _ENOUGH else None


def _fields(
    columns: Sequence[Column], table: Table, words: Vocabulary, dictionary: Dictionary
) -> Iterator[tuple[str, Chosen]]:
    """Yield fields with their columns: the best pair first, each column once."""
    scored = []
    for name, into in table.fields.items():
        for at, column in enumerate(columns):
            chosen = _scored(column, into, words, dictionary)
            if chosen is not None and chosen.score >= _ENOUGH:
                scored.append((-chosen.score, name, at, chosen))
    used: set[str] = set()
    made: set[str] = set()
    for _, name, _, chosen in sorted(scored, key=lambda each: each[:3]):
        if name not in made and chosen.column.name not in used:
            made.add(name)
            used.add(chosen.column.name)
            yield name, chosen


def _scored(
    column: Column, into: Field, words: Vocabulary, dictionary: Dictionary
) -> Chosen | None:
    """Say how well a column fits a field, and how it would be read."""
    path = f"{into.table}.{into.name}"
    named = words.likeness(path, column.name)
    if column.blocked is not None:
        derive = _DERIVED.get((path, column.blocked.kind))
        kind = _NUMBERED.get(into.name)
        return Chosen(column, named, derive=derive, kind=kind) if derive else None
    if named < _ENOUGH:
        return None
    if into.name in _NUMBERED and into.table == "enrolment":
        kind = _NUMBERED[into.name]
        return Chosen(column, named, derive="local_number", kind=kind)
    listed = {"origin_region": "region", "language_group": "language_group"}
    fits, known = _values(column, into, words, dictionary)
    if into.name in listed and fits < _ENOUGH:
        return Chosen(column, named * _SURE, derive=listed[into.name])
    if path in _BORN and fits < _ENOUGH:
        return None
    score = named * _NAME_WEIGHT + fits * (1 - _NAME_WEIGHT)
    days = column.days
    open_ = days.either and not (days.month_first or days.day_first)
    certain = all(each for _, each in known.values()) and not open_
    sure = named == 1 and fits >= _SURE and certain
    codes = {text: code for text, (code, _) in known.items()}
    safe = frozenset(text for text, (_, known_word) in known.items() if known_word)
    return Chosen(column, score, codes=codes, certain=safe, sure=sure)


def _values(
    column: Column, into: Field, words: Vocabulary, dictionary: Dictionary
) -> tuple[float, dict[str, tuple[str | None, bool]]]:
    """Return the share of cells a field can hold, and codes by text."""
    if not column.cells:
        return 1.0, {}
    match into.kind:
        case Holds.DAY:
            return column.days.dated / max(column.days.seen, 1), {}
        case Holds.FLAG:
            return column.flags / column.cells, {}
        case Holds.INTEGER:
            return column.numbers / column.cells, {}
        case Holds.CODE:
            name = dictionary.codes_of(into).name
            codes = {text: words.code(name, text) for text in column.values}
            hit = sum(n for t, n in column.values.items() if codes[t][0] is not None)
            return (0.0 if column.many else hit / column.cells), codes


def _complete(draft: _Draft) -> None:
    """Keep each dictionary table's best source, and make sure there are households."""
    best: dict[str, Drafted] = {}
    for each in draft.drafted:
        known = best.get(each.table)
        if known is None or each.worth > known.worth:
            best[each.table] = each
    if "household" not in best and "participant" in best:
        own = best["participant"]
        best["household"] = Drafted(
            table="household",
            source=own.source,
            keys={HOUSEHOLD_KEY: own.keys[HOUSEHOLD_KEY]},
            fields={},
            named=False,
        )
    draft.drafted = list(best.values())


def _lines(
    seen: Sequence[Sequence[Column]], drafted: Sequence[Drafted]
) -> Iterator[Line]:
    """Yield every column with what is proposed for it."""
    uses: dict[tuple[str, str], list[str]] = {}
    for each in drafted:
        for key, column in each.keys.items():
            uses.setdefault((column.table, column.name), []).append(
                f"{each.table}.{key}"
            )
        for name, chosen in each.fields.items():
            where = (chosen.column.table, chosen.column.name)
            uses.setdefault(where, []).append(f"{each.table}.{name}")
    for columns in seen:
        for column in columns:
            found = uses.get((column.table, column.name), [])
            if column.blocked is not None and not found:
                why = f"looks like {column.blocked.kind}: {column.blocked.offer}"
                yield Line(column.table, column.name, "", why, blocked=True)
                continue
            why = "" if found else "nothing of the dictionary is like it"
            if column.blocked is not None:
                why = "only something coarser is kept"
            yield Line(column.table, column.name, ", ".join(found), why)
