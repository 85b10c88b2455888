"""Measure privacy loss exactly, and say what it means in everyday terms.

Loss is counted in zero-concentrated differential privacy: a release that costs
``rho`` and one that costs ``rho'`` cost ``rho + rho'`` together. ``rho`` is an exact
fraction, written in text and kept as one; ledgers count it in whole pico-rho,
always rounded up. People read it as (epsilon, delta): up to a chance of ``delta``,
no observer's odds about a household change by more than a factor ``exp(epsilon)``.

The conversion is the tight bound of Canonne, Kamath and Steinke. For every order
``a > 1``, rho-zCDP gives (epsilon, delta) as soon as

    delta >= exp((a - 1) (a rho - epsilon)) / (a - 1) * (1 - 1/a)**a,

which, solved for epsilon with ``L = ln(1 / delta)``, reads

    epsilon = a rho + ln(1 - 1/a) + (L - ln a) / (a - 1).                       (1)

Its derivative in ``a`` is ``rho - (L - ln a) / (a - 1)**2``, which changes sign
exactly once: halving an interval finds the best order. The search may use floats,
because any order gives a valid bound and a poor one only overstates the loss. The
bound itself is computed to 60 decimal digits, with a margin far above their rounding.

Source: Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential
Privacy", Corollary 13. The looser textbook form of Bun and Steinke 2016,
``rho + 2 sqrt(rho L)``, is not used: it would waste about two fifths of a budget.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from privacy.errors import InvalidQuery

PICO = 10**12
"""Pico-rho in one rho: the unit in which ledgers count."""

MAX_RHO = Fraction(100)
"""No loss or cap above this is meaningful: epsilon would exceed 170."""

_RHO_TEXT = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,30}|/[0-9]{1,30})?")
_DIGITS = 60
_MARGIN = Decimal("1e-40")
_HALVINGS = 150
_LARGEST_ORDER = Fraction(10**30)
_RHO_STEP = 10**18


@dataclass(frozen=True, slots=True)
class Loss:
    """State how much privacy one release, or several together, spend.

    There is no zero loss: a release that costs nothing is not a release.

    Attributes:
        rho: The exact loss in zero-concentrated differential privacy.

    Raises:
        InvalidQuery: rho is not a positive fraction of at most 100.
    """

    rho: Fraction

    def __post_init__(self) -> None:
        """Refuse anything but a positive, sensible fraction."""
        _require_rho(self.rho)

    def __add__(self, other: "Loss") -> "Loss":
        """Add up the loss of two releases about the same household."""
        return Loss(self.rho + other.rho)

    @property
    def pico(self) -> int:
        """Return the whole pico-rho a ledger charges, rounded up."""
        return pico(self.rho)

    def epsilon(self, delta: Fraction) -> float:
        """Return the loss as people read it, rounded up."""
        return epsilon(self.rho, delta)


def total(losses: Iterable[Loss]) -> Loss:
    """Add up the loss of several releases about the same household.

    Raises:
        InvalidQuery: there are none, and no loss of zero exists.
    """
    return Loss(sum((each.rho for each in losses), Fraction(0)))


def parse_rho(text: str) -> Fraction:
    """Read a loss written as a plain decimal ("0.0045") or a ratio ("9/2000").

    Raises:
        InvalidQuery: the text is anything else, zero, negative or above 100.
    """
    if not _is_plain(text):
        raise InvalidQuery(
            "A loss must be written as text, a plain decimal or a ratio of whole "
            'numbers; write it like "0.0045" or "9/2000".',
        )
    numerator, _, denominator = text.partition("/")
    if denominator and int(denominator) == 0:
        raise InvalidQuery("A loss cannot be divided by zero; correct the ratio.")
    rho = Fraction(numerator) / Fraction(denominator or 1)
    _require_rho(rho)
    return rho


def pico(rho: Fraction) -> int:
    """Return the whole pico-rho a ledger charges for a loss, rounded up."""
    _require_rho(rho)
    return math.ceil(rho * PICO)


def from_pico(pico_rho: int) -> Fraction:
    """Return the exact rho that a count of pico-rho stands for.

    Units: pico-rho in, rho out; zero is allowed, because a balance may be empty.
    """
    return Fraction(pico_rho, PICO)


def epsilon(rho: Fraction, delta: Fraction) -> float:
    """Return the epsilon that a loss of rho means at a given delta, rounded up.

    Raises:
        InvalidQuery: rho is not in (0, 100], or delta not in (0, 1).
    """
    _require_rho(rho)
    _require_delta(delta)
    with localcontext(prec=_DIGITS):
        log_inverse_delta = -_decimal(delta).ln()
        slope_at_one, weight = float(log_inverse_delta), float(rho)

        def slope(excess: float) -> float:
            return weight * excess**2 + math.log1p(excess) - slope_at_one

        # At this top the first term alone makes the slope rise to zero.
        excess = _root(slope, top=math.sqrt(slope_at_one / weight))
        bound = (1 + excess) * _decimal(rho) + _offset(excess, log_inverse_delta)
        bound += _MARGIN * (1 + abs(bound))
        return _float_above(max(bound, Decimal(0)))


def rho_for(epsilon: Fraction, delta: Fraction) -> Fraction:
    """Return the largest loss that still means (epsilon, delta), rounded down.

    At the best order both (1) and its derivative's zero hold; eliminating rho
    leaves one equation in the order, whose left side falls as the order grows.

    Units:  a multiple of 1e-18.
    Raises: InvalidQuery: epsilon is not in (0, 100], delta not in (0, 1), or no
        rho of at least 1e-18 is that small.
    """
    _require_epsilon(epsilon)
    _require_delta(delta)
    with localcontext(prec=_DIGITS):
        log_inverse_delta = -_decimal(delta).ln()
        target, reach = float(epsilon), float(log_inverse_delta)

        def shortfall(excess: float) -> float:
            left = (reach - math.log1p(excess)) / excess
            return target - left * (2 + 1 / excess) - math.log(excess / (1 + excess))

        excess = _root(shortfall, top=float(min(1 / delta, _LARGEST_ORDER)))
        offset = _offset(excess, log_inverse_delta)
        bound = (_decimal(epsilon) - offset) / (1 + excess)
        bound -= _MARGIN * (1 + abs(bound))
        rho = Fraction(math.floor(Fraction(bound) * _RHO_STEP), _RHO_STEP)
    _require_rho(rho)
    return rho


def _offset(excess: Decimal, log_inverse_delta: Decimal) -> Decimal:
    """Return what (1) adds to ``a rho``, for an order of one plus the excess."""
    order = 1 + excess
    return (excess / order).ln() + (log_inverse_delta - order.ln()) / excess


def _root(rising: Callable[[float], float], *, top: float) -> Decimal:
    """Halve (0, top] onto the sign change of a function that is >= 0 at the top."""
    bottom = 0.0
    for _ in range(_HALVINGS):
        middle = (bottom + top) / 2
        if rising(middle) < 0:
            bottom = middle
        else:
            top = middle
    return Decimal(top)


def _decimal(value: Fraction) -> Decimal:
    """Convert to the precision of the surrounding context."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def _float_above(value: Decimal) -> float:
    """Return the smallest float that is not below a decimal."""
    nearest = float(value)
    return nearest if Decimal(nearest) >= value else math.nextafter(nearest, math.inf)


def _is_plain(text: object) -> bool:
    """Tell whether this is text in one of the two accepted forms."""
    return isinstance(text, str) and _RHO_TEXT.fullmatch(text) is not None


def _require_rho(rho: object) -> None:
    """Refuse a loss that is not a positive fraction of at most 100."""
    if not isinstance(rho, Fraction) or not 0 < rho <= MAX_RHO:
        raise InvalidQuery(
            "A loss must be an exact fraction above 0 and at most 100; every release "
            "costs something, and none may cost everything.",
        )


def _require_epsilon(epsilon: object) -> None:
    """Refuse an epsilon that is not a positive fraction of at most 100."""
    if not isinstance(epsilon, Fraction) or not 0 < epsilon <= MAX_RHO:
        raise InvalidQuery(
            "Epsilon must be an exact fraction above 0 and at most 100.",
        )


def _require_delta(delta: object) -> None:
    """Refuse a delta that is not a chance strictly between 0 and 1."""
    if not isinstance(delta, Fraction) or not 0 < delta < 1:
        raise InvalidQuery("Delta must be an exact fraction between 0 and 1.")
