"""Attack: read the exact number off the lowest bits or the gaps of the output.

Noise drawn with floats leaves some outputs possible for one count and not for its
neighbour. Whole-number noise leaves every output possible for both.
"""

import math
from collections import Counter
from fractions import Fraction

from privacy import mechanism
from privacy.mechanism import Tally

NOISE = mechanism.calibrate(l2_squared=1, rho=Fraction(1, 50), size=4096)
ROUNDS = 5


def draws(value: int) -> list[int]:
    tally = Tally([value] * NOISE.size)
    return [
        each for _ in range(ROUNDS) for each in mechanism.release(NOISE, tally).values
    ]


def test_neighbouring_counts_can_give_the_same_outputs() -> None:
    # A value seen 50 times has mass near 0.0024 or more; its neighbour then has at
    # least 0.0012, and is missed in 20,480 draws with probability below 1e-10.
    for count in (0, 2**40):
        here, there = Counter(draws(count)), Counter(draws(count + 1))
        assert all(value in there for value, seen in here.items() if seen >= 50)
        assert all(value in here for value, seen in there.items() if seen >= 50)


def test_the_lowest_bit_says_nothing() -> None:
    # At scale 5 the parity is fair to within 1e-200; outside 6 standard errors with
    # probability 2e-9 per count.
    for count in (0, 1, 2**40 + 1):
        values = draws(count)
        odd = sum(value % 2 for value in values)
        assert abs(odd - len(values) / 2) < 6 * math.sqrt(len(values)) / 2
