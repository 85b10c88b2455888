"""What sources call tables, keys, fields and codes: the words a proposal goes by."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable
from importlib import resources
from typing import Final

from node.importer.profile import Profile
from node.importer.spelling import plain
from privacy.dictionary import Dictionary
from privacy.strict import Section, load_toml

_FILE: Final = "synonyms.toml"
_WORD: Final = re.compile(r"[^\W_]+")
_CLOSE: Final = 0.82
_SAME: Final = 1.0
_PART: Final = 0.8
_ALIKE: Final = 0.6


class Vocabulary:
    """Words for the dictionary's names."""

    def __init__(self, dictionary: Dictionary, profiles: Iterable[Profile]) -> None:
        """Gather the dictionary's own words, the listed ones, and those of profiles."""
        self._names: dict[str, set[str]] = defaultdict(set)
        self._codes: dict[str, dict[str, str]] = defaultdict(dict)
        for table_name, table in dictionary.tables.items():
            self._names[table_name].add(table_name)
            for name in table.fields:
                self._names[f"{table_name}.{name}"].add(name)
        for name, known in dictionary.code_lists.items():
            self._codes[name] = {plain(code): code for code in known.codes}
        self._listed()
        for profile in profiles:
            self._learned(profile, dictionary)

    def likeness(self, path: str, name: str) -> float:
        """Return how much a source's name is like one for a table, key or field."""
        known = {plain(word) for word in self._names[path]}
        if plain(name) in known:
            return _SAME
        own = set(_words(name))
        best = 0.0
        for word in self._names[path]:
            other = set(_words(word))
            if other and own and (other <= own or own <= other):
                best = max(best, _PART * len(other & own) / len(other | own) + 0.1)
            ratio = difflib.SequenceMatcher(None, plain(word), plain(name)).ratio()
            best = max(best, _ALIKE * ratio if ratio > _CLOSE else 0.0)
        return best

    def code(self, code_list: str, text: str) -> tuple[str | None, bool]:
        """Return the code a text stands for, and whether that is certain."""
        known = self._codes[code_list]
        found = known.get(plain(text))
        if found is not None:
            return found, True
        close = difflib.get_close_matches(plain(text), known, n=1, cutoff=_CLOSE)
        if close:
            return known[close[0]], False
        words = set(_words(text))
        inside = [
            code for key, code in known.items() if len(words) > 1 and key in words
        ]
        return (inside[0], False) if len(set(inside)) == 1 else (None, False)

    def _listed(self) -> None:
        """Take in the shipped list."""
        text = resources.files("node.importer").joinpath(_FILE).read_text("utf-8")
        root = Section(_FILE, load_toml(text))
        for part in ("keys", "tables", "fields"):
            section = Section(part, root.raw(part))
            for name in section.names():
                self._names[name].update(section.texts(name))
        for name, section in root.sections("codes"):
            for code in section.names():
                for word in section.texts(code):
                    self._codes[name].setdefault(plain(word), code)
        root.done()

    def _learned(self, profile: Profile, dictionary: Dictionary) -> None:
        """Take in the words a profile uses."""
        for entry in profile.entries:
            for name, cells in entry.fields.items():
                field = dictionary.tables[entry.table].fields[name]
                for cell in cells:
                    if cell.derive is None:
                        self._names[f"{entry.table}.{name}"].update(cell.columns)
                    if cell.recode and field.code_list:
                        codes = self._codes[field.code_list]
                        for text, code in profile.recodes[cell.recode].items():
                            if code and text and not text.isdecimal() and text != "*":
                                codes.setdefault(text, code)


def _words(name: str) -> list[str]:
    """Split a name into words, at spaces, signs and inner capitals."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [plain(word) for word in _WORD.findall(apart)]
