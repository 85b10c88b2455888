"""Write the ledger: each function is one step inside a transaction."""

from dataclasses import replace

from sqlalchemy import Connection, delete, insert, select

from node.ledger import balance, read, tables
from node.ledger.charge import Stored
from privacy.chain import GENESIS, Entry, Event, Kind, place
from privacy.errors import Busy, LedgerInconsistent, NotAllowed
from privacy.notes import Notes
from privacy.walk import fiscal_year


def append(tx: Connection, event: Event) -> Entry:
    """Write an event at the end of the chain."""
    before = read.last(tx)
    entry = place(
        event,
        sequence=before.sequence + 1 if before else 1,
        previous_hash=before.hash if before else GENESIS,
    )
    columns = tables.entries.columns.keys()
    row = {name: getattr(entry, name) for name in columns} | {"kind": entry.kind.value}
    tx.execute(insert(tables.entries).values(**row))
    return entry


def keep(tx: Connection, answer: Stored) -> Stored:
    """Write a release and the entry that protects it."""
    entry = append(tx, answer.event())
    tx.execute(
        insert(tables.releases).values(
            release_key=answer.release_key.hex(),
            size=len(answer.values),
            noisy_values=answer.blob,
            variance=str(answer.variance),
            l2_squared=str(answer.l2_squared),
            released_at=answer.released_at,
            sequence=entry.sequence,
        )
    )
    return replace(answer, sequence=entry.sequence)


def boot(tx: Connection, name: bytes, *, at: str) -> None:
    """Note a start under a name that was never used here."""
    used = select(tables.entries.c.sequence).where(
        tables.entries.c.kind == Kind.BOOTED.value,
        tables.entries.c.detail == name.hex(),
    )
    if tx.execute(used).first() is not None:
        raise LedgerInconsistent(
            "A node has started under this random name before, so chance is broken or "
            "the ledger was copied; stop the node and tell the privacy officer."
        )
    append(tx, Event(kind=Kind.BOOTED, at=at, detail=name.hex()))


def enact(
    tx: Connection, event: Event, *, document: bytes | None, after: int, notes: Notes
) -> Entry:
    """Enter a rule, with what people signed for it and what follows for the accounts.

    Raises:
        Busy: another rule was entered since the caller read the law.
        NotAllowed: the rule cannot follow the ones before it.
    """
    if read.law_mark(tx) != after:
        raise Busy(
            "Another rule was entered at the same moment, so this one was not; look at "
            "the rules again and repeat."
        )
    entry = append(tx, event)
    try:
        now = notes.after(entry)
    except LedgerInconsistent as error:
        raise NotAllowed(error.message) from error
    if document is not None:
        _keep_document(tx, entry, document)
    if entry.kind is Kind.POLICY:
        balance.rewrite(tx, balance.totals(tx), now)
    elif entry.kind is Kind.REOPENED:
        through = fiscal_year(read.newest_moment(tx))
        full = balance.totals(tx).after_reopening(
            now.caps_ever(), through=through, mandates=now.limits
        )
        balance.rewrite(tx, full, now)
    return entry


def witness(tx: Connection, of: str, head: bytes) -> None:
    """Keep a newer head of another site's ledger."""
    table = tables.witnessed
    tx.execute(delete(table).where(table.c.site == of))
    checksum = read.checksum(of.encode() + head)
    tx.execute(insert(table).values(site=of, head=head, checksum=checksum))


def _keep_document(tx: Connection, entry: Entry, document: bytes) -> None:
    """Keep a signed document; the copy entered first stands."""
    table = tables.documents
    known = select(table.c.digest).where(table.c.digest == entry.document)
    if tx.execute(known).first() is None:
        tx.execute(
            insert(table).values(
                digest=entry.document,
                content=document,
                checksum=read.checksum(document),
                sequence=entry.sequence,
            )
        )
