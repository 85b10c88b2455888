"""The append-only ledger of spent privacy loss: the law at a site."""

from node.ledger.balance import Account, Key, Scope
from node.ledger.book import Ledger
from node.ledger.charge import Charge, Charged, Stored
from node.ledger.read import Head

__all__ = [
    "Account",
    "Charge",
    "Charged",
    "Head",
    "Key",
    "Ledger",
    "Scope",
    "Stored",
]
