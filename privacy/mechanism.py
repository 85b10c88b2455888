"""Add the noise that makes a tally safe to publish. No other file draws noise.

A node's exact integer vector ``x`` becomes ``x + e``, where every ``e_i`` is an
independent draw from the discrete Gaussian with scale ``sigma``. If removing one
household moves ``x`` by at most ``d`` in Euclidean length, publishing ``x + e`` costs
``rho = d**2 / (2 sigma**2)`` in zero-concentrated differential privacy.

`calibrate` finds the smallest scale for a given rho, and takes the word of OpenDP's
own privacy map, compared exactly, over the closed form: the float nearest the
closed form can be one step too small. `release` asks the map again, because it is
the last line before numbers leave.

What could switch the noise off, and why it cannot here:
    scale zero      OpenDP takes it, and returns the exact vector. A mechanism is
                    only built, and only used, if the map at its scale stays
                    within rho, and the map at scale zero is infinite.
    tiny noise      a loss above `MAX_RHO` would leave most numbers untouched.
    saturation      noise stops at the ends of 64 bits, where it would betray the
                    exact number; tallies are clamped to 2**48 and scales to 2**40,
                    so the ends are 2**22 standard deviations away.
    wrong size      OpenDP does not compare the vector with the size it was given.
    stale domain    the library's own objects are never kept: each release builds
                    them from the mechanism it is given.
    narrow types    OpenDP's plain ``int`` is 32 bits wide; "i64" is spelled out.
    chosen chance   there is no seed and no way to pass in a source of chance;
                    OpenDP draws from the operating system, anew in each process.

Source: Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential
Privacy" (the multivariate discrete Gaussian in concentrated differential privacy).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NoReturn, TypeGuard, final

import opendp.prelude as dp

from privacy.errors import InvalidQuery, NoiseBroken

MAX_SIZE = 4096
"""Most cells in one vector."""

MAX_COUNT = 2**48
"""Largest magnitude of a cell; a public bound no real site comes near."""

MAX_RHO = Fraction(1)
"""Most loss one release may cost: beyond it most counts would stay exact."""

_MIN_RHO = Fraction(1, 10**12)
_MAX_SCALE = 2.0**40
_MAX_STEPS = 64
_INT64: Final = range(-(2**63), 2**63)

dp.enable_features("contrib")


@final
class Tally:
    """Hold the exact answer inside the node; it cannot be printed or serialised.

    Values are read back through `exact`, which only the noise (and tests) may call.
    Not a dataclass, because ``dataclasses.asdict`` would copy the values out.

    Raises:
        NoiseBroken: a value is not a whole number, or there are none or too many.
    """

    __slots__ = ("_values",)
    _values: tuple[int, ...]

    def __init__(self, values: Iterable[int]) -> None:
        """Keep the exact values, one per public cell."""
        kept = tuple(values)
        _require_whole(kept)
        object.__setattr__(self, "_values", kept)

    def exact(self) -> tuple[int, ...]:
        """Return the exact values; whatever touches them must stay in the node."""
        return self._values

    def __len__(self) -> int:
        """Return the number of cells, which is public."""
        return len(self._values)

    def __repr__(self) -> str:
        """Show the public size only."""
        return f"Tally(size={len(self)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse any change."""
        raise AttributeError("A tally cannot be changed.")

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse any change."""
        raise AttributeError("A tally cannot be changed.")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled or copied: exact numbers stay where they are."""
        raise TypeError("A tally cannot be pickled or copied.")


@dataclass(frozen=True, slots=True, repr=False)
class Release:
    """Hold a noisy vector, the only form in which a tally leaves the node.

    Shapes:
        values: one whole number per public cell, each within 64 bits.

    Raises:
        NoiseBroken: the values are not that.
    """

    values: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse anything but a vector of 64-bit whole numbers."""
        if not isinstance(self.values, tuple):
            raise NoiseBroken("A release must be a tuple of whole numbers.")
        _require_whole(self.values)
        if not all(value in _INT64 for value in self.values):
            raise NoiseBroken("A release holds a number that does not fit 64 bits.")

    def __repr__(self) -> str:
        """Show the public size only; noisy numbers are shown by reports."""
        return f"Release(size={len(self.values)})"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """Describe noise of one scale for vectors of one size; all of it is public.

    Attributes:
        size: Cells in the vector.
        l2_squared: Square of the furthest one household can move the vector.
        rho: The loss allowed; the loss caused is never more.
        scale: The scale of the noise really added, an exact binary fraction.

    Raises:
        InvalidQuery: a part is out of range.
        NoiseBroken: the scale is too small for the loss.
    """

    size: int
    l2_squared: int
    rho: Fraction
    scale: Fraction

    def __post_init__(self) -> None:
        """Refuse any noise that OpenDP's own map does not vouch for."""
        _require_public(self.size, self.l2_squared, self.rho)
        _require_scale(self.scale)
        if _map(self) > self.rho:
            raise NoiseBroken("This noise is too small for the loss it declares.")

    @property
    def variance(self) -> Fraction:
        """Return scale squared, which the discrete Gaussian's variance never exceeds.

        Source: Canonne, Kamath, Steinke 2020, on the variance.
        """
        return self.scale**2


