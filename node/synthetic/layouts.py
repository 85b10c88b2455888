"""The forms in which real systems hand out records: who writes what, and how."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import Any, Final

from node.config import INVENTED
from privacy.errors import InvalidProgramme
from privacy.strict import Section, load_toml

DICTIONARY: Final = "dictionary"
_KEY: Final = re.compile(rf"{INVENTED}[A-Z0-9]+-([HP])([0-9]+)([A-C]?)")
_DIGITS: Final = 7


class Form(StrEnum):
    """What kind of file an export is."""

    FILES = "files"
    REPORTS = "reports"
    WORKBOOK = "workbook"
    ARCHIVE = "archive"
    DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One system's way to export.

    Attributes:
        profile: The shipped mapping profile that reads it.
        form: What kind of file.
        people: The sheet on which vault columns are planted.
        vault: Header -> what is planted below it: number, phone, mail or note.
        stays: Sheet -> columns that stay there; see `backwards.Hand`.
        fixed: Sheet -> its standard columns, and what always stands in some.
    """

    profile: str
    form: Form
    people: str
    vault: Mapping[str, str]
    stays: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fixed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def names() -> tuple[str, ...]:
    """Return every layout."""
    return (DICTIONARY, *_content())


def load(name: str) -> Layout:
    """Read a layout.

    Raises:
        InvalidProgramme: there is no such layout.
    """
    content = _content()
    if name not in content:
        raise InvalidProgramme(
            f"There is no layout {name!r}; use {', '.join(names())}."
        )
    section = Section(name, content[name])
    layout = Layout(
        profile=section.text("profile"),
        form=section.choice("form", Form),
        people=section.text("people"),
        vault=dict(section.raw("vault")),
        stays={
            sheet: frozenset(columns)
            for sheet, columns in (
                section.raw("stays") if section.has("stays") else {}
            ).items()
        },
        fixed=_fixed(section.raw("fixed")) if section.has("fixed") else {},
    )
    section.done()
    return layout


def salesforce_id(key: str) -> str:
    """Write a case or person number as an id of 18 characters.

    A number that lost its zeros stays another number, so it still finds nobody.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        return key
    kind, digits, letter = found.groups()
    return f"{INVENTED}{kind}{digits}{letter or 'X'}"


def _content() -> dict[str, object]:
    """Read the file of layouts."""
    file = resources.files("node.synthetic").joinpath("layouts.toml")
    return load_toml(file.read_text(encoding="utf-8"))


def _fixed(sheets: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Read standard columns: a list of names, and values that always stand there."""
    return {
        sheet: dict.fromkeys(content["columns"], "")
        | {name: str(value) for name, value in content.get("always", {}).items()}
        for sheet, content in sheets.items()
    }
