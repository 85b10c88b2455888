"""What the coordinator carries has one encoding each, and nothing else is read."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.signing import Kind
from privacy.statement import ATTESTATION_BYTES, HEAD_BYTES
from proto import relay
from proto.canonical import Malformed
from proto.cmpp.v1 import node_pb2
from proto.relay import FILE_BYTES_MAX, PART_BYTES, PEERS_MAX, Part

HEAD = b"\x07" * HEAD_BYTES
ATTESTATION = b"\x05" * ATTESTATION_BYTES


def part(**changes: object) -> Part:
    plain = {
        "kind": Kind.MANDATE,
        "digest": bytes(range(32)),
        "size": 5,
        "offset": 0,
        "part": b"hello",
    }
    return Part(**plain | changes)


@given(st.binary(min_size=1, max_size=3 * PART_BYTES))
def test_a_file_in_parts_is_the_file(file: bytes) -> None:
    found = list(relay.parts(Kind.EDITION, file))
    assert b"".join(each.part for each in found) == file
    assert {each.digest for each in found} == {hashlib.sha256(file).digest()}
    assert {each.size for each in found} == {len(file)}
    assert [relay.part_from_bytes(relay.part_to_bytes(each)) for each in found] == found
    assert all(len(each.part) == PART_BYTES for each in found[:-1])


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"digest": bytes(31)}, "digest"),
        ({"size": 0}, "size"),
        ({"size": FILE_BYTES_MAX + 1}, "size"),
        ({"part": b""}, "part"),
        ({"part": b"x" * (PART_BYTES + 1), "size": 2 * PART_BYTES}, "part"),
        ({"size": 4}, "offset"),
        ({"offset": 1, "size": 9}, "offset"),
        ({"offset": PART_BYTES}, "offset"),
    ],
    ids=str,
)
def test_a_part_out_of_its_limits_is_none(
    changes: dict[str, object], what: str
) -> None:
    with pytest.raises(Malformed, match=what):
        part(**changes)


def test_the_largest_file_has_its_last_part_at_its_end() -> None:
    last = part(
        size=FILE_BYTES_MAX, offset=FILE_BYTES_MAX - PART_BYTES, part=b"x" * PART_BYTES
    )
    assert relay.part_from_bytes(relay.part_to_bytes(last)) == last


def test_a_part_does_not_print_what_it_carries() -> None:
    assert "hello" not in repr(part())


def test_a_kind_nobody_signs_is_no_part() -> None:
    message = node_pb2.DeliverRequest(
        kind="order", digest=bytes(32), size=1, offset=0, part=b"x"
    )
    with pytest.raises(Malformed, match="kind"):
        relay.part_from_bytes(message.SerializeToString(deterministic=True))


@pytest.mark.parametrize("word", relay.DELIVERIES)
def test_what_became_of_a_document_is_one_word(word: str) -> None:
    data = relay.delivery_to_bytes(word)
    assert relay.delivery_from_bytes(data) == word
    assert len(data) == 2


@pytest.mark.parametrize("number", [0, 6, 99])
def test_another_word_is_none(number: int) -> None:
    message = node_pb2.DeliverReply(delivery=node_pb2.Delivery.ValueType(number))
    with pytest.raises(Malformed):
        relay.delivery_from_bytes(message.SerializeToString(deterministic=True))


@pytest.mark.parametrize(
    "peers", [("HOU",), ("HOU", "LAX"), tuple(f"S{n:02}" for n in range(PEERS_MAX))]
)
def test_peers_are_read_back(peers: tuple[str, ...]) -> None:
    assert relay.peers_from_bytes(relay.peers_to_bytes(peers)) == peers


@pytest.mark.parametrize(
    "peers",
    [
        (),
        ("LAX", "HOU"),
        ("HOU", "HOU"),
        ("hou",),
        ("",),
        ("H" * 17,),
        ("HOU\n",),
        tuple(f"S{n:02}" for n in range(PEERS_MAX + 1)),
    ],
    ids=repr,
)
def test_peers_in_another_form_are_none(peers: tuple[str, ...]) -> None:
    with pytest.raises(Malformed, match="peers"):
        relay.peers_from_bytes(relay.peers_to_bytes(peers))


def test_heads_come_one_for_each_peer_or_not_at_all() -> None:
    three = relay.heads_to_bytes([HEAD] * 3)
    assert relay.heads_from_bytes(three, peers=3) == (HEAD,) * 3
    assert relay.heads_from_bytes(relay.heads_to_bytes([]), peers=3) == ()
    for peers in (0, 2, 4):
        with pytest.raises(Malformed, match="heads"):
            relay.heads_from_bytes(three, peers=peers)
    with pytest.raises(Malformed, match="heads"):
        relay.heads_from_bytes(relay.heads_to_bytes([HEAD[:-1]]), peers=1)


Write = Callable[[bytes], bytes]

ONE: dict[str, tuple[Write, Write, bytes]] = {
    "head": (relay.head_to_bytes, relay.head_from_bytes, HEAD),
    "attestation": (
        relay.attestation_to_bytes,
        relay.attestation_from_bytes,
        ATTESTATION,
    ),
}


@pytest.mark.parametrize(("write", "read", "good"), ONE.values(), ids=ONE)
def test_a_statement_has_one_length(write: Write, read: Write, good: bytes) -> None:
    assert read(write(good)) == good
    for other in (b"", good[:-1], good + b"\x00"):
        with pytest.raises(Malformed):
            read(write(other))


def test_attestations_come_up_to_a_limit() -> None:
    for number in (1, 3, PEERS_MAX):
        data = relay.attestations_to_bytes([ATTESTATION] * number)
        assert relay.attestations_from_bytes(data) == (ATTESTATION,) * number
    for wrong in ([], [ATTESTATION] * (PEERS_MAX + 1), [ATTESTATION, b""]):
        with pytest.raises(Malformed, match="attestations"):
            relay.attestations_from_bytes(relay.attestations_to_bytes(wrong))


@pytest.mark.parametrize("enough", [True, False])
def test_whether_it_is_enough_is_read_back(*, enough: bool) -> None:
    assert relay.enough_from_bytes(relay.enough_to_bytes(enough=enough)) is enough


READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "part": (relay.part_from_bytes, relay.part_to_bytes(part())),
    "delivery": (relay.delivery_from_bytes, relay.delivery_to_bytes("more")),
    "peers": (relay.peers_from_bytes, relay.peers_to_bytes(["HOU"])),
    "heads": (
        lambda data: relay.heads_from_bytes(data, peers=1),
        relay.heads_to_bytes([HEAD]),
    ),
    "head": (relay.head_from_bytes, relay.head_to_bytes(HEAD)),
    "attestation": (
        relay.attestation_from_bytes,
        relay.attestation_to_bytes(ATTESTATION),
    ),
    "attestations": (
        relay.attestations_from_bytes,
        relay.attestations_to_bytes([ATTESTATION]),
    ),
    "enough": (relay.enough_from_bytes, relay.enough_to_bytes(enough=True)),
}


@pytest.mark.parametrize(("read", "good"), READERS.values(), ids=READERS)
def test_no_second_encoding_is_read(
    read: Callable[[bytes], object], good: bytes
) -> None:
    """Refuse an unknown field, a repeated one and a cut one."""
    read(good)
    for other in (good + b"\xa0\x06\x01", b"\xa0\x06\x01" + good, good[:-1], b"\xff"):
        with pytest.raises(Malformed):
            read(other)
