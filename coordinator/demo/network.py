"""Set up an authority, a coordinator and five sites, through their own commands."""

import json
import shlex
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coordinator.demo import processes
from coordinator.demo.processes import Processes, Typed
from coordinator.sites import DIAL
from privacy.errors import Unreachable

PROVIDERS: Final = {
    "NYC": "Harbor Family Services",
    "HOU": "Bayou Legal Aid",
    "LAX": "Canyon Community Alliance",
    "BAL": "Chesapeake Refuge Network",
    "DCA": "Capital Case Partners",
}
SITES: Final = tuple(PROVIDERS)
BY_RULE: Final = ("BAL", "DCA")
"""Sites whose officers accept small mandates beforehand, by a rule they signed."""

BY_HAND: Final = tuple(site for site in SITES if site not in BY_RULE)
DIALLING: Final = ("BAL",)
"""Sites that nobody can call: they open a link to the coordinator."""

OFFICERS: Final = ("first-officer", "second-officer")
CLOSED_THROUGH: Final = "FY2025-Q4"
PLAIN: Final = "--no-passphrase"
_RULE: Final = """\
mandates = true
purposes = ["oversight"]
loss_at_most = "0.1"
editions = false"""
_NO_RULE: Final = "mandates = false\neditions = false"
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
        dialling: Sites that dial in; the others listen.
        lock: Held while the list of commands is written.
    """

    directory: Path
    seed: int
    scale: float
    records: Path | None = None
    dialling: tuple[str, ...] = DIALLING
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def centre(self) -> Path:
        """The coordinator's home."""
        return self.directory / "coordinator"

    @property
    def commands(self) -> Path:
        """Every command that was run, in order, to be read or repeated."""
        return self.directory / "commands.txt"

    @property
    def papers(self) -> Path:
        """What people send each other: rosters and mandates."""
        return self.directory / "papers"

    def home(self, site: str) -> Path:
        """A site's home."""
        return self.directory / "sites" / site

    def months(self, site: str) -> Path:
        """What a site publishes about itself, month by month, as it sends it."""
        return self.papers / f"{site}-months.csv"

    def officer(self, site: str, name: str = OFFICERS[0]) -> Path:
        """A privacy officer's private key: on a medium of their own."""
        return self.directory / "officers" / site / f"{name}.key"

    def note(self, program: str, commands: Sequence[Typed]) -> None:
        """Write down commands as a reader would type them."""
        lines = [f"{program} {shlex.join(_shown(each.words))}\n" for each in commands]
        with self.lock, self.commands.open("a", encoding="utf-8") as file:
            file.writelines(lines)


def cmpp(plan: Plan, *words: str) -> str:
    """Run a command of the centre."""
    return cmpp_all(plan, [Typed(words)])[0]


def cmpp_all(plan: Plan, commands: Sequence[Typed]) -> list[str]:
    """Run commands of the centre, one after the other."""
    return _typed(plan, "coordinator", plan.centre, commands)


def node(plan: Plan, site: str, *words: str) -> str:
    """Run a command of a site."""
    return node_all(plan, site, [Typed(words)])[0]


def node_all(plan: Plan, site: str, commands: Sequence[Typed]) -> list[str]:
    """Run commands of a site, one after the other."""
    return _typed(plan, "node", plan.home(site), commands)


