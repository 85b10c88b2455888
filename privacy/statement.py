"""What sites state to each other, so that no ledger can be turned back unseen.

A site signs where its ledger stands: a **head**. Its peers keep the newest head
they took, and sign that they did: an **attestation**. A node answers only while
enough peers have attested a head of its present start, at or past the entry behind
the answer. Restoring an old ledger, cloning it or running it twice then shows
itself before anything leaves, whatever the coordinator, which carries these
statements, tells to whom.

Why it works. Let there be n sites, of which t may collude. A quorum is

    q = ceil((n + t) / 2)   of the n - 1 peers,

so two quorums share at least 2q - (n - 1) >= t + 1 peers, hence an honest one.
A head says which head of the site it follows at that peer, and the peer takes it
only if that is the very one it keeps: a compare-and-swap. A ledger that was turned
back, or a second copy, does not have the kept head on its chain; the honest peer in
both quorums refuses it, and hands back the head it keeps, which the site itself
signed, so no peer can make one up. A start draws a fresh random name, its **boot**;
attestations repeat it, so old ones are worth nothing after a restart.

Source: Malkhi and Reiter 1998, "Byzantine quorum systems" (dissemination quorums);
Matetic et al. 2017, "ROTE: Rollback protection for trusted execution"; RFC 8032 for
the signatures. All numbers are big-endian and of fixed width, so one statement has
one form and one length.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy import signing
from privacy.chain import injective
from privacy.errors import BadSignature
from privacy.signing import SIGNATURE_BYTES, Signature

BOOT_BYTES: Final = 32
HASH_BYTES: Final = 32
NONE: Final = bytes(HASH_BYTES)
"""The hash of the head that is followed where the peer keeps none."""

_SITE_BYTES: Final = 16
_INT64_MAX: Final = 2**63 - 1
_HEAD: Final = struct.Struct(">16sQ32sQ32sQ32s")
HEAD_BYTES: Final = _HEAD.size + SIGNATURE_BYTES
_ATTESTATION: Final = struct.Struct(f">16s16s32sB{HEAD_BYTES}s")
ATTESTATION_BYTES: Final = _ATTESTATION.size + SIGNATURE_BYTES

_HEAD_DOMAIN: Final = b"cmpp.exchange ledger head v1\x00"
_ATTESTATION_DOMAIN: Final = b"cmpp.exchange attestation v1\x00"
_RECEIPT_DOMAIN: Final = b"cmpp.exchange answer v1\x00"
ASK_DOMAIN: Final = b"cmpp.exchange ask v1\x00"


class Verdict(IntEnum):
    """What a peer made of a head it was shown."""

    TAKEN = 1
    REFUSED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a site's ledger stands, and which head of it a peer should keep now.

    Attributes:
        site: Whose ledger.
        epoch: 1, and one more after each reopening by two officers.
        boot: The random name of the present start, 32 bytes.
        follows_sequence: Of the head the peer keeps; 0 where it keeps none.
        follows_hash: Its hash, 32 bytes; NONE where it keeps none.
        sequence: The newest entry.
        hash: Its hash, 32 bytes.

    Raises:
        BadSignature: a part is out of its range.
    """

    site: str
    epoch: int
    boot: bytes
    follows_sequence: int
    follows_hash: bytes
    sequence: int
    hash: bytes

    def __post_init__(self) -> None:
        """Refuse what no ledger could say."""
        counts = (self.epoch, self.sequence)
        digests = (self.follows_hash, self.hash, self.boot)
        if (
            any(type(n) is not int or not 0 < n <= _INT64_MAX for n in counts)
            or any(len(d) != HASH_BYTES for d in digests)
            or not 0 <= self.follows_sequence <= _INT64_MAX
        ):
            raise BadSignature(_NO_STATEMENT)

    def signed(self, key: Ed25519PrivateKey) -> bytes:
        """Write and sign the head, HEAD_BYTES long."""
        body = _HEAD.pack(
            _padded(self.site),
            self.epoch,
            self.boot,
            self.follows_sequence,
            self.follows_hash,
            self.sequence,
            self.hash,
        )
        return body + key.sign(_HEAD_DOMAIN + body)


def read_head(data: bytes, *, key: bytes) -> Head:
    """Read a head that a site signed.

    Args:
        data: HEAD_BYTES.
        key: The site's public key, from the roster.

    Raises:
        BadSignature: it is not signed by that key, or is no head.
    """
    site_of(data)
    _check(data, _HEAD.size, _HEAD_DOMAIN, key)
    return kept_head(data)


def kept_head(data: bytes) -> Head:
    """Read a head that was checked when it was kept.

    Raises:
        BadSignature: it is no head.
    """
    site = site_of(data)
    _, epoch, boot, follows, follows_hash, sequence, newest = _HEAD.unpack_from(data)
    return Head(
        site=site,
        epoch=epoch,
        boot=boot,
        follows_sequence=follows,
        follows_hash=follows_hash,
        sequence=sequence,
        hash=newest,
    )


def site_of(data: bytes) -> str:
    """Return whose ledger a head says it is about, to look up the key.

    Raises:
        BadSignature: it is no head.
    """
    if len(data) != HEAD_BYTES:
        raise BadSignature(_NO_STATEMENT)
    return _site(data[:_SITE_BYTES])


