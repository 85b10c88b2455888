"""Parts of a document that are lost, doubled, turned round or changed make nothing."""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from privacy import signing
from privacy.signing import Document
from proto import relay
from proto.client import DELIVER
from proto.cmpp.v1 import node_pb2
from proto.relay import PART_BYTES, Part
from tests import liar, programme_samples
from tests.forging import (
    KNOWN,
    REFUSED,
    WAITING,
)
from tests.liar import MALFORMED, Network


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with liar.network(tmp_path_factory.mktemp("network")) as opened:
        yield opened


# ---- parts -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def large() -> Document:
    """Give a signed document of several parts."""
    return programme_samples.edition(2)


def _raw(**fields: object) -> bytes:
    return node_pb2.DeliverRequest(**fields).SerializeToString(deterministic=True)


def _parts(document: Document) -> list[Part]:
    found = list(relay.parts(document.kind, document.file()))
    assert len(found) > 2
    return found


Brought = Callable[[list[Part]], list[Part]]

REORDERED: dict[str, tuple[Brought, str]] = {
    "without the first": (lambda parts: parts[1:], MALFORMED),
    "without one in the middle": (lambda parts: [parts[0], *parts[2:]], MALFORMED),
    "turned round": (lambda parts: parts[::-1], MALFORMED),
    "the second twice": (lambda parts: [*parts[:2], parts[1]], MALFORMED),
    "without the last": (lambda parts: parts[:-1], "more"),
    "changed in the middle": (
        lambda parts: [
            parts[0],
            replace(parts[1], part=parts[1].part[::-1]),
            *parts[2:],
        ],
        MALFORMED,
    ),
    "under another kind": (
        lambda parts: [replace(each, kind=signing.Kind.MANDATE) for each in parts],
        REFUSED,
    ),
    "said to be shorter": (
        lambda parts: [parts[0], replace(parts[1], size=len(parts[1].part) * 2)],
        MALFORMED,
    ),
    "said to be longer": (
        lambda parts: [replace(each, size=each.size + 1) for each in parts],
        "more",
    ),
    "under another digest": (
        lambda parts: [replace(each, digest=bytes(32)) for each in parts],
        MALFORMED,
    ),
}


@pytest.mark.parametrize(("change", "word"), REORDERED.values(), ids=REORDERED)
def test_parts_that_do_not_make_the_whole_change_nothing(
    net: Network, large: Document, change: Brought, word: str
) -> None:
    rules = net.rules()
    assert net.liar.bring(iter(change(_parts(large)))) == word
    assert net.rules() == rules


def test_parts_beyond_their_limits_are_no_parts(net: Network) -> None:
    rules = net.rules()
    good = {"kind": "mandate", "digest": bytes(32), "size": 10, "offset": 0}
    wrong = (
        {"part": b""},
        {"part": b"x" * 11},
        {"part": b"x" * (PART_BYTES + 1), "size": 2 * PART_BYTES},
        {"part": b"x", "size": relay.FILE_BYTES_MAX + 1},
        {"part": b"x", "offset": 1},
        {"part": b"x", "offset": 2 * PART_BYTES},
        {"part": b"x", "digest": bytes(31)},
        {"part": b"x", "kind": "order"},
        {"part": b"x", "kind": ""},
    )
    for fields in wrong:
        assert net.liar.call("NYC", DELIVER, _raw(**good | fields)) == MALFORMED
    assert net.rules() == rules


def test_a_document_brought_whole_after_all_that_is_taken(
    net: Network, large: Document
) -> None:
    """Also while other documents are left half brought."""
    for name in range(6):
        halves = relay.parts(signing.Kind.EDITION, bytes([name]) * 2 * PART_BYTES)
        assert net.liar.bring(itertools.islice(halves, 1)) == "more"
    assert hashlib.sha256(large.file()).digest() == _parts(large)[0].digest
    assert net.liar.deliver(large) == WAITING
    assert net.liar.deliver(large) == KNOWN
