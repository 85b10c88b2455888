"""What a value looks like that must never be in the records.

Forms are RE2 expressions, so that the same text serves a whole column at once and a
single name. Explicit forms carry their own sign (an A, dashes, an at sign); the others
are plain digits, which a case number may be as well.
"""

import re
from enum import StrEnum
from types import MappingProxyType
from typing import Final

LONG_TEXT: Final = 40
SHORTEST: Final = 6
"""No form matches a shorter text."""


class Kind(StrEnum):
    """What must never be imported, in words that complete "looks like ..."."""

    A_NUMBER = "an A-number or receipt number"
    SSN = "a Social Security or taxpayer number"
    DOCUMENT = "an identity document number"
    EMAIL = "an e-mail address"
    PHONE = "a phone number"
    DEVICE = "a device id or network address"
    PLACE = "a position on the map"
    NAME = "a name"
    BIRTH = "a date of birth"
    ADDRESS = "a postal address"
    ZIP = "a ZIP or postal code"
    SOCIAL = "an account on a social network"
    PICTURE = "a photograph, scan or signature"
    BODY = "a biometric mark"
    ATTORNEY = "an attorney's name"
    COURT = "a court's or judge's mark"
    EMPLOYER = "an employer's name"
    SCHOOL = "a school's name"
    TEXT = "free text"
    DIAGNOSIS = "a diagnosis"
    ARRIVAL = "a port or day of arrival"
    RELATIVE = "a relative's details"
    ABUSER = "the name of a trafficker or abuser"
    STAFF = "a staff member's or account's name"
    COUNTRY = "a country of origin"


EXPLICIT: Final = MappingProxyType(
    {
        Kind.A_NUMBER: (
            r"(?i:\bA[-# ]{0,2}\d{8,9}\b|\bA[- ]?\d{2,3}[- ]\d{3}[- ]\d{3}\b"
            r"|\b(?:EAC|WAC|LIN|SRC|NBC|MSC|IOE|YSC|ZLA)[- ]?\d{10}\b)"
        ),
        Kind.SSN: r"(?:^|[^\d-])\d{3}-\d{2}-\d{4}(?:[^\d-]|$)|^\d{3} \d{2} \d{4}$",
        Kind.EMAIL: r"[^@\s]@[^@\s]+\.[A-Za-z]{2,}",
        Kind.PHONE: (
            r"(?:^|[^\d-])(?:\+?1[-. ]?)?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}"
            r"(?:[^\d-]|$)|(?:^|\D)\+\d{1,3}[-. ]?\(?\d{2,4}\)?(?:[-. ]?\d{2,5}){2,4}$"
        ),
        Kind.DEVICE: (
            r"(?i:^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|^(?:\d{1,3}\.){3}\d{1,3}$"
            r"|^(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]{1,9}$)"
        ),
        Kind.PLACE: r"^\(?-?\d{1,2}\.\d{3,}°?[NS]?[,; ]+-?\d{1,3}\.\d{3,}",
        Kind.ADDRESS: (
            r"(?i:^\d{1,6}[A-Z]? .*\b(?:st|str|street|ave|avenue|rd|road|blvd|"
            r"boulevard|dr|drive|ln|lane|ct|pl|pkwy|hwy|apt|calle|avenida)\b\.?)"
        ),
        Kind.ZIP: r"^\d{5}-\d{4}$",
    }
)
"""Forms that mean one thing only: not even a key may look like this."""

BARE: Final = MappingProxyType(
    {
        Kind.A_NUMBER: r"^\d{8,9}$",
        Kind.PHONE: r"^1?\d{10}$|^\d{2}[- ]\d{4}[- ]\d{4}$|^\d{3}-\d{4}$",
        Kind.DEVICE: (
            r"(?i:^\d{14,16}$"
            r"|^\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?$)"
        ),
        Kind.PLACE: r"^-?[1-9]\d{0,2}\.\d{4,}$",
    }
)
"""Forms a case number may share: allowed in a key, nowhere else."""

COMPACT_DAY: Final = r"^(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$"
"""Eight digits that are a day, not a number."""

ANY_EXPLICIT: Final = "|".join(f"(?:{form})" for form in EXPLICIT.values())
ANY_FORM: Final = "|".join([ANY_EXPLICIT, *(f"(?:{form})" for form in BARE.values())])

FULL_DAY: Final = (
    r"(?i:\b(?:19|20)\d{2}[-/. ]\d{1,2}[-/. ]\d{1,2}|\b\d{1,2}[-/. ]\d{1,2}[-/. ]"
    r"(?:19|20)?\d{2}\b|\b\d{1,2}[- ](?:[a-z]{3,10})[- ,]+(?:19|20)\d{2}\b"
    r"|\b[a-z]{3,10}\.? \d{1,2},? (?:19|20)\d{2}\b)"
)
YEAR: Final = (
    r"^(?:\d{1,2}[-/. ]\d{1,2}[-/. ]|\d{1,2}[- ][A-Za-z]{3,10}\.?[- ,]+"
    r"|[A-Za-z]{3,10}\.? \d{1,2},? )?(?P<year>(?:19|20)\d{2})"
    r"(?:[-/. ]?\d{1,2}[-/. ]?\d{1,2})?(?:[T ]+\d{1,2}:\d{2}.*)?$"
)
"""The year of a day, whichever way round it is written."""

_FORMS: Final = re.compile(ANY_FORM)
_EXPLICIT: Final = re.compile(ANY_EXPLICIT)
_OWN: Final = re.compile(
    "|".join(
        f"(?:{EXPLICIT[kind]})"
        for kind in (Kind.A_NUMBER, Kind.SSN, Kind.EMAIL, Kind.PHONE)
    )
)
_DAY: Final = re.compile(FULL_DAY)
_DIGITS: Final = re.compile(r"\d{6,}")


def looks_personal(name: str) -> bool:
    """Tell whether a name of a column, sheet or file is rather somebody's value."""
    text = name.strip()
    return bool(_EXPLICIT.search(text) or re.fullmatch(r"\d{6,}", text)) or (
        _DAY.fullmatch(text) is not None
    )


def spells_out(text: str) -> bool:
    """Tell whether a text is the number or address of one person."""
    return _OWN.search(text) is not None


def hides(text: str) -> bool:
    """Tell whether a value must not be shown, even on the site's own screen."""
    return (
        len(text) > LONG_TEXT
        # A terminal would obey what it cannot print.
        or not text.isprintable()
        or _FORMS.search(text) is not None
        or _DAY.search(text) is not None
        or _DIGITS.search(text) is not None
    )
