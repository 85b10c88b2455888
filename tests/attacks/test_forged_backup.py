"""Whoever has a recipient's public key can write a backup: it stays in its folder.

A backup for a recipient is encrypted, not signed. A forged one says itself where its
files go, so a restore writes nothing outside the directory that was named for it.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from node.cli.home import estate_from
from node.config import NodeConfig
from node.custody import parcel, recipient
from node.custody.parcel import Member
from node.custody.restore import restore
from privacy.errors import BadConfiguration, Corrupt, ExchangeError

KEY = b"00" * 32 + b"\n"
PLANTED = b"planted"


@pytest.fixture
def key(tmp_path: Path) -> X25519PrivateKey:
    """Give a recipient's private key; its public half is known to everybody."""
    recipient.make(tmp_path / "safe", passphrase=None)
    return recipient.private(tmp_path / "safe" / recipient.PRIVATE, passphrase=None)


def settings(old: str = "", new: str = "", *, first: str = "") -> bytes:
    """Return the settings of a site, with one of them changed."""
    text = first + NodeConfig.sample("NYC")
    assert old in text
    return text.replace(old, new).encode()


def forged(
    key: X25519PrivateKey, file: Path, said: bytes, member: tuple[str, bytes]
) -> Path:
    """Write a backup as somebody does who knows nothing but the public key."""
    parts = [("settings", said), member]
    held = [Member(name, len(data), [data]) for name, data in parts]
    with file.open("wb") as out:
        parcel.write(out, held, lock=key.public_key())
    return file


def opened(
    key: X25519PrivateKey, file: Path, home: Path, *, outside: Sequence[Path] = ()
) -> None:
    restore(file, home, reads=estate_from, key=key, outside=outside)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


SETTINGS = {
    "identity": ('= "identity"', '= "OUT"', "identity/statement.key"),
    "records": ('path = "records"', 'path = "OUT"', "records/current"),
    "upwards": ('path = "records"', 'path = "../out"', "records/current"),
    "ledger": ("ledger.sqlite", "OUT/authorized_keys", "ledger"),
    "records key": ("file:records.key", "file:OUT/authorized_keys", "key/records"),
}


@pytest.mark.parametrize("which", SETTINGS)
def test_a_forged_backup_writes_nothing_outside_the_new_home(
    key: X25519PrivateKey, tmp_path: Path, which: str
) -> None:
    old, new, member = SETTINGS[which]
    out, home = tmp_path / "out", tmp_path / "home"
    said = settings(old, new.replace("OUT", str(out)))
    content = KEY if member.startswith("key/") else PLANTED
    file = forged(key, tmp_path / "b", said, (member, content))
    with pytest.raises(BadConfiguration, match="outside --home"):
        opened(key, file, home)
    assert not out.exists()
    assert files(home) == []
    # Somebody here can say that the site did keep files there.
    opened(key, file, home, outside=[out])
    assert [path.read_bytes() for path in files(out)] == [content]


def test_a_forged_key_map_key_goes_nowhere_else_either(
    key: X25519PrivateKey, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = settings(first=f'key_map_key = "file:{out}/authorized_keys"\n')
    file = forged(key, tmp_path / "b", said, ("key/key map", KEY))
    with pytest.raises(BadConfiguration, match="outside --home"):
        opened(key, file, tmp_path / "home")
    assert not out.exists()


def test_a_folder_that_was_named_for_the_site_is_not_written_over(
    key: X25519PrivateKey, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "current").write_text("mine")
    said = settings('path = "records"', f'path = "{out}"')
    file = forged(key, tmp_path / "b", said, ("records/current", PLANTED))
    with pytest.raises(BadConfiguration):
        opened(key, file, tmp_path / "home", outside=[out])
    assert (out / "current").read_text() == "mine"


@pytest.mark.parametrize(
    ("said", "member"),
    [
        (settings(), ("key/records", b"no key")),
        (settings(), ("key/records", b"\xff")),
        (settings('path = "records"', 'path = "a\\u0000b"'), ("records/x", PLANTED)),
        (settings(), ("home/a\0b", PLANTED)),
        (settings(), ("home/../x", PLANTED)),
        (settings(), ("home//etc/x", PLANTED)),
        (settings(), ("home/node.toml.new", PLANTED)),
        (b"\xff", ("home/x", PLANTED)),
    ],
)
def test_what_no_site_writes_is_refused_and_nothing_is_left(
    key: X25519PrivateKey, tmp_path: Path, said: bytes, member: tuple[str, bytes]
) -> None:
    file = forged(key, tmp_path / "b", said, member)
    with pytest.raises(ExchangeError) as refused:
        opened(key, file, tmp_path / "home")
    assert isinstance(refused.value, BadConfiguration | Corrupt)
    assert files(tmp_path / "home") == []
    assert not (tmp_path / "x").exists()
