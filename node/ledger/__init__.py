"""The append-only ledger of spent privacy loss: the law at a site."""

from node.ledger.book import Ledger
from node.ledger.chain import Entry, Kind
from node.ledger.charge import Charge, Charged, Stored
from node.ledger.read import Account, Head

__all__ = ["Account", "Charge", "Charged", "Entry", "Head", "Kind", "Ledger", "Stored"]
