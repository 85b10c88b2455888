"""A small site whose records are in order, and one household for each thing wrong."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.record_site import DICTIONARY

Home = dict[str, list[dict[str, Any]]]
Rows = Iterator[tuple[str, dict[str, Any]]]


def home(key: str) -> Home:
    """Return one enrolled household whose records are in order."""
    person, case = {"person_key": f"p{key}"}, {"household_key": key}
    return {
        "household": [
            {**case, "type": "family_one_adult", "n_adults": 1, "n_children": 2}
        ],
        "participant": [
            {**person, **case, "adult_number": 1, "consent_stats": "yes"}
            | {"gender": "woman", "age_band": "25_34", "origin_region": "africa"}
            | {"language_group": "english"}
        ],
        "eligibility_screening": [
            {**person, "screened_on": "2024-01-05", "result": "eligible"}
        ],
        "pool_entry": [
            {**case, "entered_on": "2024-01-10", "channel": "walk_in", "interested": 1}
            | {"drawn_on": "2024-02-01", "selected": 1, "selection_permille": 500}
            | {"inverse_probability_percent": 200, "offer_outcome": "enrolled"}
            | {"offer_resolved_on": "2024-02-10"}
        ],
        "enrolment": [{**person, "enrolled_on": "2024-02-10", "phase": "P1"}],
        "plan_goal": [{**person, "opened_on": "2024-02-15", "domain": "housing"}],
        "goal_review": [{**person, "reviewed_on": "2024-05-15", "domain": "housing"}],
        "service_event": [
            {**person, "served_on": "2024-03-01", "type": "needs_assessment"}
        ],
        "legal_event": [
            {**person, "happened_on": "2024-03-02", "kind": "asylum_filed"}
        ],
        "obligation_event": [
            {**person, "due_on": "2024-04-01", "kind": "hearing_master"}
            | {"result": "met"}
        ],
        "monitoring_spell": [
            {**person, "started_on": "2024-01-01", "technology": "voice"}
            | {"end_requested_on": "2024-02-12", "ended_on": "2024-03-01"}
        ],
        "screening": [{**person, "screened_on": "2024-02-20", "tool": "safety"}],
        "follow_up": [{**case, "followed_up_on": "2024-08-02", "wave": "month_6"}],
        "school_review": [
            {**case, "reviewed_on": "2024-06-01"}
            | {"school_age_children": 2, "children_in_school": 1}
        ],
        "wellbeing_review": [{**person, "reviewed_on": "2024-06-01", "band": 3}],
        "pool_reentry": [],
    }


def changed(table: str, **fields: Any) -> Callable[[Home], None]:
    """Change fields of a table's first row."""

    def change(planted: Home) -> None:
        planted[table][0].update(fields)

    return change


def more(table: str, *rows: dict[str, Any]) -> Callable[[Home], None]:
    """Add rows like the first, with other fields."""

    def change(planted: Home) -> None:
        first = (planted[table] or planted["participant"])[0]
        own = {name: first[name] for name in first if name.endswith("_key")}
        planted[table] += [{**own, **row} for row in rows]

    return change


def without(*tables: str) -> Callable[[Home], None]:
    """Remove all rows of some tables."""

    def change(planted: Home) -> None:
        for table in tables:
            planted[table] = []

    return change


def both(*changes: Callable[[Home], None]) -> Callable[[Home], None]:
    """Make several changes."""

    def change(planted: Home) -> None:
        for each in changes:
            each(planted)

    return change


_DURING = ("enrolment", "plan_goal", "goal_review", "service_event", "wellbeing_review")
_LOST = changed("pool_entry", selected=0, offer_outcome="not_offered")
_OUT = without(*_DURING)

