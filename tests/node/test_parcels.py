"""A document brought in parts is the document, or it is nothing."""

import hashlib
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.parcels import Parcels
from privacy.errors import BadSignature
from privacy.signing import Document, Kind
from proto import relay
from proto.canonical import Malformed
from proto.relay import PART_BYTES, Part
from tests.signed_samples import signed


def document(size: int, name: str = "a") -> Document:
    """Return a signed document of about so many bytes."""
    content = f'name = "{name}"\n' + "# rest\n" * (size // 7)
    return signed(Document(kind=Kind.EDITION, content=content.encode()), "ana")


def parts(made: Document) -> list[Part]:
    return list(relay.parts(made.kind, made.file()))


@pytest.mark.parametrize("size", [1, PART_BYTES, 2 * PART_BYTES, 5 * PART_BYTES + 1])
def test_a_document_is_put_together(size: int) -> None:
    parcels, made = Parcels(), document(size)
    *first, last = parts(made)
    assert [parcels.take(each) for each in first] == [None] * len(first)
    assert parcels.take(last) == made


def test_a_document_can_be_begun_again_and_brought_again() -> None:
    parcels, made = Parcels(), document(3 * PART_BYTES)
    brought = parts(made)
    for each in (*brought[:2], *brought[:-1]):
        assert parcels.take(each) is None
    assert parcels.take(brought[-1]) == made
    assert [parcels.take(each) for each in brought][-1] == made


def test_two_documents_are_brought_at_once() -> None:
    parcels, both = Parcels(), [document(2 * PART_BYTES, name) for name in "ab"]
    found = [
        parcels.take(each)
        for pair in zip(*map(parts, both), strict=True)
        for each in pair
    ]
    assert [each for each in found if each] == both


@settings(max_examples=100)
@given(st.data())
def test_parts_in_no_other_order_make_anything(data: st.DataObject) -> None:
    """Whatever is brought, a document comes out only after its parts in order."""
    made = document(2 * PART_BYTES)
    brought = parts(made)
    order = data.draw(st.lists(st.integers(0, len(brought) - 1), max_size=12))
    parcels, so_far = Parcels(), 0
    for at in order:
        try:
            found = parcels.take(brought[at])
        except Malformed:
            assert at not in {0, so_far}
            continue
        so_far = at + 1
        assert found == (made if so_far == len(brought) else None)
        if found:
            so_far = 0


def test_a_part_of_nothing_begun_is_none() -> None:
    with pytest.raises(Malformed, match="offset"):
        Parcels().take(parts(document(2 * PART_BYTES))[1])


def test_what_was_not_announced_is_not_taken() -> None:
    made = document(100)
    (only,) = parts(made)
    for wrong in (
        replace(only, digest=bytes(32)),
        replace(only, part=only.part[::-1]),
    ):
        with pytest.raises(Malformed, match="digest"):
            Parcels().take(wrong)
    with pytest.raises(BadSignature, match="not a signed mandate"):
        Parcels().take(replace(only, kind=Kind.MANDATE))


def test_a_size_that_shrinks_on_the_way_is_found_out() -> None:
    parcels, brought = Parcels(), parts(document(3 * PART_BYTES))
    assert parcels.take(brought[0]) is None
    shorter = replace(brought[1], size=2 * PART_BYTES)
    with pytest.raises(Malformed, match="digest"):
        parcels.take(shorter)
    with pytest.raises(Malformed, match="offset"):
        parcels.take(brought[2])


def test_the_oldest_of_too_many_is_forgotten_and_can_come_again() -> None:
    parcels = Parcels()
    brought = [parts(document(2 * PART_BYTES, name)) for name in "abcde"]
    for each in brought:
        assert parcels.take(each[0]) is None
    with pytest.raises(Malformed, match="offset"):
        parcels.take(brought[0][1])
    for each in brought[1:]:
        *_, whole = [parcels.take(part) for part in each[1:]]
        assert whole is not None
    assert [parcels.take(part) for part in brought[0]][-1] is not None


def test_what_is_no_document_is_forgotten() -> None:
    """Bytes that hold together but are no signed document take no room after."""
    parcels = Parcels()
    for number in range(10):
        file = f"nothing {number}".encode()
        (only,) = relay.parts(Kind.ROSTER, file)
        assert only.digest == hashlib.sha256(file).digest()
        with pytest.raises(BadSignature):
            parcels.take(only)
    assert [parcels.take(each) for each in parts(document(PART_BYTES))][-1]


def test_many_threads_bring_many_documents() -> None:
    parcels, found = Parcels(), []

    def bring(name: str) -> None:
        for each in parts(document(3 * PART_BYTES, name)):
            whole = parcels.take(each)
        found.append(whole)

    threads = [threading.Thread(target=bring, args=(name,)) for name in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    wanted = {document(3 * PART_BYTES, name).digest for name in "abcd"}
    assert {each.digest for each in found if each} == wanted
    assert len(found) == len(wanted)
