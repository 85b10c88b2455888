"""A real exchange on loopback: sites at their homes, their processes, and a centre.

Every site is laid out by its own commands and served by its own process; the
centre asks over mutual TLS. Nothing of ours is replaced. Where a test runs fewer
sites than a network needs, further sites of the roster witness from here.
"""

import datetime as dt
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from coordinator import authority, database
from coordinator.authority import Authority
from coordinator.demo import processes
from coordinator.desk import Desk
from coordinator.evidence import Evidence
from coordinator.log import Log
from coordinator.sites import Site, SiteList
from coordinator.store import Store
from node import synthetic
from node.cli.app import app
from node.cli.home import Home
from node.config import INVENTED
from privacy import catalogue, pack
from privacy import mandate as mandates
from privacy import roster as rosters
from privacy.chain import Kind
from privacy.period import Period
from privacy.query import cells
from privacy.signing import Document
from proto import credentials
from proto.client import NodeClient
from proto.wire import Ask
from tests import governed
from tests import signed_samples as samples
from tests.end_to_end.papers import (
    BEGAN,
    ELSEWHERE,
    MANDATE,
    REAL,
    medium,
    pem_of,
    roster,
)

PROGRAMME = catalogue.load()
PACK = tuple(
    PROGRAMME.metric(name)
    for name in sorted({x.metric for x in pack.load("half-year", PROGRAMME).lines})
)
"""The metrics of the half-year pack."""
READY_SECONDS = 60
ROOT = Path(__file__).parents[2]


def write_records(folder: Path, site: str, *, scale: float, seed: int = 7) -> Path:
    """Write a site's records as the folder its node will import.

    They are invented, and lose the mark that says so: a live site takes in no other.
    """
    synthetic.write_folder(
        folder / site,
        dictionary=PROGRAMME.dictionary,
        site=site,
        seed=seed,
        scale=scale,
    )
    for path in (folder / site).iterdir():
        path.write_text(path.read_text("utf-8").replace(INVENTED, ""), "utf-8")
    return folder / site


def node(home: Path, *words: str) -> None:
    """Run one `cmpp-node` command at a site, without the start of a process."""
    app(["--home", str(home), *words], standalone_mode=False)


def ask_for(metric: str, period: str, name: str, *, rho: Fraction, site: str) -> Ask:
    """State one question to a site as the coordinator does."""
    query = PROGRAMME.queries(PROGRAMME.metric(metric), Period(period))[name]
    plain = Ask(
        query=query.canonical_form,
        metric=metric,
        query_name=name,
        catalogue_version=PROGRAMME.version,
        rho=rho,
        purpose="oversight",
        cells=len(cells(query, PROGRAMME.dictionary)),
        site=site,
        mandate=MANDATE.digest,
        asked_by="a-test",
        not_after=int((BEGAN + dt.timedelta(days=2)).timestamp()),
    )
    return plain.signed_by(samples.key("coordinator"))


def every_question(periods: Iterable[str], *, rho: Fraction, site: str) -> list[Ask]:
    """State every query of the pack for every period to a site, each query once."""
    found = {}
    for metric in PACK:
        for period in map(Period, periods):
            if period.kind in metric.periods:
                for name in metric.templates:
                    ask = ask_for(metric.id, period.label, name, rho=rho, site=site)
                    found.setdefault(ask.query, ask)
    return list(found.values())


def tell(line: object) -> None:
    """Show a figure that a long run is made for."""
    print(line, flush=True)  # noqa: T201 - shown by pytest -s


class Centre:
    """The authority, and the coordinator's name and list of sites."""

    def __init__(self, home: Path) -> None:
        now = dt.datetime.now(dt.UTC)
        self.home = home
        engine = database.connect(database.address(home / "store.sqlite"))
        authority.create(home / "authority", now=now)
        self.authority = Authority(home / "authority", engine)
        self.identity = self.authority.equip_coordinator(home / "identity", now=now)

    def certify(self, home: Path, site: str, *, days_ago: int = 0) -> None:
        """Give a site a certificate of 30 days, signed some days ago."""
        born = dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago)
        folder = home / "identity"
        key = credentials.create_key(folder / credentials.KEY_FILE)
        leaf = self.authority.sign_node(
            credentials.signing_request(key), site=site, now=born
        )
        credentials.install(folder, leaf=leaf, authority=self.authority.pem)

    def client(self, process: "NodeProcess", *, call_seconds: float = 20) -> NodeClient:
        """Open a line to one site's process."""
        return NodeClient(
            process.address,
            site=process.site,
            identity=self.identity,
            call_timeout_seconds=call_seconds,
        )

    def desk(
        self, processes: Iterable["NodeProcess"], *, name: str, deadline_seconds: float
    ) -> Desk:
        """Set up an asking centre with an empty store of its own."""
        engine = database.connect(database.address(self.home / f"{name}.sqlite"))
        listed = SiteList(engine)
        running = list(processes)
        for process in running:
            listed.add(Site(name=process.site, address=process.address))
        key = samples.key("coordinator")
        return Desk(
            programme=PROGRAMME,
            store=Store(engine),
            evidence=Evidence(engine),
            log=Log(engine, "cmpp", key),
            roster=rosters.parse(running[0].roster),
            mandate=mandates.parse(MANDATE),
            key=key,
            site_list=listed,
            connect=lambda site: NodeClient(
                site.address,
                site=site.name,
                identity=self.identity,
                call_timeout_seconds=deadline_seconds,
            ),
            deadline_seconds=deadline_seconds,
            confidence=Fraction(19, 20),
            asked_by="a-test",
            purpose="oversight",
            ask_again=True,
        )


