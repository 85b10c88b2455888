"""Write a proposed profile as TOML, with what decided each guess beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from node.importer import patterns
from node.importer.batch import HOUSEHOLD_KEY, PERSON_KEY
from node.importer.dates import Style
from node.importer.findings import FEWEST_SHOWN
from node.importer.survey import Column
from privacy.dictionary import Dictionary
from privacy.strict import quoted

_LISTED: Final = 60


@dataclass(frozen=True, slots=True, repr=False)
class Chosen:
    """A column proposed for a field.

    Attributes:
        codes: Text -> code, None where no code is like it.
        certain: Texts that are words this software knows, so nobody's name.
        sure: Whether name and values are exactly what the dictionary or a list says.
    """

    column: Column
    score: float
    derive: str | None = None
    kind: str | None = None
    codes: Mapping[str, str | None] = field(default_factory=dict)
    certain: frozenset[str] = frozenset()
    sure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Drafted:
    """A dictionary table proposed to come from a source table."""

    table: str
    source: str
    keys: Mapping[str, Column]
    fields: Mapping[str, Chosen]
    named: bool

    @property
    def worth(self) -> float:
        """How well it fits, to choose between two sources."""
        own = sum(chosen.score for chosen in self.fields.values())
        return own + len(self.fields) * self.named

    @property
    def one_per(self) -> str | None:
        """Whose first row is to be kept, where the key stands in several rows."""
        if self.table == "household" and self.keys[HOUSEHOLD_KEY].repeats:
            return "household"
        if self.table == "participant" and self.keys[PERSON_KEY].repeats:
            return "person"
        return None


def write(
    drafted: Sequence[Drafted],
    seen: Sequence[Sequence[Column]],
    dictionary: Dictionary,
) -> str:
    """Return the profile's text; it is parsed before it is saved."""
    styles = _styles(drafted)
    lines = [
        "# Proposed by the program. A line with guess = true is a guess: look it over.",
        "",
        "[profile]",
        'name = "suggested"',
        "version = 1",
        f"dictionary = {quoted(dictionary.version)}",
        'about = "Proposed for an export of this site"',
        "",
        "[source]",
        f"dates = [{', '.join(quoted(style) for style in styles)}]",
    ]
    recodes: dict[str, Chosen] = {}
    for each in drafted:
        lines += ["", *_entry(each, drafted, recodes)]
    for name, chosen in recodes.items():
        lines += ["", *_recode(name, chosen)]
    ignored = _ignored(drafted, seen)
    if ignored:
        lines += ["", "# Columns of no use to the dictionary:", *ignored]
    return "\n".join([*lines, ""])


def notes(drafted: Sequence[Drafted]) -> Iterator[str]:
    """Yield what decided between month first and day first, and what is open."""
    for each in drafted:
        for name, chosen in each.fields.items():
            said = chosen.column.days.sentence() if chosen.column.days.seen else ""
            if said and not chosen.codes:
                yield f"{each.table}.{name}: {said}."
            unknown = sum(code is None for code in chosen.codes.values())
            if unknown:
                yield f"{each.table}.{name}: {unknown} values are like no code."


def _styles(drafted: Sequence[Drafted]) -> list[Style]:
    """Return the styles of all day columns; where month or day first is open, us."""
    month_first = day_first = either = 0
    found = {Style.ISO}
    for each in drafted:
        for chosen in each.fields.values():
            days = chosen.column.days
            month_first += days.month_first
            day_first += days.day_first
            either += days.either
            if days.dated * 2 > days.seen:
                found |= set(days.styles or ())
    order = [style for style in Style if style in found]
    if month_first or day_first or either:
        order.insert(1, Style.EU if day_first > month_first else Style.US)
    return order


def _entry(
    each: Drafted, drafted: Sequence[Drafted], recodes: dict[str, Chosen]
) -> Iterator[str]:
    """Yield the lines of one [[tables...]]."""
    yield f"[[tables.{each.table}]]"
    yield f"from = {quoted(each.source)}"
    for key in (HOUSEHOLD_KEY, PERSON_KEY):
        if key in each.keys:
            yield f"{key} = {quoted(each.keys[key].name)}"
    if each.one_per:
        yield f"one_per = {quoted(each.one_per)}"
    yield f"[tables.{each.table}.fields]"
    for name, chosen in each.fields.items():
        recode = None
        if any(text != code for text, code in chosen.codes.items()):
            recode = f"{each.table}_{name}"
            recodes[recode] = chosen
        yield _line(name, chosen, recode, _day_beside(each, drafted))


def _line(name: str, chosen: Chosen, recode: str | None, at: str | None) -> str:
    """Return a field's line."""
    parts = [f"column = {quoted(chosen.column.name)}"]
    if chosen.derive is not None:
        parts.append(f"derive = {quoted(chosen.derive)}")
    if chosen.derive == "age_band":
        if at is None:
            return f"# {name}: the birth needs a day to be an age at; join one"
        parts.append(f"at = {quoted(at)}")
    if chosen.kind is not None:
        parts.append(f"kind = {quoted(chosen.kind)}")
    if recode is not None:
        parts.append(f"recode = {quoted(recode)}")
    if not chosen.sure:
        parts.append("guess = true")
    return f"{name} = {{ {', '.join(parts)} }}"


def _day_beside(each: Drafted, drafted: Sequence[Drafted]) -> str | None:
    """Return the column of a day in the same source table: of entering, best."""
    for table, name in (
        ("enrolment", "enrolled_on"),
        ("pool_entry", "entered_on"),
        ("eligibility_screening", "screened_on"),
        ("household", "formed_on"),
    ):
        for other in drafted:
            if other.table == table and other.source == each.source:
                chosen = other.fields.get(name)
                if chosen is not None:
                    return chosen.column.name
    return None


def _recode(name: str, chosen: Chosen) -> Iterator[str]:
    """Yield the lines of one recode list; a text that may be personal is not shown."""
    yield f"[recodes.{name}]"
    hidden = rare = 0
    for text, code in list(chosen.codes.items())[:_LISTED]:
        few = chosen.column.values[text] < FEWEST_SHOWN
        if patterns.hides(text):
            hidden += 1
        elif few and text not in chosen.certain:
            rare += 1
        elif code is None:
            yield f'# {quoted(text)} = ""  # like no code: choose one'
        else:
            yield f"{quoted(text)} = {quoted(code)}"
    if hidden:
        yield f"# {hidden} values look personal and are not shown"
    if rare:
        yield f"# {rare} values stand in too few rows to be shown"


def _ignored(drafted: Sequence[Drafted], seen: Sequence[Sequence[Column]]) -> list[str]:
    """Return a comment for every column that is not used."""
    used = {
        (column.table, column.name)
        for each in drafted
        for column in (
            *each.keys.values(),
            *(chosen.column for chosen in each.fields.values()),
        )
    }
    return [
        f"#   {quoted(column.table)}: {quoted(column.name)}"
        for columns in seen
        for column in columns
        if (column.table, column.name) not in used
        and not patterns.looks_personal(column.name)
    ]
