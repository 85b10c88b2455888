"""Attack: hand the mechanism a vector of another size than it was priced for."""

from fractions import Fraction

import opendp.prelude as dp
import pytest

from privacy import mechanism
from privacy.errors import NoiseBroken
from privacy.mechanism import Tally

dp.enable_features("contrib")


def test_the_trap_is_real() -> None:
    space = dp.vector_domain(dp.atom_domain(T="i64"), size=3), dp.l2_distance(T=float)
    assert len(dp.m.make_gaussian(*space, scale=5.0)([1, 2, 3, 4])) == 4


@pytest.mark.parametrize("size", [1, 2, 4, 5, 4096])
def test_a_tally_of_another_size_is_not_released(size: int) -> None:
    noise = mechanism.calibrate(l2_squared=1, rho=Fraction(1, 50), size=3)
    with pytest.raises(NoiseBroken):
        mechanism.release(noise, Tally([0] * size))
