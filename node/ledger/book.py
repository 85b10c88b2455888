"""The ledger: nothing is read before it is charged, nothing sent before it is stored.

Two transactions frame every answer. `charge` spends the loss, durably, or finds
that it was spent before; `store` keeps the noisy numbers beside it and returns
the ones that stand. A crash between them costs budget and tells nothing; the
same question finishes under the same charge later.

The rules by which it charges are entries of the same ledger, entered with `enact`
and read anew in every charging transaction: a pause or a revocation by another
process holds at the next charge.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Self

from sqlalchemy import Connection

from node.ledger import balance, connect, prove, read, write
from node.ledger.balance import Account, Key, Scope
from node.ledger.charge import Charge, Charged, Stored, moment
from node.ledger.keeper import Keeper
from privacy.amount import Amount
from privacy.chain import LAW, Entry, Event, Kind
from privacy.errors import BadSignature, ChainBroken, LedgerInconsistent
from privacy.export import ReleaseLine, Writer
from privacy.notes import Notes
from privacy.period import Period
from privacy.statement import BOOT_BYTES
from privacy.walk import Walk, check_document


class Ledger:
    """One site's append-only record of the loss it has spent.

    Any number of threads and processes may use one ledger; charges happen one
    at a time. After any failed write the object refuses everything, because
    what is on the disk is then unknown: the process must end and start again.
    """

    def __init__(self, keeper: Keeper) -> None:
        """Wrap a keeper; use `Ledger.open` or `Ledger.create`."""
        self._keeper = keeper
        self._known: tuple[int, Notes] = (0, Notes())

    @classmethod
    def create(cls, url: str, *, site: str, now: dt.datetime) -> Self:
        """Make a new, empty ledger. Only `init` does this, once in a site's life.

        Raises:
            BadConfiguration: a ledger is already there.
        """
        return cls(Keeper.made(url, site=site, at=moment(now)))

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a ledger and prove it whole before anything is charged to it.

        Raises:
            LedgerMissing: there is none; an empty one is never made instead.
            ChainBroken: an entry, a document or a release was altered.
            LedgerInconsistent: the file is damaged or its sums do not add up.
        """
        return cls(Keeper.found(url))

    @property
    def site(self) -> str:
        """Whose ledger it is."""
        return self._keeper.site

    def close(self) -> None:
        """Give the database back; an open ledger holds one connection."""
        self._keeper.close()

    def charge(
        self, charge: Charge, *, after: int | None = None, now: dt.datetime
    ) -> Charged | Stored:
        """Spend the loss of a question, durably, unless it was spent before.

        Requires: policy and mandate allowed the question, by the rules up to the
            entry `after` if given; nothing has been read yet.

        Returns:
            Stored: the answer exists; send it, it is free.
            Charged: the loss is spent (now, or before a crash); answer under it.

        Raises:
            NotAllowed: the site does not answer now, or not under this mandate.
            BudgetExhausted: a cap stands in the way; nothing was spent.
            InvalidQuery: another question stands under this release key.
            Busy: a rule was made since, or the ledger was held too long.
            LedgerStopped: a write failed; this process must end.
        """
        at = moment(now)

        def work(tx: Connection) -> Charged | Stored:
            read.check_unchanged(tx, after)
            notes = self._notes(tx)
            notes.limit(charge.mandate.hex())
            before = read.under_key(tx, Kind.CHARGE, charge.release_key)
            if before is not None:
                charge.check_same_question(before)
                answer = read.answer(tx, charge=before)
                return answer or Charged.of(before, resumed=True)
            balance.spend(tx, charge.spend, notes)
            return Charged.of(write.append(tx, charge.event(at)), resumed=False)

        return self._keeper.run(work, write=True)

    def store(
        self,
        release_key: bytes,
        *,
        values: tuple[int, ...],
        variance: Fraction,
        l2_squared: int,
        now: dt.datetime,
    ) -> Stored:
        """Keep a release beside its charge, durably, and return the one that stands.

        If two computations finish under one charge, the first stands and the
        other is forgotten: send only what this returns.

        Raises:
            LedgerInconsistent: there is no such charge, or this is no release.
            NotAllowed: the ledger was reopened since the charge.
            LedgerStopped: a write failed; nothing may be sent.
        """
        at = moment(now)

        def work(tx: Connection) -> Stored:
            charge = read.under_key(tx, Kind.CHARGE, release_key)
            if charge is None:
                raise LedgerInconsistent(
                    "A release was made without a charge; stop the node and report "
                    "this as a defect."
                )
            answer = Stored(
                release_key=release_key,
                values=values,
                variance=variance,
                l2_squared=l2_squared,
                rho=Fraction(charge.rho or ""),
                released_at=at,
            )
            return read.answer(tx, charge=charge) or write.keep(tx, answer)

        return self._keeper.run(work, write=True)

    def enact(
        self, event: Event, *, document: bytes | None, after: int, now: dt.datetime
    ) -> Entry:
        """Enter a rule, if no other was entered since the caller read the law.

        Requires: `privacy.law` found that its signers have the right to it.

        Args:
            event: The rule; its moment is set here.
            document: The signed file it rests on, or None.
            after: The newest rule the caller knew, by its sequence; 0 for none.
            now: When.

        Raises:
            Busy: another rule came in between; read the law again.
            NotAllowed: the rule cannot follow the ones before it.
            BadSignature: the document is not the one the entry names.
        """
        event = replace(event, at=moment(now))
        if event.kind not in LAW:
            raise LedgerInconsistent(f"{event.kind.value} is no rule to be entered.")
        _check_names(event, document)

        def work(tx: Connection) -> Entry:
            notes = self._notes(tx)
            return write.enact(tx, event, document=document, after=after, notes=notes)

        return self._keeper.run(work, write=True)

    def law(self, after: int = 0) -> tuple[tuple[Entry, bytes | None], ...]:
        """Return the rules entered after an entry, each with its signed document."""
        return self._keeper.run(
            lambda tx: tuple(read.law(tx, after=after)), write=False
        )

    def law_mark(self) -> int:
        """Return the sequence of the newest rule; 0 before any."""
        return self._keeper.run(read.law_mark, write=False)

    def boot(self, boot: bytes, *, now: dt.datetime) -> read.Head:
        """Note that a node has started, under a fresh random name of 32 bytes.

        Raises:
            LedgerInconsistent: the name was used before, or is none.
        """
        at = moment(now)
        if len(boot) != BOOT_BYTES:
            raise LedgerInconsistent(f"A start is named by {BOOT_BYTES} random bytes.")

        def work(tx: Connection) -> read.Head:
            write.boot(tx, boot, at=at)
            return read.head(tx)

        return self._keeper.run(work, write=True)

    def head(self) -> read.Head:
        """Return where the ledger stands."""
        return self._keeper.run(read.head, write=False)

    def hash_at(self, sequence: int) -> str | None:
        """Return the hash of an entry, or None if there is none yet."""
        return self._keeper.run(lambda tx: read.hash_at(tx, sequence), write=False)

    def witnessed(self, site: str) -> bytes | None:
        """Return the head this site keeps of another site's ledger, as it was signed.

        Raises:
            LedgerInconsistent: what was kept is damaged.
        """
        return self._keeper.run(lambda tx: read.witnessed(tx, site), write=False)

    def witness(
        self, site: str, decide: Callable[[bytes | None], bytes | None]
    ) -> bytes | None:
        """Keep a newer head of another site's ledger, durably, and return the kept one.

        Args:
            site: Whose ledger.
            decide: Gets the head kept now, or None, and returns the one to keep
                instead, or None to keep what there is. It may run twice.
        """

        def work(tx: Connection) -> bytes | None:
            kept = read.witnessed(tx, site)
            new = decide(kept)
            if new is None or new == kept:
                return kept
            write.witness(tx, site, new)
            return new

        return self._keeper.run(work, write=True)

    def accounts(
        self,
        *,
        entry_years: Collection[Period] = (),
        fiscal_years: Collection[Period] = (),
    ) -> tuple[Account, ...]:
        """Return every account charged so far, or named, in order.

        After a reopening, those named `*` stand for every entry year not listed.
        """

        def work(tx: Connection) -> dict[Key, Account]:
            found = balance.rows(tx)
            notes, totals = self._notes(tx), balance.totals(tx)
            keys = [Key(Scope.LIFETIME, year.label) for year in entry_years]
            for each in fiscal_years:
                keys += [
                    Key(Scope.FISCAL_YEAR, year.label, each.label)
                    for year in entry_years
                ]
            named = {key: balance.account(key, totals, notes) for key in keys}
            return named | found

        return tuple(
            each for _, each in sorted(self._keeper.run(work, write=False).items())
        )

    def remaining(
        self,
        *,
        entry_years: Collection[Period] = (),
        fiscal_years: Collection[Period] = (),
    ) -> dict[Key, Amount]:
        """Return what is left of every account charged so far, or named."""
        known = self.accounts(entry_years=entry_years, fiscal_years=fiscal_years)
        return {each.key: each.left for each in known}

    def levels(self) -> tuple[tuple[Account, Fraction], ...]:
        """Return every account with how full it is, the fullest first."""
        levels = [(each, each.share) for each in self.accounts()]
        return tuple(sorted(levels, key=lambda level: -level[1]))

    def entries(self) -> tuple[Entry, ...]:
        """Return the whole record, in order."""
        return self._keeper.run(lambda tx: tuple(read.entries(tx)), write=False)

    def released(self) -> tuple[tuple[Entry, Stored], ...]:
        """Return every charge that has a release, with it, in order."""
        return self._keeper.run(lambda tx: tuple(read.released(tx)), write=False)

    def verify(self) -> Walk:
        """Prove the ledger whole again, from its first entry to its last.

        Raises:
            ChainBroken: an entry, a document or a release was altered.
            LedgerInconsistent: balances, caps or pairs do not follow from entries.
        """
        self._keeper.run(connect.check_file, write=False)
        return self._keeper.run(prove.verify, write=False)

    def export(self) -> Iterator[str]:
        """Return the lines an auditor gets, all of one moment: no noisy value."""
        return iter(self._keeper.run(_export, write=False))

    def _notes(self, tx: Connection) -> Notes:
        """Return the rules as this transaction finds them."""
        self._known = read.notes(tx, self._known)
        return self._known[1]


def _export(tx: Connection) -> list[str]:
    """Write the lines of an export; see `privacy.export`."""
    writer, head = Writer(), read.head(tx)
    site, created_at = read.site(tx)
    lines = [writer.opening(site=site, created_at=created_at)]
    lines += [writer.entry(entry) for entry in read.entries(tx)]
    lines += [writer.document(row.digest, row.content) for row in read.documents(tx)]
    for row in read.releases(tx):
        release = ReleaseLine(
            release_key=row.release_key,
            values=read.values_digest(row),
            size=row.size,
            variance=row.variance,
            l2_squared=row.l2_squared,
            released_at=row.released_at,
        )
        lines.append(writer.release(release))
    lines.append(
        writer.head(
            sequence=head.sequence, hash_=head.hash, epoch=head.epoch, boot=head.boot
        )
    )
    return lines


def _check_names(event: Event, document: bytes | None) -> None:
    """Refuse a rule whose entry and document do not belong together."""
    try:
        if document is not None and event.document is not None:
            check_document(event.document, document)
    except ChainBroken as error:
        raise BadSignature(
            "The signed file is not the one the rule names; read it again."
        ) from error
    if (document is None) != (event.document is None):
        raise BadSignature("A rule and its signed file are entered together.")
