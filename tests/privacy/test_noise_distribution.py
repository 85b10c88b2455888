"""Compare real draws with the exact discrete Gaussian.

Each comparison is a chi-square test with bins of at least 20 expected draws. It
fails by chance once in a million runs (p <= 1e-6), per scale; and it is shown to be
able to fail: a scale 30 % off either way must be found out from the same draws.
"""

import functools
import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest
from scipy import stats

from privacy import mechanism
from privacy.mechanism import Tally

FALSE_ALARM = 1e-6
DRAWS, SOAK_DRAWS = 50_000, 2_000_000
RHOS = [Fraction(1), Fraction("0.0243"), Fraction("0.00036")]  # scales 0.71 4.5 37
TRUTH = 12_345


@functools.cache
def draws(rho: Fraction, wanted: int) -> tuple[Counter[int], float, int]:
    """Noise values with their counts, the scale, and how many there are."""
    noise = mechanism.calibrate(l2_squared=1, rho=rho, size=4096)
    tally = Tally([TRUTH] * noise.size)
    seen: Counter[int] = Counter()
    rounds = math.ceil(wanted / noise.size)
    for _ in range(rounds):
        seen.update(value - TRUTH for value in mechanism.release(noise, tally).values)
    return seen, float(noise.scale), rounds * noise.size


def p_value(seen: Counter[int], total: int, scale: float) -> float:
    """Return how well draws fit the discrete Gaussian of a scale."""
    reach = math.ceil(60 * scale) + 60
    weight = {x: math.exp(-(x**2) / (2 * scale**2)) for x in range(-reach, reach + 1)}
    mass = math.fsum(weight.values())
    expected = {x: total * w / mass for x, w in weight.items()}
    body = [x for x in expected if expected[x] >= 20]
    low, high = min(body), max(body)
    observed_bins = [float(seen[x]) for x in range(low, high + 1)]
    expected_bins = [expected[x] for x in range(low, high + 1)]
    observed_bins.append(total - sum(observed_bins))
    expected_bins.append(
        math.fsum(expected[x] for x in expected if not low <= x <= high)
    )
    if expected_bins[-1] < 20:  # both tails together are too thin to stand alone
        for bins in (observed_bins, expected_bins):
            bins[0] += bins.pop()
    return float(stats.chisquare(observed_bins, expected_bins, sum_check=False).pvalue)


@pytest.mark.parametrize("rho", RHOS)
def test_draws_fit_the_exact_discrete_gaussian(rho: Fraction) -> None:
    seen, scale, total = draws(rho, DRAWS)
    assert p_value(seen, total, scale) > FALSE_ALARM


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("error", [0.7, 1.3])
def test_a_scale_off_by_a_third_is_found_out(rho: Fraction, error: float) -> None:
    seen, scale, total = draws(rho, DRAWS)
    assert p_value(seen, total, scale * error) < FALSE_ALARM


@pytest.mark.parametrize("rho", RHOS)
def test_noise_of_neighbouring_cells_is_uncorrelated(rho: Fraction) -> None:
    # Outside 6 standard errors with probability 2e-9 per scale.
    noise = mechanism.calibrate(l2_squared=1, rho=rho, size=4096)
    values = mechanism.release(noise, Tally([0] * 4096)).values
    products = sum(a * b for a, b in itertools.pairwise(values))
    assert abs(products) < 6 * float(noise.variance) * math.sqrt(4095)


@pytest.mark.soak
@pytest.mark.parametrize("rho", RHOS)
def test_millions_of_draws_fit_the_exact_discrete_gaussian(rho: Fraction) -> None:
    seen, scale, total = draws(rho, SOAK_DRAWS)
    assert p_value(seen, total, scale) > FALSE_ALARM
    assert p_value(seen, total, scale * 0.99) < FALSE_ALARM
    assert p_value(seen, total, scale * 1.01) < FALSE_ALARM
