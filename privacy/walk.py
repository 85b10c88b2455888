"""Walk a ledger from its first entry to its last, and believe nothing on the way.

Every entry must follow from the one before it, and must have been possible when it
was made: a charge once per release key, within every cap of the policy then in
force and under a mandate then accepted; a release after its charge; a start under
a name not used before. The site proves its ledger with this walk at every start,
and the auditor, who has no node and no record, walks an export of it.
"""

import datetime as dt
import re

from privacy import accounts, signing
from privacy.accounts import Accounts, Spend
from privacy.chain import GENESIS, LAW, Entry, Kind, check_link
from privacy.errors import (
    ChainBroken,
    ExchangeError,
    LedgerInconsistent,
)
from privacy.notes import Notes
from privacy.signing import Document
from privacy.statement import BOOT_BYTES

_BOOT = re.compile(rf"[0-9a-f]{{{2 * BOOT_BYTES}}}")
_FISCAL_YEAR_BEGINS = 10


class Walk:
    """What is true after the entries taken so far.

    Attributes:
        last: The newest entry, or None.
        opened: Whose ledger and since when, as its first entry says.
        notes: What the rules so far let the ledger charge.
        accounts: What was spent.
        charged: Release key in hex -> the entry that charged it.
        released: Release key in hex -> the entry that keeps the release.
        documents: Digest in hex -> the first entry that rests on the document.
        epoch: 1, and one more with each reopening.
        started: The newest start, or None before any.
    """

    def __init__(self) -> None:
        """Begin before the first entry."""
        self.last: Entry | None = None
        self.opened: tuple[str | None, str] = (None, "")
        self.notes = Notes()
        self.accounts = Accounts()
        self.charged: dict[str, Entry] = {}
        self.released: dict[str, Entry] = {}
        self.documents: dict[str, int] = {}
        self.epoch = 1
        self.started: Entry | None = None
        self._reopened = 0
        self._boots: set[str] = set()
        self._newest = ""

    def take(self, entry: Entry) -> None:
        """Check one more entry and count it.

        Raises:
            ChainBroken: it does not follow from the one before.
            LedgerInconsistent: it could not have happened.
        """
        check_link(entry, after=self.last)
        if (entry.kind is Kind.OPENED) != (self.last is None):
            raise LedgerInconsistent("A ledger is opened once, by its first entry.")
        self._newest = max(self._newest, fiscal_year(entry.at))
        try:
            self._take(entry)
        except (ChainBroken, LedgerInconsistent):
            raise
        except ExchangeError as error:
            raise LedgerInconsistent(
                f"Ledger entry {entry.sequence} could not have been made: "
                f"{error.message} Stop the node and tell the privacy officer."
            ) from error
        self.last = entry

    @property
    def boot(self) -> bytes:
        """The random name of the newest start; zeros before any."""
        name = self.started.detail if self.started else None
        return bytes.fromhex(name) if name else bytes(BOOT_BYTES)

    @property
    def head(self) -> tuple[int, str]:
        """Sequence and hash of the newest entry."""
        return (self.last.sequence, self.last.hash) if self.last else (0, GENESIS)

    def _take(self, entry: Entry) -> None:
        if entry.document is not None:
            if entry.kind not in LAW:
                raise _impossible(entry)
            self.documents.setdefault(entry.document, entry.sequence)
        self.notes = self.notes.after(entry)
        match entry.kind:
            case Kind.OPENED:
                self.opened = (entry.detail, entry.at)
            case Kind.BOOTED:
                self._boot(entry)
            case Kind.CHARGE:
                self._charge(entry)
            case Kind.RELEASE:
                self._release(entry)
            case Kind.REOPENED:
                self.epoch, self._reopened = self.epoch + 1, entry.sequence
                self.accounts = self.accounts.after_reopening(
                    self.notes.caps_ever(),
                    through=self._newest,
                    mandates=self.notes.limits,
                )
            case _:
                pass

    def _boot(self, entry: Entry) -> None:
        """Check that a start has a name, and a new one."""
        name = entry.detail or ""
        if not _BOOT.fullmatch(name) or name in self._boots:
            raise _impossible(entry)
        self._boots.add(name)
        self.started = entry

    def _charge(self, entry: Entry) -> None:
        """Check that a charge was once per key, permitted, and within the caps."""
        key, spend = entry.release_key, Spend.of(entry)
        if key is None or key in self.charged:
            raise _impossible(entry)
        limit = self.notes.limit(spend.mandate)
        caps = self.notes.caps()
        self.accounts = accounts.check(self.accounts, spend, caps, limit)
        self.charged[key] = entry

    def _release(self, entry: Entry) -> None:
        """Check that a release was charged first, in this epoch, and happened once."""
        key = entry.release_key
        if key is None or key not in self.charged or key in self.released:
            raise _impossible(entry)
        if self.charged[key].sequence < self._reopened:
            raise _impossible(entry)
        self.released[key] = entry


def fiscal_year(at: str) -> str:
    """Return the fiscal year of a moment, such as FY2027.

    Raises:
        LedgerInconsistent: the text is no moment.
    """
    try:
        moment = dt.datetime.fromisoformat(at)
    except ValueError as error:
        raise LedgerInconsistent("A ledger entry carries no moment.") from error
    return f"FY{moment.year + (moment.month >= _FISCAL_YEAR_BEGINS)}"


def check_document(digest: str, file: bytes) -> Document:
    """Return a signed document if it is the one a ledger names.

    The signatures on it are judged by `privacy.law`, not here.

    Raises:
        ChainBroken: it is another, or none.
    """
    named = file.partition(b"\n")[0].rpartition(b" ")[2]
    try:
        document = signing.read(file, signing.Kind(named.decode("ascii")))
    except (ExchangeError, ValueError) as error:
        raise _altered_document() from error
    if document.digest.hex() != digest:
        raise _altered_document()
    return document


def _altered_document() -> ChainBroken:
    """Say that a document is not the one that was entered."""
    return ChainBroken(
        "A signed document in the ledger was altered or damaged; stop the node and "
        "tell the privacy officer before anything is restored."
    )


def _impossible(entry: Entry) -> LedgerInconsistent:
    """Say that an entry contradicts the ones before it."""
    return LedgerInconsistent(
        f"Ledger entry {entry.sequence} cannot be: it contradicts an earlier one; stop "
        "the node and tell the privacy officer."
    )
