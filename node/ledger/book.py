"""The ledger: nothing is read before it is charged, nothing sent before it is stored.

Two transactions frame every answer. `charge` spends the loss, durably, or finds
that it was spent before; `store` keeps the noisy numbers beside it and returns
the ones that stand. A crash between them costs budget and tells nothing; the
same question finishes under the same charge later.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, insert, inspect
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from node.ledger import connect, read, tables, write
from node.ledger.chain import Entry, Event, Kind
from node.ledger.charge import Charge, Charged, Stored, charged_amounts, moment
from node.policy import Caps, Policy
from privacy.errors import (
    BadConfiguration,
    Busy,
    Corrupt,
    LedgerInconsistent,
    LedgerMissing,
    LedgerStopped,
)
from privacy.period import Period

_ATTEMPTS = 8
_PAUSE_SECONDS = 0.01

# A damaged file shows as a database error, or as text and numbers that are none.
_DAMAGE = (SQLAlchemyError, ValueError, TypeError)

_T = TypeVar("_T")


class Ledger:
    """One site's append-only record of the loss it has spent.

    Any number of threads and processes may use one ledger; charges happen one
    at a time. After any failed write the object refuses everything, because
    what is on the disk is then unknown: the process must end and start again.
    """

    def __init__(self, engine: Engine, *, site: str) -> None:
        """Wrap an engine; use `Ledger.open` or `Ledger.create`."""
        self.site = site
        self._engine = engine
        self._lock = threading.Lock()
        self._stopped = False

    @classmethod
    def create(cls, url: str, *, site: str, now: dt.datetime) -> Self:
        """Make a new, empty ledger. Only `init` does this, once in a site's life.

        Raises:
            BadConfiguration: a ledger is already there.
        """
        where, at = connect.parse(url), moment(now)
        path = connect.sqlite_path(where)
        if path is not None:
            connect.new_file(path)
        engine = connect.engine(where)
        with _opening(engine), connect.transaction(engine) as tx:
            if inspect(tx).has_table(tables.meta.name):
                raise BadConfiguration(
                    "A ledger is already there and is never overwritten; keep it, "
                    "or choose another database."
                )
            tables.metadata.create_all(tx, checkfirst=False)
            row = {"one": 1, "format": tables.FORMAT, "site": site}
            tx.execute(insert(tables.meta).values(**row, created_at=at))
            write.append(tx, Event(kind=Kind.OPENED, at=at, detail=site))
        if path is not None:
            connect.sync_directory(path)
        return cls(engine, site=site)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a ledger and prove it whole before anything is charged to it.

        Raises:
            LedgerMissing: there is none; an empty one is never made instead.
            ChainBroken: an entry or a release was altered.
            LedgerInconsistent: the file is damaged or its sums do not add up.
        """
        where = connect.parse(url)
        path = connect.sqlite_path(where)
        if path is not None and not path.is_file():
            raise _missing()
        engine = connect.engine(where)
        with _opening(engine), connect.transaction(engine, write=False) as tx:
            if not inspect(tx).has_table(tables.meta.name):
                raise _missing()
            connect.check_file(tx)
            site, _ = read.site(tx)
            read.verify(tx)
        return cls(engine, site=site)

    def close(self) -> None:
        """Give the database back; an open ledger holds one connection."""
        self._engine.dispose()

    def charge(
        self, charge: Charge, *, caps: Caps, now: dt.datetime
    ) -> Charged | Stored:
        """Spend the loss of a question, durably, unless it was spent before.

        Requires: the policy allowed the question; nothing has been read yet.

        Returns:
            Stored: the answer exists; send it, it is free.
            Charged: the loss is spent (now, or before a crash); answer under it.

        Raises:
            BudgetExhausted: a cap stands in the way; nothing was spent.
            InvalidQuery: another question stands under this release key.
            NotAllowed: no policy has been adopted yet.
            Busy: another process held the ledger too long; nothing was spent.
            LedgerStopped: a write failed; this process must end.
        """
        at = moment(now)

        def work(tx: Connection) -> Charged | Stored:
            before = read.under_key(tx, Kind.CHARGE, charge.release_key)
            if before is not None:
                charge.check_same_question(before)
                answer = read.stored(tx, charge=before)
                return answer or Charged.of(before, resumed=True)
            write.spend(tx, charge, caps=caps)
            return Charged.of(write.append(tx, charge.event(at)), resumed=False)

        return self._run(work, write=True)

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
                rho=charged_amounts(charge)[1],
                released_at=at,
            )
            return read.stored(tx, charge=charge) or write.keep(tx, answer)

        return self._run(work, write=True)

    def adopt(self, policy: Policy, *, now: dt.datetime) -> None:
        """Take note of the policy in force, so that an older one is never obeyed.

        Raises:
            BadConfiguration: for another site, older, or changed without a new
                version.
            BadSignature: signed by another officer than the policy before it.
        """
        at, new = moment(now), read.Adoption.of(policy)
        if policy.site != self.site:
            raise BadConfiguration(
                f"The policy is for site {policy.site} and the ledger for "
                f"{self.site}; install the policy of this site."
            )

        def work(tx: Connection) -> None:
            write.adopt(tx, new, at=at)

        self._run(work, write=True)

    def boot(self, *, now: dt.datetime) -> read.Head:
        """Note that a node has started on this ledger, and return where it stands."""
        at = moment(now)

        def work(tx: Connection) -> read.Head:
            write.append(tx, Event(kind=Kind.BOOTED, at=at))
            return read.head(tx)

        return self._run(work, write=True)

    def policy_version(self) -> int:
        """Return the highest policy version ever in force here; 0 before any."""

        def work(tx: Connection) -> int:
            adopted = read.adoption(tx)
            return 0 if adopted is None else adopted.version

        return self._run(work, write=False)

    def remaining(
        self, caps: Caps, *, entry_years: Iterable[Period] = ()
    ) -> dict[str, int]:
        """Return the pico-rho left for each entry year charged so far or named."""
        accounts = self._run(read.accounts, write=False)
        left = {year.label: caps.lifetime_pico for year in entry_years}
        for year, account in accounts.items():
            cap = min(caps.lifetime_pico, account.cap_pico)
            left[year] = max(0, cap - account.spent_pico)
        return dict(sorted(left.items()))

    def accounts(self) -> tuple[read.Account, ...]:
        """Return every account, by entry year."""
        return tuple(self._run(read.accounts, write=False).values())

    def entries(self) -> tuple[Entry, ...]:
        """Return the whole record, in order."""
        return self._run(lambda tx: tuple(read.entries(tx)), write=False)

    def head(self) -> read.Head:
        """Return where the ledger stands."""
        return self._run(read.head, write=False)

    def verify(self) -> None:
        """Prove the ledger whole again, from its first entry to its last.

        Raises:
            ChainBroken: an entry or a release was altered.
            LedgerInconsistent: balances, caps or pairs do not follow from entries.
        """
        self._run(connect.check_file, write=False)
        self._run(read.verify, write=False)

    def _run(self, work: Callable[[Connection], _T], *, write: bool) -> _T:
        """Do one transaction; stop for good unless its outcome is certain."""
        with self._lock:
            for attempt in range(_ATTEMPTS):
                if self._stopped:
                    raise _stopped()
                try:
                    with connect.transaction(self._engine, write=write) as tx:
                        return work(tx)
                except _DAMAGE as error:
                    if connect.is_busy(error):
                        break
                    if not connect.may_retry(error):
                        self._stopped = True
                        raise _stopped() from error
                except Corrupt:
                    self._stopped = True
                    raise
                time.sleep(_PAUSE_SECONDS * 2**attempt)
        raise Busy("The ledger is busy, so nothing was decided; ask again shortly.")


