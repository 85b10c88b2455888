"""The keys, the roster and the mandate under which a real exchange runs in a test."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from privacy.signing import Document
from tests import governed
from tests import signed_samples as samples

BEGAN = dt.datetime.now(dt.UTC)
REAL = governed.SITES
ELSEWHERE = ("ATL", "BOS", "CHI", "DEN", "MIA", "SEA")
"""Sites of the roster that no process serves; enough to witness the others."""


def mandate(sites: Iterable[str]) -> Document:
    """Return a mandate for all that runs at some sites, signed by two members."""
    return governed.mandate(
        now=BEGAN,
        sites=governed.listed(sorted(sites)),
        loss_rho='"90"',
        worst_rho='"90"',
    )


MANDATE = mandate(REAL)


def roster(sites: Iterable[str]) -> Document:
    """Return the roster of some sites, signed by all of them."""
    return governed.roster(sorted(sites))


def pem_of(name: str) -> bytes:
    """Write somebody's sample key as a key file holds it."""
    return samples.key(name).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def medium(folder: Path, name: str) -> Path:
    """Write an officer's key pair on a medium; return the private half's file."""
    folder.mkdir(exist_ok=True)
    key = folder / f"{name}.key"
    key.touch(mode=0o600)
    key.write_bytes(pem_of(name))
    public = samples.key(name).public_key()
    key.with_suffix(".pub").write_bytes(
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return key
