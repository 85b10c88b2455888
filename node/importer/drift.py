"""Compare an import with the one before it: what changed more than records change."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from node.importer.findings import Findings
from node.importer.summary import Last, Summary
from privacy.dictionary import Dictionary

_FEW: Final = 50
"""A table with fewer rows than this may change as it likes."""

_DROP_PERCENT: Final = 30
_GROWTH: Final = 2
_POINTS: Final = 20
_NEW_CODE_PERCENT: Final = 5
HOUSEHOLDS: Final = "household"


def compare(
    last: Last, summary: Summary, *, dictionary: Dictionary, findings: Findings
) -> None:
    """Note what drifted.

    A table may lose 30 rows of 100 or double; the share of empty cells, or of one
    code, may move by 20 points; a code may be new in 5 rows of 100.
    """
    for name, table in dictionary.tables.items():
        before, now = last.rows(name), summary.rows[name]
        if before < _FEW:
            continue
        _rows(name, before, now, findings)
        if now < _FEW:
            continue
        for field in table.fields:
            _field(name, field, last, summary, findings)


def _rows(table: str, before: int, now: int, findings: Findings) -> None:
    """Compare a table's rows."""
    lost = before - now
    if table == HOUSEHOLDS and lost * 100 > before * _DROP_PERCENT:
        findings.note("fewer-households", table=table, count=lost)
    elif not now:
        findings.note("one-left", table=table, count=1)
    elif lost * 100 > before * _DROP_PERCENT or now > before * _GROWTH:
        findings.note("rows-changed", table=table, count=abs(lost))


def _field(
    table: str, field: str, last: Last, summary: Summary, findings: Findings
) -> None:
    """Compare one field's gaps and mix."""
    gaps = last.missing(table, field)
    if gaps is None:
        return
    before, now = last.rows(table), summary.rows[table]
    points = 100 * summary.missing(table, field) // now - 100 * gaps // before
    if points > _POINTS:
        findings.note("emptier", table=table, field=field, count=points)
        return
    for check, code, count in _mix(table, field, last, summary):
        findings.note(check, table=table, field=f"{field}={code}", count=count)


def _mix(
    table: str, field: str, last: Last, summary: Summary
) -> Iterator[tuple[str, str, int]]:
    """Yield the checks that a field's codes fail: the check, the code, how much."""
    before = last.codes(table, field)
    values = summary.values.get((table, field), Counter())
    now = {str(code): count for code, count in values.items()}
    total, was = sum(now.values()), sum(before.values())
    if total < _FEW or was < _FEW:
        return
    for code in sorted(now.keys() | before.keys()):
        share, earlier = now.get(code, 0), before.get(code, 0)
        points = abs(100 * share // total - 100 * earlier // was)
        if not earlier and share * 100 > total * _NEW_CODE_PERCENT:
            yield "new-code", code, share
        elif points > _POINTS:
            yield "mix-changed", code, points
