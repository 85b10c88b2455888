"""Keep the transparency log: everything the centre did, only ever added to.

Every addition and the signed head that covers it are one transaction, so no entry
ever stands without a signature over it. Additions wait for each other, whichever
process makes them: the one row that holds the size is changed first and keeps the
others out until the end.

Opening the log hashes every line again and compares every head ever signed, so
lines that were changed, removed or put in are noticed. One thing cannot be noticed
from inside: a whole database put back to an older state. Published heads are for
that; `coordinator.gazette` compares the last one before it publishes the next.
"""

import base64
import datetime as dt
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import IntegrityError

from coordinator.database import METADATA
from privacy import transparency, treehead
from privacy.errors import BadConfiguration, BadSignature, Corrupt
from privacy.merkle import NotProven, Tree, leaf_hash
from privacy.signing import Signature
from privacy.transparency import Entry, Kind
from privacy.treehead import SignedHead, TreeHead

Fact = tuple[Kind, Mapping[str, Any]]
"""What happened, before it has a place."""

_AT_ONCE: Final = 10_000
_ONLY: Final = 1

_ENTRIES = sa.Table(
    "log_entries",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False, index=True),
    sa.Column("line", sa.Text, nullable=False),
)
_HEADS = sa.Table(
    "log_heads",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("size", sa.Integer, nullable=False, index=True),
    sa.Column("root", sa.String(64), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("signature", sa.String(128), nullable=False),
)
_SIZE = sa.Table(
    "log_size",
    METADATA,
    sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.Integer, nullable=False),
)


