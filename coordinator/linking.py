"""Keep the two doors of the switchboard: one for sites, one for our own commands.

At the outer door sites dial in, and exchange their certificates; each must show one
that is good at that moment. The inner door is on this machine only: through it the
coordinator's own commands, which are processes of their own, reach a site that
dialled in, by the same methods and with the same endings as if they called it.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol, cast

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from typing_extensions import override

from coordinator.switchboard import Link, LinkLost, NotLinked, Switchboard
from privacy.errors import BadConfiguration, Busy, ExchangeError, Unreachable
from proto import client, mtls
from proto import link as links
from proto import status as statuses
from proto.canonical import check
from proto.link import Frame, Kind
from proto.status import Status

_LOG = logging.getLogger(__name__)

_LINKS_MAX: Final = 256
_LINKS_PER_SITE: Final = 4
_HELLO_SECONDS: Final = 10.0
"""How long a site may take to say hello."""

_CALLS_MAX: Final = 512
_CALL_SECONDS_MAX: Final = 3_600.0
_LOOK_SECONDS: Final = 0.2
_LOOKS_PER_CHECK: Final = 5
_LINK_OPTIONS: Final = tuple(
    {**dict(mtls.SERVER_OPTIONS), **dict(links.OPTIONS)}.items()
)
_UNAVAILABLE: Final = grpc.StatusCode.UNAVAILABLE
_SUPERSEDED: Final = (grpc.StatusCode.ABORTED, "superseded")


class Unary(Protocol):
    """What sites may call at the outer door besides dialling in."""

    def reply(
        self, method: str, message: bytes, *, certificate: x509.Certificate
    ) -> bytes:
        """Answer one call of a site that showed this certificate, already checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Hold how both doors are set up.

    Attributes:
        link_address: Where sites dial in, ``host:port``.
        local_address: Where our own commands call, on this machine only.
        identity: Reads our key and certificate, anew for every handshake.
        own: Reads who may call at the inner door: ourselves.
        clock: Tells the time, with its time zone.
    """

    link_address: str
    local_address: str
    identity: Callable[[], mtls.Identity]
    own: Callable[[], mtls.Trust]
    clock: Callable[[], datetime]


class LinkServer:
    """Serve the switchboard's two doors, and look after its links."""

    def __init__(self, switchboard: Switchboard, unary: Unary, *, doors: Doors) -> None:
        """Prepare the doors; nothing listens yet."""
        self._switchboard = switchboard
        self._unary = unary
        self._doors = doors
        self._stopped = threading.Event()
        self._arriving: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._watch = threading.Thread(target=self._look, name="links", daemon=True)
        self._outer = _server(
            _Outer(self._link, self._exchange), most=_LINKS_MAX, options=_LINK_OPTIONS
        )
        self._inner = _server(
            _Inner(self._put), most=_CALLS_MAX, options=mtls.SERVER_OPTIONS
        )

    def start(self) -> tuple[int, int]:
        """Listen, and give the ports of the outer and the inner door.

        Raises:
            BadConfiguration: An address cannot be listened on.
        """
        doors = self._doors
        outer = _listen(self._outer, doors.link_address, "link_address", doors.identity)
        inner = _listen(
            self._inner, doors.local_address, "local_address", doors.identity
        )
        self._outer.start()
        self._inner.start()
        self._watch.start()
        return outer, inner

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Take no more calls, let those inside finish, and close every link."""
        self._inner.stop(grace_seconds).wait()
        self._stopped.set()
        self._watch.join()
        self._switchboard.close()
        self._outer.stop(grace_seconds).wait()

    def _look(self) -> None:
        """Look after the links until we stop."""
        looks = 0
        while not self._stopped.wait(_LOOK_SECONDS):
            looks += 1
            try:
                self._switchboard.look()
                if looks % _LOOKS_PER_CHECK == 0:
                    self._switchboard.check()
            except Exception:  # noqa: BLE001 - the thread must go on
                _internal()

    def _link(
        self, frames: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """Keep one site's link until either end closes it."""
        try:
            link = self._welcomed(frames, context)
        except ExchangeError as error:
            _LOG.warning("link refused kind=%s", type(error).code)
            link = statuses.status(error)
        except Exception:  # noqa: BLE001 - the door
            link = _internal()
        if isinstance(link, Status):
            context.abort(link.code, link.words)
        try:
            if context.add_callback(link.close):
                threading.Thread(
                    target=self._hear, args=(frames, link), name="hear", daemon=True
                ).start()
                yield from link.outgoing()
        finally:
            link.close()
            self._switchboard.unplug(link)
        if link.was_refused:
            context.abort(Status.DENIED.code, Status.DENIED.words)
        if link.was_superseded:
            context.abort(*_SUPERSEDED)

    def _welcomed(
        self, frames: Iterator[bytes], context: grpc.ServicerContext
    ) -> Link | Status:
        """Check who dials, take the hello, prove to it who we are, and plug it in."""
        site, certificate = self._switchboard.caller(_auth(context))
        with self._room(site, context):
            hello = Frame.from_bytes(next(frames))
            check(hello.kind is Kind.HELLO, "kind")
            link = Link(site, certificate)
            proof = links.prove(
                self._doors.identity(),
                nonce=hello.payload,
                dialled_with=certificate.fingerprint(hashes.SHA256()),
            )
            link.send(Frame(kind=Kind.PROOF, payload=proof))
            self._switchboard.plug(link)
        return link

    @contextlib.contextmanager
    def _room(self, site: str, context: grpc.ServicerContext) -> Iterator[None]:
        """Count a site's stream from before its hello, and end one that says none.

        Streams that say nothing take up the room of other sites' links.

        Raises:
            Busy: The site has too many already.
        """
        with self._counting:
            taken = self._arriving[site] + self._switchboard.open_links(site)
            if taken >= _LINKS_PER_SITE:
                raise Busy(
                    f"{site} has too many links open; wait until the old ones end."
                )
            self._arriving[site] += 1
        late = threading.Timer(_HELLO_SECONDS, context.cancel)
        late.daemon = True
        late.start()
        try:
            yield
        finally:
            late.cancel()
            with self._counting:
                self._arriving[site] -= 1

    def _hear(self, frames: Iterator[bytes], link: Link) -> None:
        """Take what a site sends, on a thread of its own."""
        try:
            link.listen(frames)
        except ExchangeError as error:
            _LOG.warning("link closed site=%s kind=%s", link.site, type(error).code)
        except Exception:  # noqa: BLE001, S110 - the stream ended; so has the link
            pass

    def _exchange(
        self, method: str, message: bytes, context: grpc.ServicerContext
    ) -> bytes | Status:
        """Answer a site's own call, such as for a fresh certificate."""
        _, certificate = self._switchboard.caller(_auth(context))
        return self._unary.reply(method, message, certificate=certificate)

    def _put(
        self, method: str, message: bytes, context: grpc.ServicerContext
    ) -> bytes | Status:
        """Put a call of our own commands to the site it names."""
        own = self._doors.own()
        mtls.check_call(_auth(context), trust=own, now=self._doors.clock())
        site = dict(context.invocation_metadata()).get(client.SITE_KEY, "")
        left = context.time_remaining()
        seconds = min(left, _CALL_SECONDS_MAX) if left else _CALL_SECONDS_MAX
        name = site if isinstance(site, str) else site.decode("ascii", "replace")
        return self._switchboard.call(name, method, message, seconds=seconds)


