"""The centre's memory, on each engine it may be kept in."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import sqlalchemy as sa

from coordinator import database, result
from coordinator.sites import Site, SiteList
from coordinator.store import (
    Asked,
    DifferentRelease,
    Event,
    EventKind,
    Release,
    Store,
)
from privacy.errors import BadConfiguration, Corrupt

NOW = dt.datetime(2026, 11, 22, 8, 0, tzinfo=dt.UTC)
RELEASE = Release(
    release_key=bytes(range(32)),
    site="NYC",
    values=(-3, 0, 2**63 - 1, -(2**63)),
    variance=Fraction(10, 3),
    rho=Fraction(3, 500),
)


@pytest.fixture
def engine(ledger_url: str) -> Iterator[sa.Engine]:
    """Give an empty database, on SQLite and then on PostgreSQL."""
    made = database.connect(ledger_url)
    yield made
    made.dispose()


@pytest.fixture
def store(engine: sa.Engine) -> Store:
    """Give an empty store."""
    return Store(engine)


def published(**changes: object) -> result.Result:
    """Return a small result."""
    parts = {
        "metric": "M08",
        "version": "2026.1+0",
        "period": "FY2024-H2",
        "mode": "site",
        "confidence": Fraction(19, 20),
        "cells": (),
        "sites": (
            result.SiteOutcome(
                site="NYC", status=result.Status.ANSWERED, rho=Fraction(3, 500)
            ),
        ),
    }
    return result.Result(**(parts | changes))


def test_a_release_comes_back_exactly(store: Store) -> None:
    store.keep(RELEASE, now=NOW)
    assert store.release(RELEASE.release_key, "NYC") == RELEASE
    assert store.release(RELEASE.release_key, "HOU") is None
    assert store.release(bytes(32), "NYC") is None


def test_the_same_release_again_changes_nothing(store: Store) -> None:
    store.keep(RELEASE, now=NOW)
    store.keep(RELEASE, now=NOW + dt.timedelta(days=1))
    assert store.release(RELEASE.release_key, "NYC") == RELEASE


@pytest.mark.parametrize(
    "change",
    [
        {"values": (-3, 0, 2**63 - 1, 0)},
        {"variance": Fraction(10, 7)},
        {"rho": Fraction(1, 500)},
    ],
)
def test_a_second_different_release_is_an_error_and_the_first_stands(
    store: Store, change: dict[str, object]
) -> None:
    store.keep(RELEASE, now=NOW)
    with pytest.raises(DifferentRelease, match="first stands"):
        store.keep(replace(RELEASE, **change), now=NOW)
    assert store.release(RELEASE.release_key, "NYC") == RELEASE


def test_two_sites_answer_one_question_each_for_itself(store: Store) -> None:
    other = replace(RELEASE, site="HOU", values=(1, 2, 3, 4))
    store.keep(RELEASE, now=NOW)
    store.keep(other, now=NOW)
    assert store.release(RELEASE.release_key, "HOU") == other


def test_a_release_does_not_print_its_numbers() -> None:
    assert "9223372036854775807" not in repr(RELEASE)


def test_a_result_is_found_by_the_beginning_of_its_digest(store: Store) -> None:
    content = published().content()
    store.keep_result(content, now=NOW)
    store.keep_result(content, now=NOW + dt.timedelta(hours=1))
    assert store.result(content["digest"][:8]) == content
    assert [line["digest"] for line in store.results()] == [content["digest"]]
    assert store.results()[0]["made_at"] == NOW.isoformat()


@pytest.mark.parametrize("digest", ["abc", "zzzzzzzz", "%%%%%%%%", "________"])
def test_a_digest_that_names_no_result_is_explained(store: Store, digest: str) -> None:
    store.keep_result(published().content(), now=NOW)
    with pytest.raises(BadConfiguration, match="cmpp query list"):
        store.result(digest)


def test_a_kept_result_that_was_changed_is_not_shown() -> None:
    content = published().content()
    assert result.read(content) == published()
    for change in ({"metric": "M09"}, {"sites": []}, {"cells": [{}]}):
        with pytest.raises(Corrupt):
            result.read(content | change)


def test_questions_and_events_are_added_in_order(store: Store) -> None:
    asked = Asked(
        release_key=bytes(32),
        canonical=b"[]",
        metric="M08",
        query_name="enrolled",
        period="FY2024-H2",
        rho=Fraction(3, 500),
        asked_by="somebody",
        purpose="oversight",
    )
    store.note_asked(asked, now=NOW)
    store.note_asked(asked, now=NOW)
    lines = [
        Event(kind=kind, site="NYC", subject="00", detail="x") for kind in EventKind
    ]
    for line in lines:
        store.note(line, now=NOW)
    assert store.events() == tuple(lines)


def test_a_site_is_added_moved_and_seen(engine: sa.Engine) -> None:
    sites = SiteList(engine)
    sites.add(Site(name="NYC", address="node.example.org:7443"))
    sites.add(Site(name="BAL", address="[::1]:7443"))
    sites.add(Site(name="NYC", address="127.0.0.1:1"))
    sites.seen("NYC", now=NOW)
    assert sites.all() == (
        Site(name="BAL", address="[::1]:7443"),
        Site(name="NYC", address="127.0.0.1:1", last_seen=NOW),
    )


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("nyc", "127.0.0.1:1"),
        ("N", "127.0.0.1:1"),
        ("NYC", "127.0.0.1"),
        ("NYC", "127.0.0.1:0"),
        ("NYC", "127.0.0.1:65536"),
        ("NYC", "-x:1"),
        ("NYC\n", "127.0.0.1:1"),
    ],
)
def test_a_site_that_could_not_be_called_is_not_listed(name: str, address: str) -> None:
    with pytest.raises(BadConfiguration):
        Site(name=name, address=address)


def test_only_the_two_engines_that_were_tried_are_opened(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="store_url"):
        database.connect(f"duckdb:///{tmp_path}/x.duckdb")
    with pytest.raises(BadConfiguration, match="store_url"):
        database.connect("no address at all")
    with pytest.raises(BadConfiguration, match="did not open"):
        database.connect(f"sqlite:///{tmp_path}/no/such/folder/x.sqlite")
