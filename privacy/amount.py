"""Loss as a ledger counts it: whole pico-rho, in two columns, held under caps."""

from collections.abc import Mapping
from dataclasses import dataclass

from privacy.errors import BadConfiguration, LedgerInconsistent

PICO_MAX = 10**14
"""Pico-rho in 100 rho: no charge and no cap is larger."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Loss in two columns, in whole pico-rho.

    Attributes:
        model: If at most as many sites collude as the policy tolerates.
        worst: If every other site colludes. In site mode the two are equal.

    Raises:
        LedgerInconsistent: a column is no whole number, or below zero.
    """

    model: int
    worst: int

    def __post_init__(self) -> None:
        """Refuse anything but whole amounts."""
        whole = type(self.model) is int and type(self.worst) is int
        if not whole or self.model < 0 or self.worst < 0:
            raise LedgerInconsistent("Loss is counted in whole pico-rho, from zero.")

    def __add__(self, other: "Amount") -> "Amount":
        """Add column by column."""
        return Amount(self.model + other.model, self.worst + other.worst)

    def __sub__(self, other: "Amount") -> "Amount":
        """Return what is left of this amount, never below zero."""
        left = (self.model - other.model, self.worst - other.worst)
        return Amount(max(0, left[0]), max(0, left[1]))

    def within(self, cap: "Amount") -> bool:
        """Tell whether neither column is above a cap's."""
        return self.model <= cap.model and self.worst <= cap.worst

    def or_more(self, other: "Amount") -> "Amount":
        """Return the larger of two amounts, column by column."""
        return Amount(max(self.model, other.model), max(self.worst, other.worst))

    def or_less(self, other: "Amount") -> "Amount":
        """Return the smaller of two amounts, column by column."""
        return Amount(min(self.model, other.model), min(self.worst, other.worst))


NOTHING = Amount(0, 0)
"""What an account holds before the first charge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most loss the officers allow.

    Attributes:
        lifetime: For each entry year, over everything ever asked.
        fiscal_year: For each entry year, over what is asked about one fiscal year.
        per_mandate: For everything asked under one mandate.
        per_release: For any one release.

    Raises:
        BadConfiguration: a cap is not positive, too large, or contradicts another.
    """

    lifetime: Amount
    fiscal_year: Amount
    per_mandate: Amount
    per_release: Amount

    def __post_init__(self) -> None:
        """Refuse caps that could not be meant."""
        caps = tuple(self.named().values())
        if not all(0 < cap.model <= cap.worst <= PICO_MAX for cap in caps):
            raise BadConfiguration(
                "Every cap must be above 0 and at most 100 rho, and its worst-case "
                "column no smaller than the other; correct the policy."
            )
        if not all(self.per_release.within(cap) for cap in caps):
            raise BadConfiguration(
                "The cap per release is larger than another cap and would never be "
                "reached; correct the policy."
            )

    def named(self) -> Mapping[str, Amount]:
        """Return every cap under the name a policy gives it."""
        return {
            "lifetime": self.lifetime,
            "fiscal_year": self.fiscal_year,
            "per_mandate": self.per_mandate,
            "per_release": self.per_release,
        }

    def __or__(self, other: "Caps") -> "Caps":
        """Return the larger of each cap, column by column."""
        mine, others = self.named(), other.named()
        return Caps(**{name: cap.or_more(others[name]) for name, cap in mine.items()})
