"""What is destroyed is overwritten first, and nothing else is touched."""

import os
from pathlib import Path

import pytest

from node.stopping import shred
from privacy.errors import (
    BadConfiguration,
)


def test_a_file_is_overwritten_before_its_name_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = b"a key that must not be found" * 5_000
    path, other_name = tmp_path / "key", tmp_path / "same"
    path.write_bytes(secret)
    os.link(path, other_name)
    monkeypatch.setattr(os, "ftruncate", lambda *_: None)
    assert shred.destroy(path)
    left = other_name.read_bytes()
    assert len(left) == len(secret)
    assert b"must not be found" not in left
    assert not path.exists()
    assert not shred.destroy(path)


def test_a_file_ends_empty(tmp_path: Path) -> None:
    path, other_name = tmp_path / "key", tmp_path / "same"
    path.write_bytes(b"secret")
    os.link(path, other_name)
    shred.destroy(path)
    assert other_name.read_bytes() == b""


def test_nothing_is_destroyed_through_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "theirs", tmp_path / "ours"
    target.write_bytes(b"not ours")
    link.symlink_to(target)
    with pytest.raises(BadConfiguration, match="not a plain file"):
        shred.destroy(link)
    assert target.read_bytes() == b"not ours"
