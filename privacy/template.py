"""A query without its period, as a catalogue file writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from privacy import authoring
from privacy.errors import InvalidProgramme
from privacy.expression import EVERYBODY, Dimension, Predicate, Value
from privacy.query import Unit
from privacy.strict import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A query without its period."""

    unit: Unit
    anchor: str | None
    entry_lookback_years: int
    population: Predicate
    value: Value
    by: tuple[Dimension, ...]


def read(
    name: str, section: Section, shared: Mapping[str, Section]
) -> dict[str, Template]:
    """Read one query by name, or with `each` one for every listed code.

    Args:
        name: the query's name inside its metric.
        section: its table in the file.
        shared: queries that several metrics may `use`.

    Raises:
        InvalidProgramme: it leaves a meaning open.
    """
    if section.has("use"):
        target = section.text("use")
        section.done()
        if target not in shared:
            raise InvalidProgramme(f"{section.name}: no shared query {target!r}.")
        return {name: _template(_copy(shared[target]))}
    if not section.has("each"):
        return {name: _template(section)}
    codes = section.texts("each")
    body = {key: section.raw(key) for key in section.names() if key != "each"}
    return {
        f"{name}_{code}": _template(
            Section(f"{section.name}.{code}", _substitute(body, code))
        )
        for code in codes
    }


def _copy(section: Section) -> Section:
    """Return a shared query's section afresh, so that it can be read again."""
    return Section(section.name, {key: section.raw(key) for key in section.names()})


def _substitute(content: Any, code: str) -> Any:
    """Put a code wherever the text `$each` stands."""
    if isinstance(content, dict):
        return {key: _substitute(item, code) for key, item in content.items()}
    if isinstance(content, list):
        return [_substitute(item, code) for item in content]
    return code if content == "$each" else content


def _template(section: Section) -> Template:
    """Read a query without its period."""
    by = section.raw("by") if section.has("by") else []
    if not isinstance(by, list):
        raise InvalidProgramme(f"{section.name}: by must be a list of dimensions.")
    population = (
        authoring.predicate(section.raw("population"), f"{section.name}.population")
        if section.has("population")
        else EVERYBODY
    )
    template = Template(
        unit=section.choice("unit", Unit),
        anchor=section.optional_text("anchor"),
        entry_lookback_years=section.integer("entry_lookback_years"),
        population=population,
        value=authoring.value(section.raw("value"), f"{section.name}.value"),
        by=tuple(authoring.dimension(d, f"{section.name}.by") for d in by),
    )
    section.done()
    return template
