"""Speak HTTP/2 over a plain TLS socket, and keep every frame that comes back."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import h2.config
import h2.connection
import h2.events

from proto.mtls import Identity


@dataclass
class Heard:
    """Everything one call brought back: decoded headers, trailers, data."""

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    data: bytes = b""
    frame_sizes: list[int] = field(default_factory=list)

    @property
    def status(self) -> bytes:
        return dict(self.headers).get(b"grpc-status", b"none")

    @property
    def message(self) -> bytes:
        return dict(self.headers).get(b"grpc-message", b"")

    @property
    def all_bytes(self) -> bytes:
        return b"\n".join(
            [self.data, *(part for pair in self.headers for part in pair)]
        )


def context(
    identity: Identity, folder: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=identity.authority.decode())
    (folder / "tls.key").write_bytes(identity.key)
    (folder / "tls.chain").write_bytes(identity.chain)
    made.load_cert_chain(folder / "tls.chain", folder / "tls.key")
    made.set_alpn_protocols(["h2"])
    made.minimum_version = version
    made.maximum_version = version
    return made


class RawConnection:
    """One TLS connection on which calls are made one after the other."""

    def __init__(
        self,
        port: int,
        tls: ssl.SSLContext,
        *,
        name: str = "nyc.site.cmpp.exchange",
        session: ssl.SSLSession | None = None,
        beside: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._beside = beside
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        try:
            self.socket = tls.wrap_socket(plain, server_hostname=name, session=session)
        except BaseException:
            plain.close()
            raise
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding=None)
        )
        self._h2.initiate_connection()
        self._name = name
        self.socket.sendall(self._h2.data_to_send())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def call(
        self,
        path: str,
        message: bytes,
        *,
        compressed: bool = False,
        more: tuple[tuple[str, str], ...] = (),
    ) -> Heard:
        stream = self._h2.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "https"),
            (":path", path),
            (":authority", self._name),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *self._beside,
            *more,
        ]
        body = bytes([compressed]) + len(message).to_bytes(4, "big") + message
        self._h2.send_headers(stream, headers)
        self._send(stream, body)
        return self._hear(stream)

    def _send(self, stream: int, body: bytes) -> None:
        while body:
            room = min(
                self._h2.local_flow_control_window(stream),
                self._h2.max_outbound_frame_size,
                len(body),
            )
            if room == 0:
                self.socket.sendall(self._h2.data_to_send())
                self._h2.receive_data(self.socket.recv(65536))
                continue
            self._h2.send_data(stream, body[:room], end_stream=room == len(body))
            body = body[room:]
        self.socket.sendall(self._h2.data_to_send())

    def _hear(self, stream: int) -> Heard:
        heard = Heard()
        while True:
            data = self.socket.recv(65536)
            if not data:
                return heard
            for event in self._h2.receive_data(data):
                if getattr(event, "stream_id", stream) != stream:
                    continue
                if isinstance(
                    event, h2.events.ResponseReceived | h2.events.TrailersReceived
                ):
                    heard.headers += event.headers
                elif isinstance(event, h2.events.DataReceived):
                    heard.data += event.data
                    heard.frame_sizes.append(event.flow_controlled_length)
                    self._h2.acknowledge_received_data(
                        event.flow_controlled_length, stream
                    )
                elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                    self.socket.sendall(self._h2.data_to_send())
                    return heard
            self.socket.sendall(self._h2.data_to_send())
