"""A site that can stop, and a way to type its commands."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as pem

from node import cli
from node.cli.home import Home
from node.cli.training import BANNER
from proto import keys
from tests import governed
from tests import signed_samples as samples
from tests.stopping_site import MANDATE, NOW

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Give a function that types a command and returns code and output."""

    def typed(*words: str) -> tuple[int, str]:
        home = str(tmp_path / "site")
        monkeypatch.setattr(sys, "argv", ["cmpp-node", "--home", home, *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        told = output.err.replace(f"{BANNER}\n", "")
        return int(ended.value.code or 0), output.out + told

    return typed


@pytest.fixture
def site(run: Run, tmp_path: Path) -> Iterator[Home]:
    """Give a site with records of nobody, a policy and an accepted mandate."""
    assert run("init", "--training", "--site", "NYC")[0] == 0
    for name in ("olga", "omar"):
        private = samples.key(name).private_bytes(
            pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()
        )
        keys.write_new(tmp_path / f"{name}.key", private, mode=0o600)
    made = Home(tmp_path / "site")
    governed.govern(made.ledger, "NYC", now=NOW, opens=[MANDATE])
    yield made
    made.ledger.close()
