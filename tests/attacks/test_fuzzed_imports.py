"""Broken, hostile and merely odd exports, with personal values planted in them.

Whatever comes in, an import ends with a report or one of our own sentences, the
records are the old ones or the new ones, and no planted value is in any byte the
node wrote or said.
"""

import logging
import os
import random
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from node import importer
from node.importer import Bringing, profile_reading
from node.importer.guard import Guard, Use
from node.importer.sources import open_source
from node.records.connect import Kind
from privacy.errors import ExchangeError
from tests.fuzzed_exports import export, odd_cells, written
from tests.import_place import NOW, Place, site_on
from tests.record_site import DICTIONARY

FEW = 15
READ = 80
MANY = 10_000
PARTS = 20
PROFILE = f"""
[profile]
name = "fuzzed"
version = 1
dictionary = "{DICTIONARY.version}"
about = "two tables, and columns nobody maps"

[source]
dates = ["iso", "us"]
blanks = ["NULL"]

[[tables.household]]
from = "Intake"
household_key = "Case"
one_per = "household"
[tables.household.fields]
type = {{ column = "Type", recode = "type" }}
n_adults = {{ column = "Adults" }}

[[tables.participant]]
from = "Intake"
person_key = "Person"
household_key = "Case"
[tables.participant.fields]
gender = {{ column = "Sex", recode = "gender" }}
age_band = {{ column = "DOB", derive = "age_band", at = "Entry" }}
origin_region = {{ column = "Country", derive = "region" }}

[[tables.enrolment]]
from = "Exits"
person_key = "Person"
[tables.enrolment.fields]
enrolled_on = {{ column = "Entry" }}
exited_on = {{ column = "Exit" }}
exit_reason = {{ column = "Reason", recode = "reason" }}

[recodes.type]
"Single" = "single_adult"
"Family" = "family_one_adult"
[recodes.gender]
"F" = "woman"
"M" = "man"
[recodes.reason]
"Done" = "needs_met"
"""


def counts(place: Place) -> dict[str, int]:
    """Return how many rows each table of the current records has."""
    store = place.site.store
    with store.open_current().transaction() as connection:
        return {
            name: connection.execute(
                select(func.count()).select_from(store.schema.records[name])
            ).scalar_one()
            for name in ("household", "participant", "enrolment")
        }


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Give a site with records, and watch every temporary file."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "home").mkdir()
    for made in site_on(Kind.SQLITE, tmp_path / "home"):
        made.take(
            {
                "household": [{"household_key": "case 0", "type": "single_adult"}],
                "participant": [{"person_key": "person 0", "household_key": "case 0"}],
            }
        )
        yield made


def fuzz(place: Place, folder: Path, seeds: range, said) -> Counter[str]:
    """Import one spoilt export after another; return how they ended."""
    profile = profile_reading.parse(PROFILE, DICTIONARY)
    ends: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        tables, secret = export(chance)
        odd_cells(tables, chance)
        location = written(tables, folder / str(seed), chance)
        before, held = place.site.store.current(), counts(place)
        bringing = Bringing(location=location, profile=profile)
        own = place.own(accepts_serious=chance.random() < 0.8)
        message = ""
        try:
            report = importer.import_source(bringing, site=own, now=NOW)
        except ExchangeError as error:
            message = error.message
            ends[error.code] += 1
            assert place.site.store.current() == before, seed
            assert counts(place) == held, seed
        else:
            ends["taken"] += 1
            assert place.site.store.current() != before, seed
            found = counts(place)
            assert found == {name: report.kept.get(name, 0) for name in found}, seed
        require_silent(place, secret, message + said(), seed)
    return ends


def require_silent(place: Place, secret: set[str], text: str, seed: int) -> None:
    """Require that no planted value was written or said."""
    watched = [place.home, Path(os.environ["TMPDIR"])]
    files = [path for home in watched for path in home.rglob("*") if path.is_file()]
    for path in files:
        if place.folder in path.parents:
            continue
        data = path.read_bytes()
        for value in secret:
            assert value.encode() not in data, (seed, path.name)
    for value in secret:
        assert value not in text, seed


@pytest.fixture
def said(capfd, caplog):
    """Give everything that was printed, logged or warned of."""
    caplog.set_level(logging.DEBUG)

    def read() -> str:
        out, err = capfd.readouterr()
        text = out + err + caplog.text
        caplog.clear()
        return text

    return read


def test_spoilt_exports_leave_no_trace(place, tmp_path, said):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ends = fuzz(place, tmp_path / "exports", range(FEW), said)
    assert ends["taken"], ends
    assert ends["bad-records"], ends


def test_spoilt_exports_are_read_without_personal_values_or_refused(tmp_path, said):
    ends: Counter[str] = Counter()
    for seed in range(READ):
        chance = random.Random(seed)
        tables, secret = export(chance)
        odd_cells(tables, chance)
        location = written(tables, tmp_path / str(seed), chance)
        # A plain day may be one of service; a guard tells by the whole column.
        secret = {value for value in secret if not value.startswith(("19", "20"))}
        left, message = set(), ""
        try:
            left = secret & values_kept(location)
            ends["read"] += 1
        except ExchangeError as refused:
            message = refused.message
            ends[refused.code] += 1
        assert left == set(), seed
        text = said() + message
        assert not any(value in text for value in secret), seed
    assert ends["read"] > READ // 10, ends
    assert ends["bad-records"] > READ // 10, ends


def values_kept(location: str) -> set[str | None]:
    """Return every text that the guard would let into a field."""
    guard, kept = Guard(), set()
    with open_source(location) as source:
        for table in source.tables:
            repeated = {part.table.name: part.repeated for part in source.parts}
            names = [n for n in table.columns if n not in repeated[table.name]]
            for batch in source.read(table.name, names):
                for name in names:
                    column = batch.column(name)
                    clean = guard.clean(table.name, name, column, Use.FIELD)
                    kept.update(clean.to_pylist())
    return kept


def test_a_trace_would_be_found(place):
    (place.home / "site" / "leak").write_text("A000000001")
    with pytest.raises(AssertionError):
        require_silent(place, {"A000000001"}, "", 0)
    with pytest.raises(AssertionError):
        require_silent(place, {"nobody@example.org"}, "nobody@example.org", 0)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_spoilt_exports_leave_no_trace(place, tmp_path, said, part):
    size = MANY // PARTS
    first = FEW + part * size
    ends = fuzz(place, tmp_path / "exports", range(first, first + size), said)
    assert ends["taken"] > size // 10, ends
