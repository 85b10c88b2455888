"""Sign the certificates by which the processes of the exchange know each other.

Certificates have one fixed profile per kind of process. Of a signing request
only the public key is used: names, marks and dates are the authority's own.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from coordinator import profile
from coordinator.database import METADATA
from coordinator.sites import require_name
from privacy.errors import BadConfiguration, Untrusted
from proto import credentials, mtls
from proto.invitation import TOKEN_BYTES, Invitation, Joining

LEAF_DAYS: Final = 30
TOKEN_HOURS: Final = 72

_TOKENS = sa.Table(
    "join_tokens",
    METADATA,
    sa.Column("token_sha256", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(16), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("used_at", sa.BigInteger),
)
_CERTIFICATES = sa.Table(
    "certificates",
    METADATA,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
)


_KEYS = sa.Table(
    "site_keys",
    METADATA,
    sa.Column("site", sa.String(16), primary_key=True),
    sa.Column("statement_key", sa.String(64), nullable=False),
    sa.Column("masking_key", sa.String(64), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKeys:
    """Hold the keys a site sent when it joined, for the roster to pin.

    Attributes:
        statement: Ed25519 public key, 32 bytes.
        masking: X25519 public key, 32 bytes.
    """

    statement: bytes
    masking: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Hold one line of the list of certificates ever signed."""

    fingerprint: str
    name: str
    expires_at: datetime
    revoked: bool


