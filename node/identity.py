"""Give the node its name: a key made here, and a certificate from the centre."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.errors import BadConfiguration, CertificateRefused
from proto import credentials, invitation, keys, mtls

JOINING_FILE: Final = "joining.txt"
REVOKED_FILE: Final = "revoked.txt"
STATEMENT: Final = "statement"
MASKING_FILE: Final = "masking.key"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)


def make_keys(directory: Path) -> None:
    """Make the keys that the roster will pin: for statements, and for masked sums.

    Keys that are there already stay, so a site that was cut off can begin again.
    """
    for path in (directory / f"{STATEMENT}.key", directory / MASKING_FILE):
        credentials.forget_unfinished(path)
    if not (directory / f"{STATEMENT}.key").exists():
        keys.init(directory, name=STATEMENT, passphrase=None)
    if not (directory / MASKING_FILE).exists():
        keys.init_masking(directory / MASKING_FILE)


def statement_key(directory: Path) -> Ed25519PrivateKey:
    """Open the key of the site's statements.

    Raises:
        BadConfiguration: It is missing, or readable by others.
    """
    return keys.load(directory / f"{STATEMENT}.key", passphrase=None)


def masking_key(directory: Path) -> bytes:
    """Return the public half of the key for masked sums, 32 bytes.

    Raises:
        BadConfiguration: It is missing, or readable by others.
    """
    private = keys.load_masking(directory / MASKING_FILE)
    return private.public_key().public_bytes_raw()


def require_for(invited: invitation.Invitation, *, site: str) -> None:
    """Check that an invitation is for this site.

    Raises:
        BadConfiguration: It is for another one.
    """
    if invited.site != site:
        raise BadConfiguration(
            f"The invitation is for {invited.site} and this node is configured for "
            f"{site}; use the invitation made for this site."
        )


def join(
    text: str, *, site: str, directory: Path, now: datetime, proxy: str | None = None
) -> str:
    """Redeem an invitation and keep the certificate beside the node's key.

    A join that was cut off at any moment can be repeated with the same invitation: the
    key it was begun with is used again. Another invitation gets another key, because
    the old one may be the reason for it.

    Args:
        text: The line the coordinator printed.
        site: The site this node is configured for.
        directory: Where the key and the certificate are kept.
        now: The moment of joining.
        proxy: The proxy to go through, ``http://host:port``, if any.

    Returns:
        The authority's fingerprint, to be compared by telephone.

    Raises:
        BadConfiguration: The invitation is broken or for another site.
        Untrusted: The coordinator did not accept it, or was not who it named.
        Unreachable: The coordinator did not answer.
    """
    invited = invitation.Invitation.from_text(text)
    require_for(invited, site=site)
    path = _key_for(directory, invited.token)
    key = credentials.read_key(path)
    make_keys(directory)
    leaf = invitation.redeem(
        invited,
        signing_request=credentials.signing_request(key),
        statement=statement_key(directory),
        masking_key=masking_key(directory),
        proxy=proxy,
    )
    check(leaf, authority=invited.authority_pem, site=site, now=now)
    credentials.install(
        directory, leaf=leaf, authority=invited.authority_pem, key_file=path
    )
    credentials.forget_other_keys(directory)
    return invited.fingerprint


def load(directory: Path) -> mtls.Identity:
    """Read the node's key, certificate and authority.

    Raises:
        BadConfiguration: A file is missing, or the key is readable by others.
    """
    return credentials.load(directory)


def trust(directory: Path, *, coordinator: str) -> mtls.Trust:
    """Read who may call: the coordinator, under our authority, unless revoked.

    ``revoked.txt`` beside the key lists SHA-256 fingerprints, one to a line. It
    is read for every call, so a line added to it counts at once.

    Raises:
        BadConfiguration: A line is not a fingerprint; nobody may call then.
    """
    path = directory / REVOKED_FILE
    lines = path.read_text(encoding="ascii").split() if path.exists() else []
    if not all(_FINGERPRINT.fullmatch(line) for line in lines):
        raise BadConfiguration(
            f"{path.name} has a line that is not a fingerprint; each is 64 "
            "hexadecimal digits."
        )
    return mtls.Trust(
        allowed=frozenset({coordinator}),
        authority=credentials.authority(directory),
        revoked=frozenset(bytes.fromhex(line) for line in lines),
    )


def days_left(directory: Path, *, now: datetime) -> int:
    """Count the whole days for which the certificate is still good."""
    return credentials.left(directory, now=now).days


def _key_for(directory: Path, token: bytes) -> Path:
    """Give the key file to join with; the same one for the same invitation."""
    note = directory / JOINING_FILE
    digest = hashlib.sha256(token).hexdigest()
    words = note.read_text("ascii", "replace").split() if note.exists() else []
    known = {path.name: path for path in credentials.key_files(directory)}
    if words[:1] == [digest] and words[-1] in known:
        return known[words[-1]]
    if (directory / credentials.CERTIFICATE_FILE).exists():
        path = credentials.next_key(directory)
    else:
        path = directory / credentials.KEY_FILE
        credentials.forget_unfinished(path)
        if not path.exists():
            credentials.create_key(path)
    credentials.replace(note, f"{digest} {path.name}\n".encode("ascii"))
    return path


def check(leaf: bytes, *, authority: bytes, site: str, now: datetime) -> None:
    """Take a certificate only if its peers will.

    Raises:
        CertificateRefused: It is not good now, or is for another site.
    """
    trust = mtls.Trust(allowed=frozenset({mtls.site_uri(site)}), authority=authority)
    try:
        certificate = x509.load_der_x509_certificate(leaf)
    except ValueError as error:
        raise CertificateRefused(
            "The coordinator sent no certificate; ask its operator to look."
        ) from error
    if now < certificate.not_valid_before_utc:
        raise CertificateRefused(
            "The certificate that came begins only at "
            f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC, so this machine's "
            "clock is behind; set it (`timedatectl set-ntp true`) and run the same "
            "command again."
        )
    if mtls.check_certificate(certificate, trust=trust, now=now) not in trust.allowed:
        raise CertificateRefused(
            "The coordinator sent a certificate for another site; ask its operator "
            "to invite this one."
        )
