"""Say who may speak to whom: names, certificates and channel settings.

Every process is named by one SPIFFE URI. A TLS handshake checks less than we
need (a resumed session skips the expiry of the certificate, a long connection
outlives it, and marks such as CA:TRUE are let through), so each call is checked
again here, in full.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from privacy.errors import CertificateRefused, ExchangeError, UnknownPeer

TRUST_DOMAIN: Final = "cmpp.exchange"
COORDINATOR_URI: Final = f"spiffe://{TRUST_DOMAIN}/coordinator"
COORDINATOR_DNS: Final = f"coordinator.{TRUST_DOMAIN}"

_COMMON_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 64 * 1024),
    ("grpc.max_metadata_size", 4096),
    ("grpc.absolute_max_metadata_size", 8192),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    # Without it a half-open link takes a minute to notice.
    ("grpc.http2.ping_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
)
SERVER_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    *_COMMON_OPTIONS,
    ("grpc.max_concurrent_streams", 16),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.so_reuseport", 0),
)
CHANNEL_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    *_COMMON_OPTIONS,
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.http2.max_pings_without_data", 0),
)

# A suite no certificate of ours can use: it leaves TLS 1.2 nothing to agree on,
# and does not touch the suites of TLS 1.3. grpcio has no setting for this.
_NO_TLS12_SUITE: Final = "ECDHE-RSA-AES256-GCM-SHA384"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Hold a process's key, its certificate chain and the authority it trusts."""

    key: bytes = field(repr=False)
    chain: bytes = field(repr=False)
    authority: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Hold who may call: one set of names under one authority, less the revoked.

    Attributes:
        allowed: SPIFFE URIs of the peers that may call.
        authority: PEM of the certificates that may have signed theirs.
        revoked: SHA-256 fingerprints of certificates that are no longer good.
    """

    allowed: frozenset[str]
    authority: bytes = field(repr=False)
    revoked: frozenset[bytes] = frozenset()


def site_uri(site: str) -> str:
    """Name a site's node."""
    return f"spiffe://{TRUST_DOMAIN}/site/{site}"


def site_dns(site: str) -> str:
    """Name a site's node in the form that TLS compares with the certificate."""
    return f"{site.lower()}.site.{TRUST_DOMAIN}"


def server_credentials(load: Callable[[], Identity]) -> grpc.ServerCredentials:
    """Serve callers that hold a certificate; look for a renewed own one per handshake.

    The first reading must succeed. A later one that fails keeps the identity in
    use, so the caller watches the days left on it.
    """
    return _reloaded(load, require_certificate=True)


def _reloaded(
    load: Callable[[], Identity], *, require_certificate: bool
) -> grpc.ServerCredentials:
    """Serve with what is loaded, and look for something newer per handshake."""
    used = load()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal used
        with suppress(OSError, ExchangeError):
            # None means unchanged. It must be said: a configuration handed over at
            # every handshake is replaced under handshakes that are still using it,
            # and some thousand callers at once end the process.
            if (found := load()) != used:
                renewed = _configuration(found)
                used = found
                return renewed
        return None

    return grpc.dynamic_ssl_server_credentials(
        _configuration(used),
        # The library documents None for "no change"; its published types do not.
        cast("Callable[[], grpc.ServerCertificateConfiguration]", fetch),
        require_client_authentication=require_certificate,
    )


def join_credentials(load: Callable[[], Identity]) -> grpc.ServerCredentials:
    """Serve callers that have no certificate yet; only the Join door does."""
    return _reloaded(load, require_certificate=False)


