"""An enrolled adult's goals, their reviews, and the referrals made for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.synthetic import odds
from node.synthetic.journey import Journey
from node.synthetic.odds import Chance, Odds
from node.synthetic.people import Household, chances
from node.synthetic.row import Row, Rows, iso
from node.synthetic.stream import Stream
from privacy.strict import Section

_MOST_NEEDS: Final = 8
_BEST: Final = 4
_OPENED_WITHIN_DAYS: Final = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews:
    """How a status from 0 to 4 moves from one review to the next."""

    entry: Odds[str]
    every_days: int
    improved: Chance
    worsened: Chance

    def path(self, first: int, last: int, stream: Stream) -> Iterator[tuple[int, int]]:
        """Yield review days and statuses."""
        status = int(self.entry.pick(stream))
        for day in range(first, last + 1, self.every_days):
            yield day, status
            if self.improved.happens(stream):
                status = min(_BEST, status + 1)
            elif self.worsened.happens(stream):
                status = max(0, status - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Which needs people have and what becomes of them."""

    further: Odds[int]
    domain: Odds[str]
    chosen_by: Odds[str]
    goals: Reviews
    met_at_status: int
    wellbeing: Reviews
    referred: Chance
    referral_lag: Odds[int]
    linked: Chance
    closing_lag: Odds[int]
    no_capacity: dict[str, Chance]
    closed_otherwise: Chance
    closed_reason: Odds[str]
    school_every_days: int
    in_school: Chance


def read(section: Section) -> Needs:
    """Read the needs section."""
    needs = Needs(
        further=odds.poisson(odds.number(section, "further_mean"), most=_MOST_NEEDS),
        domain=odds.choice(section, "domain"),
        chosen_by=odds.choice(section, "chosen_by"),
        goals=Reviews(
            entry=odds.choice(section, "entry_status"),
            every_days=section.integer("review_every_days"),
            improved=odds.percent(section, "improved"),
            worsened=odds.percent(section, "worsened"),
        ),
        met_at_status=section.integer("met_at_status"),
        wellbeing=Reviews(
            entry=odds.choice(section, "wellbeing_entry"),
            every_days=section.integer("wellbeing_every_days"),
            improved=odds.percent(section, "wellbeing_improved"),
            worsened=odds.percent(section, "wellbeing_worsened"),
        ),
        referred=odds.percent(section, "referred"),
        referral_lag=odds.lag(section, "referral_lag"),
        linked=odds.percent(section, "linked"),
        closing_lag=odds.lag(section, "closing_lag"),
        no_capacity=chances(section, "no_capacity"),
        closed_otherwise=odds.percent(section, "closed_otherwise"),
        closed_reason=odds.choice(section, "closed_reason"),
        school_every_days=section.integer("school_every_days"),
        in_school=odds.percent(section, "in_school"),
    )
    section.done()
    return needs


def rows(needs: Needs, household: Household, journey: Journey, stream: Stream) -> Rows:
    """Yield the goals, reviews and referrals of an enrolled household."""
    for key, first_day in zip(household.adults, journey.enrolled, strict=False):
        domains = {
            needs.domain.pick(stream): None
            for _ in range(1 + needs.further.pick(stream))
        }
        for domain in domains:
            opened = first_day + stream.below(_OPENED_WITHIN_DAYS)
            if opened <= journey.left_on:
                yield from _goal(needs, key, domain, (opened, journey), stream)
        for day, band in needs.wellbeing.path(first_day, journey.left_on, stream):
            review: Row = {"person_key": key, "reviewed_on": iso(day), "band": band}
            yield "wellbeing_review", review
    if household.children and journey.enrolled_on is not None:
        of_age = stream.below(household.children + 1)
        every = needs.school_every_days
        for day in range(journey.enrolled_on, journey.left_on + 1, every):
            in_school = sum(needs.in_school.happens(stream) for _ in range(of_age))
            yield (
                "school_review",
                {
                    "household_key": household.key,
                    "reviewed_on": iso(day),
                    "school_age_children": of_age,
                    "children_in_school": in_school,
                },
            )


def _goal(
    needs: Needs, key: str, domain: str, span: tuple[int, Journey], stream: Stream
) -> Rows:
    """Yield one goal, its reviews and the referral made for it."""
    opened, journey = span
    yield (
        "plan_goal",
        {
            "person_key": key,
            "opened_on": iso(opened),
            "domain": domain,
            "chosen_by": needs.chosen_by.pick(stream),
        },
    )
    for day, status in needs.goals.path(opened, journey.left_on, stream):
        yield (
            "goal_review",
            {
                "person_key": key,
                "reviewed_on": iso(day),
                "domain": domain,
                "status": status,
                "met": int(status >= needs.met_at_status),
            },
        )
    if needs.referred.happens(stream):
        made = opened + needs.referral_lag.pick(stream)
        if made <= journey.left_on:
            referral = _referral(needs, domain, journey.last_day - made, stream)
            shared: Row = {"person_key": key, "served_on": iso(made)}
            yield "service_event", shared | referral


def _referral(needs: Needs, domain: str, known_days: int, stream: Stream) -> Row:
    """Return one referral, as far as it had come after a number of days."""
    days = 1 + needs.closing_lag.pick(stream)
    no_capacity = needs.no_capacity.get(domain, needs.no_capacity["other"])
    status, reason = "accepted", None
    if needs.linked.happens(stream):
        status = "linked"
    elif no_capacity.happens(stream):
        status, reason = "closed_unmet", "no_capacity"
    elif needs.closed_otherwise.happens(stream):
        status, reason = "closed_unmet", needs.closed_reason.pick(stream)
    if days > known_days:
        status, reason = "made", None
    settled = status in {"linked", "closed_unmet"}
    legal = domain == "legal"
    return {
        "type": "legal_referral" if legal else "social_service_connection",
        "minutes": 15,
        "language_concordant": 1,
        "referral_domain": domain,
        "referral_status": status,
        "referral_closed_reason": reason,
        "referral_closed_after_days": days if settled else None,
        "funding_source": "cmpp",
    }
