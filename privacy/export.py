"""What an auditor gets of a ledger: everything that was decided, no noisy value.

An export is lines of JSON, each in one written form (keys in order, no spaces):

    {"cmpp_ledger_export":1,"created_at":...,"site":...}
    {"entry":{...}}        every entry in order, without the fields that are empty
    {"document":{...}}     every signed document: its digest, its file in base64
    {"release":{...}}      what each release's digest covers; of the noisy values only
                           their own digest
    {"head":{...}}         where the ledger stands, and a digest of all lines before

There is no record in a ledger and no person, so there is none in an export. Noisy
values are left out too: whoever holds a site's signed answer can compare its digest.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from privacy.chain import LAW, Entry, Kind, release_digest
from privacy.errors import LedgerInconsistent
from privacy.walk import Walk, check_document

FORMAT: Final = 1
LINE_MAX: Final = 1024 * 1024
"""Letters in one line; the largest is a document of 512 KiB in base64."""

_FORMAT_KEY: Final = "cmpp_ledger_export"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """A release without its values.

    Attributes:
        release_key: Which answer, in hex.
        values: SHA-256 of its noisy values, 8 bytes each, in hex.
        size: How many there are.
        variance: Of the noise in each, as a fraction.
        l2_squared: The sensitivity the noise was made for.
        released_at: When, as UTC text.
    """

    release_key: str
    values: str
    size: int
    variance: str
    l2_squared: str
    released_at: str

    @property
    def digest(self) -> str:
        """What the ledger's entry must carry."""
        return release_digest(**asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export that was read, and found to follow from its own first entry.

    Attributes:
        walk: What is true after the last entry: accounts, rules, charges, releases.
        entries: Every entry, in order.
        documents: Digest in hex -> the signed file.
        releases: Release key in hex -> what its digest covers.
    """

    walk: Walk = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)
    documents: Mapping[str, bytes] = field(repr=False)
    releases: Mapping[str, ReleaseLine] = field(repr=False)

    @property
    def site(self) -> str:
        """Whose ledger it is."""
        return self.walk.opened[0] or ""

    def law(self) -> tuple[tuple[Entry, bytes | None], ...]:
        """Return the rules with what people signed, for `privacy.law` to replay."""
        return tuple(
            (entry, self.documents[entry.document] if entry.document else None)
            for entry in self.entries
            if entry.kind in LAW
        )


class Writer:
    """Writes the lines of an export, one kind after another."""

    def __init__(self) -> None:
        """Begin with nothing written."""
        self._digest = hashlib.sha256()

    def opening(self, *, site: str, created_at: str) -> str:
        """Write the first line."""
        return self._line({_FORMAT_KEY: FORMAT, "site": site, "created_at": created_at})

    def entry(self, entry: Entry) -> str:
        """Write an entry."""
        content = {k: v for k, v in asdict(entry).items() if v is not None}
        return self._line({"entry": content})

    def document(self, digest: str, file: bytes) -> str:
        """Write a signed document."""
        text = base64.b64encode(file).decode()
        return self._line({"document": {"digest": digest, "file": text}})

    def release(self, line: ReleaseLine) -> str:
        """Write what a release's digest covers."""
        return self._line({"release": asdict(line)})

    def head(self, *, sequence: int, hash_: str, epoch: int, boot: bytes) -> str:
        """Write the last line."""
        content = {"sequence": sequence, "hash": hash_, "epoch": epoch}
        content |= {"boot": boot.hex(), "lines": self._digest.hexdigest()}
        return _written({"head": content})

    def _line(self, content: Mapping[str, Any]) -> str:
        line = _written(content)
        self._digest.update(line.encode() + b"\n")
        return line


def read(lines: Iterable[str]) -> Export:
    """Read an export and prove it whole, from its lines alone.

    What people signed is judged by `privacy.law`, from `Export.law`.

    Raises:
        ChainBroken: an entry, a document or a release was altered.
        LedgerInconsistent: lines are missing, or could not have been written.
    """
    try:
        return _read(lines)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise _unreadable() from error


def _read(lines: Iterable[str]) -> Export:
    reader, name = _Reader(), ""
    for name, content, line in _parsed(lines):
        if reader.take(name, content) != line:
            raise _unreadable()
    if name != "head":
        raise _unreadable()
    return Export(
        walk=reader.walk,
        entries=tuple(reader.entries),
        documents=reader.documents,
        releases=reader.releases,
    )


class _Reader:
    """Takes an export line by line, and writes each anew to compare."""

    def __init__(self) -> None:
        self.walk = Walk()
        self.entries: list[Entry] = []
        self.documents: dict[str, bytes] = {}
        self.releases: dict[str, ReleaseLine] = {}
        self._opening = ("", "")
        self._again = Writer()

    def take(self, name: str, content: Mapping[str, Any]) -> str:
        """Check what a line holds, and return the line it must have been."""
        match name:
            case "entry":
                entry = Entry(**{**content, "kind": Kind(content["kind"])})
                self.walk.take(entry)
                self.entries.append(entry)
                return self._again.entry(entry)
            case "document":
                digest, file = content["digest"], base64.b64decode(content["file"])
                check_document(digest, file)
                self.documents[digest] = file
                return self._again.document(digest, file)
            case "release":
                release = ReleaseLine(**content)
                self.releases[release.release_key] = release
                return self._again.release(release)
            case "head":
                return self._head()
            case _:
                self._opening = (content["site"], content["created_at"])
                site, created_at = self._opening
                return self._again.opening(site=site, created_at=created_at)

    def _head(self) -> str:
        """Check that nothing is missing or added, and write the last line."""
        kept = {key: entry.detail for key, entry in self.walk.released.items()}
        if (
            self.walk.opened != self._opening
            or self.documents.keys() != self.walk.documents.keys()
            or {key: line.digest for key, line in self.releases.items()} != kept
        ):
            raise _unreadable()
        sequence, newest = self.walk.head
        return self._again.head(
            sequence=sequence, hash_=newest, epoch=self.walk.epoch, boot=self.walk.boot
        )


def _parsed(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield each line's name, what it holds, and the line; the head comes last."""
    order = (_FORMAT_KEY, "entry", "document", "release", "head")
    at = -1
    for each in lines:
        line = each.removesuffix("\n")
        content = json.loads(line) if len(line) <= LINE_MAX else None
        if not isinstance(content, dict) or not content or at == len(order) - 1:
            raise _unreadable()
        name = min(content) if at >= 0 else _FORMAT_KEY
        before, at = at, order.index(name)
        if at < before or (at == 0) != (before == -1):
            raise _unreadable()
        yield name, content if at == 0 else content[name], line


def _written(content: Mapping[str, Any]) -> str:
    """Write one line, in its one form."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _unreadable() -> LedgerInconsistent:
    """Say that this is no export as a node writes it."""
    return LedgerInconsistent(
        "This is not an export of a ledger as a node writes it: lines are altered, "
        "missing or added. Ask the site for another, and find out what happened."
    )
