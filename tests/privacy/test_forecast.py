"""Years of packs, worked out by hand for a tiny pack and driven by the real rules."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from privacy import catalogue, forecast, loss, pack, precision
from privacy.accounts import Accounts
from privacy.amount import Amount, Caps
from privacy.errors import InvalidQuery
from privacy.forecast import Forecast, Plan
from privacy.pack import Pack
from privacy.period import Period
from privacy.query import Mode

PROGRAMME = catalogue.load()
HALF_YEAR = pack.load("half-year", PROGRAMME)
TINY = pack.parse(
    "tiny",
    """
title = "Tiny"
epsilon = "2"
delta = "0.000001"
confidence = "0.95"
headline_count_width = "0.5"
headline_share_width = "0.5"

[[lines]]
metric = "M08"
period = "fiscal-year"
headline = true
expected_count = 500
losses = { enrolled = "0.005" }

[[lines]]
metric = "M09"
period = "half-year"
expected_count = 400
losses = { active = "0.004" }
""",
    PROGRAMME,
)
FIRST, LAST = Period("FY2024-H1"), Period("FY2026-H2")


def rho(text: str) -> Amount:
    """Return the same loss in both columns."""
    pico = loss.pico(Fraction(text))
    return Amount(pico, pico)


def caps(lifetime: str = "1", fiscal_year: str = "1", **changes: str) -> Caps:
    parts = {"per_mandate": "1", "per_release": "0.05"} | changes
    return Caps(
        lifetime=rho(lifetime),
        fiscal_year=rho(fiscal_year),
        **{name: rho(text) for name, text in parts.items()},
    )


def plan(*packs: Pack, first: Period = FIRST, last: Period = LAST) -> Plan:
    return Plan(
        programme=PROGRAMME,
        packs=packs or (TINY,),
        half_years=forecast.half_years(first, last),
    )


def lifetimes(made: Forecast) -> list[dict[str, str]]:
    """Return what each entry year has spent after each half-year, in rho."""
    return [
        {
            level.entry_year: str(float(loss.from_pico(level.spent.model)))
            for level in step.levels
        }
        for step in made.steps
    ]


def test_a_tiny_pack_charges_what_was_worked_out_by_hand() -> None:
    # M09 follows no event: 0.004 each half-year, on the two entry years or more its
    # window holds. M08 follows enrolment: 0.005 for each year's cohort, and no
    # household enrols twice, so an entry year pays for one cohort only.
    made = forecast.simulate(plan(), caps())
    assert lifetimes(made) == [
        {"FY2023": "0.004", "FY2024": "0.004"},
        {"FY2023": "0.013", "FY2024": "0.013"},
        {"FY2023": "0.017", "FY2024": "0.017", "FY2025": "0.004"},
        {"FY2023": "0.021", "FY2024": "0.021", "FY2025": "0.013"},
        {"FY2023": "0.025", "FY2024": "0.025", "FY2025": "0.017", "FY2026": "0.004"},
        {"FY2023": "0.029", "FY2024": "0.029", "FY2025": "0.021", "FY2026": "0.013"},
    ]
    assert [step.asked for step in made.steps] == [1, 2, 1, 2, 1, 2]
    assert made.most == rho("0.029")
    assert made.first_refused is None


def test_a_fiscal_year_holds_what_was_asked_about_it() -> None:
    made = forecast.simulate(plan(), caps())
    by_year = {
        (level.entry_year, level.fiscal_year): level.spent
        for step in made.steps
        for level in step.fiscal_levels
    }
    # Two half-years and one cohort; a year's enrolments are of that year's cohort.
    assert by_year["FY2023", "FY2024"] == by_year["FY2024", "FY2024"] == rho("0.013")
    assert by_year["FY2026", "FY2026"] == rho("0.013")


def test_the_first_half_year_that_does_not_fit_is_named() -> None:
    # 0.025 is reached after FY2026-H1 and the next 0.004 does not fit.
    made = forecast.simulate(plan(), caps(lifetime="0.027", per_release="0.02"))
    assert made.first_refused == Period("FY2026-H2")
    assert made.steps[-1].refused == ("M09 FY2026-H2",)
    fits = forecast.simulate(plan(), caps(lifetime="0.029", per_release="0.02"))
    assert fits.first_refused is None


def test_every_cap_can_be_the_one_that_refuses() -> None:
    for changes in (
        {"fiscal_year": "0.0129", "per_release": "0.01"},
        {"per_mandate": "0.0089", "per_release": "0.0089"},
        {"per_release": "0.0049"},
    ):
        made = forecast.simulate(plan(), caps(**changes))
        assert made.first_refused == Period("FY2024-H2"), changes
    tight = caps(fiscal_year="0.013", per_mandate="0.009", per_release="0.005")
    assert forecast.simulate(plan(), tight).first_refused is None


def test_a_level_says_what_is_left_and_how_many_questions_fit() -> None:
    made = forecast.simulate(plan(), caps(lifetime="0.026", per_release="0.02"))
    level = made.steps[1].levels[0]
    assert (level.charged, level.spent, level.left) == (
        rho("0.009"),
        rho("0.013"),
        rho("0.013"),
    )
    assert level.used == Fraction(1, 2)
    assert made.typical == rho("0.005")
    assert level.questions(made.typical) == 2
    assert level.questions(Amount(1, rho("0.007").worst)) == 1


def test_a_forecast_starts_from_the_accounts_there_are() -> None:
    first = forecast.simulate(plan(last=Period("FY2024-H2")), caps())
    rest = forecast.simulate(
        plan(first=Period("FY2025-H1")), caps(), before=first.steps[-1].after
    )
    whole = forecast.simulate(plan(), caps())
    assert lifetimes(whole) == lifetimes(first) + lifetimes(rest)
    # FY2024 goes from 0.013 to 0.029, FY2025 from nothing to 0.021.
    assert rest.most == rho("0.021")


def test_what_was_answered_before_costs_nothing() -> None:
    metric = PROGRAMME.metric("M08")
    (query,) = PROGRAMME.queries(metric, Period("FY2024")).values()
    known = [query.release_key(Mode.SITE)]
    made = forecast.simulate(plan(), caps(), answered=known)
    assert [step.asked for step in made.steps] == [1, 1, 1, 2, 1, 2]
    assert lifetimes(made)[1]["FY2024"] == "0.008"
    twice = forecast.simulate(plan(TINY, replace(TINY, name="again")), caps())
    assert lifetimes(twice) == lifetimes(forecast.simulate(plan(), caps()))


def test_reopened_accounts_leave_nothing_to_plan_with() -> None:
    limits = caps(lifetime="0.5", fiscal_year="0.1")
    spent = Accounts().after_reopening(limits, through="FY2030", mandates={})
    made = forecast.simulate(plan(), limits, before=spent)
    assert made.first_refused == FIRST
    assert made.most == Amount(0, 0)
    assert all(step.levels[0].used == 1 for step in made.steps)


def test_a_whole_pack_costs_no_more_than_its_plain_sum() -> None:
    made = forecast.simulate(plan(HALF_YEAR), caps(per_release="0.05"))
    plain = sum(
        (HALF_YEAR.total(PROGRAMME, step.period) for step in made.steps), Fraction(0)
    )
    assert made.first_refused is None
    assert 0 < loss.from_pico(made.most.model) < plain


def test_more_loss_buys_precision_and_uses_the_budget_sooner() -> None:
    options = forecast.choices(
        plan(),
        caps(lifetime="0.03", per_release="0.02"),
        sites=5,
        multipliers=[Fraction(1, 4), Fraction(1), Fraction(4)],
    )
    widths = [option.precision[0].national for option in options]
    assert widths == sorted(widths, reverse=True)
    # Four times the loss is half the noise.
    assert widths[0] == pytest.approx(2 * widths[1], rel=1e-9)
    assert [option.rho for option in options] == [
        Fraction(text) for text in ("0.00725", "0.029", "0.116")
    ]
    assert [option.first_refused for option in options] == [
        None,
        None,
        Period("FY2024-H2"),
    ]
    told = [option.consequence.epsilon for option in options]
    assert told == sorted(told)


def test_a_headline_is_as_precise_as_its_noise() -> None:
    (enrolments,) = forecast.headlines(plan(), sites=5)
    assert (enrolments.metric, enrolments.period) == ("M08", Period("FY2024"))
    # One household moves one cell by one: sigma squared is 1 / (2 rho).
    assert enrolments.site == round(1.959964 * math.sqrt(1 / 0.01))
    assert enrolments.national == round(1.959964 * math.sqrt(5 / 0.01))
    assert not enrolments.is_share


def test_shares_are_planned_for_their_size() -> None:
    by_metric = {
        each.metric: each for each in forecast.headlines(plan(HALF_YEAR), sites=5)
    }
    # M07: T has variance 5/(2*0.0046) + 0.74**2 * 5/(2*0.0037), over 2*545.
    taken_up = math.sqrt(5 / 0.0092 + 0.74**2 * 5 / 0.0074) / (2 * 545)
    assert by_metric["M07"].national == pytest.approx(1.959964 * taken_up, rel=1e-3)
    assert by_metric["M07"].is_share
    assert all(
        each.national <= float(HALF_YEAR.share_width)
        for each in by_metric.values()
        if each.is_share
    )


def test_every_line_of_the_pack_has_a_precision() -> None:
    for one, planned in plan(HALF_YEAR).lines:
        seen = precision.of(planned, PROGRAMME, sites=5, confidence=one.confidence)
        assert seen.national > 0
        assert seen.site is None or not seen.is_share or seen.site <= 0.5


def test_a_plan_that_is_none_is_refused() -> None:
    for first, last in ((LAST, FIRST), (Period("FY2024"), Period("FY2025"))):
        with pytest.raises(InvalidQuery):
            forecast.half_years(first, last)
    with pytest.raises(InvalidQuery):
        Plan(programme=PROGRAMME, packs=(), half_years=(FIRST,))
    with pytest.raises(InvalidQuery):
        Plan(programme=PROGRAMME, packs=(TINY,), half_years=())
    with pytest.raises(InvalidQuery):
        Plan(programme=PROGRAMME, packs=(TINY,), half_years=(LAST, FIRST))
    with pytest.raises(InvalidQuery):
        replace(plan(), multiplier=Fraction(0))
    with pytest.raises(InvalidQuery):
        forecast.headlines(plan(), sites=0)
