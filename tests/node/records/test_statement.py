"""Known answers for every word of the query language, on all engines.

The site has four households whose rows are written out below; every query is small
enough to check by reading them.
"""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine
from sqlalchemy.sql import visitors

from node.records.connect import Kind
from node.records.statement import statement
from privacy import expression as e
from privacy.expression import EVERYBODY, Comparison, Instant, Order, Window
from privacy.period import Period
from privacy.query import Query, Unit
from tests.record_site import DICTIONARY, SCHEMA, Site, ask_for, make_site, merged

Q1, Q2 = Period("FY2024-Q1"), Period("FY2024-Q2")
D = Q1.start
AT_LEAST, AT_MOST, EQUAL = Comparison.AT_LEAST, Comparison.AT_MOST, Comparison.EQUAL
NOTHING_SAID = {"consent_stats": "yes"}

# h1: two adults, enrolled on days 10 and 20. h2: one adult, enrolled in Q2, exited.
# h3: one adult, never enrolled, registered by entering the pool. h4: an adult says no.
RECORDS = merged(
    {
        "household": [
            {"hid": "h1", "type": "family_two_adults", "n_adults": 2, "n_children": 3},
            {"hid": "h2", "type": "a new kind", "n_adults": 1, "any_child_under_5": 1},
            {"hid": "h3", "n_adults": 1, "n_children": 0},
            {"hid": "h4", "type": "single_adult", "n_children": 5},
        ],
        "pool_entry": [
            {
                "hid": hid,
                "entered_on": D + n,
                "drawn_on": D + n + 5 if hid != "h3" else None,
                "selected": int(hid != "h3"),
                "inverse_probability_percent": 150,
            }
            for n, hid in enumerate(["h1", "h2", "h3", "h4"])
        ],
        "participant": [
            {"pid": "p1", "hid": "h1", "adult_number": 1, "gender": "woman"}
            | NOTHING_SAID,
            {"pid": "p2", "hid": "h1", "adult_number": 2, "gender": "man"}
            | NOTHING_SAID,
            {"pid": "p3", "hid": "h2", "adult_number": 1} | NOTHING_SAID,
            {"pid": "p4", "hid": "h3", "adult_number": 1, "gender": "woman"}
            | NOTHING_SAID,
            {"pid": "p5", "hid": "h4", "adult_number": 1, "consent_stats": "no"},
        ],
        "enrolment": [
            {"pid": "p1", "enrolled_on": D + 10, "phase": "P1"},
            {"pid": "p2", "enrolled_on": D + 20, "exited_on": D + 30, "phase": "P2"},
            {"pid": "p3", "enrolled_on": Q2.start, "exited_on": Q2.start + 7},
            {"pid": "p5", "enrolled_on": D + 10},
        ],
        "service_event": [
            {
                "pid": "p1",
                "served_on": D + 11,
                "type": "legal_orientation",
                "minutes": 30,
            },
            {"pid": "p1", "served_on": D + 50, "type": "emergency_aid", "minutes": 240},
            {"pid": "p2", "served_on": D + 11, "type": "legal_orientation"},
            {"pid": "p3", "served_on": None, "type": "legal_orientation", "minutes": 5},
        ],
        "goal_review": [
            {"pid": "p1", "reviewed_on": D + 40, "domain": "legal", "status": 1},
            {"pid": "p1", "reviewed_on": D + 40, "domain": "health", "status": 3},
            {"pid": "p2", "reviewed_on": D + 60, "domain": None, "status": 4, "met": 1},
        ],
        "school_review": [
            {"hid": "h1", "reviewed_on": D + 15, "school_age_children": 2},
            {"hid": "h1", "reviewed_on": D + 25, "school_age_children": 3},
        ],
    }
)

_DURING = Window(Instant(e.PERIOD_START, 0), Instant(e.PERIOD_END, 0))
_SERVED = e.OneOf("service_event.type", ("legal_orientation",))


def _during(days: int) -> Window:
    """Return the first days of a period."""
    return Window(Instant(e.PERIOD_START, 0), Instant(e.PERIOD_START, days - 1))


def _since(event: str, days: int) -> Window:
    """Return so many days from an event on."""
    return Window(Instant(event, 0), Instant(event, days))


def _where(predicate: e.Predicate, **how: object) -> Query:
    return ask_for(how.pop("period", "FY2024-Q1"), population=predicate, **how)


def _sum(term: e.Term, upper: int = 1_000_000, **how: object) -> Query:
    value = e.Quantity(term, -1_000, upper)
    return ask_for(how.pop("period", "FY2024-Q1"), value=value, **how)


def _by(dimension: e.Dimension, **how: object) -> Query:
    return ask_for(how.pop("period", "FY2024-Q1"), by=(dimension,), **how)


def _at_least(term: e.Term, number: int | e.Term = 1) -> e.Compare:
    return e.Compare(term, AT_LEAST, number)


