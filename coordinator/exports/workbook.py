"""XLSX: the rows, the definitions and how to read them. No formula anywhere."""

import io
from collections.abc import Iterable, Sequence
from typing import Final

import openpyxl
from openpyxl.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from coordinator.exports import manual
from coordinator.exports.plain import harmless
from coordinator.flat import COLUMNS, FlatRow
from privacy.metric import Measure

VALUES: Final = "Values"
DEFINITIONS: Final = "Definitions"
HOW_TO_READ: Final = "How to read"

_TRAINING: Final = "TRAINING: every record behind these figures is invented."
_NUMBERS: Final = ("value", "low", "high", "noise_error", "sampling_error")
_SHOWN_AS: Final = {
    Measure.COUNT: "#,##0",
    Measure.SHARE: "0.0%",
    Measure.DIFFERENCE: "+0.0%;-0.0%;0.0%",
    Measure.QUANTITY: "#,##0.00",
}
_DEFINED: Final = (
    "metric",
    "name",
    "pillar",
    "measure",
    "unit",
    "metric_version",
    "catalogue_version",
    "definition",
    "reference",
)
_WIDTHS: Final = {
    "sentence": 70,
    "helps": 40,
    "definition": 90,
    "reference": 90,
    "name": 30,
    "part": 28,
}
_WIDTH: Final = 14
_TEXT_WIDTH: Final = 110


def write(rows: Sequence[FlatRow]) -> bytes:
    """Return the workbook."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    _values(book.create_sheet(VALUES), rows)
    _definitions(book.create_sheet(DEFINITIONS), rows)
    lines = [_TRAINING] if any(row.training for row in rows) else []
    _text(book.create_sheet(HOW_TO_READ), [*lines, *manual.LINES])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _values(sheet: Worksheet, rows: Sequence[FlatRow]) -> None:
    """Write one line for every value, below names that stay in sight."""
    _head(sheet, COLUMNS)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{len(rows) + 1}"
    for line, row in enumerate(rows, 2):
        form = _SHOWN_AS[Measure(row.measure)]
        for column, (name, content) in enumerate(row.content().items(), 1):
            cell = _put(sheet.cell(line, column), content)
            if name in _NUMBERS:
                cell.number_format = form


def _definitions(sheet: Worksheet, rows: Sequence[FlatRow]) -> None:
    """Write what every metric on the first sheet means, once."""
    _head(sheet, _DEFINED)
    contents = (row.content() for row in rows)
    distinct = dict.fromkeys(tuple(each[n] for n in _DEFINED) for each in contents)
    for line, defined in enumerate(distinct, 2):
        for column, content in enumerate(defined, 1):
            _put(sheet.cell(line, column), content)


def _head(sheet: Worksheet, names: Sequence[str]) -> None:
    """Write the column names, and keep them in sight."""
    sheet.freeze_panes = "A2"
    for column, name in enumerate(names, 1):
        width = _WIDTHS.get(name, _WIDTH)
        sheet.column_dimensions[get_column_letter(column)].width = width
        _put(sheet.cell(1, column), name).font = Font(bold=True)


def _text(sheet: Worksheet, lines: Iterable[str]) -> None:
    """Write paragraphs."""
    sheet.column_dimensions["A"].width = _TEXT_WIDTH
    for number, line in enumerate(lines, 1):
        cell = _put(sheet.cell(number, 1), line)
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def _put(cell: Cell | MergedCell, content: object) -> Cell | MergedCell:
    """Fill a cell with a real number, or with text that is only text."""
    if isinstance(content, bool | int | float):
        cell.value = content
    else:
        cell.value = harmless(str(content))
        cell.data_type = "s"
    return cell
