"""Entries of a site's ledger, and the hash that ties each to the one before.

The hash covers every column of an entry in an injective form: each field is
preceded by its type and its length, so no two different entries are written
alike, and nothing can be moved, changed or removed between two entries unseen.
It lies here because the auditor, who has no node, checks the same chain.
"""

import hashlib
from dataclasses import dataclass, fields
from enum import StrEnum

from privacy.errors import ChainBroken

GENESIS = "0" * 64
"""What the first entry carries in place of a previous hash."""

_DOMAIN = b"cmpp.exchange ledger entry v2\x00"
_RELEASE_DOMAIN = b"cmpp.exchange release v2\x00"
_LENGTH_BYTES = 8


class Kind(StrEnum):
    """What happened.

    Attributes:
        OPENED: The ledger was made; once, by its first entry.
        BOOTED: A node started on it; the detail is the boot's random name.
        CHARGE: Loss was spent.
        RELEASE: The noisy answer under a charge was stored.
        AGREED: The operator compared a roster's fingerprints and signed it.
        ROSTER: A roster came into force.
        POLICY: A policy came into force.
        EDITION: The Board sent an edition of the programme.
        MANDATE: The Board sent a mandate.
        ACCEPTED: An officer, or a rule an officer signed, accepted one of the two.
        DECLINED: An officer declined one of the two.
        REVOKED: A board member withdrew a mandate.
        STOOD_DOWN: The Board froze, resumed or ended the programme.
        PAUSED: The site stopped answering; anybody at the site may.
        RESUMED: An officer let the site answer again.
        HELD: A legal hold began; nothing is destroyed while it lasts.
        LIFTED: An officer ended the legal hold.
        REOPENED: Two officers opened a new epoch after a restore.
        DRAW: A paper of a draw: the site's own, or the Board's part in it.
        ANALYSIS_PLAN: The Board fixed how an effect is worked out, before its draws.
        SEALED: The site stopped for good.
    """

    OPENED = "opened"
    BOOTED = "booted"
    CHARGE = "charge"
    RELEASE = "release"
    AGREED = "agreed"
    ROSTER = "roster"
    POLICY = "policy"
    EDITION = "edition"
    MANDATE = "mandate"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"
    STOOD_DOWN = "stood-down"
    PAUSED = "paused"
    RESUMED = "resumed"
    HELD = "held"
    LIFTED = "lifted"
    REOPENED = "reopened"
    DRAW = "draw"
    ANALYSIS_PLAN = "analysis-plan"
    SEALED = "sealed"


SPENDING = frozenset({Kind.CHARGE, Kind.RELEASE})
LAW = frozenset(Kind) - SPENDING - {Kind.OPENED, Kind.BOOTED}
"""Entries that say what the site may do, each replayed through `privacy.law`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What an entry says, before it has a place in the chain.

    Attributes:
        kind: What happened.
        at: When, as UTC text.
        release_key: Which answer, in hex; for charges and releases.
        query_digest: Which question, in hex; for charges.
        metric: Under which name it was asked.
        mode: What leaves the site.
        entry_years: Accounts charged, joined by spaces.
        anchor: The once-per-unit event whose cohort each period is.
        periods: The periods asked about, joined by spaces. With the anchor they
            say which cohorts are charged.
        pico_rho: Loss charged, in the model column.
        rho: The exact loss, as a fraction.
        worst_pico: Loss charged if every other site colluded.
        worst_rho: The exact loss of that column.
        mandate: Digest of the mandate it was asked under, in hex; for charges.
        ask: Digest of the coordinator's signed question, in hex.
        document: Digest of the signed document the entry rests on, in hex.
        detail: What else the kind has to say.
    """

    kind: Kind
    at: str
    release_key: str | None = None
    query_digest: str | None = None
    metric: str | None = None
    mode: str | None = None
    entry_years: str | None = None
    anchor: str | None = None
    periods: str | None = None
    pico_rho: int | None = None
    rho: str | None = None
    worst_pico: int | None = None
    worst_rho: str | None = None
    mandate: str | None = None
    ask: str | None = None
    document: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Event):
    """An event in its place.

    Attributes:
        sequence: 1 for the first entry, then one more each.
        previous_hash: The hash of the entry before.
        hash: SHA-256 over all of the above.
    """

    sequence: int
    previous_hash: str
    hash: str


def place(event: Event, *, sequence: int, previous_hash: str) -> Entry:
    """Give an event its place at the end of the chain."""
    content = {field.name: getattr(event, field.name) for field in fields(Event)}
    return Entry(
        **content,
        sequence=sequence,
        previous_hash=previous_hash,
        hash=entry_hash(event, sequence=sequence, previous_hash=previous_hash),
    )


def entry_hash(event: Event, *, sequence: int, previous_hash: str) -> str:
    """Return the hash an event must carry in a given place, in hex."""
    digest = hashlib.sha256(_DOMAIN)
    digest.update(injective(sequence, previous_hash))
    digest.update(injective(*(getattr(event, field.name) for field in fields(Event))))
    return digest.hexdigest()


def check_link(entry: Entry, *, after: Entry | None) -> None:
    """Stop if an entry does not follow from the one before it.

    Raises:
        ChainBroken: entries were changed, removed, added or reordered.
    """
    sequence = after.sequence + 1 if after else 1
    previous_hash = after.hash if after else GENESIS
    expected = entry_hash(entry, sequence=sequence, previous_hash=previous_hash)
    found = (entry.sequence, entry.previous_hash, entry.hash)
    if found != (sequence, previous_hash, expected):
        raise ChainBroken(
            f"Ledger entry {sequence} does not follow from the one before it, so the "
            "ledger was altered or damaged; stop the node and tell the privacy "
            "officer before anything is restored."
        )


def release_digest(
    *,
    release_key: str,
    values: str,
    size: int,
    variance: str,
    l2_squared: str,
    released_at: str,
) -> str:
    """Return the digest by which the chain protects a stored release, in hex.

    Args:
        release_key: Which answer, in hex.
        values: SHA-256 of the noisy values, in hex; so that whoever may not hold
            them can check the rest.
        size: How many values.
        variance: Of the noise, as a fraction.
        l2_squared: The sensitivity the noise was made for.
        released_at: When, as UTC text.
    """
    content = injective(release_key, values, size, variance, l2_squared, released_at)
    return hashlib.sha256(_RELEASE_DOMAIN + content).hexdigest()


def injective(*values: str | int | bytes | None) -> bytes:
    """Write values so that different values are never written alike."""
    parts = []
    for value in values:
        match value:
            case None:
                parts.append(b"\x00")
                continue
            case str():
                tag, content = b"\x01", value.encode()
            case int():
                tag, content = b"\x02", str(value).encode()
            case _:
                tag, content = b"\x03", value
        parts.append(tag + len(content).to_bytes(_LENGTH_BYTES) + content)
    return b"".join(parts)
