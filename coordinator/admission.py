"""Keep the tokens of invitations, and the keys each site sent with one.

A token is kept as a digest and spent on one certificate. What a site sends when it
joins is kept with it, so that a site whose join was cut off can say the same again
and anybody else cannot.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from coordinator import issuance, profile
from coordinator.database import METADATA
from coordinator.issuance import Given
from privacy.errors import Untrusted
from proto.invitation import Joining

TOKENS: Final = sa.Table(
    "join_tokens",
    METADATA,
    sa.Column("token_sha256", sa.String(64), primary_key=True),
    sa.Column("site", sa.String(16), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("used_at", sa.BigInteger),
)
KEYS: Final = sa.Table(
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


def add_token(
    tx: sa.Connection, token: bytes, *, site: str, expires_at: datetime
) -> None:
    """Keep the digest of a fresh token."""
    row = {
        "token_sha256": digest(token),
        "site": site,
        "expires_at": int(expires_at.timestamp()),
    }
    tx.execute(TOKENS.insert().values(row))


def spend(tx: sa.Connection, joining: Joining, *, now: datetime) -> str | None:
    """Spend a token, and keep the keys that came with it for the next roster.

    Of two calls at once only one succeeds.

    Returns:
        The site it was made for; None if it is not good, or was spent.
    """
    token = TOKENS.c.token_sha256 == digest(joining.token)
    moment = int(now.timestamp())
    spending = (
        TOKENS.update()
        .where(token, TOKENS.c.used_at.is_(None), TOKENS.c.expires_at > moment)
        .values(used_at=moment)
    )
    if tx.execute(spending).rowcount != 1:
        return None
    site = str(tx.execute(sa.select(TOKENS.c.site).where(token)).scalar_one())
    row = {
        "site": site,
        "statement_key": joining.statement_key.hex(),
        "masking_key": joining.masking_key.hex(),
    }
    tx.execute(KEYS.delete().where(KEYS.c.site == site))
    tx.execute(KEYS.insert().values(row))
    return site


def given_before(tx: sa.Connection, joining: Joining, *, now: datetime) -> bytes:
    """Give a site that says the same again the certificate it was given, in DER.

    Raises:
        Untrusted: The token was never made, was spent on other keys, or is too old.
    """
    unknown = Untrusted(
        "The token was never made, was used, or is too old; invite the site again."
    )
    token = digest(joining.token)
    same = sa.select(KEYS.c.site).where(
        TOKENS.c.token_sha256 == token,
        TOKENS.c.expires_at > int(now.timestamp()),
        KEYS.c.site == TOKENS.c.site,
        KEYS.c.statement_key == joining.statement_key.hex(),
        KEYS.c.masking_key == joining.masking_key.hex(),
    )
    # The token first: a guess learns nothing from how its signing request is made.
    if tx.execute(same).one_or_none() is None:
        raise unknown
    public = profile.public_key(joining.signing_request)
    leaf = issuance.given_for(tx, Given(token_sha256=token), public=public)
    if leaf is None:
        raise unknown
    return leaf


def site_keys(tx: sa.Connection) -> dict[str, SiteKeys]:
    """Give the keys of every site that joined, by its name."""
    return {
        row.site: SiteKeys(
            statement=bytes.fromhex(row.statement_key),
            masking=bytes.fromhex(row.masking_key),
        )
        for row in tx.execute(KEYS.select().order_by(KEYS.c.site))
    }


def digest(token: bytes) -> str:
    """Give what is kept of a token."""
    # A token is 256 random bits, so a plain digest keeps it as well as a slow one.
    return hashlib.sha256(token).hexdigest()
