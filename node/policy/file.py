"""The policy file: drafted at the site, signed by its officer, loaded only so.

A file that is edited after signing, signed by another key, or older than one
already seen is refused, and its signature is checked before it is parsed.
"""

import datetime as dt
import hashlib
import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from node.policy import officer as officer_key
from node.policy.rules import Policy
from privacy import loss
from privacy.errors import BadConfiguration, InvalidQuery
from privacy.period import Period, PeriodKind

_DELTA_MAX = Fraction(1, 1000)
_DECIMAL = re.compile(r"0\.[0-9]{1,18}")


def load(
    path: Path,
    *,
    signature_path: Path,
    officer: Ed25519PublicKey,
    site: str,
    last_version: int,
) -> Policy:
    """Read the policy, if the officer signed it and it is not an old one.

    The signature is checked before a single byte is parsed.

    Args:
        path: The policy file.
        signature_path: The detached signature beside it.
        officer: The officer's public key, installed at the site.
        site: The site that is about to obey it.
        last_version: The highest version this site's ledger has seen; 0 if none.

    Raises:
        BadSignature: not signed by this officer, or edited since.
        BadConfiguration: unreadable, for another site, or older than last seen.
    """
    content = officer_key.read_bounded(path)
    signature = officer_key.read_bounded(signature_path)
    officer_key.verify(content, signature=signature, officer=officer)
    policy = _parse(content, officer=officer_key.fingerprint(officer))
    if policy.site != site:
        raise BadConfiguration(
            f"The policy is for site {policy.site} and this is {site}; install the "
            "policy of this site."
        )
    if policy.version < last_version:
        raise BadConfiguration(
            f"The policy is version {policy.version} and version {last_version} was "
            "already in force here; install the newest one."
        )
    return policy


def sign(path: Path, *, key: Ed25519PrivateKey) -> Path:
    """Check a policy file, sign its exact bytes, and return the signature file.

    Raises:
        BadConfiguration: the file would not load; nothing was signed.
    """
    content = officer_key.read_bounded(path)
    _parse(content, officer=officer_key.fingerprint(key.public_key()))
    signature_path = path.with_suffix(".sig")
    signature_path.write_bytes(officer_key.sign(content, key=key))
    return signature_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A first policy for the officer to read, change and sign.

    Attributes:
        site: The site the policy is for.
        programme: Version of the catalogue.
        metrics: Metrics to allow.
        first_entry_year: Earliest entry year, such as FY2019.
        last_entry_year: Latest entry year.
        not_before: When the policy begins to hold.
        days_valid: For how long it holds.
        version: Higher than any policy signed before.
        lifetime_rho: Loss cap for each entry year.
        per_release_rho: Loss cap for one release.
        delta: At which rho is shown as epsilon.
    """

    site: str
    programme: str
    metrics: tuple[str, ...]
    first_entry_year: str
    last_entry_year: str
    not_before: dt.datetime
    days_valid: int = 366
    version: int = 1
    lifetime_rho: str = "0.60"
    per_release_rho: str = "0.05"
    delta: str = "0.000001"


_DRAFT = """\
# What site {site} allows. Read it, change it, then sign it with your own key:
#     cmpp-node policy sign
# A signed file that is edited afterwards is refused.

site = "{site}"
version = {version}                      # raise it by one for every new policy
programme = "{programme}"                # the catalogue you have read
metrics = [{metrics}]
period_kinds = [{kinds}]

first_entry_year = "{first}"       # households who entered earlier are never counted
last_entry_year = "{last}"

lifetime_rho = "{lifetime}"           # for each entry year, for ever
per_release_rho = "{per_release}"        # for any one release
delta = "{delta}"              # at which rho is shown as epsilon

not_before = {not_before}
not_after = {not_after}
"""


def draft_policy(draft: Draft) -> str:
    """Write the text of a policy file, ready to be read and signed.

    Raises:
        BadConfiguration: the draft would not load.
    """
    not_before = draft.not_before.replace(microsecond=0)
    not_after = not_before + dt.timedelta(days=draft.days_valid)
    text = _DRAFT.format(
        site=draft.site,
        version=draft.version,
        programme=draft.programme,
        metrics=", ".join(f'"{metric}"' for metric in sorted(draft.metrics)),
        kinds=", ".join(f'"{kind.value}"' for kind in PeriodKind),
        first=draft.first_entry_year,
        last=draft.last_entry_year,
        lifetime=draft.lifetime_rho,
        per_release=draft.per_release_rho,
        delta=draft.delta,
        not_before=not_before.isoformat(),
        not_after=not_after.isoformat(),
    )
    _parse(text.encode(), officer=b"")
    return text


_Metric = Annotated[str, Field(pattern=r"^M[0-9]{2}$")]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,31}$")]
_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
_Year = Annotated[str, Field(pattern=r"^FY20[0-9]{2}$")]


class _File(BaseModel):
    """The policy file as written: every key required, no other key allowed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    site: _Name
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    programme: _Version
    metrics: Annotated[list[_Metric], Field(min_length=1, max_length=200)]
    period_kinds: Annotated[list[str], Field(min_length=1, max_length=3)]
    first_entry_year: _Year
    last_entry_year: _Year
    lifetime_rho: str
    per_release_rho: str
    delta: str
    not_before: dt.datetime
    not_after: dt.datetime

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Parse TOML strictly, naming the first key that is wrong."""
        try:
            return cls.model_validate(tomllib.loads(content.decode()))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadConfiguration(
                f"The policy is not a TOML file ({error}); correct it and have it "
                "signed again."
            ) from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise BadConfiguration(
                f"The policy key {key!r} is wrong ({first['msg']}); correct it and "
                "have it signed again."
            ) from error


def _parse(content: bytes, *, officer: bytes) -> Policy:
    """Turn the bytes of a policy file into a policy, or say what is wrong."""
    file = _File.of(content)
    try:
        return Policy(
            site=file.site,
            version=file.version,
            programme=file.programme,
            metrics=frozenset(file.metrics),
            period_kinds=frozenset(PeriodKind(kind) for kind in file.period_kinds),
            first_entry_year=Period(file.first_entry_year),
            last_entry_year=Period(file.last_entry_year),
            lifetime_rho=loss.parse_rho(file.lifetime_rho),
            per_release_rho=loss.parse_rho(file.per_release_rho),
            delta=_delta(file.delta),
            not_before=_moment(file.not_before),
            not_after=_moment(file.not_after),
            digest=hashlib.sha256(content).digest(),
            officer=officer,
        )
    except ValueError as error:
        raise BadConfiguration(
            f"The policy has an impossible value ({error}); correct it and have it "
            "signed again."
        ) from error
    except InvalidQuery as error:
        raise BadConfiguration(
            f"The policy will not do: {error.message} Have it signed again."
        ) from error


def _delta(text: str) -> Fraction:
    """Read delta from a plain decimal such as 0.000001."""
    if not _DECIMAL.fullmatch(text) or not 0 < Fraction(text) <= _DELTA_MAX:
        raise ValueError("delta must be a plain decimal above 0 and at most 0.001")
    return Fraction(text)


def _moment(moment: dt.datetime) -> dt.datetime:
    """Require UTC: a date without an offset means different moments to two people."""
    if moment.utcoffset() != dt.timedelta(0):
        raise ValueError("write moments in UTC, such as 2026-10-01T00:00:00Z")
    return moment
