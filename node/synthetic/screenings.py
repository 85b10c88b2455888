"""What an enrolled adult is screened for, and what follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.synthetic import odds
from node.synthetic.journey import Journey
from node.synthetic.odds import Chance, Odds
from node.synthetic.people import Household
from node.synthetic.row import Row, Rows, iso
from node.synthetic.stream import Stream
from privacy.strict import Section

_WITHIN_DAYS: Final = 60
_LATER_DAYS: Final = 120
_TRAFFICKING, _MENTAL = "trafficking_short", "mental_health_brief"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screenings:
    """How often each tool is used, and with which result."""

    trafficking_by_60: Chance
    trafficking_later: Chance
    trafficking_linked: Chance
    mental_health: Chance
    mental_health_wanted: Chance
    mental_health_linked: Chance
    mental_health_linked_other_language: Chance
    safety: Chance
    legal_relief: Chance
    result: dict[str, Odds[str]]


@dataclass(frozen=True, slots=True)
class Screening:
    """One screening: its day since enrolment, tool and result."""

    day: int
    tool: str
    result: str


_ACTIONS: Final = {
    _TRAFFICKING: "specialist",
    _MENTAL: "mental_health_referral",
    "safety": "safety_plan",
    "legal_relief": "legal_referral",
}


def read(section: Section) -> Screenings:
    """Read the screenings section."""
    screenings = Screenings(
        trafficking_by_60=odds.percent(section, "trafficking_by_60"),
        trafficking_later=odds.percent(section, "trafficking_later"),
        trafficking_linked=odds.percent(section, "trafficking_linked"),
        mental_health=odds.percent(section, "mental_health"),
        mental_health_wanted=odds.percent(section, "mental_health_wanted"),
        mental_health_linked=odds.percent(section, "mental_health_linked_by_60"),
        mental_health_linked_other_language=odds.percent(
            section, "mental_health_linked_by_60_other_language"
        ),
        safety=odds.percent(section, "safety"),
        legal_relief=odds.percent(section, "legal_relief"),
        result={
            _TRAFFICKING: odds.choice(section, "trafficking_result"),
            _MENTAL: odds.choice(section, "mental_health_result"),
            "safety": odds.choice(section, "safety_result"),
            "legal_relief": odds.choice(section, "legal_relief_result"),
        },
    )
    section.done()
    return screenings


def rows(
    screenings: Screenings, household: Household, journey: Journey, stream: Stream
) -> Rows:
    """Yield each enrolled adult's screenings, and care that follows."""
    for key, first_day in zip(household.adults, journey.enrolled, strict=False):
        for screening in _screened(screenings, stream):
            on = first_day + screening.day
            linked, wanted = _follow_through(screenings, household, screening, stream)
            if on > journey.left_on:
                continue
            if linked is not None and on + linked > journey.last_day:
                linked = None
            indicated = screening.result == "indicators"
            yield (
                "screening",
                {
                    "person_key": key,
                    "screened_on": iso(on),
                    "tool": screening.tool,
                    "result": screening.result,
                    "action": _ACTIONS[screening.tool] if indicated else "none",
                    "support_wanted": int(wanted),
                    "linked_after_days": linked,
                },
            )
            if indicated and screening.tool == "legal_relief":
                yield "legal_event", _potential_relief(key, on)
            if linked is not None and on + linked <= journey.left_on:
                yield "service_event", _care(key, on + linked, screening.tool)


def _screened(screenings: Screenings, stream: Stream) -> Iterator[Screening]:
    """Yield the screenings an adult has, whatever the length of the stay."""
    days = {}
    if screenings.trafficking_by_60.happens(stream):
        days[_TRAFFICKING] = stream.below(_WITHIN_DAYS + 1)
    elif screenings.trafficking_later.happens(stream):
        days[_TRAFFICKING] = _WITHIN_DAYS + 1 + stream.below(_LATER_DAYS)
    if screenings.mental_health.happens(stream):
        days[_MENTAL] = stream.below(_WITHIN_DAYS + 1)
    if screenings.safety.happens(stream):
        days["safety"] = stream.below(_WITHIN_DAYS + 1)
    if screenings.legal_relief.happens(stream):
        days["legal_relief"] = stream.below(_LATER_DAYS + 1)
    for tool, day in days.items():
        yield Screening(day, tool, screenings.result[tool].pick(stream))


def _follow_through(
    screenings: Screenings, household: Household, screening: Screening, stream: Stream
) -> tuple[int | None, bool]:
    """Return the days until care began, if it did, and whether it was wanted."""
    if screening.result != "indicators":
        return None, False
    days = 1 + stream.below(_WITHIN_DAYS)
    wanted = screenings.mental_health_wanted.happens(stream)
    chance = screenings.trafficking_linked
    if screening.tool == _MENTAL:
        chance = screenings.mental_health_linked
        if household.language not in {"spanish", "english"}:
            chance = screenings.mental_health_linked_other_language
    else:
        wanted = True
    return (days if wanted and chance.happens(stream) else None), wanted


def _potential_relief(key: str, day: int) -> Row:
    """Return the legal event a relief screening leads to."""
    return {
        "person_key": key,
        "happened_on": iso(day),
        "kind": "potential_relief_identified",
        "source": "attorney",
    }


def _care(key: str, day: int, tool: str) -> Row:
    """Return the first service that follows a screening."""
    kinds = {_TRAFFICKING: "trafficking_follow_up", _MENTAL: "mental_health"}
    return {
        "person_key": key,
        "served_on": iso(day),
        "type": kinds.get(tool, "legal_referral" if tool != "safety" else "other"),
        "mode": "office",
        "minutes": 60,
        "language_concordant": 1,
        "referral_status": "not_a_referral",
        "funding_source": "cmpp",
    }
