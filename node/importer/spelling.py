"""Compare names and values the way people write them: case, accents, spaces apart."""

import functools
import re
import unicodedata
from typing import Final

from node.importer import patterns
from privacy.errors import InvalidProgramme

_BETWEEN: Final = re.compile(r"[\s_\-]+")
_POINT_ZERO: Final = re.compile(r"^([0-9]+)\.0+$")
_SHOWS: Final = re.compile(r"[A-Za-z@][A-Za-z0-9_ .#?/()*-]{0,39}")
_DIGITS: Final = re.compile(r"[0-9]{4}")


@functools.lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """Return a text without case, accents, spaces, hyphens and underscores.

    A whole number that went through a spreadsheet may end in .0, and is the same.
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return _POINT_ZERO.sub(r"\1", _BETWEEN.sub("", kept))


def shown(name: str, position: str) -> str:
    """Return a name that looks like one of a column or table, or else its position.

    A header can hold somebody's number; then only its place is said.
    """
    fits = _SHOWS.fullmatch(name) is not None and not _DIGITS.search(name)
    return name if fits else position


def require_harmless(where: str, text: str) -> str:
    """Return a word of a profile, which lies readable on a disk.

    Raises:
        InvalidProgramme: it is somebody's number or address.
    """
    if patterns.spells_out(text):
        raise InvalidProgramme(
            f"{where} holds what looks like a person's own number or address; a "
            "profile is for words that many rows share, so take it out."
        )
    return text
