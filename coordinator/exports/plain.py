"""Text that a spreadsheet shows and never runs.

A program that opens a table takes a text for a formula when it begins with one of a
few signs, or when it falls apart at another separator and a part does. An apostrophe
before the sign makes it text again.

Source: OWASP, "CSV Injection".
"""

import re
from typing import Final

_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA: Final = re.compile(rf"(^|[;,|\"])(\s*)([{_SIGNS}])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")


def harmless(text: str) -> str:
    """Return a text on one line in which nothing can be taken for a formula."""
    return _FORMULA.sub(r"\1\2'\3", _CONTROL.sub(" ", text))
