"""A text with the site's own signature under it: what a site hands over.

The last line signs the digest of every byte before it, so the file can be kept for
years, copied and sent, and still be known to be what the site said of its ledger.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy import signing
from privacy.errors import BadSignature
from privacy.signing import Signature

_DOMAIN: Final = b"cmpp.exchange site text v1\x00"
_PARTS: Final = {"key", "signature"}


def signed(lines: Iterable[str], key: Ed25519PrivateKey) -> bytes:
    """Write lines as one file and sign it."""
    body = "".join(f"{line}\n" for line in lines).encode()
    public = key.public_key().public_bytes_raw()
    return body + _ending(Signature(public, key.sign(_signed(body))))


def read(file: bytes, *, key: bytes | None) -> tuple[str, ...]:
    """Return the lines of a signed file, without the signature.

    Args:
        file: As `signed` wrote it.
        key: Who must have signed it; None to believe whatever key it names, which
            proves only that nothing was changed since.

    Raises:
        BadSignature: somebody else signed it, or it was changed or cut.
    """
    body, newline, last = file.rstrip(b"\n").rpartition(b"\n")
    body += newline
    try:
        content = json.loads(last)
        value = base64.b64decode(content["signature"], validate=True)
        signature = Signature(signing.key_bytes(content["key"]), value)
        lines = tuple(body.decode().split("\n")[:-1])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadSignature(_NOT_WHOLE) from error
    mine = key is None or signature.key == key
    written = content.keys() == _PARTS and body + _ending(signature) == file
    if not mine or not written or not signing.holds(signature, _signed(body)):
        raise BadSignature(_NOT_WHOLE)
    return lines


def _signed(body: bytes) -> bytes:
    """Return the bytes under the signature."""
    return _DOMAIN + hashlib.sha256(body).digest()


def _ending(signature: Signature) -> bytes:
    """Write the last line, in its one form."""
    content = {
        "key": signing.key_text(signature.key),
        "signature": base64.b64encode(signature.value).decode("ascii"),
    }
    return (json.dumps(content, sort_keys=True) + "\n").encode("ascii")


_NOT_WHOLE: Final = (
    "This file is not as its site signed it, or another key signed it; ask the site "
    "for it again, and compare the key's fingerprint by telephone."
)
