"""Rewrite parts of an audit pack as whoever holds the keys for them could.

An auditor must not only see a changed byte. The coordinator can sign a rewritten log,
a site a rewritten ledger, together with its officers: so everything here is signed
again, and hashed again, and only what it contradicts can give it away.
"""

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator import result as results
from coordinator.audit.pack import Pack
from coordinator.evidence import SignedAnswer, answer_facts, publication_facts
from privacy import archive, export, signing, statement, transparency, treehead
from privacy import decision as decisions
from privacy.chain import GENESIS, LAW, Entry, Event, Kind, place
from privacy.export import Export, ReleaseLine, Writer
from privacy.merkle import Tree
from privacy.signing import Document
from privacy.treehead import TreeHead
from proto.wire import Ask
from tests import signed_samples as samples

Fact = dict[str, Any]
COORDINATOR = "coordinator"


def relogged(pack: Pack, edit: Callable[[list[Fact]], list[Fact]]) -> Pack:
    """Have the coordinator rewrite its log, and sign a head over it."""
    facts = edit([json.loads(line) for line in pack.lines])
    entries = [
        transparency.write(
            transparency.Kind(fact["kind"]),
            fact["body"],
            number=number,
            now=dt.datetime.fromisoformat(fact["at"]),
        )
        for number, fact in enumerate(facts)
    ]
    lines = tuple(entry.line for entry in entries)
    return replace(pack, lines=lines, head=head_over(lines))


def head_over(lines: tuple[str, ...], key: Ed25519PrivateKey | None = None) -> Any:
    """Sign a head over some lines."""
    tree = Tree(transparency.read(line, number=n).leaf for n, line in enumerate(lines))
    head = TreeHead(
        network="cmpp",
        size=len(lines),
        root=tree.root(),
        at=treehead.moment_text(samples.NOW),
    )
    return head.signed_by(key or samples.key(COORDINATOR))


def told(pack: Pack, kind: str, change: Callable[[Fact], None]) -> Pack:
    """Have the coordinator change what the log tells in its first entry of a kind."""

    def edit(facts: list[Fact]) -> list[Fact]:
        change(next(fact["body"] for fact in facts if fact["kind"] == kind))
        return facts

    return relogged(pack, edit)


def asked(pack: Pack, at: int, **changes: Any) -> Pack:
    """Have the coordinator ask something else, and tell so in the log."""
    old = pack.asks[at]
    new = dataclasses.replace(old, **changes).signed_by(samples.key(COORDINATOR))
    asks = (*pack.asks[:at], new, *pack.asks[at + 1 :])
    return _renamed_ask(replace(pack, asks=asks), old, new)


def _renamed_ask(pack: Pack, old: Ask, new: Ask) -> Pack:
    """Tell of the new question in place of the old one."""
    facts = {
        "ask": new.digest.hex(),
        "rho": str(new.rho),
        "purpose": new.purpose,
        "mandate": new.mandate.hex(),
        "metric": new.metric,
        "query": new.query_name,
        "site": new.site,
    }

    def edit(log: list[Fact]) -> list[Fact]:
        for fact in log:
            body = fact["body"]
            if body.get("ask") == old.digest.hex():
                body.update({k: v for k, v in facts.items() if k in body})
        return log

    return relogged(pack, edit)


def answered(pack: Pack, at: int, *, key: str | None = None, **changes: Any) -> Pack:
    """Have a site give another answer, and the log tell of it."""
    old = pack.answers[at]
    new = signed_answer(old, key=key, **changes)
    answers = (*pack.answers[:at], new, *pack.answers[at + 1 :])

    def edit(log: list[Fact]) -> list[Fact]:
        for fact in log:
            if fact["body"].get("answer") == old.digest:
                fact["body"].update(site=new.site, answer=new.digest)
        return log

    return relogged(replace(pack, answers=answers), edit)


def signed_answer(
    old: SignedAnswer, *, key: str | None = None, **changes: Any
) -> SignedAnswer:
    """Change an answer and have a site sign it."""
    new = replace(old, **changes)
    parts = {
        name: getattr(new, name)
        for name in (
            *("site", "ask", "release_key", "values", "variance", "rho"),
            "sequence",
        )
    }
    receipt = samples.key(key or new.site).sign(statement.receipt(**parts))
    return replace(new, receipt=receipt)


def added_answer(pack: Pack, new: SignedAnswer) -> Pack:
    """Put one more answer in the pack and the log."""
    body = answer_facts(new, model=0, worst=0)

    def edit(log: list[Fact]) -> list[Fact]:
        at = max(n for n, fact in enumerate(log) if fact["kind"] == "answer")
        more = {"kind": "answer", "at": log[at]["at"], "body": body}
        return [*log[: at + 1], more, *log[at + 1 :]]

    return relogged(replace(pack, answers=(*pack.answers, new)), edit)


def published(
    pack: Pack, metric: str, change: Callable[[dict[str, Any]], None]
) -> Pack:
    """Have the coordinator publish other figures, with their digest, in the log."""
    at = next(n for n, r in enumerate(pack.results) if r["metric"] == metric)
    old = pack.results[at]
    new = json.loads(json.dumps(old))
    del new["digest"]
    change(new)
    new["digest"] = results.digest(new)
    found = (*pack.results[:at], new, *pack.results[at + 1 :])

    def edit(log: list[Fact]) -> list[Fact]:
        for fact in log:
            if fact["body"].get("digest") == old["digest"]:
                fact["body"] = publication_facts(new)
        return log

    return relogged(replace(pack, results=found), edit)


