"""Encrypt a stream of any length so that every changed, moved or lost byte shows.

The stream is cut into pieces of one mebibyte, each sealed with AES-256-GCM under a
key made for this stream alone. The nonce is the piece's number and whether it is the
last, so pieces cannot be reordered, repeated or cut off, and memory stays bounded.

Source: Hoang, Reyhanitabar, Rogaway, Vizar, "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance" (the STREAM construction); RFC 5869 (HKDF).
"""

import secrets
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
SALT_BYTES: Final = 32

_PIECE: Final = 1 << 20
_TAG_BYTES: Final = 16
_COUNTER_BYTES: Final = 11


class Broken(Exception):
    """Say that a stream does not open; its owner says what that means."""


def seal(parts: Iterable[bytes], *, key: bytes, label: bytes) -> Iterator[bytes]:
    """Yield the sealed form of a stream given in parts of any size.

    Args:
        parts: What to seal.
        key: 32 bytes; may seal any number of streams.
        label: What the stream is for; it opens under no other label.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    cipher = _cipher(key, salt, label)
    yield salt
    waiting = bytearray()
    number = 0
    for part in parts:
        waiting += part
        # One piece is always held back: only the end tells which is the last.
        while len(waiting) > _PIECE:
            yield cipher.encrypt(_nonce(number), bytes(waiting[:_PIECE]), None)
            del waiting[:_PIECE]
            number += 1
    yield cipher.encrypt(_nonce(number, last=True), bytes(waiting), None)


def unseal(file: BinaryIO, *, key: bytes, label: bytes) -> Iterator[bytes]:
    """Yield what was sealed, piece by piece, each proved before it is yielded.

    Raises:
        Broken: the key or label is another, or the stream was changed or cut off.
            Pieces yielded before are genuine, but the stream may not be whole.
    """
    salt = file.read(SALT_BYTES)
    cipher = _cipher(key, salt, label)
    number = 0
    piece = file.read(_PIECE + _TAG_BYTES)
    while True:
        following = file.read(_PIECE + _TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), piece, None)
        except (InvalidTag, ValueError):
            raise Broken from None
        if not following:
            return
        piece, number = following, number + 1


def _cipher(key: bytes, salt: bytes, label: bytes) -> AESGCM:
    """Make the cipher of one stream."""
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=label)
    return AESGCM(derived.derive(key))


def _nonce(number: int, *, last: bool = False) -> bytes:
    """Return a piece's nonce; the key is the stream's own, so it never repeats."""
    return number.to_bytes(_COUNTER_BYTES, "big") + bytes([last])
