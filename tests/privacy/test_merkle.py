"""The tree of hashes, against published answers, the plain definition, and liars."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from privacy import merkle, treehead
from privacy.errors import BadSignature
from privacy.merkle import NotProven, Tree, leaf_hash, node_hash
from privacy.signing import Signature
from privacy.treehead import TreeHead

# Inputs, roots and proofs of the reference implementation of Certificate
# Transparency (its Merkle tree tests, sizes 0 to 8).
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SECOND_LEAF = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
SECOND_PAIR = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
SECOND_HALF = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
FIFTH_LEAF = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
THIRD_PAIR = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
FOURTH_PAIR = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
INCLUSIONS = {
    (0, 8): (SECOND_LEAF, SECOND_PAIR, SECOND_HALF),
    (5, 8): (FIFTH_LEAF, FOURTH_PAIR, ROOTS[4]),
    (2, 3): (ROOTS[2],),
    (1, 5): (ROOTS[1], SECOND_PAIR, FIFTH_LEAF),
}
CONSISTENCIES = {
    (1, 1): (),
    (1, 8): (SECOND_LEAF, SECOND_PAIR, SECOND_HALF),
    (6, 8): (THIRD_PAIR, FOURTH_PAIR, ROOTS[4]),
    (2, 5): (SECOND_PAIR, FIFTH_LEAF),
}

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
NOW = dt.datetime(2026, 11, 22, 8, 0, tzinfo=dt.UTC)

sizes = st.integers(1, 70)


def grown(size: int) -> Tree:
    """Grow a tree of numbered entries."""
    return Tree(leaf_hash(b"%d" % n) for n in range(size))


def plain_root(leaves: Sequence[bytes]) -> bytes:
    """Hash a list as section 2.1.1 defines it, word for word."""
    if not leaves:
        return merkle.EMPTY
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(plain_root(leaves[:k]), plain_root(leaves[k:]))


def plain_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Prove inclusion as section 2.1.3.1 defines it."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m < k:
        return [*plain_path(m, leaves[:k]), plain_root(leaves[k:])]
    return [*plain_path(m - k, leaves[k:]), plain_root(leaves[:k])]


def plain_proof(m: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """Prove consistency as section 2.1.4.1 defines it."""
    if m == len(leaves):
        return [] if whole else [plain_root(leaves)]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m <= k:
        return [*plain_proof(m, leaves[:k], whole=whole), plain_root(leaves[k:])]
    return [*plain_proof(m - k, leaves[k:], whole=False), plain_root(leaves[:k])]


def hexes(hashes: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(part.hex() for part in hashes)


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_the_published_ones(size: int) -> None:
    tree = Tree(map(leaf_hash, ENTRIES))
    assert tree.root(size).hex() == ROOTS[size]
    assert Tree(map(leaf_hash, ENTRIES[:size])).root().hex() == ROOTS[size]


@pytest.mark.parametrize(("place", "proof"), INCLUSIONS.items())
def test_the_inclusion_proofs_are_the_published_ones(
    place: tuple[int, int], proof: tuple[str, ...]
) -> None:
    assert hexes(Tree(map(leaf_hash, ENTRIES)).inclusion(*place)) == proof


@pytest.mark.parametrize(("sizes", "proof"), CONSISTENCIES.items())
def test_the_consistency_proofs_are_the_published_ones(
    sizes: tuple[int, int], proof: tuple[str, ...]
) -> None:
    assert hexes(Tree(map(leaf_hash, ENTRIES)).consistency(*sizes)) == proof


def test_every_small_tree_is_as_the_plain_definition_has_it() -> None:
    for size in range(1, 34):
        tree = grown(size)
        leaves = [tree.leaf(n) for n in range(size)]
        assert tree.root() == plain_root(leaves)
        for n in range(size):
            assert list(tree.inclusion(n)) == plain_path(n, leaves)
            assert list(tree.consistency(n + 1)) == plain_proof(n + 1, leaves)


@given(sizes, st.data())
def test_every_proof_of_every_size_is_accepted(size: int, data: st.DataObject) -> None:
    tree = grown(size)
    new = data.draw(st.integers(1, size))
    old, number = data.draw(st.integers(0, new)), data.draw(st.integers(0, new - 1))
    merkle.check_inclusion(
        tree.leaf(number),
        number=number,
        size=new,
        proof=tree.inclusion(number, new),
        root=tree.root(new),
    )
    merkle.check_consistency(
        old=old,
        new=new,
        old_root=tree.root(old),
        new_root=tree.root(new),
        proof=tree.consistency(old, new),
    )


@given(st.integers(0, 40), st.integers(0, 20))
def test_a_root_looked_at_beforehand_is_the_root_afterwards(
    now: int, more: int
) -> None:
    tree, whole = grown(now), grown(now + more)
    ahead = tree.root_with([whole.leaf(n) for n in range(now, now + more)])
    assert ahead == whole.root()
    assert len(tree) == now


def mutations(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """Change a proof in every small way."""
    found = [proof[:n] + proof[n + 1 :] for n in range(len(proof))]
    found += [(*proof[:n], bytes(32), *proof[n:]) for n in range(len(proof) + 1)]
    found += [(*proof[:n], part, *proof[n:]) for n, part in enumerate(proof)]
    for n, part in enumerate(proof):
        for bit in (0, 100, 255):
            flipped = (int.from_bytes(part) ^ (1 << bit)).to_bytes(32)
            found.append((*proof[:n], flipped, *proof[n + 1 :]))
        found.append((*proof[:n], part[:-1], *proof[n + 1 :]))
        found.append((*proof[:n], part + b"\x00", *proof[n + 1 :]))
    if len(set(proof)) > 1:
        found.append(tuple(reversed(proof)))
    return [each for each in found if each != proof]


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 13])
def test_no_changed_inclusion_proof_is_accepted(size: int) -> None:
    tree = grown(size)
    for number in range(size):
        proof, leaf, root = tree.inclusion(number), tree.leaf(number), tree.root()
        lies = [(leaf, number, size, each, root) for each in mutations(proof)]
        lies += [(leaf_hash(b"x"), number, size, proof, root)]
        lies += [(leaf, number, size, proof, bytes(32))]
        lies += [(leaf, n, size, proof, root) for n in range(-1, size + 2)]
        # Nothing says which sizes share a shape, so only those that cannot are lies.
        lies += [(leaf, number, n, proof, root) for n in (-1, 0, number, 4 * size + 2)]
        for lie in lies:
            if lie == (leaf, number, size, proof, root):
                continue
            with pytest.raises(NotProven):
                merkle.check_inclusion(
                    lie[0], number=lie[1], size=lie[2], proof=lie[3], root=lie[4]
                )


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 13])
def test_no_changed_consistency_proof_is_accepted(size: int) -> None:
    tree = grown(size)
    other = Tree(leaf_hash(b"other %d" % n) for n in range(size))
    for old in range(1, size + 1):
        proof, then, now = tree.consistency(old), tree.root(old), tree.root()
        lies = [(old, size, then, now, each) for each in mutations(proof)]
        lies += [(old, size, other.root(old), now, proof)]
        lies += [(old, size, then, other.root(), proof)]
        lies += [(old, size, other.root(old), now, other.consistency(old))]
        lies += [(n, size, then, now, proof) for n in (-1, 0, old - 1, size + 1)]
        lies += [(old, n, then, now, proof) for n in (-1, 0, 4 * size + 2)]
        for lie in lies:
            with pytest.raises(NotProven):
                merkle.check_consistency(
                    old=lie[0],
                    new=lie[1],
                    old_root=lie[2],
                    new_root=lie[3],
                    proof=lie[4],
                )


def test_an_entry_cannot_pass_for_a_subtree() -> None:
    tree = grown(4)
    forged = tree.leaf(0) + tree.leaf(1)
    with pytest.raises(NotProven):
        merkle.check_inclusion(
            leaf_hash(forged),
            number=0,
            size=2,
            proof=(node_hash(tree.leaf(2), tree.leaf(3)),),
            root=tree.root(),
        )


def test_a_tree_knows_only_sizes_it_has_had() -> None:
    tree = grown(5)
    for ask in (
        lambda: tree.root(6),
        lambda: tree.root(-1),
        lambda: tree.leaf(5),
        lambda: tree.inclusion(5),
        lambda: tree.inclusion(3, 3),
        lambda: tree.consistency(6),
        lambda: tree.consistency(4, 3),
        lambda: tree.append(b"short"),
    ):
        with pytest.raises(NotProven):
            ask()


def head(**changes: object) -> TreeHead:
    parts = {
        "network": "cmpp",
        "size": 5,
        "root": grown(5).root(),
        "at": treehead.moment_text(NOW),
    }
    return TreeHead(**(parts | changes))


def test_a_head_holds_under_its_own_key_and_network_only() -> None:
    signed = head().signed_by(KEY)
    signed.check(PUBLIC)
    signed.check(PUBLIC, network="cmpp")
    assert treehead.read_head(signed.text()) == signed
    with pytest.raises(BadSignature):
        signed.check(PUBLIC, network="other")
    with pytest.raises(BadSignature):
        signed.check(bytes(32))


@pytest.mark.parametrize(
    "change",
    [
        {"network": "cmpq"},
        {"size": 6},
        {"root": bytes(32)},
        {"at": "2026-11-22T08:00:01Z"},
    ],
)
def test_a_changed_head_is_not_signed(change: dict[str, object]) -> None:
    signed = head().signed_by(KEY)
    with pytest.raises(BadSignature):
        replace(signed, head=head(**change)).check(PUBLIC)
    turned = Signature(PUBLIC, bytes(64))
    with pytest.raises(BadSignature):
        replace(signed, signature=turned).check(PUBLIC)


@pytest.mark.parametrize(
    "change",
    [
        {"network": ""},
        {"network": "x" * 65},
        {"size": -1},
        {"size": True},
        {"size": 0},
        {"size": 2**48 + 1},
        {"root": b""},
        {"at": "2026-11-22"},
        {"at": "2026-11-22T08:00:00+00:00"},
        {"at": "2026-1-22T08:00:00Z"},
        {"at": None},
    ],
)
def test_a_head_has_one_form(change: dict[str, object]) -> None:
    with pytest.raises(BadSignature):
        head(**change)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text.replace("  ", " "),
        lambda text: text.replace('"size": 5', '"size": 5.0'),
        lambda text: text.replace('"size": 5', '"size": 5, "more": 1'),
        lambda text: text.replace('"root": "', '"root": "zz'),
        lambda text: text.replace("ed25519:", "x25519:"),
        lambda text: text.replace(',\n  "size": 5', ""),
        lambda _text: "[]",
        lambda _text: "",
        lambda _text: "[" * 3000,
        lambda text: text + " " * 5000,
    ],
)
def test_a_head_file_is_read_in_its_one_form(change) -> None:
    text = head().signed_by(KEY).text()
    changed = change(text)
    assert changed != text
    with pytest.raises(BadSignature):
        treehead.read_head(changed)


def test_a_head_file_is_plain_json() -> None:
    content = json.loads(head().signed_by(KEY).text())
    assert set(content) == {"at", "key", "network", "root", "signature", "size"}
