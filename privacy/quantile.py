"""Read a median or another quantile off noisy counts of public bands.

A quantile is the smallest value that so large a part of the households does not
exceed. With bands that end at public edges, ``G_k = (how many lie below edge k) -
level * (how many there are)`` is below zero before the band that holds it, and at or
above zero from that band's end on. Noise can hide where G changes sign, so the
interval runs from the edge before the first G that might be at or above zero to the
edge after the last G that might be below. Only one comparison on each side can be
wrong about the truth, so each is made at half of the error allowed; the interval is a
little too wide, by the width of a band at most.

The first and the last band are open: values are taken to lie from zero (or the first
edge, if that is lower) to the last edge, and whoever lies beyond counts as lying
there. A quantile that reaches the last edge therefore means "that much or more".
Those whose value is not known are left out of the whole, not spread over it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from privacy import interval
from privacy.errors import InvalidQuery
from privacy.estimate import Estimate, Measured
from privacy.interval import Ends, above, below, sqrt_above


def quantile(
    bands: Sequence[Measured],
    edges: Sequence[int],
    *,
    level: Fraction,
    confidence: Fraction,
) -> Estimate:
    """Estimate the value that a given part does not exceed.

    Shapes:   bands (one more than edges), without the band of unknown values.
    Units:    edges and the result in units of the value.
    Requires: noise drawn independently, as in the cells of one release.
    Raises:   InvalidQuery: the bands do not fit the edges, or the level is none.
    """
    if not edges or len(bands) != len(edges) + 1 or not 0 < level < 1:
        raise InvalidQuery("A quantile needs edges, a band on each side, and a level.")
    crossings = tuple(_crossings(bands, level))
    # The places a value can be told to: each edge, and the end of the first band.
    places = (min(0, edges[0]), *edges)
    low, high = _interval(crossings, places, confidence)
    value, slope = _crossing(crossings, places, bands, level)
    value = max(low, min(high, value))
    widest = Fraction(places[-1] - places[0], 2)
    deviation = Fraction(sqrt_above(_nearest(crossings).variance))
    error = min(widest, deviation / slope) if slope > 0 else widest
    return Estimate(
        value=max(below(low), min(above(high), float(value))),
        low=below(low),
        high=above(high),
        standard_error=above(error),
        confidence=confidence,
    )


@dataclass(frozen=True, slots=True, repr=False)
class _Crossing:
    """Hold one noisy G: below zero before the quantile, not so after it."""

    excess: Fraction
    variance: Fraction


def _crossings(bands: Sequence[Measured], level: Fraction) -> list[_Crossing]:
    """Return G at every edge, with the variance its bands' noise gives it.

    Bands below the edge enter with 1 - level, those above with -level.
    """
    whole = sum(band.value for band in bands)
    noise = sum((band.variance for band in bands), Fraction(0))
    found = []
    under, under_noise = 0, Fraction(0)
    for band in bands[:-1]:
        under += band.value
        under_noise += band.variance
        variance = (1 - level) ** 2 * under_noise + level**2 * (noise - under_noise)
        found.append(_Crossing(under - level * whole, variance))
    return found


def _interval(
    crossings: Sequence[_Crossing], places: Sequence[int], confidence: Fraction
) -> Ends:
    """Return the edges around every band that might hold the quantile.

    Edge k of `crossings` is place k + 1; band k runs from place k to place k + 1, the
    last one is open and ends at the last place.
    """
    reach = Fraction(interval.normal_quantile(confidence)) ** 2
    last = len(crossings)

    def far(one: _Crossing) -> bool:
        return one.excess**2 > reach * one.variance

    maybe_reached = [
        k for k, one in enumerate(crossings) if one.excess >= 0 or not far(one)
    ]
    maybe_short = [
        k for k, one in enumerate(crossings) if one.excess <= 0 or not far(one)
    ]
    first_band = min(maybe_reached, default=last)
    last_band = max(maybe_short, default=-1) + 1
    ends = (places[first_band], places[min(last_band + 1, last)])
    return Fraction(min(ends)), Fraction(max(ends))


def _crossing(
    crossings: Sequence[_Crossing],
    places: Sequence[int],
    bands: Sequence[Measured],
    level: Fraction,
) -> Ends:
    """Return where the smoothed G crosses zero, and how steeply it does.

    Values are taken to be spread evenly within a band; the slope is zero where
    nothing can be said.
    """
    whole = sum(band.value for band in bands)
    smooth = _rising(crossings)
    before = min(-level * whole, smooth[0])
    for k, after in enumerate(smooth):
        if after >= 0:
            start, width = Fraction(places[k]), places[k + 1] - places[k]
            if after <= before or before > 0 or width <= 0:
                return start + Fraction(max(0, width), 2), Fraction(0)
            slope = (after - before) / width
            return start - before / slope, slope
        before = after
    return Fraction(places[-1]), Fraction(0)


def _rising(crossings: Sequence[_Crossing]) -> list[Fraction]:
    """Return the closest sequence to G that never falls, weighted by precision.

    Source: Ayer and others 1955, pooling adjacent values that are out of order.
    """
    blocks: list[tuple[Fraction, Fraction, int]] = []  # mean, weight, how many
    for one in crossings:
        mean, weight, size = one.excess, 1 / one.variance, 1
        while blocks and blocks[-1][0] >= mean:
            other, other_weight, other_size = blocks.pop()
            total = weight + other_weight
            mean = (mean * weight + other * other_weight) / total
            weight, size = total, size + other_size
        blocks.append((mean, weight, size))
    return [mean for mean, _, size in blocks for _ in range(size)]


def _nearest(crossings: Sequence[_Crossing]) -> _Crossing:
    """Return the G nearest zero."""
    return min(crossings, key=lambda one: abs(one.excess))
