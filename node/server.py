"""Listen for calls, and lead each through the node's door."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import cast

import grpc
from typing_extensions import override

from node.door import CALLS_MAX, Carried, Door, Ending, Keeper, Story
from privacy.errors import BadConfiguration
from proto import mtls
from proto.status import Status

_LOG = logging.getLogger(__name__)


class NodeServer:
    """Serve one node's story behind its door, to whoever calls."""

    def __init__(
        self, story: Story, *, carried: Mapping[str, Carried], door: Door
    ) -> None:
        """Prepare the door; nothing listens yet."""
        self.keeper = Keeper(story, carried=carried, door=door)
        self._address = door.address
        self._calls = ThreadPoolExecutor(CALLS_MAX, thread_name_prefix="call")
        self._server = grpc.server(
            self._calls,
            handlers=[_Methods(self._end)],
            options=mtls.SERVER_OPTIONS,
            maximum_concurrent_rpcs=CALLS_MAX,
        )

    def start(self) -> int:
        """Listen, and give the port.

        Raises:
            BadConfiguration: The address cannot be listened on.
        """
        credentials = mtls.server_credentials(self.keeper.identity)
        try:
            port = self._server.add_secure_port(self._address, credentials)
        except RuntimeError as error:
            raise BadConfiguration(
                f"The node cannot listen on {self._address}; choose a free "
                "listen_address."
            ) from error
        self._server.start()
        _LOG.info("serving")
        return port

    def end(self) -> None:
        """Ask for the server to end; `wait` returns. Safe in a signal handler."""
        self.keeper.end()

    def wait(self) -> int:
        """Wait until somebody or a broken ledger asks for the end.

        Returns:
            The exit code the process should end with.
        """
        return self.keeper.wait()

    def drain(self, grace_seconds: float) -> None:
        """Take no more calls, let those inside finish, then let the work finish."""
        self.keeper.leave()
        self._server.stop(grace_seconds).wait()
        self.keeper.close()
        self._calls.shutdown(wait=False)
        _LOG.info("drained")

    def _end(self, method: str, data: bytes, context: grpc.ServicerContext) -> Ending:
        """Lead a call through the door, known by what its connection showed."""
        return self.keeper.reply(method, data, partial(_checked, context))


def _checked(context: grpc.ServicerContext, trust: mtls.Trust, now: datetime) -> None:
    """Check the caller of one call, on its own connection."""
    # The published types say bytes; it is a list of bytes per name.
    auth = cast("Mapping[str, list[bytes]]", context.auth_context())
    mtls.check_call(auth, trust=trust, now=now)


class _Methods(grpc.GenericRpcHandler):
    """Lead every call through the door as bytes, known method or not."""

    def __init__(
        self, end: Callable[[str, bytes, grpc.ServicerContext], Ending]
    ) -> None:
        self._end = end

    @override
    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        method = handler_call_details.method
        return grpc.unary_unary_rpc_method_handler(partial(self._call, method))

    def _call(self, method: str, data: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            ending = self._end(method, data, context)
        except BaseException:  # noqa: BLE001 - the transport would send its words
            ending = Status.INTERNAL
        if isinstance(ending, Status):
            context.abort(ending.code, ending.words)
        return ending
