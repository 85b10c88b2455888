"""The loss plan: what a half-year costs, and what its headlines can be read to."""

from fractions import Fraction
from importlib import resources

import pytest

from privacy import catalogue, estimate, loss, pack
from privacy.catalogue import EstimatorKind
from privacy.errors import ExchangeError, InvalidProgramme
from privacy.pack import Pack, PlannedLine
from privacy.period import Period, PeriodKind
from privacy.query import Mode, cells

PROGRAMME = catalogue.load()
PERIOD = Period("FY2024-H2")
SITES = 5
TEXT = (
    resources.files("privacy") / "programme" / "packs" / "half-year.toml"
).read_text()


def plan() -> Pack:
    return pack.load("half-year", PROGRAMME)


def test_a_half_year_costs_at_most_epsilon_two_at_one_in_a_million() -> None:
    one = plan()
    assert (Fraction(2), Fraction(1, 10**6)) == (one.epsilon, one.delta)
    for period in (Period("FY2024-H1"), PERIOD):
        assert loss.epsilon(one.total(PROGRAMME, period), one.delta) <= 2


def test_all_twelve_running_metrics_are_asked_and_eight_are_headlines() -> None:
    lines = plan().lines_for(PERIOD)
    assert len({p.line.metric for p in lines}) == len(lines) == 12
    assert sum(p.line.headline for p in lines) == 8


def half_width(planned: PlannedLine, one: Pack) -> float:
    """Compute the planned national half-width from scale and size alone."""
    line = planned.line
    metric = PROGRAMME.metric(line.metric)
    queries = PROGRAMME.queries(metric, planned.period)
    variance = {n: SITES / (2 * rho) for n, rho in line.losses.items()}
    size, level = line.expected_count, one.confidence
    match metric.estimator.kind:
        case EstimatorKind.COUNT:
            (name,) = metric.estimator.of
            whole = len(cells(queries[name], PROGRAMME.dictionary)) * variance[name]
            return estimate.count_half_width(whole, confidence=level) / size
        case EstimatorKind.SHARE:
            (name,) = metric.estimator.of
            return estimate.share_half_width(
                yes_variance=variance[name],
                no_variance=variance[name],
                expected_share=line.expected_share,
                expected_whole=size,
                confidence=level,
            )
        case EstimatorKind.CONTRAST_SHARE:
            *contrasts, whole_name = metric.estimator.of
            return max(
                estimate.share_of_half_width(
                    contrast_variance=variance[name],
                    whole_variance=variance[whole_name],
                    expected_share=line.expected_share,
                    expected_whole=size,
                    confidence=level,
                )
                for name in contrasts
            )
        case _:
            (name,) = metric.estimator.of
            count = len(cells(queries[name], PROGRAMME.dictionary))
            return estimate.share_half_width(
                yes_variance=variance[name],
                no_variance=(count - 1) * variance[name],
                expected_share=line.expected_share,
                expected_whole=size,
                confidence=level,
            )


def test_headlines_are_read_within_fifteen_per_cent_or_seven_points() -> None:
    one = plan()
    for planned in one.lines_for(PERIOD):
        if planned.line.headline:
            is_count = (
                PROGRAMME.metric(planned.line.metric).estimator.kind
                is EstimatorKind.COUNT
            )
            limit = one.count_width if is_count else one.share_width
            assert half_width(planned, one) <= limit, planned.line.metric


def test_whatever_share_is_asked_can_be_read_within_eight_points() -> None:
    one = plan()
    for planned in one.lines_for(PERIOD):
        share = planned.line.expected_share
        if share is not None:
            width = half_width(planned, one)
            low, high = max(0, share - width), min(1, share + width)
            assert (high - low) / 2 <= 0.08, planned.line.metric


def test_a_headline_is_missed_by_chance_less_than_once_in_ten_thousand() -> None:
    """The width depends on the noisy size: it must hold 3.7 errors below plan."""
    one = plan()
    for planned in one.lines_for(PERIOD):
        metric = PROGRAMME.metric(planned.line.metric)
        if not planned.line.headline:
            continue
        (*_, size_query) = metric.estimator.of
        cells_of = PROGRAMME.queries(metric, planned.period)[size_query]
        parts = len(cells(cells_of, PROGRAMME.dictionary))
        error = (parts * SITES / (2 * planned.line.losses[size_query])) ** 0.5
        least = planned.line.expected_count - 3.7 * float(error)
        stretched = planned.line.expected_count / least
        width = half_width(planned, one) * stretched
        if planned.line.expected_share is None:
            assert width <= one.count_width, metric.id
        else:
            high = min(1.0, float(planned.line.expected_share) + width)
            low = float(planned.line.expected_share) - width
            assert (high - low) / 2 <= one.share_width, metric.id


def test_a_query_shared_by_metrics_is_charged_once() -> None:
    one = plan()
    every = [
        (query.release_key(Mode.SITE), rho)
        for planned in one.lines_for(PERIOD)
        for query, rho in one.priced(PROGRAMME, planned)
    ]
    charges = one.charges(PROGRAMME, PERIOD)
    assert len(every) > len(charges)
    assert one.total(PROGRAMME, PERIOD) == sum(dict(every).values())


def test_the_first_half_of_a_year_asks_no_fiscal_year_lines() -> None:
    kinds = {p.line.period_kind for p in plan().lines_for(Period("FY2024-H1"))}
    assert {PeriodKind.HALF_YEAR} == kinds


def test_a_pack_is_asked_for_half_years_only() -> None:
    with pytest.raises(InvalidProgramme, match="half-year"):
        plan().lines_for(Period("FY2024"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('epsilon = "2"', 'epsilon = "1"'),
        ('epsilon = "2"', "epsilon = 2.0"),
        ('epsilon = "2"', 'epsilon = "two"'),
        ('metric = "M09"', 'metric = "M57"'),
        ('{ active = "0.0041" }', '{ passive = "0.0041" }'),
        ('{ active = "0.0041" }', "{ active = 0.0041 }"),
        ('{ active = "0.0041" }', '{ active = "0" }'),
        ('losses = { pool = "0.002" }', 'losses = { pool = "0.0021" }'),
        ("expected_count = 1370", "expected_cuont = 1370"),
    ],
)
def test_a_pack_that_leaves_its_cost_open_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(ExchangeError):
        pack.parse("half-year", TEXT.replace(old, new, 1), PROGRAMME)


def test_an_unknown_pack_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidProgramme, match="half-year"):
        pack.load("monthly", PROGRAMME)
