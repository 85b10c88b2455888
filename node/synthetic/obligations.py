"""Hearings, check-ins and address updates, in both arms of the draw."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from node.synthetic import odds
from node.synthetic.effect import Effect
from node.synthetic.journey import Journey
from node.synthetic.legal import Story
from node.synthetic.odds import Chance, Odds
from node.synthetic.people import Household
from node.synthetic.row import Row, Rows, iso
from node.synthetic.stream import Stream
from privacy.strict import Section

_YEAR_DAYS: Final = 365
_MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligations:
    """How often people are called, and what makes them miss it.

    Attributes:
        miss: Chance of a missed hearing by (household's own leaning, enrolled,
            represented, without an interpreter it needs).
    """

    hearings: Odds[int]
    individual: Chance
    leaning: Odds[Decimal]
    miss: dict[tuple[Decimal, bool, bool, bool], Chance]
    unmet_interpreter: Chance
    not_held: Chance
    notice_problem: Chance
    unknown: Chance
    continuance_reason: Odds[str]
    accompanied: Chance
    order: Chance
    order_lag: Odds[int]
    reopened: Chance
    reopened_lag: Odds[int]
    check_ins: Odds[int]
    check_in_excused: Chance
    check_in_missed: tuple[Chance, Chance]
    address_updates: Odds[int]
    address_missed: tuple[Chance, Chance]
    source: Odds[str]


@dataclass(frozen=True, slots=True)
class _Hearing:
    """What became of one hearing."""

    day: int
    result: str
    enrolled: bool


def read(section: Section, effect: Effect) -> Obligations:
    """Read the obligations section under a preset's effect."""
    leaning = odds.bell()
    obligations = Obligations(
        hearings=odds.per_year(section, "hearings_per_year"),
        individual=odds.percent(section, "individual_hearing"),
        leaning=leaning,
        miss=_miss(section, effect, leaning),
        unmet_interpreter=odds.percent(section, "unmet_interpreter"),
        not_held=odds.percent(section, "not_held"),
        notice_problem=odds.percent(section, "notice_problem"),
        unknown=odds.percent(section, "unknown"),
        continuance_reason=odds.choice(section, "continuance_reason"),
        accompanied=odds.percent(section, "accompanied_enrolled"),
        order=odds.percent(section, "in_absentia_order"),
        order_lag=odds.lag(section, "order_lag"),
        reopened=odds.percent(section, "order_reopened"),
        reopened_lag=odds.lag(section, "reopened_lag"),
        check_ins=odds.per_year(section, "check_ins_per_year"),
        check_in_excused=odds.percent(section, "check_in_excused"),
        check_in_missed=effect.check_in,
        address_updates=odds.per_year(section, "address_updates_per_year"),
        address_missed=(
            odds.percent(section, "address_missed"),
            odds.percent(section, "address_missed_enrolled"),
        ),
        source=odds.choice(section, "source"),
    )
    section.done()
    return obligations


def rows(
    obligations: Obligations,
    household: Household,
    journey: Journey,
    story: Story,
    stream: Stream,
) -> Rows:
    """Yield what the site learned of a household's obligations."""
    if journey.begins is None:
        return
    last = journey.begins + _YEAR_DAYS
    if journey.enrolled:
        last = max(last, journey.left_on)
    last = min(last, journey.last_day)
    yield from _hearings(obligations, household, (journey, story), last, stream)
    for key in household.adults:
        for kind, gaps in (
            ("ice_check_in", obligations.check_ins),
            ("address_update_due", obligations.address_updates),
        ):
            day = journey.begins + 1 + gaps.pick(stream)
            while day <= last:
                enrolled = _enrolled(journey, day)
                row = _duty(obligations, kind, stream, enrolled=enrolled)
                if journey.knows(day):
                    yield (
                        "obligation_event",
                        row
                        | {
                            "person_key": key,
                            "due_on": iso(day),
                        },
                    )
                day += 1 + gaps.pick(stream)


def missed_within_a_year(
    obligations: Obligations,
    household: Household,
    journey: Journey,
    story: Story,
    stream: Stream,
) -> bool:
    """Tell whether a hearing was missed within a year of the draw, known or not."""
    last = min((journey.begins or 0) + _YEAR_DAYS, journey.last_day)
    for hearing in _docket(obligations, household, (journey, story), last, stream):
        if hearing.result == _MISSED:
            return True
        if not hearing.result.startswith("in_absentia"):
            # Its words of the stream are used up, as where the row is written.
            _hearing(obligations, hearing, stream)
    return False


