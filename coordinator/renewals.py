"""Renew the certificate of whoever calls with one that is still good.

Nobody is asked and nothing is read by hand: the certificate that made the call says
whose the fresh one is. One that was revoked, or that came of one that was, renews
nothing any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from coordinator.authority import LEAF_DAYS, Authority
from proto import renewal
from proto.canonical import check

METHODS: Final = frozenset({renewal.RENEW, renewal.MOMENT})
_LOG = logging.getLogger(__name__)


class Renewals:
    """Answer the unary calls of the Exchange door."""

    def __init__(
        self,
        authority: Authority,
        *,
        clock: Callable[[], datetime],
        days: int = LEAF_DAYS,
    ) -> None:
        """Say who signs.

        Args:
            authority: Who signs, and knows what was revoked.
            clock: Tells the time, with its time zone.
            days: For how long a renewed certificate is good.
        """
        self._authority = authority
        self._clock = clock
        self._days = days

    def reply(
        self, method: str, message: bytes, *, certificate: x509.Certificate
    ) -> bytes:
        """Answer one call.

        Args:
            method: One of `METHODS`.
            message: What was sent.
            certificate: The one that made the call; the door has checked it.

        Raises:
            Malformed: It is no method of ours, or the message is not canonical.
            Untrusted: The certificate may not be renewed.
            Busy: It was renewed too often.
        """
        if method == renewal.MOMENT:
            return renewal.answer_moment(message, now=self._clock())
        check(method == renewal.RENEW, "method")
        leaf = self._authority.renew(
            renewal.read_renew(message),
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            now=self._clock(),
            days=self._days,
        )
        _LOG.info("renewed")
        return renewal.write_renewed(leaf)
