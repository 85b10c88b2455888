import datetime as dt
import zipfile

import openpyxl
import pytest

from node.importer.sources import Reading, open_source, workbook
from privacy.errors import BadRecords

# Exports know no time zone.
MOMENT = dt.datetime(2024, 1, 2, 3, 4)  # noqa: DTZ001


@pytest.fixture
def book(tmp_path):
    made = openpyxl.Workbook()
    made.active.title = "Intake"

    def save():
        path = tmp_path / "book.xlsx"
        made.save(path)
        return path

    made.keep = save
    return made


def filled(sheet, lines):
    for line in lines:
        sheet.append(line)


def test_typed_cells_are_written_one_way(book, rows):
    filled(
        book.active,
        [
            ["id", "day", "moment", "flag", "half", "text"],
            [7, dt.date(2024, 5, 6), MOMENT, True, 2.5, " x "],
            [8.0, None, None, False, 3.0, "#N/A"],
        ],
    )
    with open_source(book.keep()) as source:
        first, second = rows(source, "Intake")
        assert source.remarks[0].check == "error-cell"
    assert tuple(first.values()) == (
        "7",
        "2024-05-06",
        "2024-01-02",
        "1",
        "2.5",
        "x",
        2,
    )
    assert tuple(second.values()) == ("8", None, None, "0", "3", None, 3)


def test_each_sheet_that_shows_is_a_table(book):
    filled(book.active, [["a", "b"], [1, 2]])
    filled(book.create_sheet("Exits"), [["c", "d"], [3, 4]])
    for state in ("hidden", "veryHidden"):
        sheet = book.create_sheet(state)
        sheet.sheet_state = state
        filled(sheet, [["planted"], [1]])
    with open_source(book.keep()) as source:
        assert [table.name for table in source.tables] == ["Intake", "Exits"]
        (remark,) = source.remarks
    assert (remark.check, remark.count) == ("hidden-sheet", 2)


def test_names_that_span_columns_are_joined_with_those_below(book, rows):
    sheet = book.active
    filled(
        sheet,
        [
            ["Monthly report", None, None, None, None],
            [],
            ["Case", "Person", None, "Exit", None],
            [None, "ID", "Sex", "Day", "Reason"],
            [1, 2, "f", None, "moved"],
            [],
            ["Total", 1],
        ],
    )
    for cells in ("A1:E1", "B3:C3", "D3:E3", "A3:A4"):
        sheet.merge_cells(cells)
    with open_source(book.keep()) as source:
        (table,) = source.tables
        found = rows(source, "Intake")
    assert table.columns == (
        *("Case", "Person ID", "Person Sex", "Exit Day", "Exit Reason"),
    )
    assert [row["source_row"] for row in found] == [5]


def test_a_formula_gives_the_value_it_last_had(book, tmp_path, rows):
    filled(book.active, [["a", "b"], [1, "=1+1"]])
    path = book.keep()
    with_value = tmp_path / "with.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(with_value, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert b"<f>1+1</f><v" in part
                part = (
                    part.replace(b"<v></v>", b"<v>2</v>")
                    .replace(b"<v />", b"<v>2</v>")
                    .replace(b"<v/>", b"<v>2</v>")
                )
            new.writestr(name, part)
    with open_source(with_value) as source:
        assert rows(source, "Intake")[0]["b"] == "2"


def test_a_day_out_of_range_prints_nothing(book, rows, capsys):
    filled(book.active, [["a", "b"], [1, 99_999_999]])
    book.active["B2"].number_format = "yyyy-mm-dd"
    with open_source(book.keep()) as source:
        rows(source, "Intake")
    shown = capsys.readouterr()
    assert "9999" not in shown.out + shown.err


def test_an_empty_sheet_is_an_empty_table(book, rows):
    filled(book.active, [["a", "b"], [1, 2]])
    book.create_sheet("Empty")
    with open_source(book.keep()) as source:
        assert source.tables[1].columns == ()
        assert len(rows(source, "Intake")) == 1


@pytest.mark.parametrize("gap", [6_000, 11_000])
def test_rows_far_down_keep_their_number(book, rows, gap):
    filled(book.active, [["a", "b"], [1, 2]])
    book.active.cell(gap, 1, 3)
    with open_source(book.keep()) as source:
        assert [row["source_row"] for row in rows(source, "Intake")] == [2, gap]


def test_text_that_would_fill_the_memory_is_refused(book, monkeypatch):
    monkeypatch.setattr(workbook, "_MOST_OTHER", 10)
    filled(book.active, [["a", "b"], ["x", "y"]])
    with pytest.raises(BadRecords, match="fits in memory"):
        open_source(book.keep())


def test_a_document_type_is_refused(book, tmp_path):
    filled(book.active, [["a", "b"], ["x", "y"]])
    bad = tmp_path / "bad.xlsx"
    with zipfile.ZipFile(book.keep()) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "xl/workbook.xml":
                part = b'<!DOCTYPE x [<!ENTITY y "z">]>' + part
            new.writestr(name, part)
    with pytest.raises(BadRecords, match="broken"):
        open_source(bad)


def test_a_workbook_with_a_password_is_told_plainly(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    with pytest.raises(BadRecords, match="without a password"):
        open_source(path)


def test_a_binary_workbook_is_told_plainly(tmp_path):
    path = tmp_path / "book.xlsb"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("xl/workbook.bin", b"x")
    with pytest.raises(BadRecords, match="binary workbook"):
        open_source(path)


def test_a_broken_sheet_is_told_without_its_cells(book, tmp_path):
    filled(book.active, [["a", "b"], *[["planted", n] for n in range(9_000)]])
    bad = tmp_path / "bad.xlsx"
    with zipfile.ZipFile(book.keep()) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                part = part[: len(part) // 2] + b"<planted"
            new.writestr(name, part)
    with (
        pytest.raises(BadRecords, match="broken") as refused,
        open_source(bad, Reading()) as source,
    ):
        list(source.read("Intake", ["a"]))
    assert "planted" not in refused.value.message
