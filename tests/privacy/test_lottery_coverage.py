"""The effect's interval holds the true effect, over draws and noise together.

One finite population is fixed, with both potential outcomes of every household; each
run draws the arms afresh and adds the mechanism's real noise. Under the null preset
being selected changes nothing for anybody, so an interval that misses the truth is a
false alarm. The test is an exact binomial one against 95 %, one-sided because the
bound on the draw's own error may be too large; it fails by chance once in a million
runs. Left without the draw's part of the error, or with too little noise stated, the
interval must fail it.
"""

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from privacy import lottery, mechanism
from privacy.estimate import Estimate, Measured
from privacy.interval import normal_quantile
from privacy.lottery import Outcome
from privacy.mechanism import Tally

LEVEL = Fraction(19, 20)
FALSE_ALARM = 1e-6
DRAWS, SOAK_DRAWS = 250, 20_000
RHO = Fraction("0.02435597")  # epsilon 1 at delta 1e-6
PARTS = (Fraction(11, 20), Fraction(1, 20), Fraction(6, 20), Fraction(2, 20))
PUBLIC_PARTS = (Fraction(4, 5), Fraction(1, 5))


@dataclass(frozen=True)
class Preset:
    """A population, how it is drawn, and who is found again afterwards."""

    size: int
    chance: Fraction
    upper: int
    without: float
    effect: float
    found: tuple[float, float] = (1.0, 1.0)
    enrol: float = 0.75


PRESETS = {
    "default": Preset(400, Fraction(1, 2), 200, 0.90, 0.04),
    "default of 1,000": Preset(1000, Fraction(1, 2), 200, 0.90, 0.04),
    "null": Preset(400, Fraction(1, 2), 200, 0.90, 0.0),
    "null of 120": Preset(120, Fraction(1, 2), 200, 0.90, 0.0),
    "two in five, shipped cap": Preset(1000, Fraction(2, 5), 300, 0.88, 0.04),
    "found unequally": Preset(600, Fraction(1, 2), 300, 0.85, 0.05, (1.0, 0.8)),
}


@dataclass(frozen=True)
class Run:
    """The exact sums of one draw, and the true effects."""

    sums: tuple[int, ...]
    arms: tuple[Fraction, Fraction]


def runs(preset: Preset, wanted: int) -> Iterator[Run]:
    """Draw the arms of the fixed population again and again.

    Who is found again depends on the arm, not on the outcome, so the truth is about
    everybody drawn.
    """
    size, chance = preset.size, np.random.default_rng(20_261_122)
    order = chance.permutation(size)
    y0 = order < round(size * preset.without)
    y1 = order < round(size * (preset.without + preset.effect))
    enrols = chance.permutation(size) < round(size * preset.enrol)
    number = round(preset.chance * size)
    weights = [round(100 / p) for p in (preset.chance, 1 - preset.chance)]
    for _ in range(wanted):
        chosen = np.zeros(size, bool)
        chosen[chance.permutation(size)[:number]] = True
        kept = chance.random(size) < np.where(chosen, *preset.found)
        weight = np.where(chosen, *weights) * kept
        arm = np.where(chosen, 1, -1)
        good = np.where(np.where(chosen, y1, y0), 1, -1)
        enrolled = np.where(chosen & enrols, 1, -1)
        parts = [arm * good, good, arm, 1, arm * enrolled, enrolled]
        sums = tuple(int((weight * part).sum()) for part in parts)
        own = [
            Fraction(int(weight[chosen].sum())),
            Fraction(int(weight[~chosen].sum())),
        ]
        yield Run(sums, (own[0], own[1]))


@functools.cache
def released(
    name: str, wanted: int, *, public: bool
) -> list[tuple[Run, tuple[Measured, ...]]]:
    """Return draws with the measurements that would be released of each."""
    preset = PRESETS[name]
    drawn = list(runs(preset, wanted))
    parts = PUBLIC_PARTS if public else PARTS
    # The enrolment sums are another question, with as much loss again.
    losses = {n: RHO * part for n, part in enumerate(parts)}
    losses |= {4 + n: RHO * parts[n] for n in range(2)}
    columns: dict[int, list[Measured]] = {}
    for column, rho in losses.items():
        values: list[int] = []
        for start in range(0, wanted, 4096):
            exact = [run.sums[column] for run in drawn[start : start + 4096]]
            noise = mechanism.calibrate(
                l2_squared=preset.upper**2, rho=rho, size=len(exact)
            )
            values += mechanism.release(noise, Tally(exact)).values
            variance = noise.variance
        columns[column] = [Measured(value, variance) for value in values]
    nothing = Measured(0, Fraction(1))
    return [
        (run, tuple(columns[c][n] if c in columns else nothing for c in range(6)))
        for n, run in enumerate(drawn)
    ]


def arms_of(run: Run, cells: tuple[Measured, ...], upper: int, *, public: bool):
    if public:
        return lottery.published(*run.arms, upper=upper)
    return lottery.measured(cells[2], cells[3], upper=upper)


