import pytest

from node.importer import guard
from node.importer.findings import Findings, catalogue
from node.importer.sources import Remark, archive, csv_table, workbook

CHECKS = [
    *(csv_table.RAGGED, csv_table.FOOTER, workbook.HIDDEN, workbook.FOOTER),
    *(workbook.MISTAKE, archive.PASSED_OVER, guard.EMPTIED, guard.BARE_KEYS),
]


@pytest.mark.parametrize("check", CHECKS)
def test_a_remark_becomes_a_finding(check):
    findings = Findings()
    Remark(check, "Intake", 3, (7, 8), column="Contact").note_in(findings)
    (finding,) = findings.groups()
    assert finding.check is catalogue()[check]
    assert finding.count == 3
    assert "3 " in finding.sentence
    assert list(finding.rows["Intake"]) == [7, 8]


def test_a_remark_about_the_whole_export_has_a_place_too():
    findings = Findings()
    Remark(archive.PASSED_OVER, "", 2).note_in(findings)
    (finding,) = findings.groups()
    assert finding.sentence == (
        "2 files in the export are no CSV, XLSX or Parquet and were passed over."
    )
