"""Statements and documents that the coordinator carries between sites and Board.

The coordinator is only their carrier: each is signed by somebody else, and whoever
receives it checks that for itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from privacy.signing import Kind
from privacy.statement import ATTESTATION_BYTES, HEAD_BYTES
from proto.canonical import SITE, check, encode, name_of, parse
from proto.cmpp.v1 import node_pb2

PEERS_MAX: Final = 64
PART_BYTES: Final = 32 * 1024
FILE_BYTES_MAX: Final = 1 << 20
_DIGEST_BYTES: Final = 32

DELIVERIES: Final[Mapping[str, node_pb2.Delivery.ValueType]] = {
    "more": node_pb2.DELIVERY_MORE,
    "adopted": node_pb2.DELIVERY_ADOPTED,
    "waiting": node_pb2.DELIVERY_WAITING,
    "known": node_pb2.DELIVERY_KNOWN,
    "refused": node_pb2.DELIVERY_REFUSED,
}
"""What became of a document that was brought, in the words both ends use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a signed document's file.

    Attributes:
        kind: Of the document.
        digest: SHA-256 of the whole file, 32 bytes.
        size: Of the whole file, in bytes.
        offset: Of this part.
        part: Its bytes.
    """

    kind: Kind
    digest: bytes
    size: int
    offset: int
    part: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Check every field against its public range."""
        check(len(self.digest) == _DIGEST_BYTES, "digest")
        check(0 < self.size <= FILE_BYTES_MAX, "size")
        check(0 < len(self.part) <= PART_BYTES, "part")
        check(self.offset + len(self.part) <= self.size, "offset")
        check(self.offset % PART_BYTES == 0, "offset")


def parts(kind: Kind, file: bytes) -> Iterator[Part]:
    """Yield the parts of a document's file, in order."""
    digest = hashlib.sha256(file).digest()
    for offset in range(0, len(file), PART_BYTES):
        part = file[offset : offset + PART_BYTES]
        yield Part(kind=kind, digest=digest, size=len(file), offset=offset, part=part)


def part_to_bytes(part: Part) -> bytes:
    """Write a part."""
    message = node_pb2.DeliverRequest(
        kind=part.kind.value,
        digest=part.digest,
        size=part.size,
        offset=part.offset,
        part=part.part,
    )
    return encode(message)


def part_from_bytes(data: bytes) -> Part:
    """Read a part; raise Malformed on anything else."""
    message = parse(node_pb2.DeliverRequest, data)
    check(message.kind in {kind.value for kind in Kind}, "kind")
    return Part(
        kind=Kind(message.kind),
        digest=message.digest,
        size=message.size,
        offset=message.offset,
        part=message.part,
    )


def delivery_to_bytes(word: str) -> bytes:
    """Write what became of a document."""
    return encode(node_pb2.DeliverReply(delivery=DELIVERIES[word]))


def delivery_from_bytes(data: bytes) -> str:
    """Read what became of a document."""
    return name_of(DELIVERIES, parse(node_pb2.DeliverReply, data).delivery)


def peers_to_bytes(peers: Sequence[str]) -> bytes:
    """Write which peers a site's heads are wanted for."""
    return encode(node_pb2.StandingRequest(peers=peers))


def peers_from_bytes(data: bytes) -> tuple[str, ...]:
    """Read which peers a site's heads are wanted for; each once, in order."""
    peers = tuple(parse(node_pb2.StandingRequest, data).peers)
    check(0 < len(peers) <= PEERS_MAX and list(peers) == sorted(set(peers)), "peers")
    check(all(SITE.fullmatch(peer) for peer in peers), "peers")
    return peers


def heads_to_bytes(heads: Sequence[bytes]) -> bytes:
    """Write a site's signed heads."""
    return encode(node_pb2.StandingReply(heads=heads))


def heads_from_bytes(data: bytes, *, peers: int) -> tuple[bytes, ...]:
    """Read a site's signed heads: one for each peer asked for, or none."""
    heads = tuple(parse(node_pb2.StandingReply, data).heads)
    check(len(heads) in {0, peers}, "heads")
    check(all(len(head) == HEAD_BYTES for head in heads), "heads")
    return heads


def head_to_bytes(head: bytes) -> bytes:
    """Write a head that a peer is shown."""
    return encode(node_pb2.WitnessRequest(head=head))


def head_from_bytes(data: bytes) -> bytes:
    """Read a head that this site is shown."""
    head = parse(node_pb2.WitnessRequest, data).head
    check(len(head) == HEAD_BYTES, "head")
    return head


def attestation_to_bytes(attestation: bytes) -> bytes:
    """Write what a peer attests."""
    return encode(node_pb2.WitnessReply(attestation=attestation))


def attestation_from_bytes(data: bytes) -> bytes:
    """Read what a peer attests."""
    attestation = parse(node_pb2.WitnessReply, data).attestation
    check(len(attestation) == ATTESTATION_BYTES, "attestation")
    return attestation


def attestations_to_bytes(attestations: Sequence[bytes]) -> bytes:
    """Write the attestations brought to a site."""
    return encode(node_pb2.PresentRequest(attestations=attestations))


def attestations_from_bytes(data: bytes) -> tuple[bytes, ...]:
    """Read the attestations brought to this site."""
    found = tuple(parse(node_pb2.PresentRequest, data).attestations)
    check(0 < len(found) <= PEERS_MAX, "attestations")
    check(all(len(each) == ATTESTATION_BYTES for each in found), "attestations")
    return found


def enough_to_bytes(*, enough: bool) -> bytes:
    """Write whether a quorum has attested."""
    return encode(node_pb2.PresentReply(enough=enough))


def enough_from_bytes(data: bytes) -> bool:
    """Read whether a quorum has attested."""
    return parse(node_pb2.PresentReply, data).enough
