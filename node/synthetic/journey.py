"""A household's way from the pool through the draw into, and out of, the programme."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.synthetic import odds, shock
from node.synthetic.intake import Case
from node.synthetic.lottery import Draw
from node.synthetic.odds import Chance, Odds
from node.synthetic.people import Household
from node.synthetic.row import Row, Rows, iso
from node.synthetic.stream import Stream
from privacy.strict import Section

_HALF_YEAR_DAYS: Final = 183
_YEAR_DAYS: Final = 365
_ASCERTAINED: Final = "ascertained"
_FOLLOW_UP_LATEST_DAYS: Final = 21
_TRANSFER_LAG_MOST_DAYS: Final = 10
_PROJECTS: Final = {"P1": 1, "P2": 2, "P3": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What happens to an offer, how long people stay and how they are followed."""

    last_day: int
    case_managers: int
    outcome: Odds[str]
    decline_reason: Odds[str]
    rumour: shock.Rumour | None
    lag: Odds[int]
    consent_follow_up: Chance
    ascertained: dict[tuple[int, bool], Chance]
    follow_up_refused: Chance
    follow_up_source: Odds[str]
    stay: Odds[int]
    exit_reason: Odds[str]
    proceedings: Odds[str]
    second_adult_lag: Odds[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a household made of the place its first draw brought."""

    outcome: str
    settled_on: int
    decline_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One follow-up that was due, and the days its answer covers."""

    name: str
    day: int
    status: str
    source: str
    covers: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """The dated story every other table hangs on.

    Attributes:
        begins: The day its obligations and legal events are told from: the first
            draw, or enrolment for a household that moved in; None if never.
        enrolled: Each enrolled adult's first day, in the household's order.
        exited_on: None while the household is still enrolled on the last day.
        recorded: Spans of days in which the site learns of an event.
    """

    begins: int | None
    offer: Offer | None
    consent_follow_up: bool
    follow_up: tuple[Wave, ...]
    phase: str
    enrolled: tuple[int, ...]
    exited_on: int | None
    exit_reason: str | None
    proceedings_at_exit: str | None
    case_manager: int
    recorded: tuple[tuple[int, int], ...]
    last_day: int

    @property
    def enrolled_on(self) -> int | None:
        """The household's first enrolled day, or None."""
        return self.enrolled[0] if self.enrolled else None

    @property
    def left_on(self) -> int:
        """The last day of its stay so far."""
        return self.last_day if self.exited_on is None else self.exited_on

    def knows(self, day: int) -> bool:
        """Tell whether the site learns of what happens on a day."""
        return any(first <= day <= last for first, last in self.recorded)


def read(
    draw: Section, exits: Section, *, last_day: int, rumour: shock.Rumour | None
) -> Offers:
    """Read what the draw section says about offers, and the exits section."""
    offers = Offers(
        last_day=last_day,
        case_managers=exits.integer("case_managers"),
        outcome=odds.choice(draw, "offer_outcome"),
        decline_reason=odds.choice(draw, "decline_reason"),
        rumour=rumour,
        lag=odds.lag(draw, "offer_lag"),
        consent_follow_up=odds.percent(draw, "consent_follow_up"),
        ascertained={
            (months, selected): odds.percent(
                draw, f"ascertained_{months}_{'' if selected else 'not_'}selected"
            )
            for months in (6, 12)
            for selected in (True, False)
        },
        follow_up_refused=odds.percent(draw, "follow_up_refused"),
        follow_up_source=odds.choice(draw, "follow_up_source"),
        stay=odds.weibull_days(
            odds.number(exits, "stay_median_days"),
            shape=odds.number(exits, "stay_shape"),
            most=1_100,
        ),
        exit_reason=odds.choice(exits, "reason"),
        proceedings=odds.choice(exits, "proceedings"),
        second_adult_lag=odds.lag(exits, "second_adult_lag"),
    )
    draw.done()
    exits.done()
    return offers


def travel(offers: Offers, case: Case, draw: Draw | None, *, stream: Stream) -> Journey:
    """Tell a household's journey."""
    outcome, lag = offers.outcome.pick(stream), 1 + offers.lag.pick(stream)
    settled_on = draw.drawn_on + lag if draw is not None else None
    decline_reason = _reasons(offers, settled_on).pick(stream)
    offer = None
    if draw is not None and draw.selected and draw.drawn_on + lag <= offers.last_day:
        offer = Offer(
            outcome=outcome,
            settled_on=draw.drawn_on + lag,
            decline_reason=decline_reason if outcome == "declined" else None,
        )
    phase, starts = _start(case, draw, takes_up=outcome == "enrolled", lag=lag)
    consented = offers.consent_follow_up.happens(stream)
    waves = tuple(_waves(offers, draw, stream, consented=consented))
    enrolled: tuple[int, ...] = ()
    exited_on = reason = proceedings = None
    spans = [wave.covers for wave in waves if wave.status == _ASCERTAINED]
    if starts is not None and starts <= offers.last_day:
        enrolled = tuple(_first_days(offers, starts, case.adults, stream))
        left_on = enrolled[-1] + 1 + offers.stay.pick(stream)
        if left_on <= offers.last_day:
            exited_on, reason = left_on, offers.exit_reason.pick(stream)
            proceedings = offers.proceedings.pick(stream)
        spans.append((enrolled[0], min(left_on, offers.last_day)))
    return Journey(
        begins=starts if draw is None else draw.drawn_on,
        offer=offer,
        consent_follow_up=consented,
        follow_up=waves,
        phase=phase,
        enrolled=enrolled,
        exited_on=exited_on,
        exit_reason=reason,
        proceedings_at_exit=proceedings,
        case_manager=1 + stream.below(offers.case_managers),
        recorded=tuple(spans),
        last_day=offers.last_day,
    )


def pool_rows(
    case: Case, household: Household, journey: Journey, draw: Draw | None
) -> Rows:
    """Yield a household's pool entry, and its second one."""
    if case.entered_on is None:
        return
    row: Row = {
        "household_key": household.key,
        "entered_on": iso(case.entered_on),
        "channel": case.channel,
        "interested": int(draw is not None),
        "offer_outcome": "not_offered",
    }
    if draw is not None:
        alike = draw.places if draw.selected else draw.pool - draw.places
        row |= {
            "drawn_on": iso(draw.drawn_on),
            "draw_stratum": draw.stratum,
            "selection_permille": max(1, _divide(1000 * draw.places, draw.pool)),
            "inverse_probability_percent": _divide(100 * draw.pool, alike),
            "selected": int(draw.selected),
            "waitlist_rank": draw.waitlist_rank,
        }
    if journey.offer is not None:
        row |= {
            "offer_outcome": journey.offer.outcome,
            "offer_resolved_on": iso(journey.offer.settled_on),
            "decline_reason": journey.offer.decline_reason,
        }
    yield "pool_entry", row
    if draw is not None and draw.reentry is not None:
        yield (
            "pool_reentry",
            {
                "household_key": household.key,
                "entered_on": iso(draw.reentry.entered_on),
                "drawn_on": iso(draw.reentry.drawn_on),
                "selected": int(draw.reentry.selected),
            },
        )


def follow_up_rows(household: Household, journey: Journey) -> Rows:
    """Yield how a household's follow-ups after the draw went."""
    for wave in journey.follow_up:
        yield (
            "follow_up",
            {
                "household_key": household.key,
                "followed_up_on": iso(wave.day),
                "wave": wave.name,
                "status": wave.status,
                "source": wave.source,
            },
        )


def enrolment_rows(case: Case, household: Household, journey: Journey) -> Rows:
    """Yield each adult's enrolment."""
    exited = journey.exited_on is not None
    for key, first_day in zip(household.adults, journey.enrolled, strict=False):
        yield (
            "enrolment",
            {
                "person_key": key,
                "enrolled_on": iso(first_day),
                "exited_on": iso(journey.left_on) if exited else None,
                "phase": journey.phase,
                "project_slot": _PROJECTS[journey.phase],
                "case_manager_slot": journey.case_manager,
                "exit_reason": journey.exit_reason,
                "proceedings_at_exit": journey.proceedings_at_exit,
                "transferred_in": int(case.transferred_in),
            },
        )


def _reasons(offers: Offers, settled_on: int | None) -> Odds[str]:
    """Return why offers are declined on a day."""
    if offers.rumour is None or settled_on is None:
        return offers.decline_reason
    return offers.rumour.reasons_on(settled_on) or offers.decline_reason


def _start(
    case: Case, draw: Draw | None, *, takes_up: bool, lag: int
) -> tuple[str, int | None]:
    """Return the phase and the day a household's enrolment starts, if it does."""
    if case.transferred_in:
        return case.phase, case.screened_on + min(lag, _TRANSFER_LAG_MOST_DAYS)
    if draw is None or not takes_up:
        return case.phase, None
    if draw.selected:
        return draw.phase, draw.drawn_on + lag
    if draw.reentry is not None and draw.reentry.selected:
        return draw.reentry.phase, draw.reentry.drawn_on + lag
    return draw.phase, None


def _first_days(
    offers: Offers, starts: int, adults: int, stream: Stream
) -> Iterator[int]:
    """Yield each adult's first day, in order."""
    day = starts
    for number in range(adults):
        if number:
            day += offers.second_adult_lag.pick(stream)
        yield min(day, offers.last_day)


def _waves(
    offers: Offers, draw: Draw | None, stream: Stream, *, consented: bool
) -> Iterator[Wave]:
    """Yield the follow-ups that were due after the draw."""
    if draw is None:
        return
    covered = draw.drawn_on
    for months, days in ((6, _HALF_YEAR_DAYS), (12, _YEAR_DAYS)):
        covers = (covered, draw.drawn_on + days)
        day = covers[1] + stream.below(_FOLLOW_UP_LATEST_DAYS)
        found = offers.ascertained[months, draw.selected].happens(stream)
        refused = offers.follow_up_refused.happens(stream) or not consented
        status = _ASCERTAINED
        if not (found and consented):
            status = "refused" if refused else "not_reached"
        source = offers.follow_up_source.pick(stream)
        if day <= offers.last_day:
            yield Wave(
                name=f"month_{months}",
                day=day,
                status=status,
                source=source,
                covers=covers,
            )
        covered = covers[1] + 1


def _divide(part: int, whole: int) -> int:
    """Divide and round half up."""
    return (2 * part + whole) // (2 * whole)
