"""Keep what was asked and what came back: noisy numbers only, never changed.

There is nothing here that a site did not choose to publish, so whoever seizes
the centre learns what the board already reads. The first release kept under a
key is the answer for ever; a second one that differs is a loud error.
"""

import datetime as dt
import json
import struct
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from coordinator.database import METADATA
from privacy.errors import BadConfiguration, Corrupt

_DIGEST = 64
_SHORTEST_DIGEST = 6
_MOMENT = 40
_PERIODS = 128
"""A result may be about several cohorts."""

_QUERIES = sa.Table(
    "queries",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("release_key", sa.String(_DIGEST), nullable=False, index=True),
    sa.Column("canonical", sa.LargeBinary, nullable=False),
    sa.Column("metric", sa.String(8), nullable=False),
    sa.Column("query_name", sa.String(64), nullable=False),
    sa.Column("period", sa.String(16), nullable=False),
    sa.Column("rho", sa.Text, nullable=False),
    sa.Column("asked_at", sa.String(_MOMENT), nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("purpose", sa.String(32), nullable=False),
)
_RELEASES = sa.Table(
    "releases",
    METADATA,
    sa.Column("release_key", sa.String(_DIGEST), primary_key=True),
    sa.Column("site", sa.String(16), primary_key=True),
    sa.Column("noisy_values", sa.LargeBinary, nullable=False),
    sa.Column("variance", sa.Text, nullable=False),
    sa.Column("rho", sa.Text, nullable=False),
    sa.Column("received_at", sa.String(_MOMENT), nullable=False),
)
RESULTS = sa.Table(
    "results",
    METADATA,
    sa.Column("digest", sa.String(_DIGEST), primary_key=True),
    sa.Column("metric", sa.String(8), nullable=False, index=True),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("period", sa.String(_PERIODS), nullable=False),
    sa.Column("mode", sa.String(8), nullable=False),
    sa.Column("sites_answered", sa.Integer, nullable=False),
    sa.Column("sites_total", sa.Integer, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("made_at", sa.String(_MOMENT), nullable=False),
)
_EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.String(_MOMENT), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("site", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(_DIGEST), nullable=False),
    sa.Column("detail", sa.String(64), nullable=False),
)


class DifferentRelease(Corrupt):
    """Stop: a site gave a second answer that differs from its first."""

    code = "different-release"


class EventKind(StrEnum):
    """What may stand in the event log."""

    RELEASED = "released"
    MISSING = "missing"
    CONFLICT = "conflict"
    FACTS = "facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question as it was put: what, at which loss, by whom and why."""

    release_key: bytes
    canonical: bytes
    metric: str
    query_name: str
    period: str
    rho: Fraction
    asked_by: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Release:
    """One site's one answer to one question, as received.

    Attributes:
        release_key: The identity of the answer, 32 bytes.
        site: Who gave it.
        values: One noisy whole number per public cell.
        variance: Of the noise in each value, exact.
        rho: The loss it was made with, exact.
    """

    release_key: bytes
    site: str
    values: tuple[int, ...]
    variance: Fraction
    rho: Fraction

    @override
    def __repr__(self) -> str:
        """Show which release this is and no number."""
        return f"Release({self.release_key.hex()[:12]}, {self.site})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the log: fixed words and public facts only."""

    kind: EventKind
    site: str
    subject: str
    detail: str


class Store:
    """Hold the questions, releases, results and events of the centre."""

    def __init__(self, engine: sa.Engine) -> None:
        """Use a connected database."""
        self._engine = engine

    def note_asked(self, asked: Asked, *, now: dt.datetime) -> None:
        """Write down a question before it goes out."""
        with self._engine.begin() as connection:
            connection.execute(
                _QUERIES.insert().values(
                    release_key=asked.release_key.hex(),
                    canonical=asked.canonical,
                    metric=asked.metric,
                    query_name=asked.query_name,
                    period=asked.period,
                    rho=str(asked.rho),
                    asked_at=now.isoformat(),
                    asked_by=asked.asked_by,
                    purpose=asked.purpose,
                )
            )

    def release(self, release_key: bytes, site: str) -> Release | None:
        """Return what a site released under a key, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(
                _RELEASES.select().where(
                    _RELEASES.c.release_key == release_key.hex(),
                    _RELEASES.c.site == site,
                )
            ).one_or_none()
        if row is None:
            return None
        return Release(
            release_key=bytes.fromhex(row.release_key),
            site=row.site,
            values=_numbers(row.noisy_values),
            variance=Fraction(row.variance),
            rho=Fraction(row.rho),
        )

    def keep(self, release: Release, *, now: dt.datetime) -> None:
        """Keep a release; the first under its key and site stays for ever.

        Raises:
            DifferentRelease: another one is kept already; it stays.
        """
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    _RELEASES.insert().values(
                        release_key=release.release_key.hex(),
                        site=release.site,
                        noisy_values=_blob(release.values),
                        variance=str(release.variance),
                        rho=str(release.rho),
                        received_at=now.isoformat(),
                    )
                )
        except IntegrityError:
            kept = self.release(release.release_key, release.site)
            if kept != release:
                raise DifferentRelease(
                    f"Site {release.site} gave a second, different answer under one "
                    "release key; the first stands, and the site's ledger must be "
                    "examined before it is asked again."
                ) from None

    def note(self, happened: Event, *, now: dt.datetime) -> None:
        """Add a line to the log."""
        with self._engine.begin() as connection:
            connection.execute(
                _EVENTS.insert().values(
                    at=now.isoformat(),
                    kind=happened.kind.value,
                    site=happened.site,
                    subject=happened.subject,
                    detail=happened.detail,
                )
            )

    def keep_result(self, content: dict[str, Any], *, now: dt.datetime) -> None:
        """Keep a published result; the same one again changes nothing."""
        with self._engine.begin() as connection:
            known = connection.execute(
                sa.select(RESULTS.c.digest).where(RESULTS.c.digest == content["digest"])
            ).one_or_none()
            if known is None:
                connection.execute(
                    RESULTS.insert().values(
                        **{name: content[name] for name in _RESULT_COLUMNS},
                        content=json.dumps(content),
                        made_at=now.isoformat(),
                    )
                )

    def result(self, digest: str) -> dict[str, Any]:
        """Return the one result whose digest begins like this.

        Raises:
            BadConfiguration: none does, or several do.
        """
        if len(digest) < _SHORTEST_DIGEST or not digest.isalnum():
            raise BadConfiguration(
                f"Give at least {_SHORTEST_DIGEST} letters of the result's digest; "
                "`cmpp query list` shows them."
            )
        with self._engine.connect() as connection:
            found = connection.scalars(
                sa.select(RESULTS.c.content).where(
                    RESULTS.c.digest.startswith(digest, autoescape=True)
                )
            ).all()
        if len(found) != 1:
            raise BadConfiguration(
                f"{len(found)} results have a digest that begins with {digest}; "
                "`cmpp query list` shows them all."
            )
        content: dict[str, Any] = json.loads(found[0])
        return content

    def results(self) -> tuple[dict[str, Any], ...]:
        """Return every result kept, oldest first, without its numbers."""
        columns = [RESULTS.c[name] for name in (*_RESULT_COLUMNS, "made_at")]
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(*columns).order_by(RESULTS.c.made_at, RESULTS.c.digest)
            ).all()
        return tuple(dict(row._mapping) for row in rows)  # noqa: SLF001 - its one way

    def events(self) -> tuple[Event, ...]:
        """Return the log, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(_EVENTS.select().order_by(_EVENTS.c.number)).all()
        return tuple(
            Event(
                kind=EventKind(row.kind),
                site=row.site,
                subject=row.subject,
                detail=row.detail,
            )
            for row in rows
        )


_RESULT_COLUMNS = (
    "digest",
    "metric",
    "version",
    "period",
    "mode",
    "sites_answered",
    "sites_total",
)


def _blob(values: tuple[int, ...]) -> bytes:
    """Write whole numbers at a fixed width, as the wire does."""
    return struct.pack(f">{len(values)}q", *values)


def _numbers(blob: bytes) -> tuple[int, ...]:
    """Read what `_blob` wrote."""
    return struct.unpack(f">{len(blob) // 8}q", blob)
