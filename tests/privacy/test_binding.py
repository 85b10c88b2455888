"""A question means something in the dictionary, or it is refused."""

import dataclasses
from typing import Any

import pytest

from privacy import binding, catalogue, query
from privacy import expression as e
from privacy.dictionary import Grain
from privacy.errors import ExchangeError, InvalidQuery
from privacy.period import Period
from privacy.query import FORMAT, Query, Unit

PROGRAMME = catalogue.load()
WORDS = PROGRAMME.dictionary
NOW = e.Window(e.Instant("period_start", 0), e.Instant("period_end", 0))


def ask(**changes: Any) -> Query:
    fields: dict[str, Any] = {
        "format": FORMAT,
        "unit": Unit.HOUSEHOLD,
        "entry_years": (Period("FY2024"),),
        "anchor": "enrolment",
        "periods": (Period("FY2024-H2"),),
        "population": e.EVERYBODY,
        "value": e.One(),
        "by": (),
        "revision": 0,
    } | changes
    bare = Query(code_lists=(), **fields)
    return Query(code_lists=binding.code_lists(bare, WORDS), **fields)


def test_a_plain_count_is_accepted() -> None:
    binding.check(ask(), WORDS, Grain.SITE)


BAD: dict[str, dict[str, Any]] = {
    "unknown table": {
        "population": e.Compare(
            e.Count("secrets", e.EVERYBODY, None), e.Comparison.AT_LEAST, 1
        )
    },
    "unknown field": {"population": e.Flag("pool_entry.rich")},
    "unknown code": {"population": e.OneOf("pool_entry.channel", ("by_boat",))},
    "code of a flag": {"population": e.OneOf("pool_entry.selected", ("yes",))},
    "flag of a code": {"population": e.Flag("pool_entry.channel")},
    "integer of a day": {"value": e.Quantity(e.Number("household.formed_on"), 0, 5)},
    "one adult's field for a household": {
        "population": e.Flag("participant.interpreter_needed")
    },
    "picked adult's row for a household": {
        "population": e.OneOf(
            e.Pick(e.Order.LATEST, "screening.result", e.EVERYBODY, NOW), ("negative",)
        )
    },
    "single value of many rows": {
        "population": e.OneOf("service_event.type", ("interpretation",))
    },
    "rows of a one-row table": {
        "population": e.Compare(
            e.Count("household", e.EVERYBODY, None), e.Comparison.AT_LEAST, 1
        )
    },
    "spell of a dated row": {
        "population": e.Active("service_event", e.EVERYBODY, e.Instant("period_end", 0))
    },
    "filter on another table": {
        "population": e.Compare(
            e.Count("service_event", e.Flag("pool_entry.selected"), None),
            e.Comparison.AT_LEAST,
            1,
        )
    },
    "count inside a filter": {
        "population": e.Compare(
            e.Count(
                "service_event",
                e.Compare(
                    e.Count("screening", e.EVERYBODY, None), e.Comparison.AT_LEAST, 1
                ),
                None,
            ),
            e.Comparison.AT_LEAST,
            1,
        )
    },
    "a day on another event": {
        "population": e.Active("enrolment", e.EVERYBODY, e.Instant("exit", 5))
    },
    "unknown anchor": {"anchor": "birth"},
    "unknown event in a term": {
        "value": e.Quantity(e.DaysBetween("birth", "exit"), 0, 9)
    },
    "dimension that is not one": {"by": (e.ByField("pool_entry.interested", "full"),)},
    "national dimension at a site": {
        "unit": Unit.LEAD,
        "by": (e.ByField("participant.origin_region", "full"),),
    },
    "finer than a site may show": {
        "unit": Unit.LEAD,
        "by": (e.ByField("participant.age_band", "full"),),
    },
    "unknown grouping": {"by": (e.ByField("household.type", "three"),)},
    "two dimensions of one name": {
        "by": (e.ByHolds("x", e.EVERYBODY), e.ByHolds("x", e.EVERYBODY))
    },
    "too many cells": {
        "by": (
            e.ByBand("a", e.DaysBetween("draw", "enrolment"), (1, 2, 3, 4)),
            e.ByBand("b", e.DaysBetween("draw", "enrolment"), (1, 2, 3, 4)),
        )
    },
    "not a predicate": {"population": 5},
    "not a value": {"value": e.EVERYBODY},
    "not a term": {"value": e.Quantity(e.EVERYBODY, 0, 1)},  # type: ignore[arg-type]
    "not a dimension": {"by": (e.EVERYBODY,)},
    "weight that is not recorded": {
        "value": e.Weighted(e.EVERYBODY, e.EVERYBODY, "pool_entry.channel", 5)
    },
}


