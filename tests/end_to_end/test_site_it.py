"""Site IT's first fifteen minutes, as the page tells them, at a real site.

Every `$` line of the page is typed, in order, and what it says must be what the page
shows. A coordinator runs beside it as a process of its own. To write the page anew
after an intended change:

    CMPP_WRITE_TRANSCRIPT=1 python -m pytest tests/end_to_end/test_site_it.py
"""

import csv
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from privacy.chain import Kind
from tests import transcript
from tests.training_network import TrainingNetwork
from tests.typed_site import TypedSite

PAGE = Path(__file__).resolve().parents[2] / "docs" / "site-it.md"
READ = re.compile(r'"\$\(cat (?P<file>[a-z.]+)\)"')
VARYING = (
    (re.compile(r"127\.0\.0\.1(:| port )\d+"), "<address>"),
    (re.compile(r"\d+\.\d+ GiB"), "<disk>"),
    (re.compile(r"line (\d):  .*"), r"line \1:  <words>"),
    (re.compile(r"(?:[0-9a-f]{4} ){15}[0-9a-f]{4}"), "<fingerprint>"),
    (re.compile(r"(?:[0-9a-f]{4} ){3,}[0-9a-f]{4}"), "<part of a fingerprint>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\b\d{4}\.\d+\+[0-9a-f]{12}\b"), "<programme>"),
    (re.compile(r"\b[0-9a-f]{12}([0-9a-f]{4})?\b"), "<digest>"),
    (re.compile(r"\b(?:Python|SQLite|DuckDB) \d+\.\d+\.\d+"), "<version>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(T[\d:.]+\+00:00| \d\d:\d\d)?"), "<date>"),
    (re.compile(r"\b\d+ days old|days left: \d+|Within \d+ s"), "<time>"),
    (re.compile(r"\b\d+ households not selected"), "<households>"),
    (re.compile(r"│ 1/100 +│ -?\d+ +│"), "<what left>"),
)
EXPORTED = 240
COLUMNS = (
    "Case #",
    "Participant ID",
    "First Name",
    "Phone",
    "Date of Birth",
    "Gender",
    "Country",
    "Preferred Language",
    "Consent to statistics",
    "Enrolment Date",
    "Exit Date",
    "Exit Reason",
    "Notes",
)


class Minutes:
    """One training site, worked as the page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = TypedSite(folder)
        self.network = TrainingNetwork(folder / "centre")

    def close(self) -> None:
        self.network.close()

    def type(self, line: str) -> str:
        """Type one line of the page, as a shell would read it."""
        whole = READ.sub(lambda m: (self.folder / m["file"]).read_text().strip(), line)
        program, *words = shlex.split(whole)
        assert program == "cmpp-node"
        said = self.site.run(*words)
        return (said.told + said.out).replace(f"{Path.cwd()}/", "")

    def meanwhile(self, what: str) -> None:
        """Let happen what the page says happened elsewhere."""
        match what:
            case "the coordinator invites the site":
                invitation = self.network.invite("NYC")
                (self.folder / "invitation.txt").write_text(invitation)
            case "the officers accept and the Board asks":
                self.network.ask(self.site, metric="M08", period="FY2024")
            case "an export lies in the folder":
                export(self.folder / "export")
            case _:
                raise AssertionError(what)


def export(folder: Path) -> None:
    """Write what a case management system might leave, of nobody who exists."""
    folder.mkdir()
    path = folder / "Participants.csv"
    with path.open("w", encoding="cp1252", newline="") as file:
        sheet = csv.writer(file, delimiter=";")
        sheet.writerow(COLUMNS)
        for number in range(EXPORTED):
            gone = number % 5 == 0
            sheet.writerow(
                [
                    f"TRAINING-C{number // 2:04d}",
                    f"TRAINING-P{number:05d}",
                    "Nobody",
                    f"555-01{number % 100:02d}",
                    f"{number % 12 + 1}/{number % 28 + 1}/{1965 + number % 38}",
                    ("Female", "Male", "Mujer")[number % 3],
                    ("Honduras", "Haití", "Venezuela", "Guatemala")[number % 4],
                    ("Spanish", "español", "Kreyòl")[number % 3],
                    "No" if number % 30 == 0 else "Yes",
                    f"{number % 12 + 1}/{number % 28 + 1}/2024",
                    f"{number % 9 + 1}/{number % 28 + 1}/2025" if gone else "",
                    ("Needs met", "Graduated")[number % 2] if gone else "",
                    f"Said on day {number} that all of this was only made up for us.",
                ]
            )


@pytest.fixture
def minutes(tmp_path: Path) -> Iterator[Minutes]:
    opened = Minutes(tmp_path)
    yield opened
    opened.close()


def test_the_first_fifteen_minutes_go_as_the_page_says(
    minutes: Minutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(minutes.folder)
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    wrong, anew = transcript.walk(
        PAGE, say=minutes.type, meanwhile=minutes.meanwhile, varying=VARYING
    )
    if os.environ.get("CMPP_WRITE_TRANSCRIPT"):
        PAGE.write_text(anew, "utf-8")
        return
    assert wrong == []
    law = minutes.site.home.law
    assert [sent.fate for sent in law.sent.values()] == [Kind.ACCEPTED]
    assert minutes.site.home.config.training
