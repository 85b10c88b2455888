"""Digests in order and the id of each, looked up many at a time without Python."""

from array import array
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

HALF: Final = 16
"""Bytes of a digest, and of an id."""


class Sorted:
    """Digests in order, and the id of each; looked up many at a time."""

    __slots__ = ("_heads", "_ids", "_tails")

    def __init__(self, digests: bytes, ids: bytes) -> None:
        """Put digests and their ids, given in the same order, into order."""
        heads, tails = _words(digests)
        order = pc.sort_indices(heads)
        self._heads, self._tails = heads.take(order), tails.take(order)
        self._ids = _halves(ids).take(order)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._heads)

    @property
    def digests(self) -> bytes:
        """The digests, in order."""
        words = array("Q", bytes(HALF * len(self)))
        words[0::2] = array("Q", _content(self._heads, 8))
        words[1::2] = array("Q", _content(self._tails, 8))
        return words.tobytes()

    @property
    def ids(self) -> bytes:
        """The ids, in the digests' order."""
        return _content(self._ids, HALF)

    def find(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """Return the ids of digests, None for one that is not there."""
        if not len(self):
            return [None] * len(digests)
        heads, tails = _words(b"".join(digests))
        last = pa.scalar(len(self) - 1, pa.uint64())
        at = pc.min_element_wise(pc.search_sorted(self._heads, heads), last)
        same = pc.equal(self._heads.take(at), heads)
        alike = pc.and_(same, pc.equal(self._tails.take(at), tails))
        # Of binary, and not of a fixed width: that is ten times as slow to list.
        ids = self._ids.take(at).cast(pa.binary())
        found: list[bytes | None] = ids.to_pylist()
        for number in pc.indices_nonzero(pc.invert(alike)).to_pylist():
            found[number] = None
        if alike.true_count != same.true_count:
            # Two digests that begin alike: one in ten million sites will see it.
            for number, (begins, is_it) in enumerate(zip(same, alike, strict=True)):
                if begins.as_py() and not is_it.as_py():
                    found[number] = self._beside(at[number].as_py(), digests[number])
        return found

    def digests_of(self, ids: frozenset[bytes]) -> list[bytes]:
        """Return the digests whose ids are among some."""
        digests: bytes = self.digests
        mine = pc.is_in(self._ids, value_set=pa.array(list(ids), self._ids.type))
        places: list[int] = pc.indices_nonzero(mine).to_pylist()
        return [digests[HALF * at : HALF * (at + 1)] for at in places]

    def without(self, ids: frozenset[bytes]) -> "Sorted":
        """Return what is left without some ids."""
        mine = pc.is_in(self._ids, value_set=pa.array(list(ids), self._ids.type))
        kept = pc.invert(mine)
        digests = _content(_halves(self.digests).filter(kept), HALF)
        return Sorted(digests, _content(self._ids.filter(kept), HALF))

    def _beside(self, at: int, digest: bytes) -> bytes | None:
        """Return the id of a digest that lies after one that begins like it."""
        head, tail = (array("Q", half)[0] for half in (digest[:8], digest[8:]))
        while at < len(self) and self._heads[at].as_py() == head:
            if self._tails[at].as_py() == tail:
                own: bytes = self._ids[at].as_py()
                return own
            at += 1
        return None


def _words(digests: bytes) -> tuple[pa.UInt64Array, pa.UInt64Array]:
    """Return the first and the second half of each digest, as numbers."""
    words = array("Q", digests)
    halves = (words[0::2], words[1::2])
    first, second = (
        pa.Array.from_buffers(pa.uint64(), len(half), [None, pa.py_buffer(half)])
        for half in halves
    )
    return first, second


def _halves(content: bytes) -> pa.FixedSizeBinaryArray:
    """Return digests or ids that lie one after the other."""
    buffers = [None, pa.py_buffer(content)]
    number = len(content) // HALF
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(HALF), number, buffers)


def _content(values: pa.Array, width: int) -> bytes:
    """Return the bytes of values of one width, none of them empty."""
    start = values.offset * width
    content: bytes = values.buffers()[1][start : start + len(values) * width]
    return bytes(content)
