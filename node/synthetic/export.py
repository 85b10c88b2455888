"""Write a site's invented records as one of the systems would hand them out."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from node.synthetic import layouts, sinks
from node.synthetic.backwards import Backwards, Hand, Line
from node.synthetic.dirt import Planted, vault_of
from node.synthetic.layouts import Form, Layout
from node.synthetic.row import Rows
from node.synthetic.sinks import Sink
from node.synthetic.stream import Stream
from privacy.dictionary import Dictionary

_FILES: Final = {
    Form.WORKBOOK: "apricot-export.xlsx",
    Form.ARCHIVE: "hmis-export.zip",
    Form.DATABASE: "export.sqlite",
}
_NUMBER: Final = "Number"
_SINGLE_LINE: Final = ("Export", "Organization", "Project")


def write_layout(  # noqa: PLR0913 - an export is a layout of rows in a place
    folder: Path,
    rows: Rows,
    *,
    layout: str,
    profile: str,
    dictionary: Dictionary,
    seed: int,
    planted: Planted | None = None,
    url: str | None = None,
) -> dict[str, int]:
    """Write rows as an export; same rows and seed, same bytes.

    Args:
        folder: Where it goes.
        rows: Of the dictionary's tables.
        layout: A name `layouts.names` returns, other than the dictionary's own.
        profile: The text of the mapping profile that will read it.
        dictionary: Names the fields' kinds.
        seed: Decides where an untidy export is untidy.
        planted: The export is untidy, and what is planted is written down here.
        url: A database to write the tables to, instead of a file in the folder.

    Returns:
        The number of lines on each sheet.

    Raises:
        InvalidProgramme: there is no such layout.
    """
    form = layouts.load(layout)
    stream = Stream(seed, layout, "hand")
    hand = _hand(form, stream, untidy=planted is not None)
    written = Backwards(profile, dictionary=dictionary, hand=hand)
    sheets = _columns(form, written.sheets(), vault=planted is not None)
    sink = _sink(form, folder, sheets, url)
    counts: Counter[str] = Counter()
    for sheet in _SINGLE_LINE:
        if sheet in form.fixed:
            sink.put(sheet, dict(form.fixed[sheet]))
    for name, row in rows:
        for sheet, line in written.lines(name, row):
            counts[sheet] += 1
            extra: Line = {}
            if planted is not None and sheet == form.people:
                extra = _vault(form, stream, planted)
            sink.put(sheet, _full(form, sheet, line | extra, counts[sheet]))
    sink.close(counts)
    return dict(counts)


def where(folder: Path, layout: str) -> str:
    """Return what to name to an import: the folder, its one file, or a database."""
    if layout == layouts.DICTIONARY:
        return str(folder)
    form = layouts.load(layout).form
    path = folder / _FILES.get(form, "")
    return f"sqlite:///{path.resolve()}" if form is Form.DATABASE else str(path)


def _hand(form: Layout, stream: Stream, *, untidy: bool) -> Hand:
    """Return how a system writes."""
    return Hand(
        stays=form.stays,
        typed=form.form is Form.WORKBOOK,
        untidy=untidy,
        key=layouts.salesforce_id if form.form is Form.REPORTS else str,
        stream=stream,
    )


def _columns(
    form: Layout, sheets: Mapping[str, list[str]], *, vault: bool
) -> dict[str, list[str]]:
    """Return every sheet's columns: standard ones first, planted ones last."""
    columns = {}
    for sheet, read in sheets.items():
        first = list(form.fixed.get(sheet, ()))
        if form.form in {Form.FILES, Form.REPORTS}:
            first = [_NUMBER]
        planted = list(form.vault) if vault and sheet == form.people else []
        columns[sheet] = list(dict.fromkeys([*first, *read, *planted]))
    for sheet in form.fixed:
        columns.setdefault(sheet, list(form.fixed[sheet]))
    return columns


def _full(form: Layout, sheet: str, line: Line, number: int) -> Line:
    """Fill in what a standard, or a program of its own accord, puts on every line."""
    if form.form in {Form.FILES, Form.REPORTS}:
        return {_NUMBER: str(number), **line}
    fixed = form.fixed.get(sheet)
    return line if fixed is None else {**fixed, **line}


def _vault(form: Layout, stream: Stream, planted: Planted) -> Line:
    """Return planted values of an adult's line, and write them down."""
    values = {name: vault_of(kind, stream) for name, kind in form.vault.items()}
    planted.vault.update(values.values())
    return dict(values)


def _sink(
    form: Layout, folder: Path, sheets: dict[str, list[str]], url: str | None
) -> Sink:
    """Open what a layout is written to."""
    folder.mkdir(parents=True, exist_ok=True)
    match form.form:
        case Form.FILES:
            return sinks.Files(folder, sheets, encoding="utf-8-sig")
        case Form.REPORTS:
            return sinks.Reports(folder, sheets)
        case Form.WORKBOOK:
            return sinks.Workbook(folder / _FILES[form.form], sheets)
        case Form.ARCHIVE:
            return sinks.Archive(folder / _FILES[form.form], sheets)
        case Form.DATABASE:
            return sinks.Database(
                url or f"sqlite:///{folder / _FILES[form.form]}", sheets
            )
