"""Both ends of a link by hand, frame by frame: what no honest end would do."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from proto import link, mtls
from proto.link import Frame, Kind
from proto.mtls import Identity

SECONDS = 15


class RawEnd:
    """One end of one stream: frames out at will, frames in as they come."""

    def __init__(self) -> None:
        self.heard: queue.Queue[Frame | None] = queue.Queue()
        self.out: queue.Queue[bytes | None] = queue.Queue()
        self.code: grpc.StatusCode | None = None

    def say(self, *frames: Frame) -> None:
        for frame in frames:
            self.out.put(frame.to_bytes())

    def next(self, *kinds: Kind) -> Frame:
        """Wait for the next frame of some kinds, answering pings on the way."""
        while True:
            frame = self.heard.get(timeout=SECONDS)
            assert frame is not None, "the link ended"
            if frame.kind is Kind.PING and Kind.PING not in kinds:
                self.say(link.PONG)
            elif frame.kind in kinds:
                return frame

    def ended(self) -> grpc.StatusCode | None:
        """Wait until the other end has ended the link; return how."""
        while self.heard.get(timeout=SECONDS) is not None:
            pass
        return self.code

    def take(self, frames: Iterator[bytes]) -> None:
        try:
            for data in frames:
                self.heard.put(Frame.from_bytes(data))
        except grpc.RpcError as error:
            self.code = error.code() if isinstance(error, grpc.Call) else None
        self.heard.put(None)


class FalseSwitchboard:
    """A switchboard under a test's control, with any certificate.

    Attributes:
        links: Every stream a node opened, as it opens it.
        proofs: Makes the proof for a nonce and a node's certificate.
    """

    def __init__(
        self, identity: Identity, proofs: Callable[[bytes, bytes], bytes] | None = None
    ) -> None:
        self.links: queue.Queue[RawEnd] = queue.Queue()
        self.identity = identity
        self.proofs = proofs or self._honest
        self._server = grpc.server(
            ThreadPoolExecutor(32), handlers=[self], options=link.OPTIONS
        )
        credentials = mtls.server_credentials(lambda: identity)
        self.port = self._server.add_secure_port("127.0.0.1:0", credentials)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(0).wait()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def link(self, *, proved: bool = True) -> RawEnd:
        """Wait for a node to dial, and prove who we are if told to."""
        end = self.links.get(timeout=SECONDS)
        hello = end.next(Kind.HELLO)
        if proved:
            proof = self.proofs(hello.payload, end.who)  # type: ignore[attr-defined]
            end.say(Frame(kind=Kind.PROOF, payload=proof))
        return end

    def _honest(self, nonce: bytes, who: bytes) -> bytes:
        return link.prove(self.identity, nonce=nonce, dialled_with=who)

    def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.stream_stream_rpc_method_handler(self._link)

    def _link(
        self, frames: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        end = RawEnd()
        (pem,) = context.auth_context()["x509_pem_cert"]
        certificate = x509.load_pem_x509_certificate(pem)
        end.who = certificate.fingerprint(hashes.SHA256())  # type: ignore[attr-defined]
        context.add_callback(lambda: end.out.put(None))
        threading.Thread(target=end.take, args=(frames,), daemon=True).start()
        self.links.put(end)
        yield from iter(end.out.get, None)


@contextmanager
def raw_site(
    address: str, identity: Identity, *, hello: bool = True
) -> Iterator[RawEnd]:
    """Dial in as a site, by hand."""
    end = RawEnd()
    with mtls.channel(
        address,
        peer_dns=mtls.COORDINATOR_DNS,
        authority=identity.authority,
        identity=identity,
        options=(*link.OPTIONS, ("grpc.use_local_subchannel_pool", 1)),
    ) as channel:
        if hello:
            end.say(Frame(kind=Kind.HELLO, payload=bytes(32)))
        call = channel.stream_stream(link.LINK)(iter(end.out.get, None))
        threading.Thread(target=end.take, args=(call,), daemon=True).start()
        try:
            yield end
        finally:
            end.out.put(None)
            call.cancel()
