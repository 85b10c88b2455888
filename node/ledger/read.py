"""Read the ledger: single facts, and the whole of it against itself."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Row, func, select

from node.ledger import tables
from node.ledger.charge import Stored, unpack
from privacy.accounts import Spend
from privacy.chain import GENESIS, LAW, Entry, Kind, release_digest
from privacy.errors import (
    Busy,
    ChainBroken,
    LedgerInconsistent,
    LedgerMissing,
    NotAllowed,
)
from privacy.notes import Notes
from privacy.statement import BOOT_BYTES
from privacy.walk import check_document

_BATCH = 1000
_LAW = tuple(sorted(kind.value for kind in LAW))
_ENTRY = tables.entries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the ledger stands: what a witness will be shown.

    Attributes:
        sequence: Of the newest entry.
        hash: Of the newest entry.
        epoch: 1, and one more with each reopening.
        boot: The random name of the newest start, 32 bytes; zeros before any.
        started_sequence: Of that start's entry; 0 before any.
        started_hash: Of that start's entry.
    """

    sequence: int
    hash: str
    epoch: int
    boot: bytes
    started_sequence: int
    started_hash: str


def site(tx: Connection) -> tuple[str, str]:
    """Return the site the ledger belongs to and when it was made.

    Raises:
        LedgerMissing: there is no ledger in this database.
        LedgerInconsistent: it was made by another version of this program.
    """
    row = tx.execute(select(tables.meta)).one_or_none()
    if row is None:
        raise LedgerMissing(
            "The ledger is empty, and an empty ledger is no ledger; restore it, or "
            "run `cmpp-node init` at a site that never answered."
        )
    if row.format != tables.FORMAT:
        raise LedgerInconsistent(
            f"The ledger has format {row.format} and this program reads "
            f"{tables.FORMAT}; use the matching version."
        )
    return row.site, row.created_at


def last(tx: Connection, kind: Kind | None = None) -> Entry | None:
    """Return the newest entry, or the newest of a kind."""
    query = select(tables.entries).order_by(_ENTRY.sequence.desc()).limit(1)
    if kind is not None:
        query = query.where(_ENTRY.kind == kind.value)
    row = tx.execute(query).one_or_none()
    return None if row is None else _entry(row)


def head(tx: Connection) -> Head:
    """Read where the ledger stands."""
    entry, started = last(tx), last(tx, Kind.BOOTED)
    if entry is None:
        raise LedgerInconsistent("The ledger has no first entry; stop the node.")
    reopened = select(func.count()).where(_ENTRY.kind == Kind.REOPENED.value)
    return Head(
        sequence=entry.sequence,
        hash=entry.hash,
        epoch=1 + tx.execute(reopened).scalar_one(),
        boot=bytes.fromhex(started.detail or "") if started else bytes(BOOT_BYTES),
        started_sequence=started.sequence if started else 0,
        started_hash=started.hash if started else GENESIS,
    )


def hash_at(tx: Connection, sequence: int) -> str | None:
    """Return the hash of an entry, or None if there is none yet."""
    query = select(_ENTRY.hash).where(_ENTRY.sequence == sequence)
    return tx.execute(query).scalar_one_or_none()


def law_mark(tx: Connection) -> int:
    """Return the sequence of the newest rule; 0 before any."""
    query = select(func.max(_ENTRY.sequence)).where(_ENTRY.kind.in_(_LAW))
    return tx.execute(query).scalar_one() or 0


def check_unchanged(tx: Connection, after: int | None) -> None:
    """Refuse to go on if a rule was made since the caller read the law.

    Raises:
        Busy: one was; nothing was decided.
    """
    if after is not None and law_mark(tx) != after:
        raise Busy(
            "A rule changed while the question was judged, so nothing was decided; "
            "ask again."
        )


def rules(tx: Connection, *, after: int = 0) -> Iterator[Entry]:
    """Yield the rules entered after an entry, in order."""
    newer = select(tables.entries).where(_ENTRY.kind.in_(_LAW), _ENTRY.sequence > after)
    for row in tx.execute(newer.order_by(_ENTRY.sequence)):
        yield _entry(row)


def notes(tx: Connection, known: tuple[int, Notes]) -> tuple[int, Notes]:
    """Return what the rules let the ledger charge, and the newest rule's sequence.

    Args:
        tx: A transaction.
        known: The same, as it was read before: rules are never taken back.
    """
    mark, found = known
    for entry in rules(tx, after=mark):
        mark, found = entry.sequence, found.after(entry)
    return mark, found


def law(tx: Connection, *, after: int) -> Iterator[tuple[Entry, bytes | None]]:
    """Yield the rules after an entry, each with the signed document it rests on."""
    for entry in rules(tx, after=after):
        digest = entry.document
        yield entry, None if digest is None else document(tx, digest)


def document(tx: Connection, digest: str) -> bytes:
    """Return a signed document, proved to be the one that was entered.

    Raises:
        ChainBroken: it is another one.
        LedgerInconsistent: it is missing.
    """
    query = select(tables.documents).where(tables.documents.c.digest == digest)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise missing_document()
    check_document_row(row)
    return bytes(row.content)


