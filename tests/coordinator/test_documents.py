"""A document is kept once, and counts once the log tells of it."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from coordinator import database
from coordinator.documents import Documents, Outcome
from privacy.errors import BadConfiguration
from privacy.signing import Kind
from tests.signed_samples import NOW, mandate


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    url = database.address(tmp_path / "store.sqlite")
    if request.param == "postgresql":
        url = request.getfixturevalue("new_postgres_database")()
    made = database.connect(url)
    yield made
    made.dispose()


def test_a_document_is_kept_once_with_every_signature(engine: sa.Engine) -> None:
    documents = Documents(engine)
    first = documents.keep(mandate("ana"), number="2026-01", now=NOW)
    again = documents.keep(mandate("ben"), number="2026-01", now=NOW)
    assert again.document == mandate("ana", "ben")
    assert (again.place, again.at, again.log_number) == (first.place, NOW, None)


def test_a_document_counts_once_the_log_tells_of_it(engine: sa.Engine) -> None:
    documents = Documents(engine)
    kept = documents.keep(mandate(), number="2026-01", now=NOW)
    assert documents.all() == ()
    with pytest.raises(BadConfiguration):
        documents.named(Kind.MANDATE, "2026-01")
    documents.note_logged(kept.digest, 7)
    told = dataclasses.replace(kept, log_number=7)
    assert documents.all() == documents.all(Kind.MANDATE) == (told,)
    assert documents.all(Kind.ROSTER) == ()
    assert documents.named(Kind.MANDATE, "2026-01") == told
    assert documents.named(Kind.MANDATE, kept.digest[:6]) == told
    with pytest.raises(BadConfiguration, match="There is no roster"):
        documents.named(Kind.ROSTER, "2026-01")


def test_a_name_for_two_documents_names_none(engine: sa.Engine) -> None:
    documents = Documents(engine)
    for number, document in enumerate((mandate(), mandate(title='"Other"'))):
        kept = documents.keep(document, number="2026-01", now=NOW)
        documents.note_logged(kept.digest, number)
    with pytest.raises(BadConfiguration, match="2 documents called"):
        documents.named(Kind.MANDATE, "2026-01")


def test_the_newest_delivery_stands(engine: sa.Engine) -> None:
    documents = Documents(engine)
    for outcome in (Outcome.UNREACHABLE, Outcome.WAITING):
        documents.note_delivery("00", "NYC", outcome, now=NOW)
    documents.note_delivery("00", "HOU", Outcome.REFUSED, now=NOW)
    assert documents.deliveries() == {
        ("00", "NYC"): Outcome.WAITING,
        ("00", "HOU"): Outcome.REFUSED,
    }
