"""The audit pack: one folder of plain files that an auditor can take away.

    README.md        what each file holds
    MANIFEST.sha256  the digest of every other file
    keys.txt         every public key, with its fingerprint, to compare by telephone
    rosters/         every roster, oldest first, as it was signed
    papers/          mandates, editions, withdrawals and orders, as they were signed
    log.jsonl        the transparency log, one entry per line
    head.json        its signed head
    asks.jsonl       every question, as the coordinator signed it
    answers.jsonl    every answer, as a site signed it: noisy numbers
    results.jsonl    what was published
    ledgers/         every site's ledger, as that site signed its archive

There is nothing about a person in any of them, because none of the stores they come
from has a place for it.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from coordinator.audit.report import Check
from coordinator.evidence import SignedAnswer, read_ask
from privacy import signing, treehead
from privacy.errors import BadConfiguration, Corrupt
from privacy.roster import Roster
from privacy.signing import Document, Kind
from privacy.treehead import SignedHead
from proto import wire
from proto.wire import Ask

README: Final = "README.md"
MANIFEST: Final = "MANIFEST.sha256"
KEYS: Final = "keys.txt"
LINES: Final = "log.jsonl"
HEAD: Final = "head.json"
ASKS: Final = "asks.jsonl"
ANSWERS: Final = "answers.jsonl"
RESULTS: Final = "results.jsonl"
ROSTERS: Final = "rosters"
PAPERS: Final = "papers"
LEDGERS: Final = "ledgers"
ARCHIVE: Final = ".archive"
SIGNED: Final = ".cmpp"

_FILE_BYTES_MAX: Final = 1 << 30
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Everything in an audit pack, as it was signed; nothing is judged yet.

    Attributes:
        rosters: Oldest first.
        papers: Mandates, editions, withdrawals and orders.
        lines: Of the log.
        head: The log's, or None if it could not be read.
        asks: Signed questions.
        answers: Signed answers.
        results: What was published.
        ledgers: Site -> the archive that site signed.
    """

    rosters: tuple[Document, ...] = ()
    papers: tuple[Document, ...] = ()
    lines: tuple[str, ...] = field(default=(), repr=False)
    head: SignedHead | None = None
    asks: tuple[Ask, ...] = field(default=(), repr=False)
    answers: tuple[SignedAnswer, ...] = field(default=(), repr=False)
    results: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    ledgers: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def files(self) -> dict[str, bytes]:
        """Return every file but the manifest, by its name below the folder."""
        found = {README: _README.encode()}
        for number, document in enumerate(self.rosters, 1):
            found[f"{ROSTERS}/{number:04d}{SIGNED}"] = document.file()
        for document in self.papers:
            found[paper_name(document)] = document.file()
        found[LINES] = _lines(self.lines)
        found[HEAD] = self.head.text().encode() if self.head else b""
        found[ASKS] = _lines(_ask_line(ask) for ask in self.asks)
        found[ANSWERS] = _lines(answer.line() for answer in self.answers)
        found[RESULTS] = _lines(_result_line(result) for result in self.results)
        for site, archive in self.ledgers.items():
            found[f"{LEDGERS}/{site}{ARCHIVE}"] = archive
        return found


def paper_name(document: Document) -> str:
    """Name the file of a signed paper."""
    digest = document.digest.hex()
    return f"{PAPERS}/{document.kind.value}-{digest[:16]}{SIGNED}"


def keys_text(roster: Roster) -> str:
    """List every public key of a roster, with the fingerprint people compare."""
    keys = {"coordinator": roster.coordinator}
    keys |= {f"site {name}": member.key for name, member in roster.members.items()}
    keys |= {f"board {seat.name}": seat.key for seat in roster.board}
    lines = [f"roster {roster.digest.hex()}"]
    for who, key in keys.items():
        lines += [f"{who} {signing.key_text(key)}", f"  {signing.fingerprint(key)}"]
    return "\n".join([*lines, ""])


