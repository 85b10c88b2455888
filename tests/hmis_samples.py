"""Small HMIS CSV exports of several years and vendors; nobody in them exists."""

import csv
import io
import random
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

Line = dict[str, str]
Files = dict[str, list[Line]]

GENDERS = {
    "2021": ("Gender",),
    "2022": ("Female", "Male", "NoSingleGender", "Transgender", "Questioning"),
    "2024": ("Woman", "Man", "NonBinary", "CulturallySpecific", "Transgender"),
    "2026": ("Sex",),
}
# The same answers, as the lists before 2024 and since then number them.
DESTINATIONS = {
    True: ("410", "421", "423", "312", "332", "207", "116", "24", "30", "99"),
    False: ("10", "21", "23", "12", "32", "7", "16", "24", "30", "99"),
}
CHILD, HEAD = "2", "1"


@dataclass(frozen=True)
class Vendor:
    """How one vendor writes its files."""

    delimiter: str = ","
    line_end: str = "\r\n"
    mark: bool = True
    quoted: bool = True
    us_dates: bool = False
    lower_names: bool = False
    folder: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


PLAIN = Vendor()
ODD = Vendor(
    line_end="\n",
    mark=False,
    quoted=False,
    us_dates=True,
    lower_names=True,
    folder="export 2022/",
    extra={"VendorScore": "7", "LocalFlag": ""},
)


def invent(
    year: str,
    *,
    households: int = 60,
    seed: int = 1,
    begins: date = date(2022, 10, 1),
) -> Files:
    """Invent an export with one year's columns; most people come more than once."""
    chance = random.Random(seed)
    files: Files = {name: [] for name in _NAMES}
    for number in range(households):
        _household(files, (year, begins), number, chance)
    return files


_NAMES = (
    *("Client", "Enrollment", "Exit", "Services", "CurrentLivingSituation"),
    *("Assessment", "Event", "HealthAndDV", "Disabilities", "Project", "User"),
)


def _household(
    files: Files, when: tuple[str, date], number: int, chance: random.Random
) -> None:
    """Add a household: one or two adults, some children, a few entries."""
    year, begins = when
    people = []
    for place in range(chance.choice((1, 1, 2, 3, 4))):
        person = f"{number * 10 + place + 1000}"
        child = place > chance.choice((0, 1))
        born = date(2024, 1, 1) - timedelta(
            days=chance.randrange(200, 6000) if child else chance.randrange(8000, 25000)
        )
        known = chance.random() > 0.05
        people.append((person, child))
        files["Client"].append(
            {
                "PersonalID": person,
                "FirstName": "Nobody",
                "LastName": f"Invented{number}",
                "SSN": "",
                "DOB": born.isoformat() if known else "",
                **_gender(year, chance),
                "DateCreated": "2022-01-01 08:00:00",
                "UserID": "7",
                "DateDeleted": "",
            }
        )
    for entry in range(chance.choice((1, 1, 2))):
        there = people if entry == 0 else people[: chance.randrange(1, 3)]
        came = begins + timedelta(days=entry * 300 + chance.randrange(250))
        _entry(files, year, f"h{number}e{entry}", there, came, chance)


def _entry(
    files: Files,
    year: str,
    house: str,
    there: list[tuple[str, bool]],
    came: date,
    chance: random.Random,
) -> None:
    """Add one entry of some people, with what happened to them."""
    new = year >= "2024"
    project = str(chance.randrange(100, 104))
    for place, (person, child) in enumerate(there):
        own = f"{house}p{place}"
        relation = CHILD if child else HEAD if place == 0 else "3"
        row = {"EnrollmentID": own, "PersonalID": person, "DateDeleted": ""}
        entered = {
            **row,
            "ProjectID": project,
            "EntryDate": came.isoformat(),
            "HouseholdID": house,
            "RelationshipToHoH": relation,
            "ReferralSource": chance.choice(("1", "7", "11", "", "99")),
        }
        if new and year < "2026":
            entered["TranslationNeeded"] = chance.choice(("0", "1", "99"))
        files["Enrollment"].append(entered)
        if chance.random() < 0.1:
            files["Enrollment"].append(
                {**entered, "EnrollmentID": f"{own}x", "DateDeleted": "2024-01-01"}
            )
        if chance.random() < 0.7:
            left = came + timedelta(days=chance.randrange(10, 200))
            files["Exit"].append(
                {
                    "ExitID": f"x{own}",
                    **row,
                    "ExitDate": left.isoformat(),
                    "Destination": chance.choice(DESTINATIONS[new]),
                }
            )
        _happened(files, row, came, year, chance)