@contextmanager
def _opening(engine: Engine) -> Iterator[None]:
    """Let go of a database that did not turn out to be a sound ledger."""
    try:
        yield
    except _DAMAGE as error:
        engine.dispose()
        raise _unusable(engine, error) from error
    except BaseException:
        engine.dispose()
        raise


def _missing() -> LedgerMissing:
    """Say that there is no ledger, and that one is not made up."""
    return LedgerMissing(
        "The ledger is not where the configuration says, and an empty one would "
        "forget what was spent; restore it, or run `cmpp-node init` at a site that "
        "never answered."
    )


def _unusable(engine: Engine, error: Exception) -> Corrupt | BadConfiguration:
    """Say why a ledger's database did not open."""
    server = connect.sqlite_path(engine.url) is None
    if server and isinstance(error, OperationalError):
        return BadConfiguration(
            "The ledger's database server did not let the node in; check the address "
            "and that the server runs."
        )
    return LedgerInconsistent(
        "The ledger's database is damaged or not a ledger; stop the node and tell the "
        "privacy officer before anything is restored."
    )


def _stopped() -> LedgerStopped:
    """Say that the process must end."""
    return LedgerStopped(
        "A ledger write failed, so what is on the disk is unknown and nothing more is "
        "answered; end the process, check the disk, and start it again."
    )
