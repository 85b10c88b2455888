"""Undo brings the import before back; who was counted since stays counted."""

import pytest

from node import importer
from node.importer.keymap import PERSON, Mark
from node.records.connect import Kind
from privacy.errors import BadRecords
from tests.import_place import NOW, PLAIN, Place, site_on
from tests.record_site import ask_for

SMALLER = {table: rows[:1] for table, rows in PLAIN.items()}
CONSENTING = {
    **PLAIN,
    "participant": [{**row, "consent_stats": "yes"} for row in PLAIN["participant"]],
}


def undo(place: Place) -> importer.Report:
    """Undo the last import."""
    return importer.undo(site=place.own(), now=NOW)


@pytest.mark.parametrize("kind", [Kind.SQLITE, Kind.DUCKDB, Kind.POSTGRESQL])
def test_an_import_is_undone_and_redone(
    kind: Kind, tmp_path, request: pytest.FixtureRequest
) -> None:
    url = str
    if kind is Kind.POSTGRESQL:
        url = request.getfixturevalue("new_postgres_database")
    for place in site_on(kind, tmp_path, url):
        place.take(PLAIN)
        before = {table: place.rows(table) for table in PLAIN}
        place.take(SMALLER)
        smaller = {table: place.rows(table) for table in PLAIN}
        report = undo(place)
        assert before == {table: place.rows(table) for table in PLAIN}
        assert report.kept == {table: len(rows) for table, rows in PLAIN.items()}
        undo(place)
        assert smaller == {table: place.rows(table) for table in PLAIN}


def test_the_first_import_cannot_be_undone(place: Place) -> None:
    for _ in range(2):
        with pytest.raises(BadRecords, match="no earlier import"):
            undo(place)
        place.take(PLAIN)
        with pytest.raises(BadRecords, match="no earlier import"):
            undo(place)
        return


def test_quarters_closed_since_stay_closed(place: Place) -> None:
    place.take(SMALLER)
    place.take(CONSENTING)
    for quarter in ("FY2024-Q2", "FY2024-Q3"):
        place.site.close(quarter)
    registered = place.site.registered()
    asked = place.site.ask(ask_for("FY2024-Q2", anchor="enrolment"))
    assert asked == (2,)
    undo(place)
    # Both are in the register for good; only one has records that still count.
    assert place.site.registered() == registered
    assert len(place.rows("household")) == 1
    assert place.site.ask(ask_for("FY2024-Q2", anchor="enrolment")) in {(0,), (1,)}
    undo(place)
    assert place.site.registered() == registered
    assert place.site.ask(ask_for("FY2024-Q2", anchor="enrolment")) == (2,)


def test_a_withdrawal_since_holds_after_an_undo(place: Place) -> None:
    place.take(CONSENTING)
    place.take(CONSENTING)
    keys = place.keys.load()
    keys.mark(Mark.WITHDRAWN, PERSON, "p1")
    place.keys.save(keys)
    undo(place)
    consents = place.column("participant.consent_stats")
    assert consents == ["withdrawn", "yes"]


def test_an_import_after_an_undo_is_compared_with_what_is_in_use(place: Place) -> None:
    place.take(PLAIN)
    place.take(SMALLER)
    undo(place)
    report = place.take(PLAIN)
    assert report.taken
    assert importer.latest(place.home / "site" / "imports") is not None
