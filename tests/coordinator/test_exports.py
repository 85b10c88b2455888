"""The same numbers in every file, each with its interval, and never over another."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from coordinator import flat
from coordinator.exports import file, manual, workbook
from coordinator.exports.file import Format
from coordinator.exports.plain import harmless
from coordinator.flat import COLUMNS, KINDS
from privacy.errors import BadConfiguration
from tests import published_samples as samples

ROWS = tuple(
    row
    for published in samples.ALL
    for row in flat.rows(published, samples.METRICS[published.metric], training=False)
)
TRUTH = {"true": True, "false": False}


def read(form: Format, data: bytes) -> list[dict[str, Any]]:
    """Read an export back with another program's eyes."""
    match form:
        case Format.JSON:
            return json.loads(data)
        case Format.PARQUET:
            return pq.read_table(io.BytesIO(data)).to_pylist()
        case Format.XLSX:
            sheet = openpyxl.load_workbook(io.BytesIO(data))[workbook.VALUES]
            head, *lines = sheet.iter_rows(values_only=True)
            return [
                {
                    name: "" if cell is None else KINDS[name](cell)
                    for name, cell in zip(head, line, strict=True)
                }
                for line in lines
            ]
        case Format.CSV:
            found = csv.DictReader(io.StringIO(data.decode(), newline=""))
            return [
                {
                    name: TRUTH[text] if KINDS[name] is bool else KINDS[name](text)
                    for name, text in line.items()
                }
                for line in found
            ]


@pytest.mark.parametrize("form", list(Format))
def test_every_form_has_the_same_rows(form: Format) -> None:
    found = read(form, file.content(ROWS, form))
    assert [list(row) for row in found] == [list(COLUMNS)] * len(ROWS)
    due = [row.content() for row in ROWS]
    if form in (Format.CSV, Format.XLSX):
        due = [
            {n: harmless(x) if isinstance(x, str) else x for n, x in row.items()}
            for row in due
        ]
    assert found == due


@pytest.mark.parametrize("form", list(Format))
def test_no_form_has_a_value_without_its_interval(form: Format) -> None:
    for row in read(form, file.content(ROWS, form)):
        assert row["low"] <= row["high"]
        assert row["confidence"] == 0.95
        assert row["sentence"]


@pytest.mark.parametrize("form", list(Format))
def test_nothing_at_all_is_an_export_too(form: Format) -> None:
    assert read(form, file.content((), form)) == []


def test_a_workbook_has_three_sheets_real_numbers_and_names_in_sight() -> None:
    data = file.content(ROWS, Format.XLSX)
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["Values", "Definitions", "How to read"]
    values = book["Values"]
    assert values.freeze_panes == "A2"
    place = COLUMNS.index("value")
    column = [line[place] for line in values.iter_rows(min_row=2)]
    assert {cell.data_type for cell in column} == {"n"}
    shown = {cell.number_format for cell in column}
    assert shown == {"#,##0", "0.0%", "+0.0%;-0.0%;0.0%", "#,##0.00"}
    defined = [line[0] for line in book["Definitions"].iter_rows(values_only=True)]
    assert defined == ["metric", *(published.metric for published in samples.ALL)]
    said = [line[0] for line in book["How to read"].iter_rows(values_only=True)]
    assert said == list(manual.LINES)


def test_invented_records_are_said_to_be_so_in_every_row_and_on_top() -> None:
    published = samples.ENROLLED
    metric = samples.METRICS[published.metric]
    rows = flat.rows(published, metric, training=True)
    assert all(row["training"] for row in read(Format.CSV, file.content(rows, "csv")))
    book = openpyxl.load_workbook(io.BytesIO(file.content(rows, "xlsx")))
    assert book["How to read"]["A1"].value.startswith("TRAINING")


def test_parquet_says_how_to_read_it() -> None:
    data = file.content(ROWS, Format.PARQUET)
    said = pq.read_schema(io.BytesIO(data)).metadata[b"how to read"].decode()
    assert said.splitlines() == list(manual.LINES)


def test_the_end_of_a_name_says_the_form_and_an_option_says_it_better() -> None:
    assert file.form_of(Path("a.CSV"), None) is Format.CSV
    assert file.form_of(Path("a.csv"), Format.JSON) is Format.JSON
    for name in ("a", "a.xls", "a.txt", ".csv"):
        with pytest.raises(BadConfiguration, match="--format"):
            file.form_of(Path(name), None)


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    place = tmp_path / "figures.csv"
    file.write(place, ROWS, Format.CSV, force=False)
    kept = place.read_bytes()
    with pytest.raises(BadConfiguration, match="--force"):
        file.write(place, ROWS[:1], Format.CSV, force=False)
    assert place.read_bytes() == kept
    file.write(place, ROWS[:1], Format.CSV, force=True)
    assert place.read_bytes() != kept
    assert [each.name for each in tmp_path.iterdir()] == ["figures.csv"]


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="no directory"):
        file.check_free(tmp_path / "none" / "a.csv", force=False)
    with pytest.raises(BadConfiguration, match="is there already"):
        file.check_free(tmp_path, force=True)


def test_an_export_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        file.write(tmp_path / "a.csv", ROWS, Format.CSV, force=False)
    assert list(tmp_path.iterdir()) == []


def test_the_samples_have_every_measure() -> None:
    assert {row.measure for row in ROWS} == {"count", "share", "difference", "quantity"}
