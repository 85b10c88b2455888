"""One byte form per question: what is signed, hashed, compared and kept.

Every value of `expression` and `query` is written as a JSON list that starts
with `#` and its kind, followed by its fields in order; lists stay lists; text
and whole numbers stay themselves; nothing else exists (no floats, booleans or
objects). The bytes are ASCII with no spaces. Codes never begin with `#`, so a
list of codes cannot be read as a kind, and reading what was written gives back
the same value: the form is injective.
"""

import dataclasses
import json
from enum import StrEnum
from typing import Any, TypeVar

from privacy import expression
from privacy.errors import InvalidQuery
from privacy.period import Period

_T = TypeVar("_T")

MAX_BYTES, MAX_DEPTH, MAX_NODES = 16_384, 24, 1_000

_MARKS = ("#", "@", "%")

_ENUMS: dict[str, type[StrEnum]] = {
    "Order": expression.Order,
    "Comparison": expression.Comparison,
}
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in vars(expression).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}


def register(kind: type[_T]) -> type[_T]:
    """Let another module's dataclass or closed list be written too, by name."""
    if issubclass(kind, StrEnum):
        _ENUMS[kind.__name__] = kind
    else:
        _KINDS[kind.__name__] = kind
    return kind


def encode(value: object) -> bytes:
    """Return the canonical bytes of a value.

    Raises:
        InvalidQuery: it holds something that has no canonical form, or is too
            large.
    """
    text = json.dumps(_plain(value), ensure_ascii=True, separators=(",", ":"))
    data = text.encode("ascii")
    if len(data) > MAX_BYTES:
        raise InvalidQuery(f"The question takes more than {MAX_BYTES} bytes; split it.")
    return data


def decode(data: bytes) -> object:
    """Return the value that canonical bytes stand for.

    Raises:
        InvalidQuery: the bytes are not the canonical form of any value.
    """
    if len(data) > MAX_BYTES:
        raise InvalidQuery("The question's bytes are too long.")
    try:
        plain = json.loads(
            data.decode("ascii"), parse_float=_refuse, parse_constant=_refuse
        )
        value = _value(plain, depth=0, budget=[MAX_NODES])
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidQuery(
            "These bytes are not a question's canonical form."
        ) from error
    if encode(value) != data:
        raise InvalidQuery("These bytes are not a question's canonical form.")
    return value


def _refuse(_: str) -> object:
    """Refuse numbers that are not whole."""
    raise ValueError


def _plain(value: object) -> object:
    """Turn a value into lists, text and whole numbers."""
    if isinstance(value, Period):
        return f"@{value.label}"
    if isinstance(value, StrEnum):
        return f"%{type(value).__name__}.{value.value}"
    if dataclasses.is_dataclass(value) and type(value).__name__ in _KINDS:
        fields = [_plain(getattr(value, f.name)) for f in dataclasses.fields(value)]
        return [f"#{type(value).__name__}", *fields]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or type(value) is int:
        return value
    if type(value) is str and not value.startswith(_MARKS):
        return value
    raise InvalidQuery(f"A {type(value).__name__} has no canonical form.")


def _value(plain: object, *, depth: int, budget: list[int]) -> object:
    """Turn lists, text and numbers back into a value, within limits."""
    budget[0] -= 1
    if depth > MAX_DEPTH or budget[0] < 0:
        raise ValueError
    if plain is None or type(plain) is int:
        return plain
    if isinstance(plain, str):
        return _text(plain)
    if not isinstance(plain, list):
        raise TypeError
    head = plain[0] if plain else None
    if isinstance(head, str) and head.startswith("#"):
        kind = _KINDS.get(head[1:])
        if kind is None:
            raise ValueError
        parts = [_value(p, depth=depth + 1, budget=budget) for p in plain[1:]]
        names = [f.name for f in dataclasses.fields(kind)]
        value: object = kind(**dict(zip(names, parts, strict=True)))
        return value
    return tuple(_value(p, depth=depth + 1, budget=budget) for p in plain)


def _text(text: str) -> object:
    """Return text, a period (`@`) or a member of a closed list (`%`)."""
    if text.startswith("@"):
        return Period(text[1:])
    if text.startswith("%"):
        name, _, member = text[1:].partition(".")
        if name not in _ENUMS:
            raise ValueError
        return _ENUMS[name](member)
    if text.startswith("#"):
        raise ValueError
    return text
