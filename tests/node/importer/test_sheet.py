"""Values that do not fit are mended and counted; rows of nobody are dropped."""

from collections.abc import Mapping

import pyarrow as pa
import pytest

from node.importer import rows
from node.importer.batch import SOURCE_ROW, Batch
from node.importer.findings import Finding, Findings
from node.importer.keymap import SECRET_BYTES, KeyMap
from node.importer.present import Present
from node.importer.sheet import Sheet
from privacy.errors import BadRecords
from tests.import_place import NOW, PLAIN, Sheets, day, extended, with_field
from tests.record_site import DICTIONARY

Kept = dict[str, list[dict[str, object]]]
Found = dict[tuple[str, str, str], int]


def check(
    sheets: Sheets, *, at_once: int | None = None
) -> tuple[Kept, tuple[Finding, ...]]:
    """Check every row, parents first; all of a table at once, or a few at a time."""
    findings, present = Findings(lambda text: "@" in text), Present()
    keys = KeyMap(bytes(SECRET_BYTES))
    every = {
        name: Sheet(
            table,
            dictionary=DICTIONARY,
            keys=keys,
            present=present,
            findings=findings,
            today=day(NOW.date().isoformat()),
        )
        for name, table in DICTIONARY.tables.items()
    }
    kept: Kept = {name: [] for name in every}
    for name, some in sheets.items():
        step = at_once or len(some) or 1
        for start in range(0, len(some), step):
            given = ((name, row) for row in some[start : start + step])
            for batch in rows.batches(given, dictionary=DICTIONARY):
                every[name].add(batch)
            stored = every[name].flush()
            kept[name] += stored.rows.to_pylist() if stored is not None else []
    for sheet in every.values():
        sheet.finish()
    present.close()
    return kept, findings.groups()


def counted(findings: tuple[Finding, ...]) -> Found:
    """Return how often each check found something, by table and field."""
    found: Found = {}
    for each in findings:
        where = (each.table, each.field, each.check.id)
        found[where] = found.get(where, 0) + each.count
    return found


def column(kept: Kept, path: str) -> list[object]:
    """Return one field of every row that is kept."""
    table, _, field = path.partition(".")
    return [row[field] for row in kept[table]]


@pytest.mark.parametrize(
    ("path", "value", "stored", "problem"),
    [
        ("participant.gender", "Mujer", "not_collected", "unlisted-code"),
        ("household.type", "Single_Adult", "not_stated", "unlisted-code"),
        ("enrolment.enrolled_on", "02/01/2024", None, "not-a-date"),
        ("enrolment.enrolled_on", "20240201", None, "not-a-date"),
        ("enrolment.enrolled_on", "2024-02-30", None, "not-a-date"),
        (
            "enrolment.enrolled_on",
            "\u0662\u0660\u0662\u0664-01-01",
            None,
            "not-a-date",
        ),
        ("enrolment.enrolled_on", "1824-02-01", None, "date-out-of-range"),
        ("enrolment.enrolled_on", "2204-02-01", None, "date-out-of-range"),
        ("household.n_adults", "two", None, "not-a-number"),
        ("household.n_adults", "1.0", None, "not-a-number"),
        ("household.n_adults", "9" * 40, None, "not-a-number"),
        ("household.n_adults", "0", None, "number-out-of-range"),
        ("household.n_adults", "10", None, "number-out-of-range"),
        ("enrolment.transferred_in", "yes", None, "not-a-flag"),
        ("enrolment.transferred_in", "2", None, "not-a-flag"),
    ],
)
def test_a_value_that_does_not_fit_is_replaced_and_counted(
    path: str, value: str, stored: object, problem: str
) -> None:
    kept, findings = check(with_field(path, value, value))
    table, _, field = path.partition(".")
    assert column(kept, path) == [stored, stored]
    assert counted(findings)[table, field, problem] == 2
    (group,) = (each for each in findings if each.check.id == problem)
    assert list(group.rows["rows"]) == [1, 2]


@pytest.mark.parametrize(
    ("path", "value", "stored"),
    [
        ("participant.gender", " woman ", "woman"),
        ("participant.gender", "", None),
        ("enrolment.enrolled_on", " 2024-02-01", day("2024-02-01")),
        ("household.n_adults", "09", 9),
        ("enrolment.transferred_in", "1", 1),
        ("enrolment.transferred_in", "0", 0),
    ],
)
def test_a_value_that_fits_is_kept(path: str, value: str, stored: object) -> None:
    kept, findings = check(with_field(path, value, value))
    assert column(kept, path) == [stored, stored]
    assert findings == ()


def test_a_spell_that_ends_before_it_starts_is_left_open() -> None:
    kept, findings = check(
        with_field("enrolment.exited_on", "2023-12-31", "2024-05-01")
    )
    assert column(kept, "enrolment.exited_on") == [None, day("2024-05-01")]
    assert counted(findings) == {("enrolment", "exited_on", "ends-before-start"): 1}
    assert list(findings[0].rows["rows"]) == [1]


