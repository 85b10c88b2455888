"""The officer's first fifteen minutes, as the page tells them, at a real site.

Every `$` line of the page is typed, in order, and what it says must be what the page
shows. Fingerprints, digests, dates and versions differ from site to site; they are
compared by their form. To write the page anew after an intended change:

    CMPP_WRITE_TRANSCRIPT=1 python -m pytest tests/end_to_end/test_privacy_officer.py
"""

import os
import re
import shlex
from pathlib import Path

import pytest

from privacy import catalogue, pack
from privacy.chain import Kind
from tests import governed, transcript
from tests import signed_samples as samples
from tests.typed_site import TypedSite

PAGE = Path(__file__).resolve().parents[2] / "docs" / "privacy-officer.md"
VARYING = (
    (re.compile(r"(?:[0-9a-f]{4} ){15}[0-9a-f]{4}"), "<fingerprint>"),
    (re.compile(r"(?:[0-9a-f]{4} ){3,}[0-9a-f]{4}"), "<part of a fingerprint>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\b\d{4}\.\d+\+[0-9a-f]{12}\b"), "<programme>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<digest>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(T[\d:]+\+00:00)?"), "<date>"),
)


class Minutes:
    """One training site, worked as the page says."""

    def __init__(self, folder: Path) -> None:
        self.site = TypedSite(folder)
        self.site.done("init", "--site", "NYC")
        charter, now = self.site.home.charter, self.site.now()
        roster = governed.roster()
        charter.enact(Kind.AGREED, subject=roster.digest.hex(), now=now)
        charter.enact(Kind.ROSTER, roster, now=now)

    def type(self, line: str) -> str:
        """Type one line of the page."""
        program, *words = shlex.split(line)
        assert program == "cmpp-node"
        said = self.site.run(*words)
        return said.out + said.told

    def meanwhile(self, what: str) -> None:
        """Let happen what the page says happened elsewhere."""
        assert what == "the Board sends a mandate"
        asked = pack.load("half-year", catalogue.load())
        metrics = sorted({line.metric for line in asked.lines})
        mandate = governed.mandate(
            now=self.site.now(),
            number='"2026-07"',
            title='"Half-year report, FY2024"',
            metrics=governed.listed(metrics),
            purposes='["funding-report", "oversight"]',
            periods='["FY2024", "FY2024-H1", "FY2024-H2"]',
            loss_rho='"0.0915"',
            worst_rho='"0.0915"',
        )
        assert self.site.deliver(mandate) == "waiting"


def test_the_first_fifteen_minutes_go_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    minutes = Minutes(tmp_path)
    wrong, anew = transcript.walk(
        PAGE, say=minutes.type, meanwhile=minutes.meanwhile, varying=VARYING
    )
    if os.environ.get("CMPP_WRITE_TRANSCRIPT"):
        PAGE.write_text(anew, "utf-8")
        return
    assert wrong == []
    check_end(minutes.site)


def check_end(site: TypedSite) -> None:
    """Check that the page led where it says it leads."""
    law = site.home.law
    assert law.policy is not None
    assert law.policy.version == 2
    assert (law.paused, law.held) == (False, False)
    assert [sent.fate for sent in law.sent.values()] == [Kind.ACCEPTED]


def test_a_line_that_said_something_else_would_be_seen() -> None:
    page = PAGE.read_text("utf-8")
    blocks = [b["console"] for b in transcript.BLOCK.finditer(page) if b["console"]]
    shown = [out for block in blocks for _, out in transcript.typed(block)]
    assert len(shown) > 15
    assert all(form(out) for out in shown)
    assert form("spent 0.04 on 2026-11-22") != form("spent 0.05 on 2026-11-22")
    assert form("on 2026-11-22") == form("on 2026-12-24")


def form(text: str) -> str:
    return transcript.form(text, VARYING)


def test_the_demonstration_keys_of_the_page_are_no_secret() -> None:
    assert "PRIVATE KEY" not in PAGE.read_text("utf-8")
    assert set(samples.OFFICERS).isdisjoint({"ana-ruiz", "ben-okoro"})
