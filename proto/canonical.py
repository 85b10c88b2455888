"""Accept a message in one encoding only, so that two readers cannot disagree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, TypeVar

from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError, Message

from privacy.errors import ExchangeError
from privacy.loss import MAX_RHO
from proto.cmpp.v1 import node_pb2

MESSAGE_BYTES_MAX: Final = 64 * 1024
EXACT_BYTES: Final = 32

if api_implementation.Type() != "upb":  # pragma: no cover
    # Only this parser's limits on depth and size were tried on hostile bytes.
    raise ImportError("The protobuf runtime must use its upb parser; reinstall it.")

SITE = re.compile(r"[A-Z][A-Z0-9]{1,15}", re.ASCII)
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", re.ASCII)
PERIOD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,15})?", re.ASCII)

_M = TypeVar("_M", bound=Message)
_V = TypeVar("_V", bound=int)


class Malformed(ExchangeError):
    """Tell the sender that a message is not one this version understands."""

    code = "malformed"


def check(holds: bool, what: str) -> None:  # noqa: FBT001
    """Refuse a message when a condition on one of its parts does not hold.

    Raises:
        Malformed: It does not hold.
    """
    if not holds:
        raise Malformed(
            f"The message's {what} is outside what this version allows; "
            "update the older end.",
        )


def encode(message: Message) -> bytes:
    """Write a message in its one encoding."""
    return message.SerializeToString(deterministic=True)


def parse(kind: type[_M], data: bytes, *, limit: int = MESSAGE_BYTES_MAX) -> _M:
    """Read a message, refusing unknown fields and second encodings.

    Args:
        kind: What it is to be.
        data: Its bytes.
        limit: How many they may be.

    Raises:
        Malformed: The bytes are too long, not a message, or not canonical.
    """
    check(len(data) <= limit, "size")
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise Malformed("The message cannot be read; send it again.") from error
    # Dropping unknown fields first makes one comparison refuse them too.
    message.DiscardUnknownFields()
    check(encode(message) == data, "encoding")
    return message


def is_exact(value: Fraction) -> bool:
    """Say whether a fraction fits in a message."""
    return max(value.numerator, value.denominator) < 1 << 8 * EXACT_BYTES


def exact(value: Fraction) -> node_pb2.Exact:
    """Write a fraction that is zero or more, at one length."""
    return node_pb2.Exact(
        numerator=value.numerator.to_bytes(EXACT_BYTES, "big"),
        denominator=value.denominator.to_bytes(EXACT_BYTES, "big"),
    )


def fraction(message: node_pb2.Exact) -> Fraction:
    """Read a fraction, which must be in lowest terms; raise Malformed if not."""
    check(len(message.numerator) == EXACT_BYTES, "exact")
    check(len(message.denominator) == EXACT_BYTES, "exact")
    numerator = int.from_bytes(message.numerator, "big")
    denominator = int.from_bytes(message.denominator, "big")
    check(denominator > 0, "exact")
    value = Fraction(numerator, denominator)
    check(value.denominator == denominator, "exact")
    return value


def name_of(names: Mapping[str, _V], number: _V) -> str:
    """Return the word for a number of a closed list, or refuse the message."""
    found = [name for name, known in names.items() if known == number]
    check(bool(found), "code")
    return found[0]


def is_loss(rho: Fraction) -> bool:
    """Say whether a fraction is a loss that a message can carry."""
    return 0 < rho <= MAX_RHO and is_exact(rho)
