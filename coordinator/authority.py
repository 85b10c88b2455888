"""Sign the certificates by which the processes of the exchange know each other.

Certificates have one fixed profile per kind of process. Of a signing request
only the public key is used: names, marks and dates are the authority's own.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from coordinator import admission, issuance, profile
from coordinator.admission import SiteKeys
from coordinator.database import METADATA
from coordinator.issuance import Given, Issued
from coordinator.sites import require_name
from privacy.errors import BadConfiguration, Busy, Untrusted
from proto import credentials, mtls
from proto.invitation import TOKEN_BYTES, Invitation, Joining

LEAF_DAYS: Final = 30
TOKEN_HOURS: Final = 72
_SITES: Final = mtls.site_uri("")

_TABLES: Final = [
    *(admission.TOKENS, admission.KEYS),
    *(issuance.CERTIFICATES, issuance.ISSUANCES),
]


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
        METADATA.create_all(engine, tables=_TABLES)

    @property
    def fingerprint(self) -> str:
        """Give the SHA-256 fingerprint that operators compare by telephone."""
        return self._certificate.fingerprint(hashes.SHA256()).hex()

    def invite(
        self,
        site: str,
        *,
        address: str,
        now: datetime,
        link: str = "",
        hours: int = TOKEN_HOURS,
    ) -> Invitation:
        """Make a token that lets one site join once.

        Args:
            site: The site's short name, such as NYC.
            address: Where the Join door listens, as the site reaches it.
            now: The moment of inviting.
            link: Where sites dial in and renew, if that is anywhere.
            hours: For how long the token is good.
        """
        require_name(site)
        token = secrets.token_bytes(TOKEN_BYTES)
        expires_at = now + timedelta(hours=hours)
        with self._engine.begin() as connection:
            admission.add_token(connection, token, site=site, expires_at=expires_at)
        return Invitation(
            site=site,
            address=address,
            link=link,
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
        calls at once only one gets a certificate. A site whose join was cut off may
        say the same again, and is given the same certificate.

        Returns:
            The certificate in DER.

        Raises:
            Untrusted: The token was never made, was used, or is too old.
            Malformed: The signing request is not a P-256 one.
        """
        with self._engine.begin() as connection:
            site = admission.spend(connection, joining, now=now)
            if site is None:
                return admission.given_before(connection, joining, now=now)
            return self._sign(
                connection,
                joining.signing_request,
                subject=profile.node(site),
                until=_Until(now, days),
                given=Given(token_sha256=admission.digest(joining.token)),
            )

    def renew(
        self,
        signing_request: bytes,
        *,
        fingerprint: str,
        now: datetime,
        days: int = LEAF_DAYS,
    ) -> bytes:
        """Sign a fresh certificate for the site whose good one made the call.

        Asked again for the same key, it gives the same certificate.

        Args:
            signing_request: For the site's new key.
            fingerprint: Of the certificate that made the call.
            now: The moment of the call.
            days: For how long the fresh one is good.

        Returns:
            The certificate in DER.

        Raises:
            Untrusted: No such certificate of a site is good now.
            Busy: The site has too many good ones already.
            Malformed: The signing request is not a P-256 one.
        """
        with self._engine.begin() as connection:
            name = issuance.name_of_good(connection, fingerprint, now=now)
            if name is None or not name.startswith(_SITES):
                raise Untrusted(
                    "The certificate is not one of a site that is good now; invite "
                    "the site again."
                )
            given = Given(renewed_from=fingerprint)
            public = profile.public_key(signing_request)
            before = issuance.given_for(connection, given, public=public)
            if before is not None:
                return before
            if issuance.good(connection, name, now=now) >= issuance.GOOD_MAX:
                raise Busy(
                    "The site renewed too often; look at it, revoke its certificates, "
                    "and invite it again."
                )
            return self._sign(
                connection,
                signing_request,
                subject=profile.node(name.removeprefix(_SITES)),
                until=_Until(now, days),
                given=given,
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
                until=_Until(now, days),
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
                until=_Until(now, days),
            )

    def equip_coordinator(self, directory: Path, *, now: datetime) -> mtls.Identity:
        """Give the coordinator's own process a key and a fresh certificate.

        The key in the directory is kept if there is one, unless a certificate of it
        was revoked: whoever stole it could go on with the fresh certificate, which
        is no secret.
        """
        path = credentials.key_path(directory)
        key = (
            credentials.read_key(path)
            if path.exists()
            else credentials.create_key(path)
        )
        with self._engine.connect() as connection:
            spoilt = issuance.is_spoilt(connection, key.public_key())
        if spoilt:
            path = credentials.next_key(directory)
            key = credentials.read_key(path)
        leaf = self.sign_coordinator(credentials.signing_request(key), now=now)
        credentials.install(directory, leaf=leaf, authority=self.pem, key_file=path)
        if spoilt:
            credentials.forget_other_keys(directory)
        return credentials.load(directory)

    def revoke(self, fingerprint: str, *, now: datetime) -> int:
        """Mark a certificate, and all it was renewed into, as no longer good.

        Whoever stole its key could have renewed it, so a revocation follows the line.

        Returns:
            How many certificates were marked.

        Raises:
            BadConfiguration: No certificate with this fingerprint was signed.
        """
        with self._engine.begin() as connection:
            marked = issuance.revoke_line(connection, fingerprint, now=now)
        if marked == 0:
            raise BadConfiguration(
                "No certificate with this fingerprint was signed here; list the "
                "certificates and copy the fingerprint whole."
            )
        return marked

    def revoke_site(self, site: str, *, now: datetime) -> int:
        """Mark every certificate of a site as no longer good; return how many."""
        require_name(site)
        with self._engine.begin() as connection:
            return issuance.revoke_name(connection, mtls.site_uri(site), now=now)

    def issued(self) -> tuple[Issued, ...]:
        """List the certificates ever signed, by name and date."""
        with self._engine.connect() as connection:
            return issuance.issued(connection)

    def site_keys(self) -> dict[str, SiteKeys]:
        """Give the keys of every site that joined, by its name."""
        with self._engine.connect() as connection:
            return admission.site_keys(connection)

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
        until: _Until,
        given: Given = Given(),  # noqa: B008
    ) -> bytes:
        """Write a certificate, and one line about it in the same transaction.

        Raises:
            Untrusted: A site's key had a certificate that was revoked.
        """
        public = profile.public_key(signing_request)
        if given != Given() and issuance.is_spoilt(connection, public):
            raise Untrusted(
                "The key was in a certificate that was revoked; the site joins with "
                "a fresh one."
            )
        leaf = profile.leaf(
            public,
            subject=subject,
            issuer=self._certificate.subject,
            issuer_key=self._key,
            now=until.now,
            days=until.days,
        )
        issuance.keep(connection, leaf, name=subject.uri, given=given)
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


@dataclass(frozen=True, slots=True)
class _Until:
    """Hold from when and for how long a certificate is good."""

    now: datetime
    days: int
