"""The officer's key: private, never overwritten, of one kind."""

import itertools
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.policy import officer
from privacy.errors import BadConfiguration


def test_the_officers_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    officer.init(tmp_path / "o", passphrase=b"a long sentence")
    path = tmp_path / "o" / officer.KEY_FILE
    assert b"ENCRYPTED" in path.read_bytes()
    officer.load_key(path, passphrase=b"a long sentence")
    for wrong in (None, b"another"):
        with pytest.raises(BadConfiguration, match="passphrase"):
            officer.load_key(path, passphrase=wrong)


def test_the_officers_key_is_private_and_never_overwritten(tmp_path: Path) -> None:
    officer.init(tmp_path / "o", passphrase=None)
    path = tmp_path / "o" / officer.KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(BadConfiguration, match="never overwritten"):
        officer.init(tmp_path / "o", passphrase=None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    officer.init(tmp_path, passphrase=None)
    (tmp_path / officer.KEY_FILE).chmod(mode)
    with pytest.raises(BadConfiguration, match="chmod 600"):
        officer.load_key(tmp_path / officer.KEY_FILE, passphrase=None)


def test_keys_of_another_kind_are_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = tmp_path / "p.key", tmp_path / "p.pub"
    pem = serialization.Encoding.PEM
    private.write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    private.chmod(0o600)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(pem, form))
    with pytest.raises(BadConfiguration, match="not an Ed25519 key"):
        officer.load_key(private, passphrase=None)
    with pytest.raises(BadConfiguration, match="not an Ed25519 public key"):
        officer.load_public(public)
    public.write_text("nothing")
    with pytest.raises(BadConfiguration, match="no public key"):
        officer.load_public(public)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"officer\.pub could not be read"):
        officer.load_public(tmp_path / "officer.pub")


def test_two_officers_never_share_a_fingerprint(tmp_path: Path) -> None:
    prints = set()
    for number in range(3):
        path = officer.init(tmp_path / str(number), passphrase=None)
        prints.add(officer.fingerprint(officer.load_public(path)))
    assert all(a != b for a, b in itertools.combinations(prints, 2))
    assert len(prints) == 3
