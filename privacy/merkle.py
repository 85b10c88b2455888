"""A list that can only grow, and short proofs of what stands in it.

The entries are the leaves of a binary tree of hashes; the hash at its root stands
for all of them in their order. Whoever kept an old root can be shown, with a handful
of hashes, that a later list begins with the one they saw (consistency), and that an
entry stands at its place (inclusion), without reading either list.

What it costs: an append and a root take O(log n) hashes, a proof O((log n)**2), and
a tree of n leaves holds at most 2 n hashes, about 200 MB for a million. Roots and
proofs can be given for every earlier size too.

Source: RFC 9162, section 2.1; the leaf and node prefixes of 2.1.1 keep a node from
being passed off as an entry. The shape, and so every hash, is that of RFC 6962.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from privacy.errors import Untrusted

HASH_BYTES: Final = 32
EMPTY: Final = hashlib.sha256().digest()
"""The root of no entries."""

SIZE_MAX: Final = 2**48
"""No list this software will ever see is longer."""

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


class NotProven(Untrusted):
    """Tell the reader that a proof does not show what it was said to show."""

    code = "not-proven"


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry."""
    return hashlib.sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into one."""
    return hashlib.sha256(_NODE + left + right).digest()


class Tree:
    """Hold the hashes of a growing list, and prove things about it.

    Every complete subtree is hashed once and kept: `_levels[h][i]` covers the
    2**h leaves from i 2**h on.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Grow from leaf hashes, 32 bytes each."""
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add the hash of one entry at the end."""
        if len(leaf) != HASH_BYTES:
            raise NotProven(_NO_HASH)
        self._levels[0].append(leaf)
        for height in itertools.count():
            level = self._levels[height]
            if len(level) % 2:
                return
            if height + 1 == len(self._levels):
                self._levels.append([])
            self._levels[height + 1].append(node_hash(level[-2], level[-1]))

    def leaf(self, number: int) -> bytes:
        """Return the hash of the entry with a number, counted from 0."""
        _require(0 <= number < len(self))
        return self._levels[0][number]

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first entries; of all of them unless told."""
        return self._span(0, self._known(size))

    def root_with(self, leaves: Iterable[bytes]) -> bytes:
        """Return the root if these leaf hashes were appended; nothing is."""
        peaks = [
            (height, self._levels[height][index])
            for height, index in _peaks(0, len(self))
        ]
        for leaf in leaves:
            peaks.append((0, leaf))
            while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
                height, right = peaks.pop()
                _, left = peaks.pop()
                peaks.append((height + 1, node_hash(left, right)))
        return _folded([peak for _, peak in peaks])

    def inclusion(self, number: int, size: int | None = None) -> tuple[bytes, ...]:
        """Prove that an entry stands at its place in the first `size` entries.

        Source: RFC 9162, 2.1.3.1.
        """
        end = self._known(size)
        _require(0 <= number < end)
        start, proof = 0, []
        while end - start > 1:
            middle = start + _split(end - start)
            if number < middle:
                proof.append(self._span(middle, end))
                end = middle
            else:
                proof.append(self._span(start, middle))
                start = middle
        return tuple(reversed(proof))

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Prove that the first `new` entries begin with the first `old`.

        Source: RFC 9162, 2.1.4.1.
        """
        end = self._known(new)
        _require(0 <= old <= end)
        if old in {0, end}:
            return ()
        start, whole, proof = 0, True, []
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._span(middle, end))
                end = middle
            else:
                proof.append(self._span(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._span(start, end))
        return tuple(reversed(proof))

    def _known(self, size: int | None) -> int:
        """Return a size this tree has had."""
        wanted = len(self) if size is None else size
        _require(0 <= wanted <= len(self))
        return wanted

    def _span(self, start: int, end: int) -> bytes:
        """Return the hash over a run of leaves that the tree's shape knows."""
        return _folded([self._levels[h][i] for h, i in _peaks(start, end)])


def check_inclusion(
    leaf: bytes, *, number: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Stop unless a proof shows an entry at its place under a root.

    Source: RFC 9162, 2.1.3.2.

    Raises:
        NotProven: it does not.
    """
    _require_hashes(leaf, root, *proof)
    _require(0 <= number < size <= SIZE_MAX)
    here, last, found = number, size - 1, leaf
    for part in proof:
        _require(last > 0)
        if here % 2 or here == last:
            found = node_hash(part, found)
            while here and here % 2 == 0:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, part)
        here, last = here >> 1, last >> 1
    _require(last == 0 and found == root)


def check_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Stop unless a proof shows that a later list begins with an earlier one.

    Source: RFC 9162, 2.1.4.2; every list begins with the empty one.

    Raises:
        NotProven: it does not.
    """
    _require_hashes(old_root, new_root, *proof)
    _require(0 <= old <= new <= SIZE_MAX)
    if old in {0, new}:
        same = old_root == (new_root if old == new else EMPTY)
        _require(same and not proof)
        _require(new > 0 or new_root == EMPTY)
        return
    parts = list(proof)
    if old & (old - 1) == 0:  # the old tree is complete: its root opens the proof
        parts.insert(0, old_root)
    _require(bool(parts))
    here, last = old - 1, new - 1
    while here % 2:
        here, last = here >> 1, last >> 1
    before = after = parts[0]
    for part in parts[1:]:
        _require(last > 0)
        if here % 2 or here == last:
            before, after = node_hash(part, before), node_hash(part, after)
            while here and here % 2 == 0:
                here, last = here >> 1, last >> 1
        else:
            after = node_hash(after, part)
        here, last = here >> 1, last >> 1
    _require(last == 0 and before == old_root and after == new_root)


def _peaks(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the complete subtrees (height, index) that make up a run of leaves.

    Requires: the run starts at a multiple of its greatest power of two, as every
        subtree of the list does.
    """
    while start < end:
        height = (end - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def _folded(peaks: list[bytes]) -> bytes:
    """Hash complete subtrees, largest first, into the one root over them."""
    if not peaks:
        return EMPTY
    found = peaks[-1]
    for left in reversed(peaks[:-1]):
        found = node_hash(left, found)
    return found


def _split(size: int) -> int:
    """Return the largest power of two below a size of at least two."""
    return 1 << ((size - 1).bit_length() - 1)


def _require(shown: bool) -> None:  # noqa: FBT001 - it is the whole question
    """Stop if a proof fails anywhere; where it fails is of no use to anybody."""
    if not shown:
        raise NotProven(_NOT_SHOWN)


def _require_hashes(*values: bytes) -> None:
    """Refuse anything that is not a hash."""
    _require(all(type(v) is bytes and len(v) == HASH_BYTES for v in values))


_NO_HASH: Final = "A hash is 32 bytes; hash the entry before it is added."
_NOT_SHOWN: Final = (
    "The log does not hold what it is said to hold, or was not only added to; keep "
    "both copies and tell the auditor."
)
