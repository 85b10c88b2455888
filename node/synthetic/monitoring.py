"""Spells of electronic monitoring, and how soon they end after enrolment."""

from dataclasses import dataclass

from node.synthetic import odds
from node.synthetic.intake import Case
from node.synthetic.journey import Journey
from node.synthetic.odds import Odds
from node.synthetic.people import Household
from node.synthetic.row import Rows, iso
from node.synthetic.stream import Stream
from privacy.strict import Section

_CURRENT, _FORMER = "isap_current", "isap_former"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """How monitoring starts and ends."""

    technology: Odds[str]
    started_before: Odds[int]
    former_ended_before: Odds[int]
    end_speed: Odds[str]
    end_lag: dict[str, Odds[int]]
    requested: Odds[int]
    ended_otherwise: Odds[int]


def read(section: Section) -> Monitoring:
    """Read the monitoring section."""
    speeds = odds.weights(section, "end_speed")
    monitoring = Monitoring(
        technology=odds.choice(section, "technology"),
        started_before=odds.lag(section, "started_before"),
        former_ended_before=odds.lag(section, "former_ended_before"),
        end_speed=odds.weigh(speeds),
        end_lag={speed: odds.lag(section, f"end_{speed}") for speed in speeds},
        requested=odds.lag(section, "requested"),
        ended_otherwise=odds.per_year(section, "ended_per_year_otherwise"),
    )
    section.done()
    return monitoring


def rows(
    monitoring: Monitoring,
    case: Case,
    household: Household,
    journey: Journey,
    stream: Stream,
) -> Rows:
    """Yield each adult's spell."""
    if household.basis not in {_CURRENT, _FORMER}:
        return
    for number, key in enumerate(household.adults):
        technology = monitoring.technology.pick(stream)
        before = monitoring.started_before.pick(stream)
        ended, requested = case.screened_on, None
        if household.basis == _FORMER:
            ended -= 1 + monitoring.former_ended_before.pick(stream)
            before += case.screened_on - ended
        elif journey.enrolled:
            speed = monitoring.end_speed.pick(stream)
            enrolled_on = journey.enrolled[number]
            requested = enrolled_on + monitoring.requested.pick(stream)
            lag = monitoring.end_lag[speed].pick(stream)
            ended = max(requested, enrolled_on + lag)
        else:
            ended += 1 + monitoring.ended_otherwise.pick(stream)
        yield (
            "monitoring_spell",
            {
                "person_key": key,
                "started_on": iso(case.screened_on - before),
                "ended_on": iso(ended) if ended <= journey.last_day else None,
                "technology": technology,
                "end_requested_on": (
                    iso(requested)
                    if requested is not None and requested <= journey.last_day
                    else None
                ),
            },
        )
