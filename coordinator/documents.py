"""Keep every signed document of the network, and what became of it at each site.

A document is kept once, under the digest of what was signed; copies with more
signatures add them to it. Nothing is ever taken out: the auditor reads the same
documents that the sites obeyed.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from coordinator.database import METADATA
from privacy import signing
from privacy.errors import BadConfiguration
from privacy.signing import Document, Kind

_DIGEST: Final = 64
_SHORTEST: Final = 6

_DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("digest", sa.String(_DIGEST), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False, index=True),
    sa.Column("number", sa.String(64), nullable=False),
    sa.Column("file", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("log_number", sa.Integer),
)
_DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("digest", sa.String(_DIGEST), primary_key=True),
    sa.Column("site", sa.String(16), primary_key=True),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
)


class Outcome(StrEnum):
    """What became of a document at a site.

    Attributes:
        ADOPTED: It is in force there.
        WAITING: The site has it, and its officer must decide.
        KNOWN: The site had it already.
        REFUSED: The site does not believe it, or has not agreed to it yet.
        UNREACHABLE: The site could not be called; it is brought again later.
    """

    ADOPTED = "adopted"
    WAITING = "waiting"
    KNOWN = "known"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


ARRIVED: Final = frozenset({Outcome.ADOPTED, Outcome.WAITING, Outcome.KNOWN})
"""Outcomes after which a document need not be brought again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One document as it is kept.

    Attributes:
        place: In order of arrival.
        number: What people call it: a version, or a mandate's number.
        document: With every signature collected.
        at: When it came.
        log_number: Its entry in the transparency log, or None before.
    """

    place: int
    number: str
    document: Document
    at: dt.datetime
    log_number: int | None

    @property
    def digest(self) -> str:
        """The digest of what was signed, in hex."""
        return self.document.digest.hex()


class Documents:
    """The documents in the centre's database."""

    def __init__(self, engine: sa.Engine) -> None:
        """Use a connected database."""
        self._engine = engine

    def keep(self, document: Document, *, number: str, now: dt.datetime) -> Kept:
        """Keep a document, or add its signatures to the copy that is kept."""
        digest = document.digest.hex()
        with self._engine.begin() as connection:
            wanted = _DOCUMENTS.select().where(_DOCUMENTS.c.digest == digest)
            row = connection.execute(wanted).one_or_none()
            if row is None:
                connection.execute(
                    _DOCUMENTS.insert().values(
                        digest=digest,
                        kind=document.kind.value,
                        number=number,
                        file=document.file(),
                        at=now.isoformat(),
                    )
                )
            else:
                joined = _kept(row).document.joined(document)
                connection.execute(
                    _DOCUMENTS.update()
                    .where(_DOCUMENTS.c.digest == digest)
                    .values(file=joined.file())
                )
            return _kept(connection.execute(wanted).one())

    def note_logged(self, digest: str, number: int) -> None:
        """Note which entry of the log tells of a document."""
        with self._engine.begin() as connection:
            connection.execute(
                _DOCUMENTS.update()
                .where(_DOCUMENTS.c.digest == digest)
                .values(log_number=number)
            )

    def all(self, kind: Kind | None = None) -> tuple[Kept, ...]:
        """Return the documents of a kind, or of every kind, in order of arrival.

        What the log does not tell of yet is not among them: it opens nothing.
        """
        told = _DOCUMENTS.c.log_number.is_not(None)
        wanted = _DOCUMENTS.select().where(told).order_by(_DOCUMENTS.c.place)
        if kind is not None:
            wanted = wanted.where(_DOCUMENTS.c.kind == kind.value)
        with self._engine.connect() as connection:
            return tuple(_kept(row) for row in connection.execute(wanted).all())

    def named(self, kind: Kind, name: str) -> Kept:
        """Return the one document that a number, or the start of a digest, names.

        Raises:
            BadConfiguration: there is none, or more than one.
        """
        found = [
            kept
            for kept in self.all(kind)
            if kept.number == name
            or (len(name) >= _SHORTEST and kept.digest.startswith(name))
        ]
        if len(found) != 1:
            how = "no" if not found else f"{len(found)} documents called"
            raise BadConfiguration(
                f"There is {how} {kind.value} {name[:24]!r} here; name it by its "
                "number or by the first letters of its digest."
            )
        return found[0]

    def note_delivery(
        self, digest: str, site: str, outcome: Outcome, *, now: dt.datetime
    ) -> None:
        """Note what became of a document at a site, this time."""
        key = (_DELIVERIES.c.digest == digest) & (_DELIVERIES.c.site == site)
        said = {"outcome": outcome.value, "at": now.isoformat()}
        with self._engine.begin() as connection:
            changed = connection.execute(_DELIVERIES.update().where(key).values(said))
            if changed.rowcount == 0:
                connection.execute(
                    _DELIVERIES.insert().values(digest=digest, site=site, **said)
                )

    def deliveries(self) -> dict[tuple[str, str], Outcome]:
        """Return what became of each document at each site: by digest and site."""
        with self._engine.connect() as connection:
            rows = connection.execute(_DELIVERIES.select()).all()
        return {(row.digest, row.site): Outcome(row.outcome) for row in rows}


def _kept(row: sa.Row[Any]) -> Kept:
    return Kept(
        place=row.place,
        number=row.number,
        document=signing.read(row.file, Kind(row.kind)),
        at=dt.datetime.fromisoformat(row.at),
        log_number=row.log_number,
    )