def under_key(tx: Connection, kind: Kind, release_key: bytes) -> Entry | None:
    """Return the one entry of a kind under a release key."""
    query = select(tables.entries).where(
        _ENTRY.kind == kind.value, _ENTRY.release_key == release_key.hex()
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else _entry(row)


def stored(tx: Connection, *, charge: Entry) -> Stored | None:
    """Return the release beside a charge, proved against the chain.

    Raises:
        ChainBroken: the stored numbers are not the ones that were released.
    """
    Spend.of(charge)
    key = charge.release_key or ""
    query = select(tables.releases).where(tables.releases.c.release_key == key)
    row = tx.execute(query).one_or_none()
    entry = under_key(tx, Kind.RELEASE, bytes.fromhex(key))
    if row is None and entry is None:
        return None
    if row is None or entry is None or row_digest(row) != entry.detail:
        raise altered_release(charge.sequence)
    return Stored(
        release_key=bytes.fromhex(key),
        values=unpack(row.noisy_values),
        variance=Fraction(row.variance),
        l2_squared=int(row.l2_squared),
        rho=Fraction(charge.rho or ""),
        released_at=row.released_at,
        sequence=entry.sequence,
    )


def released(tx: Connection) -> Iterator[tuple[Entry, Stored]]:
    """Yield every charge that has a release, with it, in order."""
    for entry in entries(tx):
        if entry.kind is Kind.CHARGE and (found := stored(tx, charge=entry)):
            yield entry, found


def answer(tx: Connection, *, charge: Entry) -> Stored | None:
    """Return the release beside a charge, or None if it may still be made.

    A charge made before a restore is never answered under: its answer may have left
    in the part of the ledger that was lost, and a second one would be a second
    release under one charge.

    Raises:
        NotAllowed: it was charged before the ledger was reopened, and not answered.
        ChainBroken: the stored numbers are not the ones that were released.
    """
    found, reopened = stored(tx, charge=charge), last(tx, Kind.REOPENED)
    if found is None and reopened is not None and charge.sequence < reopened.sequence:
        raise NotAllowed(
            "This was charged before the ledger was restored, and whether its answer "
            "left is unknown, so it is never answered; have the Board sign a mandate "
            "for a revision and ask under that."
        )
    return found


def newest_moment(tx: Connection) -> str:
    """Return the latest moment any entry carries, whatever the clock did since."""
    newest: str = tx.execute(select(func.max(_ENTRY.at))).scalar_one()
    return newest


def witnessed(tx: Connection, of: str) -> bytes | None:
    """Return the head this site keeps of another site's ledger, as it was signed.

    Raises:
        LedgerInconsistent: it was altered.
    """
    table = tables.witnessed
    row = tx.execute(select(table).where(table.c.site == of)).one_or_none()
    if row is None:
        return None
    check_witnessed(row)
    return bytes(row.head)


def entries(tx: Connection) -> Iterator[Entry]:
    """Yield every entry in order, a batch at a time."""
    query = select(tables.entries).order_by(_ENTRY.sequence)
    for row in tx.execute(query).yield_per(_BATCH):
        yield _entry(row)


def releases(tx: Connection) -> Iterator[Row[Any]]:
    """Yield every stored release, by its entry."""
    query = select(tables.releases).order_by(tables.releases.c.sequence)
    yield from tx.execute(query).yield_per(_BATCH)


def documents(tx: Connection) -> Iterator[Row[Any]]:
    """Yield every signed document, by the first entry that rests on it."""
    query = select(tables.documents).order_by(tables.documents.c.sequence)
    yield from tx.execute(query)


def checksum(content: bytes) -> str:
    """Return what protects a stored file against damage, in hex."""
    return hashlib.sha256(content).hexdigest()


def check_document_row(row: Row[Any]) -> None:
    """Stop if a stored document is not the one that was entered."""
    document = check_document(row.digest, row.content)
    if checksum(row.content) != row.checksum or document.file() != row.content:
        raise ChainBroken(
            "The signatures on a document in the ledger were altered or damaged; stop "
            "the node and tell the privacy officer."
        )


def check_witnessed(row: Row[Any]) -> None:
    """Stop if what is kept of another site's ledger was altered."""
    if checksum(row.site.encode() + row.head) != row.checksum:
        raise LedgerInconsistent(
            "What this site keeps of another site's ledger was altered or damaged; "
            "stop the node and tell the privacy officer."
        )


def _entry(row: Row[Any]) -> Entry:
    """Turn a row into an entry."""
    values = {field.name: getattr(row, field.name) for field in fields(Entry)}
    try:
        values["kind"] = Kind(values["kind"])
    except ValueError as error:
        raise ChainBroken(
            f"Ledger entry {values['sequence']} is of no known kind, so the ledger was "
            "altered; stop the node and tell the privacy officer."
        ) from error
    return Entry(**values)


def values_digest(row: Row[Any]) -> str:
    """Return the digest of a release's noisy values, in hex."""
    return hashlib.sha256(row.noisy_values).hexdigest()


def row_digest(row: Row[Any]) -> str | None:
    """Return the digest of a release as stored, or None if its size is wrong."""
    if len(row.noisy_values) != 8 * row.size:
        return None
    return release_digest(
        release_key=row.release_key,
        values=values_digest(row),
        size=row.size,
        variance=row.variance,
        l2_squared=row.l2_squared,
        released_at=row.released_at,
    )


def altered_release(sequence: int) -> ChainBroken:
    """Say that stored numbers are not what was released."""
    return ChainBroken(
        f"The release of ledger entry {sequence} was altered or damaged; stop the "
        "node and tell the privacy officer before anything is restored."
    )


def missing_document() -> LedgerInconsistent:
    """Say that a rule lacks what people signed for it."""
    return LedgerInconsistent(
        "A signed document is missing from the ledger; stop the node and tell the "
        "privacy officer."
    )
