"""What an import kept, set aside and found: for the site's own screen and disk.

The counts are exact, so they stay at the site. No value of a record is ever kept.
"""

import csv
import datetime as dt
import io
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console

from node.importer.findings import (
    Effect,
    Finding,
    Findings,
    Severity,
    catalogue,
)
from node.importer.summary import Last
from privacy.errors import BadConfiguration

HELD: Final = "held"
"""The folder of the last import that was not taken into use."""

_REPORT, _PAGE, _SUMMARY = "report.json", "report.html", "summary.json"
_SET_ASIDE: Final = "set-aside.csv"
_GENERATION: Final = re.compile(r"g[0-9]{8}")
_KEPT: Final = 5
_LINES: Final = 40
_ALIKE: Final = 3
_NAMED: Final = 60


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """An import's outcome.

    Attributes:
        at: When, in UTC.
        taken: Whether the records were taken into use.
        kept: Table -> rows stored.
        findings: The worst first.
        note: What else there is to say, in a sentence.
    """

    at: dt.datetime
    taken: bool
    kept: Mapping[str, int]
    findings: tuple[Finding, ...]
    note: str = ""

    @classmethod
    def of(
        cls,
        findings: Findings,
        kept: Mapping[str, int],
        *,
        now: dt.datetime,
        taken: bool,
    ) -> "Report":
        """Close what was counted into a report."""
        stored = {table: rows for table, rows in kept.items() if rows}
        return cls(now, taken, MappingProxyType(stored), findings.groups())

    def __repr__(self) -> str:
        """Show nothing: exact counts belong on the site's own screen only."""
        return "Report()"

    @property
    def set_aside(self) -> Mapping[str, int]:
        """Table -> rows that were set aside."""
        counts: Counter[str] = Counter()
        for each in self.findings:
            if each.check.effect is Effect.ROW:
                counts[each.table] += each.count
        return counts

    def without_words(self) -> "Report":
        """Return the report without a source's own words, fit to lie on a disk.

        They are shown on the screen of whoever imports; a file would outlive that.
        """
        merged: dict[tuple[str, str, str], Finding] = {}
        for each in self.findings:
            key = (each.check.id, each.table, each.field)
            rows = {name: list(found) for name, found in each.rows.items()}
            count = each.count
            if key in merged:
                count += merged[key].count
                for name, found in merged[key].rows.items():
                    rows[name] = [*found, *rows.get(name, [])]
            merged[key] = replace(each, shown="", count=count, rows=rows)
        return replace(self, findings=tuple(merged.values()))

    def sentences(self) -> Iterator[str]:
        """Yield one line for each thing worth knowing, the worst first."""
        for each in self.findings:
            yield each.sentence

    def by_repair(self) -> list[tuple[Severity, str, list[Finding]]]:
        """Return findings grouped by what would repair them, the worst first."""
        groups: dict[tuple[Severity, str], list[Finding]] = {}
        for each in self.findings:
            key = (each.check.severity, each.check.repair)
            groups.setdefault(key, []).append(each)
        return [(severity, repair, each) for (severity, repair), each in groups.items()]


def show(console: Console, report: Report) -> None:
    """Print a report on the site's own screen: a few lines, the worst first."""
    left = _LINES
    for severity, repair, findings in report.by_repair():
        lines = [each.sentence for each in findings[:_ALIKE]]
        if len(findings) > _ALIKE:
            lines = [findings[0].sentence, _alike(findings[1:])]
        for line in lines if left > 0 else ():
            _say(console, f"{severity.value:8}{line}")
        if left > 0:
            _say(console, f"        {repair}")
        left -= len(lines) + 1
    if left < 0:
        _say(console, "There is more; the page of the report lists everything.")
    aside = sum(report.set_aside.values())
    rows = sum(report.kept.values())
    if report.note:
        _say(console, report.note)
    elif report.taken:
        _say(console, f"The new records are in use: {rows:,} rows. They stay here.")
    else:
        _say(console, "Nothing was taken into use; the records are as they were.")
    if aside:
        _say(
            console,
            f"{aside:,} rows were set aside; {_SET_ASIDE}, beside the report, lists "
            "them.",
        )


def _alike(findings: list[Finding]) -> str:
    """Return in one line where else the same was found."""
    named = [
        f"{each.place} '{each.shown}'" if each.shown else each.place
        for each in findings[:_NAMED]
    ]
    rest = len(findings) - len(named)
    return f"Likewise: {', '.join(named)}" + (f" and {rest} more." if rest else ".")


