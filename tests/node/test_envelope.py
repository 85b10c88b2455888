"""A sealed stream opens whole and unchanged, or not at all."""

import io
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import envelope
from node.envelope import Broken

KEY = secrets.token_bytes(envelope.KEY_BYTES)
LABEL = b"a test\n"
PIECE = 1 << 20


def sealed(*parts: bytes, key: bytes = KEY, label: bytes = LABEL) -> bytes:
    return b"".join(envelope.seal(parts, key=key, label=label))


def unsealed(content: bytes, *, key: bytes = KEY, label: bytes = LABEL) -> bytes:
    return b"".join(envelope.unseal(io.BytesIO(content), key=key, label=label))


@given(st.lists(st.binary(max_size=100), max_size=6))
def test_what_was_sealed_is_what_opens(parts: list[bytes]) -> None:
    assert unsealed(sealed(*parts)) == b"".join(parts)


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])
def test_any_length_opens(length: int) -> None:
    content = secrets.token_bytes(length)
    assert unsealed(sealed(content)) == content


def test_another_key_or_label_does_not_open() -> None:
    content = sealed(b"secret")
    for other in ({"key": bytes(32)}, {"label": b"else"}):
        with pytest.raises(Broken):
            unsealed(content, **other)


@pytest.mark.parametrize("at", [0, 31, 32, 40, -1])
def test_a_flipped_byte_does_not_open(at: int) -> None:
    content = bytearray(sealed(b"secret" * 100))
    content[at] ^= 1
    with pytest.raises(Broken):
        unsealed(bytes(content))


def test_pieces_cannot_be_moved_repeated_dropped_or_cut_off() -> None:
    salt = 32
    piece = PIECE + 16
    content = sealed(secrets.token_bytes(3 * PIECE + 5))
    first, second = content[salt : salt + piece], content[salt + piece :][:piece]
    rest = content[salt + 2 * piece :]
    head = content[:salt]
    for changed in (
        head + second + first + rest,
        head + first + first + rest,
        head + first + rest,
        head + first + second,
        head + first,
        head,
        content[:-1],
        content + b"x",
        b"",
    ):
        with pytest.raises(Broken):
            unsealed(changed)


def test_the_same_content_is_never_sealed_alike() -> None:
    assert sealed(b"same") != sealed(b"same")