@pytest.mark.parametrize("name", BAD)
def test_a_question_without_meaning_is_refused(name: str) -> None:
    with pytest.raises(ExchangeError):
        binding.check(ask(**BAD[name]), WORDS, Grain.SITE)


def test_predicates_nested_past_the_limit_are_refused() -> None:
    deep: e.Predicate = e.EVERYBODY
    for _ in range(binding.MAX_DEPTH + 2):
        deep = e.Not(deep)
    with pytest.raises(InvalidQuery, match="nested"):
        binding.check(ask(population=deep), WORDS, Grain.SITE)


def test_a_question_that_names_other_code_lists_is_refused() -> None:
    one = ask(by=(e.ByField("household.type", "full"),))
    for lists in ((), (("household_type", 2),), (*one.code_lists, ("consent", 1))):
        changed = dataclasses.replace(one, code_lists=tuple(sorted(lists)))
        with pytest.raises(InvalidQuery, match="code lists"):
            binding.check(changed, WORDS, Grain.SITE)


def test_a_national_dimension_may_be_asked_at_national_grain() -> None:
    binding.check(
        ask(unit=Unit.LEAD, by=(e.ByField("participant.origin_region", "full"),)),
        WORDS,
        Grain.NATIONAL,
    )


def test_what_a_site_may_not_show_of_a_person_it_may_not_filter_by_either() -> None:
    africa = e.OneOf("participant.origin_region", ("africa",))
    for changes in (
        {"population": africa},
        {"value": e.Contrast(africa)},
        {"by": (e.ByHolds("x", e.Not(africa)),)},
    ):
        asked = ask(unit=Unit.LEAD, **changes)
        binding.check(asked, WORDS, Grain.NATIONAL)
        with pytest.raises(InvalidQuery, match="at site grain at all"):
            binding.check(asked, WORDS, Grain.SITE)


def test_a_question_matures_when_its_last_follow_up_and_the_grace_have_passed() -> None:
    period = Period("FY2024-H2")
    plain = ask()
    assert period.closes == binding.matures(plain)
    late = ask(
        population=e.Active("enrolment", e.EVERYBODY, e.Instant("enrolment", 180))
    )
    assert period.closes + 180 == binding.matures(late)
    early = ask(
        population=e.Active("enrolment", e.EVERYBODY, e.Instant("enrolment", -30))
    )
    assert period.closes == binding.matures(early)


def test_every_follow_up_of_the_catalogue_matures_after_its_period() -> None:
    effect = PROGRAMME.metric("M35")
    for one in PROGRAMME.queries(effect, Period("FY2024")).values():
        assert binding.follow_up_days(one) >= 365


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"unit": "household"},
        {"entry_years": ()},
        {"entry_years": (Period("FY2024-H1"),)},
        {"entry_years": (Period("FY2024"), Period("FY2023"))},
        {"periods": ()},
        {"periods": (Period("FY2024"), Period("FY2024-H1"))},
        {"periods": (Period("FY2024-Q1"), Period("FY2025"))},
        {"periods": tuple(Period(f"FY{y}") for y in range(2020, 2029))},
        {"by": (e.ByHolds("a", e.EVERYBODY),) * 3},
        {"revision": -1},
        {"revision": True},
    ],
)
def test_a_query_out_of_its_limits_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery):
        ask(**changes)


def test_cells_are_the_public_cross_product_in_order() -> None:
    one = ask(
        by=(
            e.ByField("pool_entry.selected", "full"),
            e.ByBand("days", e.DaysBetween("draw", "enrolment"), (15, 31)),
        )
    )
    found = [dict(cell.labels) for cell in query.cells(one, WORDS)]
    bands = ["under 15", "15 to 30", "31 or more", "unknown"]
    assert [{"selected": s, "days": d} for s in ("yes", "no") for d in bands] == found
