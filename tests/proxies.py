"""An HTTP proxy that does CONNECT, and that can be told to misbehave."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Pass bytes between callers and whom they name, until told otherwise.

    Attributes:
        asked: Every head that a caller sent.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.flowing = threading.Event()
        self.flowing.set()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tunnels(self) -> int:
        """How many connections are open through here."""
        with self._lock:
            return len(self._pairs)

    def freeze(self) -> None:
        """Pass nothing any more, and close nothing: a link that is half open."""
        self.flowing.clear()

    def thaw(self) -> None:
        """Pass everything again, what was held back first."""
        self.flowing.set()

    def cut(self) -> None:
        """Cut every connection there is."""
        with self._lock:
            pairs = tuple(self._pairs)
        for pair in pairs:
            self._end(pair)

    def close(self) -> None:
        self._listener.close()
        self.thaw()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = caller.recv(4096)
            if not data:
                caller.close()
                return
            head += data
        self.asked.append(head.decode("latin-1"))
        method, target, _ = head.split(b" ", 2)
        host, _, port = target.decode().rpartition(":")
        if method != b"CONNECT":
            caller.close()
            return
        self.flowing.wait()
        try:
            far = socket.create_connection((host, int(port)), timeout=10)
        except OSError:
            caller.close()
            return
        far.settimeout(None)
        caller.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        pair = (caller, far)
        with self._lock:
            self._pairs.add(pair)
        for way in (pair, pair[::-1]):
            threading.Thread(target=self._pass, args=(pair, *way), daemon=True).start()

    def _pass(
        self,
        pair: tuple[socket.socket, socket.socket],
        source: socket.socket,
        sink: socket.socket,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.flowing.wait()
                sink.sendall(data)
        self._end(pair)

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for each in pair:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    try:
        yield made
    finally:
        made.close()
