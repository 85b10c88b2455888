"""Records for the sites under attack, made once: reading never changes them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.records.connect import Kind
from tests import own_records
from tests.own_records import OwnRecords


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of invented records."""
    return own_records.invent(tmp_path_factory.mktemp("people") / "csv")


@pytest.fixture(scope="session")
def encrypted_records(
    people: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnRecords]:
    """Give records as most sites keep them: in one encrypted file."""
    made = OwnRecords(tmp_path_factory.mktemp("encrypted") / "site", Kind.DUCKDB)
    made.take(people)
    yield made
    made.close()


@pytest.fixture(scope="session")
def worlds(
    people: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, OwnRecords]]:
    """Give records that differ in one household who was counted, and none at all."""
    folder = tmp_path_factory.mktemp("worlds")
    absent = own_records.counted_in(people, "FY2024-H2")
    folders = {
        "with": people,
        "without": own_records.without(people, folder / "without", absent),
        "empty": own_records.emptied(people, folder / "empty"),
    }
    made = {}
    for name, source in folders.items():
        made[name] = OwnRecords(folder / f"{name}-site", Kind.SQLITE)
        made[name].take(source)
    yield made
    for records in made.values():
        records.close()