def calibrate(*, l2_squared: int, rho: Fraction, size: int) -> Mechanism:
    """Choose the least noise that costs at most rho.

    Units:    l2_squared and rho as in `Mechanism`; the result is deterministic.
    Requires: 1 <= size <= 4096, l2_squared >= 1, 1e-12 <= rho <= 1, and a scale of
        at most 2**40.
    Raises:   InvalidQuery: a part is out of range, or the noise would be absurd.
    """
    _require_public(size, l2_squared, rho)
    scale = math.sqrt(l2_squared / (2 * rho))
    if scale > _MAX_SCALE:
        raise InvalidQuery(
            "The noise would drown any answer; ask with a larger loss or lower caps.",
        )
    for _ in range(_MAX_STEPS):
        try:
            return Mechanism(size, l2_squared, rho, Fraction(scale))
        except NoiseBroken:
            scale = math.nextafter(scale, math.inf)
    raise NoiseBroken("No scale near the closed form satisfies the noise library.")


def release(mechanism: Mechanism, tally: Tally) -> Release:
    """Add noise to every cell of a tally.

    A cell beyond the public bound is moved to it rather than reported: the error
    would tell, and moving cells there never takes two neighbouring tallies further
    apart.

    Runs at:  the node, after the charge is durable.
    Shapes:   tally (size,) -> release.values (size,).
    Requires: the tally has the mechanism's size.
    Raises:   NoiseBroken: the sizes differ, or the library misbehaved.
    """
    if len(tally) != mechanism.size:
        raise NoiseBroken("The tally does not have the size of its query.")
    if _map(mechanism) > mechanism.rho:
        raise NoiseBroken("This noise is too small for the loss it declares.")
    clamped = [max(-MAX_COUNT, min(MAX_COUNT, value)) for value in tally.exact()]
    try:
        noisy = _measurement(mechanism)(clamped)
    except (dp.OpenDPException, TypeError, ValueError):
        # The library's own text could quote the vector, so it is dropped.
        raise NoiseBroken("The noise library failed; nothing was released.") from None
    if len(noisy) != mechanism.size:
        raise NoiseBroken("The noise library changed the size of the vector.")
    return Release(tuple(noisy))


def _measurement(mechanism: Mechanism) -> dp.Measurement:
    """Build OpenDP's discrete Gaussian on 64-bit vectors."""
    return dp.m.make_gaussian(
        dp.vector_domain(dp.atom_domain(T="i64"), size=mechanism.size),
        dp.l2_distance(T=float),
        scale=float(mechanism.scale),
    )


def _map(mechanism: Mechanism) -> Fraction | float:
    """Return the loss OpenDP attributes to this noise, exactly as it says it."""
    furthest = _root_above(mechanism.l2_squared)
    try:
        loss = _measurement(mechanism).map(furthest)  # type: ignore[no-untyped-call]
    except dp.OpenDPException:
        raise NoiseBroken("The noise library cannot price this noise.") from None
    return Fraction(loss) if math.isfinite(loss) else math.inf


def _root_above(square: int) -> float:
    """Return a float not below the square root of a whole number."""
    root = math.sqrt(square)
    while Fraction(root) ** 2 < square:
        root = math.nextafter(root, math.inf)
    return root


def _require_public(size: object, l2_squared: object, rho: object) -> None:
    """Refuse public parameters out of range."""
    if not _whole(size) or not 1 <= size <= MAX_SIZE:
        raise InvalidQuery(f"A vector must have 1 to {MAX_SIZE} cells.")
    if not _whole(l2_squared) or not 1 <= l2_squared <= MAX_COUNT**2:
        raise InvalidQuery("A sensitivity must be a whole number of at least 1.")
    if not isinstance(rho, Fraction) or not _MIN_RHO <= rho <= MAX_RHO:
        raise InvalidQuery(
            f"One release must cost between 1e-12 and {MAX_RHO} rho, as an exact "
            "fraction; choose a loss in that range.",
        )


def _require_scale(scale: object) -> None:
    """Refuse a scale that is zero, absurd, or not exactly what OpenDP would use."""
    if not isinstance(scale, Fraction) or not 0 < scale <= _MAX_SCALE:
        raise InvalidQuery("A noise scale must be a fraction in (0, 2**40].")
    if Fraction(float(scale)) != scale:
        raise InvalidQuery("A noise scale must be exact as a binary float.")


def _require_whole(values: tuple[object, ...]) -> None:
    """Refuse a vector of anything but 1 to 4096 whole numbers."""
    if not 1 <= len(values) <= MAX_SIZE:
        raise NoiseBroken(f"A vector must have 1 to {MAX_SIZE} cells.")
    if not all(_whole(value) for value in values):
        # Constant text: the value itself must not be told.
        raise NoiseBroken("A vector holds something that is not a whole number.")


def _whole(value: object) -> TypeGuard[int]:
    """Tell a whole number from a truth value, which Python counts as one."""
    return isinstance(value, int) and not isinstance(value, bool)
