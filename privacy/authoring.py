"""How a predicate, term, value or dimension is written in a catalogue file.

The forms, each a TOML inline table:

    { field = "pool_entry.channel", in = ["walk_in"] }
    { flag = "pool_entry.selected" }
    { count = "service_event", where = {..}, within = ["enrolment", "enrolment+60"],
      at_least = 1 }                    also at_most, equal; `during = "period"`
    { latest = "screening.result", where = {..}, within = [..], in = ["indicators"] }
    { active = "enrolment", where = {..}, at = "enrolment+60" }
    { all = [..] }  { any = [..] }  { not = {..} }

A term is the same without its comparison: count, sum, spell_days, days, number,
earliest, latest, difference. Comparisons may take a term on the right.
"""

import re
from typing import Any

from privacy import expression as e
from privacy.errors import InvalidProgramme
from privacy.strict import Section

_INSTANT = re.compile(r"([a-z_]+)(?:([+-])([0-9]{1,4}))?")
_TERMS = (
    "count",
    "sum",
    "spell_days",
    "days",
    "number",
    "earliest",
    "latest",
    "difference",
)


def predicate(content: Any, name: str) -> e.Predicate:
    """Read a predicate.

    Raises:
        InvalidProgramme: it is none of the forms above.
    """
    section = Section(name, content)
    if section.has("all"):
        made: e.Predicate = e.All(_many(section, "all"))
    elif section.has("any"):
        made = e.AnyOf(_many(section, "any"))
    elif section.has("not"):
        made = e.Not(predicate(section.raw("not"), name))
    elif section.has("flag"):
        made = e.Flag(section.text("flag"))
    elif section.has("field"):
        made = e.OneOf(section.text("field"), _codes(section))
    elif section.has("active"):
        made = e.Active(
            section.text("active"), _where(section), instant(section.text("at"), name)
        )
    elif section.has("in"):
        made = e.OneOf(_pick(section), _codes(section))
    else:
        made = _compare(section)
    section.done()
    return made


def term(content: Any, name: str) -> e.Term:
    """Read a term that stands alone.

    Raises:
        InvalidProgramme: it is none of the forms above.
    """
    section = Section(name, content)
    made = _term(section)
    section.done()
    return made


def value(content: Any, name: str) -> e.Value:
    """Read a value: `"one"`, or a table with one, indicator, contrast, ...

    Raises:
        InvalidProgramme: it is no value.
    """
    if content == "one":
        return e.One()
    section = Section(name, content)
    made: e.Value
    if section.has("indicator"):
        made = e.Indicator(predicate(section.raw("indicator"), name))
    elif section.has("contrast"):
        made = e.Contrast(predicate(section.raw("contrast"), name))
    elif section.has("weight"):
        made = e.Weighted(
            arm=predicate(section.raw("arm"), name),
            outcome=predicate(section.raw("outcome"), name),
            weight=section.text("weight"),
            upper=section.integer("upper"),
        )
    else:
        made = e.Quantity(
            term(section.raw("quantity"), name),
            section.integer("lower"),
            section.integer("upper"),
        )
    section.done()
    return made


def dimension(content: Any, name: str) -> e.Dimension:
    """Read a dimension.

    Raises:
        InvalidProgramme: it is no dimension.
    """
    section = Section(name, content)
    made: e.Dimension
    if section.has("field"):
        made = e.ByField(section.text("field"), section.text("grouping"))
    elif section.has("holds"):
        made = e.ByHolds(section.text("name"), predicate(section.raw("holds"), name))
    elif section.has("band"):
        edges = section.raw("edges")
        if not isinstance(edges, list):
            raise InvalidProgramme(f"{name}: edges must be a list of whole numbers.")
        made = e.ByBand(
            section.text("name"), term(section.raw("band"), name), tuple(edges)
        )
    else:
        made = e.ByPick(_pick(section), section.text("grouping"))
    section.done()
    return made


