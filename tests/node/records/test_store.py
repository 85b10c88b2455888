"""Generations are swapped whole, kept for whoever is reading, and never changed."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from node.records.connect import Kind, Place
from node.records.store import RecordStore
from privacy.errors import BadConfiguration, BadRecords, Busy, Corrupt, RegisterBroken
from privacy.period import Period
from tests.record_site import SCHEMA, Site, ask_for, household, merged

Q1 = Period("FY2024-Q1")
_COUNT = select(func.count()).select_from(SCHEMA.records["household"])


def _count(site: Site) -> int:
    with site.store.open_current().transaction() as connection:
        return connection.execute(_COUNT).scalar_one()


def test_a_new_generation_replaces_the_last_whole(site: Site) -> None:
    site.take(merged(household("a"), household("b")))
    assert _count(site) == 2
    site.take(household("c"))
    assert _count(site) == 1


def test_whoever_is_reading_finishes_in_the_old_generation(site: Site) -> None:
    site.take(merged(household("a"), household("b")))
    reader = site.store.open_current()
    with reader.transaction() as connection:
        assert connection.execute(_COUNT).scalar_one() == 2
        site.take(household("c"))
        assert _count(site) == 1
        assert connection.execute(_COUNT).scalar_one() == 2


def test_a_reader_taken_before_a_swap_can_still_read(site: Site) -> None:
    site.take(household("a"))
    reader = site.store.open_current()
    site.take(merged(household("b"), household("c")))
    assert _count(site) == 2
    with reader.transaction() as connection:
        assert connection.execute(_COUNT).scalar_one() == 1


def test_an_import_that_fails_leaves_everything_as_it_was(site: Site) -> None:
    site.take(household("a"))
    before = site.store.current()

    def half() -> None:
        with site.store.writer() as writer:
            writer.load("household", [{"hid": "b"}])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert site.store.current() == before
    assert _count(site) == 1
    site.take(merged(household("b"), household("c")))
    assert _count(site) == 2


def test_records_without_the_register_are_not_taken_into_use(site: Site) -> None:
    with site.store.writer() as writer:
        writer.load("household", [{"hid": "a"}])
        with pytest.raises(RegisterBroken):
            site.store.publish(writer)
    assert site.store.current() is None


def test_a_published_generation_cannot_be_changed(site: Site) -> None:
    site.take(household("a"))
    with site.store.writer() as writer:
        site.register.materialise(writer)
        site.store.publish(writer)
        with pytest.raises(Corrupt):
            writer.load("household", [{"hid": "b"}])


def test_a_reader_cannot_write(site: Site) -> None:
    site.take(household("a"))
    reader = site.store.open_current()
    for statement in ("DELETE FROM household", "DROP TABLE household"):
        with pytest.raises(Corrupt), reader.transaction() as connection:
            connection.execute(text(statement))
    assert _count(site) == 1


def test_one_writer_at_a_time(sqlite_site: Site) -> None:
    store = sqlite_site.store
    with store.writer(), pytest.raises(Busy), store.writer():
        pass


def test_only_one_earlier_generation_is_kept(sqlite_site: Site) -> None:
    for hid in "abcd":
        sqlite_site.take(household(hid))
    folder = sqlite_site.store._place.directory
    assert sorted(p.name for p in folder.glob("g*")) == [
        "g00000003.sqlite",
        "g00000004.sqlite",
    ]


def test_nothing_is_read_before_the_first_import(sqlite_site: Site) -> None:
    assert sqlite_site.store.current() is None
    with pytest.raises(BadRecords):
        sqlite_site.store.open_current()


def test_threads_read_side_by_side(site: Site) -> None:
    site.take(household("a", "a1", enrolled=Q1.start))
    site.close("FY2024-Q1")
    found: list[tuple[int, ...]] = []
    query = ask_for("FY2024-Q1")
    threads = [
        threading.Thread(target=lambda: found.append(site.ask(query))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [(1,)] * 8


@pytest.mark.parametrize(
    "row",
    [
        {"hid": "a", "n_adults": "2"},
        {"hid": "a", "n_adults": 99},
        {"hid": "a", "n_adults": 1.5},
        {"hid": "a", "n_adults": True},
        {"hid": "a", "type": 3},
        {"hid": "a", "any_child_under_5": 2},
        {"hid": "a", "formed_on": 10**9},
        {"hid": "a", "canary": 1},
        {"hid": None},
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_its_field_is_refused_unquoted(
    site: Site, row: dict[str, object]
) -> None:
    with site.store.writer() as writer, pytest.raises(BadRecords) as caught:
        writer.load("household", [row])
    assert "canary" not in caught.value.message
    assert "99" not in caught.value.message


def test_two_rows_for_one_household_are_refused(site: Site) -> None:
    with pytest.raises(BadRecords):
        site.take(merged(household("a"), household("a")))


def test_rows_keep_the_order_they_came_in(site: Site) -> None:
    table = SCHEMA.records["service_event"]
    with site.store.writer() as writer:
        for minutes in ([1, 2], [3]):
            rows = [{"pid": "p", "minutes": m} for m in minutes]
            assert writer.load("service_event", rows) == len(minutes)
        site.register.materialise(writer)
        site.store.publish(writer)
    ordered = select(table.c.minutes).order_by(table.c.seq)
    with site.store.open_current().transaction() as connection:
        assert connection.execute(ordered).scalars().all() == [1, 2, 3]


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = Place(kind=Kind.SQLITE, directory=tmp_path / "file" / "records")
    with pytest.raises(BadConfiguration):
        RecordStore.create(place, SCHEMA)
