"""Read the programme's texts for an edition, and find the programme by its version."""

from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from coordinator.documents import Kept
from privacy import catalogue, edition
from privacy.catalogue import Programme
from privacy.errors import BadConfiguration, WrongProgramme

_NAMED: Final = ("dictionary", "programme")
_END: Final = ".toml"


def shipped() -> dict[str, str]:
    """Return the texts of the programme this software ships, by name."""
    return read(resources.files("privacy") / "programme")


def read(folder: Traversable) -> dict[str, str]:
    """Return the texts of a programme in a directory laid out like the shipped one.

    Raises:
        BadConfiguration: a file is missing or is no text.
    """
    try:
        texts = {name: (folder / f"{name}{_END}").read_text("utf-8") for name in _NAMED}
        metrics = [
            item
            for item in (folder / "catalogue").iterdir()
            if item.name.endswith(_END)
        ]
        return texts | {item.name: item.read_text("utf-8") for item in metrics}
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(
            "A programme's directory holds dictionary.toml, programme.toml and a "
            f"directory catalogue; this one cannot be read ({error})."
        ) from error


def find(known: Mapping[str, Programme], version: str | None) -> Programme:
    """Return a programme by its version; the newest unless told.

    Raises:
        WrongProgramme: no such edition was submitted here.
    """
    wanted = list(known)[-1] if version is None else version
    if wanted not in known:
        raise WrongProgramme(
            f"The centre knows no programme {wanted[:64]}; submit its edition with "
            "`cmpp edition submit`."
        )
    return known[wanted]


def programmes(kept: Iterable[Kept]) -> dict[str, Programme]:
    """Return every programme the centre knows, by version; the newest comes last."""
    known = {catalogue.load().version: catalogue.load()}
    for each in sorted(kept, key=lambda one: one.place):
        found = edition.parse(each.document).programme
        known.pop(found.version, None)
        known[found.version] = found
    return known