def instant(text: str, name: str) -> e.Instant:
    """Read a day such as `enrolment+60`, `period_end` or `period_start-30`.

    Raises:
        InvalidProgramme: it has another form.
    """
    match = _INSTANT.fullmatch(text)
    if not match:
        raise InvalidProgramme(f"{name}: {text!r} is not a day such as enrolment+60.")
    days = int(match[3] or 0)
    return e.Instant(match[1], -days if match[2] == "-" else days)


def _term(section: Section) -> e.Term:
    """Read the term keys of a section, leaving others unread."""
    made: e.Term
    if section.has("count"):
        made = e.Count(section.text("count"), _where(section), _window(section))
    elif section.has("sum"):
        made = e.Sum(section.text("sum"), _where(section), _window(section))
    elif section.has("spell_days"):
        made = e.SpellDays(
            section.text("spell_days"), _where(section), _some_window(section)
        )
    elif section.has("days"):
        days = section.texts("days")
        if len(days) != 2:  # noqa: PLR2004 - from one event to another
            raise InvalidProgramme(f"{section.name}: days takes two events.")
        made = e.DaysBetween(*days)
    elif section.has("number"):
        made = e.Number(section.text("number"))
    elif section.has("difference"):
        parts = section.raw("difference")
        if not isinstance(parts, list) or len(parts) != 2:  # noqa: PLR2004
            raise InvalidProgramme(f"{section.name}: difference takes two terms.")
        made = e.Difference(term(parts[0], section.name), term(parts[1], section.name))
    else:
        made = _pick(section)
    return made


def _pick(section: Section) -> e.Pick:
    """Read an earliest or latest row's field."""
    for order in e.Order:
        if section.has(order.value):
            return e.Pick(
                order,
                section.text(order.value),
                _where(section),
                _some_window(section),
            )
    raise InvalidProgramme(
        f"{section.name} is none of the forms a catalogue may use; "
        f"a term is one of {', '.join(_TERMS)}."
    )


def _compare(section: Section) -> e.Compare:
    """Read a term and its one comparison."""
    left = _term(section)
    for comparison in e.Comparison:
        if section.has(comparison.value):
            right = section.raw(comparison.value)
            if type(right) is not int:
                right = term(right, section.name)
            return e.Compare(left, comparison, right)
    raise InvalidProgramme(
        f"{section.name}: add at_least, at_most or equal to the term."
    )


def _many(section: Section, key: str) -> tuple[e.Predicate, ...]:
    """Read a list of predicates."""
    parts = section.raw(key)
    if not isinstance(parts, list):
        raise InvalidProgramme(f"{section.name}: {key} must be a list.")
    return tuple(predicate(part, section.name) for part in parts)


def _where(section: Section) -> e.Predicate:
    """Read the optional row filter."""
    if not section.has("where"):
        return e.EVERYBODY
    return predicate(section.raw("where"), f"{section.name}.where")


def _codes(section: Section) -> tuple[str, ...]:
    """Read codes; order in the file does not matter."""
    return tuple(sorted(section.texts("in")))


def _window(section: Section) -> e.Window | None:
    """Read the optional window."""
    if section.has("during"):
        if section.text("during") != "period":
            raise InvalidProgramme(f'{section.name}: during can only be "period".')
        return e.Window(e.Instant(e.PERIOD_START, 0), e.Instant(e.PERIOD_END, 0))
    if not section.has("within"):
        return None
    ends = section.texts("within")
    if len(ends) != 2:  # noqa: PLR2004 - from one day to another
        raise InvalidProgramme(f"{section.name}: within takes two days.")
    start, end = (instant(text, section.name) for text in ends)
    return e.Window(start, end)


def _some_window(section: Section) -> e.Window:
    """Read a window that must be there."""
    window = _window(section)
    if window is None:
        raise InvalidProgramme(f"{section.name} needs within or during.")
    return window
