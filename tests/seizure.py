"""Search every byte of a disk for many planted words, in every form of each."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.wiretap import forms

_KEY = 8
_BITS = 24
_MIX = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(frozen=True, order=True)
class Find:
    """A planted word that was found, and where."""

    place: str
    form: str
    word: str


class Search:
    """Words in all their forms, ready to be looked for."""

    def __init__(self, words: Iterable[str]) -> None:
        self._shapes: dict[int, list[tuple[str, str, bytes]]] = defaultdict(list)
        for word in words:
            for form, shape in forms(word).items():
                assert len(shape) >= _KEY, "a planted word must be long"
                key = int.from_bytes(shape[:_KEY], "little")
                self._shapes[key].append((word, form, shape))
        self._maybe = np.zeros(2**_BITS, dtype=bool)
        self._maybe[_slot(np.array(list(self._shapes), dtype="<u8"))] = True

    def of_bytes(self, data: bytes, place: str) -> set[Find]:
        """Return every word that is in some bytes."""
        found = set()
        for start in range(min(_KEY, len(data))):
            size = (len(data) - start) // _KEY
            windows = np.frombuffer(data, dtype="<u8", count=size, offset=start)
            for at in np.flatnonzero(self._maybe[_slot(windows)]):
                position = start + int(at) * _KEY
                for word, form, shape in self._shapes.get(int(windows[at]), ()):
                    if data.startswith(shape, position):
                        found.add(Find(place, form, word))
        return found

    def of_folder(self, folder: Path) -> set[Find]:
        """Return every word in any file below a folder, or in the name of one."""
        found = set()
        for path in sorted(folder.rglob("*")):
            place = path.relative_to(folder).as_posix()
            found |= self.of_bytes(place.encode(), place)
            if path.is_file():
                found |= self.of_bytes(path.read_bytes(), place)
        return found


def _slot(windows: np.ndarray) -> np.ndarray:
    """Spread eight bytes over a table small enough to look in quickly."""
    return (windows * _MIX) >> np.uint64(64 - _BITS)


def words_in(found: Iterable[Find]) -> set[str]:
    """Return which words were found."""
    return {find.word for find in found}


def places_in(found: Iterable[Find]) -> set[str]:
    """Return where words were found."""
    return {find.place for find in found}
