"""Small households, each on one side of one edge, so that a day more or less shows.

All of them are alike but for one thing: one consenting adult, drawn, selected and
enrolled on the same day, followed up a year later.
"""

import datetime as dt
from collections.abc import Iterator

from tests.recomputed.chance import EPOCH, Row

Placed = tuple[str, int, dict[str, str | int]]
"""A table, days from enrolment, and fields."""

FIRST, LAST, USUAL = (
    (dt.date(*date) - EPOCH).days
    for date in ((2024, 10, 1), (2025, 9, 30), (2024, 11, 20))
)
"""The first and last day of fiscal year 2025, and a day in it.

Only its first day and the one before have households of their own: with as many at
its end, a year a day late would lose as many as it gains.
"""

DAY = {
    "service_event": "served_on",
    "screening": "screened_on",
    "goal_review": "reviewed_on",
    "wellbeing_review": "reviewed_on",
    "legal_event": "happened_on",
    "obligation_event": "due_on",
    "follow_up": "followed_up_on",
}
INDICATED = {"tool": "trafficking_short", "result": "indicators"}
COUNSEL = INDICATED | {"action": "legal_referral"}
DISTRESS = {"tool": "mental_health_brief", "result": "indicators", "support_wanted": 1}
RELIEF = {"tool": "legal_relief", "result": "negative"}
UNMET = {
    "type": "social_service_connection",
    "referral_domain": "food",
    "referral_status": "closed_unmet",
    "referral_closed_reason": "cost",
    "referral_closed_after_days": 20,
}


def _around(first: int, last: int) -> tuple[int, ...]:
    """Return the days on either side of a span's two edges."""
    return first - 1, first, last, last + 1


def _legal(kind: str, day: int) -> Placed:
    return "legal_event", day, {"kind": kind}


def _core(assessed: int, oriented: int, screened: int) -> tuple[Placed, ...]:
    return (
        ("service_event", assessed, {"type": "needs_assessment"}),
        ("service_event", oriented, {"type": "legal_orientation"}),
        ("screening", screened, {"tool": "trafficking_short", "result": "negative"}),
    )


def cases() -> Iterator[tuple[Placed, ...]]:
    """Yield the rows that tell each household from the others."""
    yield from _reviews()
    yield from _screenings()
    yield from _services()
    yield from _law()
    for day in _around(0, 425):
        found = {"wave": "month_12", "status": "ascertained"}
        yield ("follow_up", day, found), _legal("other", 5)


def _reviews() -> Iterator[tuple[Placed, ...]]:
    for day in _around(0, 30):
        yield (("goal_review", day, {"domain": "legal", "status": 0}),)
    for day in _around(0, 180):
        other = {"domain": "housing", "status": 1}
        yield ("goal_review", 90, other), ("goal_review", day, other | {"status": 3})
    for day in _around(0, 210):
        yield (
            ("wellbeing_review", 90, {"band": 1}),
            ("wellbeing_review", day, {"band": 3}),
        )
    yield (
        ("goal_review", 5, {"domain": "legal", "status": 0}),
        ("goal_review", 9, {"domain": "legal", "status": 4}),
    )


def _screenings() -> Iterator[tuple[Placed, ...]]:
    for day in _around(-30, 60):
        yield _core(5, 5, day)
        yield (("screening", day, DISTRESS | {"result": "negative"}),)
        yield (("screening", day, DISTRESS),)
        yield (("screening", 5, DISTRESS | {"linked_after_days": 60 + day % 2}),)
    yield (
        ("screening", 5, DISTRESS),
        ("screening", 9, DISTRESS | {"result": "negative"}),
    )
    for day in (120, 121):
        late = DISTRESS | {"linked_after_days": 9}
        yield ("screening", 5, DISTRESS), ("screening", day, late)
    for day in _around(-30, 180):
        yield (("screening", day, INDICATED),)
        yield ("screening", day, RELIEF), _legal("potential_relief_identified", 5)
    for day in (360, 361):
        late = COUNSEL | {"linked_after_days": 180 - day % 2}
        yield ("screening", 5, INDICATED), ("screening", day, late)
    for days in (180, 181):
        yield (("screening", 5, COUNSEL | {"linked_after_days": days}),)


def _services() -> Iterator[tuple[Placed, ...]]:
    for day in _around(-30, 60):
        yield _core(day, 5, 5)
    for day in _around(-30, 180):
        yield (("service_event", day, {"type": "cultural_orientation"}),)
    for day in _around(-30, 30):
        yield (("service_event", day, {"type": "legal_orientation"}),)
    for day in _around(-30, 90):
        yield (("service_event", day, {"type": "other", "understanding": 5}),)
    for day in _around(FIRST - 90, LAST - 90):
        yield (("service_event", day - USUAL, UNMET),)


