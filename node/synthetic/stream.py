"""A reproducible stream of numbers for invented records. Never for privacy noise.

Anybody who knows the seed knows every number here: that is the point of it, and
why nothing but invented records may use it. Noise comes from one file,
`privacy/mechanism.py`.
"""

import hashlib
import struct

WORD_RANGE = 2**32
"""Words are whole numbers from 0 to this, exclusive."""

_WORDS = struct.Struct("<64I")


class Stream:
    """Words that depend on a label only: same label, same words, on any machine.

    A label is the seed, the site, the purpose and the household's number, so that
    a change in how one purpose draws leaves every other purpose as it was.

    Source: SHAKE128 (FIPS 202) of the label and a block counter.
    """

    __slots__ = ("_blocks", "_label", "_words")

    def __init__(self, seed: int, *parts: str | int) -> None:
        """Start the stream of a label."""
        self._label = "\x1f".join(map(str, (seed, *parts))).encode()
        self._blocks = 0
        self._words: list[int] = []

    def word(self) -> int:
        """Return the next number below `WORD_RANGE`."""
        if not self._words:
            self._refill()
        return self._words.pop()

    def below(self, end: int) -> int:
        """Return a number from 0 to `end`, exclusive; its bias is below 2**-20."""
        return self.word() * end >> 32

    def _refill(self) -> None:
        """Hash the next block."""
        block = self._label + b"\x1f" + str(self._blocks).encode()
        self._words = list(_WORDS.unpack(hashlib.shake_128(block).digest(256)))
        self._blocks += 1
