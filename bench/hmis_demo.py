"""Turn an HMIS CSV export into five sites' folders, by a mapping written by hand.

    python -m bench.hmis_demo export.zip folder --days-later 1461
    python -m coordinator.demo --records folder --directory .hmis

What an HMIS has no notion of (the draw, hearings, legal events, monitoring) stays
empty. Dates are those of the export, moved later by whole days so that they fall
after the programme began. A household at a site is everybody who ever
shared an HMIS household there, since an HMIS numbers households anew at each entry.
"""

import argparse
import csv
import datetime as dt
import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from node.synthetic.folder import write
from node.synthetic.row import Row
from privacy import dictionary as public

SITES = ("NYC", "HOU", "LAX", "BAL", "DCA")
Line = dict[str, str]
Files = dict[str, list[Line]]
Rows = Iterator[tuple[str, Row]]

FILES = (
    "Assessment",
    "Client",
    "CurrentLivingSituation",
    "Disabilities",
    "Enrollment",
    "Event",
    "Exit",
    "HealthAndDV",
    "Services",
)
GENDER = {"0": "woman", "1": "man", "8": "does_not_know", "9": "prefers_not"}
CHANNEL = {"1": "walk_in", "2": "walk_in"} | dict.fromkeys(
    ("11", "18", "28", "30", "34", "35", "37", "38", "39"), "community_referral"
)
EXIT = {
    "24": "deceased",
    "30": "lost_contact",
    "8": "lost_contact",
    "9": "lost_contact",
    "99": "lost_contact",
    "207": "detained",
}
ANSWER = {"0": "negative", "1": "indicators", "8": "declined", "9": "declined"}
CASE_MANAGEMENT = {("144", "1"), ("144", "2")}
FINANCIAL_HELP = {"151", "152"}
BED_NIGHT = "200"
MENTAL_HEALTH = "9"
ADULT_AGE = 18


def read(archive: Path) -> Files:
    with zipfile.ZipFile(archive) as opened:
        return {
            name: list(
                csv.DictReader(
                    io.StringIO(opened.read(f"{name}.csv").decode("utf-8-sig"))
                )
            )
            for name in FILES
        }


def sites_of(enrolments: list[Line]) -> dict[str, str]:
    """Give each project to the site with the fewest enrolments so far."""
    load = dict.fromkeys(SITES, 0)
    given = {}
    for project, size in Counter(row["ProjectID"] for row in enrolments).most_common():
        site = min(SITES, key=lambda name: load[name])
        given[project], load[site] = site, load[site] + size
    return given


def households(enrolments: list[Line]) -> dict[str, list[str]]:
    """Join everybody who ever shared a household; person -> who, oldest entry first."""
    joined: dict[str, str] = {}

    def root(name: str) -> str:
        while joined.setdefault(name, name) != name:
            name = joined[name]
        return name

    for row in enrolments:
        joined[root(f"person {row['PersonalID']}")] = root(
            f"house {row['HouseholdID']}"
        )
    together: dict[str, list[str]] = defaultdict(list)
    for row in sorted(enrolments, key=lambda row: row["EntryDate"]):
        person = row["PersonalID"]
        members = together[root(f"person {person}")]
        if person not in members:
            members.append(person)
    return together


def age_on(born: str, day: str) -> int | None:
    if not born:
        return None
    start, end = dt.date.fromisoformat(born), dt.date.fromisoformat(day)
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def age_band(age: int | None) -> str:
    bands = ((25, "18_24"), (35, "25_34"), (45, "35_44"), (55, "45_54"))
    if age is None:
        return "not_stated"
    return next((band for end, band in bands if age < end), "55_plus")


