"""The register says who is counted where, once, whatever happens to records."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select

from node.records.generation import Writer
from node.records.store import RecordStore
from node.register.book import Register
from privacy.errors import BadConfiguration, BadRecords, PeriodNotClosed, RegisterBroken
from privacy.period import Period
from privacy.query import Unit
from tests.record_site import FIRST, SCHEMA, Site, ask_for, household, merged, moment

Q1, Q2, Q3 = (Period(f"FY2024-Q{n}") for n in (1, 2, 3))


def _cohort(site: Site, hid: str, event: str = "enrolment") -> str | None:
    register = SCHEMA.register
    column = register.c[f"cohort_{event}"]
    with site.store.open_current().transaction() as connection:
        return connection.execute(select(column).where(register.c.hid == hid)).scalar()


def _adults(site: Site) -> list[tuple[int, int, str]]:
    person = SCHEMA.person.c
    found = select(person.household, person.slot, person.pid).order_by(person.person)
    with site.store.open_current().transaction() as connection:
        return [tuple(row) for row in connection.execute(found)]


def test_a_household_enters_in_the_quarter_of_its_first_event(site: Site) -> None:
    site.take(
        merged(
            household("a", "a1", enrolled=Q1.end),
            household("b", "b1", enrolled=Q2.start),
            household("c", "c1"),
        )
    )
    site.close("FY2024-Q1")
    assert set(site.registered()) == {"a"}
    site.close("FY2024-Q2")
    assert set(site.registered()) == {"a", "b"}
    assert (_cohort(site, "a"), _cohort(site, "b")) == ("FY2024-Q1", "FY2024-Q2")


def test_quarters_closed_together_or_one_by_one_give_the_same(site: Site) -> None:
    records = merged(
        household("a", "a1", "a2", enrolled=Q1.end),
        household("b", "b1", enrolled=Q3.start),
        {"pool_entry": [{"hid": "b", "entered_on": Q2.start}]},
    )
    site.take(records)
    site.close("FY2024-Q3")
    assert _cohort(site, "b") == "FY2024-Q3"
    assert _cohort(site, "b", "pool_entry") == "FY2024-Q2"
    assert site.registered()["b"][0] == "FY2024"


def test_a_late_event_joins_the_first_open_cohort(site: Site) -> None:
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q1")
    site.take(
        merged(
            household("a", "a1", enrolled=Q1.start),
            household("late", "l1", enrolled=Q1.start + 3),
        )
    )
    site.close("FY2024-Q2")
    assert _cohort(site, "late") == "FY2024-Q2"


def test_a_frozen_row_survives_edits_splits_and_purges(site: Site) -> None:
    site.take(household("a", "a1", "a2", enrolled=Q1.start))
    site.close("FY2024-Q1")
    frozen, adults = site.registered(), _adults(site)
    split = merged(
        household("a", "a1", enrolled=Q2.start), household("b", "a2", enrolled=Q2.start)
    )
    for edited in (split, {}, household("c", "c1")):
        site.take(edited)
        assert site.registered() == frozen
        assert _adults(site) == adults
    site.take(split)
    site.close("FY2024-Q2")
    assert site.registered()["a"] == frozen["a"]
    assert _adults(site) == adults


def test_two_adults_are_counted_earliest_enrolment_first(site: Site) -> None:
    rows = household("a", "z", "y", "x")
    rows["enrolment"] = [
        {"pid": "x", "enrolled_on": Q1.start},
        {"pid": "z", "enrolled_on": Q1.start + 1},
    ]
    site.take(rows)
    site.close("FY2024-Q1")
    assert _adults(site) == [(0, 1, "x"), (0, 2, "z")]
    assert site.ask(ask_for("FY2024-Q1", unit=Unit.PERSON)) == (2,)


def test_an_empty_slot_is_filled_later_and_a_filled_one_stays(site: Site) -> None:
    pool = {"pool_entry": [{"hid": "a", "entered_on": Q1.start}]}
    site.take(merged(household("a"), pool))
    site.close("FY2024-Q1")
    assert _adults(site) == []
    site.take(merged(household("a", "a1", enrolled=Q2.start), pool))
    site.close("FY2024-Q2")
    late = household("a", "a0", "a1", enrolled=Q2.start)
    site.take(merged(late, pool))
    site.close("FY2024-Q3")
    assert _adults(site) == [(0, 1, "a1"), (0, 2, "a0")]


def test_nothing_closes_before_the_grace_is_over(sqlite_site: Site) -> None:
    site = sqlite_site
    site.take(household("a", "a1", enrolled=Q1.start))
    with pytest.raises(PeriodNotClosed):
        site.register.close(Q1, site.store, now=moment(Q1.closes - 1))
    assert site.register.closed_through() is None
    site.register.close(Q1, site.store, now=moment(Q1.closes))
    assert site.register.closed_through() == Q1


def test_closing_again_changes_nothing(sqlite_site: Site) -> None:
    site = sqlite_site
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q1")
    head, generation = site.register.head(), site.store.current()
    site.close("FY2024-Q1")
    assert (site.register.head(), site.store.current()) == (head, generation)


def test_nothing_closes_without_records(sqlite_site: Site) -> None:
    with pytest.raises(BadRecords):
        sqlite_site.close("FY2024-Q1")


def test_a_closing_that_died_before_publishing_is_finished_by_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.take(household("a", "a1", enrolled=Q1.start))
    with monkeypatch.context() as patch:
        patch.setattr(type(site.store), "publish", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            site.close("FY2024-Q1")
    with pytest.raises(RegisterBroken):
        site.register.reader(site.store)
    head = site.register.head()
    site.close("FY2024-Q1")
    assert site.register.head() == head
    assert site.ask(ask_for("FY2024-Q1", anchor="enrolment")) == (1,)


def test_a_site_answers_from_the_records_in_use_while_a_closing_is_under_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q1")
    before, publish = site.register.head(), type(site.store).publish
    seen = []

    def watched(store: RecordStore, writer: Writer) -> None:
        # The register is written by now, and the records are not in use yet.
        assert site.register.head() != before
        seen.append(site.register.reader(store).register_head)
        seen.append(site.ask(ask_for("FY2024-Q1", anchor="enrolment")))
        publish(store, writer)

    with monkeypatch.context() as patch:
        patch.setattr(type(site.store), "publish", watched)
        site.close("FY2024-Q2")
    assert seen == [before, (1,)]
    assert site.register.reader(site.store).register_head == site.register.head()


def test_another_registers_records_are_refused_during_a_closing_too(
    sqlite_site: Site,
) -> None:
    site = sqlite_site
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q1")
    path = site.store._place.directory.parent / "register.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE closing SET digest = 'another'")
    connection.close()
    with site.store.writer(), pytest.raises(RegisterBroken):
        site.register.reader(site.store)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_records_joined_to_an_older_register_are_refused(sqlite_site: Site) -> None:
    site = sqlite_site
    site.take(household("a", "a1", enrolled=Q1.start))
    pointer = next(Path(site.store._place.directory).glob("current"))
    older = pointer.read_text()
    site.close("FY2024-Q1")
    pointer.write_text(older)
    with pytest.raises(RegisterBroken):
        site.register.reader(site.store)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE cohort SET quarter = 'FY2024-Q2'",
        "DELETE FROM adult",
        "UPDATE household SET entry_year = 'FY2025'",
        "UPDATE closing SET closed_at = 'never'",
        "INSERT INTO household VALUES (9, 'ff', 'FY2024', 1)",
        "INSERT INTO household VALUES (9, 'ff', 'FY2024', 7)",
        "DELETE FROM closing",
    ],
)
def test_a_changed_register_is_noticed(sqlite_site: Site, tampering: str) -> None:
    site = sqlite_site
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q1")
    site.register.verify()
    path = site.store._place.directory.parent / "register.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(tampering)
    connection.close()
    with pytest.raises(RegisterBroken):
        site.register.verify()
    with pytest.raises(RegisterBroken):
        site.take(household("a", "a1", enrolled=Q1.start))


def test_a_missing_register_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(RegisterBroken):
        Register.open(f"sqlite:///{tmp_path}/register.sqlite")
    assert not list(tmp_path.iterdir())


def test_a_register_is_never_overwritten_and_starts_with_a_quarter(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/register.sqlite"
    Register.create(url, first=FIRST)
    with pytest.raises(BadConfiguration):
        Register.create(url, first=FIRST)
    with pytest.raises(BadConfiguration):
        Register.create(f"{url}2", first=Period("FY2024"))
    assert Register.open(url).closed_through() is None


@pytest.mark.parametrize(
    "url", ["sqlite://", "nonsense", "mysql://x/y", "sqlite:///a?b=c"]
)
def test_a_register_is_kept_nowhere_else(url: str) -> None:
    with pytest.raises(BadConfiguration):
        Register.create(url, first=FIRST)


def test_a_register_in_postgresql_passes_too(
    sqlite_site: Site, new_postgres_database: object
) -> None:
    url = new_postgres_database()
    site = Site(sqlite_site.store, Register.create(url, first=FIRST))
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q2")
    opened = Site(site.store, Register.open(url))
    opened.register.verify()
    assert opened.ask(ask_for("FY2024-Q1", anchor="enrolment")) == (1,)
    with pytest.raises(BadConfiguration):
        Register.create(url, first=FIRST)