def _say(console: Console, line: str) -> None:
    """Print a line as it is, but for signs that would steer the terminal."""
    line = "".join(sign if sign.isprintable() else "?" for sign in line)
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def write(
    folder: Path | None, report: Report, *, generation: str, summary: str | None = None
) -> None:
    """Write a report for the site's own people: a page, a list of rows, and data.

    No word of a source is written.

    Raises:
        BadConfiguration: it cannot be written.
    """
    if folder is None:
        return
    place = folder / generation
    report = report.without_words()
    files = {
        _REPORT: _as_json(report),
        _PAGE: _page(report),
        _SET_ASIDE: _listed(report),
        _SUMMARY: summary,
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        for name, text in files.items():
            if text is not None:
                _private(place / name, text)
        _forget(folder)
    except OSError as error:
        raise BadConfiguration(
            f"The import's report could not be written ({error.strerror}), so nothing "
            "was imported; check the disk."
        ) from None


def latest(folder: Path) -> Report | None:
    """Return the report of the last import, taken into use or not."""
    found = [path for path in folder.glob(f"*/{_REPORT}") if path.is_file()]
    if not found:
        return None
    reports = [_from_json(path.read_text("utf-8")) for path in found]
    return max(reports, key=lambda each: each.at)


def last_summary(folder: Path | None, generation: str | None) -> Last | None:
    """Return what the import behind a generation held; None if it is not known."""
    place = _import_of(folder, generation)
    if place is None or not (place / _SUMMARY).is_file():
        return None
    return Last.read((place / _SUMMARY).read_text("utf-8"))


def revert(
    folder: Path | None, *, earlier: str, generation: str, now: dt.datetime
) -> Report:
    """Write and return the report of going back to an earlier import."""
    note = (
        "The records of the import before are in use again, joined to the register "
        "as it is now; undo once more to bring the newer ones back."
    )
    place = _import_of(folder, earlier)
    kept: Mapping[str, int] = {}
    summary = None
    if place is not None and (place / _REPORT).is_file():
        kept = _from_json((place / _REPORT).read_text("utf-8")).kept
    if place is not None and (place / _SUMMARY).is_file():
        summary = (place / _SUMMARY).read_text("utf-8")
    made = Report(now, taken=True, kept=kept, findings=(), note=note)
    write(folder, made, generation=generation, summary=summary)
    return made


def _import_of(folder: Path | None, generation: str | None) -> Path | None:
    """Return the report's folder of the import a generation's records came with.

    A closing makes a generation without importing, so it is the newest up to there.
    """
    if folder is None or generation is None:
        return None
    names = sorted(path.name for path in folder.glob("g*") if path.is_dir())
    older = [each for each in names if _GENERATION.fullmatch(each)]
    older = [each for each in older if each <= generation]
    return folder / older[-1] if older else None


def _forget(folder: Path) -> None:
    """Remove the reports of imports long gone."""
    names = sorted(path.name for path in folder.glob("g*"))
    for name in [each for each in names if _GENERATION.fullmatch(each)][:-_KEPT]:
        shutil.rmtree(folder / name, ignore_errors=True)


def _page(report: Report) -> str:
    """Return the report as one page without scripts."""
    pages = Environment(
        loader=PackageLoader("node.importer", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("report.html.j2").render(
        report=report, groups=report.by_repair(), set_aside_file=_SET_ASIDE
    )


def _listed(report: Report) -> str:
    """Return where findings are: source, row, table, field, check; never a value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["source", "row", "table", "field", "check", "done"])
    for each in report.findings:
        told = (each.table, each.field, each.check.id, each.check.effect.value)
        for source, rows in each.rows.items():
            # A spreadsheet would run a name that begins like a formula.
            name = f"'{source}" if source[:1] in "=+-@" else source
            writer.writerows((name, row, *told) for row in rows)
    return text.getvalue()


def _as_json(report: Report) -> str:
    """Return a report to be shown again."""
    findings = [
        [each.check.id, each.table, each.field, each.count] for each in report.findings
    ]
    content = {
        "at": report.at.astimezone(dt.UTC).isoformat(),
        "taken": report.taken,
        "kept": dict(report.kept),
        "findings": findings,
        "note": report.note,
    }
    return json.dumps(content, indent=1)


def _from_json(text: str) -> Report:
    """Read a report back; checks that are no longer known are left out."""
    content: dict[str, Any] = json.loads(text)
    known = catalogue()
    findings = tuple(
        Finding(
            check=known[check],
            table=table,
            field=field,
            shown="",
            count=count,
            rows={},
        )
        for check, table, field, count in content["findings"]
        if check in known
    )
    return Report(
        dt.datetime.fromisoformat(content["at"]),
        content["taken"],
        content["kept"],
        findings,
        content["note"],
    )


def _private(path: Path, text: str) -> None:
    """Write a file for its owner only."""
    handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
