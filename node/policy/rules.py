"""The site's own rules: what may be asked here, and how much loss it may cost.

The officer writes and signs them; the node only obeys. Every decision is taken
from the query, these rules and the date, never from a record, so a refusal
tells nobody anything about anyone.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from privacy import loss
from privacy.errors import (
    BadConfiguration,
    BudgetExhausted,
    Expired,
    NotAllowed,
    WrongProgramme,
)
from privacy.period import Period, PeriodKind

_PICO_MAX = 10**14


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most loss the officer allows, in pico-rho.

    Attributes:
        lifetime_pico: For each entry year, over all releases that touch it.
        per_release_pico: For any one release.
    """

    lifetime_pico: int
    per_release_pico: int

    def __post_init__(self) -> None:
        """Refuse anything but whole, positive, ordered amounts."""
        amounts = (self.per_release_pico, self.lifetime_pico)
        if any(type(amount) is not int for amount in amounts):
            raise BadConfiguration("A cap must be a whole number of pico-rho.")
        if not 0 < self.per_release_pico <= self.lifetime_pico <= _PICO_MAX:
            raise BadConfiguration(
                "Caps must be positive, at most 100 rho, and the cap per release "
                "no larger than the lifetime cap; correct them in the policy."
            )

    @classmethod
    def of(cls, *, lifetime_rho: Fraction, per_release_rho: Fraction) -> Self:
        """Count exact caps in pico-rho, rounded down: charges are rounded up."""
        return cls(
            lifetime_pico=int(lifetime_rho * loss.PICO),
            per_release_pico=int(per_release_rho * loss.PICO),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one site's privacy officer allows, as signed.

    Attributes:
        site: The site these rules belong to.
        version: Only ever raised; an older file is refused.
        programme: Version of the catalogue the officer read.
        metrics: Metrics that may be asked.
        period_kinds: Grains that may be asked.
        first_entry_year: Earliest entry year a question may touch.
        last_entry_year: Latest entry year a question may touch.
        lifetime_rho: Loss cap for each entry year, for ever.
        per_release_rho: Loss cap for one release.
        delta: At which rho is shown to people as epsilon.
        not_before: First moment the rules hold.
        not_after: Last moment the rules hold.
        digest: SHA-256 of the signed file.
        officer: SHA-256 of the public key that signed it.
    """

    site: str
    version: int
    programme: str
    metrics: frozenset[str]
    period_kinds: frozenset[PeriodKind]
    first_entry_year: Period
    last_entry_year: Period
    lifetime_rho: Fraction
    per_release_rho: Fraction
    delta: Fraction
    not_before: dt.datetime
    not_after: dt.datetime
    digest: bytes
    officer: bytes

    def __post_init__(self) -> None:
        """Refuse rules that contradict themselves."""
        Caps.of(lifetime_rho=self.lifetime_rho, per_release_rho=self.per_release_rho)
        if self.first_entry_year.year > self.last_entry_year.year:
            raise BadConfiguration(
                "The policy's first entry year is after its last; swap them and have "
                "it signed again."
            )
        if self.not_before >= self.not_after:
            raise BadConfiguration(
                "The policy ends before it begins; correct the two moments and have "
                "it signed again."
            )

    @property
    def caps(self) -> Caps:
        """The caps as the ledger counts them."""
        return Caps.of(
            lifetime_rho=self.lifetime_rho, per_release_rho=self.per_release_rho
        )

    def check(
        self,
        *,
        metric: str,
        programme: str,
        periods: Collection[Period],
        entry_years: Collection[Period],
        rho: Fraction,
        now: dt.datetime,
    ) -> None:
        """Let a question through, or refuse it before anything is spent or read.

        Raises:
            Expired: the policy has lapsed.
            WrongProgramme: the officer read another version of the catalogue.
            NotAllowed: the metric, grain or entry years are not in the policy.
            BudgetExhausted: the question costs more than one release may.
        """
        self._check_in_force(now)
        if programme != self.programme:
            raise WrongProgramme(
                f"Site {self.site} allows programme {self.programme} and the question "
                f"uses {programme}; update whichever is older."
            )
        if metric not in self.metrics:
            raise NotAllowed(
                f"Site {self.site} does not allow {metric}; ask its privacy officer "
                "to add it to the policy."
            )
        if not periods or any(p.kind not in self.period_kinds for p in periods):
            raise NotAllowed(
                f"Site {self.site} does not allow periods of this length; ask for "
                f"{' or '.join(sorted(self.period_kinds))}."
            )
        self._check_entry_years(entry_years)
        if loss.pico(rho) > self.caps.per_release_pico:
            raise BudgetExhausted(
                left_pico_rho=self.caps.per_release_pico,
                asked_pico_rho=loss.pico(rho),
            )

    def _check_in_force(self, now: dt.datetime) -> None:
        """Refuse before the first and after the last moment of the policy."""
        if now < self.not_before:
            raise NotAllowed(
                f"The policy of site {self.site} is not in force yet; ask again from "
                f"{self.not_before.isoformat()}."
            )
        if now > self.not_after:
            raise Expired(
                f"The policy of site {self.site} lapsed on "
                f"{self.not_after.isoformat()}; ask its privacy officer to sign a "
                "new one."
            )

    def _check_entry_years(self, entry_years: Collection[Period]) -> None:
        """Refuse a question that may touch a household outside the window."""
        inside = all(
            year.kind is PeriodKind.FISCAL_YEAR
            and self.first_entry_year.year <= year.year <= self.last_entry_year.year
            for year in entry_years
        )
        if not entry_years or not inside:
            raise NotAllowed(
                f"Site {self.site} allows entry years {self.first_entry_year} to "
                f"{self.last_entry_year}; narrow the question to these."
            )
