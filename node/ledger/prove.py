"""Prove the ledger whole: all that is kept beside the entries follows from them."""

from sqlalchemy import Connection, select

from node.ledger import balance, read, tables
from privacy.errors import LedgerInconsistent
from privacy.walk import Walk


def verify(tx: Connection) -> Walk:
    """Prove the ledger from its first entry: links, sums, caps, documents, releases.

    Raises:
        ChainBroken: an entry, a document or a stored release was altered.
        LedgerInconsistent: accounts, caps or pairs do not follow from the entries.
    """
    walk, site = Walk(), read.site(tx)
    for entry in read.entries(tx):
        walk.take(entry)
    if walk.opened != site:
        raise LedgerInconsistent("The ledger names another site than its first entry.")
    _verify_balances(tx, walk)
    _verify_documents(tx, walk)
    _verify_releases(tx, walk)
    for row in tx.execute(select(tables.witnessed)):
        read.check_witnessed(row)
    return walk


def _verify_balances(tx: Connection, walk: Walk) -> None:
    """Check that every account and cohort is the sum of its charges."""
    expected = {
        year: dict(known.strands)
        for year, known in walk.accounts.years.items()
        if known.strands
    }
    same = balance.rows(tx) == balance.of(walk.accounts, walk.notes)
    if not same or balance.strands(tx) != expected:
        raise LedgerInconsistent(
            "The ledger's balances do not follow from its entries, so it was altered "
            "or damaged; stop the node and tell the privacy officer."
        )


def _verify_documents(tx: Connection, walk: Walk) -> None:
    """Check that every document is there, and is the one that was entered."""
    found = {}
    for row in read.documents(tx):
        read.check_document_row(row)
        found[row.digest] = row.sequence
    if found != walk.documents:
        raise read.missing_document()


def _verify_releases(tx: Connection, walk: Walk) -> None:
    """Check that every release is there, and is the one that was made."""
    found = set()
    for row in read.releases(tx):
        entry = walk.released.get(row.release_key)
        expected = (entry.sequence, entry.detail) if entry else None
        if (row.sequence, read.row_digest(row)) != expected:
            raise read.altered_release(row.sequence)
        found.add(row.release_key)
    if found != walk.released.keys():
        raise LedgerInconsistent(
            "A stored release is missing from the ledger; stop the node and tell the "
            "privacy officer."
        )
