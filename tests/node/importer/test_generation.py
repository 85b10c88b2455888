"""Imports arrive whole or not at all, under ids that never change."""

import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from node import importer, synthetic
from node.records.connect import Kind
from privacy.errors import BadConfiguration, BadRecords, Busy
from tests.import_place import PLAIN, Place, day, site_on
from tests.record_site import DICTIONARY

ID = re.compile(r"[0-9a-f]{32}")


def test_plain_records_arrive_as_codes_day_numbers_and_random_ids(place: Place) -> None:
    report = place.take(PLAIN)
    assert report.kept == {"household": 2, "participant": 2, "enrolment": 2}
    assert place.column("household.type") == ["single_adult", "family_one_adult"]
    assert place.column("enrolment.enrolled_on") == [
        day("2024-02-01"),
        day("2024-03-01"),
    ]
    assert place.column("enrolment.exited_on") == [None, day("2024-05-01")]
    hids = place.column("household.hid")
    assert all(ID.fullmatch(str(hid)) for hid in hids)
    assert place.column("participant.hid") == hids
    assert place.column("enrolment.pid") == place.column("participant.pid")


def test_synthetic_records_need_no_mending_and_a_folder_equals_a_stream(
    place: Place,
) -> None:
    synthetic.write_folder(
        place.folder, dictionary=DICTIONARY, site="BAL", seed=3, scale=0.1
    )
    report = place.take()
    assert {each.check.id for each in report.findings} <= {"empty-table", "purged"}
    from_folder = {table: place.rows(table) for table in DICTIONARY.tables}
    place.take_rows(synthetic.generate(site="BAL", seed=3, scale=0.1))
    for table in DICTIONARY.tables:
        assert sorted(map(str, from_folder[table])) == sorted(
            map(str, place.rows(table))
        )


def test_synthetic_records_fill_an_encrypted_store(tmp_path: Path) -> None:
    for place in site_on(Kind.DUCKDB, tmp_path):
        rows = synthetic.generate(site="DCA", seed=3, scale=0.1)
        report = place.take_rows(rows)
        assert set(report.kept) == set(DICTIONARY.tables)
        assert len(place.rows("enrolment")) == report.kept["enrolment"]
        assert b"single_adult" not in place.content("records/*")


def test_a_missing_table_is_empty(place: Place) -> None:
    place.take(PLAIN)
    assert place.rows("screening") == []


def test_an_import_replaces_what_was_there(place: Place) -> None:
    place.take(PLAIN)
    place.take({table: rows[:1] for table, rows in PLAIN.items()})
    assert place.column("household.type") == ["single_adult"]


class Unforeseen(Exception):
    """What no code of ours raises."""


def test_an_error_in_mid_import_leaves_everything_as_it_was(filled: Place) -> None:
    generation, before = filled.site.store.current(), filled.content()

    def rows() -> Iterator[tuple[str, Mapping[str, object]]]:
        yield from (("household", {"household_key": f"new {n}"}) for n in range(25_000))
        raise Unforeseen

    with pytest.raises(Unforeseen):
        filled.take_rows(rows())
    assert filled.site.store.current() == generation
    assert filled.content() == before


def test_a_key_map_that_cannot_be_written_stops_the_import(filled: Place) -> None:
    generation = filled.site.store.current()
    (filled.home / "site" / "keys.new").mkdir()
    with pytest.raises(BadConfiguration, match="nothing was imported"):
        filled.take()
    assert filled.site.store.current() == generation
    (filled.home / "site" / "keys.new").rmdir()
    filled.take()
    assert filled.site.store.current() != generation


def test_a_second_import_at_the_same_time_is_told_to_wait(filled: Place) -> None:
    with filled.site.store.writer(), pytest.raises(Busy):
        filled.take()


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from node import importer
    from node.importer import KeyStore
    from node.records.connect import Kind, Place
    from node.records.store import RecordStore
    from node.register.book import Register
    from tests.import_place import NOW
    from tests.record_site import DICTIONARY, SCHEMA

    def rows():
        yield from (("household", {"household_key": f"n{n}"}) for n in range(25_000))
        os.kill(os.getpid(), signal.SIGKILL)
        yield "household", {"household_key": "last"}

    home = Path(sys.argv[1])
    importer.import_rows(
        rows(),
        site=importer.Site(
            store=RecordStore(
                Place(kind=Kind.SQLITE, directory=home / "records"), SCHEMA
            ),
            keys=KeyStore(home / "keys", key_file=home / "keys.key"),
            dictionary=DICTIONARY,
            register=Register.open(f"sqlite:///{home}/register.sqlite"),
        ),
        now=NOW,
    )
"""


def test_a_killed_import_leaves_the_records_and_the_next_one_works(
    filled: Place,
) -> None:
    generation = filled.site.store.current()
    before = {table: filled.rows(table) for table in PLAIN}
    root = Path(importer.__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), filled.home / "site"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert filled.site.store.current() == generation
    assert before == {table: filled.rows(table) for table in PLAIN}
    filled.take()
    assert before == {table: filled.rows(table) for table in PLAIN}


def test_the_register_goes_into_every_import(place: Place) -> None:
    place.take(PLAIN)
    place.site.close("FY2024-Q3")
    registered = place.site.registered()
    assert set(registered) == set(place.column("household.hid"))
    place.take({table: rows[:1] for table, rows in PLAIN.items()})
    assert registered == place.site.registered()


def test_no_source_key_or_odd_value_reaches_a_file_log_or_error(
    place: Place, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    canaries = [f"CANARY-{number:04d}-Quetzal" for number in range(40)]
    supply = iter(canaries)
    sheets = {
        "household": [
            {
                "household_key": next(supply),
                "type": next(supply),
                "n_adults": next(supply),
            }
        ],
        "participant": [{"person_key": next(supply), "household_key": canaries[0]}],
        "screening": [
            {
                "person_key": canaries[3],
                "screened_on": next(supply),
                "tool": next(supply),
            },
            {"person_key": next(supply), "result": next(supply)},
        ],
    }
    with caplog.at_level(logging.DEBUG):
        report = place.take(sheets)
        said = [repr(report), repr(place.keys)]
        screen = " ".join(report.sentences())
        said.append(repr(place.keys.load()))
        (place.folder / "household.csv").write_text(
            f'household_key\n{canaries[0]}"x"\n"'
        )
        with pytest.raises(BadRecords) as caught:
            place.take()
    said += [str(caught.value), caplog.text, *capsys.readouterr()]
    content = place.content()
    # The search does find what is stored in the open.
    assert b"not_stated" in content
    assert [c for c in canaries if c.encode() in content or c in " ".join(said)] == []
    # A word for a code is shown to whoever maps it, on their screen only.
    codes = {"household.type", "screening.tool", "screening.result"}
    assert {c for c in canaries if c in screen} == {
        each.shown for each in report.findings if each.place in codes and each.shown
    }
