"""Set up an authority, a coordinator and five sites, through their own commands."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coordinator.demo import processes
from coordinator.demo.processes import Processes

SITES: Final = ("NYC", "HOU", "LAX", "BAL", "DCA")
CLOSED_THROUGH: Final = "FY2025-Q4"
_START_SECONDS: Final = 60.0
_AT_ONCE: Final = 2

Left = dict[str, list[dict[str, Any]]]
"""What every site's ledger says of its accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a demonstration is made of.

    Attributes:
        directory: Where everything is put.
        seed: Decides the invented records.
        scale: Multiplies the households.
        records: A folder with one folder of CSV files for each site, to be
            imported instead of inventing records.
    """

    directory: Path
    seed: int
    scale: float
    records: Path | None = None

    @property
    def centre(self) -> Path:
        """The coordinator's home."""
        return self.directory / "coordinator"

    def home(self, site: str) -> Path:
        """A site's home."""
        return self.directory / "sites" / site

    def officer(self, site: str) -> Path:
        """Where a site's privacy officer keeps the key: not on the node."""
        return self.directory / "officers" / site


def cmpp(plan: Plan, *words: str) -> str:
    """Run a command of the centre."""
    return processes.run("coordinator", "--home", str(plan.centre), *words)


def node(plan: Plan, site: str, *words: str) -> str:
    """Run a command of a site."""
    return processes.run("node", "--home", str(plan.home(site)), *words)


def set_up(plan: Plan, running: Processes) -> None:
    """Make everything and start it; returns when every node answers."""
    door, *ports = processes.free_ports(1 + len(SITES))
    for folder in ("sites", "officers", "logs"):
        (plan.directory / folder).mkdir(parents=True)
    cmpp(plan, "init", "--join-address", f"127.0.0.1:{door}")
    _serve(plan, running, "coordinator", plan.centre)
    processes.wait_for(door, name="The coordinator", seconds=_START_SECONDS)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        made = [
            pool.submit(_site, plan, running, site, port)
            for site, port in zip(SITES, ports, strict=True)
        ]
        for each in made:
            each.result()
    finally:
        # Interrupted: nothing new starts, and whoever stops the rest finds it all.
        running.ending.set()
        pool.shutdown(cancel_futures=True)
    for site, port in zip(SITES, ports, strict=True):
        processes.wait_for(port, name=f"The node of {site}", seconds=_START_SECONDS)


def loss_left(plan: Plan) -> Left:
    """Ask every site's ledger, at the site, what each entry year has left."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        said = pool.map(
            lambda site: node(plan, site, "ledger", "show", "--json"), SITES
        )
    return {
        site: json.loads(text)["accounts"]
        for site, text in zip(SITES, said, strict=True)
    }


def _site(plan: Plan, running: Processes, site: str, port: int) -> None:
    """Take one site from nothing to serving."""
    address = f"127.0.0.1:{port}"
    invited = cmpp(plan, "site", "invite", site, "--address", address, "--json")
    invitation = json.loads(invited)["invitation"]
    officer = plan.officer(site)
    public, key = str(officer / "officer.pub"), str(officer / "officer.key")
    start = ("--site", site, "--listen-address", address, "--invitation", invitation)
    invent = ("synthesize", "--seed", str(plan.seed), "--scale", str(plan.scale))
    bring = ("import", str(plan.records / site)) if plan.records else invent
    for words in (
        ("officer", "init", str(officer), "--no-passphrase"),
        ("init", *start, "--officer-key", public),
        ("policy", "sign", "--key", key, "--no-passphrase"),
        bring,
        ("close", CLOSED_THROUGH),
    ):
        if running.ending.is_set():
            return
        node(plan, site, *words)
    _serve(plan, running, "node", plan.home(site))


def _serve(plan: Plan, running: Processes, module: str, home: Path) -> None:
    """Start a process that serves."""
    command = [sys.executable, "-m", module, "--home", str(home), "serve"]
    log = plan.directory / "logs" / f"{home.name}.log"
    running.start(home.name, command, log=log)
