"""Show what anybody can check afterwards: the public log, and the audit pack.

The check of the pack runs in an empty directory, as an auditor would run it who has
the pack, one fingerprint heard from two sites, and nothing else.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from coordinator.demo import network
from coordinator.demo.network import SITES, Plan
from coordinator.demo.processes import Typed
from privacy import roster, signing
from privacy.signing import Kind

_ROOT = Path(__file__).resolve().parents[2]


def publish_log(plan: Plan) -> str:
    """Publish the log, and check it with the coordinator's key from the roster."""
    public = plan.directory / "public-log"
    signed = signing.read(
        (plan.papers / "signed-roster.cmpp").read_bytes(), Kind.ROSTER
    )
    key = signing.key_text(roster.parse(signed).coordinator)
    *_, said = network.cmpp_all(
        plan,
        [
            Typed(("log", "head")),
            Typed(("log", "publish", str(public))),
            Typed(("log", "check", str(public), "--key", key)),
        ],
    )
    return said


def pack(plan: Plan) -> Path:
    """Have every site write its ledger for the auditor, and pack the evidence."""
    ledgers = plan.directory / "ledgers"
    ledgers.mkdir()
    export = {
        site: [Typed(("ledger", "export", str(ledgers / f"{site}.archive")))]
        for site in SITES
    }
    network.at_every(plan, export)
    folder = plan.directory / "audit-pack"
    words = ("--output", str(folder), "--site-ledgers", str(ledgers))
    network.cmpp(plan, "audit", "pack", *words)
    return folder


def verify(plan: Plan, folder: Path, *, fingerprint: str) -> bool:
    """Check a pack from an empty directory, where everybody can see it."""
    empty = plan.directory / "auditor"
    empty.mkdir()
    shutil.copytree(folder, empty / folder.name)
    words = ("audit", "verify", folder.name, "--roster-fingerprint", fingerprint)
    plan.note("cmpp", [Typed(words)])
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "coordinator", "--home", "none", *words],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        check=False,
    )
    return done.returncode == 0