def _law() -> Iterator[tuple[Placed, ...]]:
    for day in _around(0, 365):
        yield (_legal("in_absentia_order", day),)
        yield (_legal("custody_began", day),)
        yield (("obligation_event", day, {"kind": "ice_check_in", "result": "missed"}),)
    for day in _around(-1000, 180):
        yield (_legal("represented_full", day),)
        yield ("screening", 5, RELIEF), _legal("potential_relief_identified", day)
    for day in _around(-1000, 365):
        yield (_legal("one_year_deadline_met", day),)
        yield (_legal("work_permit_applied", day), _legal("work_permit_granted", 5))
        yield (_legal("work_permit_applied", 5), _legal("work_permit_granted", day))
    for first, second in (("met", "missed"), ("missed", "met")):
        yield (
            _legal(f"one_year_deadline_{first}", 5),
            _legal(f"one_year_deadline_{second}", 50),
        )
    yield _legal("decided_relief", 5), _legal("decided_removal_order_present", 9)


EVERYTHING: tuple[Placed, ...] = (
    *_core(5, 5, 5),
    ("screening", 5, COUNSEL | {"linked_after_days": 9}),
    ("screening", 5, DISTRESS | {"linked_after_days": 9}),
    ("screening", 5, RELIEF),
    ("goal_review", 5, {"domain": "housing", "status": 1}),
    ("goal_review", 50, {"domain": "housing", "status": 3}),
    ("wellbeing_review", 5, {"band": 1}),
    ("wellbeing_review", 50, {"band": 3}),
    ("service_event", 5, {"type": "cultural_orientation", "understanding": 5}),
    ("service_event", -90, UNMET),
    ("service_event", 0, {"type": "departure_planning"}),
    _legal("one_year_deadline_met", 5),
    _legal("potential_relief_identified", 5),
    _legal("work_permit_applied", 5),
    _legal("work_permit_granted", 5),
    _legal("decided_relief", 0),
    *(
        ("obligation_event", 0, {"kind": kind, "result": "missed"})
        for kind in ("hearing_master", "ice_check_in", "address_update_due")
    ),
)


class Edges:
    """Write the small households of one site."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._number = 0

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield every small household's rows."""
        for placed in cases():
            yield from self._household(USUAL, placed)
        for day in (FIRST - 1, *(FIRST,) * 6):
            yield from self._household(day, EVERYTHING)
            for reason in ("voluntary_withdrawal", "needs_met"):
                yield from self._household(
                    day - 100, (), exited=day, exit_reason=reason
                )
        yield from self._household(USUAL, EVERYTHING, consent="no")
        yield from self._household(
            USUAL,
            (),
            exited=USUAL + 9,
            exit_reason="voluntary_withdrawal",
            consent="no",
        )
        for permille in (333, 334, 666, 667):
            yield from self._household(USUAL, (), permille=permille)
        for weight in (300, 301):
            yield from self._household(USUAL, (), weight=weight)
        for waits in (-1, 90, 91, 365, 366) * 2:
            yield from self._household(USUAL, (), waits=waits)

    def _household(  # noqa: PLR0913 - a household, and what is unlike the others
        self,
        enrolled: int,
        placed: tuple[Placed, ...],
        *,
        consent: str = "yes",
        exited: int | None = None,
        exit_reason: str | None = None,
        permille: int = 500,
        weight: int = 200,
        waits: int = 0,
    ) -> Iterator[tuple[str, Row]]:
        self._number += 1
        home = {"household_key": f"TRAINING-{self._site}-H8{self._number:06d}"}
        who = {"person_key": f"TRAINING-{self._site}-P8{self._number:06d}A"}
        adult = {"adult_number": 1, "consent_stats": consent, "consent_follow_up": 1}
        yield "household", {**home, "type": "single_adult", "n_adults": 1}
        yield "participant", {**who, **home, **adult, "gender": "woman"}
        yield (
            "pool_entry",
            {
                **home,
                "entered_on": _iso(enrolled),
                "drawn_on": _iso(enrolled),
                "channel": "walk_in",
                "interested": 1,
                "selected": self._number % 2 if placed is not EVERYTHING else 1,
                "selection_permille": permille,
                "inverse_probability_percent": weight,
            },
        )
        spell: Row = {**who, "enrolled_on": _iso(enrolled + waits)}
        if exited is not None:
            spell |= {"exited_on": _iso(exited), "exit_reason": exit_reason}
            spell |= {"proceedings_at_exit": "pending"}
        yield "enrolment", spell
        if not any(table == "follow_up" for table, _, _ in placed):
            found = {"wave": "month_12", "status": "ascertained"}
            yield "follow_up", {**home, "followed_up_on": _iso(enrolled + 365), **found}
        for table, days, fields in placed:
            key = home if table == "follow_up" else who
            yield table, {**key, DAY[table]: _iso(enrolled + days), **fields}


def _iso(day: int) -> str:
    return (EPOCH + dt.timedelta(days=day)).isoformat()