def takes(kept: Head | None, shown: Head) -> bool:
    """Decide as a peer whether to keep the head that is shown.

    Requires: both signatures held when they were read.
    """
    if kept is None or shown.epoch > kept.epoch:
        # A new epoch has every account full: what was forgotten counts as spent.
        return True
    if (shown.sequence, shown.hash) == (kept.sequence, kept.hash):
        return shown.epoch == kept.epoch
    follows = (shown.follows_sequence, shown.follows_hash)
    return (
        shown.epoch == kept.epoch
        and follows == (kept.sequence, kept.hash)
        and shown.sequence > kept.sequence
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a peer says it keeps about a site, in answer to one head.

    Attributes:
        witness: Who says so.
        about: Whose ledger.
        boot: The boot of the head that was shown: nobody could know it before.
        verdict: Whether that head was taken.
        kept: The signed head the peer keeps now, HEAD_BYTES.
    """

    witness: str
    about: str
    boot: bytes
    verdict: Verdict
    kept: bytes

    def signed(self, key: Ed25519PrivateKey) -> bytes:
        """Write and sign the attestation, ATTESTATION_BYTES long."""
        body = _ATTESTATION.pack(
            _padded(self.witness),
            _padded(self.about),
            self.boot,
            int(self.verdict),
            self.kept,
        )
        return body + key.sign(_ATTESTATION_DOMAIN + body)


def witness_of(data: bytes) -> str:
    """Return who an attestation says it is by, to look up the key.

    Raises:
        BadSignature: it is no attestation.
    """
    if len(data) != ATTESTATION_BYTES:
        raise BadSignature(_NO_STATEMENT)
    return _site(data[:_SITE_BYTES])


def refused(data: bytes) -> bool:
    """Tell whether an attestation says that a head was refused; not judged.

    Raises:
        BadSignature: it is no attestation.
    """
    witness_of(data)
    return bool(_ATTESTATION.unpack_from(data)[3] == Verdict.REFUSED)


def read_attestation(data: bytes, *, key: bytes) -> Attestation:
    """Read an attestation that a peer signed.

    Args:
        data: ATTESTATION_BYTES.
        key: The peer's public key, from the roster.

    Raises:
        BadSignature: it is not signed by that key, or is no attestation.
    """
    witness = witness_of(data)
    _check(data, _ATTESTATION.size, _ATTESTATION_DOMAIN, key)
    _, about, boot, verdict, kept = _ATTESTATION.unpack_from(data)
    if verdict not in frozenset(Verdict):
        raise BadSignature(_NO_STATEMENT)
    return Attestation(
        witness=witness,
        about=_site(about),
        boot=boot,
        verdict=Verdict(verdict),
        kept=kept,
    )


def quorum(sites: int, tolerated: int) -> int:
    """Return how many peers must attest, of a network with this many sites.

    Raises:
        BadSignature: so many colluders leave too few peers to outvote them.
    """
    needed = (sites + tolerated + 1) // 2
    if needed > sites - 1:
        raise BadSignature(
            f"With {sites} sites, {tolerated} colluding ones cannot be tolerated; add "
            "sites to the roster, or lower tolerated_colluders in the policy."
        )
    return needed


def check_handover(
    before: Collection[str], after: Collection[str], tolerated: int
) -> None:
    """Let one roster follow another only if their quorums share an honest peer.

    Else a ledger put back to before the change could be shown to a quorum of the
    old roster, of which nobody saw what a quorum of the new one attested. Two sets
    of peers overlap by at least their sizes less all the peers there are.

    Source: Ongaro 2014, "Consensus: Bridging theory and practice", section 4.1, for
    why one site at a time is safe.

    Raises:
        BadSignature: too many sites come or go at once.
    """
    peers = len(set(before) | set(after)) - 1
    needed = quorum(len(before), tolerated) + quorum(len(after), tolerated)
    if needed - peers < tolerated + 1:
        raise BadSignature(
            "Too many sites come or go at once for anybody to notice an old ledger; "
            "let sites join or leave one at a time, each in a roster of its own."
        )


def receipt(  # noqa: PLR0913 - every part of an answer is under the signature
    *,
    site: str,
    ask: bytes,
    release_key: bytes,
    values: Collection[int],
    variance: Fraction,
    rho: Fraction,
    sequence: int,
) -> bytes:
    """Return the bytes a site signs when it gives an answer.

    Args:
        site: Who answers.
        ask: Digest of the coordinator's signed question.
        release_key: The identity of the answer.
        values: The noisy whole numbers.
        variance: Of the noise in each.
        rho: The loss they were made with.
        sequence: The ledger entry that keeps them.
    """
    numbers = struct.pack(f">{len(values)}q", *values)
    parts = (site, ask, release_key, numbers, str(variance), str(rho), sequence)
    return _RECEIPT_DOMAIN + injective(*parts)


def _check(data: bytes, size: int, domain: bytes, key: bytes) -> None:
    """Refuse a statement that is not signed by this key."""
    signature = Signature(key, data[size:])
    if not signing.holds(signature, domain + data[:size]):
        raise BadSignature(
            "A statement about a ledger is not signed by the site it names; check the "
            "roster at both ends."
        )


def _padded(site: str) -> bytes:
    if not site.isascii() or len(site) > _SITE_BYTES:
        raise BadSignature(_NO_STATEMENT)
    return site.encode("ascii").ljust(_SITE_BYTES, b"\x00")


def _site(data: bytes) -> str:
    """Read a site's name; a second way of writing one is refused."""
    try:
        name = data.rstrip(b"\x00").decode("ascii")
    except UnicodeDecodeError as error:
        raise BadSignature(_NO_STATEMENT) from error
    if not name or _padded(name) != data:
        raise BadSignature(_NO_STATEMENT)
    return name


_NO_STATEMENT: Final = (
    "This is no statement about a ledger; bring both ends to one version."
)
