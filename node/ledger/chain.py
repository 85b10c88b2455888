"""Entries and the hash that ties each to the one before.

The hash covers every column of an entry in an injective form: each field is
preceded by its type and its length, so no two different entries are written
alike, and nothing can be moved, changed or removed between two entries unseen.
"""

import hashlib
from dataclasses import dataclass, fields
from enum import StrEnum

from privacy.errors import ChainBroken

GENESIS = "0" * 64
"""What the first entry carries in place of a previous hash."""

_DOMAIN = b"cmpp.exchange ledger entry v1\x00"
_LENGTH_BYTES = 8


class Kind(StrEnum):
    """What happened."""

    OPENED = "opened"
    BOOTED = "booted"
    POLICY = "policy"
    CHARGE = "charge"
    RELEASE = "release"


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
            say which cohorts were touched, for a finer composition one day.
        pico_rho: Loss charged to each of those accounts.
        rho: The exact loss, as a fraction.
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
