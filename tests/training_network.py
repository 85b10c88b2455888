"""A coordinator's process for a training site, and what happens elsewhere meanwhile."""

import contextlib
import datetime as dt
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from coordinator.demo import processes
from node.cli import answering
from node.witness import Standing
from privacy import roster as rosters
from privacy.chain import Kind
from privacy.statement import BOOT_BYTES
from tests import governed
from tests import signed_samples as samples
from tests.living_site import ask
from tests.typed_site import TypedSite

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 60.0
NETWORK = f"{rosters.TRAINING}cmpp"


class TrainingNetwork:
    """A coordinator whose doors are open, for invented records only."""

    def __init__(self, home: Path) -> None:
        self._home = home
        port, link, _ = processes.free_ports(3)
        self._said(
            "init",
            "--training",
            "--join-address",
            f"127.0.0.1:{port}",
            "--link-address",
            f"127.0.0.1:{link}",
        )
        self._serving = subprocess.Popen(
            self._command("serve"),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        )
        for each in (port, link):
            self._wait(each)

    def close(self) -> None:
        """End the coordinator's process."""
        self._serving.send_signal(signal.SIGTERM)
        self._serving.wait(timeout=30)

    def invite(self, site: str) -> str:
        """Return the line that the coordinator prints for a site."""
        said = self._said("site", "invite", site, "--address", "dial")
        found = re.search(r"cmpp-invitation-\S+", said)
        assert found is not None, said
        return found[0]

    def ask(self, site: TypedSite, *, metric: str, period: str) -> None:
        """Have two officers sign a policy, the sites agree, and the Board ask."""
        now = dt.datetime.now(dt.UTC)
        charter = site.home.charter
        roster = samples.roster(sites=governed.SITES, network=f'"{NETWORK}"')
        charter.enact(Kind.AGREED, subject=roster.digest.hex(), now=now)
        charter.enact(Kind.ROSTER, roster, now=now)
        named = f'"{NETWORK}"'
        policy = governed.policy(site.site, now=now, network=named)
        charter.enact(Kind.POLICY, policy, now=now)
        mandate = governed.mandate(now=now, network=named)
        charter.deliver(mandate, now=now)
        governed.accept(charter, mandate, now=now)
        home = site.home
        home.ledger.boot(secrets.token_bytes(BOOT_BYTES), now=now)
        key, law = samples.key(site.site), home.charter.law
        standing = Standing(home.ledger, site=site.site, key=key, law=law)
        governed.Peers.of(site.site).attend(standing)
        node = answering._story(home, standing)
        question = ask(
            metric,
            period,
            rho="0.01",
            mandate=mandate.digest,
            not_after=int((now + dt.timedelta(minutes=5)).timestamp()),
        )
        node.answer(question, now=now)
        home.ledger.close()

    def _command(self, *words: str) -> list[str]:
        program = [sys.executable, "-m", "coordinator"]
        return [*program, "--home", str(self._home), *words]

    def _said(self, *words: str) -> str:
        done = subprocess.run(
            self._command(*words),
            check=False,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self._serving.poll() is None, "the coordinator ended"
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            time.sleep(0.1)
        raise AssertionError("the coordinator did not listen")
