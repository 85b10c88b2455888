"""An attack on the public side: a file about people, brought in as public figures.

Public figures carry no noise. Whatever could be put into them would leave for ever,
so there is no column for a person, no text, and no table that could hold one.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from coordinator import cli, database, facts
from coordinator.cli.centre import Centre
from coordinator.sites import Site
from privacy import catalogue, organisation_month
from privacy import facts as public
from privacy.errors import BadRecords, InvalidProgramme
from privacy.organisation_month import COLUMNS
from tests.organisation_samples import month

SECRET = "A000000123"
HEADER = ",".join(COLUMNS)
LINE = organisation_month.write([month("NYC", "2024-01")]).splitlines()[1]
PERSONAL = (
    *("name", "alien_number", "a_number", "date_of_birth", "phone", "address"),
    *("person_key", "household_key", "case_number", "notes", "gender", "country"),
)
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that types a command at a centre with one site."""

    def typed(*words: object) -> tuple[int, str]:
        home = tmp_path / "home"
        given = ["cmpp", "--home", str(home), *map(str, words)]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    typed("init")
    Centre(tmp_path / "home").sites.add(Site(name="NYC", address="127.0.0.1:7443"))
    return typed


@pytest.mark.parametrize("column", PERSONAL)
def test_no_file_with_a_column_about_people_is_read(column: str) -> None:
    for header in (
        f"{HEADER},{column}",
        f"{column},{HEADER}",
        HEADER.replace("open_days", column),
    ):
        fields = len(header.split(","))
        line = LINE if fields == len(COLUMNS) else f"{LINE},{SECRET}"
        with pytest.raises(BadRecords, match="The first line must be exactly") as said:
            organisation_month.parse(f"{header}\n{line}\n".encode())
        assert SECRET not in said.value.message
        if column not in HEADER:
            assert column not in said.value.message.split()


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", [SECRET, "Maria Example", "555-0100", "123456789"])
def test_no_column_takes_a_name_or_a_number_of_a_person(
    column: str, value: str
) -> None:
    cells = dict(zip(COLUMNS, LINE.split(","), strict=True)) | {column: value}
    with pytest.raises(BadRecords) as said:
        organisation_month.parse(f"{HEADER}\n{','.join(cells.values())}\n".encode())
    assert value not in said.value.message


def test_the_columns_and_the_dictionary_of_records_have_nothing_in_common() -> None:
    tables = catalogue.load().dictionary.tables
    recorded = {name for table in tables.values() for name in table.fields}
    # The phase an enrolment is in is a public name, as the site's is.
    assert set(COLUMNS) & recorded <= {"phase"}
    assert set(COLUMNS) & set(PERSONAL) == set()


def test_a_file_about_people_leaves_no_trace_at_the_centre(
    run: Run, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(f"{HEADER}\n{LINE}\n")
    bad.write_text(f"{HEADER},name\n{LINE},{SECRET}\n")
    worse = tmp_path / "worse.csv"
    worse.write_text(f"{HEADER}\n{LINE.replace('NYC', SECRET)}\n")
    name = tmp_path / "name.csv"
    name.write_text(f"{HEADER}\n{LINE.replace('NYC', 'MARIAEXAMPLE')}\n")
    assert run("facts", "add", good)[0] == 0
    for path in (bad, worse, name):
        code, said = run("facts", "add", path)
        assert code == 2
        assert SECRET not in said
        assert "MARIA" not in said
    kept = [p for p in (tmp_path / "home").rglob("*") if p.is_file()]
    assert kept
    for secret in (SECRET.encode(), b"MARIAEXAMPLE"):
        assert [p for p in kept if secret in p.read_bytes()] == []
    assert len(json.loads(run("facts", "history", "--json")[1])) == 1


def test_the_table_has_no_room_for_text() -> None:
    engine = database.connect("sqlite://")
    columns = sa.inspect(engine).get_columns("organisation_months")
    mine = {"number", "revision", "file", "added_by", "added_at"}
    assert {column["name"] for column in columns} == {*COLUMNS, *mine}
    widths = {c["name"]: getattr(c["type"], "length", None) for c in columns}
    assert max(widths[name] for name in COLUMNS) <= 16
    engine.dispose()


@pytest.mark.parametrize("key", ["person", "people", "participant", "household"])
def test_no_fact_about_a_person_can_be_written(key: str) -> None:
    text = f'[[{key}]]\nsince = 2024-01-01\nname = "{SECRET}"\n'
    with pytest.raises(InvalidProgramme, match="unknown keys") as said:
        public.parse({"facts.toml": text})
    assert SECRET not in said.value.message


def test_a_phase_that_was_frozen_takes_no_cost_whoever_sends_it() -> None:
    doubt = facts.doubt(public.load(), ["NYC"])
    assert "frozen" in doubt(month("NYC", "2024-01", phase="P3"))
    assert doubt(month("NYC", "2024-01", phase="P1")) == ""
