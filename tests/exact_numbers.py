"""Look for exact numbers in bytes, in every form in which a process could hold one."""

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from tests.seizure import _BITS, _KEY, Search, _slot

_DIGIT_BITS = 30
LEAST = 2**46
"""Numbers from here to twice this are not met by chance."""


def unlikely(*what: object) -> int:
    """Return a number that nothing but a leak could put into memory."""
    digest = hashlib.sha256(repr(what).encode()).digest()
    return LEAST + int.from_bytes(digest[:8]) % LEAST


def shapes(number: int) -> dict[str, bytes]:
    """Return every form of a number that is sought."""
    low, high = number & (1 << _DIGIT_BITS) - 1, number >> _DIGIT_BITS
    return {
        "text": str(number).encode(),
        "grouped": f"{number:,}".encode(),
        "little-endian": struct.pack("<q", number),
        "big-endian": struct.pack(">q", number),
        "float": struct.pack("<d", float(number)),
        "interpreter's own": struct.pack("<II", low, high),
    }


class NumberSearch(Search):
    """Numbers in all their forms, ready to be looked for."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._shapes: dict[int, list[tuple[str, str, bytes]]] = defaultdict(list)
        for number in numbers:
            assert LEAST <= number < 2**53
            for form, shape in shapes(number).items():
                key = int.from_bytes(shape[:_KEY], "little")
                self._shapes[key].append((str(number), form, shape))
        self._maybe = np.zeros(2**_BITS, dtype=bool)
        self._maybe[_slot(np.array(list(self._shapes), dtype="<u8"))] = True