LEAD, PERSON = {"unit": Unit.LEAD}, {"unit": Unit.PERSON}
N_CHILDREN = e.Number("household.n_children")
_GENDER = e.OneOf("participant.gender", ("woman",))
_TYPE = e.OneOf("household.type", ("family_two_adults", "single_adult"))
_LATEST = e.Pick(Order.LATEST, "goal_review.status", EVERYBODY, _DURING)
_EARLIEST = e.Pick(Order.EARLIEST, "goal_review.status", EVERYBODY, _DURING)
_DOMAIN = e.Pick(Order.LATEST, "goal_review.domain", EVERYBODY, _DURING)
_SCHOOL = e.Pick(Order.LATEST, "school_review.school_age_children", EVERYBODY, _DURING)

ANSWERS: dict[str, tuple[Query, tuple[int, ...]]] = {
    # units, consent, entry years, cohorts
    "households": (ask_for("FY2024-Q1"), (3,)),
    "leads": (ask_for("FY2024-Q1", **LEAD), (3,)),
    "persons": (ask_for("FY2024-Q1", **PERSON), (4,)),
    "another entry year": (ask_for("FY2024-Q1", entry=("FY2025",)), (0,)),
    "a cohort": (ask_for("FY2024-Q1", anchor="enrolment"), (1,)),
    "cohorts": (ask_for("FY2024-Q1", "FY2024-Q2", anchor="enrolment"), (1, 1)),
    "a half-year's cohort": (ask_for("FY2024-H1", anchor="enrolment"), (2,)),
    "persons of a cohort": (ask_for("FY2024-Q1", anchor="draw", **PERSON), (3,)),
    "no anchor": (ask_for("FY2024-Q1", "FY2024-Q2"), (3, 3)),
    # predicates
    "one of": (_where(_TYPE), (1,)),
    "not one of": (_where(e.Not(_TYPE)), (2,)),
    "one of, person": (_where(_GENDER, **PERSON), (2,)),
    "one of, lead": (_where(_GENDER, **LEAD), (2,)),
    "flag": (_where(e.Flag("household.any_child_under_5")), (1,)),
    "not flag": (_where(e.Not(e.Flag("household.any_child_under_5"))), (2,)),
    "compare unknown": (_where(e.Compare(N_CHILDREN, AT_MOST, 9)), (2,)),
    "not compare unknown": (_where(e.Not(e.Compare(N_CHILDREN, AT_MOST, 9))), (1,)),
    "equal": (_where(e.Compare(N_CHILDREN, EQUAL, 3)), (1,)),
    "compare terms": (
        _where(_at_least(e.Number("household.n_adults"), N_CHILDREN)),
        (1,),
    ),
    "active": (
        _where(e.Active("enrolment", EVERYBODY, Instant(e.PERIOD_START, 29))),
        (1,),
    ),
    "active, persons": (
        _where(e.Active("enrolment", EVERYBODY, Instant(e.PERIOD_START, 29)), **PERSON),
        (2,),
    ),
    "ended by then": (
        _where(e.Active("enrolment", EVERYBODY, Instant(e.PERIOD_START, 30)), **PERSON),
        (1,),
    ),
    "not active": (
        _where(e.Not(e.Active("enrolment", EVERYBODY, Instant(e.PERIOD_START, 29)))),
        (2,),
    ),
    "all": (_where(e.All((_TYPE, e.Compare(N_CHILDREN, EQUAL, 0)))), (0,)),
    "any": (_where(e.AnyOf((_TYPE, e.Compare(N_CHILDREN, EQUAL, 0)))), (2,)),
    "picked code": (_where(e.OneOf(_DOMAIN, ("health",)), **PERSON), (1,)),
    "not picked code": (_where(e.Not(e.OneOf(_DOMAIN, ("health",))), **PERSON), (3,)),
    "filter on rows": (
        _where(
            _at_least(e.Count("goal_review", e.Not(e.Flag("goal_review.met")), None))
        ),
        (1,),
    ),
    # terms
    "number": (_sum(N_CHILDREN), (3,)),
    "count": (_sum(e.Count("service_event", EVERYBODY, _DURING)), (3,)),
    "count undated": (_sum(e.Count("service_event", EVERYBODY, None)), (4,)),
    "count where": (_sum(e.Count("service_event", _SERVED, _DURING)), (2,)),
    "count, clipped": (_sum(e.Count("service_event", EVERYBODY, _DURING), 2), (2,)),
    "count, lead": (_sum(e.Count("service_event", EVERYBODY, _DURING), **LEAD), (2,)),
    "count since an anchor": (
        _sum(
            e.Count("service_event", EVERYBODY, _since("enrolment", 5)),
            anchor="enrolment",
        ),
        (2,),
    ),
    "count since an adult's own": (
        _sum(
            e.Count("service_event", EVERYBODY, _since("enrolment", 5)),
            anchor="enrolment",
            **PERSON,
        ),
        (1,),
    ),
    "household's rows since an adult's own": (
        _sum(
            e.Count("school_review", EVERYBODY, _since("enrolment", 5)),
            anchor="enrolment",
            **PERSON,
        ),
        (2,),
    ),
    "sum": (_sum(e.Sum("service_event.minutes", EVERYBODY, _DURING)), (270,)),
    "sum undated": (_sum(e.Sum("service_event.minutes", EVERYBODY, None)), (275,)),
    "spell days": (_sum(e.SpellDays("enrolment", EVERYBODY, _during(30))), (30,)),
    "spell days, person": (
        _sum(e.SpellDays("enrolment", EVERYBODY, _during(15)), **PERSON),
        (5,),
    ),
    "spell days since": (
        _sum(
            e.SpellDays("enrolment", EVERYBODY, _since("pool_entry", 11)),
            anchor="pool_entry",
        ),
        (2,),
    ),
    "days between": (_sum(e.DaysBetween("pool_entry", "enrolment")), (10 + 91,)),
    "days between, person": (
        _sum(e.DaysBetween("draw", "enrolment"), **PERSON),
        (5 + 15 + 92 - 6,),
    ),
    "latest": (_sum(_LATEST, **PERSON), (3 + 4,)),
    "earliest": (_sum(_EARLIEST, **PERSON), (1 + 4,)),
    "latest, household": (_sum(_SCHOOL), (3,)),
    "difference": (_sum(e.Difference(_LATEST, _EARLIEST), **PERSON), (2,)),
    "difference unknown": (_sum(e.Difference(N_CHILDREN, _SCHOOL)), (0,)),
    # values
    "indicator": (ask_for("FY2024-Q1", value=e.Indicator(_TYPE)), (1,)),
    "contrast": (ask_for("FY2024-Q1", value=e.Contrast(_TYPE)), (-1,)),
    "weighted": (
        ask_for(
            "FY2024-Q1",
            value=e.Weighted(
                e.Flag("pool_entry.selected"),
                _TYPE,
                "pool_entry.inverse_probability_percent",
                140,
            ),
        ),
        (140 - 140 + 140,),
    ),
    # dimensions
    "by code": (_by(e.ByField("household.type", "full")), (0, 0, 1, 2)),
    "by group": (
        _by(e.ByField("participant.gender", "stated"), **PERSON),
        (2, 1, 0, 1),
    ),
    "by flag": (_by(e.ByField("household.any_child_under_5", "full")), (1, 2)),
    "by pick": (
        _by(e.ByPick(_DOMAIN, "four"), **PERSON),
        (0, 0, 1, 1, 2),
    ),
    "by band": (_by(e.ByBand("children", N_CHILDREN, (1, 3))), (1, 0, 1, 1)),
    "by holds": (_by(e.ByHolds("typed", _TYPE)), (1, 2)),
    "by two": (
        ask_for(
            "FY2024-Q1",
            "FY2024-Q2",
            by=(e.ByHolds("typed", _TYPE), e.ByBand("children", N_CHILDREN, (1,))),
        ),
        (0, 1, 0, 1, 0, 1) * 2,
    ),
}


