"""What to look for in each table: conditions on a row and what is known around it.

Every function yields the id of a check and when a row fails it. `t` is the table,
`home` the household's facts and `adult` the adult's, as `facts` names them.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, and_, case, or_

Columns: TypeAlias = Any
"""A table's columns, by name."""

Conditions: TypeAlias = Iterator[tuple[str, ColumnElement[bool]]]
Probe: TypeAlias = Callable[[Columns, Columns, Columns, int], Conditions]

_BEFORE_DAYS: Final = 30
_AFTER_DAYS: Final = 180
_WAVE_DAYS: Final = 60
_HALF_YEAR: Final = 183
_YEAR: Final = 365
_LONG_DAYS: Final = 4 * _YEAR
_CHILDREN: Final = 8
_ODDS_PRODUCT: Final = 100_000
"""A share in permille times its inverse in percent."""

_ROUNDED: Final = 20
_SINGLE, _ONE, _TWO = "single_adult", "family_one_adult", "family_two_adults"


def _household(t: Columns, home: Columns, _: Columns, __: int) -> Conditions:
    """Look at a household's size."""
    yield "no-adults", home.adults == 0
    yield "adults-differ", and_(home.adults > 0, t.n_adults != home.adults)
    yield (
        "type-adults-differ",
        or_(
            and_(t.type.in_((_SINGLE, _ONE)), t.n_adults > 1),
            and_(t.type == _TWO, t.n_adults < 2),  # noqa: PLR2004
        ),
    )
    yield (
        "type-children-differ",
        or_(
            and_(t.type == _SINGLE, t.n_children > 0),
            and_(t.type == _ONE, t.n_children == 0),
        ),
    )
    yield "many-children", t.n_children > _CHILDREN
    yield (
        "small-child-not-counted",
        and_(t.any_child_under_5 == 1, t.n_children == 0),
    )
    yield "formed-after-entry", t.formed_on > home.entered_on


def _participant(t: Columns, _: Columns, __: Columns, ___: int) -> Conditions:
    """Look at an adult."""
    yield "consent-missing", t.consent_stats.is_(None)


def _screening(t: Columns, _: Columns, __: Columns, ___: int) -> Conditions:
    """Look at an eligibility screening."""
    given = t.ineligible_reason.is_not(None)
    yield (
        "ineligible-without-reason",
        and_(t.result == "ineligible", ~given),
    )
    yield "eligible-with-reason", and_(t.result == "eligible", given)


def _pool(t: Columns, home: Columns, _: Columns, __: int) -> Conditions:
    """Look at a household's entry, draw and offer."""
    offered = t.offer_outcome.in_(
        ("enrolled", "declined", "unreachable", "no_longer_eligible", "pending")
    )
    gone = t.offer_outcome.in_(("declined", "no_longer_eligible"))
    drawn = t.drawn_on.is_not(None)
    permille, inverse = t.selection_permille, t.inverse_probability_percent
    yield "pool-before-screening", t.entered_on < home.screened_on
    yield "pool-without-screening", home.screened_on.is_(None)
    yield "draw-before-entry", t.drawn_on < t.entered_on
    yield "selected-without-draw", and_(t.selected == 1, ~drawn)
    yield "drawn-without-result", and_(drawn, t.selected.is_(None))
    yield (
        "drawn-without-odds",
        and_(drawn, t.inverse_probability_percent.is_(None)),
    )
    # Of the arm it is in; both are rounded, and small ones much.
    share = case((t.selected == 1, permille), else_=1000 - permille)
    yield (
        "odds-disagree",
        and_(
            t.selected.is_not(None),
            share >= _ROUNDED,
            or_(
                share * inverse > _ODDS_PRODUCT + _ODDS_PRODUCT // 10,
                share * inverse < _ODDS_PRODUCT - _ODDS_PRODUCT // 10,
            ),
        ),
    )
    yield "drawn-uninterested", and_(drawn, t.interested == 0)
    yield "offer-without-selection", and_(offered, t.selected == 0)
    yield "offer-before-draw", t.offer_resolved_on < t.drawn_on
    yield "selected-on-waitlist", and_(t.selected == 1, t.waitlist_rank.is_not(None))
    declined = t.offer_outcome == "declined"
    yield "decline-without-reason", and_(declined, t.decline_reason.is_(None))
    yield (
        "reason-without-decline",
        and_(t.offer_outcome != "declined", t.decline_reason.is_not(None)),
    )
    yield (
        "outcome-without-enrolment",
        and_(t.offer_outcome == "enrolled", home.enrolled_on.is_(None)),
    )
    yield "enrolled-after-declining", and_(gone, home.enrolled_on.is_not(None))


