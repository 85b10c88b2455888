"""What no site tells of itself in any form, noise or not: a few codes of a few fields.

A dimension is kept from a site's table by the dictionary. But a filter can tell as
much as a dimension, so a question whose filters single out one of these codes is
asked of the network only, as a total in which no site's own answer is seen.
"""

from dataclasses import dataclass

from privacy.binding import walk
from privacy.dictionary import Dictionary
from privacy.errors import InvalidProgramme
from privacy.expression import (
    Active,
    Count,
    OneOf,
    Pick,
    Predicate,
    SpellDays,
    Sum,
)
from privacy.query import Query
from privacy.strict import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """Codes of a field that no site may single out.

    Attributes:
        among: a field of the same row that must have one of `kinds` for it to
            matter, such as the tool of a screening; or None.
    """

    field: str
    codes: frozenset[str]
    among: str | None
    kinds: frozenset[str]


def read(section: Section, dictionary: Dictionary) -> Withheld:
    """Read one rule.

    Raises:
        InvalidProgramme: it names no field or code of the dictionary.
    """
    among = section.optional_text("among")
    rule = Withheld(
        field=section.text("field"),
        codes=frozenset(section.texts("codes")),
        among=among,
        kinds=frozenset(section.texts("kinds") if among else ()),
    )
    section.done()
    for field, codes in ((rule.field, rule.codes), (among, rule.kinds)):
        if field is not None and not codes <= _codes(field, dictionary):
            raise InvalidProgramme(f"{section.name}: {field} has no such code.")
    return rule


def singles_out(rule: Withheld, query: Query, dictionary: Dictionary) -> bool:
    """Tell whether a question's filters, or what it picks, single out the codes."""
    every = _codes(rule.field, dictionary)
    for part in walk(query):
        match part:
            case Count(where=where) | Sum(where=where) | SpellDays(where=where):
                found = _within(where, rule, every)
            case Active(where=where) | Pick(where=where):
                found = _within(where, rule, every)
            case OneOf(source=Pick(field=field, where=where), codes=codes):
                told = field == rule.field and _apart(codes, rule, every)
                found = told and _matters(where, rule)
            case _:
                found = False
        if found:
            return True
    return False


def _within(where: Predicate, rule: Withheld, every: frozenset[str]) -> bool:
    """Tell whether a filter on rows singles out the codes."""
    told = any(
        part.source == rule.field and _apart(part.codes, rule, every)
        for part in walk(where)
        if isinstance(part, OneOf)
    )
    return told and _matters(where, rule)


def _apart(codes: tuple[str, ...], rule: Withheld, every: frozenset[str]) -> bool:
    """Tell whether a list, or all that it leaves out, is of the codes alone."""
    return any(
        0 < len(some) <= len(some & rule.codes)
        for some in (
            frozenset(codes),
            every - frozenset(codes),
        )
    )


def _matters(where: Predicate, rule: Withheld) -> bool:
    """Tell whether a filter lets rows of the kinds through."""
    return all(
        rule.kinds & set(part.codes)
        for part in walk(where)
        if isinstance(part, OneOf) and part.source == rule.among
    )


def _codes(field: str, dictionary: Dictionary) -> frozenset[str]:
    """Return every code a field may have."""
    return frozenset(dictionary.codes_of(dictionary.field(field)).codes)
