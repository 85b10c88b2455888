"""The legal events of a household's case, in both arms of the draw."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.synthetic import odds
from node.synthetic.effect import Effect
from node.synthetic.intake import Case
from node.synthetic.journey import Journey
from node.synthetic.odds import Chance, Odds
from node.synthetic.people import Household, chances
from node.synthetic.row import Rows, iso
from node.synthetic.stream import Stream
from privacy.strict import Section

_YEAR_DAYS: Final = 365
_NONE, _LIMITED, _FULL = "represented_none", "represented_limited", "represented_full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Legal:
    """How cases go."""

    represented_at_entry: dict[str, Chance]
    full_at_entry: Chance
    full_when_gained: Chance
    gained_within_days: int
    lost: Odds[int]
    filed_asylum: Chance
    deadline_known: Chance
    deadline_met: Chance
    permit_applied: Chance
    permit_lag: Odds[int]
    permit_granted: Chance
    permit_decision_lag: Odds[int]
    decided: Odds[int]
    decision: Odds[str]
    custody: Odds[int]
    custody_ended: Chance
    custody_lag: Odds[int]


@dataclass(frozen=True, slots=True)
class Event:
    """One dated event of a case and who told the site."""

    day: int
    kind: str
    source: str


@dataclass(frozen=True, slots=True)
class Story:
    """A case: its events, and from which days it had a lawyer or had none."""

    events: tuple[Event, ...]
    changed_on: tuple[int, ...]
    represented: tuple[bool, ...]
    decided_on: int | None

    def is_represented(self, day: int) -> bool:
        """Tell whether the household had a lawyer on a day."""
        return self.represented[max(0, bisect_right(self.changed_on, day) - 1)]


def read(section: Section) -> Legal:
    """Read the legal section."""
    legal = Legal(
        represented_at_entry=chances(section, "represented_at_entry"),
        full_at_entry=odds.percent(section, "full_at_entry"),
        full_when_gained=odds.percent(section, "full_when_gained"),
        gained_within_days=section.integer("gained_within_days"),
        lost=odds.per_year(section, "lost_per_year"),
        filed_asylum=odds.percent(section, "filed_asylum"),
        deadline_known=odds.percent(section, "one_year_deadline_known"),
        deadline_met=odds.percent(section, "one_year_deadline_met"),
        permit_applied=odds.percent(section, "work_permit_applied"),
        permit_lag=odds.lag(section, "work_permit_lag"),
        permit_granted=odds.percent(section, "work_permit_granted"),
        permit_decision_lag=odds.lag(section, "work_permit_decision_lag"),
        decided=odds.per_year(section, "decisions_per_year"),
        decision=odds.choice(section, "decision"),
        custody=odds.per_year(section, "custody_per_year"),
        custody_ended=odds.percent(section, "custody_ended"),
        custody_lag=odds.lag(section, "custody_lag"),
    )
    section.done()
    return legal


def tell(
    legal: Legal,
    effect: Effect,
    case: Case,
    household: Household,
    journey: Journey,
    stream: Stream,
) -> Story | None:
    """Tell the case of a household that entered the pool or enrolled."""
    if case.entered_on is None and not journey.enrolled:
        return None
    known_from = case.screened_on if case.entered_on is None else case.entered_on
    with_lawyer = legal.represented_at_entry[household.language].happens(stream)
    full = legal.full_at_entry.happens(stream)
    first = (_FULL if full else _LIMITED) if with_lawyer else _NONE
    changes = [Event(known_from, first, "participant")]
    events: list[Event] = []
    if journey.begins is not None:
        changes += _changes(legal, effect, journey, stream, with_lawyer=with_lawyer)
        enrolled = bool(journey.enrolled)
        if effect.filed[enrolled].happens(stream):
            events += _application(legal, journey.begins, stream)
        events += _end(legal, journey, journey.begins, stream)
    changes.sort(key=lambda event: event.day)
    decided = [e.day for e in events if e.kind.startswith("decided")]
    return Story(
        events=(*changes, *events),
        changed_on=tuple(event.day for event in changes),
        represented=tuple(event.kind != _NONE for event in changes),
        decided_on=min(decided, default=None),
    )


def rows(household: Household, journey: Journey, story: Story) -> Rows:
    """Yield, for each adult, the events the site learned of."""
    for event in story.events:
        if event is story.events[0] or journey.knows(event.day):
            for key in household.adults:
                yield (
                    "legal_event",
                    {
                        "person_key": key,
                        "happened_on": iso(event.day),
                        "kind": event.kind,
                        "source": event.source,
                    },
                )


def _changes(
    legal: Legal,
    effect: Effect,
    journey: Journey,
    stream: Stream,
    *,
    with_lawyer: bool,
) -> Iterator[Event]:
    """Yield the days a lawyer was found or lost."""
    begins = journey.begins or 0
    since = begins if journey.enrolled_on is None else journey.enrolled_on
    gained = effect.gained[bool(journey.enrolled)].happens(stream)
    day = since + 1 + stream.below(legal.gained_within_days)
    full = legal.full_when_gained.happens(stream)
    if gained and not with_lawyer:
        yield Event(day, _FULL if full else _LIMITED, "attorney")
    if gained or with_lawyer:
        yield Event(day + 1 + legal.lost.pick(stream), _NONE, "participant")


def _application(legal: Legal, begins: int, stream: Stream) -> Iterator[Event]:
    """Yield an application and what goes with it."""
    day = begins + stream.below(_YEAR_DAYS)
    asylum = legal.filed_asylum.happens(stream)
    yield Event(day, "asylum_filed" if asylum else "other_relief_filed", "attorney")
    if not asylum:
        return
    if legal.deadline_known.happens(stream):
        met = "met" if legal.deadline_met.happens(stream) else "missed"
        yield Event(day, f"one_year_deadline_{met}", "document")
    if legal.permit_applied.happens(stream):
        day += legal.permit_lag.pick(stream)
        yield Event(day, "work_permit_applied", "document")
        if legal.permit_granted.happens(stream):
            day += 1 + legal.permit_decision_lag.pick(stream)
            yield Event(day, "work_permit_granted", "document")


def _end(
    legal: Legal, journey: Journey, begins: int, stream: Stream
) -> Iterator[Event]:
    """Yield decisions and custody, agreeing with the reason for leaving."""
    decision = legal.decision.pick(stream)
    decided_on = begins + 1 + legal.decided.pick(stream)
    custody_on = begins + 1 + legal.custody.pick(stream)
    if journey.exit_reason == "relief_granted_and_done":
        decision, decided_on = "decided_relief", journey.left_on - stream.below(30)
    elif journey.exit_reason == "removed":
        decision = "decided_removal_order_present"
        decided_on = custody_on = journey.left_on
    elif journey.exit_reason == "detained":
        custody_on = journey.left_on
    yield Event(decided_on, decision, "eoir_case_line")
    yield Event(custody_on, "custody_began", "participant")
    if legal.custody_ended.happens(stream):
        released_on = custody_on + 1 + legal.custody_lag.pick(stream)
        yield Event(released_on, "custody_ended", "attorney")
