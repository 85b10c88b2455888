import pyarrow as pa
import pytest

from node.importer.guard import Blocked, Guard, Use
from node.importer.patterns import Kind
from privacy.errors import BadRecords

# Ranges that belong to nobody: 555-01xx, example.org, A000000xxx, 000 and 9xx-xx.
PLANTED = {
    Kind.A_NUMBER: [
        "A000000123",
        "a00000123",
        "A 000-000-124",
        "000000125",
        "EAC0000000001",
    ],
    Kind.SSN: ["000-12-3456", "900-70-1234", "000 12 3456"],
    Kind.EMAIL: ["nobody@example.org", "No.Body+x@mail.example.org"],
    Kind.PHONE: [
        *("202-555-0123", "(202) 555-0123", "+1 202 555 0123", "2025550123"),
        *("555-0123", "+52 55 5555 0123", "55-5555-0123"),
    ],
    Kind.DEVICE: [
        *("00:00:5e:00:53:01", "490154203237518", "192.0.2.7", "2001:db8:0:0:1:2:3:4"),
        "00000000-0000-4000-8000-000000000001",
    ],
    Kind.PLACE: ["29.76043", "-95.36980", "29.7604, -95.3698"],
    Kind.ADDRESS: ["12 Nowhere St", "700 Example Avenue Apt 4"],
    Kind.ZIP: ["00000-0000"],
}
HARMLESS = [
    *(
        "needs_met",
        "moved away",
        "1",
        "0",
        "240",
        "2024-05-06",
        "05/06/2024",
        "20240506",
    ),
    *("0.33333", "1.0", "12345", "ATD", "A-12", "P1", "Q3 2024", "FY2026"),
    *("Staying or living with family, permanent tenure", "3,500", "$1,200.00"),
]


def column(values):
    return pa.array(values, pa.string())


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, each) for kind, found in PLANTED.items() for each in found],
)
def test_a_planted_value_is_emptied_and_counted_and_hidden(kind, value):
    guard = Guard()
    values = column([*["moved"] * 99, value])
    assert guard.clean("t", "c", values, Use.FIELD).to_pylist() == [
        *["moved"] * 99,
        None,
    ]
    assert guard.hides(value)
    (remark,) = guard.remarks
    assert (remark.check, remark.column, remark.count) == ("personal-cell", "c", 1)
    assert guard.blocked("t", "c", Use.FIELD) is None, kind


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, each) for kind, found in PLANTED.items() for each in found],
)
def test_a_column_of_planted_values_is_refused_without_them(kind, value):
    guard = Guard()
    guard.see("Intake", "Extra", column(["moved"] * 50 + [value] * 4))
    with pytest.raises(BadRecords) as refused:
        guard.require({("Intake", "Extra"): Use.FIELD})
    assert str(kind) in refused.value.message
    assert value not in refused.value.message
    assert "'Extra' of 'Intake'" in refused.value.message


@pytest.mark.parametrize("value", HARMLESS)
def test_an_ordinary_value_is_kept(value):
    guard = Guard()
    values = column([value] * 40)
    assert guard.clean("t", "c", values, Use.FIELD).equals(values)
    assert guard.blocked("t", "c", Use.FIELD) is None


def test_a_value_inside_a_sentence_is_found():
    guard = Guard()
    text = "see A000000123 or call 202-555-0123"
    assert guard.clean("t", "c", column(["x", text]), Use.FIELD).to_pylist() == [
        "x",
        None,
    ]


def test_notes_are_free_text_and_long_labels_are_not():
    labels = [
        f"{letter} long label of a code list that everybody uses" for letter in "ab"
    ]
    guard = Guard()
    guard.see("t", "labels", column(labels * 50))
    guard.see(
        "t",
        "notes",
        column([f"{n} spoke with them today about the bus" for n in range(60)]),
    )
    assert guard.blocked("t", "labels", Use.FIELD) is None
    blocked = guard.blocked("t", "notes", Use.FIELD)
    assert blocked is not None
    assert blocked.kind is Kind.TEXT


BIRTHS = [f"{1955 + n % 52}-0{1 + n % 9}-1{n % 9}" for n in range(300)]