def settle(
    home: Path,
    site: str,
    *,
    sites: Iterable[str] = (*REAL, *ELSEWHERE),
    mandate: Document = MANDATE,
    **limits: str,
) -> None:
    """Lay out a site: settings, a policy two officers signed, a roster, a mandate.

    Args:
        home: Where the site will be; must not exist yet.
        site: The site's name.
        sites: Who is in the roster.
        mandate: What the Board permits, and an officer accepted.
        limits: Caps of the policy, in rho, instead of generous ones.
    """
    address = f"127.0.0.1:{processes.free_ports()[0]}"
    node(home, "init", "--site", site, "--listen-address", address)
    # Whoever witnesses from here knows the sample keys.
    key = home / "identity" / "statement.key"
    key.write_bytes(pem_of(site))
    office = home.with_name(f"{home.name}.officers")
    keys = [medium(office, name) for name in samples.OFFICERS]
    node(home, "officer", "trust", *(str(key.with_suffix(".pub")) for key in keys))
    node(home, "policy", "draft")
    rewrite(home / "policy.toml", **(GENEROUS | limits))
    for key in keys:
        node(home, "policy", "sign", "--key", str(key), "--no-passphrase")
    node(home, "policy", "adopt")
    charter, signed = Home(home).charter, roster(sites)
    now = dt.datetime.now(dt.UTC)
    charter.enact(Kind.AGREED, subject=signed.digest.hex(), now=now)
    charter.deliver(signed, now=now)
    charter.deliver(mandate, now=now)
    governed.accept(charter, mandate, now=now)


GENEROUS = {
    "lifetime": "90",
    "fiscal_year": "90",
    "per_mandate": "90",
    "per_release": "1",
}


def stock(home: Path, folder: Path, *, closed_through: str) -> None:
    """Bring a folder of records into a site and close its periods."""
    node(home, "import", str(folder))
    node(home, "close", closed_through)


def rewrite(policy: Path, **caps: str) -> None:
    """Write other caps, in both columns, in a policy file."""
    text = policy.read_text()
    for name, rho in caps.items():
        for column in (name, f"{name}_worst"):
            line = re.compile(rf'^{column} = "[^"]*"', re.MULTILINE)
            text, found = line.subn(f'{column} = "{rho}"', text)
            assert found == 1, column
    policy.write_text(text)


class NodeProcess:
    """One site's serving process, to be killed, frozen and started again."""

    def __init__(
        self, home: Path, site: str, sites: Iterable[str] = (*REAL, *ELSEWHERE)
    ) -> None:
        self.home = home
        self.site = site
        self.roster = roster(sites)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens, as its own settings say."""
        text = (self.home / "node.toml").read_text()
        (line,) = [x for x in text.splitlines() if x.startswith("listen_address")]
        return line.split('"')[1]

    @property
    def number(self) -> int:
        """The number by which the system knows the process."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def spawn(self, how: str = "serve") -> None:
        """Start the process; it does not listen yet."""
        assert self._process is None
        with (self.home / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "node", "--home", str(self.home), how],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        """Start the process and wait until it listens."""
        self.spawn()
        host, _, port = self.address.partition(":")
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self.log()
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"{self.site} did not listen in time: {self.log()}")

    def ended(self, *, seconds: float = READY_SECONDS) -> int:
        """Wait for the process to end by itself; return its exit code."""
        assert self._process is not None
        code = self._process.wait(timeout=seconds)
        self._process = None
        return code

    def kill(self) -> None:
        """End the process as a power cut would: no handler of it runs."""
        assert self._process is not None
        self._process.kill()
        code = self.ended()
        assert code == -signal.SIGKILL, f"it had ended by itself: {code}\n{self.log()}"

    def freeze(self) -> None:
        """Stop the process in its tracks; its port stays open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process, whatever state it is in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=READY_SECONDS)
            self._process = None

    def log(self) -> str:
        """Return what the process wrote, for a failed test's message."""
        path = self.home / "serve.log"
        return path.read_text()[-4000:] if path.exists() else ""