class Log:
    """Add to the log, and prove what stands in it."""

    def __init__(
        self,
        engine: sa.Engine,
        network: str,
        key: Ed25519PrivateKey,
        *,
        retired: Collection[bytes] = (),
    ) -> None:
        """Open the log and check all of it.

        Args:
            engine: The centre's database.
            network: Whose log it is.
            key: The coordinator's statement key.
            retired: Public statement keys it had before.

        Raises:
            Corrupt: the log is not what its signed heads say it is.
        """
        self._engine = engine
        self._network = network
        self._key = key
        self._keys = frozenset({key.public_key().public_bytes_raw(), *retired})
        self._tree = Tree()
        self._one_at_a_time = threading.Lock()
        try:
            with engine.begin() as connection:
                connection.execute(_SIZE.insert().values(only=_ONLY, size=0))
        except IntegrityError:
            pass  # it has been opened before
        with self._one_at_a_time, engine.connect() as connection:
            self._compare_heads(connection, self._refresh(connection))

    @property
    def key(self) -> bytes:
        """The public key its heads are signed with, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def network(self) -> str:
        """Whose log it is."""
        return self._network

    def append(self, kind: Kind, body: Mapping[str, Any], now: dt.datetime) -> int:
        """Add one fact and return its number, counted from 0."""
        return self.extend([(kind, body)], now)[0]

    def extend(
        self,
        facts: Sequence[Fact],
        now: dt.datetime,
        *,
        also: Callable[[sa.Connection], None] = lambda _connection: None,
    ) -> range:
        """Add several facts under one head, all of them or none.

        Args:
            facts: What to tell.
            now: When.
            also: Writes, in the same transaction, what the facts are about.

        Raises:
            Corrupt: a fact is not whole, or the log was changed behind our back.
        """
        with self._one_at_a_time, self._engine.begin() as connection:
            size = self._hold(connection, len(facts))
            entries = [
                transparency.write(kind, body, number=size + n, now=now)
                for n, (kind, body) in enumerate(facts)
            ]
            if entries:
                connection.execute(
                    _ENTRIES.insert(),
                    [
                        {"number": e.number, "kind": e.kind.value, "line": e.line}
                        for e in entries
                    ],
                )
            also(connection)
            root = self._tree.root_with([entry.leaf for entry in entries])
            self._state(connection, size + len(entries), root, now)
        return range(size, size + len(facts))

    def head(self, now: dt.datetime) -> SignedHead:
        """State where the log stands now; the statement is kept for ever."""
        with self._one_at_a_time, self._engine.begin() as connection:
            size = self._hold(connection, 0)
            return self._state(connection, size, self._tree.root(), now)

    def heads(self) -> tuple[SignedHead, ...]:
        """Return every head ever signed, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(_HEADS.select().order_by(_HEADS.c.number)).all()
        return tuple(self._read_head(row) for row in rows)

    def entries(self, start: int = 0, end: int | None = None) -> tuple[Entry, ...]:
        """Return the entries from one number up to, but without, another.

        Raises:
            BadConfiguration: there are no such entries.
            Corrupt: a line was changed since the log was opened.
        """
        with self._one_at_a_time, self._engine.connect() as connection:
            size = self._refresh(connection)
            stop = size if end is None else end
            if not 0 <= start <= stop <= size:
                raise BadConfiguration(
                    f"The log has {size} entries, numbered from 0; ask for some of "
                    "these."
                )
            rows = connection.execute(
                _ENTRIES.select()
                .where(_ENTRIES.c.number >= start, _ENTRIES.c.number < stop)
                .order_by(_ENTRIES.c.number)
            ).all()
            found = tuple(transparency.read(r.line, number=r.number) for r in rows)
            leaves = [self._tree.leaf(number) for number in range(start, stop)]
        kinds = [row.kind for row in rows]
        same = leaves == [entry.leaf for entry in found]
        if not same or kinds != [entry.kind.value for entry in found]:
            raise Corrupt(_CHANGED)
        return found

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` entries."""
        with self._one_at_a_time, self._engine.connect() as connection:
            self._refresh(connection)
            return self._proof(lambda: (self._tree.root(size),))[0]

    def inclusion(self, number: int, size: int | None = None) -> tuple[bytes, ...]:
        """Prove that an entry stands at its place in the first `size` entries."""
        with self._one_at_a_time, self._engine.connect() as connection:
            self._refresh(connection)
            return self._proof(lambda: self._tree.inclusion(number, size))

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Prove that the first `new` entries begin with the first `old`."""
        with self._one_at_a_time, self._engine.connect() as connection:
            self._refresh(connection)
            return self._proof(lambda: self._tree.consistency(old, new))

    def _hold(self, connection: sa.Connection, more: int) -> int:
        """Keep every other writer out, and return the size before ours.

        Changing the row first takes the write lock on both engines, so what is read
        afterwards is the newest there is.
        """
        size = connection.scalar(
            _SIZE.update().values(size=_SIZE.c.size + more).returning(_SIZE.c.size)
        )
        before = (size or 0) - more
        if self._refresh(connection) != before:
            raise Corrupt(_CHANGED)
        return before

    def _refresh(self, connection: sa.Connection) -> int:
        """Take in what other processes added, and return the size.

        Lines and the head over them are committed together, so reading the last
        line first and the newest head second shows a whole log without a lock.
        """
        last = connection.scalar(sa.select(sa.func.max(_ENTRIES.c.number)))
        row = connection.execute(
            _HEADS.select().order_by(_HEADS.c.number.desc()).limit(1)
        ).one_or_none()
        size = 0 if row is None else row.size
        if size <= (-1 if last is None else last):
            raise Corrupt(_CHANGED)
        self._follow(connection, size)
        if row is not None:
            newest = self._read_head(row)
            self._require_signed(newest)
            if newest.head.root != self._tree.root():
                raise Corrupt(_CHANGED)
        return size

    def _follow(self, connection: sa.Connection, size: int) -> None:
        """Grow the tree by the lines that are stored beyond it."""
        while len(self._tree) < size:
            start = len(self._tree)
            rows = connection.execute(
                sa.select(_ENTRIES.c.number, _ENTRIES.c.line)
                .where(_ENTRIES.c.number >= start, _ENTRIES.c.number < size)
                .order_by(_ENTRIES.c.number)
                .limit(_AT_ONCE)
            ).all()
            if not rows:
                raise Corrupt(_CHANGED)
            for number, row in enumerate(rows, start):
                if row.number != number or not row.line.isascii():
                    raise Corrupt(_CHANGED)
                self._tree.append(leaf_hash(row.line.encode("ascii")))
        if len(self._tree) != size:
            raise Corrupt(_CHANGED)

    def _compare_heads(self, connection: sa.Connection, size: int) -> None:
        """Stop unless every head signed so far stands for the first lines.

        The newest one's signature has been checked; the others are tied to it by
        having the roots that the same lines have.
        """
        signed = (
            sa.select(_HEADS.c.size, _HEADS.c.root)
            .where(_HEADS.c.size <= size)
            .order_by(_HEADS.c.number)
            .execution_options(yield_per=_AT_ONCE)
        )
        before = 0
        with connection.execute(signed) as rows:
            for row in rows:
                if row.size < before or row.root != self._tree.root(row.size).hex():
                    raise Corrupt(_CHANGED)
                before = row.size

    def _state(
        self, connection: sa.Connection, size: int, root: bytes, now: dt.datetime
    ) -> SignedHead:
        """Sign a head and keep it."""
        at = treehead.moment_text(now)
        head = TreeHead(network=self._network, size=size, root=root, at=at)
        signed = head.signed_by(self._key)
        connection.execute(
            _HEADS.insert().values(
                size=size,
                root=root.hex(),
                at=at,
                key=signed.signature.key.hex(),
                signature=base64.b64encode(signed.signature.value).decode("ascii"),
            )
        )
        return signed

    def _read_head(self, row: sa.Row[Any]) -> SignedHead:
        """Read a kept head; the signature is not judged yet."""
        try:
            head = TreeHead(
                network=self._network,
                size=row.size,
                root=bytes.fromhex(row.root),
                at=row.at,
            )
            value = base64.b64decode(row.signature, validate=True)
            return SignedHead(head, Signature(bytes.fromhex(row.key), value))
        except (BadSignature, ValueError) as error:
            raise Corrupt(_CHANGED) from error

    def _require_signed(self, head: SignedHead) -> None:
        """Stop unless the head was signed here, for this network."""
        if head.signature.key not in self._keys:
            raise Corrupt(_OTHER_KEY)
        try:
            head.check(head.signature.key, network=self._network)
        except BadSignature as error:
            raise Corrupt(_CHANGED) from error

    def _proof(self, make: Callable[[], tuple[bytes, ...]]) -> tuple[bytes, ...]:
        """Make a proof about sizes the log has had."""
        try:
            return make()
        except NotProven as error:
            raise BadConfiguration(
                f"The log has {len(self._tree)} entries, numbered from 0, and had "
                "every smaller size; ask about these, the older size first."
            ) from error


_CHANGED: Final = (
    "The transparency log is not what its signed heads say it is, so it was altered, "
    "cut or turned back; stop, keep the database as it is and tell the auditor."
)
_OTHER_KEY: Final = (
    "The transparency log was signed with another statement key; open it with the key "
    "in the roster, or name the earlier key as retired."
)
