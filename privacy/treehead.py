"""State where a log stands, under a signature, so that it can be held to it.

Whoever keeps a signed head can later be shown that the log still begins with what
they saw. Two heads of one size with different roots, both signed, prove that the
keeper of the log told two stories.

Source: RFC 9162, section 4.10 (signed tree heads), in our own form.
"""

import base64
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy import chain, signing
from privacy.errors import BadSignature
from privacy.merkle import EMPTY, HASH_BYTES, SIZE_MAX
from privacy.signing import Signature

NETWORK_LETTERS_MAX: Final = 64
HEAD_FILE_LETTERS_MAX: Final = 4096

_DOMAIN: Final = b"cmpp.exchange tree head v1\x00"
_MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """What a log stood at: how many entries, under which root, when.

    Attributes:
        network: Whose log it is.
        size: How many entries.
        root: The root over them, 32 bytes.
        at: When it was stated, as UTC text to the second.

    Raises:
        BadSignature: a part is not of that form.
    """

    network: str
    size: int
    root: bytes
    at: str

    def __post_init__(self) -> None:
        """Keep one form."""
        named = 0 < len(self.network) <= NETWORK_LETTERS_MAX
        sized = type(self.size) is int and 0 <= self.size <= SIZE_MAX
        if not (
            named and sized and len(self.root) == HASH_BYTES and is_moment(self.at)
        ):
            raise BadSignature(_NO_HEAD)
        if self.size == 0 and self.root != EMPTY:
            raise BadSignature(_NO_HEAD)

    def signed_content(self) -> bytes:
        """Return the bytes under the signature."""
        parts = (self.network, self.size, self.root, self.at)
        return _DOMAIN + chain.injective(*parts)

    def signed_by(self, key: Ed25519PrivateKey) -> "SignedHead":
        """Return the head with its signature."""
        public = key.public_key().public_bytes_raw()
        value = key.sign(self.signed_content())
        return SignedHead(self, Signature(public, value))


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with the signature of whoever keeps the log.

    Attributes:
        head: What is stated.
        signature: By which key; whether it holds is asked with `check`.
    """

    head: TreeHead
    signature: Signature = field(repr=False)

    def check(self, key: bytes, *, network: str | None = None) -> None:
        """Stop unless this key signed the head, for this network if one is named.

        Raises:
            BadSignature: it did not.
        """
        mine = self.signature.key == key and network in {None, self.head.network}
        if not mine or not signing.holds(self.signature, self.head.signed_content()):
            raise BadSignature(
                "The head of the log is not signed by the key it should be, or is of "
                "another network; compare the key's fingerprint by telephone."
            )

    def text(self) -> str:
        """Write the head as a small file of JSON."""
        content = {
            "at": self.head.at,
            "key": signing.key_text(self.signature.key),
            "network": self.head.network,
            "root": self.head.root.hex(),
            "signature": base64.b64encode(self.signature.value).decode("ascii"),
            "size": self.head.size,
        }
        return json.dumps(content, indent=2, sort_keys=True) + "\n"


def read_head(text: str) -> SignedHead:
    """Read a head from its file; the signature is not judged yet.

    Raises:
        BadSignature: the text is not what `text` writes.
    """
    if len(text) > HEAD_FILE_LETTERS_MAX:
        raise BadSignature(_NO_HEAD)
    try:
        content = json.loads(text)
        head = TreeHead(
            network=content["network"],
            size=content["size"],
            root=bytes.fromhex(content["root"]),
            at=content["at"],
        )
        value = base64.b64decode(content["signature"], validate=True)
        signed = SignedHead(head, Signature(signing.key_bytes(content["key"]), value))
        same = signed.text() == text and len(value) == signing.SIGNATURE_BYTES
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadSignature(_NO_HEAD) from error
    if not same:
        raise BadSignature(_NO_HEAD)
    return signed


def moment_text(moment: dt.datetime) -> str:
    """Write a moment as heads and entries state it: UTC, to the second."""
    return moment.astimezone(dt.UTC).strftime(_MOMENT)


def is_moment(moment: object) -> bool:
    """Tell whether a text is a moment in the one form."""
    try:
        return moment == moment_text(
            dt.datetime.strptime(str(moment), _MOMENT).replace(tzinfo=dt.UTC)
        )
    except ValueError:
        return False


_NO_HEAD: Final = (
    "This is not the head of a log as it was written; ask for the file again."
)
