"""Looking ahead: exact, free, and true afterwards."""

import datetime as dt
import math
from collections.abc import Callable
from fractions import Fraction

import pytest

from coordinator import ask
from coordinator.preview import Expected, Preview, preview
from privacy import catalogue, pack
from privacy.errors import InvalidQuery
from privacy.period import Period
from tests.coordinator.network import PROGRAMME, Network, order

FIVE = ("BAL", "DCA", "HOU", "LAX", "NYC")


def ahead(
    metric: str, period: str, count: int = 100, share: str = "1/2", **rho: str
) -> Preview:
    """Look ahead at five sites."""
    return preview(
        order(metric, period, **rho),
        PROGRAMME,
        sites=FIVE,
        confidence=Fraction(19, 20),
        expected=Expected(count=count, share=Fraction(share)),
    )


def test_a_count_is_as_precise_as_its_noise() -> None:
    planned = ahead("M08", "FY2024-H2", enrolled="0.006")
    total, site = planned.cells[:2]
    assert (total.site, site.site) == ("all", "BAL")
    # One household moves one cell by one: sigma squared is 1 / (2 rho).
    assert site.standard_error == pytest.approx(math.sqrt(1 / 0.012), rel=1e-9)
    assert total.standard_error == pytest.approx(math.sqrt(5 / 0.012), rel=1e-9)
    assert total.half_width == round(1.959964 * math.sqrt(5 / 0.012))
    assert planned.rho == Fraction(6, 1000)
    assert planned.from_day == dt.date(2024, 10, 31)


def test_the_precision_of_a_count_does_not_depend_on_the_plan() -> None:
    few = ahead("M08", "FY2024-H2", 1, enrolled="0.006")
    many = ahead("M08", "FY2024-H2", 10_000, enrolled="0.006")
    assert few.cells == many.cells


def test_a_share_is_planned_for_a_stated_count_and_share() -> None:
    planned = ahead("M29", "FY2024", 260, "0.95", hearings="0.028")
    # yes and no carry 5 sigma^2 each: Var = (0.05^2 + 0.95^2) * 5 / (2 * 0.028).
    expected = math.sqrt(0.905 * 5 / 0.056) / 260
    assert planned.cells[0].standard_error == pytest.approx(expected, rel=1e-6)


def test_a_contrast_is_planned_like_the_share_it_becomes() -> None:
    planned = ahead("M07", "FY2024", 600, "0.86", taken_up="0.004", selected="0.003")
    contrast, whole = 5 / 0.008, 5 / 0.006
    expected = math.sqrt(contrast + (0.72**2) * whole) / 1200
    assert planned.cells[0].standard_error == pytest.approx(expected, rel=1e-6)


def test_a_mix_is_planned_cell_by_cell() -> None:
    planned = ahead("M04", "FY2024-H2", 800, "0.55", pool="0.004")
    cells = [cell for cell in planned.cells if cell.site == "all"]
    size = len(cells)
    expected = math.sqrt((0.45**2 + 0.55**2 * (size - 1)) * 5 / 0.008) / 800
    assert {round(cell.standard_error, 9) for cell in cells} == {round(expected, 9)}


def test_a_share_nobody_could_read_is_no_wider_than_everything() -> None:
    planned = ahead("M29", "FY2024", 5, hearings="0.0001")
    assert {cell.half_width for cell in planned.cells} == {0.5}


def test_what_was_promised_beforehand_is_what_comes(
    new_network: Callable[..., Network],
) -> None:
    network = new_network(("NYC", "HOU"))
    wanted = order("M01", "FY2024-H2", pool="0.01")
    planned = preview(
        wanted,
        PROGRAMME,
        sites=("HOU", "NYC"),
        confidence=Fraction(19, 20),
        expected=Expected(count=800),
    )
    outcome = ask.ask([wanted], desk=network.desk, now=network.clock[0])
    published = outcome.results[0].cells
    assert [(cell.site, cell.labels) for cell in planned.cells] == [
        (cell.site, cell.labels) for cell in published
    ]
    for before, after in zip(planned.cells, published, strict=True):
        assert before.standard_error == after.estimate.standard_error
    assert outcome.rho == planned.rho


def test_every_headline_of_the_pack_is_planned_to_be_readable() -> None:
    programme = catalogue.load()
    planned = pack.load("half-year", programme)
    for line in planned.lines_for(Period("FY2024-H2")):
        if line.line.headline:
            seen = preview(
                order(
                    line.line.metric,
                    line.period.label,
                    **{name: str(rho) for name, rho in line.line.losses.items()},
                ),
                programme,
                sites=FIVE,
                confidence=planned.confidence,
                expected=Expected(
                    count=line.line.expected_count,
                    share=line.line.expected_share or Fraction(1, 2),
                ),
            )
            share = line.line.expected_share is not None
            limit = planned.share_width if share else planned.count_width
            whole = 1 if share else line.line.expected_count
            assert seen.cells[0].half_width <= limit * whole, line.line.metric


def test_a_plan_for_nobody_is_refused() -> None:
    with pytest.raises(InvalidQuery):
        Expected(count=0)
    with pytest.raises(InvalidQuery):
        Expected(count=1, share=Fraction(3, 2))
    with pytest.raises(InvalidQuery, match="no site"):
        preview(
            order("M08", "FY2024-H2", enrolled="0.006"),
            PROGRAMME,
            sites=(),
            confidence=Fraction(19, 20),
            expected=Expected(count=1),
        )
