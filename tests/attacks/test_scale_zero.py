"""Attack: get noise of scale zero, or next to it, past the mechanism."""

import copy
import dataclasses
import inspect
from fractions import Fraction

import opendp.prelude as dp
import pytest

from privacy import mechanism
from privacy.errors import ExchangeError, NoiseBroken
from privacy.mechanism import Mechanism, Tally

RHO = Fraction(1, 50)

dp.enable_features("contrib")


def test_the_trap_is_real() -> None:
    space = dp.vector_domain(dp.atom_domain(T="i64"), size=1), dp.l2_distance(T=float)
    assert dp.m.make_gaussian(*space, scale=0.0)([7]) == [7]


@pytest.mark.parametrize(
    "scale",
    [
        Fraction(0),
        Fraction(-5),
        Fraction(1, 10**6),
        Fraction(5e-324),
        Fraction(2) ** -1100,
        Fraction(4999, 1000),
        Fraction(5),  # the closed form: one step short of the exact loss
        Fraction(2) ** 41,
        0.0,
        5.5,
        float("nan"),
        float("inf"),
        None,
    ],
)
def test_no_mechanism_can_be_built_with_too_little_noise(scale: object) -> None:
    with pytest.raises(ExchangeError):
        Mechanism(1, 1, RHO, scale)  # type: ignore[arg-type]


def test_a_scale_replaced_afterwards_is_refused() -> None:
    good = mechanism.calibrate(l2_squared=1, rho=RHO, size=1)
    with pytest.raises(ExchangeError):
        dataclasses.replace(good, scale=Fraction(1, 2))
    forced = copy.copy(good)
    object.__setattr__(forced, "scale", Fraction(0))
    with pytest.raises(NoiseBroken):
        mechanism.release(forced, Tally([7]))


def test_a_sensitivity_raised_afterwards_is_refused() -> None:
    good = mechanism.calibrate(l2_squared=4, rho=RHO, size=1)
    forced = copy.copy(good)
    object.__setattr__(forced, "l2_squared", 5)
    with pytest.raises(NoiseBroken):
        mechanism.release(forced, Tally([7]))


def test_there_is_nowhere_to_pass_a_seed_or_a_switch() -> None:
    parameters = {
        name: list(inspect.signature(getattr(mechanism, name)).parameters)
        for name in ("calibrate", "release", "Tally", "Release", "Mechanism")
    }
    assert parameters == {
        "calibrate": ["l2_squared", "rho", "size"],
        "release": ["mechanism", "tally"],
        "Tally": ["values"],
        "Release": ["values"],
        "Mechanism": ["size", "l2_squared", "rho", "scale"],
    }
