"""What a board member reads, in words, in the terminal and on the page."""

import io
import re
from fractions import Fraction

import pytest
from rich.console import Console

from coordinator import report, words
from coordinator.reading import Scale
from coordinator.result import Cell, Result, SiteOutcome, Status
from privacy import catalogue
from privacy.estimate import Estimate
from privacy.metric import Measure

METRICS = catalogue.load().metrics
M08, M29 = METRICS["M08"], METRICS["M29"]


def estimate(value: float, half: float) -> Estimate:
    """Return an estimate with an even interval."""
    return Estimate(value, value - half, value + half, half / 1.96, Fraction(19, 20))


def cell(value: float, half: float, site: str = "all", **labels: str) -> Cell:
    """Return a cell."""
    return Cell(site=site, labels=tuple(labels.items()), estimate=estimate(value, half))


def result(
    *cells: Cell, metric: str = "M08", absent: SiteOutcome | None = None
) -> Result:
    """Return a result of five sites, one of them perhaps absent."""
    names = ["BAL", "DCA", "HOU", "LAX"]
    sites = [
        SiteOutcome(site=name, status=Status.ANSWERED, rho=Fraction(3, 500))
        for name in names
    ]
    nyc = SiteOutcome(site="NYC", status=Status.ANSWERED, rho=Fraction(3, 500))
    return Result(
        metric=metric,
        version="2026.1",
        period="FY2024-H2",
        mode="site",
        confidence=Fraction(19, 20),
        cells=cells,
        sites=(*sites, absent or nyc),
    )


def page(*results: Result) -> str:
    """Return the page about some results."""
    return report.page(results, METRICS, title="A pack", rho=Fraction(1, 100))


def text(*results: Result) -> str:
    """Return the terminal table about some results."""
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(report.table(results, METRICS, by_site=True))
    return console.export_text()


def test_a_count_is_said_with_its_interval_and_its_reason() -> None:
    assert words.sentence(M08, cell(1240.4, 39.6)) == (
        "About 1,240 households; the true number is very likely between 1,200 and "
        "1,280. The spread comes only from privacy protection."
    )


def test_a_share_is_said_in_per_cent() -> None:
    assert words.sentence(M29, cell(0.9712, 0.0205)).startswith(
        "About 97.1 % of households with a hearing due; the true share is very likely "
        "between 95.0 % and 99.2 %."
    )


def test_a_value_that_cannot_be_told_is_not_said() -> None:
    said = words.sentence(M29, cell(0.5, 0.2))
    assert said.startswith("Too uncertain to tell")
    assert "50" not in said.split(";")[0]


COUNT = Scale(measure=Measure.COUNT, unit="")
SHARE = Scale(measure=Measure.SHARE, unit="")


def test_the_ends_are_rounded_away_from_the_value() -> None:
    narrow = Estimate(10.6, 10.2, 10.7, 0.1, Fraction(19, 20))
    assert words.low(narrow, COUNT) == "10"
    assert words.high(narrow, COUNT) == "11"
    close = Estimate(0.5, 0.49999, 0.50001, 0.1, Fraction(19, 20))
    assert words.low(close, SHARE) == "49.9 %"
    assert words.high(close, SHARE) == "50.1 %"


def test_no_count_on_a_screen_is_below_zero() -> None:
    below = Estimate(-7.0, 0.0, 4.2, 5.0, Fraction(19, 20))
    assert (words.value(below, COUNT), words.low(below, COUNT)) == ("0", "0")


def test_a_partial_total_says_so_and_why() -> None:
    spent = SiteOutcome(
        site="NYC",
        status=Status.REFUSED,
        reason="budget-exhausted",
        loss_left="1/250",
        loss_asked="3/500",
    )
    partial = result(cell(900, 40), absent=spent)
    assert words.coverage(partial) == "4 of 5 sites (partial)"
    html = page(partial)
    assert "4 of 5 sites (partial)" in html
    assert "the question costs 3/500 rho and 1/250 rho is left there" in html
    assert "4 of 5" in text(partial)


@pytest.mark.parametrize("status", list(Status))
def test_every_absence_has_words(status: Status) -> None:
    if status is not Status.ANSWERED:
        code = "not-allowed" if status is Status.REFUSED else None
        outcome = SiteOutcome(site="NYC", status=status, reason=code)
        assert words.absent(outcome).startswith("NYC: ")


def test_every_row_of_the_page_has_its_interval() -> None:
    html = page(
        result(cell(900, 40), cell(200, 90, "NYC")),
        result(cell(0.5, 0.3), metric="M29"),
    )
    rows = re.findall(r"<tr.*?</tr>", html, re.DOTALL)
    body = [row for row in rows if "<td" in row]
    assert len(body) == 3
    assert all(row.count('class="number"') == 3 for row in body)
    assert "<caption>" in html
    assert 'scope="row"' in html


def test_an_uncertain_row_has_no_value_and_no_picture() -> None:
    html = page(result(cell(0.4321, 0.3), metric="M29"))
    assert "43.2" not in html
    assert "too uncertain to tell" in html
    assert "<circle" not in html
    assert "73.3 %" in html


def test_the_page_stands_on_its_own_and_cannot_be_written_into() -> None:
    html = page(result(cell(900, 40, group="<script>alert(1)</script>")))
    assert "<script" not in html
    assert not re.findall(r"""(?:src|href)=|@import|url\(""", html)
    assert html.startswith("<!doctype html>")
    assert 'lang="en"' in html


def test_the_terminal_shows_totals_then_sites() -> None:
    shown = text(result(cell(900, 40), cell(200, 90, "NYC")))
    assert shown.index("900") < shown.index("NYC")
    assert "860" in shown
    assert "940" in shown


def test_a_result_without_answers_is_shown_as_that() -> None:
    assert "no site answered" in text(result())
