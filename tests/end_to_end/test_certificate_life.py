"""Real processes: a site joins, its node renews by itself, and a revocation ends it."""

import datetime as dt
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from coordinator.cli.centre import Centre
from coordinator.demo import processes
from proto import credentials
from proto.mtls import COORDINATOR_DNS
from tests.typed_site import TypedSite

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60.0


def typed(module: str, home: Path, *words: str) -> str:
    """Type one command in a process of its own."""
    command = [sys.executable, "-m", module, "--home", str(home), *words]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(module: str, home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a process that listens at a port."""
    command = [sys.executable, "-m", module, "--home", str(home), "serve"]
    with (home / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        until(lambda: shown(port) is not None, (home / "serve.log").read_text)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=READY_SECONDS)


def until(holds: Callable[[], object], log: Callable[[], str]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not holds():
        assert time.monotonic() < deadline, log()
        time.sleep(0.1)


def shown(port: int) -> x509.Certificate | None:
    """Return the certificate a port shows, if anything listens there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        link = socket.create_connection(("127.0.0.1", port), timeout=5)
        with context.wrap_socket(link, server_hostname=COORDINATOR_DNS) as tls:
            leaf = tls.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(leaf or b"")
    except OSError:
        return None


@pytest.fixture
def site(tmp_path: Path) -> TypedSite:
    return TypedSite(tmp_path)


def grow_old(centre: Centre, folder: Path) -> None:
    """Give a site a certificate of thirty days, twenty-one days ago."""
    key = credentials.read_key(credentials.key_path(folder))
    leaf = centre.authority.sign_node(
        credentials.signing_request(key),
        site="NYC",
        now=dt.datetime.now(dt.UTC) - dt.timedelta(days=21),
    )
    credentials.install(folder, leaf=leaf, authority=centre.authority.pem)


@pytest.mark.soak
def test_a_node_renews_by_itself_until_its_site_is_revoked(
    site: TypedSite, tmp_path: Path
) -> None:
    join, link, local, listen = processes.free_ports(4)
    home, folder = tmp_path / "centre", site.directory / "identity"
    words = ("--join-address", f"127.0.0.1:{join}", "--link-address")
    typed("coordinator", home, "init", *words, f"127.0.0.1:{link}")
    path = home / "coordinator.toml"
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("local_address")]
    path.write_text("\n".join([*kept, f'local_address = "127.0.0.1:{local}"', ""]))
    address = f"127.0.0.1:{listen}"
    said = typed(
        "coordinator", home, *f"site invite NYC --address {address}".split(), "--json"
    )
    line = json.loads(said)["invitation"]
    with serving("coordinator", home, join):
        site.done("init", "--invitation", line, "--listen-address", address)
        grow_old(Centre(home), folder)
        old = credentials.certificate(folder)
        with serving("node", site.directory, listen) as node:
            log = (site.directory / "serve.log").read_text
            until(lambda: credentials.certificate(folder) != old, log)
            fresh = credentials.certificate(folder)
            # The same process shows it at its next handshake.
            until(lambda: shown(listen) == fresh, log)
            assert node.poll() is None
        typed("coordinator", home, "authority", "revoke", "--site", "NYC")
        assert site.run("renew").code == 3
        assert site.run("doctor").code == 11
    assert credentials.certificate(folder) == fresh