def _auth(context: grpc.ServicerContext) -> Mapping[str, list[bytes]]:
    # The published types say bytes; it is a list of bytes per name.
    return cast("Mapping[str, list[bytes]]", context.auth_context())


def _internal() -> Status:
    """Note something unforeseen, without its words."""
    _LOG.warning("internal ref=%s", secrets.token_hex(4))
    return Status.INTERNAL


def _server(
    handler: grpc.GenericRpcHandler, *, most: int, options: Iterable[tuple[str, int]]
) -> grpc.Server:
    return grpc.server(
        ThreadPoolExecutor(most, thread_name_prefix="switchboard"),
        handlers=[handler],
        options=tuple(options),
        maximum_concurrent_rpcs=most,
    )


def _listen(
    server: grpc.Server,
    address: str,
    setting: str,
    identity: Callable[[], mtls.Identity],
) -> int:
    """Listen on an address, and give the port.

    Raises:
        BadConfiguration: It cannot be listened on.
    """
    try:
        return server.add_secure_port(address, mtls.server_credentials(identity))
    except RuntimeError as error:
        raise BadConfiguration(
            f"The coordinator cannot listen on {address}; choose a free {setting}."
        ) from error


_Call = Callable[[str, bytes, grpc.ServicerContext], bytes | Status]


def _ended(
    call: _Call, method: str, message: bytes, context: grpc.ServicerContext
) -> bytes:
    """Make a call, and let nothing pass but its message or constant words."""
    code, words = _UNAVAILABLE, client.NO_REPLY
    ending: bytes | Status | None = None
    try:
        ending = call(method, message, context)
    except NotLinked:
        words = client.NOT_LINKED
    except LinkLost:
        words = client.LINK_LOST
    except Unreachable:
        pass
    except ExchangeError as error:
        _LOG.warning("refused kind=%s", type(error).code)
        ending = statuses.status(error)
    except Exception:  # noqa: BLE001 - the door
        ending = _internal()
    if isinstance(ending, Status):
        code, words = ending.value
    if not isinstance(ending, bytes):
        context.abort(code, words)
    return ending


class _Inner(grpc.GenericRpcHandler):
    """Lead every call of our own commands to the site it names."""

    def __init__(self, put: _Call) -> None:
        self._put = put

    @override
    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        call = partial(_ended, self._put, handler_call_details.method)
        return grpc.unary_unary_rpc_method_handler(call)


class _Outer(grpc.GenericRpcHandler):
    """Tell the link from every other call."""

    def __init__(
        self,
        link: Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]],
        exchange: _Call,
    ) -> None:
        self._link = link
        self._exchange = exchange

    @override
    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        method = handler_call_details.method
        if method == links.LINK:
            return grpc.stream_stream_rpc_method_handler(self._link)
        call = partial(_ended, self._exchange, method)
        return grpc.unary_unary_rpc_method_handler(call)
