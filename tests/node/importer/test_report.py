"""A report says what to repair, worst first, in few lines, and holds no value."""

import csv
import datetime as dt
import io
import stat

import pytest
from rich.console import Console

from node import importer
from node.importer import report as reports
from node.importer.findings import Findings, Severity, catalogue, parse
from node.importer.report import Report
from privacy.errors import BadConfiguration, BadRecords, InvalidProgramme
from tests.import_place import NOW, PLAIN, Place, with_field
from tests.planted_records import home, records


def shown(report: Report) -> str:
    """Return what a report prints."""
    console = Console(file=io.StringIO(), width=80)
    importer.show(console, report)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_findings_come_worst_first_and_with_what_repairs_them() -> None:
    findings = Findings()
    findings.note("empty-table", table="screening", count=1)
    findings.note("no-key", table="household", source="a.csv", rows=[3])
    findings.note("seen-before", table="household", source="a.csv", rows=[4, 5])
    findings.note("fewer-households", table="household", count=40)
    made = Report.of(findings, {"household": 7}, now=NOW, taken=False)
    order = [severity for severity, _, _ in made.by_repair()]
    assert order == [*Severity.__members__.values()][:1] + [Severity.REPAIR] * 2 + [
        Severity.INFO
    ]
    lines = shown(made).splitlines()
    assert lines[0].startswith("serious 40 households fewer")
    assert "2 rows of household are of somebody" in lines[2]
    assert catalogue()["seen-before"].repair in lines[3]
    assert "Nothing was taken into use; the records are as they were." in lines
    assert lines[-1].startswith("3 rows were set aside; set-aside.csv")


def test_findings_with_one_repair_stand_together() -> None:
    findings = Findings(lambda _: False)
    for word in ("Moved", "moved out", "MUDANZA"):
        findings.note(
            "unlisted-code", table="enrolment", field="exit_reason", shown=word, count=9
        )
    made = Report.of(findings, {}, now=NOW, taken=True)
    ((_, repair, found),) = made.by_repair()
    assert [each.shown for each in found] == ["MUDANZA", "Moved", "moved out"]
    assert shown(made).count(repair) == 1


def test_a_screen_is_never_filled_with_a_thousand_lines() -> None:
    findings = Findings(lambda _: False)
    for number in range(900):
        findings.note("unlisted-code", table="t", field=f"f{number}", count=1)
    made = Report.of(findings, {}, now=NOW, taken=True)
    lines = shown(made).splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("repair  Likewise: t.f1, t.f10, ")
    assert lines[1].endswith(" and 839 more.")
    for check in catalogue():
        findings.note(check, table="t", count=1)
    made = Report.of(findings, {}, now=NOW, taken=True)
    assert len(shown(made).splitlines()) < 50
    assert "There is more" in shown(made)


def test_a_sentence_agrees_with_its_count() -> None:
    for count, sentence in (
        (1, "1 row of household has no usable household or person number."),
        (2, "2 rows of household have no usable household or person number."),
    ):
        findings = Findings()
        findings.note("no-key", table="household", count=count)
        assert [each.sentence for each in findings.groups()] == [sentence]


def test_the_files_of_a_report_are_for_their_owner_and_hold_no_value(
    place: Place,
) -> None:
    place.take(with_field("participant.gender", "Mujer Quetzal", "woman"))
    folder = place.home / "site" / "imports" / "g00000001"
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.html", "report.json", "set-aside.csv", "summary.json"}
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "Quetzal" not in path.read_text()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    text = (folder / "set-aside.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {tuple(row) for row in rows} == {
        ("source", "row", "table", "field", "check", "done")
    }
    mended = [row for row in rows if row["field"] == "gender"]
    assert [(row["check"], row["done"]) for row in mended] == [
        ("unlisted-code", "cell mended")
    ]


def test_words_told_apart_on_the_screen_are_one_finding_in_the_files() -> None:
    findings = Findings(lambda _: False)
    for number, word in enumerate(("Moved", "moved out", "MUDANZA"), start=1):
        rows = [10 * number]
        where = {"table": "t", "field": "f", "source": "a.csv", "rows": rows}
        findings.note("unlisted-code", shown=word, **where)
    (each,) = Report.of(findings, {}, now=NOW, taken=True).without_words().findings
    assert (each.shown, each.count) == ("", 3)
    assert sorted(each.rows["a.csv"]) == [10, 20, 30]


