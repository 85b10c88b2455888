"""What a site signed reads back to the letter, and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import archive
from privacy.errors import BadSignature
from tests.signed_samples import key, public

LINE = st.text(
    st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=40
)


@given(st.lists(LINE, max_size=5))
def test_what_was_signed_reads_back(lines: list[str]) -> None:
    file = archive.signed(lines, key("NYC"))
    assert archive.read(file, key=public("NYC")) == tuple(lines)
    assert archive.read(file, key=None) == tuple(lines)


def test_another_site_did_not_sign_it() -> None:
    file = archive.signed(["one"], key("NYC"))
    with pytest.raises(BadSignature, match="another key signed it"):
        archive.read(file, key=public("HOU"))


FILE = archive.signed(["the first line", "the second"], key("NYC"))


@pytest.mark.parametrize("at", range(len(FILE)))
def test_every_byte_counts(at: int) -> None:
    for flip in (1, 0x20):
        spoilt = bytearray(FILE)
        spoilt[at] ^= flip
        with pytest.raises(BadSignature):
            archive.read(bytes(spoilt), key=public("NYC"))


@pytest.mark.parametrize(
    "spoilt",
    [
        *(b"", b"\n", b"null\n", b"[]\n", b"{}\n", FILE + b"\n", FILE[:-1]),
        FILE.split(b"\n", 1)[1],
        FILE.replace(b"\n{", b"\n {"),
        b"an earlier line\n" + FILE,
    ],
)
def test_what_is_no_signed_file_is_refused(spoilt: bytes) -> None:
    with pytest.raises(BadSignature):
        archive.read(spoilt, key=public("NYC"))


def test_the_last_line_names_the_key() -> None:
    last = json.loads(FILE.splitlines()[-1])
    assert set(last) == {"key", "signature"}
