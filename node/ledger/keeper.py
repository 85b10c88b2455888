"""Hold a ledger's database: make it, open it, and do one transaction at a time.

Whatever is done in a transaction is certain or it is not: after a failed write the
keeper refuses everything, because what is on the disk is then unknown.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, insert, inspect
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from node.ledger import connect, prove, read, tables, write
from privacy.chain import Event, Kind
from privacy.errors import (
    BadConfiguration,
    Busy,
    Corrupt,
    LedgerInconsistent,
    LedgerMissing,
    LedgerStopped,
)
from proto import disk

_ATTEMPTS = 8
_PAUSE_SECONDS = 0.01

# A damaged file shows as a database error, or as text and numbers that are none.
_DAMAGE = (SQLAlchemyError, ValueError, TypeError)

_T = TypeVar("_T")


class Keeper:
    """A ledger's database, used by any number of threads and processes.

    After any failed write the object refuses everything: the process must end and
    start again.
    """

    def __init__(self, engine: Engine, *, site: str) -> None:
        """Wrap an engine; use `Keeper.found` or `Keeper.made`."""
        self.site = site
        self._engine = engine
        self._lock = threading.Lock()
        self._stopped = False

    @classmethod
    def made(cls, url: str, *, site: str, at: str) -> Self:
        """Make a new ledger with its first entry, durably.

        Raises:
            BadConfiguration: a ledger is already there.
        """
        where = connect.parse(url)
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
            disk.sync(path.parent)
        return cls(engine, site=site)

    @classmethod
    def found(cls, url: str) -> Self:
        """Open a ledger and prove it whole.

        Raises:
            LedgerMissing: there is none; an empty one is never made instead.
            ChainBroken: an entry, a document or a release was altered.
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
            prove.verify(tx)
        return cls(engine, site=site)

    def close(self) -> None:
        """Give the database back; an open ledger holds one connection."""
        self._engine.dispose()

    def run(self, work: Callable[[Connection], _T], *, write: bool) -> _T:
        """Do one transaction; stop for good unless its outcome is certain.

        Raises:
            Busy: another process held the ledger too long; nothing was decided.
            LedgerStopped: a write failed; this process must end.
        """
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
