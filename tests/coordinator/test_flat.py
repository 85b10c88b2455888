"""A row that stands on its own, whatever becomes of the others."""

import math
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from coordinator import flat, reading
from coordinator.result import Result
from privacy.errors import BadConfiguration
from tests import published_samples as samples
from tests.published_samples import METRICS, PROGRAMMES, cell, estimate, result


def rows(published: Result) -> tuple[flat.FlatRow, ...]:
    """Return a sample's rows."""
    return flat.rows(published, METRICS[published.metric], training=False)


@pytest.mark.parametrize("published", samples.ALL, ids=lambda p: p.metric)
def test_there_is_one_row_for_every_value_and_it_says_everything(
    published: Result,
) -> None:
    found = rows(published)
    assert [row.place for row in found] == list(range(1, len(published.cells) + 1))
    for row, each in zip(found, published.cells, strict=True):
        assert row.value == pytest.approx(each.estimate.value, rel=1e-14)
        assert row.low <= each.estimate.low
        assert row.high >= each.estimate.high
        assert row.low == pytest.approx(each.estimate.low, rel=1e-13)
        assert row.digest == published.content()["digest"]
        assert row.definition
        assert row.sentence
        assert row.catalogue_version == published.version
        assert row.readable is (not row.helps)


def test_numbers_have_the_digits_every_tool_keeps() -> None:
    (row,) = rows(samples.HEARINGS)
    for number in (row.value, row.low, row.high, row.noise_error):
        assert len(Decimal(repr(number)).as_tuple().digits) <= 15
        assert float(f"{number:.16g}") == number


def test_every_site_has_its_own_loss_and_a_total_the_largest() -> None:
    whole, baltimore, new_york = rows(samples.ENROLLED)
    assert (whole.rho, baltimore.rho, new_york.rho) == (0.007, 0.003, 0.007)
    assert whole.epsilon > baltimore.epsilon > 0
    assert (whole.sites_answered, whole.sites_total) == (5, 5)
    assert (baltimore.sites_answered, baltimore.sites_total) == (1, 1)


def test_labels_are_columns_and_a_whole_has_none() -> None:
    first, _ = rows(samples.CHANNELS)
    assert (first.dimension_1, first.label_1) == ("intake_channel", "legal_aid")
    assert (first.dimension_2, first.label_3) == ("", "")
    whole = rows(result("M01", cell(estimate(9.0, 1.0), intake_channel="all")))[0]
    assert (whole.dimension_1, whole.part) == ("", "in all")


def test_noise_and_the_luck_of_the_draw_are_two_columns() -> None:
    (row,) = rows(samples.EFFECT)
    assert row.noise_error == pytest.approx(0.013)
    assert row.sampling_error == pytest.approx(0.029)
    (row,) = rows(samples.DAYS)
    assert row.sampling_error == 0


def test_the_public_figures_behind_a_value_are_in_its_row() -> None:
    published = result(
        "M56", cell(estimate(31.0, 1.0)), cell(estimate(9.0, 1.0), "BAL")
    )
    figures = (("all", "case_manager_fte", "25/2"), ("BAL", "case_manager_fte", "3"))
    found = rows(replace(published, figures=figures))
    assert found[0].public_figures == "case_manager_fte 25/2"
    assert found[1].public_figures == "case_manager_fte 3"
    assert rows(samples.HEARINGS)[0].public_figures == ""


def test_a_count_stays_below_zero_where_it_came_so() -> None:
    assert rows(samples.ENROLLED)[1].value == -3


def test_a_result_keeps_the_definition_it_was_published_under() -> None:
    metric = flat.metric_of(samples.ENROLLED, PROGRAMMES)
    assert metric is METRICS["M08"]
    older = replace(samples.ENROLLED, version="2025.1+0123456789ab")
    shown = flat.metric_of(older, PROGRAMMES)
    assert shown.definition.startswith("Published under programme 2025.1+0123456789ab")
    with pytest.raises(BadConfiguration, match="cmpp edition submit"):
        flat.metric_of(replace(older, metric="M98"), PROGRAMMES)


def test_no_row_has_anything_that_is_not_a_number() -> None:
    for published in samples.ALL:
        for row in rows(published):
            floats = [x for x in row.content().values() if isinstance(x, float)]
            assert all(map(math.isfinite, floats))


def test_the_page_for_analysts_names_every_column_and_limit() -> None:
    page = (Path(__file__).parents[2] / "docs" / "analyst.md").read_text()
    named = set(re.findall(r"`([a-z_0-9]+)`", page[page.index("## Columns") :]))
    endings = {f"{part}_{n}" for part in ("dimension", "label") for n in (1, 2, 3)}
    assert set(flat.COLUMNS) - endings <= named
    for limits in (*reading.LIMITS.values(), *reading.AROUND_ZERO.values()):
        shown = (
            f"{limits.clear:.0%} of the value | {limits.rough:.0%}".replace("%", " %")
            if limits.relative
            else f"{100 * limits.clear:.0f} points | {100 * limits.rough:.0f} points"
        )
        assert shown in page or f"{limits.clear:.2f} | {limits.rough:.2f}" in page