class Site:
    """One site's share of the export."""

    def __init__(self, name: str, files: Files, projects: dict[str, str]) -> None:
        """Keep the enrolments of this site's projects."""
        self.name = name
        self.enrolments = [
            row for row in files["Enrollment"] if projects[row["ProjectID"]] == name
        ]
        self.ids = {row["EnrollmentID"] for row in self.enrolments}
        self.born = {row["PersonalID"]: row["DOB"] for row in files["Client"]}
        self.sex = {row["PersonalID"]: row["Sex"] for row in files["Client"]}
        self.exits = {row["EnrollmentID"]: row for row in files["Exit"]}
        self.entries: dict[str, list[Line]] = defaultdict(list)
        for row in sorted(self.enrolments, key=lambda row: row["EntryDate"]):
            self.entries[row["PersonalID"]].append(row)
        self.files = files
        self.adults: set[str] = set()

    def rows(self) -> Rows:
        """Yield every row, households first."""
        for number, members in enumerate(households(self.enrolments).values(), start=1):
            yield from self.household(f"{self.name}-H{number:06d}", members)
        yield from self.stays()
        yield from self.services()
        yield from self.screenings()

    def age(self, person: str) -> int | None:
        """Return the age at first entry, where a date of birth is given."""
        return age_on(self.born[person], self.entries[person][0]["EntryDate"])

    def household(self, key: str, members: list[str]) -> Rows:
        """Yield a household, its adults and its entry; none without an adult."""
        ages = {person: self.age(person) for person in members}
        children = [age for age in ages.values() if age is not None and age < ADULT_AGE]
        adults = [
            person for person, age in ages.items() if age is None or age >= ADULT_AGE
        ]
        if not adults:
            return
        self.adults.update(adults)
        first = min((self.entries[p][0] for p in adults), key=lambda r: r["EntryDate"])
        kind = "single_adult" if not children else "family_one_adult"
        if len(adults) > 1:
            kind = "family_two_adults"
        yield (
            "household",
            {
                "household_key": key,
                "type": kind,
                "n_adults": min(len(adults), 9),
                "n_children": min(len(children), 12),
                "any_child_under_5": int(any(age < 5 for age in children)),
            },
        )
        for number, person in enumerate(adults, start=1):
            yield (
                "participant",
                {
                    "person_key": f"{self.name}-P{person}",
                    "household_key": key,
                    "adult_number": min(number, 9),
                    "age_band": age_band(ages[person]),
                    "gender": GENDER.get(self.sex[person], "not_collected"),
                    "consent_stats": "yes",
                    "consent_follow_up": 0,
                },
            )
        yield (
            "pool_entry",
            {
                "household_key": key,
                "entered_on": first["EntryDate"],
                "channel": CHANNEL.get(first["ReferralSource"], "other"),
                "interested": 1,
                "offer_outcome": "not_offered",
            },
        )

    def stays(self) -> Rows:
        """Yield every adult's enrolments."""
        for person in sorted(self.adults):
            for row in self.entries[person]:
                left = self.exits.get(row["EnrollmentID"])
                yield (
                    "enrolment",
                    {
                        "person_key": f"{self.name}-P{person}",
                        "enrolled_on": row["EntryDate"],
                        "exited_on": left["ExitDate"] if left else None,
                        "exit_reason": exit_reason(left["Destination"])
                        if left
                        else None,
                        "transferred_in": 0,
                    },
                )

    def mine(self, file: str) -> Iterator[Line]:
        """Yield the rows of a file about this site's adults."""
        for row in self.files[file]:
            if row["EnrollmentID"] in self.ids and row["PersonalID"] in self.adults:
                yield row

    def service(self, row: Line, day: str, kind: str) -> tuple[str, Row]:
        """Return one service."""
        return (
            "service_event",
            {
                "person_key": f"{self.name}-P{row['PersonalID']}",
                "served_on": row[day],
                "type": kind,
                "referral_status": "not_a_referral",
            },
        )

    def services(self) -> Rows:
        """Yield services, contacts, assessments and referrals."""
        for row in self.mine("Services"):
            kind = "social_service_connection"
            if (row["RecordType"], row["TypeProvided"]) in CASE_MANAGEMENT:
                kind = "case_management_contact"
            elif row["RecordType"] in FINANCIAL_HELP:
                kind = "emergency_aid"
            elif row["RecordType"] == BED_NIGHT:
                kind = "other"
            yield self.service(row, "DateProvided", kind)
        for row in self.mine("CurrentLivingSituation"):
            yield self.service(row, "InformationDate", "case_management_contact")
        for row in self.mine("Assessment"):
            yield self.service(row, "AssessmentDate", "needs_assessment")
        for row in self.mine("Event"):
            yield self.service(row, "EventDate", "social_service_connection")

    def screenings(self) -> Rows:
        """Yield what was asked about violence and mental health."""
        sources = (
            ("HealthAndDV", "DomesticViolenceSurvivor", "safety"),
            ("Disabilities", "DisabilityResponse", "mental_health_brief"),
        )
        for file, column, tool in sources:
            for row in self.mine(file):
                if row[column] not in ANSWER:
                    continue
                if row.get("DisabilityType", MENTAL_HEALTH) != MENTAL_HEALTH:
                    continue
                yield (
                    "screening",
                    {
                        "person_key": f"{self.name}-P{row['PersonalID']}",
                        "screened_on": row["InformationDate"],
                        "tool": tool,
                        "result": ANSWER[row[column]],
                        "action": "none",
                        "support_wanted": 0,
                    },
                )


def exit_reason(destination: str) -> str:
    """Read an HMIS destination: 4xx is a home of one's own, 3xx a temporary one."""
    if destination in EXIT:
        return EXIT[destination]
    return {"4": "needs_met", "3": "moved_away"}.get(destination[:1], "other")


def later(rows: Rows, days: int) -> Rows:
    """Move every date, so that intervals between dates stay as they are."""
    moved = dt.timedelta(days=days)
    for table, row in rows:
        for name, value in row.items():
            if name.endswith("_on") and isinstance(value, str) and value:
                row[name] = (dt.date.fromisoformat(value) + moved).isoformat()
        yield table, row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="the HMIS CSV export, zipped")
    parser.add_argument("folder", type=Path, help="where the five folders go")
    parser.add_argument("--days-later", type=int, default=0, help="moves every date")
    given = parser.parse_args()
    programme = resources.files("privacy") / "programme" / "dictionary.toml"
    dictionary = public.parse(programme.read_text(encoding="utf-8"))
    files = read(given.archive)
    projects = sites_of(files["Enrollment"])
    for name in SITES:
        site = Site(name, files, projects)
        rows = later(site.rows(), given.days_later)
        written = write(given.folder / name, rows, dictionary=dictionary)
        shown = ", ".join(f"{table} {n}" for table, n in written.items() if n)
        print(f"{name}: {shown}")


if __name__ == "__main__":
    main()
