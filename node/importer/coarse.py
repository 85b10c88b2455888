"""Keep something coarser than what was written: a band, a region, a group."""

import functools
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Final

from node.importer.spelling import plain
from privacy.errors import InvalidProgramme
from privacy.strict import Section, load_toml

_BANDS: Final = (
    (25, "18_24"),
    (35, "25_34"),
    (45, "35_44"),
    (55, "45_54"),
    (121, "55_plus"),
)
_ADULT_YEARS: Final = 18


def age_band(years: int | None) -> str | None:
    """Return the band of an age in completed years; none if it is no adult's."""
    if years is None or years < _ADULT_YEARS:
        return None
    return next((band for end, band in _BANDS if years < end), None)


@functools.cache
def regions() -> Mapping[str, str]:
    """Return country, without case, accents and spaces -> origin region.

    Raises:
        InvalidProgramme: the shipped list gives a country two regions.
    """
    return _listed("places.toml", "regions")


@functools.cache
def language_groups() -> Mapping[str, str]:
    """Return language, without case, accents and spaces -> group.

    Raises:
        InvalidProgramme: the shipped list gives a language two groups.
    """
    return _listed("languages.toml", "groups")


def _listed(file: str, name: str) -> Mapping[str, str]:
    """Read lines such as `MX MEX: Mexico, México`."""
    text = resources.files("node.importer").joinpath(file).read_text("utf-8")
    root = Section(file, load_toml(text))
    inner = Section(f"{file}: {name}", root.raw(name))
    found: dict[str, str] = {}
    for target in inner.names():
        for line in inner.text(target).strip().splitlines():
            codes, _, names = line.partition(":")
            for word in [*codes.split(), *names.split(",")]:
                if found.setdefault(plain(word), target) != target:
                    raise InvalidProgramme(f"{file}: {word.strip()!r} stands twice.")
    root.done()
    return MappingProxyType(found)
