"""Signed documents: one written form, and signatures that cannot be moved."""

import dataclasses
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from privacy import signing
from privacy.errors import BadSignature
from privacy.signing import Document, Kind, Signature
from tests.signed_samples import key, mandate, public

RFC_8032 = {
    # Section 7.1, test 2: the library under our documents is the published scheme.
    "secret": "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "public": "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "message": "72",
    "signature": (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ),
}


def document(content: bytes = b"a = 1\n", kind: Kind = Kind.MANDATE) -> Document:
    return Document(kind=kind, content=content)


def test_a_published_signature_holds() -> None:
    parts = {name: bytes.fromhex(value) for name, value in RFC_8032.items()}
    made = Ed25519PrivateKey.from_private_bytes(parts["secret"]).sign(parts["message"])
    assert made == parts["signature"]
    signature = Signature(parts["public"], parts["signature"])
    assert signing.holds(signature, parts["message"])
    assert not signing.holds(signature, b"s")


def test_the_digest_is_of_domain_kind_and_content() -> None:
    expected = hashlib.sha256(b"cmpp.exchange document v1\x00mandate\x00a = 1\n")
    assert document().digest == expected.digest()
    assert document().signed_by(key("ana")).digest == expected.digest()


def test_a_file_is_read_back_with_every_signature() -> None:
    made = document().signed_by(key("ben")).signed_by(key("ana"))
    again = signing.read(made.file(), Kind.MANDATE)
    assert again == made
    assert again.signers == {public("ana"), public("ben")}
    assert [s.key for s in made.signatures] == sorted(made.signers)


def test_signing_twice_changes_nothing() -> None:
    once = document().signed_by(key("ana"))
    assert once.signed_by(key("ana")) == once


def test_copies_signed_apart_are_put_together() -> None:
    one, other = document().signed_by(key("ana")), document().signed_by(key("ben"))
    assert one.joined(other) == other.joined(one)
    assert one.joined(other).signers == {public("ana"), public("ben")}
    assert one.joined(one) == one


@pytest.mark.parametrize(
    "other", [document(b"a = 2\n"), document(kind=Kind.ROSTER)], ids=["text", "kind"]
)
def test_different_documents_are_not_put_together(other: Document) -> None:
    with pytest.raises(BadSignature, match="two different documents"):
        document().joined(other)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.MANDATE])
def test_a_signature_moved_to_another_kind_is_worth_nothing(kind: Kind) -> None:
    signed = document().signed_by(key("ana"))
    moved = dataclasses.replace(signed, kind=kind)
    assert moved.signers == set()
    with pytest.raises(BadSignature):
        signing.read(signed.file(), kind)


def test_a_signature_under_another_name_does_not_count() -> None:
    (made,) = document().signed_by(key("ana")).signatures
    claimed = dataclasses.replace(
        document(), signatures=(Signature(public("ben"), made.value),)
    )
    assert claimed.signers == set()
    assert signing.count(claimed, [public("ben")]) == 0


def test_bytes_that_are_no_point_sign_nothing() -> None:
    signature = Signature(b"\xff" * 32, bytes(64))
    assert not signing.holds(signature, b"")


@settings(max_examples=300)
@given(at=st.integers(0), bit=st.integers(0, 7))
def test_no_changed_bit_of_a_file_is_believed(at: int, bit: int) -> None:
    whole = mandate()
    file = bytearray(whole.file())
    file[at % len(file)] ^= 1 << bit
    try:
        read = signing.read(bytes(file), Kind.MANDATE)
    except BadSignature:
        return
    assert read.digest != whole.digest or len(read.signers) < len(whole.signers)
    assert read.content == whole.content or read.signers == set()


@given(
    one=st.binary(max_size=40),
    other=st.binary(max_size=40),
    kinds=st.tuples(st.sampled_from(Kind), st.sampled_from(Kind)),
)
def test_two_documents_never_have_one_digest(
    one: bytes, other: bytes, kinds: tuple[Kind, Kind]
) -> None:
    assume((one, kinds[0]) != (other, kinds[1]))
    assert document(one, kinds[0]).digest != document(other, kinds[1]).digest


