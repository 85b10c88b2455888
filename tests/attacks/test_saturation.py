"""Attack: push a cell to the end of 64 bits, where noise stops and betrays it."""

from fractions import Fraction

import opendp.prelude as dp
import pytest

from privacy import mechanism
from privacy.mechanism import MAX_COUNT, Tally

dp.enable_features("contrib")

NOISE = mechanism.calibrate(l2_squared=1, rho=Fraction(1, 50), size=256)


def test_the_trap_is_real() -> None:
    space = dp.vector_domain(dp.atom_domain(T="i64"), size=256), dp.l2_distance(T=float)
    stopped = dp.m.make_gaussian(*space, scale=5.0)([2**63 - 1] * 256)
    assert stopped.count(2**63 - 1) > 64  # about half the draws stop at the end


@pytest.mark.parametrize(
    "value", [2**48, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64, 2**200]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_huge_cell_is_moved_to_the_public_bound_and_noised(
    value: int, sign: int
) -> None:
    released = mechanism.release(NOISE, Tally([sign * value] * 256)).values
    # 256 draws at scale 5: one beyond 100 has probability below 1e-85, and fewer
    # than 8 different values below 1e-50.
    assert all(abs(each - sign * MAX_COUNT) < 100 for each in released)
    assert len(set(released)) > 8
    above = sum(abs(each) > MAX_COUNT for each in released)
    assert 60 < above < 196  # fair coins: outside with probability below 1e-15


def test_neighbours_beyond_the_bound_come_no_further_apart() -> None:
    for left, right in [(MAX_COUNT - 1, MAX_COUNT), (MAX_COUNT, MAX_COUNT + 1)]:
        clamped = [max(-MAX_COUNT, min(MAX_COUNT, value)) for value in (left, right)]
        assert abs(clamped[0] - clamped[1]) <= abs(left - right)


def test_the_widest_noise_stays_inside_64_bits() -> None:
    widest = mechanism.calibrate(l2_squared=2**40, rho=Fraction(1, 10**12), size=64)
    assert widest.scale < 2**40
    released = mechanism.release(widest, Tally([MAX_COUNT] * 64)).values
    assert max(map(abs, released)) < 2**50
