"""What is kept of a column that says who somebody is, and what never is."""

from pathlib import Path

import pytest

from privacy.errors import BadRecords
from tests.mapping_place import HOUSEHOLDS, Mapped, Table, profile, write

CASES: Table = [{"Case #": "1"}]
ENROLMENT = """
[[tables.enrolment]]
from = "stays"
person_key = "Client"
[tables.enrolment.fields]
enrolled_on = { column = "In" }
"""

VAULT: Table = [
    {
        "Client": f"c{number}",
        "Case #": str(number),
        "In": "1/25/2024",
        "Worker": f"worker{number % 3}@example.org",
        "Contact": f"900-{number + 10}-{1000 + number}",
        "DOB": f"1/2/{1970 + number}",
        "Began": f"3/{number + 1}/{1970 + number}",
    }
    for number in range(9)
]
SERVICE = """
[[tables.service_event]]
from = "Stays"
person_key = "Client"
[tables.service_event.fields]
served_on = { column = "In" }
"""


def only(folder: Path, text: str, **tables: Table) -> Mapped:
    """Map some tables with a profile that takes the cases in."""
    given = write(folder / "export", {"Cases": CASES, **tables})
    return Mapped(given, profile(HOUSEHOLDS + text))


def test_whoever_works_on_a_case_gets_a_number_and_keeps_no_name(
    tmp_path: Path,
) -> None:
    numbered = 'case_manager_slot = { column = "Worker", derive = "local_number", '
    made = only(
        tmp_path, ENROLMENT + numbered + 'kind = "case_manager" }\n', Stays=VAULT
    )
    assert set(made.column("enrolment.case_manager_slot")) == {"1", "2", "3"}


@pytest.mark.parametrize("column", ["Contact", "DOB"])
def test_nobodys_own_number_is_counted_like_a_project(
    tmp_path: Path, column: str
) -> None:
    numbered = f'project_slot = {{ column = "{column}", derive = "local_number", '
    with pytest.raises(BadRecords, match="must never be among the records"):
        only(tmp_path, ENROLMENT + numbered + 'kind = "project" }\n', Stays=VAULT)


@pytest.mark.parametrize("column", ["DOB", "Began"])
def test_days_since_a_birth_are_the_birth_itself(tmp_path: Path, column: str) -> None:
    days = 'referral_closed_after_days = { derive = "days_between", '
    with pytest.raises(BadRecords, match="a date of birth"):
        only(
            tmp_path,
            SERVICE + days + f'from = "{column}", to = "In" }}\n',
            Stays=VAULT,
        )


def test_rows_are_not_chosen_by_somebodys_number(
    tmp_path: Path,
) -> None:
    stays = [{**row, "A#": "A000000123"} for row in VAULT]
    text = ENROLMENT.replace(
        'person_key = "Client"', 'person_key = "Client"\nwhere = { "!A#" = [""] }'
    )
    with pytest.raises(BadRecords, match="A-number"):
        only(tmp_path, text, Stays=stays)
