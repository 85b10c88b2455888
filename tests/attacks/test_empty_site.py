"""Ask a site that holds nobody: its zeros must be as noisy as any other number.

A cell that is exactly zero when nobody is in it would tell that nobody is.
"""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from math import exp
from pathlib import Path

import pytest
from scipy import stats

from privacy import mechanism
from tests import living_site
from tests.living_site import LivingSite, ask
from tests.own_records import NOW, OwnRecords

FALSE_ALARM = 1e-6
RHO = "0.02"
REPEATS = 16
QUARTERS = tuple(f"FY{year}-Q{n}" for year in (2023, 2024, 2025) for n in range(1, 5))


@pytest.fixture
def draws(worlds: dict[str, OwnRecords], tmp_path: Path) -> Iterator[list[int]]:
    """Give every number the empty site says about its pool, over several lives."""
    site = LivingSite(tmp_path / "site", worlds["empty"])
    said: list[int] = []
    for _ in range(REPEATS):
        for quarter in QUARTERS:
            answer = site.answer(ask("M01", quarter, rho=RHO), now=NOW)
            said += answer.values
        site.afresh()
    yield said
    site.node.ledger.close()


def _probabilities(scale: float, edges: list[int]) -> list[float]:
    """Return the chance of each bin of the exact discrete Gaussian around zero."""
    span = range(-60 * round(scale), 60 * round(scale) + 1)
    weights = {x: exp(-(x**2) / (2 * scale**2)) for x in span}
    total = sum(weights.values())
    bins: Counter[int] = Counter()
    for x, weight in weights.items():
        bins[_bin(x, edges)] += weight / total  # type: ignore[assignment]
    return [bins[number] for number in range(len(edges) + 1)]


def _bin(value: int, edges: list[int]) -> int:
    return sum(value >= edge for edge in edges)


def _chance(draws: list[int], scale: float) -> float:
    edges = [round(scale * step / 4) for step in range(-6, 7)]
    counts = Counter(_bin(value, edges) for value in draws)
    seen = [counts[number] for number in range(len(edges) + 1)]
    expected = [len(draws) * p for p in _probabilities(scale, edges)]
    return float(stats.chisquare(seen, expected, sum_check=False).pvalue)


def test_nobody_is_counted_as_noise_around_zero(draws: list[int]) -> None:
    noise = mechanism.calibrate(l2_squared=1, rho=Fraction(RHO), size=1)
    scale = float(noise.scale)
    assert len(draws) > 500
    # False alarm: one in a million. Noise 30 % off either way is seen.
    assert _chance(draws, scale) > FALSE_ALARM
    assert _chance(draws, scale * 1.3) < FALSE_ALARM
    assert _chance(draws, scale / 1.3) < FALSE_ALARM


def test_every_running_question_is_noisy_where_nobody_is(
    worlds: dict[str, OwnRecords], tmp_path: Path
) -> None:
    site = LivingSite(tmp_path / "site", worlds["empty"])
    asked = living_site.all_questions("FY2024-Q4", "FY2024-H2", "FY2024")
    said = {
        (question.metric, question.query_name): site.answer(question, now=NOW).values
        for question in asked
    }
    site.node.ledger.close()
    assert {metric for metric, _ in said} == set(living_site.ASKABLE)
    # The noise has a scale above 22 everywhere, so a zero is rare: over all these
    # numbers one in four of them zero has a chance below one in a million.
    values = [value for numbers in said.values() for value in numbers]
    assert sum(value == 0 for value in values) < len(values) / 4
