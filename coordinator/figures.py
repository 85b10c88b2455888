"""The published numbers that values are divided by, for exactly the sites in them.

A numerator and its denominator speak of the same sites and the same months, or there
is no value: a number that is missing for one site is missing for the total.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from privacy import facts as public
from privacy.catalogue import EstimatorKind, Metric
from privacy.facts import Facts
from privacy.organisation_month import OrganisationMonth, months_of
from privacy.period import Period

SLOTS_OFFERED: Final = "slots_offered"
CAPACITY: Final = "capacity"
CASE_MANAGER_FTE: Final = "case_manager_fte"
COST: Final = "cost"
MONITORING_PRICE: Final = "monitoring_price"
DETENTION_PRICE: Final = "detention_price"

WITHOUT_QUESTION: Final = frozenset({EstimatorKind.PUBLIC, EstimatorKind.LEDGER})
"""Metrics that need no answer of a site: nothing is asked, nothing is charged."""

_OVER_MONTHS: Final[Mapping[str, Callable[[OrganisationMonth], Fraction | int]]] = {
    SLOTS_OFFERED: lambda month: month.places_offered,
    COST: lambda month: month.cost,
}
_AT_THE_END: Final[Mapping[str, Callable[[OrganisationMonth], Fraction | int]]] = {
    CAPACITY: lambda month: month.places,
    CASE_MANAGER_FTE: lambda month: month.case_manager_fte,
}
_PRICES: Final = {MONITORING_PRICE: "monitoring", DETENTION_PRICE: "detention"}
NAMES: Final = {
    SLOTS_OFFERED: "places offered in draws",
    CAPACITY: "households funded to be served",
    CASE_MANAGER_FTE: "case managers",
    COST: "cost",
    MONITORING_PRICE: "price of a day of monitoring",
    DETENTION_PRICE: "price of a day of detention",
}
"""Every figure that a metric may name, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFigures:
    """Everything published about the programme and its sites.

    Attributes:
        facts: About the programme.
        months: About the sites, as they stand.
    """

    facts: Facts = field(default_factory=public.load)
    months: Sequence[OrganisationMonth] = ()

    def of(
        self, metric: Metric, sites: Sequence[str], period: Period
    ) -> Mapping[str, Fraction]:
        """Return the figure a metric reads, summed over some sites.

        Units:  households for places, full-time equivalents for staff, dollars.

        Returns:
            The figure by its name; nothing if the metric reads none, or if it is
            not known for one of the sites or one of the months.
        """
        name = metric.estimator.figure
        found = None if name is None else self._figure(name, sites, period)
        return {} if name is None or found is None else {name: found}

    def missing(self, metric: Metric, groups: Sequence[str]) -> str:
        """Say of which sites' values a figure is missing, and what to do about it."""
        name = metric.estimator.figure or ""
        whose, what = ", ".join(groups), NAMES.get(name, name)
        if name in _PRICES:
            return (
                f"No value for {whose}: no {what} is known for the period; `cmpp facts "
                "show prices --all` lists those that are."
            )
        return (
            f"No value for {whose}: the {what} of every site and month in it must be "
            "published first; add the months with `cmpp facts add`."
        )

    def complete(self, site: str, months: Sequence[str]) -> bool:
        """Tell whether a site published every one of some months."""
        return set(months) <= {each.month for each in self.months if each.site == site}

    def _figure(
        self, name: str, sites: Sequence[str], period: Period
    ) -> Fraction | None:
        """Return a figure, or None if a part of it is missing."""
        if name in _PRICES:
            price = self.facts.price(_PRICES[name], on=period.end)
            return None if price is None else price.dollars
        months = months_of(period)
        if name in _AT_THE_END:
            months = months[-1:]
        read = {**_OVER_MONTHS, **_AT_THE_END}.get(name)
        if read is None or not all(self.complete(site, months) for site in sites):
            return None
        parts = (
            Fraction(read(each))
            for each in self.months
            if each.site in sites and each.month in months
        )
        # Nothing is divided by a place or a dollar that nobody had.
        return sum(parts, Fraction(0)) or None
