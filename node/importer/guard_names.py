"""Tell from a column's name, in English or Spanish, what it holds about a person."""

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Final

from node.importer.patterns import Kind
from privacy.strict import Section, load_toml

_FILE: Final = "guard.toml"
_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|#")
_NUMBERS: Final = frozenset({"#", "no", "num", "nbr", "nro", "numero"})
_APOSTROPHES: Final = "'\u2019"
_LONGEST_PHRASE: Final = 6
_SHORT_WORD: Final = 3
_LONG_PHRASE: Final = 5
_DEFAULT_OFFER: Final = "drop the column"


@dataclass(frozen=True, slots=True)
class _Rule:
    """One section of the file; every phrase is written as one word."""

    kind: Kind
    phrases: frozenset[str]
    whole: frozenset[str]
    unless: frozenset[str]
    public: frozenset[str]
    offer: str


def kind_of(column: str, *, table: str = "") -> Kind | None:
    """Return what a column's name says it holds, if that may not come in.

    A name such as ``Client: Phone`` is judged like ``Phone``. The table only
    matters to a bare ``Name``: it is a person's unless the table is of something
    that has a public name.
    """
    words = _words(column)
    if not words:
        return None
    spans = _spans(words)
    for rule in _rules():
        if not rule.phrases.isdisjoint(spans) or "".join(words) in rule.whole:
            bare = words in (["name"], ["nombre"])
            public = bare and rule.public.issuperset(_words(table) or ["name"])
            if rule.unless.isdisjoint(spans) and not public:
                return rule.kind
        elif len(words) == 1 and _run_together(words[0], rule):
            return rule.kind
    return None


def _run_together(word: str, rule: "_Rule") -> bool:
    """Tell whether a name without spaces or capitals begins or ends with a phrase.

    Databases write names so: ``homephone``.
    """
    ends = (
        len(each) >= _LONG_PHRASE and (word.startswith(each) or word.endswith(each))
        for each in rule.phrases
    )
    return any(ends) and not any(
        each in word for each in rule.unless if len(each) > _SHORT_WORD
    )


def offer_for(kind: Kind) -> str:
    """Return what may be done with a column instead of importing it."""
    offers = (rule.offer for rule in _rules() if rule.kind is kind)
    return next(offers, _DEFAULT_OFFER)


def _words(name: str) -> list[str]:
    """Split a name into plain words: no accents, capitals, signs or plural s."""
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(sign) and sign not in _APOSTROPHES
    )
    found = [word.lower() for word in _WORDS.findall(plain)]
    return ["number" if word in _NUMBERS else _singular(word) for word in found]


def _singular(word: str) -> str:
    """Drop a plural s; wrong here and there, but alike for both sides."""
    return word[:-1] if len(word) > _SHORT_WORD and word.endswith("s") else word


def _spans(words: list[str]) -> set[str]:
    """Return every run of words as one word, so that "e mail" is "email"."""
    return {
        "".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + _LONGEST_PHRASE, len(words)) + 1)
    }


def _joined(phrases: Iterable[str]) -> frozenset[str]:
    """Write phrases as `_spans` does."""
    return frozenset("".join(_words(phrase)) for phrase in phrases)


def _optional(section: Section, key: str) -> frozenset[str]:
    """Read phrases that need not be there."""
    return _joined(section.texts(key)) if section.has(key) else frozenset()


@functools.cache
def _rules() -> tuple[_Rule, ...]:
    """Read the file once.

    Raises:
        InvalidProgramme: `guard.toml` is not as it must be.
    """
    text = resources.files("node.importer").joinpath(_FILE).read_text("utf-8")
    root = Section("guard", load_toml(text))
    harmless = _joined(root.texts("harmless"))
    rules = []
    for name in root.names():
        if name == "harmless":
            continue
        section = Section(f"guard {name}", root.raw(name))
        firm = section.flag("firm", default=False)
        unless = _optional(section, "unless")
        rules.append(
            _Rule(
                kind=Kind[name.upper()],
                phrases=_joined(section.texts("phrases")),
                whole=_optional(section, "whole"),
                unless=unless if firm else unless | harmless,
                public=_optional(section, "public"),
                offer=section.optional_text("offer") or _DEFAULT_OFFER,
            )
        )
        section.done()
    root.done()
    return tuple(rules)