class Authority:
    """Sign certificates, and remember which tokens and certificates are spent."""

    def __init__(self, directory: Path, engine: sa.Engine) -> None:
        """Open the authority that `create` made.

        Args:
            directory: Where its key and certificate are.
            engine: The centre's database, for tokens and certificates.

        Raises:
            BadConfiguration: There is none here, or its key is not private.
        """
        self._key = credentials.read_key(directory / credentials.KEY_FILE)
        self.pem = (directory / credentials.AUTHORITY_FILE).read_bytes()
        self._certificate = x509.load_pem_x509_certificate(self.pem)
        self._engine = engine
        METADATA.create_all(engine, tables=[_TOKENS, _CERTIFICATES, _KEYS])

    @property
    def fingerprint(self) -> str:
        """Give the SHA-256 fingerprint that operators compare by telephone."""
        return self._certificate.fingerprint(hashes.SHA256()).hex()

    def invite(
        self, site: str, *, address: str, now: datetime, hours: int = TOKEN_HOURS
    ) -> Invitation:
        """Make a token that lets one site join once.

        Args:
            site: The site's short name, such as NYC.
            address: Where the Join door listens, as the site reaches it.
            now: The moment of inviting.
            hours: For how long the token is good.
        """
        require_name(site)
        token = secrets.token_bytes(TOKEN_BYTES)
        expires_at = int((now + timedelta(hours=hours)).timestamp())
        row = {"token_sha256": _digest(token), "site": site, "expires_at": expires_at}
        with self._engine.begin() as connection:
            connection.execute(_TOKENS.insert().values(row))
        return Invitation(
            site=site,
            address=address,
            token=token,
            authority=self._certificate.public_bytes(Encoding.DER),
        )

    def admit(
        self,
        joining: Joining,
        *,
        now: datetime,
        days: int = LEAF_DAYS,
    ) -> bytes:
        """Spend a token on a certificate, and keep the site's keys for the roster.

        The token is spent in the transaction that records the certificate, so a
        signing request that cannot be signed does not use it up, and of two
        calls at once only one gets a certificate.

        Returns:
            The certificate in DER.

        Raises:
            Untrusted: The token was never made, was used, or is too old.
            Malformed: The signing request is not a P-256 one.
        """
        spend = (
            _TOKENS.update()
            .where(
                _TOKENS.c.token_sha256 == _digest(joining.token),
                _TOKENS.c.used_at.is_(None),
                _TOKENS.c.expires_at > int(now.timestamp()),
            )
            .values(used_at=int(now.timestamp()))
        )
        with self._engine.begin() as connection:
            if connection.execute(spend).rowcount != 1:
                raise Untrusted(
                    "The token was never made, was used, or is too old; "
                    "invite the site again."
                )
            site = connection.execute(
                sa.select(_TOKENS.c.site).where(
                    _TOKENS.c.token_sha256 == _digest(joining.token)
                )
            ).scalar_one()
            _keep_keys(connection, site, joining)
            return self._sign(
                connection,
                joining.signing_request,
                subject=profile.node(site),
                now=now,
                days=days,
            )

    def sign_node(
        self, signing_request: bytes, *, site: str, now: datetime, days: int = LEAF_DAYS
    ) -> bytes:
        """Sign a certificate for a site's node, without a token; give its DER."""
        require_name(site)
        with self._engine.begin() as connection:
            return self._sign(
                connection,
                signing_request,
                subject=profile.node(site),
                now=now,
                days=days,
            )

    def sign_coordinator(
        self, signing_request: bytes, *, now: datetime, days: int = LEAF_DAYS
    ) -> bytes:
        """Sign a certificate for the coordinator; give its DER."""
        with self._engine.begin() as connection:
            return self._sign(
                connection,
                signing_request,
                subject=profile.COORDINATOR,
                now=now,
                days=days,
            )

    def equip_coordinator(self, directory: Path, *, now: datetime) -> mtls.Identity:
        """Give the coordinator's own process a key and a fresh certificate.

        The key in the directory is kept if there is one.
        """
        path = directory / credentials.KEY_FILE
        key = (
            credentials.read_key(path)
            if path.exists()
            else credentials.create_key(path)
        )
        leaf = self.sign_coordinator(credentials.signing_request(key), now=now)
        credentials.install(directory, leaf=leaf, authority=self.pem)
        return credentials.load(directory)

    def revoke(self, fingerprint: str, *, now: datetime) -> None:
        """Mark a certificate as no longer good.

        Raises:
            BadConfiguration: No certificate with this fingerprint was signed.
        """
        mark = (
            _CERTIFICATES.update()
            .where(_CERTIFICATES.c.fingerprint == fingerprint)
            .values(revoked_at=int(now.timestamp()))
        )
        with self._engine.begin() as connection:
            if connection.execute(mark).rowcount != 1:
                raise BadConfiguration(
                    "No certificate with this fingerprint was signed here; list the "
                    "certificates and copy the fingerprint whole."
                )

    def issued(self) -> tuple[Issued, ...]:
        """List the certificates ever signed, by name and date."""
        order = _CERTIFICATES.c.name, _CERTIFICATES.c.expires_at
        with self._engine.connect() as connection:
            rows = connection.execute(_CERTIFICATES.select().order_by(*order)).all()
        return tuple(
            Issued(
                fingerprint=row.fingerprint,
                name=row.name,
                expires_at=datetime.fromtimestamp(row.expires_at, tz=UTC),
                revoked=row.revoked_at is not None,
            )
            for row in rows
        )

    def site_keys(self) -> dict[str, SiteKeys]:
        """Give the keys of every site that joined, by its name."""
        with self._engine.connect() as connection:
            rows = connection.execute(_KEYS.select().order_by(_KEYS.c.site)).all()
        return {
            row.site: SiteKeys(
                statement=bytes.fromhex(row.statement_key),
                masking=bytes.fromhex(row.masking_key),
            )
            for row in rows
        }

    def revoked(self) -> frozenset[bytes]:
        """Give the fingerprints of the certificates that are no longer good."""
        return frozenset(
            bytes.fromhex(line.fingerprint) for line in self.issued() if line.revoked
        )

    def _sign(
        self,
        connection: sa.Connection,
        signing_request: bytes,
        *,
        subject: profile.Subject,
        now: datetime,
        days: int,
    ) -> bytes:
        """Write a certificate, and one line about it in the same transaction."""
        leaf = profile.leaf(
            profile.public_key(signing_request),
            subject=subject,
            issuer=self._certificate.subject,
            issuer_key=self._key,
            now=now,
            days=days,
        )
        row = {
            "fingerprint": leaf.fingerprint(hashes.SHA256()).hex(),
            "name": subject.uri,
            "expires_at": int(leaf.not_valid_after_utc.timestamp()),
        }
        connection.execute(_CERTIFICATES.insert().values(row))
        return leaf.public_bytes(Encoding.DER)


def create(directory: Path, *, now: datetime) -> None:
    """Make the authority's key and its own certificate.

    Raises:
        BadConfiguration: There is an authority here already.
    """
    key = credentials.create_key(directory / credentials.KEY_FILE)
    directory.chmod(0o700)
    certificate = profile.authority(key, now=now)
    path = directory / credentials.AUTHORITY_FILE
    path.write_bytes(certificate.public_bytes(Encoding.PEM))


def _keep_keys(connection: sa.Connection, site: str, joining: Joining) -> None:
    """Keep the keys a site sent last, for the next roster to pin."""
    connection.execute(_KEYS.delete().where(_KEYS.c.site == site))
    row = {
        "site": site,
        "statement_key": joining.statement_key.hex(),
        "masking_key": joining.masking_key.hex(),
    }
    connection.execute(_KEYS.insert().values(row))


def _digest(token: bytes) -> str:
    # A token is 256 random bits, so a plain digest keeps it as well as a slow one.
    return hashlib.sha256(token).hexdigest()