def at_every(plan: Plan, commands: dict[str, list[Typed]]) -> dict[str, list[str]]:
    """Run commands at several sites, two sites at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        said = pool.map(lambda each: node_all(plan, *each), commands.items())
        return dict(zip(commands, said, strict=True))


def set_up(plan: Plan, running: Processes) -> None:
    """Make everything and start it; returns when every node answers."""
    # The link has two ports: sites dial in at the one, our commands ask at the next.
    link, _, door, *ports = processes.free_ports(3 + len(SITES))
    for folder in ("sites", "officers", "logs", "papers"):
        (plan.directory / folder).mkdir(parents=True)
    addresses = {
        site: DIAL if site in plan.dialling else f"127.0.0.1:{port}"
        for site, port in zip(SITES, ports, strict=True)
    }
    doors = ("--join-address", f"127.0.0.1:{door}", "--link-address")
    invited = cmpp_all(
        plan,
        [
            Typed(("init", "--training", *doors, f"127.0.0.1:{link}")),
            *(Typed(_invite(site, address)) for site, address in addresses.items()),
        ],
    )[1:]
    serve(plan, running, "coordinator", plan.centre)
    for port in (door, link):
        processes.wait_for(port, name="The coordinator", seconds=_START_SECONDS)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        made = [
            pool.submit(_site, plan, running, site, (addresses[site], invitation))
            for site, invitation in zip(SITES, invited, strict=True)
        ]
        for each in made:
            each.result()
    finally:
        # Interrupted: nothing new starts, and whoever stops the rest finds it all.
        running.ending.set()
        pool.shutdown(cancel_futures=True)
    for site, port in zip(SITES, ports, strict=True):
        if site not in plan.dialling:
            processes.wait_for(port, name=f"The node of {site}", seconds=_START_SECONDS)
    wait_for_links(plan)
    # Public figures come with invented records; real ones are nobody's to make up.
    if plan.records is None:
        add = [Typed(("facts", "add", str(plan.months(site)))) for site in SITES]
        cmpp_all(plan, add)


def open_site(plan: Plan, running: Processes, site: str) -> None:
    """Start the process of a site: it listens, or it dials in."""
    how = "dial" if site in plan.dialling else "serve"
    serve(plan, running, "node", plan.home(site), how=how)


def wait_for_links(plan: Plan) -> None:
    """Wait until every site that dials in can be reached.

    Raises:
        Unreachable: one cannot, in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    missing = set(plan.dialling)
    while missing:
        listed = json.loads(cmpp(plan, "site", "list", "--check", "--json"))
        missing -= {line["site"] for line in listed if line["state"] == "serving"}
        if missing and time.monotonic() > deadline:
            raise Unreachable(
                f"The node of {min(missing)} did not dial in; read its log."
            )


def serve(
    plan: Plan, running: Processes, module: str, home: Path, *, how: str = "serve"
) -> None:
    """Start a process that serves, or dials."""
    command = [sys.executable, "-m", module, "--home", str(home), how]
    log = plan.directory / "logs" / f"{home.name}.log"
    running.start(home.name, command, log=log)


def loss_left(plan: Plan) -> Left:
    """Ask every site's ledger, at the site, what each entry year has left."""
    asked = {site: [Typed(("ledger", "show", "--json"))] for site in SITES}
    said = at_every(plan, asked)
    return {site: json.loads(text)["accounts"] for site, (text,) in said.items()}


def _shown(words: Sequence[str]) -> list[str]:
    """Leave an invitation out: it worked once, and is long."""
    return ["..." if word.startswith("cmpp-invitation") else word for word in words]


def _invite(site: str, address: str) -> tuple[str, ...]:
    """Say how the centre invites a site."""
    provider = ("--provider", PROVIDERS[site])
    return ("site", "invite", site, "--address", address, *provider, "--json")


def _site(plan: Plan, running: Processes, site: str, invited: tuple[str, str]) -> None:
    """Take one site from nothing to serving."""
    address, said = invited
    invitation: str = json.loads(said)["invitation"]
    where = () if address == DIAL else ("--listen-address", address)
    start = ("--training", "--site", site, *where, "--invitation", invitation)
    private = [plan.officer(site, name) for name in OFFICERS]
    public = [str(key.with_suffix(".pub")) for key in private]
    medium = str(private[0].parent)
    office = [("officer", "init", medium, "--name", name, PLAIN) for name in OFFICERS]
    signed = [("policy", "sign", "--key", str(key), PLAIN) for key in private]
    as_told = ("--seed", str(plan.seed), "--scale", str(plan.scale))
    invent = ("synthesize", *as_told, "--months", str(plan.months(site)))
    bring = ("import", str(plan.records / site)) if plan.records else invent
    drafted = [
        *office,
        ("init", *start),
        ("officer", "trust", *public),
        ("policy", "draft"),
    ]
    adopted = [*signed, ("policy", "adopt"), bring, ("close", CLOSED_THROUGH)]
    # A rule of its own is written into the draft by hand, before anybody signs it.
    for words in ([*drafted, *adopted],) if site in BY_HAND else (drafted, adopted):
        if running.ending.is_set():
            return
        node_all(plan, site, [Typed(tuple(each)) for each in words])
        if words is drafted:
            _accept_by_rule(plan.home(site) / "policy.toml")
    open_site(plan, running, site)


def _accept_by_rule(policy: Path) -> None:
    """Write into a drafted policy that small mandates need no officer."""
    text = policy.read_text("utf-8")
    policy.write_text(text.replace(_NO_RULE, _RULE), "utf-8")


def _typed(plan: Plan, module: str, home: Path, commands: Sequence[Typed]) -> list[str]:
    """Type commands of one program at its home, and write down what was typed."""
    program = {"coordinator": "cmpp", "node": "cmpp-node"}[module]
    there = [
        Typed(("--home", str(home), *each.words), each.refused) for each in commands
    ]
    plan.note(program, there)
    return processes.typed(module, there)
