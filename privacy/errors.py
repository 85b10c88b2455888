"""Name everything that can go wrong, once, in words a caseworker can act on.

    ExchangeError                      any failure this system foresaw
    ├── InvalidQuery                   the question is not well formed
    ├── InvalidProgramme               a dictionary, catalogue or pack is not
    ├── NoPublicFigure                 a published number the value needs is missing
    ├── Refused                        a rule said no; nothing was spent
    │   ├── NotAllowed                 the officer's policy does not permit it
    │   ├── BudgetExhausted            the loss left does not cover the charge
    │   ├── PeriodNotClosed            the period is still open, or unregistered
    │   ├── NotMature                  the follow-up is not over yet
    │   ├── UnknownMetric              no such metric in the catalogue
    │   ├── WrongProgramme             dictionary or catalogue versions differ
    │   ├── WrongSite                  the query was addressed to another site
    │   └── Expired                    the query arrived after its last moment
    ├── Untrusted                      the other end could not be believed
    │   ├── BadSignature
    │   ├── UnknownPeer
    │   └── CertificateRefused
    ├── Corrupt                        stop: stored or computed state is broken
    │   ├── LedgerMissing
    │   ├── ChainBroken
    │   ├── LedgerInconsistent
    │   ├── LedgerStopped          a write failed; the process must end
    │   ├── RegisterBroken
    │   ├── CapBroken                  the run-time guard on contribution caps
    │   └── NoiseBroken                the run-time guard on the noise
    ├── Busy                           come back shortly
    │   └── Pending                    charged, and being worked on
    ├── Unreachable                    the other end did not answer in time
    ├── BadConfiguration
    └── BadRecords                     an import did not match the dictionary

Every error carries a fixed ``code`` (for programs) and a ``message`` (for people:
what happened, why, what to do next). A refusal is decided from the query, the
policy, the ledger and public data, never from rows, so its message may leave a
node; whether any message does leave is decided at the door, which sends codes.
"""

from __future__ import annotations

import functools
from typing import ClassVar

_PICO_DIGITS = 12


class ExchangeError(Exception):
    """Say what happened, why, and what to do next.

    Attributes:
        code: A fixed kebab-case name, unique to the class, safe to send.
        message: One sentence for people, safe to show at the end it was raised.
    """

    code: ClassVar[str] = "exchange-error"

    def __init__(self, message: str) -> None:
        """Keep the sentence.

        Args:
            message: What happened, why, and what to do next.
        """
        super().__init__(message)
        self.message = message


class InvalidQuery(ExchangeError):
    """Tell the author that a question is not well formed."""

    code = "invalid-query"


class InvalidProgramme(ExchangeError):
    """Tell the author that a dictionary, catalogue or pack file is not valid."""

    code = "invalid-programme"


class NoPublicFigure(ExchangeError):
    """Tell the asker which published number is missing for this period."""

    code = "no-public-figure"


class Refused(ExchangeError):
    """Tell the asker that a rule said no, and that nothing was spent."""

    code = "refused"


class NotAllowed(Refused):
    """Tell the asker that the site's policy does not permit this question."""

    code = "not-allowed"


class BudgetExhausted(Refused):
    """Tell the asker that the loss left does not cover the charge.

    Attributes:
        left_pico_rho: Loss still unspent under the tightest cap, in pico-rho.
        asked_pico_rho: Loss this question would be charged, in pico-rho.
    """

    code = "budget-exhausted"

    def __init__(self, *, left_pico_rho: int, asked_pico_rho: int) -> None:
        """State both amounts.

        Args:
            left_pico_rho: Loss still unspent under the tightest cap.
            asked_pico_rho: Loss this question would be charged.
        """
        left = rho_text(left_pico_rho)
        asked = rho_text(asked_pico_rho)
        super().__init__(
            f"The question costs {asked} rho and {left} rho is left under the site's "
            "cap, so nothing was spent; ask for less precision, or ask the privacy "
            "officers to sign a larger cap. No waiting renews one.",
        )
        self.left_pico_rho = left_pico_rho
        self.asked_pico_rho = asked_pico_rho

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from both amounts, so that copies and pickles keep them."""
        amounts = {
            "left_pico_rho": self.left_pico_rho,
            "asked_pico_rho": self.asked_pico_rho,
        }
        return functools.partial(BudgetExhausted, **amounts), ()


class PeriodNotClosed(Refused):
    """Tell the asker that the period is open, or closed but not yet registered."""

    code = "period-not-closed"


class NotMature(Refused):
    """Tell the asker that the follow-up of this period is not over yet."""

    code = "not-mature"


class UnknownMetric(Refused):
    """Tell the asker that the catalogue holds no such metric."""

    code = "unknown-metric"


class WrongProgramme(Refused):
    """Tell the asker that the two ends hold different dictionaries or catalogues."""

    code = "wrong-programme"


class WrongSite(Refused):
    """Tell the asker that the query was addressed to another site."""

    code = "wrong-site"


class Expired(Refused):
    """Tell the asker that the query arrived after its last permitted moment."""

    code = "expired"


class Untrusted(ExchangeError):
    """Tell the operator that the other end could not be believed."""

    code = "untrusted"


class BadSignature(Untrusted):
    """Tell the operator that a signature does not match what it should cover."""

    code = "bad-signature"


class UnknownPeer(Untrusted):
    """Tell the operator that the other end is not on the site list."""

    code = "unknown-peer"


class CertificateRefused(Untrusted):
    """Tell the operator that a certificate is expired, foreign or resumed."""

    code = "certificate-refused"


class Corrupt(ExchangeError):
    """Stop: stored or computed state is broken and no answer may leave."""

    code = "corrupt"


class LedgerMissing(Corrupt):
    """Stop: the ledger is not where it was, and an empty one is no substitute."""

    code = "ledger-missing"


class ChainBroken(Corrupt):
    """Stop: a ledger entry does not carry the hash of the one before it."""

    code = "chain-broken"


class LedgerInconsistent(Corrupt):
    """Stop: the ledger's entries and its balances do not add up."""

    code = "ledger-inconsistent"


class LedgerStopped(Corrupt):
    """Stop: a ledger write failed, so nothing more may be charged or sent."""

    code = "ledger-stopped"


class RegisterBroken(Corrupt):
    """Stop: the register of who is counted where changed or does not match."""

    code = "register-broken"


class CapBroken(Corrupt):
    """Stop: a household moved the tally by more than its declared cap."""

    code = "cap-broken"


class NoiseBroken(Corrupt):
    """Stop: the noise mechanism did not behave as its own proof says it must."""

    code = "noise-broken"


class Busy(ExchangeError):
    """Ask the other end to come back shortly; nothing was decided."""

    code = "busy"


class Pending(Busy):
    """Say that the question is charged and its answer is still being made."""

    code = "pending"


class Unreachable(ExchangeError):
    """Tell the operator that the other end did not answer in time."""

    code = "unreachable"


class BadConfiguration(ExchangeError):
    """Tell the operator that a setting is missing, unknown or impossible."""

    code = "bad-configuration"


class BadRecords(ExchangeError):
    """Tell the importer that the files do not match the dictionary."""

    code = "bad-records"


def rho_text(pico_rho: int) -> str:
    """Write pico-rho as a plain decimal number of rho."""
    sign = "-" if pico_rho < 0 else ""
    whole, rest = divmod(abs(pico_rho), 10**_PICO_DIGITS)
    decimals = f"{rest:0{_PICO_DIGITS}d}".rstrip("0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