@pytest.mark.parametrize(
    ("table", "row", "problem"),
    [
        ("household", {"household_key": " "}, "no-key"),
        ("household", {"household_key": "k" * 300}, "no-key"),
        ("household", {"household_key": "case 1 "}, "seen-before"),
        ("participant", {"person_key": "p3", "household_key": ""}, "no-key"),
        ("participant", {"person_key": "", "household_key": "case 1"}, "no-key"),
        (
            "participant",
            {"person_key": "p3", "household_key": "case 9"},
            "unknown-household",
        ),
        (
            "participant",
            {"person_key": "p1", "household_key": "case 2"},
            "seen-before",
        ),
        ("enrolment", {"person_key": "p9"}, "unknown-person"),
        ("enrolment", {"person_key": "case 1"}, "unknown-person"),
        ("enrolment", {"person_key": ""}, "no-key"),
        ("pool_entry", {"household_key": "case 9"}, "unknown-household"),
        ("pool_entry", {"household_key": "p1"}, "unknown-household"),
    ],
)
def test_a_row_of_nobody_we_know_is_dropped_and_counted(
    table: str, row: Mapping[str, object], problem: str
) -> None:
    kept, findings = check(extended(table, row))
    assert counted(findings) == {(table, "", problem): 1}
    assert list(findings[0].rows["rows"]) == [len(PLAIN.get(table, [])) + 1]
    assert len(kept[table]) == len(PLAIN.get(table, []))


def test_a_second_row_where_one_is_allowed_is_dropped() -> None:
    entries = [
        {"household_key": "case 1", "channel": channel}
        for channel in ("walk_in", "other")
    ]
    kept, findings = check({**PLAIN, "pool_entry": entries})
    assert counted(findings) == {("pool_entry", "", "seen-before"): 1}
    assert column(kept, "pool_entry.channel") == ["walk_in"]


def test_an_unlisted_code_is_told_apart_by_its_own_word() -> None:
    words = ["Familia"] * 3 + ["Familia Quispe"]
    many = [{"household_key": f"c{n}", "type": w} for n, w in enumerate(words)]
    _, findings = check({"household": many})
    ending = "is not in the code list and was stored as the list's last resort."
    assert [group.sentence for group in findings] == [
        f"3 rows: household.type 'Familia' {ending}",
        # So few rows may hold a name.
        f"1 row: household.type a value {ending}",
    ]


def test_a_word_the_guard_hides_or_a_long_one_is_never_shown() -> None:
    _, findings = check(with_field("participant.gender", "a@example.org", "x" * 41))
    (group,) = findings
    assert (group.count, group.shown) == (2, "")
    assert "a value" in group.sentence


def test_hundreds_of_unlisted_words_are_counted_together_in_the_end() -> None:
    many = [{"household_key": f"c{n}", "type": f"kind {n % 300}"} for n in range(900)]
    _, findings = check({"household": many})
    assert len(findings) == 201
    assert sum(each.count for each in findings) == 900
    assert "(other values)" in {each.shown for each in findings}


def test_a_date_in_the_future_and_a_missing_date_are_noted_and_kept() -> None:
    kept, findings = check(with_field("enrolment.enrolled_on", "2026-08-01", ""))
    assert column(kept, "enrolment.enrolled_on") == [day("2026-08-01"), None]
    assert counted(findings) == {
        ("enrolment", "enrolled_on", "dated-ahead"): 1,
        ("enrolment", "enrolled_on", "undated"): 1,
    }


def test_a_hearing_may_lie_in_the_future() -> None:
    hearing = {"person_key": "p1", "due_on": "2026-08-01", "kind": "hearing_master"}
    _, findings = check({**PLAIN, "obligation_event": [hearing]})
    assert findings == ()


def test_a_column_that_no_batch_has_is_missed_once() -> None:
    columns = {"household_key": pa.array(["c"]), SOURCE_ROW: pa.array([2], pa.int64())}
    findings, present = Findings(), Present()
    sheet = Sheet(
        DICTIONARY.tables["household"],
        dictionary=DICTIONARY,
        keys=KeyMap(bytes(SECRET_BYTES)),
        present=present,
        findings=findings,
        today=0,
    )
    for _ in range(2):
        sheet.add(Batch("household", "a.csv", pa.RecordBatch.from_pydict(columns)))
    sheet.flush()
    sheet.finish()
    present.close()
    missed = counted(findings.groups())
    assert missed["household", "type", "missing-column"] == 1
    assert missed["household", "", "seen-before"] == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"household_key": pa.array(["c"])},
        {"household_key": pa.array([1]), SOURCE_ROW: pa.array([2], pa.int64())},
    ],
)
def test_a_batch_of_another_shape_is_refused(columns: dict[str, pa.Array]) -> None:
    with pytest.raises(BadRecords, match="nothing was imported"):
        Batch("household", "a.csv", pa.RecordBatch.from_pydict(columns))


def test_rows_that_come_a_few_at_a_time_are_checked_alike() -> None:
    doubled = {name: [*some, *some] for name, some in PLAIN.items()}
    doubled["pool_entry"] = [{"household_key": f"case {n}"} for n in (1, 2, 1, 9)]
    outcomes = []
    for at_once in (None, 3, 1):
        kept, findings = check(doubled, at_once=at_once)
        # Ids are drawn anew each time.
        plain = [
            {name: row[name] for name in row if name not in {"hid", "pid"}}
            for some in kept.values()
            for row in some
        ]
        outcomes.append((plain, counted(findings)))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert outcomes[0][1] == {
        ("household", "", "seen-before"): 2,
        ("participant", "", "seen-before"): 2,
        ("pool_entry", "", "seen-before"): 1,
        ("pool_entry", "", "unknown-household"): 1,
    }
