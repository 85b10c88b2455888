"""Where profiles are: those this software ships, and those a site saved.

A saved profile is a text file the site may edit. Each version is kept beside it, so
that an import can be told apart from one made with other words.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from node.importer import profile_reading
from node.importer.profile import Profile
from privacy.dictionary import Dictionary
from privacy.errors import BadConfiguration, BadRecords, InvalidProgramme

_SUFFIX: Final = ".toml"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_VERSION_LINE: Final = re.compile(r"(?m)^version[ \t]*=[ \t]*[0-9]+[ \t]*$")
_NAME_LINE: Final = re.compile(r'(?m)^name[ \t]*=[ \t]*"[^"\n]*"[ \t]*$')
_GUESS: Final = re.compile(
    r",[ \t]*guess[ \t]*=[ \t]*true\b|\bguess[ \t]*=[ \t]*true[ \t]*,"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A profile and its text.

    Attributes:
        shipped: Whether it came with the software; then nobody edits it.
    """

    profile: Profile
    text: str
    shipped: bool


class Shelf:
    """The profiles of one site."""

    def __init__(self, folder: Path, dictionary: Dictionary) -> None:
        """Name the folder of saved ones; it need not be there yet."""
        self._folder = folder
        self._dictionary = dictionary

    def __iter__(self) -> Iterator[Found]:
        """Yield the site's own profiles, then the shipped ones, each by name.

        Raises:
            InvalidProgramme: a saved profile is not valid.
        """
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            # What an editor or a colleague left there has another kind of name.
            if _NAME.fullmatch(path.stem):
                yield self.load(path.stem)
        for name in sorted(_shipped()):
            yield self._parsed(_shipped()[name], shipped=True)

    def load(self, name: str) -> Found:
        """Return a profile by name; a saved one comes before a shipped one.

        A saved one that was edited becomes the next version.

        Raises:
            BadRecords: there is none of that name.
            InvalidProgramme: it is not valid.
        """
        path = self._path(name)
        if not path.is_file():
            if name not in _shipped():
                raise BadRecords(
                    f"There is no profile {name}; `cmpp-node map list` shows those "
                    "there are, `cmpp-node map suggest` makes one."
                )
            return self._parsed(_shipped()[name], shipped=True)
        found = self._saved(path)
        kept = self._kept(name, found.profile.version)
        if not kept.exists():
            _write(kept, found.text)
        elif kept.read_text("utf-8") != found.text:
            return self.save(found.text, name=name)
        return found

    def save(self, text: str, *, name: str) -> Found:
        """Keep a profile under a name, as the version after the last one.

        Raises:
            InvalidProgramme: it is not valid.
            BadConfiguration: the name is not possible, or nothing can be written.
        """
        if not _NAME.fullmatch(name) or name in _shipped():
            raise BadConfiguration(
                f"A profile cannot be saved as {name!r}: a name is of small letters, "
                "digits and hyphens, and not one the software ships; choose another."
            )
        made = _NAME_LINE.sub(f'name = "{name}"', text, count=1)
        made = _VERSION_LINE.sub(f"version = {self._last(name) + 1}", made, count=1)
        found = self._parsed(made, shipped=False)
        if (found.profile.name, found.profile.version) != (name, self._last(name) + 1):
            raise InvalidProgramme(
                "The name and the version of a profile each stand alone on a line "
                "(name = ..., version = ...), without a remark; correct the two lines."
            )
        _write(self._kept(name, found.profile.version), made)
        _write(self._path(name), made)
        return found

    def confirm(self, name: str) -> Found:
        """Take every guess of a saved profile as right.

        Raises:
            BadRecords, InvalidProgramme: there is no such profile, or it is not valid.
        """
        found = self.load(name)
        if found.shipped or not found.profile.guesses():
            return found
        return self.save(_GUESS.sub("", found.text), name=name)

    def _saved(self, path: Path) -> Found:
        """Read a saved profile, and say which it is if it is not valid.

        Raises:
            InvalidProgramme: it is not valid, or not called as its file is.
        """
        try:
            found = self._parsed(path.read_text("utf-8"), shipped=False)
        except (OSError, UnicodeError):
            raise InvalidProgramme(
                f"profiles/{path.name} cannot be read as text; save it as UTF-8, or "
                "take it out."
            ) from None
        except InvalidProgramme as error:
            raise InvalidProgramme(f"profiles/{path.name}: {error.message}") from None
        if found.profile.name != path.stem:
            raise InvalidProgramme(
                f"profiles/{path.name} calls itself {found.profile.name}, so nobody "
                "can tell which is meant; give both one name."
            )
        return found

    def _parsed(self, text: str, *, shipped: bool) -> Found:
        """Read a profile's text."""
        return Found(profile_reading.parse(text, self._dictionary), text, shipped)

    def _path(self, name: str) -> Path:
        """Return where a saved profile is."""
        if not _NAME.fullmatch(name):
            raise BadRecords(
                "A profile's name is of small letters, digits and hyphens; "
                "`cmpp-node map list` shows those there are."
            )
        return self._folder / f"{name}{_SUFFIX}"

    def _kept(self, name: str, version: int) -> Path:
        """Return where one version of a saved profile is."""
        return self._folder / f"{name}.v{version}{_SUFFIX}"

    def _last(self, name: str) -> int:
        """Return the newest version kept, 0 if there is none."""
        kept = self._folder.glob(f"{name}.v*{_SUFFIX}")
        numbers = (path.name.removesuffix(_SUFFIX).rpartition(".v")[2] for path in kept)
        return max((int(n) for n in numbers if n.isdecimal()), default=0)


def shipped(name: str, dictionary: Dictionary) -> Profile:
    """Return a profile this software ships.

    Raises:
        BadRecords: it ships none of that name.
    """
    texts = _shipped()
    if name not in texts:
        raise BadRecords(
            f"There is no shipped profile {name}; `cmpp-node map list` shows them."
        )
    return profile_reading.parse(texts[name], dictionary)


def _shipped() -> dict[str, str]:
    """Return the text of every profile this software ships, by name."""
    folder = resources.files("node.importer").joinpath("profiles")
    return {
        each.name.removesuffix(_SUFFIX): each.read_text("utf-8")
        for each in folder.iterdir()
        if each.name.endswith(_SUFFIX)
    }


def _write(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner reads it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(f"{path.suffix}.new")
    try:
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        raise BadConfiguration(
            f"The profile could not be saved ({error.strerror}); check the folder."
        ) from None
