"""What an enrolled adult receives: assessment, orientation, contacts, extras."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from node.synthetic import odds
from node.synthetic.journey import Journey
from node.synthetic.odds import Chance, Odds
from node.synthetic.people import Household, chances
from node.synthetic.row import Row, Rows, integers, iso, share
from node.synthetic.site import Site
from node.synthetic.stream import Stream
from privacy.strict import Section

_MONTH_DAYS: Final = 30
_MOST_CONTACTS_A_MONTH: Final = 20
_ORIENTATION_LATEST_DAYS: Final = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """How services reach people; contacts by case manager's pace and stage."""

    contacts: tuple[tuple[Odds[int], Odds[int]], ...]
    contacts_first_months: int
    contact_mode: Odds[str]
    contact_minutes: Odds[str]
    concordant: dict[str, Chance]
    funding_source: Odds[str]
    assessment: Chance
    assessment_lag: Odds[int]
    orientation_by_30: Chance
    orientation_later: Chance
    understanding: Odds[str]
    information_session: Chance
    cultural_orientation: Chance
    departure_planning: Chance
    reintegration: Chance
    extra: Odds[int]
    extra_type: Odds[str]
    extra_minutes: Odds[str]


def read(section: Section, *, site: Site) -> Services:
    """Read the services section; a site's contacts have its own pace."""
    size = section.integer("contacts_size")
    first = odds.number(section, "contacts_per_month_first")
    later = odds.number(section, "contacts_per_month_later")
    services = Services(
        contacts=tuple(
            (
                _contacts(first * site.contact_share * share(manager), size),
                _contacts(later * site.contact_share * share(manager), size),
            )
            for manager in integers(section, "manager_percent")
        ),
        contacts_first_months=section.integer("contacts_first_months"),
        contact_mode=odds.choice(section, "contact_mode"),
        contact_minutes=odds.choice(section, "contact_minutes"),
        concordant=chances(section, "concordant"),
        funding_source=odds.choice(section, "funding_source"),
        assessment=odds.percent(section, "assessment"),
        assessment_lag=odds.lag(section, "assessment_lag"),
        orientation_by_30=odds.percent(section, "orientation_by_30"),
        orientation_later=odds.percent(section, "orientation_later"),
        understanding=odds.choice(section, "understanding"),
        information_session=odds.percent(section, "information_session"),
        cultural_orientation=odds.percent(section, "cultural_orientation"),
        departure_planning=odds.percent(section, "departure_planning"),
        reintegration=odds.percent(section, "reintegration"),
        extra=odds.poisson(odds.number(section, "extra_mean"), most=12),
        extra_type=odds.choice(section, "extra_type"),
        extra_minutes=odds.choice(section, "extra_minutes"),
    )
    section.done()
    return services


def rows(
    services: Services, household: Household, journey: Journey, stream: Stream
) -> Rows:
    """Yield each enrolled adult's services, other than referrals."""
    concordant = services.concordant[household.language]
    for key, first_day in zip(household.adults, journey.enrolled, strict=False):
        stay = journey.left_on - first_day
        for day, service, minutes in _served(services, journey, stay, stream):
            if day > stay:
                continue
            mode = services.contact_mode.pick(stream)
            row: Row = {
                "person_key": key,
                "served_on": iso(first_day + day),
                "type": service,
                "mode": mode,
                "minutes": minutes,
                "language_concordant": int(concordant.happens(stream)),
                "referral_status": "not_a_referral",
                "funding_source": services.funding_source.pick(stream),
            }
            if service == "legal_orientation":
                row["understanding"] = int(services.understanding.pick(stream))
            yield "service_event", row


def _served(
    services: Services, journey: Journey, stay: int, stream: Stream
) -> Iterator[tuple[int, str, int]]:
    """Yield day since enrolment, type and minutes; some lie beyond the stay."""
    if services.assessment.happens(stream):
        yield services.assessment_lag.pick(stream), "needs_assessment", 90
    if services.orientation_by_30.happens(stream):
        yield stream.below(_MONTH_DAYS + 1), "legal_orientation", 90
    elif services.orientation_later.happens(stream):
        late = stream.below(_ORIENTATION_LATEST_DAYS - _MONTH_DAYS)
        yield _MONTH_DAYS + 1 + late, "legal_orientation", 90
    if services.information_session.happens(stream):
        yield stream.below(180), "legal_information_session", 60
    if services.cultural_orientation.happens(stream):
        yield stream.below(120), "cultural_orientation", 120
    yield from _as_needed(services, stay, stream)
    pace = services.contacts[journey.case_manager % len(services.contacts)]
    for month in range(stay // _MONTH_DAYS + 1):
        contacts = pace[month >= services.contacts_first_months]
        for _ in range(contacts.pick(stream)):
            day = month * _MONTH_DAYS + stream.below(_MONTH_DAYS)
            minutes = int(services.contact_minutes.pick(stream))
            yield day, "case_management_contact", minutes


def _as_needed(
    services: Services, stay: int, stream: Stream
) -> Iterator[tuple[int, str, int]]:
    """Yield the services that only some need, as above."""
    if services.departure_planning.happens(stream):
        planned = stream.below(300)
        yield planned, "departure_planning", 60
        if services.reintegration.happens(stream):
            yield planned + 30, "reintegration", 60
    for _ in range(services.extra.pick(stream)):
        minutes = int(services.extra_minutes.pick(stream))
        yield stream.below(stay + 1), services.extra_type.pick(stream), minutes


def _contacts(mean: Decimal, size: int) -> Odds[int]:
    """Return the contacts of one month."""
    return odds.negative_binomial(mean, size=size, most=_MOST_CONTACTS_A_MONTH)
