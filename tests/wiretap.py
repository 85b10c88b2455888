"""Listen to everything a node lets out, and search it for planted words.

The peer is independent of the product: a plain TLS socket and an HTTP/2 library.
Every frame is kept and decoded, whatever its kind: headers and trailers with their
compression undone, data with the message's prefix and compression undone, and the
frames that only carry the connection.
"""

import base64
import gzip
import logging
import ssl
import traceback
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import hpack
from hyperframe import frame as http2

from tests.frames import Heard, RawConnection

_HEAD = 9

# The peer's own library tells every header it reads; the node has no part in that.
logging.getLogger("hpack").setLevel(logging.INFO)


@dataclass(frozen=True)
class Frame:
    """One frame as it arrived, and what it says once decoded."""

    kind: str
    stream: int
    flags: tuple[str, ...]
    length: int
    fields: tuple[tuple[bytes, bytes], ...]
    payload: bytes


class _Tap:
    """A socket that remembers what it heard."""

    def __init__(self, inner: ssl.SSLSocket) -> None:
        self.inner = inner
        self.heard = bytearray()

    def recv(self, size: int) -> bytes:
        data = self.inner.recv(size)
        self.heard += data
        return data

    def sendall(self, data: bytes) -> None:
        self.inner.sendall(data)

    def close(self) -> None:
        self.inner.close()


class TappedConnection(RawConnection):
    """A raw connection that keeps every byte which came back."""

    def __init__(self, port: int, tls: ssl.SSLContext, **more: Any) -> None:
        super().__init__(port, tls, **more)
        self._tap = _Tap(self.socket)
        self.socket.settimeout(30)
        self.socket = self._tap  # type: ignore[assignment]
        self._taken = 0
        self._headers = hpack.Decoder()

    def close(self) -> None:
        self._tap.close()

    def settle(self, seconds: float = 0.05) -> None:
        """Hear what is still on its way."""
        self._tap.inner.settimeout(seconds)
        try:
            while self._tap.recv(65_536):
                pass
        except (TimeoutError, OSError):
            pass
        finally:
            self._tap.inner.settimeout(30)

    def taken(self) -> tuple[list[Frame], bytes]:
        """Return the frames heard since the last time, and their raw bytes."""
        raw = bytes(self._tap.heard[self._taken :])
        frames, used = [], 0
        while len(raw) - used >= _HEAD:
            head = memoryview(raw)[used : used + _HEAD]
            frame, length = http2.Frame.parse_frame_header(head, strict=False)
            if len(raw) - used - _HEAD < length:
                break
            body = raw[used + _HEAD : used + _HEAD + length]
            frame.parse_body(memoryview(body))
            frames.append(self._decoded(frame, body))
            used += _HEAD + length
        self._taken += used
        return frames, raw[:used]

    def _decoded(self, frame: http2.Frame, body: bytes) -> Frame:
        fields: tuple[tuple[bytes, bytes], ...] = ()
        if isinstance(frame, http2.HeadersFrame | http2.ContinuationFrame):
            # The node's headers are far too short to be split over frames.
            assert "END_HEADERS" in frame.flags
            listed = self._headers.decode(frame.data, raw=True)
            fields = tuple((bytes(name), bytes(value)) for name, value in listed)
        return Frame(
            kind=type(frame).__name__,
            stream=frame.stream_id,
            flags=tuple(sorted(frame.flags)),
            length=len(body),
            fields=fields,
            payload=body,
        )


def of_calls(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Keep the frames of calls; the rest keep the connection alive and time it."""
    return tuple(frame for frame in frames if frame.stream)


def places(frames: Iterable[Frame]) -> Iterator[tuple[str, bytes]]:
    """Yield every place where a node could say something, and what it says there."""
    data = b""
    for frame in frames:
        for name, value in frame.fields:
            place = "trailer" if name.startswith(b"grpc-") else "header"
            yield f"{place} {name.decode()}", name + b": " + value
        if frame.kind == "DataFrame":
            data += frame.payload
        elif frame.kind != "HeadersFrame":
            yield frame.kind, frame.payload
    yield "data", data
    for at in range(len(data)):
        # A compressed message hides its words from a plain search.
        for opened in unpacked(data[at:]):
            yield "data, unpacked", opened


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield what a compressed message says, if it is one."""
    if data[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return
    elif data[:1] == b"\x78":
        try:
            yield zlib.decompress(data)
        except zlib.error:
            return


def forms(word: str) -> dict[str, bytes]:
    """Return every form a planted word could travel or lie in."""
    plain = word.encode()
    made = {
        "plain": plain,
        "upper": word.upper().encode(),
        "lower": word.lower().encode(),
        "reversed": plain[::-1],
        "percent": quote(plain, safe=" ").encode(),
        "percent, all": "".join(f"%{byte:02X}" for byte in plain).encode(),
        "hex": plain.hex().encode(),
        "HEX": plain.hex().upper().encode(),
        "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"),
        "escaped": ascii(word)[1:-1].encode(),
    }
    for shift in range(3):
        # What base64 makes of a word depends on where in a text it stands; the
        # first and last characters depend on its neighbours.
        middle = base64.b64encode(bytes(shift) + plain)[4 if shift else 0 : -4]
        made[f"base64 at {shift}"] = middle
        made[f"base64url at {shift}"] = middle.translate(bytes.maketrans(b"+/", b"-_"))
    return made


def found(word: str, said: Iterable[tuple[str, bytes]]) -> list[str]:
    """Say where a planted word is, in any form; empty is what we hope for."""
    sought = forms(word)
    return [
        f"{place}: {form}"
        for place, content in said
        for form, shape in sought.items()
        if shape in content
    ]


class Log(logging.Handler):
    """Keep every record of every logger, formatted with its errors."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.levelname} {record.getMessage()}")
        self.lines.append(repr(vars(record)))
        if record.exc_info and record.exc_info[1] is not None:
            self.lines += traceback.format_exception(record.exc_info[1])
        if record.stack_info:
            self.lines.append(record.stack_info)

    def taken(self) -> bytes:
        """Return what was logged since the last time."""
        said, self.lines = self.lines, []
        return "\n".join(said).encode()


@contextmanager
def every_log() -> Iterator[Log]:
    """Hear every logger at every level."""
    log = Log()
    root = logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(log)
        root.setLevel(level)


def call(raw: TappedConnection, path: str, message: bytes) -> tuple[Heard, list[Frame]]:
    """Make one call, and return what it brought back, both ways of looking at it."""
    heard = raw.call(path, message)
    frames, _ = raw.taken()
    return heard, frames
