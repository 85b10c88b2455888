"""A real exchange on loopback: sites at their homes, their processes, and a centre.

Every site is laid out by its own commands and served by its own process; the
centre asks over mutual TLS. Nothing of ours is replaced.
"""

import contextlib
import datetime as dt
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from coordinator import authority, database
from coordinator.ask import Desk
from coordinator.authority import Authority
from coordinator.sites import Site, SiteList
from coordinator.store import Store
from node import synthetic
from node.cli.app import app
from node.policy import officer
from privacy import catalogue
from privacy.catalogue import Status
from privacy.period import Period
from privacy.query import cells
from proto import credentials
from proto.client import NodeClient
from proto.wire import Ask

PROGRAMME = catalogue.load()
RUNNING = tuple(
    metric for metric in PROGRAMME.metrics.values() if metric.status is Status.RUNNING
)
READY_SECONDS = 60
ROOT = Path(__file__).parents[2]


def write_records(folder: Path, site: str, *, scale: float, seed: int = 7) -> Path:
    """Write a site's invented records as the folder its node will import."""
    synthetic.write_folder(
        folder / site,
        dictionary=PROGRAMME.dictionary,
        site=site,
        seed=seed,
        scale=scale,
    )
    return folder / site


def node(home: Path, *words: str) -> None:
    """Run one `cmpp-node` command at a site, without the start of a process."""
    app(["--home", str(home), *words], standalone_mode=False)


def free_port() -> int:
    """Return a port of the loopback that stays free while its node is down.

    It lies below those the system gives out by itself, to other tests and callers.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port


def ask_for(metric: str, period: str, name: str, *, rho: Fraction) -> Ask:
    """State one question as the coordinator does."""
    query = PROGRAMME.queries(PROGRAMME.metric(metric), Period(period))[name]
    return Ask(
        query=query.canonical_form,
        metric=metric,
        query_name=name,
        catalogue_version=PROGRAMME.version,
        rho=rho,
        purpose="oversight",
        cells=len(cells(query, PROGRAMME.dictionary)),
    )


def every_question(periods: Iterable[str], *, rho: Fraction) -> list[Ask]:
    """State every running query of every period, each query once."""
    found = {}
    for metric in RUNNING:
        for period in map(Period, periods):
            if period.kind in metric.periods:
                for name in metric.templates:
                    ask = ask_for(metric.id, period.label, name, rho=rho)
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
        for process in processes:
            listed.add(Site(name=process.site, address=process.address))
        return Desk(
            programme=PROGRAMME,
            store=Store(engine),
            site_list=listed,
            connect=lambda site: NodeClient(
                site.address,
                site=site.name,
                identity=self.identity,
                call_timeout_seconds=deadline_seconds,
            ),
            deadline_seconds=deadline_seconds,
            confidence=Fraction(19, 20),
            asked_by="a test",
            purpose="oversight",
            ask_again=True,
        )


def settle(home: Path, site: str, **limits: str) -> None:
    """Lay out a site: settings, and a policy its officer signed.

    Args:
        home: Where the site will be; must not exist yet.
        site: The site's name.
        limits: Lines of the policy to write instead of the drafted ones.
    """
    address = f"127.0.0.1:{free_port()}"
    node(home, "init", "--site", site, "--listen-address", address)
    office = home.with_name(f"{home.name}.officer")
    public = officer.init(office, passphrase=None)
    node(home, "officer", "trust", str(public))
    rewrite(home / "policy.toml", **limits)
    sign(home, office)


def stock(home: Path, folder: Path, *, closed_through: str) -> None:
    """Bring a folder of records into a site and close its periods."""
    node(home, "import", str(folder))
    node(home, "close", closed_through)


def rewrite(policy: Path, **lines: str) -> None:
    """Write other values in a policy file; every name must be there."""
    kept = policy.read_text().splitlines()
    for name, value in lines.items():
        (at,) = [n for n, line in enumerate(kept) if line.startswith(f"{name} =")]
        kept[at] = f"{name} = {value}"
    policy.write_text("\n".join(kept) + "\n")


def sign(home: Path, office: Path) -> None:
    """Have an officer sign the policy that lies at a site."""
    key = str(office / officer.KEY_FILE)
    node(home, "policy", "sign", "--key", key, "--no-passphrase")


class NodeProcess:
    """One site's serving process, to be killed, frozen and started again."""

    def __init__(self, home: Path, site: str) -> None:
        self.home = home
        self.site = site
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens, as its own settings say."""
        text = (self.home / "node.toml").read_text()
        (line,) = [x for x in text.splitlines() if x.startswith("listen_address")]
        return line.split('"')[1]

    def spawn(self) -> None:
        """Start the process; it does not listen yet."""
        assert self._process is None
        with (self.home / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "node", "--home", str(self.home), "serve"],
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