@given(content=st.binary(max_size=200), kind=st.sampled_from(Kind))
def test_any_content_survives_its_file(content: bytes, kind: Kind) -> None:
    made = document(content, kind).signed_by(key("ana"))
    assert signing.read(made.file(), kind) == made


def lines(*middle: str) -> bytes:
    return "\n".join(["cmpp-signed-1 mandate", *middle, "---", "a = 1\n"]).encode()


def line(name: str) -> str:
    (made,) = document().signed_by(key(name)).signatures
    return (
        signing.Document(kind=Kind.MANDATE, content=b"", signatures=(made,))
        .file()
        .decode()
        .split("\n")[1]
    )


BROKEN = {
    "nothing": b"",
    "no rule": b"cmpp-signed-1 mandate\na = 1\n",
    "no pair": lines("only-one"),
    "a third part": lines(f"{line('ana')} x"),
    "not base64": lines("!! !!"),
    "short key": lines("AAAA " + line("ana").split(" ")[1]),
    "short signature": lines(line("ana").split(" ")[0] + " AAAA"),
    "one signer twice": lines(line("ana"), line("ana")),
    "out of order": lines(*sorted((line("ana"), line("ben")), reverse=True)),
    "no ASCII": "cmpp-signed-1 mandate\né\n---\na".encode(),
    "base64 written otherwise": lines(line("ana").replace("Q==", "R==")),
    "a carriage return": lines().replace(b"mandate\n", b"mandate\r\n"),
}


@pytest.mark.parametrize("file", BROKEN.values(), ids=BROKEN)
def test_a_file_in_another_form_is_refused(file: bytes) -> None:
    with pytest.raises(BadSignature):
        signing.read(file, Kind.MANDATE)


def test_a_document_too_large_is_refused() -> None:
    document(b"x" * signing.CONTENT_BYTES_MAX)
    with pytest.raises(BadSignature):
        document(b"x" * (signing.CONTENT_BYTES_MAX + 1))


def test_too_many_signatures_are_refused() -> None:
    many = tuple(
        Signature(n.to_bytes(32), bytes(64)) for n in range(signing.SIGNATURES_MAX + 1)
    )
    dataclasses.replace(document(), signatures=many[:-1])
    with pytest.raises(BadSignature):
        dataclasses.replace(document(), signatures=many)


def test_the_text_is_given_for_its_own_kind_only() -> None:
    assert signing.text_of(document(), Kind.MANDATE) == "a = 1\n"
    with pytest.raises(BadSignature, match="not a roster"):
        signing.text_of(document(), Kind.ROSTER)
    with pytest.raises(BadSignature, match="not a mandate"):
        signing.text_of(document(b"\xff"), Kind.MANDATE)


def test_a_key_is_written_in_one_form() -> None:
    written = signing.key_text(public("ana"))
    assert written.startswith("ed25519:")
    assert signing.key_bytes(written) == public("ana")
    masking = signing.key_text(public("ana"), label=signing.MASKING)
    assert signing.key_bytes(masking, label=signing.MASKING) == public("ana")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.removeprefix("ed25519:"),
        lambda text: text.replace("ed25519:", "x25519:"),
        lambda text: text[:-4],
        lambda text: text + " ",
        lambda text: text.replace("=", "!"),
        lambda _: "ed25519:" + "é" * 44,
        lambda _: "",
    ],
)
def test_what_is_no_key_is_refused(change: object) -> None:
    with pytest.raises(BadSignature, match="not a public key"):
        signing.key_bytes(change(signing.key_text(public("ana"))))


def test_a_fingerprint_is_read_out_in_groups_of_four() -> None:
    groups = signing.fingerprint(public("ana")).split(" ")
    assert {len(group) for group in groups} == {4}
    assert "".join(groups) == hashlib.sha256(public("ana")).hexdigest()


def test_a_document_does_not_print_what_it_says() -> None:
    assert "a = 1" not in repr(document().signed_by(key("ana")))
