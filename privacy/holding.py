"""What an organisation holds: every table and file, in words for its counsel.

The list that a program prints is made from what is really there. A table or a file
that nobody described is shown as such, never left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from privacy.strict import Section, load_toml

UNDESCRIBED: Final = "not described: ask who put it there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One table, or one file, and what it holds.

    Attributes:
        name: Of the table, or of the file below the home directory; in a
            description, a pattern of such names.
        holds: What is in it.
        about: Whom it is about: people served, staff, or nobody.
        kept: How long.
        readers: Who can read it.
    """

    name: str
    holds: str
    about: str
    kept: str
    readers: str

    def content(self) -> dict[str, str]:
        """Return the parts for JSON."""
        return {name: getattr(self, name) for name in PARTS}


PARTS: Final = ("name", "holds", "about", "kept", "readers")


@dataclass(frozen=True, slots=True)
class Described:
    """Descriptions of one kind of holding, in the order they are looked up."""

    holdings: tuple[Holding, ...]

    def of(self, names: Iterable[str]) -> tuple[Holding, ...]:
        """Return what is said of each name; one nobody described is shown as such."""
        return tuple(self._of(name) for name in sorted(set(names)))

    def _of(self, name: str) -> Holding:
        """Look one name up."""
        for known in self.holdings:
            if fnmatchcase(name, known.name):
                return Holding(
                    name=name,
                    holds=known.holds,
                    about=known.about,
                    kept=known.kept,
                    readers=known.readers,
                )
        unknown = dict.fromkeys(("about", "kept", "readers"), "unknown")
        return Holding(name=name, holds=UNDESCRIBED, **unknown)


def parse(text: str) -> tuple[Described, Described]:
    """Read descriptions of tables and of files from a TOML text.

    Raises:
        InvalidProgramme: a description lacks a part.
    """
    root = Section("holdings", load_toml(text))
    tables, files = (_described(root, key) for key in ("tables", "files"))
    root.done()
    return tables, files


def _described(root: Section, key: str) -> Described:
    found = []
    for name, section in root.sections(key):
        parts = {part: section.text(part) for part in PARTS[1:]}
        section.done()
        found.append(Holding(name=name, **parts))
    return Described(tuple(found))
