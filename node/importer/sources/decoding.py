"""Turn the bytes of a text file into UTF-8, a piece at a time.

Without a mark at the beginning a file is taken for UTF-8 until a byte says
otherwise. If it was plain ASCII up to there, it is read on as Windows-1252, which
agrees with UTF-8 on everything before; else nobody can say what it is.
"""

import codecs
import io
from typing import BinaryIO, Final

from typing_extensions import override

from privacy.errors import BadRecords

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WINDOWS: Final = "cp1252"
_UNMARKED: Final = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_PIECE: Final = 1 << 18
_NUL: Final = b"\0"


class Decoded(io.RawIOBase):
    """A stream of UTF-8 made from a stream in any usual encoding.

    Attributes:
        taken: How many bytes of the file were read.
        quotes: How many quotation marks were among them.
    """

    def __init__(self, raw: BinaryIO, *, encoding: str, about: str) -> None:
        """Look at the beginning of the file.

        Args:
            raw: The file, at its beginning.
            encoding: As the profile says, or empty to find it.
            about: The file, for the site's own screen.

        Raises:
            BadRecords: this is not a text file.
        """
        super().__init__()
        self._raw = raw
        self._about = about
        self.taken = 0
        self.quotes = 0
        self._plain = True
        self._found = not encoding
        head = self._next(_PIECE)
        name, head = _known(head, encoding)
        self._decoder = _decoder(name)
        self._name = name
        self._ready = self._turned(head, last=not head)

    @override
    def readable(self) -> bool:
        """Say that this stream is for reading."""
        return True

    @override
    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes of UTF-8; none at the end.

        Raises:
            BadRecords: the bytes are not text in the encoding.
        """
        wanted = _PIECE if size < 0 else size
        while not self._ready:
            piece = self._next(wanted)
            self._ready = self._turned(piece, last=not piece)
            if not piece:
                break
        given, self._ready = self._ready[:wanted], self._ready[wanted:]
        return given

    def put_back(self, data: bytes) -> None:
        """Have some bytes read again."""
        self._ready = data + self._ready

    @override
    def close(self) -> None:
        """Close the file below."""
        self._raw.close()
        super().close()

    def _next(self, size: int) -> bytes:
        """Read bytes of the file."""
        piece = self._raw.read(size)
        self.taken += len(piece)
        return piece

    def _turned(self, piece: bytes, *, last: bool) -> bytes:
        """Return a piece in UTF-8."""
        if self._name == "utf-8" and not self._pending() and piece.isascii():
            return self._text(piece)
        before = self._decoder.getstate()
        try:
            made = self._decoder.decode(piece, last)
        except UnicodeDecodeError as error:
            whole = before[0] + piece
            plain = self._plain and whole[: error.start].isascii()
            if not (self._found and plain and self._name == "utf-8"):
                raise _not_text(self._about) from None
            return self._on_windows(whole, last=last)
        except UnicodeError:
            raise _not_text(self._about) from None
        turned = made.encode("utf-8", "surrogatepass")
        self._plain = self._plain and turned.isascii()
        return self._text(turned)

    def _on_windows(self, piece: bytes, *, last: bool) -> bytes:
        """Read on in the encoding of older Windows programs."""
        self._name, self._decoder = _WINDOWS, _decoder(_WINDOWS)
        try:
            return self._text(self._decoder.decode(piece, last).encode("utf-8"))
        except UnicodeError:
            raise _not_text(self._about) from None

    def _text(self, turned: bytes) -> bytes:
        """Refuse what no text holds."""
        if _NUL in turned:
            raise _not_text(self._about)
        self.quotes += turned.count(b'"')
        return turned

    def _pending(self) -> bool:
        """Tell whether the last piece ended inside a character."""
        return bool(self._decoder.getstate()[0])


def _decoder(name: str) -> codecs.IncrementalDecoder:
    """Make a strict decoder."""
    return codecs.getincrementaldecoder(name)("strict")


def _known(head: bytes, encoding: str) -> tuple[str, bytes]:
    """Return the encoding to start with, and the head without its mark."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, head[len(mark) :]
    if encoding:
        name = codecs.lookup(encoding).name.removesuffix("-sig")
        return _UNMARKED.get(name, name), head
    pairs = head[: len(head) // 2 * 2]
    for name, zeros, others in (
        ("utf-16-le", pairs[1::2], pairs[::2]),
        ("utf-16-be", pairs[::2], pairs[1::2]),
    ):
        # Western text in UTF-16 has a zero in nearly every other byte.
        if zeros and zeros.count(0) * 10 > len(zeros) * 7 and not others.count(0):
            return name, head
    return "utf-8", head


def _not_text(about: str) -> BadRecords:
    """Say that a file cannot be read as text."""
    return BadRecords(
        f"{about} is not text in UTF-8, UTF-16 or Windows-1252, so nothing was "
        "imported; export it again, or name its encoding in the profile."
    )