def channel(
    address: str,
    *,
    peer_dns: str,
    authority: bytes,
    identity: Identity | None = None,
    proxy: str | None = None,
    options: Iterable[tuple[str, int]] = (),
) -> grpc.Channel:
    """Open a channel to a peer known by name, wherever its address leads.

    Without an identity the channel shows no certificate, as when joining.

    Args:
        address: Where the peer is, ``host:port``.
        peer_dns: The name its certificate must carry.
        authority: Who may have signed that, in PEM.
        identity: What we show.
        proxy: The proxy to go through, ``http://host:port``; see `proto.proxy`.
        options: Settings of this channel besides those of all.
    """
    _only_tls13()
    credentials = grpc.ssl_channel_credentials(
        root_certificates=authority,
        private_key=identity.key if identity else None,
        certificate_chain=identity.chain if identity else None,
    )
    # The override is the name the certificate must carry: identity is bound to
    # the peer, not to the address it happens to have.
    settings: dict[str, int | str] = {
        **dict(CHANNEL_OPTIONS),
        **dict(options),
        "grpc.ssl_target_name_override": peer_dns,
    }
    if proxy is not None:
        settings |= {"grpc.enable_http_proxy": 1, "grpc.http_proxy": proxy}
    return grpc.secure_channel(address, credentials, tuple(settings.items()))


def check_call(
    auth: Mapping[str, Iterable[bytes]], *, trust: Trust, now: datetime
) -> str:
    """Name the caller of one call, or refuse it.

    Args:
        auth: What the transport says of the peer.
        trust: Who may call.
        now: The moment of the call, with its time zone.

    Returns:
        The caller's SPIFFE URI.

    Raises:
        CertificateRefused: The connection or the certificate is not good now.
        UnknownPeer: The certificate is good and names somebody else.
    """
    certificates = list(auth.get("x509_pem_cert", ()))
    versions = list(auth.get("ssl_tls_version", ()))
    if versions != [b"TLSv1.3"] or len(certificates) != 1:
        raise CertificateRefused(
            "The call did not come over TLS 1.3 with one certificate; "
            "connect again with a current one."
        )
    try:
        certificate = x509.load_pem_x509_certificate(certificates[0])
    except ValueError as error:
        raise CertificateRefused(
            "The caller's certificate cannot be read; issue a new one."
        ) from error
    return check_name(certificate, trust=trust, now=now)


def check_name(certificate: x509.Certificate, *, trust: Trust, now: datetime) -> str:
    """Give the name on a certificate that is good, if its holder may call here.

    Raises:
        CertificateRefused: The certificate is not good now.
        UnknownPeer: It is good and names somebody else.
    """
    uri = check_certificate(certificate, trust=trust, now=now)
    if uri not in trust.allowed:
        raise UnknownPeer(
            "The caller's certificate names somebody who may not call here; "
            "check the configured coordinator."
        )
    return uri


def check_certificate(
    certificate: x509.Certificate, *, trust: Trust, now: datetime
) -> str:
    """Give the one name on a certificate that is good in every respect.

    Requires: signed by the authority, valid now, not revoked, not an authority
              itself, marked for use by callers and servers, exactly one URI.
    Raises:   CertificateRefused.
    """
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise CertificateRefused(
            "The certificate is not valid at this moment; renew it."
        )
    if certificate.fingerprint(hashes.SHA256()) in trust.revoked:
        raise CertificateRefused("The certificate was revoked; join again.")
    if not _signed_by(certificate, trust.authority):
        raise CertificateRefused(
            "The certificate was not signed by the authority; join again."
        )
    try:
        extensions = certificate.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise CertificateRefused(
            "The certificate lacks a mark that ours carry; join again."
        ) from error
    marked = ExtendedKeyUsageOID.CLIENT_AUTH in usage and not basic.ca
    if not marked or len(uris) != 1:
        raise CertificateRefused(
            "The certificate is not of the kind a process carries; join again."
        )
    return uris[0]


def _signed_by(certificate: x509.Certificate, authority: bytes) -> bool:
    for signer in x509.load_pem_x509_certificates(authority):
        try:
            certificate.verify_directly_issued_by(signer)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _configuration(identity: Identity) -> grpc.ServerCertificateConfiguration:
    _only_tls13()
    return grpc.ssl_server_certificate_configuration(
        [(identity.key, identity.chain)], root_certificates=identity.authority
    )


def _only_tls13() -> None:
    """Leave TLS 1.2 without a cipher.

    grpcio reads its settings when it is imported, so it is told to read them
    again. Should a later version lack that, `check_call` still refuses TLS 1.2.
    """
    os.environ["GRPC_SSL_CIPHER_SUITES"] = _NO_TLS12_SUITE
    getattr(cygrpc, "reset_grpc_config_vars", lambda: None)()