def _hearings(
    obligations: Obligations,
    household: Household,
    told: tuple[Journey, Story],
    last: int,
    stream: Stream,
) -> Rows:
    """Yield the hearings of the household's one case, and orders in absence."""
    journey, _ = told
    for hearing in _docket(obligations, household, told, last, stream):
        if hearing.result.startswith("in_absentia"):
            source = "eoir_case_line"
            row: Row = {"happened_on": iso(hearing.day), "source": source}
            table = "legal_event"
            row["kind"] = hearing.result
        else:
            table, row = "obligation_event", _hearing(obligations, hearing, stream)
        if journey.knows(hearing.day):
            for key in household.adults:
                yield table, {"person_key": key, **row}


def _docket(
    obligations: Obligations,
    household: Household,
    told: tuple[Journey, Story],
    last: int,
    stream: Stream,
) -> Iterator[_Hearing]:
    """Yield hearings and orders in absence as they fall, known to the site or not."""
    journey, story = told
    leaning = obligations.leaning.pick(stream)
    unmet = household.interpreter_needed and obligations.unmet_interpreter.happens(
        stream
    )
    if story.decided_on is not None:
        last = min(last, story.decided_on)
    day = (journey.begins or 0) + 1 + obligations.hearings.pick(stream)
    while day <= last:
        enrolled = _enrolled(journey, day)
        state = (leaning, enrolled, story.is_represented(day), unmet)
        result = "met"
        if obligations.miss[state].happens(stream):
            noticed = not obligations.notice_problem.happens(stream)
            result = _MISSED if noticed else "notice_problem"
        elif obligations.not_held.happens(stream):
            result = "excused_or_rescheduled"
        yield _Hearing(day, result, enrolled)
        if result == _MISSED and obligations.order.happens(stream):
            day += 1 + obligations.order_lag.pick(stream)
            if day > last:
                return
            yield _Hearing(day, "in_absentia_order", enrolled)
            day += 1 + obligations.reopened_lag.pick(stream)
            if day > last or not obligations.reopened.happens(stream):
                return
            yield _Hearing(day, "in_absentia_reopened", enrolled)
        day += 1 + obligations.hearings.pick(stream)


def _hearing(obligations: Obligations, hearing: _Hearing, stream: Stream) -> Row:
    """Return a hearing as the site wrote it down."""
    individual = obligations.individual.happens(stream)
    result, reason = hearing.result, "none"
    if result == "excused_or_rescheduled":
        reason = obligations.continuance_reason.pick(stream)
    if obligations.unknown.happens(stream):
        result = "unknown"
    accompanied = hearing.enrolled and obligations.accompanied.happens(stream)
    return {
        "due_on": iso(hearing.day),
        "kind": "hearing_individual" if individual else "hearing_master",
        "result": result,
        "continuance_reason": reason,
        "accompanied": int(accompanied and result == "met"),
        "source": obligations.source.pick(stream),
    }


def _duty(
    obligations: Obligations, kind: str, stream: Stream, *, enrolled: bool
) -> Row:
    """Return one check-in or address update."""
    check_in = kind == "ice_check_in"
    missed = obligations.check_in_missed if check_in else obligations.address_missed
    result = "met"
    if missed[enrolled].happens(stream):
        result = _MISSED
    elif check_in and obligations.check_in_excused.happens(stream):
        result = "excused_or_rescheduled"
    return {
        "kind": kind,
        "result": result,
        "continuance_reason": "none",
        "accompanied": 0,
        "source": "participant",
    }


def _enrolled(journey: Journey, day: int) -> bool:
    """Tell whether the household had enrolled by a day."""
    return journey.enrolled_on is not None and journey.enrolled_on <= day


def _miss(
    section: Section, effect: Effect, leaning: Odds[Decimal]
) -> dict[tuple[Decimal, bool, bool, bool], Chance]:
    """Return the chance of missing a hearing in every state."""
    sigma = odds.number(section, "household_sigma")
    lawyer = odds.number(section, "miss_log_odds_represented")
    interpreter = odds.number(section, "miss_log_odds_unmet_interpreter")
    return {
        (own, enrolled, represented, unmet): odds.probability(
            odds.logistic(
                effect.hearing_log_odds[enrolled]
                + sigma * own
                + lawyer * represented
                + interpreter * unmet
            )
        )
        for own in leaning.values
        for enrolled in (False, True)
        for represented in (False, True)
        for unmet in (False, True)
    }
