"""A key is read where the settings say it is, and never made up."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from node.secret import Secret
from privacy.errors import BadConfiguration

KEYS = (bytes(range(32)), bytes(32))


class FileKeyring(KeyringBackend):
    """A keyring that keeps its entries in a file."""

    priority = 1

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def _entries(self) -> dict[str, str]:
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        entries = self._entries() | {f"{service}/{username}": password}
        self.path.write_text(json.dumps(entries))

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        if entries.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError
        self.path.write_text(json.dumps(entries))


@pytest.fixture(autouse=True)
def _keyring(tmp_path: Path) -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring(tmp_path / "keyring.json"))
    yield
    keyring.set_keyring(before)


@pytest.fixture(params=["file:some.key", "keyring:cmpp/records"])
def secret(request: pytest.FixtureRequest, tmp_path: Path) -> Secret:
    """Give a place for a key that this program can write to."""
    return Secret.parse(request.param, folder=tmp_path, opens="records")


def test_a_new_key_is_made_once_and_read_back(secret: Secret) -> None:
    assert not secret.exists()
    secret.create()
    (key,) = secret.read()
    assert len(key) == 32
    with pytest.raises(BadConfiguration, match="never overwritten"):
        secret.create()
    assert secret.read() == (key,)


def test_two_keys_are_read_newest_first(secret: Secret) -> None:
    secret.create()
    secret.put(KEYS)
    assert secret.read() == KEYS
    secret.put(KEYS[:1])
    assert secret.read() == KEYS[:1]


def test_a_missing_key_is_an_error_and_never_a_new_one(secret: Secret) -> None:
    with pytest.raises(BadConfiguration, match="a new one would open nothing"):
        secret.read()
    assert not secret.exists()


def test_what_is_no_key_is_refused(secret: Secret) -> None:
    secret.put(KEYS)
    secret.put([b"short"])
    with pytest.raises(BadConfiguration, match="is not the key of the records"):
        secret.read()


def test_a_forgotten_key_is_gone(secret: Secret) -> None:
    secret.create()
    assert secret.forget()
    assert not secret.exists()
    assert not secret.forget()


def test_a_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    secret = Secret.file(tmp_path / "k", opens="records")
    secret.create()
    for _ in range(2):
        assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
        secret.put(KEYS)
    (tmp_path / "k").chmod(0o640)
    with pytest.raises(BadConfiguration, match="chmod 600"):
        secret.read()


def test_a_replaced_key_is_overwritten_where_it_lay(tmp_path: Path) -> None:
    secret = Secret.file(tmp_path / "k", opens="records")
    secret.create()
    (old,) = secret.read()
    with (tmp_path / "k").open("rb") as file:
        secret.put(KEYS)
        assert old.hex().encode() not in file.read()


def test_a_credential_is_read_from_the_folder_systemd_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = Secret.parse("credential:records", folder=tmp_path, opens="records")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(BadConfiguration, match="none was given to this process"):
        secret.read()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    with pytest.raises(BadConfiguration, match="a new one would open nothing"):
        secret.create()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "records").write_text(KEYS[0].hex())
    secret.create()
    assert secret.read() == KEYS[:1]
    with pytest.raises(BadConfiguration, match="cannot change"):
        secret.put(KEYS)
    assert not secret.forget()


def test_a_keyring_that_is_locked_says_so(tmp_path: Path) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())
    secret = Secret.parse("keyring:cmpp/records", folder=tmp_path, opens="records")
    for act in (secret.read, secret.create, lambda: secret.put(KEYS)):
        with pytest.raises(BadConfiguration, match="locked or missing"):
            act()


@pytest.mark.parametrize(
    "text", ["", "records.key", "file:", "vault:x", "keyring:one", "credential:a/b"]
)
def test_any_other_place_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfiguration, match="none of the three places"):
        Secret.parse(text, folder=tmp_path, opens="records")


def test_a_secret_shows_neither_key_nor_place(secret: Secret) -> None:
    secret.create()
    shown = repr(secret)
    assert secret.place not in shown
    assert secret.read()[0].hex() not in shown
