"""Every kind of number in a sentence, always with its interval."""

import re

from coordinator import beside, cohorts, reading, words
from coordinator.result import Cell, Result, SiteOutcome, Status
from privacy import facts
from privacy.errors import NoPublicFigure
from privacy.estimators import GROUP
from tests import published_samples as samples
from tests.published_samples import METRICS, cell, estimate, exact


def said(published: Result, place: int = 0) -> str:
    """Return the sentence about one value of a result."""
    metric = METRICS[published.metric]
    return words.sentence(metric, published.cells[place], placed=True)


def test_a_count_is_about_so_many() -> None:
    assert said(samples.ENROLLED) == (
        "About 1,240 households; the true number is very likely between 1,200 and "
        "1,280. The spread comes only from privacy protection."
    )


def test_a_value_that_stands_alone_says_whose_it_is() -> None:
    assert said(samples.ENROLLED, 2).startswith("About 431 households (NYC); ")
    assert "(intake channel: legal aid)" in said(samples.CHANNELS)
    assert said(samples.ENROLLED, 1).startswith("Too uncertain to tell (BAL): the true")


def test_an_effect_says_noise_and_the_luck_of_the_draw_apart() -> None:
    assert said(samples.EFFECT) == (
        f"{METRICS['M35'].name}: about +4.1 points; the true difference is very "
        "likely between -2.2 and +10.4 points. The spread comes from privacy "
        "protection (1.3 points) and from the luck of the draw (2.9 points)."
    )


def test_a_quantity_has_its_unit() -> None:
    assert said(samples.DAYS) == (
        f"{METRICS['M40'].name}: about 12,346 days; the true figure is very likely "
        "between 11,716 and 12,975 days. The spread comes only from privacy protection."
    )


def test_a_quantile_says_how_many_within_what() -> None:
    name = METRICS["M52"].name
    shown = [said(samples.QUARTILES, place).split(";")[0] for place in range(3)]
    assert shown == [
        f"{name}: a quarter within 101 days",
        f"{name}: half within 220 days",
        f"{name}: three quarters within 388 days",
    ]


def test_a_quantile_that_cannot_be_told_still_says_which_it_is() -> None:
    vague = cell(estimate(100.0, 90.0), quantile="50 %")
    sentence = words.sentence(METRICS["M52"], vague, placed=True)
    assert sentence.startswith("Too uncertain to tell (quantile: 50 %): ")


def test_a_public_figure_is_exact() -> None:
    metric = METRICS["M58"]
    assert said(samples.SPENT) == (
        f"{metric.name}: exactly 5,000,000 dollars (phase: P1). It is a public figure, "
        "exact, and costs nothing."
    )
    scale = reading.scale(metric)
    tiny = exact(0.0243559)
    shown = {f(tiny, scale) for f in (words.value, words.low, words.high)}
    assert shown == {"0.024356"}


def test_ends_are_rounded_away_from_the_value_in_every_measure() -> None:
    for published in samples.ALL:
        metric = METRICS[published.metric]
        for each in published.cells:
            scale = reading.scale(metric, each.labels)
            percent = scale.measure.value in ("share", "difference")
            whole = 100 if percent else 1
            low = number(words.low(each.estimate, scale)) / whole
            high = number(words.high(each.estimate, scale)) / whole
            least = max(0.0, each.estimate.low) if metric.id == "M08" else None
            assert low <= (each.estimate.low if least is None else least) + 1e-12
            assert high >= each.estimate.high - 1e-12


def number(text: str) -> float:
    """Read a number as it is shown."""
    return float(re.sub(r"[^0-9.+-]", "", text))


def test_the_name_of_a_part_is_shown_as_it_is() -> None:
    assert words.labels(((GROUP, "represented"),)) == "represented"
    both = ((GROUP, "women"), ("region", "central_america"))
    assert words.labels(both) == "women, region: central america"


def test_a_trait_is_named_once() -> None:
    named = words.labels((("dimension", "age band"), ("age band", "18_24")))
    assert named == "age band: 18 24"


def test_a_reference_line_is_whole_and_never_a_target() -> None:
    lined = [metric for metric in METRICS.values() if metric.reference]
    assert lined
    for metric in lined:
        for line, shown in zip(
            facts.reference_lines(metric), beside.lines(metric), strict=True
        ):
            for part in (line.shown, line.definition, line.population, line.period):
                assert part in shown
            assert "no target" in shown


def test_another_basis_is_said_before_anything_else() -> None:
    lined = METRICS["M29"]
    (shown, *_) = beside.lines(lined)
    assert shown.startswith("for reference, on another basis (ours counts households")


def test_a_line_that_is_not_known_here_does_not_stop_a_report() -> None:
    class Newer:
        """A metric of an edition that is newer than the facts."""

        id, counted, reference = "M99", "households", ("unheard-of",)

    (shown,) = beside.lines(Newer())
    assert "unheard-of" in shown


def test_no_value_is_said_without_its_interval() -> None:
    for published in samples.ALL:
        metric = METRICS[published.metric]
        for each in published.cells:
            sentence = words.sentence(metric, each)
            assert "very likely between" in sentence or "exact" in sentence


def test_a_site_that_is_out_for_a_reason_of_its_own_says_which() -> None:
    for reason, shown in (
        (NoPublicFigure.code, "BAL: a public figure of it is missing"),
        (cohorts.ABSENT, "BAL: it has not answered every cohort"),
    ):
        outcome = SiteOutcome(site="BAL", status=Status.ERROR, reason=reason)
        assert words.absent(outcome) == shown


def test_labels_of_a_whole_are_not_shown() -> None:
    whole = Cell(site="all", labels=(("region", "all"),), estimate=exact(1.0))
    assert words.labels(whole.labels) == words.WHOLE