PLANTED: dict[tuple[str, str], Callable[[Home], None]] = {
    ("no-adults", "household"): without(*(set(home("")) - {"household"})),
    ("adults-differ", "household"): changed(
        "household", type="family_two_adults", n_adults=2
    ),
    ("type-adults-differ", "household"): changed("household", type="family_two_adults"),
    ("type-children-differ", "household"): changed("household", n_children=0),
    ("many-children", "household"): changed("household", n_children=9),
    ("small-child-not-counted", "household"): changed(
        "household", type="single_adult", n_children=0, any_child_under_5=1
    ),
    ("formed-after-entry", "household"): changed("household", formed_on="2024-01-11"),
    ("adult-number-twice", "participant"): both(
        more("participant", {"person_key": "other", "adult_number": 1}),
        changed("household", type="family_two_adults", n_adults=2),
        lambda planted: planted["participant"][1].update(consent_stats="yes"),
    ),
    ("consent-missing", "participant"): changed("participant", consent_stats=None),
    ("ineligible-without-reason", "eligibility_screening"): both(
        changed("eligibility_screening", result="ineligible"),
        more("eligibility_screening", {"screened_on": "2024-01-06"}),
    ),
    ("eligible-with-reason", "eligibility_screening"): changed(
        "eligibility_screening", ineligible_reason="other"
    ),
    ("pool-before-screening", "pool_entry"): changed(
        "eligibility_screening", screened_on="2024-01-11"
    ),
    ("pool-without-screening", "pool_entry"): without("eligibility_screening"),
    ("enrolled-ineligible", "enrolment"): changed(
        "eligibility_screening", result="ineligible", ineligible_reason="under_18"
    ),
    ("draw-before-entry", "pool_entry"): changed("pool_entry", drawn_on="2024-01-09"),
    ("selected-without-draw", "pool_entry"): changed("pool_entry", drawn_on=None),
    ("drawn-without-result", "pool_entry"): changed("pool_entry", selected=None),
    ("drawn-without-odds", "pool_entry"): changed(
        "pool_entry", inverse_probability_percent=None
    ),
    ("odds-disagree", "pool_entry"): changed(
        "pool_entry", inverse_probability_percent=300
    ),
    ("drawn-uninterested", "pool_entry"): changed("pool_entry", interested=0),
    ("offer-without-selection", "pool_entry"): both(
        _OUT, changed("pool_entry", selected=0, offer_outcome="pending")
    ),
    ("offer-before-draw", "pool_entry"): changed(
        "pool_entry", offer_resolved_on="2024-01-31"
    ),
    ("selected-on-waitlist", "pool_entry"): changed("pool_entry", waitlist_rank=3),
    ("decline-without-reason", "pool_entry"): both(
        _OUT, changed("pool_entry", offer_outcome="declined")
    ),
    ("reason-without-decline", "pool_entry"): changed(
        "pool_entry", decline_reason="no_need"
    ),
    ("outcome-without-enrolment", "pool_entry"): _OUT,
    ("enrolled-after-declining", "pool_entry"): changed(
        "pool_entry", offer_outcome="no_longer_eligible"
    ),
    ("enrolled-without-pool", "enrolment"): without("pool_entry"),
    ("enrolled-not-selected", "enrolment"): _LOST,
    ("enrolled-before-draw", "enrolment"): changed(
        "enrolment", enrolled_on="2024-01-31"
    ),
    ("reentry-before-entry", "pool_reentry"): more(
        "pool_reentry", {"entered_on": "2024-01-10", "drawn_on": "2024-05-01"}
    ),
    ("reentry-draw-before-entry", "pool_reentry"): more(
        "pool_reentry", {"entered_on": "2024-03-10", "drawn_on": "2024-03-01"}
    ),
    ("follow-up-before-draw", "follow_up"): changed(
        "follow_up", followed_up_on="2024-01-31", wave="other"
    ),
    ("follow-up-off-wave", "follow_up"): changed("follow_up", wave="month_12"),
    ("enrolments-overlap", "enrolment"): more(
        "enrolment", {"enrolled_on": "2024-06-01"}
    ),
    ("exit-without-reason", "enrolment"): changed("enrolment", exited_on="2025-01-01"),
    ("reason-without-exit", "enrolment"): changed("enrolment", exit_reason="needs_met"),
    ("long-enrolment", "enrolment"): both(
        changed("pool_entry", entered_on="2021-01-01", drawn_on="2021-01-02"),
        changed("eligibility_screening", screened_on="2021-01-01"),
        changed("enrolment", enrolled_on="2021-02-01"),
        without("follow_up"),
    ),
    ("before-entry", "service_event"): changed("service_event", served_on="2023-12-01"),
    ("hearing-before-entry", "obligation_event"): changed(
        "obligation_event", due_on="2023-12-01"
    ),
    ("after-exit", "service_event"): both(
        changed("enrolment", exited_on="2024-06-01", exit_reason="needs_met"),
        more("service_event", {"served_on": "2025-01-01"}),
    ),
    ("not-enrolled", "plan_goal"): both(
        _OUT,
        _LOST,
        more("plan_goal", {"opened_on": "2024-02-15", "domain": "food"}),
    ),
    ("review-without-goal", "goal_review"): changed("goal_review", domain="food"),
    ("many-goals", "plan_goal"): more(
        "plan_goal", *({"opened_on": f"2024-03-{n:02d}"} for n in range(1, 28))
    ),
    ("many-a-day", "service_event"): more(
        "service_event", *({"served_on": "2024-04-01", "minutes": n} for n in range(21))
    ),
    ("implausibly-many", "obligation_event"): more(
        "obligation_event",
        *(
            {"due_on": f"2024-{m:02d}-{d:02d}", "kind": kind, "source": source}
            for m in range(2, 12)
            for d in range(1, 18)
            for kind in ("hearing_master", "ice_check_in", "hearing_individual")
            for source in ("attorney", "document")
        ),
    ),
    ("closed-reason-without-closing", "service_event"): changed(
        "service_event", referral_closed_reason="fear"
    ),
    ("referral-without-domain", "service_event"): changed(
        "service_event", referral_status="made"
    ),
    ("children-in-school-differ", "school_review"): changed(
        "school_review", children_in_school=3
    ),
    ("continuance-on-met", "obligation_event"): changed(
        "obligation_event", continuance_reason="prepare"
    ),
    ("custody-never-began", "legal_event"): more(
        "legal_event", {"happened_on": "2024-05-01", "kind": "custody_ended"}
    ),
    ("custody-overlaps", "legal_event"): more(
        "legal_event",
        {"happened_on": "2024-05-01", "kind": "custody_began"},
        {"happened_on": "2024-06-01", "kind": "custody_began"},
    ),
    ("reopened-never-ordered", "legal_event"): more(
        "legal_event", {"happened_on": "2024-05-01", "kind": "in_absentia_reopened"}
    ),
    ("monitoring-overlaps", "monitoring_spell"): more(
        "monitoring_spell",
        {"started_on": "2024-02-01", "ended_on": "2024-04-01", "technology": "voice"},
    ),
    ("monitoring-unended", "monitoring_spell"): both(
        changed("monitoring_spell", ended_on=None),
        changed("pool_entry", entered_on="2023-01-10", drawn_on="2023-02-01"),
        changed("eligibility_screening", screened_on="2023-01-01"),
        changed("enrolment", enrolled_on="2023-03-01"),
        without("follow_up"),
    ),
    ("request-after-end", "monitoring_spell"): changed(
        "monitoring_spell", end_requested_on="2024-03-02"
    ),
}


def records(homes: list[Home]) -> Rows:
    """Yield every household's rows, tables in the dictionary's order."""
    for table in DICTIONARY.tables:
        for each in homes:
            for row in each[table]:
                yield table, row
