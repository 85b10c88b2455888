"""Strict reading of TOML: every key is asked for, or the file is refused."""

import datetime as dt
import json
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, TypeVar

from privacy.errors import InvalidProgramme

_E = TypeVar("_E", bound=StrEnum)


def load_toml(text: str) -> dict[str, Any]:
    """Parse TOML text.

    Raises:
        InvalidProgramme: the text is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidProgramme(f"This is not a TOML file: {error}.") from error


class Section:
    """One TOML table that remembers which of its keys were read."""

    def __init__(self, name: str, content: Any) -> None:
        """Wrap a table; anything else is refused."""
        if not isinstance(content, dict):
            raise InvalidProgramme(f"{name} must be a table.")
        self.name = name
        self._content = content
        self._read: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """Return the keys, in file order."""
        return tuple(self._content)

    def has(self, key: str) -> bool:
        """Tell whether a key is there."""
        return key in self._content

    def raw(self, key: str) -> Any:
        """Return a value as TOML gave it; the caller checks it."""
        if key not in self._content:
            raise InvalidProgramme(f"{self.name} lacks {key!r}; add it.")
        self._read.add(key)
        return self._content[key]

    def text(self, key: str) -> str:
        """Return a non-empty string."""
        value = self.raw(key)
        if not isinstance(value, str) or not value.strip():
            raise InvalidProgramme(f"{self.name}: {key} must be a non-empty text.")
        return self._shown(key, value)

    def _shown(self, key: str, value: str) -> str:
        """Refuse letters that hide, or move, what a signer reads on a screen."""
        if not shows(value):
            raise InvalidProgramme(
                f"{self.name}: {key} holds letters that do not show; remove them."
            )
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a string, or None where the key is absent."""
        return self.text(key) if self.has(key) else None

    def integer(self, key: str) -> int:
        """Return a whole number (TOML booleans are not numbers)."""
        value = self.raw(key)
        if type(value) is not int:
            raise InvalidProgramme(f"{self.name}: {key} must be a whole number.")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.raw(key) if self.has(key) else default
        if not isinstance(value, bool):
            raise InvalidProgramme(f"{self.name}: {key} must be true or false.")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a non-empty list of strings."""
        value = self.raw(key)
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(item, str) and item for item in value)
        ):
            raise InvalidProgramme(f"{self.name}: {key} must be a list of texts.")
        return tuple(self._shown(key, item) for item in value)

    def choice(self, key: str, kind: type[_E]) -> _E:
        """Return a member of a closed list."""
        return self._member(key, self.text(key), kind)

    def choices(self, key: str, kind: type[_E]) -> tuple[_E, ...]:
        """Return members of a closed list; none where the key is absent."""
        values = self.texts(key) if self.has(key) else ()
        return tuple(self._member(key, value, kind) for value in values)

    def _member(self, key: str, value: str, kind: type[_E]) -> _E:
        """Return the member of a closed list that a text names."""
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(member.value for member in kind)
            raise InvalidProgramme(
                f"{self.name}: {key} has {value!r}; choose from {allowed}."
            ) from None

    def sections(self, key: str) -> Iterator[tuple[str, "Section"]]:
        """Yield the tables below a key, by name; none where the key is absent."""
        if not self.has(key):
            return
        content = self.raw(key)
        if not isinstance(content, dict):
            raise InvalidProgramme(f"{self.name}: {key} must be a table.")
        for name, value in content.items():
            yield name, Section(f"{self.name}.{key}.{name}", value)

    def done(self) -> None:
        """Refuse keys nobody asked for: a misspelt rule must not be ignored."""
        left = [key for key in self._content if key not in self._read]
        if left:
            raise InvalidProgramme(
                f"{self.name} has unknown keys {', '.join(sorted(left))}; remove them."
            )


def shows(text: str) -> bool:
    """Tell whether every letter of a text shows on a screen, where it stands."""
    return all(letter.isprintable() or letter in "\n\t" for letter in text)


def quoted(text: str) -> str:
    """Write a text as a TOML basic string: JSON's escapes, and one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def moment(section: Section, key: str) -> dt.datetime:
    """Return a moment; without UTC it would mean different ones to two people."""
    value = section.raw(key)
    if not isinstance(value, dt.datetime) or value.utcoffset() != dt.timedelta(0):
        raise InvalidProgramme(
            f"{section.name}: write {key} in UTC, such as 2026-10-01T00:00:00Z."
        )
    return value
