"""Write a typed cell as text, in the one way everything after this expects."""

import datetime as dt
from decimal import Decimal
from math import isfinite
from typing import Final
from uuid import UUID

_EXCEL_ERRORS: Final = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!"}
)


def text_of(cell: object) -> str | None:
    """Return a cell as text: ISO days, whole numbers without a point, 1 and 0.

    A formula's error is no value, and so is anything that cannot be a cell.
    """
    text: str | None
    match cell:
        case bool():
            text = "1" if cell else "0"
        case str():
            text = None if cell in _EXCEL_ERRORS else cell
        case int() | UUID():
            text = str(cell)
        case float() | Decimal():
            text = _number(cell)
        case dt.datetime():
            text = cell.date().isoformat()
        case dt.date() | dt.time():
            text = cell.isoformat()
        case dt.timedelta():
            text = _number(cell / dt.timedelta(days=1))
        case _:
            text = None
    return text


def _number(number: float | Decimal) -> str | None:
    """Write a number, whole where it is."""
    if not isfinite(number):
        return None
    if number == int(number):
        return str(int(number))
    # A server may pad a number with zeros.
    return str(number) if isinstance(number, float) else f"{number.normalize():f}"