def write(pack: Pack, folder: Path, *, keys: str) -> None:
    """Write a pack into a new or empty folder.

    Raises:
        BadConfiguration: the folder holds something, or cannot be written.
    """
    files = pack.files() | {KEYS: keys.encode()}
    listed = [
        f"{hashlib.sha256(content).hexdigest()}  {name}"
        for name, content in sorted(files.items())
    ]
    files[MANIFEST] = _lines(listed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadConfiguration(
                f"{folder} is not empty; name a folder that is, so that nothing else "
                "gets into the pack."
            )
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise BadConfiguration(
            f"{folder} cannot be written ({error.strerror}); check the disk."
        ) from error


def read(folder: Path, check: Check) -> Pack:
    """Read a pack; what is missing, added, changed or unreadable is noted.

    Raises:
        BadConfiguration: there is no pack in the folder.
    """
    if not (folder / MANIFEST).is_file():
        raise BadConfiguration(
            f"{folder} holds no audit pack ({MANIFEST} is missing); name its folder."
        )
    files = {
        path.relative_to(folder).as_posix(): _bytes(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    _check_manifest(files, check)
    reading = _Reading(files, check)
    names = [name for name in files if name.endswith(ARCHIVE)]
    return Pack(
        rosters=tuple(reading.documents(f"{ROSTERS}/")),
        papers=tuple(reading.documents(f"{PAPERS}/")),
        lines=tuple(reading.lines(LINES, lambda line: line)),
        head=next(iter(reading.whole(HEAD, treehead.read_head)), None),
        asks=tuple(reading.lines(ASKS, _ask)),
        answers=tuple(reading.lines(ANSWERS, SignedAnswer.read)),
        results=tuple(reading.lines(RESULTS, _result)),
        ledgers={Path(name).stem: files[name] for name in names},
    )


class _Reading:
    """Reads files that may hold anything, and notes what cannot be read."""

    def __init__(self, files: Mapping[str, bytes], check: Check) -> None:
        self._files = files
        self._check = check

    def documents(self, folder: str) -> Iterator[Document]:
        """Yield the signed documents below a folder, by name."""
        for name, content in self._files.items():
            if not name.startswith(folder):
                continue
            kind = content.partition(b"\n")[0].rpartition(b" ")[2]
            with self._check.looking_at(name):
                yield signing.read(content, _kind(kind))

    def lines(self, name: str, read_one: Callable[[str], _T]) -> Iterator[_T]:
        """Yield what each line of a file says."""
        for text in self.whole(name, lambda text: text):
            lines = text.split("\n")
            if lines.pop():
                self._check.fail(name, "it is cut off; ask for the pack again.")
            for number, line in enumerate(lines, 1):
                with self._check.looking_at(f"{name}, line {number}"):
                    yield read_one(line)

    def whole(self, name: str, read_all: Callable[[str], _T]) -> Iterator[_T]:
        """Yield what a file says, if it is there and can be read."""
        with self._check.looking_at(name):
            try:
                yield read_all(self._files[name].decode())
            except (KeyError, UnicodeDecodeError) as error:
                raise Corrupt("it is missing, or is no text.") from error


def _check_manifest(files: Mapping[str, bytes], check: Check) -> None:
    """Note every file that is missing, added or changed."""
    listed = {}
    for line in files[MANIFEST].decode(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    for name in sorted(listed.keys() | files.keys() - {MANIFEST}):
        check.count += 1
        if name not in files:
            check.fail(name, "it is in the manifest and not in the folder.")
        elif name not in listed:
            check.fail(name, "it is in the folder and not in the manifest.")
        elif hashlib.sha256(files[name]).hexdigest() != listed[name]:
            check.fail(name, "it is not the file the manifest lists.")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BadConfiguration(
            f"{path.name} cannot be read ({error.strerror}); check the folder."
        ) from error
    if len(content) > _FILE_BYTES_MAX:
        raise BadConfiguration(f"{path.name} is too large to be part of a pack.")
    return content


def _kind(word: bytes) -> Kind:
    try:
        return Kind(word.decode("ascii", "replace"))
    except ValueError as error:
        raise Corrupt("it is no signed document.") from error


def _ask(line: str) -> Ask:
    try:
        content = json.loads(line)
        signed = base64.b64decode(content["signed"], validate=True)
        found = read_ask(signed)
        same = _ask_line(found) == line
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise Corrupt("it is no signed question.") from error
    if not same:
        raise Corrupt("it is not written as a signed question is.")
    return found


def _ask_line(ask: Ask) -> str:
    signed = base64.b64encode(wire.ask_to_bytes(ask)).decode("ascii")
    return json.dumps({"ask": ask.digest.hex(), "signed": signed}, sort_keys=True)


def _result(line: str) -> Mapping[str, Any]:
    try:
        content = json.loads(line)
        same = isinstance(content, dict) and _result_line(content) == line
    except (TypeError, ValueError, RecursionError) as error:
        raise Corrupt("it is no result.") from error
    if not same:
        raise Corrupt("it is not written as a result is.")
    found: Mapping[str, Any] = content
    return found


def _result_line(result: Mapping[str, Any]) -> str:
    return json.dumps(result, separators=(",", ":"), allow_nan=False)


def _lines(lines: Sequence[str] | Iterator[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


_README: Final = """\
# Audit pack

Everything an auditor needs to check the network's figures, and nothing about a
person. Check it anywhere, with the software and this folder alone:

    cmpp audit verify FOLDER --roster-fingerprint HEX

The fingerprint is the digest of the newest roster. Do not take it from this folder:
ask two sites for it by telephone.

| File | What it holds |
|---|---|
| `MANIFEST.sha256` | the digest of every other file; a convenience, not a proof |
| `keys.txt` | every public key with its fingerprint, to compare by telephone |
| `rosters/` | who takes part, with whose keys, signed by the sites |
| `papers/` | mandates, editions, withdrawals and orders, signed by the Board |
| `log.jsonl`, `head.json` | what the coordinator did, and the head it signed |
| `asks.jsonl` | every question the coordinator signed: who asked, why, at what loss |
| `answers.jsonl` | every answer a site signed: whole numbers with noise |
| `results.jsonl` | what was published, computed from the answers |
| `ledgers/` | each site's ledger, signed by the site: charges, rules, no noisy number |

The names of analysts, board members and privacy officers stand in it, and the reasons
officers wrote for their decisions.
"""
