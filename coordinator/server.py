"""Keep the coordinator's one door: sites join here, each with its own token.

A caller has no certificate yet. What it learns from a failed attempt is one of
four constant words, never which part of the attempt was wrong.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import grpc
from typing_extensions import override

from coordinator.authority import LEAF_DAYS, Authority
from privacy.errors import BadConfiguration, ExchangeError
from proto import invitation, mtls, renewal
from proto import status as statuses
from proto.status import Status

_LOG = logging.getLogger(__name__)
_CALLS_MAX: Final = 8
_ATTEMPTS_MAX: Final = 30
_ATTEMPTS_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Hold how the door is set up.

    Attributes:
        address: Where to listen, ``host:port``.
        identity: The coordinator's own key and certificate, or what reads them
            anew for every handshake.
        clock: Tells the time, with its time zone.
        leaf_days: For how long a site's certificate is good.
    """

    address: str
    identity: mtls.Identity | Callable[[], mtls.Identity]
    clock: Callable[[], datetime]
    leaf_days: int = LEAF_DAYS


class JoinServer:
    """Give certificates to the sites that were invited."""

    def __init__(self, authority: Authority, *, door: Door) -> None:
        """Prepare the door; nothing listens yet."""
        self._authority = authority
        self._door = door
        self._pace = _Pace()
        self._server = grpc.server(
            ThreadPoolExecutor(_CALLS_MAX, thread_name_prefix="join"),
            handlers=[_Methods(self._end)],
            options=mtls.SERVER_OPTIONS,
            maximum_concurrent_rpcs=_CALLS_MAX,
        )

    def start(self) -> int:
        """Listen, and give the port.

        Raises:
            BadConfiguration: The address cannot be listened on.
        """
        found = self._door.identity
        load = (lambda: found) if isinstance(found, mtls.Identity) else found
        credentials = mtls.join_credentials(load)
        try:
            port = self._server.add_secure_port(self._door.address, credentials)
        except RuntimeError as error:
            raise BadConfiguration(
                f"The coordinator cannot listen on {self._door.address}; choose a "
                "free address."
            ) from error
        self._server.start()
        return port

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Take no more calls, and let those inside finish."""
        self._server.stop(grace_seconds).wait()

    def _end(self, method: str, data: bytes) -> bytes | Status:
        """Admit a site, and let nothing pass but a certificate or a status."""
        if not self._pace.permits():
            return Status.BUSY
        try:
            if method == renewal.MOMENT_TO_JOIN:
                return renewal.answer_moment(data, now=self._door.clock())
            if method != invitation.JOIN:
                return Status.MALFORMED
            leaf = self._authority.admit(
                invitation.read_join(data),
                now=self._door.clock(),
                days=self._door.leaf_days,
            )
        except ExchangeError as error:
            _LOG.warning("join refused kind=%s", type(error).code)
            return statuses.status(error)
        except Exception:  # noqa: BLE001 - the door
            _LOG.warning("internal ref=%s", secrets.token_hex(4))
            return Status.INTERNAL
        _LOG.info("joined")
        return invitation.write_certificate(leaf)


class _Pace:
    """Permit so many attempts in so long, whoever makes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = float(_ATTEMPTS_MAX)
        self._last = time.monotonic()

    def permits(self) -> bool:
        with self._lock:
            now = time.monotonic()
            regained = (now - self._last) * _ATTEMPTS_MAX / _ATTEMPTS_SECONDS
            self._left = min(self._left + regained, _ATTEMPTS_MAX)
            self._last = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


class _Methods(grpc.GenericRpcHandler):
    """Lead every call through the door as bytes, known method or not."""

    def __init__(self, end: Callable[[str, bytes], bytes | Status]) -> None:
        self._end = end

    @override
    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        call = partial(self._call, handler_call_details.method)
        return grpc.unary_unary_rpc_method_handler(call)

    def _call(self, method: str, data: bytes, context: grpc.ServicerContext) -> bytes:
        ending = self._end(method, data)
        if isinstance(ending, Status):
            context.abort(ending.code, ending.words)
        return ending