def _reentry(t: Columns, home: Columns, _: Columns, __: int) -> Conditions:
    """Look at a second try."""
    yield "reentry-before-entry", t.entered_on <= home.entered_on
    yield "reentry-draw-before-entry", t.drawn_on < t.entered_on


def _follow_up(t: Columns, home: Columns, _: Columns, __: int) -> Conditions:
    """Look at a follow-up."""
    since = t.followed_up_on - home.drawn_on
    yield "follow-up-before-draw", since < 0
    off = [
        and_(
            t.wave == wave,
            or_(since > days + _WAVE_DAYS, and_(since >= 0, since < days - _WAVE_DAYS)),
        )
        for wave, days in (("month_6", _HALF_YEAR), ("month_12", _YEAR))
    ]
    yield "follow-up-off-wave", or_(*off)


def _enrolment(t: Columns, home: Columns, _: Columns, today: int) -> Conditions:
    """Look at an enrolment."""
    here = and_(
        or_(t.transferred_in.is_(None), t.transferred_in == 0),
        or_(home.transferred.is_(None), home.transferred == 0),
    )
    never = or_(home.reselected.is_(None), home.reselected == 0)
    open_now = t.exited_on.is_(None)
    yield "enrolled-without-pool", and_(here, home.in_pool == 0)
    yield "enrolled-not-selected", and_(here, home.selected == 0, never)
    yield "enrolled-before-draw", and_(here, t.enrolled_on < home.drawn_on)
    yield "exit-without-reason", and_(~open_now, t.exit_reason.is_(None))
    yield "reason-without-exit", and_(open_now, t.exit_reason.is_not(None))
    yield "long-enrolment", and_(open_now, t.enrolled_on < today - _LONG_DAYS)


def _during(day: str, *, enrolled: bool = True) -> Probe:
    """Look at when something happened, against the household's time at the site."""

    def conditions(t: Columns, home: Columns, adult: Columns, _: int) -> Conditions:
        on = getattr(t, day)
        yield "before-entry", on < home.known_on - _BEFORE_DAYS
        if enrolled:
            yield "after-exit", on > adult.exited_on + _AFTER_DAYS
            yield "not-enrolled", adult.enrolled_on.is_(None)

    return conditions


def _service(t: Columns, home: Columns, adult: Columns, today: int) -> Conditions:
    """Look at a service or referral."""
    yield from _during("served_on")(t, home, adult, today)
    closed = t.referral_closed_reason.is_not(None)
    status = t.referral_status
    yield (
        "closed-reason-without-closing",
        and_(closed, or_(status.is_(None), status != "closed_unmet")),
    )
    yield (
        "referral-without-domain",
        and_(
            status.in_(("made", "accepted", "linked", "closed_unmet")),
            t.referral_domain.is_(None),
        ),
    )


def _obligation(t: Columns, home: Columns, _: Columns, __: int) -> Conditions:
    """Look at a hearing or check-in."""
    another = and_(t.continuance_reason.is_not(None), t.continuance_reason != "none")
    yield "hearing-before-entry", t.due_on < home.known_on - _BEFORE_DAYS
    yield "continuance-on-met", and_(t.result.in_(("met", "missed")), another)


def _school(t: Columns, _: Columns, __: Columns, ___: int) -> Conditions:
    """Look at a school review."""
    yield "children-in-school-differ", t.children_in_school > t.school_age_children


def _monitoring(t: Columns, _: Columns, adult: Columns, today: int) -> Conditions:
    """Look at a spell of monitoring."""
    yield (
        "monitoring-unended",
        and_(t.ended_on.is_(None), adult.enrolled_on < today - 2 * _YEAR),
    )
    yield "request-after-end", t.ended_on < t.end_requested_on


PROBES: Final[Mapping[str, Probe]] = {
    "household": _household,
    "participant": _participant,
    "eligibility_screening": _screening,
    "pool_entry": _pool,
    "pool_reentry": _reentry,
    "follow_up": _follow_up,
    "enrolment": _enrolment,
    "plan_goal": _during("opened_on"),
    "goal_review": _during("reviewed_on"),
    "wellbeing_review": _during("reviewed_on"),
    "school_review": _school,
    "service_event": _service,
    "screening": _during("screened_on", enrolled=False),
    "obligation_event": _obligation,
    "monitoring_spell": _monitoring,
}