def _happened(
    files: Files, row: Line, came: date, year: str, chance: random.Random
) -> None:
    """Add services and answers."""
    day = (came + timedelta(days=5)).isoformat()
    files["Services"].append(
        {
            "ServicesID": f"s{row['EnrollmentID']}",
            **row,
            "DateProvided": day,
            "RecordType": chance.choice(("141", "144", "151", "200")),
            "TypeProvided": chance.choice(("1", "2", "5")),
        }
    )
    survivor = (
        "DomesticViolenceSurvivor" if year >= "2024" else "DomesticViolenceVictim"
    )
    files["HealthAndDV"].append(
        {
            "HealthAndDVID": f"d{row['EnrollmentID']}",
            **row,
            "InformationDate": day,
            survivor: chance.choice(("0", "1", "8", "99", "")),
        }
    )


def _gender(year: str, chance: random.Random) -> Line:
    """Answer what a year asks about gender."""
    names = GENDERS[year]
    if len(names) == 1:
        return {names[0]: chance.choice(("0", "1", "8", "9", "99"))}
    ticked = set(chance.sample(names, chance.choice((0, 1, 1, 1, 2))))
    answer = {name: str(int(name in ticked)) for name in names}
    return {**answer, "GenderNone": "" if ticked else chance.choice(("8", "9", "99"))}


def pack(path: Path, files: Files, vendor: Vendor = PLAIN) -> Path:
    """Write an export as one vendor would."""
    with zipfile.ZipFile(path, "w") as opened:
        for name, rows in files.items():
            label = name.lower() if vendor.lower_names else name
            opened.writestr(f"{vendor.folder}{label}.csv", _text(rows, vendor))
    return path


def _text(rows: list[Line], vendor: Vendor) -> bytes:
    """Write one file."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["ExportID"]
    into = io.StringIO()
    style = csv.QUOTE_ALL if vendor.quoted else csv.QUOTE_MINIMAL
    writer = csv.DictWriter(
        into,
        [*names, *vendor.extra],
        quoting=style,
        lineterminator=vendor.line_end,
        delimiter=vendor.delimiter,
    )
    writer.writeheader()
    for row in rows:
        dated = {k: _date(v) if vendor.us_dates else v for k, v in row.items()}
        writer.writerow({**dated, **vendor.extra})
    return into.getvalue().encode("utf-8-sig" if vendor.mark else "utf-8")


def _date(text: str) -> str:
    """Write an ISO day the American way."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.month}/{day.day}/{day.year}"


def unpack(path: Path) -> Files:
    """Read an export with nothing but the standard library."""
    with zipfile.ZipFile(path) as opened:
        return {
            name.removesuffix(".csv"): list(
                csv.DictReader(io.StringIO(opened.read(name).decode("utf-8-sig")))
            )
            for name in opened.namelist()
            if name.endswith(".csv")
        }


def counted(files: Files) -> Counter[tuple[str, str, str]]:
    """Count adults' enrolments by project, entry quarter and exit group.

    Written apart from the importer: only what an HMIS says is used.
    """
    born = {row["PersonalID"]: row["DOB"] for row in files["Client"]}
    rows = [row for row in files["Enrollment"] if not row["DateDeleted"]]
    rows.sort(key=lambda row: row["EntryDate"])
    first: dict[str, Line] = {}
    for row in rows:
        first.setdefault(row["PersonalID"], row)
    exits = {
        row["EnrollmentID"]: row["Destination"]
        for row in sorted(files["Exit"], key=lambda row: row["ExitDate"], reverse=True)
        if not row["DateDeleted"]
    }
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        entry = first[row["PersonalID"]]
        if not _adult(born[row["PersonalID"]], entry):
            continue
        day = date.fromisoformat(row["EntryDate"])
        quarter = f"{day.year}Q{(day.month + 2) // 3}"
        group = _group(exits.get(row["EnrollmentID"]))
        found[row["ProjectID"], quarter, group] += 1
    return found


def _adult(born: str, entry: Line) -> bool:
    """Tell whether somebody was an adult at the first entry."""
    if not born:
        return entry["RelationshipToHoH"] != CHILD
    start, day = date.fromisoformat(born), date.fromisoformat(entry["EntryDate"])
    eighteenth = (start.year + 18, start.month, start.day)
    return (day.year, day.month, day.day) >= eighteenth


def _group(destination: str | None) -> str:
    """Return the group of four that a destination is in."""
    if not destination:
        return "none"
    number = int(destination)
    if number in {8, 9, 30, 37, 99}:
        return "lost_contact"
    if number in {24, 7, 207}:
        return "other"
    old_homes = {3, 10, 11, 19, 20, 21, 22, 23, 26, 28, 31, 33, 34}
    old_elsewhere = {2, 12, 13, 14, 27, 29, 32, 35, 36}
    if number >= 400 or number in old_homes:
        return "needs_met_or_relief"
    if 300 <= number < 400 or number in old_elsewhere:
        return "moved_or_left_by_choice"
    return "other"
