"""Documents that people sign: what was decided, exactly, and by whose keys.

A signed document is one file that a person can read: a first line that names its
kind, one line per signature, a line of dashes, and then the text that was signed,
to the byte. The kind is part of what is signed, so a signature under one kind of
document is worth nothing under another.

Source: RFC 8032 (Ed25519, pure mode). Signatures are checked by the library's
strict verification; a public key is named by the SHA-256 of its 32 bytes.
"""

import base64
import binascii
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from privacy.errors import BadSignature

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
CONTENT_BYTES_MAX: Final = 512 * 1024
SIGNATURES_MAX: Final = 256

SIGNING: Final = "ed25519:"
MASKING: Final = "x25519:"
"""What a written public key begins with: what it is for."""

_DOMAIN: Final = b"cmpp.exchange document v1\x00"
_FIRST: Final = "cmpp-signed-1 "
_RULE: Final = "---"


class Kind(StrEnum):
    """What a document decides, and so who must sign it."""

    ROSTER = "roster"
    EDITION = "edition"
    MANDATE = "mandate"
    REVOCATION = "revocation"
    STANDING_DOWN = "standing-down"
    POLICY = "policy"
    DECISION = "decision"
    DRAW = "draw"
    ANALYSIS_PLAN = "analysis-plan"


@dataclass(frozen=True, slots=True, order=True)
class Signature:
    """One key's signature; whether it holds is asked of the document.

    Attributes:
        key: The signer's public key, 32 bytes.
        value: The signature, 64 bytes.
    """

    key: bytes
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text of one kind, with the signatures collected so far.

    Attributes:
        kind: What it decides.
        content: The exact bytes that are signed; UTF-8 text.
        signatures: In order of their keys, one per key.

    Raises:
        BadSignature: too large, or two signatures by one key.
    """

    kind: Kind
    content: bytes = field(repr=False)
    signatures: tuple[Signature, ...] = ()

    def __post_init__(self) -> None:
        """Keep one form per document."""
        keys = [signature.key for signature in self.signatures]
        whole = all(
            len(s.key) == KEY_BYTES and len(s.value) == SIGNATURE_BYTES
            for s in self.signatures
        )
        small = len(self.content) <= CONTENT_BYTES_MAX and len(keys) <= SIGNATURES_MAX
        if not whole or not small or keys != sorted(set(keys)):
            raise BadSignature(_NOT_WHOLE)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is signed, 32 bytes; signatures do not change it."""
        return hashlib.sha256(self._signed()).digest()

    @property
    def signers(self) -> frozenset[bytes]:
        """The public keys whose signatures hold."""
        signed = self._signed()
        return frozenset(s.key for s in self.signatures if holds(s, signed))

    def signed_by(self, key: Ed25519PrivateKey) -> Self:
        """Return the document with one more signature."""
        public = key.public_key().public_bytes_raw()
        mine = Signature(public, key.sign(self._signed()))
        others = tuple(s for s in self.signatures if s.key != public)
        return type(self)(
            kind=self.kind,
            content=self.content,
            signatures=tuple(sorted((*others, mine))),
        )

    def joined(self, other: Self) -> Self:
        """Return one copy with the signatures of two copies of one document.

        Raises:
            BadSignature: they are different documents.
        """
        if (other.kind, other.content) != (self.kind, self.content):
            raise BadSignature(
                "These are two different documents, so their signatures cannot be "
                "put together; have the same file signed by everybody."
            )
        both = {s.key: s for s in (*other.signatures, *self.signatures)}
        return type(self)(
            kind=self.kind,
            content=self.content,
            signatures=tuple(sorted(both.values())),
        )

    def file(self) -> bytes:
        """Write the document as one file."""
        lines = [f"{_FIRST}{self.kind.value}"]
        lines += [f"{_text(s.key)} {_text(s.value)}" for s in self.signatures]
        return "\n".join([*lines, _RULE, ""]).encode() + self.content

    def _signed(self) -> bytes:
        """Return the bytes under the signatures: domain, kind, content."""
        return _DOMAIN + self.kind.value.encode() + b"\x00" + self.content


def read(file: bytes, kind: Kind) -> Document:
    """Read a document from its file; signatures are not judged yet.

    Raises:
        BadSignature: it is no such document, or not in its one written form.
    """
    head, rule, content = file.partition(f"\n{_RULE}\n".encode())
    try:
        first, *rest = head.decode("ascii").split("\n")
        pairs = [line.split(" ") for line in rest]
        signatures = tuple(
            Signature(_bytes(key), _bytes(value)) for key, value in pairs
        )
    except (UnicodeDecodeError, ValueError, binascii.Error) as error:
        raise BadSignature(_NOT_WHOLE) from error
    if not rule or first != f"{_FIRST}{kind.value}":
        raise BadSignature(
            f"This file is not a signed {kind.value}; name the file that was signed."
        )
    document = Document(kind=kind, content=content, signatures=signatures)
    if document.file() != file:
        raise BadSignature(_NOT_WHOLE)
    return document


def text_of(document: Document, kind: Kind) -> str:
    """Return what a document of the expected kind says.

    Raises:
        BadSignature: it is of another kind, or no text.
    """
    try:
        if document.kind is kind:
            return document.content.decode()
    except UnicodeDecodeError:
        pass
    raise BadSignature(f"This document is not a {kind.value}.")


def holds(signature: Signature, signed: bytes) -> bool:
    """Tell whether a signature was made over these bytes by the key it names."""
    try:
        Ed25519PublicKey.from_public_bytes(signature.key).verify(
            signature.value, signed
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(key: bytes) -> str:
    """Return how people compare a public key: SHA-256 in hex, in groups of four."""
    digest = hashlib.sha256(key).hexdigest()
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def count(document: Document, keys: Collection[bytes]) -> int:
    """Count how many of these keys signed a document."""
    return len(document.signers & set(keys))


def key_text(key: bytes, *, label: str = SIGNING) -> str:
    """Write a public key for a TOML file, after its label."""
    return f"{label}{_text(key)}"


def key_bytes(text: str, *, label: str = SIGNING) -> bytes:
    """Read a public key of one label from a TOML file, 32 bytes.

    Raises:
        BadSignature: the text is no such public key.
    """
    try:
        key = _bytes(text.removeprefix(label))
    except (ValueError, binascii.Error) as error:
        raise BadSignature(_NO_KEY) from error
    if len(key) != KEY_BYTES or key_text(key, label=label) != text:
        raise BadSignature(_NO_KEY)
    return key


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_NOT_WHOLE: Final = (
    "The signed document is not whole, or not as it was written; ask whoever sent it "
    "for the file again."
)
_NO_KEY: Final = (
    "This is not a public key; copy its text whole, from 'ed25519:' or 'x25519:'."
)
