"""Remember every certificate ever signed: whose, until when, and what it came of.

A certificate is given for an invitation, or in exchange for an older one. The line
from each to the one before lets a revocation reach everything that came of a stolen
key, and lets a site whose join was cut off fetch the certificate it was given.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coordinator.database import METADATA

GOOD_MAX: Final = 64
"""How many good certificates one name may have when it renews; two are usual."""

CERTIFICATES: Final = sa.Table(
    "certificates",
    METADATA,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
)
ISSUANCES: Final = sa.Table(
    "issuances",
    METADATA,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("public_key", sa.String(64), nullable=False),
    sa.Column("token_sha256", sa.String(64), unique=True),
    sa.Column("renewed_from", sa.String(64)),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Hold one line of the list of certificates ever signed."""

    fingerprint: str
    name: str
    expires_at: datetime
    revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Hold what a certificate is given for; the centre itself asks if for nothing.

    Attributes:
        token_sha256: The digest of an invitation's token, if for one.
        renewed_from: The older certificate's fingerprint, if in exchange.
    """

    token_sha256: str | None = None
    renewed_from: str | None = None


def keep(
    tx: sa.Connection, certificate: x509.Certificate, *, name: str, given: Given
) -> None:
    """Write the lines about a certificate, in the transaction that signs it."""
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    listed = {
        "fingerprint": fingerprint,
        "name": name,
        "expires_at": int(certificate.not_valid_after_utc.timestamp()),
    }
    came = {
        "fingerprint": fingerprint,
        "public_key": _digest(certificate.public_key()),
        "token_sha256": given.token_sha256,
        "renewed_from": given.renewed_from,
        "leaf": certificate.public_bytes(Encoding.DER),
    }
    tx.execute(CERTIFICATES.insert().values(listed))
    tx.execute(ISSUANCES.insert().values(came))


def name_of_good(tx: sa.Connection, fingerprint: str, *, now: datetime) -> str | None:
    """Give the name on a certificate that is good now; hold off its revocation.

    A write comes first, so that a revocation happens before or after everything in
    this transaction, never in between.
    """
    good = (
        CERTIFICATES.update()
        .where(
            CERTIFICATES.c.fingerprint == fingerprint,
            CERTIFICATES.c.revoked_at.is_(None),
            CERTIFICATES.c.expires_at > int(now.timestamp()),
        )
        .values(revoked_at=None)
    )
    if tx.execute(good).rowcount != 1:
        return None
    name = sa.select(CERTIFICATES.c.name).where(
        CERTIFICATES.c.fingerprint == fingerprint
    )
    return str(tx.execute(name).scalar_one())


def given_for(
    tx: sa.Connection, given: Given, *, public: ec.EllipticCurvePublicKey
) -> bytes | None:
    """Find the certificate that was given for the same before, in DER.

    It must be for this very key, and not revoked: whoever asks again after a reply
    was lost gets the same, and anybody else nothing.
    """
    # One that was given for nothing of the kind is no answer: a missing token or
    # certificate is equal to no other.
    same = {
        ISSUANCES.c.token_sha256: given.token_sha256,
        ISSUANCES.c.renewed_from: given.renewed_from,
    }
    kept = sa.select(ISSUANCES.c.leaf).where(
        sa.or_(
            sa.false(),
            *(column == value for column, value in same.items() if value is not None),
        ),
        ISSUANCES.c.public_key == _digest(public),
        CERTIFICATES.c.fingerprint == ISSUANCES.c.fingerprint,
        CERTIFICATES.c.revoked_at.is_(None),
    )
    return tx.execute(kept).scalar_one_or_none()


def is_spoilt(tx: sa.Connection, public: ec.EllipticCurvePublicKey) -> bool:
    """Tell whether a key had a certificate that was revoked."""
    revoked = sa.select(ISSUANCES.c.fingerprint).where(
        ISSUANCES.c.public_key == _digest(public),
        CERTIFICATES.c.fingerprint == ISSUANCES.c.fingerprint,
        CERTIFICATES.c.revoked_at.is_not(None),
    )
    return tx.execute(revoked.limit(1)).first() is not None


def good(tx: sa.Connection, name: str, *, now: datetime) -> int:
    """Count the certificates with a name that are good now."""
    counting = sa.select(sa.func.count()).where(
        CERTIFICATES.c.name == name,
        CERTIFICATES.c.revoked_at.is_(None),
        CERTIFICATES.c.expires_at > int(now.timestamp()),
    )
    return int(tx.execute(counting).scalar_one())


def revoke_line(tx: sa.Connection, fingerprint: str, *, now: datetime) -> int:
    """Mark a certificate and every one that came of it; return how many."""
    found = newest = {fingerprint}
    while newest:
        came = sa.select(ISSUANCES.c.fingerprint).where(
            ISSUANCES.c.renewed_from.in_(newest)
        )
        newest = set(tx.execute(came).scalars()) - found
        found = found | newest
    return _mark(tx, CERTIFICATES.c.fingerprint.in_(found), now)


def revoke_name(tx: sa.Connection, name: str, *, now: datetime) -> int:
    """Mark every certificate with a name; return how many."""
    return _mark(tx, CERTIFICATES.c.name == name, now)


def issued(tx: sa.Connection) -> tuple[Issued, ...]:
    """List the certificates ever signed, by name and date."""
    order = CERTIFICATES.c.name, CERTIFICATES.c.expires_at
    return tuple(
        Issued(
            fingerprint=row.fingerprint,
            name=row.name,
            expires_at=datetime.fromtimestamp(row.expires_at, tz=UTC),
            revoked=row.revoked_at is not None,
        )
        for row in tx.execute(CERTIFICATES.select().order_by(*order))
    )


def _mark(tx: sa.Connection, which: sa.ColumnElement[bool], now: datetime) -> int:
    """Mark certificates as revoked; those that were keep their moment."""
    moment = sa.func.coalesce(CERTIFICATES.c.revoked_at, int(now.timestamp()))
    mark = CERTIFICATES.update().where(which).values(revoked_at=moment)
    return int(tx.execute(mark).rowcount)


def _digest(public: object) -> str:
    """Name a public key by its SHA-256; only elliptic-curve keys are signed here."""
    if not isinstance(public, ec.EllipticCurvePublicKey):  # pragma: no cover
        raise TypeError
    form = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(form).hexdigest()
