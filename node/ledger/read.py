"""Read the ledger: single facts, and the whole of it against itself."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Self

from sqlalchemy import Connection, Row, func, select

from node.ledger import tables
from node.ledger.chain import Entry, Kind, check_link
from node.ledger.charge import (
    Stored,
    charged_amounts,
    release_digest,
    unpack,
)
from node.policy import Caps, Policy
from privacy.errors import ChainBroken, LedgerInconsistent, LedgerMissing

_BATCH = 1000
_DETAIL_FIELDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What households of one entry year have spent.

    Attributes:
        entry_year: The fiscal year they entered, such as FY2024.
        spent_pico: Loss charged so far.
        cap_pico: The most the ledger itself will let it become.
    """

    entry_year: str
    spent_pico: int
    cap_pico: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A policy the site has obeyed, as its entry tells.

    Attributes:
        version: Of the policy.
        digest: SHA-256 of the signed file, in hex.
        officer: SHA-256 of the officer's public key, in hex.
        caps: The caps it set.
    """

    version: int
    digest: str
    officer: str
    caps: Caps

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Take from a policy what the ledger keeps."""
        return cls(
            version=policy.version,
            digest=policy.digest.hex(),
            officer=policy.officer.hex(),
            caps=policy.caps,
        )

    @property
    def detail(self) -> str:
        """The entry's last field."""
        caps = (self.caps.lifetime_pico, self.caps.per_release_pico)
        return f"{self.version} {self.digest} {self.officer} {caps[0]} {caps[1]}"

    @classmethod
    def parse(cls, detail: str | None) -> Self:
        """Read an entry's last field back."""
        parts = (detail or "").split(" ")
        if len(parts) != _DETAIL_FIELDS:
            raise LedgerInconsistent("A ledger entry names no policy.")
        version, digest, officer, lifetime, per_release = parts
        caps = Caps(lifetime_pico=int(lifetime), per_release_pico=int(per_release))
        return cls(version=int(version), digest=digest, officer=officer, caps=caps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the ledger stands: what a witness will be shown.

    Attributes:
        sequence: Of the newest entry.
        hash: Of the newest entry.
        boot: How often a node has started on this ledger.
    """

    sequence: int
    hash: str
    boot: int


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
    query = select(tables.entries).order_by(tables.entries.c.sequence.desc()).limit(1)
    if kind is not None:
        query = query.where(tables.entries.c.kind == kind.value)
    row = tx.execute(query).one_or_none()
    return None if row is None else _entry(row)


def head(tx: Connection) -> Head:
    """Read where the ledger stands."""
    entry = last(tx)
    if entry is None:
        raise LedgerInconsistent("The ledger has no first entry; stop the node.")
    return Head(sequence=entry.sequence, hash=entry.hash, boot=boots(tx))


def adoption(tx: Connection) -> Adoption | None:
    """Return the policy in force, or None before the first."""
    entry = last(tx, Kind.POLICY)
    return None if entry is None else Adoption.parse(entry.detail)


def boots(tx: Connection) -> int:
    """Return how often a node has started on this ledger."""
    booted = tables.entries.c.kind == Kind.BOOTED.value
    return tx.execute(select(func.count()).where(booted)).scalar_one()


def under_key(tx: Connection, kind: Kind, release_key: bytes) -> Entry | None:
    """Return the one entry of a kind under a release key."""
    query = select(tables.entries).where(
        tables.entries.c.kind == kind.value,
        tables.entries.c.release_key == release_key.hex(),
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else _entry(row)


def stored(tx: Connection, *, charge: Entry) -> Stored | None:
    """Return the release beside a charge, proved against the chain.

    Raises:
        ChainBroken: the stored numbers are not the ones that were released.
    """
    key, rho, _ = charged_amounts(charge)
    query = select(tables.releases).where(tables.releases.c.release_key == key)
    row = tx.execute(query).one_or_none()
    entry = under_key(tx, Kind.RELEASE, bytes.fromhex(key))
    if row is None and entry is None:
        return None
    if row is None or entry is None or _row_digest(row) != entry.detail:
        raise _altered_release(charge.sequence)
    return Stored(
        release_key=bytes.fromhex(key),
        values=unpack(row.noisy_values),
        variance=Fraction(row.variance),
        l2_squared=int(row.l2_squared),
        rho=rho,
        released_at=row.released_at,
    )


def accounts(tx: Connection) -> dict[str, Account]:
    """Return every account, by entry year."""
    query = select(tables.accounts).order_by(tables.accounts.c.entry_year)
    rows = [Account(**row._mapping) for row in tx.execute(query)]  # noqa: SLF001 - the documented way to read a row by name
    return {account.entry_year: account for account in rows}


def entries(tx: Connection) -> Iterator[Entry]:
    """Yield every entry in order, a batch at a time."""
    query = select(tables.entries).order_by(tables.entries.c.sequence)
    for row in tx.execute(query).yield_per(_BATCH):
        yield _entry(row)


def verify(tx: Connection) -> None:
    """Prove the ledger from its first entry: links, sums, caps and releases.

    Raises:
        ChainBroken: an entry or a stored release was altered.
        LedgerInconsistent: balances, caps or pairs do not follow from the entries.
    """
    walk = _Walk()
    for entry in entries(tx):
        walk.take(entry)
    if walk.opened != site(tx):
        raise LedgerInconsistent("The ledger names another site than its first entry.")
    if list(accounts(tx).values()) != walk.accounts():
        raise LedgerInconsistent(
            "The ledger's balances do not follow from its entries, so it was altered "
            "or damaged; stop the node and tell the privacy officer."
        )
    digests = {}
    for row in tx.execute(select(tables.releases)).yield_per(_BATCH):
        digests[row.release_key] = (row.sequence, _row_digest(row))
        if walk.released.get(row.release_key) != digests[row.release_key]:
            raise _altered_release(row.sequence)
    if len(digests) != len(walk.released):
        raise LedgerInconsistent(
            "A stored release is missing from the ledger; stop the node and tell the "
            "privacy officer."
        )


class _Walk:
    """What must be true after each entry, given all those before."""

    def __init__(self) -> None:
        """Begin before the first entry."""
        self.opened: tuple[str | None, str] | None = None
        self.released: dict[str | None, tuple[int, str | None]] = {}
        self._after: Entry | None = None
        self._caps: Caps | None = None
        self._spent: dict[str, int] = {}
        self._charged: set[str] = set()

    def take(self, entry: Entry) -> None:
        """Check one more entry and count it."""
        check_link(entry, after=self._after)
        if (entry.kind is Kind.OPENED) != (self._after is None):
            raise LedgerInconsistent("A ledger is opened once, by its first entry.")
        if entry.kind is Kind.OPENED:
            self.opened = (entry.detail, entry.at)
        elif entry.kind is Kind.POLICY:
            self._caps = Adoption.parse(entry.detail).caps
        elif entry.kind is Kind.CHARGE:
            self._charge(entry)
        elif entry.kind is Kind.RELEASE:
            self._release(entry)
        self._after = entry

    def accounts(self) -> list[Account]:
        """Return the accounts that must stand after the last entry."""
        if self._caps is None:
            return []
        cap = self._caps.lifetime_pico
        return [
            Account(entry_year=year, spent_pico=spent, cap_pico=max(cap, spent))
            for year, spent in sorted(self._spent.items())
        ]

    def _charge(self, entry: Entry) -> None:
        """Check that a charge was once per key and within the caps of its day."""
        key, _, pico_rho = charged_amounts(entry)
        if self._caps is None or key in self._charged:
            raise LedgerInconsistent(f"Ledger entry {entry.sequence} cannot be.")
        self._charged.add(key)
        within = pico_rho <= self._caps.per_release_pico
        for year in (entry.entry_years or "").split(" "):
            self._spent[year] = self._spent.get(year, 0) + pico_rho
            within = within and self._spent[year] <= self._caps.lifetime_pico
        if not within:
            raise LedgerInconsistent(
                f"Ledger entry {entry.sequence} went past a cap; stop the node and "
                "tell the privacy officer."
            )

    def _release(self, entry: Entry) -> None:
        """Check that a release was charged first and happened once."""
        if entry.release_key not in self._charged or entry.release_key in self.released:
            raise LedgerInconsistent(f"Ledger entry {entry.sequence} cannot be.")
        self.released[entry.release_key] = (entry.sequence, entry.detail)


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


def _row_digest(row: Row[Any]) -> str | None:
    """Return the digest of a release as stored, or None if its size is wrong."""
    if len(row.noisy_values) != 8 * row.size:
        return None
    return release_digest(
        row.release_key,
        row.noisy_values,
        row.variance,
        row.l2_squared,
        row.released_at,
    )


def _altered_release(sequence: int) -> ChainBroken:
    """Say that stored numbers are not what was released."""
    return ChainBroken(
        f"The release of ledger entry {sequence} was altered or damaged; stop the "
        "node and tell the privacy officer before anything is restored."
    )
