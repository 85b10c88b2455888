"""An edition: the dictionary and the catalogue, as the Board signed them.

A metric is data, so a new one reaches every site as a signed text, and a running
node answers it without a new program or a restart, once the site's officer has
accepted the edition and a mandate names it. Editions already accepted stay: a
mandate goes on meaning what its signers read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from privacy import catalogue
from privacy.catalogue import Programme
from privacy.errors import InvalidProgramme
from privacy.signing import Document, Kind, text_of
from privacy.strict import Section, load_toml, quoted

FILES_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One numbered edition.

    Attributes:
        number: Rises with each; the one shipped with the software is 0.
        programme: What it defines.
        digest: SHA-256 of the signed text.
    """

    network: str
    number: int
    programme: Programme = field(repr=False)
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an edition changes against another: what an officer must read.

    Attributes:
        added: Metrics the older one lacks.
        changed: Metrics whose definition differs.
        removed: Metrics the newer one lacks.
        dictionary: Whether tables, fields or code lists differ, or what every
            definition takes for granted, or what no site tells.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    dictionary: bool

    @property
    def only_adds(self) -> bool:
        """Whether nothing an officer read before means something else now."""
        return not (self.changed or self.removed or self.dictionary)


def draft(files: Mapping[str, str], *, network: str, number: int) -> Document:
    """Write an edition from the programme's texts, ready to be signed.

    Raises:
        InvalidProgramme: the texts are not a programme.
    """
    lines = [f"network = {quoted(network)}", f"number = {number}", "", "[files]"]
    lines += [f"{quoted(name)} = {quoted(files[name])}" for name in sorted(files)]
    content = "\n".join([*lines, ""]).encode()
    document = Document(kind=Kind.EDITION, content=content)
    parse(document)
    return document


def parse(document: Document) -> Edition:
    """Read an edition; its signatures are judged by `Roster.check_board`.

    Raises:
        InvalidProgramme: a text in it does not say one definite thing.
        BadSignature: the document is of another kind.
    """
    text = text_of(document, Kind.EDITION)
    network, number, programme = _parsed(text)
    return Edition(
        network=network, number=number, programme=programme, digest=document.digest
    )


def changes(old: Programme, new: Programme) -> Changes:
    """Say what a newer programme changes against an older one."""
    both = set(old.metrics) & set(new.metrics)
    return Changes(
        added=tuple(sorted(set(new.metrics) - both)),
        changed=tuple(sorted(m for m in both if old.metrics[m] != new.metrics[m])),
        removed=tuple(sorted(set(old.metrics) - both)),
        dictionary=_ground(old) != _ground(new),
    )


def _ground(programme: Programme) -> tuple[object, ...]:
    """Return what all of a programme's definitions stand on."""
    return programme.dictionary, programme.how_to_read, programme.withheld


@lru_cache(maxsize=8)
def _parsed(text: str) -> tuple[str, int, Programme]:
    """Read the text; sixty metrics take a moment, so the last few are kept."""
    root = Section("edition", load_toml(text))
    network, number = root.text("network"), root.integer("number")
    inner = Section("edition.files", root.raw("files"))
    files = {name: inner.text(name) for name in inner.names()}
    inner.done()
    root.done()
    if number < 1 or not {"dictionary", "programme"} <= set(files):
        raise InvalidProgramme(
            "An edition has a number from 1, a dictionary and a programme."
        )
    if len(files) > FILES_MAX:
        raise InvalidProgramme(f"An edition has at most {FILES_MAX} files.")
    return network, number, catalogue.parse(files)