def estimates(
    name: str, wanted: int, *, public: bool, factor: Fraction = Fraction(1)
) -> Iterator[Estimate]:
    """Estimate the effect of every draw; `factor` states the noise wrongly."""
    for run, cells in released(name, wanted, public=public):
        stated = tuple(
            dataclasses.replace(cell, variance=cell.variance * factor) for cell in cells
        )
        arms = arms_of(run, stated, PRESETS[name].upper, public=public)
        outcome = Outcome(effect=stated[0], mean=stated[1])
        yield lottery.effect(outcome, arms, confidence=LEVEL)


def on_enrolled(name: str, wanted: int, *, public: bool) -> Iterator[Estimate]:
    """Estimate the effect on those who enrol, of every draw."""
    for run, cells in released(name, wanted, public=public):
        arms = arms_of(run, cells, PRESETS[name].upper, public=public)
        outcome = Outcome(effect=cells[0], mean=cells[1])
        enrolled = Outcome(effect=cells[4], mean=cells[5])
        yield lottery.effect_on_enrolled(outcome, enrolled, arms, confidence=LEVEL)


def whole(found: Estimate) -> tuple[float, float]:
    return found.low, found.high


def noise_alone(found: Estimate) -> tuple[float, float]:
    half = normal_quantile(LEVEL) * found.standard_error
    return found.value - half, found.value + half


def held(
    found: Iterator[Estimate],
    truth: float,
    ends: Callable[[Estimate], tuple[float, float]] = whole,
) -> int:
    """Count how often an interval holds the true effect."""
    hits = 0
    for one in found:
        assert -1 <= one.low <= one.value <= one.high <= 1
        low, high = ends(one)
        hits += low <= truth <= high
    return hits


def too_seldom(hits: int, draws: int) -> bool:
    test = stats.binomtest(hits, draws, float(LEVEL), alternative="less")
    return bool(test.pvalue < FALSE_ALARM)


def late(name: str) -> float:
    """Return the true effect on those who enrol."""
    return PRESETS[name].effect / PRESETS[name].enrol


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize("name", PRESETS)
def test_the_interval_holds_the_true_effect(name: str, *, public: bool) -> None:
    found = estimates(name, DRAWS, public=public)
    assert not too_seldom(held(found, PRESETS[name].effect), DRAWS)


@pytest.mark.parametrize("name", ["default", "null"])
def test_the_interval_holds_the_true_effect_on_the_enrolled(name: str) -> None:
    found = on_enrolled(name, DRAWS, public=True)
    assert not too_seldom(held(found, late(name)), DRAWS)


def test_noise_without_the_chance_of_the_draw_is_found_out() -> None:
    found = estimates("null", DRAWS, public=True)
    assert too_seldom(held(found, 0.0, noise_alone), DRAWS)


def test_far_too_little_noise_stated_is_found_out() -> None:
    found = estimates("null of 120", DRAWS, public=False, factor=Fraction(1, 1000))
    assert too_seldom(held(found, 0.0), DRAWS)


@pytest.mark.soak
@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize("name", PRESETS)
def test_over_many_draws_the_interval_holds_the_true_effect(
    name: str, *, public: bool
) -> None:
    found = list(estimates(name, SOAK_DRAWS, public=public))
    values = np.array([one.value for one in found])
    truth = PRESETS[name].effect
    hits = held(iter(found), truth)
    told(f"effect, {name}, {'published' if public else 'measured'} arms", hits)
    assert not too_seldom(hits, SOAK_DRAWS)
    # Without bias, a mean this far off happens about once in two million runs.
    assert abs(values.mean() - truth) < 5 * values.std() / SOAK_DRAWS**0.5


@pytest.mark.soak
@pytest.mark.parametrize(
    ("name", "limit"), [("default", 0.030), ("default of 1,000", 0.018)]
)
def test_with_published_arms_the_effect_is_as_close_as_promised(
    name: str, limit: float
) -> None:
    # The root mean square of 20,000 draws is itself known to one part in 200.
    found = estimates(name, SOAK_DRAWS, public=True)
    errors = np.array([one.value for one in found]) - PRESETS[name].effect
    far = float(np.sqrt((errors**2).mean()))
    sys.stdout.write(f"\nRMSE, {name}, published arms: {far:.4f} ")
    assert far <= limit


@pytest.mark.soak
@pytest.mark.parametrize("name", ["default", "null", "two in five, shipped cap"])
def test_over_many_draws_the_interval_holds_the_effect_on_the_enrolled(
    name: str,
) -> None:
    hits = held(on_enrolled(name, SOAK_DRAWS, public=True), late(name))
    told(f"effect on enrolled, {name}, published arms", hits)
    assert not too_seldom(hits, SOAK_DRAWS)


def told(name: str, hits: int) -> None:
    rate = hits / SOAK_DRAWS
    sys.stdout.write(f"\n{name:56} {hits} of {SOAK_DRAWS}  {rate:.2%} ")
