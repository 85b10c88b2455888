"""Check everything a site's ledger says of itself, without the site.

The auditor has the ledger's entries, the documents people signed for them, and the
public facts of each release; no record, no noisy number and no key that is secret.
`privacy.export` proved the chain, the accounts and the caps while it read them. Here
every rule is judged by its signatures, and every charge by the rules of its day:

- an officer accepted the mandate, and enough of the Board signed it;
- the mandate's own edition defines the question, which touches these accounts;
- the release has exactly the noise its charge paid for.

The running site makes the same check of itself with `cmpp-node ledger verify`.
"""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from privacy import analysis_plan, mechanism, sensitivity, succession
from privacy.catalogue import Programme
from privacy.chain import LAW, Entry, Kind
from privacy.errors import (
    ExchangeError,
    LedgerInconsistent,
    NoiseBroken,
    NotAllowed,
)
from privacy.export import Export, ReleaseLine
from privacy.law import Law
from privacy.mandate import Asked, Mandate, Purpose
from privacy.mechanism import Mechanism
from privacy.period import Period
from privacy.query import Mode, Query, cells
from privacy.sensitivity import Sensitivity

_ABOUT: Final = 1 + Fraction(1, 10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A charge that was found right, and what it paid for.

    Attributes:
        entry: The charge.
        name: The query's name inside the metric.
        query: The question, made again from the mandate's edition.
        programme: That edition.
        mandate: What opened it.
        purposes: For which of the mandate's purposes the policy let it through.
        release: The public facts of the release, or None if none was kept.
        kept_by: The entry that keeps the release, or None.
    """

    entry: Entry
    name: str
    query: Query
    programme: Programme = field(repr=False)
    mandate: Mandate
    purposes: frozenset[Purpose]
    release: ReleaseLine | None = None
    kept_by: Entry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a ledger was found to be.

    Attributes:
        law: The rules in force after its last entry.
        paid: Release key in hex -> each charge that was found right.
        failures: One sentence for everything that is not right; empty if all is.
    """

    law: Law
    paid: Mapping[str, Paid]
    failures: tuple[str, ...]

    def require(self) -> None:
        """Stop unless everything is right.

        Raises:
            LedgerInconsistent: something is not; the first such thing is told.
        """
        if self.failures:
            raise LedgerInconsistent(self.failures[0])


def check_site(export: Export) -> Found:
    """Check a ledger's rules and charges, from its first entry to its last.

    A rule that nobody had the right to make ends the check, because nothing after it
    means anything; what is wrong with one charge does not.

    Requires: `export` was read with `privacy.export.read`.
    """
    check = _Check(export)
    for entry in export.entries:
        try:
            check.take(entry)
        except LedgerInconsistent as error:
            check.failures.append(error.message)
            break
    return Found(law=check.law, paid=check.paid, failures=tuple(check.failures))


class _Check:
    """What was found after the entries taken so far."""

    def __init__(self, export: Export) -> None:
        self.law = Law(site=export.site)
        self.paid: dict[str, Paid] = {}
        self.failures: list[str] = []
        self._export = export
        self._queries: dict[tuple[str, str, str, int], dict[str, Query]] = {}

    def take(self, entry: Entry) -> None:
        """Take one more entry; what is wrong with a charge or release is noted."""
        _moment(entry)
        if entry.kind in LAW:
            named = entry.document
            file = None if named is None else self._export.documents[named]
            self.law = succession.extend(self.law, entry, file)
            return
        try:
            if entry.kind is Kind.CHARGE:
                self.paid[entry.release_key or ""] = self._charge(entry)
            elif entry.kind is Kind.RELEASE:
                self._release(entry)
        except (ArithmeticError, ExchangeError, ValueError) as error:
            why = (
                error.message if isinstance(error, ExchangeError) else "it is no loss."
            )
            self.failures.append(
                f"Ledger entry {entry.sequence} ({entry.kind.value}) of site "
                f"{self.law.site} is not right: {why}"
            )

    def _charge(self, entry: Entry) -> Paid:
        """Find the question a charge paid for, and that it was permitted."""
        self.law.check_answering()
        mandate = self.law.permit(bytes.fromhex(entry.mandate or ""))
        mandate.check_in_force(_moment(entry))
        programme = self.law.programme(mandate.programme)
        period = Period(entry.periods or "")
        metric = programme.metric(entry.metric or "")
        analysis_plan.check_arms(mandate, programme)
        analysis_plan.check_asked(metric, programme, period, self.law.plans)
        made = self._made(programme, entry.metric or "", period, mandate.revision)
        for name, query in made.items():
            if query.digest.hex() == entry.query_digest:
                _check_same(entry, query, mandate)
                return Paid(
                    entry=entry,
                    name=name,
                    query=query,
                    programme=programme,
                    mandate=mandate,
                    purposes=self._purposes(mandate, query, entry),
                )
        raise LedgerInconsistent(
            f"it pays for a question that {entry.metric} of programme "
            f"{programme.version} does not ask about {period}."
        )

    def _made(
        self, programme: Programme, metric: str, period: Period, revision: int
    ) -> dict[str, Query]:
        """Make a metric's questions once, however many of them were charged."""
        key = (programme.version, metric, period.label, revision)
        if key not in self._queries:
            found = programme.queries(programme.metric(metric), period, revision)
            self._queries[key] = found
        return self._queries[key]

    def _purposes(
        self, mandate: Mandate, query: Query, entry: Entry
    ) -> frozenset[Purpose]:
        """Return the purposes for which mandate and policy let a question through.

        The purpose itself is in the coordinator's signed question, not in the ledger.
        """
        if self.law.policy is None:
            raise NotAllowed("there was no policy to let it through.")
        allowed, refusals = set(), []
        for purpose in sorted(mandate.purposes):
            asked = Asked(
                site=self.law.site,
                metric=entry.metric or "",
                purpose=purpose,
                mode=mandate.mode,
                period=query.periods[-1],
                revision=query.revision,
                programme=mandate.programme,
            )
            try:
                mandate.check(asked)
                self.law.policy.check(
                    asked, entry_years=query.entry_years, now=_moment(entry)
                )
            except ExchangeError as error:
                refusals.append(error)
            else:
                allowed.add(purpose)
        if not allowed:
            raise refusals[0]
        return frozenset(allowed)

    def _release(self, entry: Entry) -> None:
        """Check that a release has exactly the noise its charge paid for."""
        key = entry.release_key or ""
        paid, kept = self.paid.get(key), self._export.releases[key]
        if paid is None:
            raise LedgerInconsistent("the charge it rests on is not right.")
        size = len(cells(paid.query, paid.programme.dictionary))
        moved = sensitivity.of(paid.query, paid.programme.dictionary)
        said = (kept.size, kept.l2_squared, kept.released_at)
        due = (size, str(moved.l2_squared), entry.at)
        if said != due or not _is_due(kept, moved, Fraction(paid.entry.rho or "")):
            raise LedgerInconsistent(
                "its size, sensitivity or noise is not what its charge paid for."
            )
        self.paid[key] = replace(paid, release=kept, kept_by=entry)


def _is_due(kept: ReleaseLine, moved: Sensitivity, rho: Fraction) -> bool:
    """Tell whether a release has the noise its loss paid for: enough, and no more.

    Whether it is enough is the noise library's own word. Another version of it may
    choose a scale that differs in the last place, so no more is asked roughly.
    """
    variance = Fraction(kept.variance)
    root = (math.isqrt(variance.numerator), math.isqrt(variance.denominator))
    scale = Fraction(*root)
    try:
        Mechanism(kept.size, moved.l2_squared, rho, scale)
    except NoiseBroken:
        return False
    least = mechanism.calibrate(
        l2_squared=moved.l2_squared, rho=rho, size=kept.size
    ).variance
    return scale**2 == variance <= least * _ABOUT


def _check_same(entry: Entry, query: Query, mandate: Mandate) -> None:
    """Refuse a charge that names other accounts than its question touches."""
    said = (
        entry.release_key,
        entry.mode,
        entry.entry_years,
        entry.anchor,
        entry.periods,
    )
    meant = (
        query.release_key(mandate.mode).hex(),
        mandate.mode.value,
        " ".join(year.label for year in query.entry_years),
        query.anchor,
        " ".join(period.label for period in query.periods),
    )
    if said != meant:
        raise LedgerInconsistent(
            "it charges other accounts, or answers under another key, than its "
            "question calls for."
        )
    if mandate.mode is Mode.SITE and entry.worst_rho != entry.rho:
        raise LedgerInconsistent(
            "a site's own release costs the same in both columns, and it does not."
        )


def _moment(entry: Entry) -> dt.datetime:
    """Return when an entry was made.

    Raises:
        LedgerInconsistent: it does not say so in UTC, so nobody could know.
    """
    moment = dt.datetime.fromisoformat(entry.at)
    if moment.utcoffset() != dt.timedelta(0):
        raise LedgerInconsistent(
            f"Ledger entry {entry.sequence} does not state its moment in UTC."
        )
    return moment
