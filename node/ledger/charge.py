"""What a question costs, and what the ledger says back."""

import datetime as dt
import hashlib
import re
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Self

from privacy import loss
from privacy.accounts import Spend
from privacy.amount import PICO_MAX, Amount
from privacy.chain import Entry, Event, Kind, release_digest
from privacy.errors import InvalidQuery, LedgerInconsistent
from privacy.period import Period, PeriodKind
from privacy.query import Mode, Query

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
        worst_rho: The exact loss if every other site colluded; never less.
        mandate: Digest of the mandate it is asked under.
        ask: Digest of the coordinator's signed question.
    """

    release_key: bytes
    query_digest: bytes
    metric: str
    mode: Mode
    entry_years: tuple[Period, ...]
    anchor: str | None
    periods: tuple[Period, ...]
    rho: Fraction
    worst_rho: Fraction
    mandate: bytes
    ask: bytes

    def __post_init__(self) -> None:
        """Refuse a charge that could be misread later.

        Raises:
            InvalidQuery: a field has the wrong form.
        """
        digests = (self.release_key, self.query_digest, self.mandate, self.ask)
        if any(type(d) is not bytes or len(d) != _DIGEST_BYTES for d in digests):
            raise InvalidQuery("A release key and every digest have 32 bytes.")
        names = (self.metric,) if self.anchor is None else (self.metric, self.anchor)
        if not all(_NAME.fullmatch(name) for name in names):
            raise InvalidQuery("A metric and an event are named by one plain word.")
        for periods in (self.entry_years, self.periods):
            if not periods or any(a >= b for a, b in pairwise(periods)):
                raise InvalidQuery("Periods must be given, in order, each once.")
        if any(y.kind is not PeriodKind.FISCAL_YEAR for y in self.entry_years):
            raise InvalidQuery("Entry years must be fiscal years, such as FY2024.")
        exact = all(type(rho) is Fraction for rho in (self.rho, self.worst_rho))
        if not exact or not 0 < self.rho <= self.worst_rho:
            raise InvalidQuery(
                "A loss is an exact fraction above 0, and no larger than its worst "
                "case."
            )
        if self.amount.worst > PICO_MAX:
            raise InvalidQuery("A loss is at most 100.")

    @classmethod
    def of(  # noqa: PLR0913 - a charge has these six parts, and none has a default
        cls,
        query: Query,
        *,
        metric: str,
        mode: Mode,
        rho: Fraction,
        worst_rho: Fraction,
        mandate: bytes,
        ask: bytes,
    ) -> Self:
        """Say what a question costs at a given loss, and under which mandate."""
        return cls(
            release_key=query.release_key(mode),
            query_digest=query.digest,
            metric=metric,
            mode=mode,
            entry_years=query.entry_years,
            anchor=query.anchor,
            periods=query.periods,
            rho=rho,
            worst_rho=worst_rho,
            mandate=mandate,
            ask=ask,
        )

    @property
    def amount(self) -> Amount:
        """The whole pico-rho charged to each entry year, rounded up."""
        return Amount(loss.pico(self.rho), loss.pico(self.worst_rho))

    @property
    def spend(self) -> Spend:
        """The charge as the accounts count it."""
        return Spend(
            entry_years=self.entry_years,
            anchor=self.anchor,
            periods=self.periods,
            amount=self.amount,
            mandate=self.mandate.hex(),
        )

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
            pico_rho=self.amount.model,
            rho=str(self.rho),
            worst_pico=self.amount.worst,
            worst_rho=str(self.worst_rho),
            mandate=self.mandate.hex(),
            ask=self.ask.hex(),
        )

    def check_same_question(self, entry: Entry) -> None:
        """Refuse a second, different question under one release key.

        The metric's name, the loss and the mandate may differ: one question can be
        asked under two names, and its first charge is the one that stands.

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
        amount: The loss charged to each entry year.
        sequence: The entry that charged it.
        resumed: Whether it had been charged before, so this time it was free.
    """

    release_key: bytes
    rho: Fraction
    amount: Amount
    sequence: int
    resumed: bool

    @classmethod
    def of(cls, entry: Entry, *, resumed: bool) -> Self:
        """Read a charge back from its entry."""
        amount = Spend.of(entry).amount
        return cls(
            release_key=bytes.fromhex(entry.release_key or ""),
            rho=Fraction(entry.rho or ""),
            amount=amount,
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
        sequence: The entry that keeps it; 0 before it is kept.
    """

    release_key: bytes
    values: tuple[int, ...] = field(repr=False)
    variance: Fraction
    l2_squared: int
    rho: Fraction
    released_at: str
    sequence: int = 0

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
            release_key=self.release_key.hex(),
            values=hashlib.sha256(self.blob).hexdigest(),
            size=len(self.values),
            variance=str(self.variance),
            l2_squared=str(self.l2_squared),
            released_at=self.released_at,
        )

    def event(self) -> Event:
        """Write the release as the ledger keeps it."""
        return Event(
            kind=Kind.RELEASE,
            at=self.released_at,
            release_key=self.release_key.hex(),
            detail=self.digest,
        )


def unpack(blob: bytes) -> tuple[int, ...]:
    """Read the values of a stored release."""
    return struct.unpack(f">{len(blob) // _VALUE_BYTES}q", blob)


def moment(now: dt.datetime) -> str:
    """Write a moment as UTC text; a time without a zone is not a moment.

    Raises:
        LedgerInconsistent: the clock was read without a time zone.
    """
    if now.utcoffset() is None:
        raise LedgerInconsistent("The ledger needs the time in UTC.")
    return now.astimezone(dt.UTC).isoformat(timespec="microseconds")
