"""What a question costs, and what the ledger says back."""

import datetime as dt
import hashlib
import re
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Self

from node.ledger.chain import Entry, Event, Kind, injective
from privacy import loss
from privacy.errors import InvalidQuery, LedgerInconsistent
from privacy.period import Period, PeriodKind
from privacy.query import Mode, Query

PICO_MAX = 10**14
SIZE_MAX = 4096
"""Values in one release; a power of two well above any catalogue entry."""

_DIGEST_BYTES = 32
_VALUE_BYTES = 8
_INT64 = range(-(2**63), 2**63)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one question costs, and whom.

    Attributes:
        release_key: The identity of the question's one answer.
        query_digest: The question itself.
        metric: The name it is asked under.
        mode: What leaves the site.
        entry_years: Every one of these accounts is charged the whole loss.
        anchor: The once-per-unit event whose cohort each period is, or None.
        periods: The periods asked about.
        rho: The exact loss.
    """

    release_key: bytes
    query_digest: bytes
    metric: str
    mode: Mode
    entry_years: tuple[Period, ...]
    anchor: str | None
    periods: tuple[Period, ...]
    rho: Fraction

    def __post_init__(self) -> None:
        """Refuse a charge that could be misread later.

        Raises:
            InvalidQuery: a field has the wrong form.
        """
        digests = (self.release_key, self.query_digest)
        if any(type(d) is not bytes or len(d) != _DIGEST_BYTES for d in digests):
            raise InvalidQuery("A release key and a query digest have 32 bytes.")
        names = (self.metric,) if self.anchor is None else (self.metric, self.anchor)
        if not all(_NAME.fullmatch(name) for name in names):
            raise InvalidQuery("A metric and an event are named by one plain word.")
        for periods in (self.entry_years, self.periods):
            if not periods or any(a >= b for a, b in pairwise(periods)):
                raise InvalidQuery("Periods must be given, in order, each once.")
        if any(y.kind is not PeriodKind.FISCAL_YEAR for y in self.entry_years):
            raise InvalidQuery("Entry years must be fiscal years, such as FY2024.")
        if type(self.rho) is not Fraction or not 0 < self.pico <= PICO_MAX:
            raise InvalidQuery("A loss is an exact fraction above 0, at most 100.")

    @classmethod
    def of(cls, query: Query, *, metric: str, mode: Mode, rho: Fraction) -> Self:
        """Say what a question costs at a given loss."""
        return cls(
            release_key=query.release_key(mode),
            query_digest=query.digest,
            metric=metric,
            mode=mode,
            entry_years=query.entry_years,
            anchor=query.anchor,
            periods=query.periods,
            rho=rho,
        )

    @property
    def pico(self) -> int:
        """The whole pico-rho charged to each entry year, rounded up."""
        return loss.pico(self.rho)

    def event(self, at: str) -> Event:
        """Write the charge as the ledger keeps it."""
        return Event(
            kind=Kind.CHARGE,
            at=at,
            release_key=self.release_key.hex(),
            query_digest=self.query_digest.hex(),
            metric=self.metric,
            mode=self.mode.value,
            entry_years=" ".join(year.label for year in self.entry_years),
            anchor=self.anchor,
            periods=" ".join(period.label for period in self.periods),
            pico_rho=self.pico,
            rho=str(self.rho),
        )

    def check_same_question(self, entry: Entry) -> None:
        """Refuse a second, different question under one release key.

        The metric's name and the loss may differ: one question can be asked
        under two names, and its first charge is the one that stands.

        Raises:
            InvalidQuery: the key already belongs to another question.
        """
        event = self.event(entry.at)
        for name in ("query_digest", "mode", "entry_years", "anchor", "periods"):
            if getattr(event, name) != getattr(entry, name):
                raise InvalidQuery(
                    "Another question already stands under this release key, so this "
                    "one was not asked; compare the two ends' software versions."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A charge stands and no release does: read, add noise, then store.

    Attributes:
        release_key: Which answer is owed.
        rho: The loss first charged; the noise is calibrated to this, always.
        pico_rho: The loss charged to each entry year.
        sequence: The entry that charged it.
        resumed: Whether it had been charged before, so this time it was free.
    """

    release_key: bytes
    rho: Fraction
    pico_rho: int
    sequence: int
    resumed: bool

    @classmethod
    def of(cls, entry: Entry, *, resumed: bool) -> Self:
        """Read a charge back from its entry."""
        key, rho, pico_rho = charged_amounts(entry)
        return cls(
            release_key=bytes.fromhex(key),
            rho=rho,
            pico_rho=pico_rho,
            sequence=entry.sequence,
            resumed=resumed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The one answer under a release key: what is sent, every time, for ever.

    Attributes:
        release_key: Which answer.
        values: The noisy whole numbers.
        variance: Of the noise in each of them.
        l2_squared: The sensitivity the noise was made for.
        rho: The loss that was charged.
        released_at: When, as UTC text.
    """

    release_key: bytes
    values: tuple[int, ...] = field(repr=False)
    variance: Fraction
    l2_squared: int
    rho: Fraction
    released_at: str

    def __post_init__(self) -> None:
        """Refuse what could not be a release.

        Raises:
            LedgerInconsistent: the mechanism handed over something else.
        """
        whole = all(type(v) is int and v in _INT64 for v in self.values)
        if not 0 < len(self.values) <= SIZE_MAX or not whole:
            raise LedgerInconsistent("A release is 1 to 4096 whole 64-bit numbers.")
        exact = type(self.variance) is Fraction and type(self.l2_squared) is int
        if not exact or self.variance <= 0 or self.l2_squared <= 0:
            raise LedgerInconsistent("A release has noise, and was made for a query.")

    @property
    def blob(self) -> bytes:
        """The values, 8 bytes each: their size in the file tells nothing."""
        return struct.pack(f">{len(self.values)}q", *self.values)

    @property
    def digest(self) -> str:
        """SHA-256 over everything stored, in hex: what the chain protects."""
        return release_digest(
            self.release_key.hex(),
            self.blob,
            str(self.variance),
            str(self.l2_squared),
            self.released_at,
        )

    def event(self) -> Event:
        """Write the release as the ledger keeps it."""
        return Event(
            kind=Kind.RELEASE,
            at=self.released_at,
            release_key=self.release_key.hex(),
            detail=self.digest,
        )


def charged_amounts(entry: Entry) -> tuple[str, Fraction, int]:
    """Return the key, the exact loss and the charge of a charging entry.

    Raises:
        LedgerInconsistent: the entry is not a charge, or its two amounts differ.
    """
    key, rho, pico_rho = entry.release_key, entry.rho, entry.pico_rho
    if key is None or rho is None or pico_rho is None:
        raise LedgerInconsistent(f"Ledger entry {entry.sequence} is not a charge.")
    if loss.pico(Fraction(rho)) != pico_rho:
        raise LedgerInconsistent(
            f"Ledger entry {entry.sequence} charges another amount than it states."
        )
    return key, Fraction(rho), pico_rho


def unpack(blob: bytes) -> tuple[int, ...]:
    """Read the values of a stored release."""
    return struct.unpack(f">{len(blob) // _VALUE_BYTES}q", blob)


def release_digest(
    key: str, blob: bytes, variance: str, l2_squared: str, released_at: str
) -> str:
    """Return the digest by which the chain protects a stored release."""
    domain = b"cmpp.exchange release v1\x00"
    content = injective(key, blob, variance, l2_squared, released_at)
    return hashlib.sha256(domain + content).hexdigest()


def moment(now: dt.datetime) -> str:
    """Write a moment as UTC text; a time without a zone is not a moment.

    Raises:
        LedgerInconsistent: the clock was read without a time zone.
    """
    if now.utcoffset() is None:
        raise LedgerInconsistent("The ledger needs the time in UTC.")
    return now.astimezone(dt.UTC).isoformat(timespec="microseconds")
