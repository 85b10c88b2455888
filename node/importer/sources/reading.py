"""What a profile may say about how its files are written; the rest is found out."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from privacy.errors import BadRecords

_DELIMITERS: Final = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "pipe": "|",
}
_DEEPEST_HEADER: Final = 1_000
_MOST_HEADER_ROWS: Final = 2


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a source.

    Attributes:
        blanks: Texts that mean "empty", besides the empty cell.
        encoding: Of text files; empty: found out (UTF-8, UTF-16 or Windows-1252).
        delimiter: Between cells; empty: found out.
        header_row: Where the names of the columns stand, 1 for the first row;
            0: found out, past titles and empty rows.
        header_rows: How many rows the names take, 1 or 2; two are joined, a name
            that spans columns coming first. 0: found out.
        footers: Beginnings of closing lines to leave out, besides the usual ones.
    """

    blanks: frozenset[str] = frozenset()
    encoding: str = ""
    delimiter: str = ""
    header_row: int = 0
    header_rows: int = 0
    footers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every setting.

        Raises:
            BadRecords: a setting is not possible.
        """
        if self.encoding:
            _require_encoding(self.encoding)
        if self.delimiter and self.delimiter not in _DELIMITERS.values():
            raise BadRecords(
                "The profile's delimiter is not comma, semicolon, tab or pipe; name "
                "one of them, or leave it out to have it found."
            )
        if not 0 <= self.header_row <= _DEEPEST_HEADER:
            raise BadRecords(
                f"The profile's header_row is not a row from 1 to {_DEEPEST_HEADER}; "
                "correct it, or leave it out to have it found."
            )
        if not 0 <= self.header_rows <= _MOST_HEADER_ROWS:
            raise BadRecords(
                "The profile's header_rows is neither 1 nor 2; correct it, or leave "
                "it out to have it found."
            )

    @classmethod
    def from_section(cls, section: Mapping[str, object]) -> Self:
        """Build from a profile's ``[source]``, passing over what others own.

        Raises:
            BadRecords: a setting is not of its kind, or not possible.
        """
        delimiter = _text(section, "delimiter")
        return cls(
            blanks=frozenset(_texts(section, "blanks")),
            encoding=_text(section, "encoding"),
            delimiter=_DELIMITERS.get(delimiter, delimiter),
            header_row=_whole(section, "header_row"),
            header_rows=_whole(section, "header_rows"),
            footers=_texts(section, "footers"),
        )

    @property
    def empty(self) -> tuple[str, ...]:
        """Every text that means "empty", in the usual spellings."""
        spelt = {""}
        for blank in self.blanks:
            text = blank.strip()
            spelt |= {text, text.lower(), text.upper(), text.capitalize()}
        return tuple(sorted(spelt))


SETTINGS: Final = (
    *("blanks", "encoding", "delimiter"),
    *("header_row", "header_rows", "footers"),
)
"""What `Reading.from_section` reads of a section."""


def _require_encoding(name: str) -> None:
    """Refuse an encoding nobody knows."""
    try:
        known = codecs.lookup(name)
        "a".encode(known.name)
    except (LookupError, TypeError, ValueError):
        known = None
    if known is None:
        raise BadRecords(
            "The profile names an encoding that does not exist; use utf-8, utf-16 or "
            "windows-1252, or leave it out to have it found."
        )


def _text(section: Mapping[str, object], name: str) -> str:
    """Read a text, empty if it is not there."""
    value = section.get(name, "")
    if not isinstance(value, str):
        raise BadRecords(f"The profile's {name} is not a text; put it in quotes.")
    return value


def _texts(section: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Read a list of texts, empty if it is not there."""
    value = section.get(name, ())
    if not isinstance(value, list | tuple) or not all(
        isinstance(item, str) for item in value
    ):
        raise BadRecords(
            f"The profile's {name} is not a list of texts; write it as "
            f'{name} = ["...", "..."].'
        )
    return tuple(str(item) for item in value)


def _whole(section: Mapping[str, object], name: str) -> int:
    """Read a whole number, 0 if it is not there."""
    value = section.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRecords(
            f"The profile's {name} is not a whole number; correct it, or leave it out."
        )
    return value
