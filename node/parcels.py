"""Put together a document that is brought in parts."""

import hashlib
import threading
from typing import Final

from privacy import signing
from privacy.signing import Document
from proto.canonical import check
from proto.relay import Part

_OPEN_MAX: Final = 4
"""Documents under way at once; the oldest is forgotten, and can be brought again."""


class Parcels:
    """Hold the parts brought so far, in memory only, a few documents at a time."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: dict[bytes, bytearray] = {}
        self._lock = threading.Lock()

    def take(self, part: Part) -> Document | None:
        """Take the next part; return the document once it is whole.

        Raises:
            Malformed: parts are missing, or the whole is not what was announced.
            BadSignature: the whole is no signed document.
        """
        with self._lock:
            if part.offset == 0:
                self._open[part.digest] = bytearray()
                for oldest in list(self._open)[:-_OPEN_MAX]:
                    del self._open[oldest]
            file = self._open.get(part.digest, bytearray())
            check(len(file) == part.offset, "offset")
            file += part.part
            if len(file) < part.size:
                return None
            self._open.pop(part.digest, None)
        whole = bytes(file)
        check(len(whole) == part.size, "size")
        check(hashlib.sha256(whole).digest() == part.digest, "digest")
        return signing.read(whole, part.kind)
