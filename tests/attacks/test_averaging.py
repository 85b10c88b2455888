"""Ask one thing again and again; it must not become clearer, nor cost again.

Also what asking leaves behind: only a new release may change the ledger.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from privacy import errors, loss
from privacy.chain import Entry, Kind
from proto import wire
from tests import living_site
from tests.living_site import LivingSite, ask
from tests.own_records import NOW, OwnRecords

QUESTION = ask("M01", rho="0.004")
CAP = "0.1"


@pytest.fixture
def site(worlds: dict[str, OwnRecords], tmp_path: Path) -> Iterator[LivingSite]:
    made = LivingSite(tmp_path / "site", worlds["with"], caps=CAP, per_release=CAP)
    yield made
    made.node.ledger.close()


def test_a_thousand_repeats_bring_one_answer_and_one_charge(site: LivingSite) -> None:
    first = site.answer(QUESTION, now=NOW)
    assert first.charged_pico == loss.pico(QUESTION.rho)
    written, spent = _written(site), site.spent()
    said = set()
    for number in range(1000):
        if number % 250 == 0:
            site.reopened()  # nothing of it is kept in the process
        again = site.answer(QUESTION, now=NOW)
        assert again.free
        said.add(wire.reply_to_bytes(again, cells=QUESTION.cells))
    assert len(said) == 1
    assert again.values == first.values
    assert (_written(site), site.spent()) == (written, spent)


def test_the_same_question_under_any_other_cover_is_the_same_answer(
    site: LivingSite,
) -> None:
    first = site.answer(QUESTION, now=NOW)
    head = site.head()
    for other in (
        ask("M01", rho="0.1"),
        ask("M01", rho="0.000001"),
        ask("M01", purpose="evaluation"),
        # M04 divides by the same count of the pool: one question, two metrics.
        *(
            q
            for q in living_site.all_questions("FY2024-H2")
            if q.query == QUESTION.query
        ),
    ):
        again = site.answer(other, now=NOW)
        assert (again.values, again.rho, again.free) == (first.values, first.rho, True)
    assert site.head() == head


def test_distinct_questions_stop_at_the_cap_to_the_last_one(site: LivingSite) -> None:
    questions = [
        ask("M09", period, rho="0.03")
        for period in ("FY2024-Q1", "FY2024-Q2", "FY2024-Q3", "FY2024-Q4")
    ]
    for question in questions[:3]:
        assert not site.answer(question, now=NOW).free
    before = site.head()
    with pytest.raises(errors.BudgetExhausted) as refused:
        site.answer(questions[3], now=NOW)
    assert refused.value.left_pico_rho == loss.pico(Fraction("0.01"))
    assert site.head() == before
    # What is left may still be spent, exactly.
    site.answer(ask("M09", "FY2024-Q4", rho="0.01"), now=NOW)
    assert max(site.spent().values()) == loss.pico(Fraction(CAP))


def test_separate_cohorts_cost_a_household_once_and_the_mandate_every_time(
    site: LivingSite,
) -> None:
    quarters = ("FY2024-Q1", "FY2024-Q2", "FY2024-Q3", "FY2024-Q4")
    for quarter in quarters[:3]:
        site.answer(ask("M08", quarter, rho="0.03"), now=NOW)
    assert max(site.spent().values()) == loss.pico(Fraction("0.03"))
    with pytest.raises(errors.BudgetExhausted) as refused:
        site.answer(ask("M08", quarters[3], rho="0.03"), now=NOW)
    assert refused.value.left_pico_rho == loss.pico(Fraction("0.01"))


def test_a_refusal_leaves_nothing_behind_that_a_later_question_could_see(
    site: LivingSite,
) -> None:
    head = site.head()
    for _ in range(20):
        with pytest.raises(errors.Refused):
            site.answer(ask("M01", rho="0.2"), now=NOW)
    assert (site.head(), set(site.spent().values())) == (head, set())
    assert site.answer(QUESTION, now=NOW).charged_pico == loss.pico(QUESTION.rho)


def test_what_a_question_costs_does_not_depend_on_who_is_in_the_records(
    worlds: dict[str, OwnRecords], tmp_path: Path
) -> None:
    bills = {}
    for name, records in worlds.items():
        site = LivingSite(tmp_path / name, records)
        questions = living_site.all_questions("FY2024-Q3", "FY2024-H2", "FY2024")
        charged = [site.answer(question, now=NOW) for question in questions]
        public = [(a.charged_pico, a.variance, a.rho, len(a.values)) for a in charged]
        bills[name] = (public, site.spent())
        site.node.ledger.close()
    assert bills["with"] == bills["without"] == bills["empty"]
    assert len(bills["with"][0]) > 30


def _written(site: LivingSite) -> list[Entry]:
    """Return all that the ledger holds except the starts of the node."""
    return [e for e in site.node.ledger.entries() if e.kind is not Kind.BOOTED]