@dataclass
class Book:
    """A site's ledger, open to be rewritten.

    Attributes:
        events: Everything that happened, in order.
        documents: Digest in hex -> signed file.
        releases: By release key in hex.
    """

    events: list[Event]
    documents: dict[str, bytes]
    releases: dict[str, ReleaseLine]

    def first(self, kind: Kind, **having: str) -> int:
        """Return the place of the first event of a kind."""
        return next(
            n
            for n, event in enumerate(self.events)
            if event.kind is kind
            and all(getattr(event, name) == value for name, value in having.items())
        )

    def change(self, number: int, /, **changes: Any) -> None:
        """Change one event."""
        self.events[number] = replace(self.events[number], **changes)


def rebooked(
    pack: Pack, site: str, edit: Callable[[Book], None], *, redecide: bool = True
) -> Pack:
    """Have a site and its officers rewrite the site's ledger and sign it."""
    lines = archive.read(pack.ledgers[site], key=None)
    said = export.read(lines)
    names = [field.name for field in dataclasses.fields(Event)]
    book = Book(
        events=[Event(**{n: getattr(e, n) for n in names}) for e in said.entries],
        documents=dict(said.documents),
        releases=dict(said.releases),
    )
    edit(book)
    entries = _chained(book, redecide=redecide)
    file = archive.signed(_exported(said, book, entries), samples.key(site))
    return replace(pack, ledgers={**pack.ledgers, site: file})


def _chained(book: Book, *, redecide: bool) -> list[Entry]:
    """Chain events anew; officers sign every decision for its new place."""
    entries: list[Entry] = []
    mark = GENESIS
    for event in book.events:
        if redecide and event.document:
            event = _redecided(book, event, mark)  # noqa: PLW2901
        last = entries[-1] if entries else None
        entry = place(
            event,
            sequence=last.sequence + 1 if last else 1,
            previous_hash=last.hash if last else GENESIS,
        )
        entries.append(entry)
        mark = entry.hash if entry.kind in LAW else mark
    used = {entry.document for entry in entries}
    book.documents = {d: f for d, f in book.documents.items() if d in used}
    return entries


def _redecided(book: Book, event: Event, mark: str) -> Event:
    """Have an officer decide the same again, after another rule."""
    file = book.documents[event.document or ""]
    if not file.startswith(b"cmpp-signed-1 decision"):
        return event
    old = decisions.parse(signing.read(file, signing.Kind.DECISION))
    new = samples.signed(replace(old, follows=mark).document(), "olga", "omar")
    book.documents[new.digest.hex()] = new.file()
    return replace(event, document=new.digest.hex())


def _exported(said: Export, book: Book, entries: list[Entry]) -> list[str]:
    """Write the lines of an export, checking nothing."""
    writer = Writer()
    lines = [writer.opening(site=said.site, created_at=said.walk.opened[1])]
    lines += [writer.entry(entry) for entry in entries]
    lines += [writer.document(d, f) for d, f in sorted(book.documents.items())]
    lines += [writer.release(line) for _, line in sorted(book.releases.items())]
    boots = [e.detail for e in entries if e.kind is Kind.BOOTED]
    epoch = 1 + sum(entry.kind is Kind.REOPENED for entry in entries)
    lines.append(
        writer.head(
            sequence=entries[-1].sequence,
            hash_=entries[-1].hash,
            epoch=epoch,
            boot=bytes.fromhex(boots[-1] or "") if boots else bytes(32),
        )
    )
    return lines


def with_paper(pack: Pack, document: Document, **facts: Any) -> Pack:
    """Put one more paper in the pack, told at the log's end."""
    kind = {signing.Kind.STANDING_DOWN: "standing-down"}.get(
        document.kind, document.kind.value
    )
    body = {"digest": document.digest.hex(), "signers": [], **facts}

    def edit(log: list[Fact]) -> list[Fact]:
        return [*log, {"kind": kind, "at": log[-1]["at"], "body": body}]

    return relogged(replace(pack, papers=(*pack.papers, document)), edit)


def replaced_paper(pack: Pack, old: Document, new: Document) -> Pack:
    """Put another paper in the place of one, in pack and log."""
    papers = tuple(new if paper == old else paper for paper in pack.papers)

    def edit(log: list[Fact]) -> list[Fact]:
        for fact in log:
            if fact["body"].get("digest") == old.digest.hex():
                fact["body"]["digest"] = new.digest.hex()
        return log

    return relogged(replace(pack, papers=papers), edit)


def paper(pack: Pack, kind: signing.Kind, at: int = 0) -> Document:
    """Return a paper of a kind."""
    return [found for found in pack.papers if found.kind is kind][at]


def values_digest(values: tuple[int, ...]) -> str:
    """Return what a ledger's export says of some values."""
    blob = b"".join(value.to_bytes(8, "big", signed=True) for value in values)
    return hashlib.sha256(blob).hexdigest()


def flipped(archive_file: bytes, mark: bytes) -> bytes:
    """Change one letter after a mark."""
    at = archive_file.index(mark) + len(mark)
    other = b"0" if archive_file[at : at + 1] != b"0" else b"1"
    return archive_file[:at] + other + archive_file[at + 1 :]


def unsigned(document: Document) -> Document:
    """Return a document with every signature spoiled."""
    spoiled = tuple(
        replace(s, value=bytes([s.value[0] ^ 1]) + s.value[1:])
        for s in document.signatures
    )
    return replace(document, signatures=spoiled)


def rewritten(document: Document, old: str, new: str) -> Document:
    """Return a document with other words under the same signatures."""
    content = document.content.replace(old.encode(), new.encode())
    assert content != document.content
    return replace(document, content=content)
