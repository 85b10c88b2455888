"""Split one HMIS CSV export into five sites' exports, for the demonstration.

    python -m bench.hmis_demo export.zip folder --days-later 1461
    python -m coordinator.demo --records folder --directory .hmis

Each site gets the enrolments of its own projects and whatever belongs to them, as an
HMIS would have exported it; `cmpp-node import` then reads it with a shipped profile.
Dates are moved later by whole days so that they fall after the programme began.
"""

import argparse
import csv
import datetime as dt
import io
import re
import zipfile
from collections import Counter
from pathlib import Path

SITES = ("NYC", "HOU", "LAX", "BAL", "DCA")
Line = dict[str, str]

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
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read(archive: Path) -> dict[str, list[Line]]:
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


def later(row: Line, moved: dt.timedelta) -> Line:
    """Move every day of a row, births too, so that ages and spans stay as they are."""
    return {
        name: (dt.date.fromisoformat(value) + moved).isoformat()
        if DAY.fullmatch(value)
        else value
        for name, value in row.items()
    }


def write(folder: Path, name: str, rows: list[Line], moved: dt.timedelta) -> None:
    if not rows:
        return
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(later(row, moved) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="the HMIS CSV export, zipped")
    parser.add_argument("folder", type=Path, help="where the five folders go")
    parser.add_argument("--days-later", type=int, default=0, help="moves every date")
    given = parser.parse_args()
    files = read(given.archive)
    projects = sites_of(files["Enrollment"])
    for site in SITES:
        own = [row for row in files["Enrollment"] if projects[row["ProjectID"]] == site]
        stays = {row["EnrollmentID"] for row in own}
        people = {row["PersonalID"] for row in own}
        folder = given.folder / site
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in files.items():
            kept = [
                row
                for row in rows
                if row.get("EnrollmentID", "") in stays
                or ("EnrollmentID" not in row and row["PersonalID"] in people)
            ]
            write(folder, name, kept, dt.timedelta(days=given.days_later))
        print(f"{site}: {len(own)} enrolments, {len(people)} people")


if __name__ == "__main__":
    main()
