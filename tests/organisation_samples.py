"""Made-up months of an organisation: round numbers that a test can add up."""

from collections.abc import Iterable
from fractions import Fraction

from privacy.organisation_month import OrganisationMonth, months_of
from privacy.period import Period

PHASES = {"NYC": "P1"}


def month(site: str, name: str, **changes: object) -> OrganisationMonth:
    """Return a month that cost 1,000 dollars, with 50 places and 2 case managers."""
    parts: dict[str, object] = {
        "site": site,
        "month": name,
        "phase": PHASES.get(site, "P2"),
        "case_manager_fte": Fraction(2),
        "other_fte": Fraction(1, 2),
        "vacancies": Fraction(0),
        "cost_personnel": Fraction(700),
        "cost_direct_aid": Fraction(100),
        "cost_subawards": Fraction("150.50"),
        "cost_indirect": Fraction("49.50"),
        "places": 50,
        "places_offered": 10,
        "open_days": 20,
    }
    return OrganisationMonth(**(parts | changes))


def whole(sites: Iterable[str], period: str) -> tuple[OrganisationMonth, ...]:
    """Return every month of a period at some sites."""
    return tuple(month(s, name) for s in sites for name in months_of(Period(period)))
