"""Read how much loss an officer allows: a word, an epsilon, or an exact rho."""

from fractions import Fraction
from typing import Final

from privacy import consequence, loss
from privacy.errors import BadConfiguration, InvalidQuery

_STEP: Final = 10**4
"""A loss chosen by word or epsilon is rounded down to a ten-thousandth of rho."""


def parse(text: str, delta: Fraction) -> Fraction:
    """Return the rho that an officer chose.

    Args:
        text: "good" or another word of the table, "epsilon=2", or "rho=0.2".
        delta: At which epsilon is meant.

    Raises:
        BadConfiguration: it is none of the three.
    """
    chosen = text.strip().lower()
    words = {row.strength.value: row.rho for row in consequence.rows(delta)}
    if chosen in words:
        return _plain(words[chosen])
    kind, _, number = chosen.partition("=")
    try:
        if kind == "epsilon":
            return _plain(loss.rho_for(loss.parse_rho(number), delta))
        if kind == "rho":
            return loss.parse_rho(number)
    except InvalidQuery as error:
        raise BadConfiguration(f"{text[:32]!r} will not do: {error.message}") from error
    raise BadConfiguration(
        f"{text[:32]!r} is no amount; write one of {', '.join(words)}, or epsilon=2, "
        "or rho=0.2."
    )


def _plain(rho: Fraction) -> Fraction:
    """Round down to a number short enough to read, and never to nothing."""
    return Fraction(int(rho * _STEP), _STEP) or rho
