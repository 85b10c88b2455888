"""Random ids by case or person number: keyed digests and ids, sorted, in one block.

A digest cannot be turned back without the secret that lies in the encrypted file
beside it, so even the opened map lists nobody. An import sees the same numbers many
times; those it has seen are remembered as they are, in memory only.
"""

import hashlib
import secrets
import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final, cast

import pyarrow as pa

from node.importer.lookup import HALF, Sorted
from privacy.errors import Corrupt

SECRET_BYTES: Final = 32

_HEXED: Final = 2 * HALF
_SEEN_AT_MOST: Final = 600_000
_SECTION: Final = struct.Struct(">BQ")
_NUMBERED: Final = struct.Struct(">16s16sQ")

HOUSEHOLD: Final = "household"
PERSON: Final = "person"


class Mark(IntEnum):
    """What is noted of a number apart from its id, and its section in the file."""

    PURGED = 3
    """Its rows are counted without it, and it is never given an id again."""
    WITHDRAWN = 4
    """Its people do not consent any more, whatever a source says."""


_IDS, _NUMBERS = 1, 2
_LOOSE: Final = {Mark.PURGED: 5, Mark.WITHDRAWN: 6}


class KeyMap:
    """Which random id stands for which of the source's numbers."""

    __slots__ = (
        "_drawn",
        "_forgot",
        "_loose",
        "_marks",
        "_numbers",
        "_secret",
        "_seen",
        "_sorted",
    )

    def __init__(self, secret: bytes, payload: bytes = b"") -> None:
        """Make an empty map, or one from the sections that `payload` yielded.

        Raises:
            Corrupt: the sections are not as this program writes them.
        """
        self._secret = secret
        self._sorted = Sorted(b"", b"")
        self._drawn = (bytearray(), bytearray())
        self._forgot = False
        self._seen: dict[str, dict[bytes, bytes]] = {}
        self._numbers: dict[str, dict[bytes, int]] = {}
        self._marks: dict[Mark, set[bytes]] = {mark: set() for mark in Mark}
        # Ids that no number leads to any more, by what is noted of them.
        self._loose: dict[Mark, set[bytes]] = {mark: set() for mark in Mark}
        for section, content in _sections(payload):
            self._take(section, content)

    def __repr__(self) -> str:
        """Show nothing of what it holds."""
        return "KeyMap()"

    def ids(self, kind: str, sources: pa.StringArray) -> pa.StringArray:
        """Return the ids of many numbers, new random ones where there are none.

        Args:
            kind: "household" or "person"; the same number differs between them.
            sources: The source's own numbers; an empty cell stays empty.
        """
        coded = sources.dictionary_encode()
        raw = coded.dictionary.cast(pa.binary()).to_pylist()
        seen = self._seen.setdefault(kind, {})
        missing = [number for number in raw if number not in seen]
        if missing:
            seen.update(zip(missing, self._found_or_drawn(kind, missing), strict=True))
        joined = b"".join(map(seen.__getitem__, raw)).hex().encode("ascii")
        buffers = [None, pa.py_buffer(joined)]
        width = pa.binary(_HEXED)
        hexed = pa.FixedSizeBinaryArray.from_buffers(width, len(raw), buffers)
        if sum(map(len, self._seen.values())) > _SEEN_AT_MOST:
            self._fold()
        return hexed.cast(pa.binary()).cast(pa.string()).take(coded.indices)

    def household(self, source: str) -> str:
        """Return the id of a case number, a new random one if it has none."""
        return self._one(HOUSEHOLD, source)

    def person(self, source: str) -> str:
        """Return the id of a person number, a new random one if it has none."""
        return self._one(PERSON, source)

    def number(self, kind: str, source: str) -> int:
        """Return a small number of the site's own, such as of a project: 1 and on."""
        known = self._numbers.setdefault(kind, {})
        return known.setdefault(self._digest(kind, _raw(source)), len(known) + 1)

    def find(self, kind: str, source: str) -> str | None:
        """Return the id of a number, or None: nothing is drawn."""
        self._fold()
        found = self._sorted.find([self._digest(kind, _raw(source))])[0]
        return found.hex() if found is not None else None

    def mark(self, mark: Mark, kind: str, source: str, *, on: bool = True) -> bool:
        """Note something of a number, or take it back; tell whether it changed."""
        digest = self._digest(kind, _raw(source))
        marked = self._marks[mark]
        if (digest in marked) is on:
            return False
        (marked.add if on else marked.discard)(digest)
        return True

    def has(self, mark: Mark) -> bool:
        """Tell whether it is noted of anybody."""
        return bool(self._marks[mark])

    def is_marked(self, mark: Mark, kind: str, source: str) -> bool:
        """Tell what is noted of a number."""
        return self._digest(kind, _raw(source)) in self._marks[mark]

    def marked(self, mark: Mark, kind: str, sources: pa.StringArray) -> pa.BooleanArray:
        """Tell what is noted of many numbers; False for an empty cell."""
        marks = self._marks[mark]
        if not marks:
            return pa.array([False] * len(sources), pa.bool_())
        coded = sources.dictionary_encode()
        raw = coded.dictionary.cast(pa.binary()).to_pylist()
        flags = pa.array([d in marks for d in self._digests(kind, raw)], pa.bool_())
        return flags.take(coded.indices).fill_null(False)  # noqa: FBT003

    def marked_ids(self, mark: Mark) -> frozenset[str]:
        """Return the ids of everybody of whom something is noted, if they have one."""
        self._fold()
        found = self._sorted.find(sorted(self._marks[mark]))
        linked = {own for own in found if own is not None}
        return frozenset(own.hex() for own in linked | self._loose[mark])

    def purge(self, ids: Iterable[str]) -> int:
        """Forget which numbers some ids stand for; return how many were forgotten.

        What stays is which numbers were purged, as digests, and which ids, and
        nothing that leads from one to the other.
        """
        self._fold()
        doomed = frozenset(map(bytes.fromhex, ids))
        digests = self._sorted.digests_of(doomed)
        withdrawn = [each for each in digests if each in self._marks[Mark.WITHDRAWN]]
        found = self._sorted.find(withdrawn)
        self._loose[Mark.WITHDRAWN].update(own for own in found if own is not None)
        self._loose[Mark.PURGED].update(doomed)
        self._marks[Mark.PURGED].update(digests)
        self._sorted = self._sorted.without(doomed)
        self._forgot = True
        return len(digests)

    @property
    def forgot(self) -> bool:
        """Whether what an older file of this map knows must not be found again."""
        return self._forgot

    def payload(self) -> Iterator[bytes]:
        """Yield what the encrypted file holds: the secret, then sections."""
        self._fold()
        yield self._secret
        yield from _section(_IDS, self._sorted.digests + self._sorted.ids)
        numbered = (
            _NUMBERED.pack(kind.encode("ascii"), digest, number)
            for kind, known in self._numbers.items()
            for digest, number in known.items()
        )
        yield from _section(_NUMBERS, b"".join(numbered))
        for mark, digests in self._marks.items():
            yield from _section(mark, b"".join(sorted(digests)))
            yield from _section(_LOOSE[mark], b"".join(sorted(self._loose[mark])))

    def _take(self, section: int, content: bytes) -> None:
        """Read one section."""
        if section == _IDS and len(content) % (2 * HALF) == 0:
            middle = len(content) // 2
            self._sorted = Sorted(content[:middle], content[middle:])
        elif section == _NUMBERS and len(content) % _NUMBERED.size == 0:
            for kind, digest, number in _NUMBERED.iter_unpack(content):
                name = kind.rstrip(b"\0").decode("ascii")
                self._numbers.setdefault(name, {})[digest] = number
        elif section in set(Mark) and len(content) % HALF == 0:
            starts = range(0, len(content), HALF)
            self._marks[Mark(section)] = {content[at : at + HALF] for at in starts}
        elif section in _LOOSE.values() and len(content) % HALF == 0:
            (mark,) = (each for each in Mark if _LOOSE[each] == section)
            starts = range(0, len(content), HALF)
            self._loose[mark] = {content[at : at + HALF] for at in starts}
        else:
            raise _not_ours()

    def _one(self, kind: str, source: str) -> str:
        """Return the id of one number."""
        raw = _raw(source)
        seen = self._seen.setdefault(kind, {})
        own = seen.get(raw)
        if own is None:
            own = seen[raw] = self._found_or_drawn(kind, [raw])[0]
        return own.hex()

    def _found_or_drawn(self, kind: str, raw: Sequence[bytes]) -> list[bytes]:
        """Look up numbers not seen in this import; draw ids for the new ones."""
        digests = self._digests(kind, raw)
        found = self._sorted.find(digests)
        new = [digest for digest, own in zip(digests, found, strict=True) if not own]
        if not new:
            return cast("list[bytes]", found)
        chance = secrets.token_bytes(HALF * len(new))
        drawn = [chance[at : at + HALF] for at in range(0, len(chance), HALF)]
        self._drawn[0].extend(b"".join(new))
        self._drawn[1].extend(chance)
        if len(new) == len(found):
            return drawn
        turns = iter(drawn)
        return [own or next(turns) for own in found]

    def _fold(self) -> None:
        """Sort new entries among the old ones, and forget the numbers themselves."""
        digests, ids = self._drawn
        if digests:
            before = self._sorted
            self._sorted = Sorted(before.digests + digests, before.ids + ids)
            self._drawn = (bytearray(), bytearray())
        self._seen = {}

    def _digest(self, kind: str, raw: bytes) -> bytes:
        """Return the keyed digest of one number."""
        return self._digests(kind, [raw])[0]

    def _digests(self, kind: str, raw: Sequence[bytes]) -> list[bytes]:
        """Return the keyed digests of many numbers."""
        keyed = hashlib.blake2b(
            digest_size=HALF, key=self._secret, person=kind.encode("ascii")
        )
        digests: list[bytes] = []
        copied, add = keyed.copy, digests.append
        for number in raw:
            # A copy spares hashing the key again: most of the time this takes.
            one = copied()
            one.update(number)
            add(one.digest())
        return digests


def _section(name: int, content: bytes) -> Iterator[bytes]:
    """Yield one section of the file."""
    yield _SECTION.pack(name, len(content))
    yield content


def _sections(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the sections of a file.

    Raises:
        Corrupt: one is cut off.
    """
    at = 0
    while at < len(payload):
        start = at + _SECTION.size
        if start > len(payload):
            raise _not_ours()
        name, length = _SECTION.unpack_from(payload, at)
        at = start + length
        if at > len(payload):
            raise _not_ours()
        yield name, payload[start:at]


def _raw(source: str) -> bytes:
    """Return a number's bytes."""
    return source.encode("utf-8", "surrogatepass")


def _not_ours() -> Corrupt:
    """Say that the map is of no use."""
    return Corrupt(
        "The key map was changed or its key is another's, so nothing was imported; "
        "restore both."
    )
