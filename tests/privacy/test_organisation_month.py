"""Months of an organisation: read exactly, or refused line by line."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import organisation_month
from privacy.errors import BadRecords
from privacy.organisation_month import COLUMNS, OrganisationMonth, months_of
from privacy.period import Period

HEADER = ",".join(COLUMNS)
LINE = "NYC,2024-03,P1,12.5,4,0.50,100000.10,2000,30000.5,9,120,40,21"


def file(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def test_a_file_is_read_exactly() -> None:
    (month,) = organisation_month.parse(file(LINE))
    assert month.case_manager_fte == Fraction(25, 2)
    assert month.cost == Fraction("132009.60")
    assert (month.places, month.places_offered, month.open_days) == (120, 40, 21)
    assert month.last_day == Period("FY2024-H1").end


def test_a_spreadsheet_may_mark_its_text_and_end_its_lines_its_own_way() -> None:
    data = b"\xef\xbb\xbf" + file(LINE).replace(b"\n", b"\r\n")
    assert organisation_month.parse(data) == organisation_month.parse(file(LINE))


cents = st.integers(0, 10**9).map(lambda n: Fraction(n, 100))
fte = st.integers(0, 10**5).map(lambda n: Fraction(n, 100))


@given(
    st.builds(
        OrganisationMonth,
        site=st.sampled_from(["NYC", "S01"]),
        month=st.sampled_from(["2024-01", "2089-12"]),
        phase=st.just("P2"),
        case_manager_fte=fte,
        other_fte=fte,
        vacancies=fte,
        cost_personnel=cents,
        cost_direct_aid=cents,
        cost_subawards=cents,
        cost_indirect=cents,
        places=st.integers(0, 10_000),
        places_offered=st.integers(0, 10_000),
        open_days=st.integers(0, 31),
    )
)
def test_what_is_written_is_read_back(month: OrganisationMonth) -> None:
    data = organisation_month.write([month]).encode()
    assert organisation_month.parse(data) == (month,)
    assert organisation_month.read(month.texts()) == month


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("NYC", "nyc", "site must be"),
        ("2024-03", "2024-13", "month must be"),
        ("2024-03", "03/2024", "month must be"),
        ("P1", "Phase 1", "phase must be"),
        ("12.5", "-1", "case_manager_fte must be a number"),
        ("12.5", "12,5", "has not 13 columns"),
        ("12.5", "1e3", "case_manager_fte must be"),
        ("12.5", "12.555", "case_manager_fte must be"),
        ("12.5", "1001", "from 0 to 1,000"),
        ("100000.10", "10000000.01", "cost_personnel must be"),
        ("100000.10", "$5", "cost_personnel must be"),
        ("100000.10", "٣", "cost_personnel must be"),
        ("120", "120.5", "places must be a whole number"),
        ("21", "32", "open_days must be"),
        ("21", "", "open_days must be"),
        ("21", "=21", "open_days must be"),
    ],
)
def test_a_bad_line_is_named_by_its_number(old: str, new: str, said: str) -> None:
    wrong = LINE.replace(old, new)
    with pytest.raises(BadRecords, match="Line 3") as refused:
        organisation_month.parse(file(LINE.replace("NYC", "HOU"), wrong))
    assert said in refused.value.message
    assert refused.value.message.endswith("Nothing was added; correct the file.")


def test_every_bad_line_has_one_sentence_and_many_are_counted() -> None:
    with pytest.raises(BadRecords) as refused:
        organisation_month.parse(file(*["NYC"] * 30))
    lines = refused.value.message.splitlines()
    assert lines[0] == "Line 2 has not 13 columns."
    assert lines[-2:] == [
        "10 more lines are wrong.",
        "Nothing was added; correct the file.",
    ]
    assert len(lines) == 22


def test_a_month_stands_in_a_file_once() -> None:
    with pytest.raises(BadRecords, match="Line 3 repeats NYC 2024-03 P1"):
        organisation_month.parse(file(LINE, LINE))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        file(),
        file(LINE, header=HEADER.upper()),
        file(LINE, header=HEADER + ",notes"),
        file(LINE + ",x", header=HEADER + ",x"),
        file(LINE, header=",".join(sorted(COLUMNS))),
        b"\xff\xfe" + file(LINE),
        file(LINE) + b"\x00",
        file(LINE) + b"," * organisation_month.BYTES_MAX,
        file('"' + LINE),
    ],
)
def test_what_is_no_file_of_months_is_refused_whole(data: bytes) -> None:
    with pytest.raises(BadRecords):
        organisation_month.parse(data)


def test_a_period_has_its_months() -> None:
    assert months_of(Period("FY2024-Q1")) == ("2023-10", "2023-11", "2023-12")
    assert len(months_of(Period("FY2024-H2"))) == 6
    year = months_of(Period("FY2024"))
    assert (year[0], year[-1], len(set(year))) == ("2023-10", "2024-09", 12)
