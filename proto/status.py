"""Map our errors to what may cross the wire, in one table, and back again.

A refusal travels inside a reply, as a code. Everything else that is not a
release is one of four gRPC statuses with constant words. There is no fifth.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

import grpc

from privacy import errors
from proto.canonical import Malformed
from proto.wire import PICO_MAX, Refusal, RefusalCode

REFUSALS: Final[Mapping[type[errors.Refused], RefusalCode]] = {
    errors.Refused: RefusalCode.REFUSED,
    errors.NotAllowed: RefusalCode.NOT_ALLOWED,
    errors.BudgetExhausted: RefusalCode.BUDGET_EXHAUSTED,
    errors.PeriodNotClosed: RefusalCode.PERIOD_NOT_CLOSED,
    errors.NotMature: RefusalCode.NOT_MATURE,
    errors.UnknownMetric: RefusalCode.UNKNOWN_METRIC,
    errors.WrongProgramme: RefusalCode.WRONG_PROGRAMME,
    errors.WrongSite: RefusalCode.WRONG_SITE,
    errors.Expired: RefusalCode.EXPIRED,
}


class Status(Enum):
    """List every status a door may end a call with, with its constant words."""

    MALFORMED = (grpc.StatusCode.INVALID_ARGUMENT, "malformed")
    DENIED = (grpc.StatusCode.PERMISSION_DENIED, "denied")
    BUSY = (grpc.StatusCode.RESOURCE_EXHAUSTED, "busy")
    INTERNAL = (grpc.StatusCode.INTERNAL, "internal")

    @property
    def code(self) -> grpc.StatusCode:
        """Give the gRPC code."""
        return self.value[0]

    @property
    def words(self) -> str:
        """Give the only words ever sent beside the code."""
        return self.value[1]


def refusal(error: errors.Refused) -> Refusal:
    """Turn a refusal into its code and, for a budget, its two amounts.

    A subclass this table does not name travels as the nearest class it does.
    """
    code = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    if isinstance(error, errors.BudgetExhausted):
        return Refusal(
            code=code,
            left_pico=min(max(error.left_pico_rho, 0), PICO_MAX),
            asked_pico=min(max(error.asked_pico_rho, 0), PICO_MAX),
        )
    return Refusal(code=code)


def status(error: errors.ExchangeError) -> Status:
    """Choose the status that stands for an error that is not a refusal."""
    if isinstance(error, Malformed | errors.InvalidQuery):
        return Status.MALFORMED
    if isinstance(error, errors.Untrusted):
        return Status.DENIED
    if isinstance(error, errors.Busy):
        return Status.BUSY
    return Status.INTERNAL


def sentence(refused: Refusal) -> str:
    """Say at the asking end what a site's refusal means and what to do next."""
    return _SENTENCES[refused.code]


_SENTENCES: Final[Mapping[RefusalCode, str]] = {
    RefusalCode.REFUSED: "The site refused; ask its privacy officer which rule.",
    RefusalCode.NOT_ALLOWED: (
        "The site's policy does not permit this question; its privacy officer can "
        "sign a policy that does."
    ),
    RefusalCode.BUDGET_EXHAUSTED: (
        "The loss left at the site does not cover the question; ask for less "
        "precision, or ask its officers to sign a larger cap."
    ),
    RefusalCode.PERIOD_NOT_CLOSED: (
        "The site has not closed this period; ask again when it has."
    ),
    RefusalCode.NOT_MATURE: (
        "The follow-up of this period is not over; ask again when it is."
    ),
    RefusalCode.UNKNOWN_METRIC: (
        "The site's catalogue has no such metric; bring both ends to one version."
    ),
    RefusalCode.WRONG_PROGRAMME: (
        "The site holds another catalogue or dictionary; bring both ends to one "
        "version."
    ),
    RefusalCode.WRONG_SITE: "The question was for another site; check the site list.",
    RefusalCode.EXPIRED: "The question arrived too late; ask it again.",
}