def test_a_source_named_like_a_formula_stays_text(place: Place) -> None:
    findings = Findings()
    findings.note("no-key", table="household", source="=cmd()", rows=[2])
    made = Report.of(findings, {}, now=NOW, taken=True)
    reports.write(place.home / "imports", made, generation="g00000001")
    text = (place.home / "imports" / "g00000001" / "set-aside.csv").read_text()
    assert "\n'=cmd(),2,household,,no-key,row set aside\n" in text


def test_the_page_is_whole_without_scripts_and_shows_markup_as_text(
    place: Place,
) -> None:
    findings = Findings(lambda _: False)
    findings.note("unlisted-code", table="<b>&", field="f", shown="Moved", count=2)
    made = Report.of(findings, {"household": 1_234}, now=NOW, taken=True)
    reports.write(place.home / "imports", made, generation="g00000001")
    page = (place.home / "imports" / "g00000001" / "report.html").read_text()
    assert "2 rows: &lt;b&gt;&amp;.f a value is not" in page
    assert "Moved" not in page
    assert "1,234" in page
    assert "<script" not in page
    assert "http" not in page
    assert page.count("<caption>") == 2
    assert '<html lang="en">' in page


def test_the_last_report_is_shown_again(place: Place) -> None:
    folder = place.home / "site" / "imports"
    assert importer.latest(folder) is None
    given = place.take(PLAIN)
    again = importer.latest(folder)
    assert again is not None
    assert shown(again) == shown(given)


def test_a_report_of_what_was_held_back_is_the_last_one(place: Place) -> None:
    place.take_rows(records([home(f"{n}") for n in range(60)]))
    with pytest.raises(BadRecords):
        place.take_rows(records([home("1")]))
    last = importer.latest(place.home / "site" / "imports")
    assert last is not None
    assert not last.taken
    assert "59 households fewer" in shown(last)


def test_old_reports_go_and_a_folder_of_another_name_stays(place: Place) -> None:
    folder = place.home / "site" / "imports"
    made = Report.of(Findings(), {}, now=NOW, taken=True)
    for number in range(1, 9):
        reports.write(folder, made, generation=f"g{number:08d}")
    (folder / "mine").mkdir()
    names = sorted(path.name for path in folder.iterdir())
    assert names == [*(f"g{n:08d}" for n in range(4, 9)), "mine"]


def test_a_report_that_cannot_be_written_stops_the_import(filled: Place) -> None:
    generation = filled.site.store.current()
    (filled.home / "site" / "imports" / "g00000002").write_text("in the way")
    with pytest.raises(BadConfiguration, match="nothing was imported"):
        filled.take()
    assert filled.site.store.current() == generation


def test_a_check_with_a_place_that_does_not_exist_is_refused() -> None:
    check = '[odd]\nseverity = "info"\nsentence = "{many} rows."\nrepair = "None."\n'
    with pytest.raises(InvalidProgramme, match="place that does not exist"):
        parse(check)
    with pytest.raises(InvalidProgramme, match="unknown keys"):
        parse(check.replace("many", "count") + "colour = 1\n")


def test_a_finding_of_no_check_is_an_error() -> None:
    with pytest.raises(InvalidProgramme, match="no check 'odd'"):
        Findings().note("odd", table="household", count=1)


def test_every_check_says_what_to_do_and_prints_nothing_of_itself() -> None:
    for check in catalogue().values():
        assert check.sentence.endswith(".")
        assert check.repair.endswith(".")
    findings = Findings()
    findings.note("no-key", table="household", count=5)
    for thing in (
        findings,
        *findings.groups(),
        Report.of(findings, {}, now=NOW, taken=True),
    ):
        assert "5" not in repr(thing)


def test_a_report_is_dated_in_utc(place: Place) -> None:
    place.take(PLAIN)
    last = importer.latest(place.home / "site" / "imports")
    assert last is not None
    assert last.at == NOW
    assert last.at.utcoffset() == dt.timedelta(0)


def test_reports_are_their_owners_alone_however_open_the_folder_was(
    place: Place,
) -> None:
    folder = place.home / "site" / "imports"
    folder.mkdir(mode=0o755, parents=True)
    place.take(PLAIN)
    paths = [folder, *folder.rglob("*")]
    assert len(paths) > 3
    assert [path.name for path in paths if path.stat().st_mode & 0o077] == []
