import copy
import dataclasses
import json
import math
import pickle
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import opendp.prelude as dp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import mechanism
from privacy.errors import InvalidQuery, NoiseBroken
from privacy.mechanism import Mechanism, Release, Tally

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "mechanism.json").read_text("utf-8")
)

dp.enable_features("contrib")


def noise(rho: str = "0.02", *, size: int = 4, l2_squared: int = 1) -> Mechanism:
    return mechanism.calibrate(l2_squared=l2_squared, rho=Fraction(rho), size=size)


def opendp_map(scale: float, furthest: float) -> Fraction:
    space = dp.vector_domain(dp.atom_domain(T="i64"), size=3), dp.l2_distance(T=float)
    measurement = dp.m.make_gaussian(*space, scale=scale)
    return Fraction(measurement.map(furthest))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("vector", VECTORS["calibrate"])
def test_the_scale_is_the_known_one(vector: dict[str, Any]) -> None:
    chosen = noise(vector["rho"], l2_squared=vector["l2_squared"])
    assert float.fromhex(vector["scale"]) == float(chosen.scale)


@pytest.mark.parametrize("vector", VECTORS["map"])
def test_the_library_still_prices_a_scale_as_it_did(vector: dict[str, str]) -> None:
    scale, furthest = map(float.fromhex, (vector["scale"], vector["furthest"]))
    assert float.fromhex(vector["loss"]) == float(opendp_map(scale, furthest))


@settings(max_examples=200)
@given(
    st.integers(1, 10**9),
    st.fractions(Fraction(1, 10**6), 1, max_denominator=10**12),
)
def test_the_loss_caused_is_never_above_the_loss_allowed(
    l2_squared: int, rho: Fraction
) -> None:
    chosen = mechanism.calibrate(l2_squared=l2_squared, rho=rho, size=1)
    exact = Fraction(l2_squared) / (2 * chosen.scale**2)
    assert exact <= rho
    assert exact > rho * (1 - Fraction(1, 10**14))  # and hardly any noise is wasted


@settings(max_examples=50)
@given(st.integers(1, 10**6))
def test_the_library_itself_agrees_that_the_loss_is_kept(l2_squared: int) -> None:
    chosen = noise("0.0045", l2_squared=l2_squared)
    above = math.nextafter(math.sqrt(l2_squared), math.inf)
    assert opendp_map(float(chosen.scale), math.nextafter(above, 0)) <= chosen.rho


def test_the_variance_is_the_square_of_the_scale() -> None:
    assert noise().scale ** 2 == noise().variance


def test_a_release_has_one_whole_number_per_cell() -> None:
    released = mechanism.release(noise(size=5), Tally([1, 2, 3, 4, 5]))
    assert len(released.values) == 5
    assert all(type(value) is int for value in released.values)


def test_noise_falls_on_zeros_too() -> None:
    # 400 draws at scale 5: all zero with probability below 1e-400.
    released = mechanism.release(noise(size=400), Tally([0] * 400))
    assert len(set(released.values)) > 5


def test_the_same_tally_is_never_given_the_same_noise() -> None:
    # Two vectors of 100 draws at scale 5 agree with probability below 1e-120.
    tally = Tally([7] * 100)
    first, second = (mechanism.release(noise(size=100), tally) for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("size", 0),
        ("size", -1),
        ("size", 4097),
        ("size", True),
        ("size", 2.0),
        ("l2_squared", 0),
        ("l2_squared", -4),
        ("l2_squared", 1.0),
        ("l2_squared", 2**97),
        ("rho", Fraction(0)),
        ("rho", Fraction(-1)),
        ("rho", Fraction(1, 10**13)),
        ("rho", Fraction(11, 10)),
        ("rho", 0.5),
        ("rho", 1),
        ("rho", math.inf),
        ("rho", math.nan),
        ("rho", None),
    ],
)
def test_absurd_noise_is_refused(part: str, value: object) -> None:
    parts: dict[str, Any] = {"size": 4, "l2_squared": 1, "rho": Fraction(1, 50)}
    with pytest.raises(InvalidQuery):
        mechanism.calibrate(**(parts | {part: value}))


def test_noise_that_would_drown_anything_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="drown"):
        noise("0.000000000001", l2_squared=2**60)


@pytest.mark.parametrize(
    "values", [[], [1.0], [True], ["1"], [None], [1] * 4097, [Fraction(1)]]
)
def test_a_tally_holds_whole_numbers_only(values: list[int]) -> None:
    with pytest.raises(NoiseBroken):
        Tally(values)


@pytest.mark.parametrize(
    "values", [(), (1.0,), (True,), [1], (2**63,), (-(2**63) - 1,), None]
)
def test_a_release_holds_64_bit_whole_numbers_only(values: tuple[int, ...]) -> None:
    with pytest.raises(NoiseBroken):
        Release(values)


def test_a_tally_does_not_print() -> None:
    tally = Tally([424242, 1])
    for text in (repr(tally), str(tally), f"{tally}", f"{[tally]}", f"{tally!r}"):
        assert "4242" not in text
    assert repr(tally) == "Tally(size=2)"
    assert tally.exact() == (424242, 1)


def test_a_release_does_not_print() -> None:
    assert repr(Release((424242, 1))) == "Release(size=2)"


def test_a_tally_cannot_be_serialised_or_copied() -> None:
    tally = Tally([424242])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(tally, protocol)
    attempts: list[Callable[[Any], object]] = [
        copy.copy,
        copy.deepcopy,
        json.dumps,
        dataclasses.asdict,
        vars,
    ]
    for attempt in attempts:
        with pytest.raises(TypeError):
            attempt(tally)


def test_a_tally_cannot_be_changed() -> None:
    tally = Tally([1])
    with pytest.raises(AttributeError):
        tally._values = (2,)
    with pytest.raises(AttributeError):
        del tally._values


def test_an_error_about_a_tally_holds_no_value() -> None:
    with pytest.raises(NoiseBroken) as caught:
        mechanism.release(noise(size=2), Tally([987654321]))
    assert "987654321" not in str(caught.value)
    with pytest.raises(NoiseBroken) as caught:
        Tally([987654321, "987654321"])  # type: ignore[list-item]
    assert "987654321" not in str(caught.value)


def test_the_library_is_told_64_bits() -> None:
    # At 32 bits this would fail; it is far inside 64.
    value = 2**40
    released = mechanism.release(noise(size=1), Tally([value]))
    assert abs(released.values[0] - value) < 100
    assert sys.maxsize > value