@pytest.mark.parametrize(
    "write",
    [
        lambda day: day,
        lambda day: f"{day} 00:00:00",
        lambda day: f"{day[5:7]}/{day[8:]}/{day[:4]}",
        lambda day: day.replace("-", ""),
        lambda day: f"{day[8:]} Mar {day[:4]}",
        lambda day: f"March {day[8:]}, {day[:4]}",
    ],
)
def test_birthdays_are_found_by_where_they_lie(write):
    guard = Guard()
    guard.see("t", "when", column([write(day) for day in BIRTHS]))
    blocked = guard.blocked("t", "when", Use.FIELD)
    assert blocked is not None
    assert blocked.kind is Kind.BIRTH
    assert 'derive = "age_band"' in blocked.offer


@pytest.mark.parametrize("first", [2005, 2012, 2019])
def test_days_of_service_are_not_birthdays(first):
    guard = Guard()
    days = [f"{first + n % 9}-0{1 + n % 9}-1{n % 9}" for n in range(300)]
    guard.see("t", "when", column(days))
    assert guard.blocked("t", "when", Use.FIELD) is None


@pytest.mark.parametrize(
    "value", ["A000000123", "000-12-3456", "nobody@example.org", "202-555-0123"]
)
def test_a_key_may_not_be_a_number_that_others_know(value):
    guard = Guard()
    guard.clean("t", "key", column([value] * 10), Use.KEY)
    with pytest.raises(BadRecords):
        guard.require({("t", "key"): Use.KEY})


def test_a_key_of_plain_digits_is_allowed_and_noted():
    guard = Guard()
    values = column([f"{n:09}" for n in range(100)])
    assert guard.clean("t", "key", values, Use.KEY).equals(values)
    guard.require({("t", "key"): Use.KEY})
    (remark,) = guard.remarks
    assert (remark.check, remark.count) == ("bare-number-key", 100)


def test_a_key_of_random_ids_is_allowed():
    guard = Guard()
    guard.clean("t", "key", column(PLANTED[Kind.DEVICE][-1:] * 9), Use.KEY)
    guard.require({("t", "key"): Use.KEY})


def test_a_key_that_turns_bad_late_is_found():
    guard = Guard()
    good, bad = column(["case 1"] * 100), column(["A000000123"] * 100)
    for values in [good] * 8 + [bad] * 16:
        guard.clean("t", "key", values, Use.KEY)
    assert guard.blocked("t", "key", Use.KEY) == Blocked(
        Kind.A_NUMBER,
        "drop the column, and use the case number of your own system as the key",
    )


def test_what_is_only_derived_from_may_be_anything():
    guard = Guard()
    values = column(BIRTHS)
    assert guard.clean("t", "DOB", values, Use.DERIVED).equals(values)
    guard.require({("t", "DOB"): Use.DERIVED, ("t", "Country"): Use.DERIVED})


@pytest.mark.parametrize("use", [Use.FIELD, Use.KEY, Use.FILTER])
def test_a_column_named_for_a_birthday_is_refused_unseen(use):
    with pytest.raises(BadRecords, match="date of birth"):
        Guard().require({("Client", "DOB"): use})


def test_every_column_that_is_refused_is_named_at_once():
    with pytest.raises(BadRecords) as refused:
        Guard().require({("C", "SSN"): Use.FIELD, ("C", "e-mail"): Use.FIELD})
    assert "'SSN'" in refused.value.message
    assert "'e-mail'" in refused.value.message


def test_a_column_whose_name_is_a_value_is_not_shown():
    guard = Guard()
    guard.see("t", "A000000123", column(["A000000123"] * 9))
    with pytest.raises(BadRecords) as refused:
        guard.require({("t", "A000000123"): Use.FIELD})
    assert "A0000" not in refused.value.message


@pytest.mark.parametrize("value", ["Moved", "no show", "Family", "otro sitio"])
def test_a_word_of_a_code_list_may_be_shown(value):
    assert not Guard().hides(value)


@pytest.mark.parametrize("value", ["03/14/1985", "case 1234567", "x" * 41])
def test_a_day_a_number_or_a_long_text_is_not_shown(value):
    assert Guard().hides(value)


def test_a_guard_shows_nothing():
    guard = Guard()
    guard.see("t", "c", column(["A000000123"]))
    assert repr(guard) == "Guard()"


@pytest.mark.parametrize("values", [[], [None, None], ["", None]])
def test_an_empty_column_is_nothing(values):
    guard = Guard()
    assert guard.clean("t", "c", column(values), Use.FIELD).equals(column(values))
    guard.require({("t", "c"): Use.FIELD})
