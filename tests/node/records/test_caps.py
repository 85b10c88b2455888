"""A build that drops a cap, or the register, is caught before a number leaves."""

import pytest
from sqlalchemy import CheckConstraint, ColumnElement

from node.records import schema, statement, tally
from node.records.schema import SLOTS, Schema, first_day
from node.register import closing
from privacy.errors import CapBroken, Corrupt, PeriodNotClosed, RegisterBroken
from privacy.expression import EVERYBODY, Count, Quantity
from privacy.period import Period
from privacy.query import Query, Unit
from tests.record_site import SCHEMA, Site, ask_for, household, merged

Q1, Q2 = Period("FY2024-Q1"), Period("FY2024-Q2")


def test_a_statement_without_its_clip_is_caught(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.take(
        merged(
            household("a", "a1", enrolled=Q1.start),
            {"service_event": [{"pid": "a1", "served_on": Q1.start}] * 9},
        )
    )
    site.close("FY2024-Q1")
    query = ask_for(
        "FY2024-Q1", value=Quantity(Count("service_event", EVERYBODY, None), 0, 4)
    )
    assert site.ask(query) == (4,)
    monkeypatch.setattr(statement, "_clipped", lambda term, *_: term)
    with pytest.raises(CapBroken) as caught:
        site.ask(query)
    assert "9" not in caught.value.message


def test_a_third_counted_adult_is_refused_by_storage(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.take(household("a", "a1", "a2", "a3", enrolled=Q1.start))
    monkeypatch.setattr(closing, "SLOTS", (1, 2, 3))
    with pytest.raises(Corrupt):
        site.close("FY2024-Q1")


def test_a_third_counted_adult_is_caught_when_storage_does_not(
    monkeypatch: pytest.MonkeyPatch, sqlite_site: Site
) -> None:
    site = sqlite_site
    site.take(household("a", "a1", "a2", "a3", enrolled=Q1.start))
    site.close("FY2024-Q1")
    query = ask_for("FY2024-Q1", unit=Unit.PERSON)
    assert site.ask(query) == (2,)
    with site.store.writer(copy=True) as writer:
        with writer.transaction() as connection:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = 1")
            connection.exec_driver_sql(
                "INSERT INTO register_person (person, household, slot, pid, closing) "
                "SELECT household * 2 + 2, household, 3, 'a3', 1 FROM register"
            )
        site.store.publish(writer)
    monkeypatch.setattr(statement, "SLOTS", (1, 2, 3))
    with pytest.raises(CapBroken):
        tally.read(site.store.open_current(), query)


def test_somebody_twice_in_a_generation_is_caught_before_it_is_read(site: Site) -> None:
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q1")
    before = site.store.current()
    with site.store.writer(copy=True) as writer:
        with writer.transaction() as connection:
            connection.exec_driver_sql(
                "INSERT INTO register (household, hid, entry_year, closing) "
                "SELECT household + 1, hid, 'FY2024', 1 FROM register"
            )
        with pytest.raises(RegisterBroken):
            site.store.publish(writer)
    assert site.store.current() == before


def test_a_statement_that_multiplies_rows_is_caught(
    sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = sqlite_site
    site.take(household("a", "a1", "a2", enrolled=Q1.start))
    site.close("FY2024-Q1")
    join = statement._join

    def doubled(made: Schema, *rest: object) -> object:
        rows = made.records["enrolment"]
        on = rows.c.household == made.register.c.household
        return join(made, *rest).join(rows, on)

    monkeypatch.setattr(statement, "_join", doubled)
    with pytest.raises(CapBroken):
        site.ask(ask_for("FY2024-Q1"))


def _yearly(site: Site) -> int:
    """Move a household's first enrolment after each closing; add up its cohorts."""
    total = 0
    for quarter in ("FY2024-Q1", "FY2024-Q2", "FY2024-Q3"):
        site.take(household("a", "a1", enrolled=Period(quarter).start))
        site.close(quarter)
        total += site.ask(ask_for(quarter, anchor="enrolment"))[0]
    return total


def test_an_edited_date_moves_nobody_to_a_second_cohort(site: Site) -> None:
    assert _yearly(site) == 1


def test_a_statement_that_bypasses_the_register_is_caught_by_edits(
    sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = statement._counted

    def bypassed(query: Query, made: Schema, period: Period) -> ColumnElement[bool]:
        open_query = ask_for(*(p.label for p in query.periods))
        day = made.register.c[first_day(str(query.anchor))]
        return counted(open_query, made, period) & day.between(period.start, period.end)

    monkeypatch.setattr(statement, "_counted", bypassed)
    assert _yearly(sqlite_site) == 3


def test_a_period_the_records_were_not_closed_for_is_not_read(site: Site) -> None:
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q1")
    with pytest.raises(PeriodNotClosed):
        site.ask(ask_for("FY2024-Q2"))


def test_the_tables_hold_the_cap_of_two_adults() -> None:
    checks = [c for c in SCHEMA.person.constraints if isinstance(c, CheckConstraint)]
    assert [str(check.sqltext) for check in checks] == ["slot BETWEEN 1 AND 2"]
    assert schema.SLOTS == SLOTS == (1, 2)
