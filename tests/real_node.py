"""A site in a process of its own, with rules signed by the sample keys."""

import datetime as dt
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization as pem

from coordinator.demo import processes
from node.charter import Charter
from node.cli.app import app
from node.ledger import Ledger
from privacy.chain import Kind
from privacy.signing import Document
from tests import doors, governed, members
from tests import signed_samples as samples
from tests.governed import accept

ROOT = Path(__file__).parents[1]
READY_SECONDS = 60
CLOSED_THROUGH = "FY2025-Q4"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def command(home: Path, *words: str) -> None:
    """Run one `cmpp-node` command at a site, without the start of a process."""
    app(["--home", str(home), *words], standalone_mode=False)


def write_key(path: Path, name: str) -> Path:
    """Write somebody's sample key as the file its owner keeps."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    form = (pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    path.write_bytes(samples.key(name).private_bytes(*form))
    return path


def lay_out(home: Path, site: str, *, opens: Sequence[Document], **caps: str) -> None:
    """Make a site with invented records, a roster, a policy and accepted mandates."""
    begin(home, site)
    command(home, "synthesize", "--scale", "0.02")
    command(home, "close", CLOSED_THROUGH)
    rule(home, site, opens=opens, **caps)


def begin(home: Path, site: str) -> None:
    """Make a site without records, rules or anybody to answer."""
    where = ("--site", site, "--listen-address", "127.0.0.1:1")
    command(home, "init", "--training", *where)


def rule(home: Path, site: str, *, opens: Sequence[Document], **caps: str) -> None:
    """Give a site a roster, a policy and accepted mandates."""
    write_key(home / "identity" / "statement.key", site)
    ledger = Ledger.open(f"sqlite:///{home}/ledger.sqlite")
    charter = Charter(ledger, site=site)
    charter.enact(Kind.AGREED, subject=members.ROSTER.digest.hex(), now=now())
    charter.enact(Kind.ROSTER, members.ROSTER, now=now())
    policy = governed.policy(site, now=now(), **caps)
    charter.enact(Kind.POLICY, policy, now=now())
    for document in opens:
        charter.deliver(document, now=now())
        accept(charter, document, now=now())
    ledger.close()


class RealNode:
    """One site's serving process, to be stopped and started on any ledger."""

    def __init__(self, home: Path, site: str, centre: doors.Centre) -> None:
        """Take a site that was laid out, and give it a certificate and a port."""
        self.home = home
        self.name = site
        centre.node(home / "identity", site)
        self._process: subprocess.Popen[bytes] | None = None
        (self.port,) = processes.free_ports()
        settings = home / "node.toml"
        lines = settings.read_text().splitlines()
        (at,) = [n for n, line in enumerate(lines) if line.startswith("listen_address")]
        lines[at] = f'listen_address = "127.0.0.1:{self.port}"'
        settings.write_text("\n".join([*lines, ""]))

    @property
    def ledger_file(self) -> Path:
        return self.home / "ledger.sqlite"

    def copied(self, home: Path, centre: doors.Centre) -> "RealNode":
        """Return a second node on a copy of everything the site has."""
        shutil.copytree(self.home, home)
        (home / "identity" / "key.pem").unlink()
        return RealNode(home, self.name, centre)

    def start(self) -> None:
        """Start the process and wait until it listens."""
        with (self.home / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "node", "--home", str(self.home), "serve"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"{self.name} did not listen in time: {self.log()}")

    def stop(self) -> None:
        """End the process as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=READY_SECONDS)
            self._process = None

    def entries(self) -> list[Kind]:
        """Return what kinds of entries the ledger has; the node must be down."""
        ledger = Ledger.open(f"sqlite:///{self.ledger_file}")
        kinds = [entry.kind for entry in ledger.entries()]
        ledger.close()
        return kinds

    def log(self) -> str:
        """Return what the process wrote."""
        path = self.home / "serve.log"
        return path.read_text() if path.exists() else ""