@pytest.fixture(scope="module", params=list(Kind), ids=lambda kind: kind.value)
def known(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Give the site above, closed through the second quarter."""

    def url() -> str:
        make: Callable[[], str] = request.getfixturevalue("new_postgres_database")
        return make()

    site = make_site(request.param, tmp_path_factory.mktemp("known"), url)
    site.take(RECORDS)
    site.close("FY2024-Q2")
    yield site
    site.store.close()


@pytest.mark.parametrize("name", ANSWERS)
def test_every_word_has_its_known_answer(known: Site, name: str) -> None:
    query, expected = ANSWERS[name]
    assert known.ask(query) == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_a_statement_holds_nothing_from_outside_dictionary_and_query(name: str) -> None:
    query, _ = ANSWERS[name]
    codes = {c for codes in DICTIONARY.code_lists.values() for c in codes.codes}
    public = {
        c for codes in DICTIONARY.code_lists.values() for c in codes.labels("full")
    }
    periods = {
        p.label for y in (*query.entry_years, *query.periods) for p in (y, *y.quarters)
    }
    texts = []

    def look(bind: object) -> None:
        value = bind.value
        values = value if isinstance(value, list | tuple) else [value]
        texts.extend(v for v in values if not isinstance(v, int))

    visitors.traverse(statement(query, SCHEMA), {}, {"bindparam": look})
    assert set(texts) <= codes | public | periods


@pytest.mark.parametrize("name", ANSWERS)
def test_a_statement_only_reads(name: str) -> None:
    query, _ = ANSWERS[name]
    sql = str(statement(query, SCHEMA).compile(create_engine("duckdb:///:memory:")))
    assert sql.startswith("SELECT")
    assert ";" not in sql
    assert "register" in sql
    assert "consents" in sql
