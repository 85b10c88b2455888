"""Check what the centre's own commands do about sites that dial in."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coordinator.cli import centre as cli
from coordinator.cli.app import app
from coordinator.config import CoordinatorConfig
from coordinator.demo import processes
from coordinator.sites import Site
from privacy.errors import BadConfiguration
from proto import credentials
from proto.invitation import Invitation
from proto.mtls import Identity
from tests import dialled, doors

ROOT = Path(__file__).parents[2]


def _run(home: Path, *words: str) -> None:
    app(["--home", str(home), *words], standalone_mode=False)


def _node(home: Path, folder: Path, site: str) -> Identity:
    """Give a site a certificate of this centre."""
    key = credentials.create_key(folder / "key.pem")
    authority = cli.Centre(home).authority
    leaf = authority.sign_node(
        credentials.signing_request(key), site=site, now=doors.now()
    )
    credentials.install(folder, leaf=leaf, authority=authority.pem)
    return credentials.load(folder)


def test_a_site_that_dials_has_no_address_and_needs_none() -> None:
    assert Site(name="NYC", address="dial").dials
    assert not Site(name="NYC", address="dial.example.org:7443").dials
    with pytest.raises(BadConfiguration, match="dial"):
        Site(name="NYC", address="dials")


@pytest.mark.parametrize(
    ("join", "link", "local"),
    [
        ("a.example.org:7440", "a.example.org:7441", "127.0.0.1:7442"),
        ("a.example.org:65534", "a.example.org:65535", "127.0.0.1:65533"),
        ("a.example.org:443", "a.example.org:444", "127.0.0.1:7442"),
    ],
)
def test_the_further_addresses_are_beside_the_first(
    join: str, link: str, local: str
) -> None:
    text = CoordinatorConfig.sample(join_address=join)
    assert f'link_address = "{link}"' in text
    assert f'local_address = "{local}"' in text


def test_an_invitation_says_where_to_dial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, "init", "--join-address", "a.example.org:443")
    capsys.readouterr()
    _run(tmp_path, "site", "invite", "NYC", "--address", "dial", "--json")
    said = json.loads(capsys.readouterr().out)
    assert Invitation.from_text(said["invitation"]).link == "a.example.org:444"
    _run(tmp_path, "site", "add", "NYC", "--address", "dial")
    assert "over the link it opens" in capsys.readouterr().out


def test_a_serving_centre_reaches_a_site_that_dials_in_for_its_other_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, (join, link, _) = tmp_path / "centre", processes.free_ports(3)
    words = ("--join-address", f"127.0.0.1:{join}")
    _run(home, "init", *words, "--link-address", f"127.0.0.1:{link}")
    _run(home, "site", "add", "NYC", "--address", "dial")
    own = _node(home, tmp_path / "nyc", "NYC")
    with _serving(home, link), _dialling(own, link) as node:
        capsys.readouterr()
        _run(home, "site", "list", "--check", "--json")
        (line,) = json.loads(capsys.readouterr().out)
        assert (line["address"], line["state"]) == ("dial", "serving")
        (certificate,) = [
            issued
            for issued in cli.Centre(home).authority.issued()
            if issued.name.endswith("/NYC")
        ]
        _run(home, "authority", "revoke", certificate.fingerprint)
        began = time.monotonic()
        dialled.until(lambda: not node.linked, what="the cut")
        assert time.monotonic() - began < 10


def test_a_port_that_is_taken_is_one_sentence_and_not_the_transports_words(
    tmp_path: Path,
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "GRPC_VERBOSITY"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        link = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ("--join-address", f"127.0.0.1:{processes.free_ports()[0]}")
        _run(tmp_path, "init", *words, "--link-address", link)
        said = subprocess.run(
            [sys.executable, "-m", "coordinator", "--home", str(tmp_path), "serve"],
            check=False,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert said.returncode == 2
    *_, last = told = said.stderr.splitlines()
    assert (
        last == f"The coordinator cannot listen on {link}; choose a free link_address."
    )
    assert all(line.startswith(("Sites can join", "The coordinator")) for line in told)


@contextmanager
def _serving(home: Path, link: int) -> Iterator[None]:
    """Run `cmpp serve`, and see it end well."""
    command = [sys.executable, "-m", "coordinator", "--home", str(home), "serve"]
    serving = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert serving.stderr is not None
        said = "".join(serving.stderr.readline() for _ in range(2))
        assert re.search(rf"dial in at 127\.0\.0\.1:{link}\.", said)
        yield
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 0
    finally:
        serving.kill()
        serving.communicate()


@contextmanager
def _dialling(own: Identity, link: int) -> Iterator[doors.NodeDial]:
    """Dial in as a site."""
    door = doors.Door(
        address=f"127.0.0.1:{link}",
        identity=lambda: own,
        trust=lambda: doors.Trust(
            allowed=frozenset({doors.COORDINATOR_URI}), authority=own.authority
        ),
        timetable=doors.Immediate(),  # type: ignore[arg-type]
        clock=doors.now,
    )
    node = doors.NodeDial(doors.Steady(), carried={}, door=door)
    try:
        yield dialled.start(node)
    finally:
        node.drain(1.0)
