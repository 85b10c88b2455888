"""A question to five sites against a bare fan-out of gRPC echoes over mutual TLS.

Five processes, one a site. Each serves a node's real door, with replies leaving as
soon as they are ready, and beside it a bare gRPC server that echoes bytes with the
same certificates. Both are asked by five threads over fresh channels.
"""

import concurrent.futures
import datetime as dt
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path

import grpc

from bench.answering import median_seconds
from bench.site import MANDATE, NOW, PROGRAMME, RHO, Site, natural_sql
from coordinator import authority, database
from coordinator.ask import ask
from coordinator.authority import Authority
from coordinator.desk import Desk
from coordinator.evidence import Evidence
from coordinator.log import Log
from coordinator.order import Order
from coordinator.sites import Site as Listed
from coordinator.sites import SiteList
from coordinator.store import Store
from node.answer import Node
from node.carrier import Carrier
from node.door import Door
from node.server import NodeServer
from node.witness import Witness
from privacy import mandate, roster
from privacy.period import Period
from proto import credentials, mtls
from proto.client import NodeClient
from proto.mtls import Identity
from proto.wire import Answer, Ask
from tests import governed
from tests import signed_samples as samples

NAMES = ("NYC", "HOU", "LAX", "BAL", "DCA")
PERIODS = tuple(
    Period(label)
    for year in (2024, 2025)
    for label in (f"FY{year}", *(f"FY{year}-H{h}" for h in (1, 2)))
)
METRICS = ("M08", "M01", "M09")
ECHO = "/bench/Echo"


class Immediate:
    """Let a reply go when it is ready. Only a bench may."""

    def hold(self, work: Future[object] | None, **_: object) -> None:
        """Wait for the work, and for nothing else."""
        if work is not None:
            concurrent.futures.wait([work])


def serve(name: str, folder: Path, households: int, pipe: Connection) -> None:
    """Be one site until told to end."""
    site = Site(folder, households=households, name=name)
    identity = credentials.load(folder / "identity")
    trust = mtls.Trust(
        allowed=frozenset({mtls.COORDINATOR_URI}), authority=identity.authority
    )
    door = Door(
        address="127.0.0.1:0",
        identity=lambda: identity,
        trust=lambda: trust,
        timetable=Immediate(),
        clock=lambda: dt.datetime.now(dt.UTC),
    )
    node = governed_door(site, door)
    bare = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(lambda data, _: data)
    bare.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("bench", {"Echo": handler}),)
    )
    bare_port = bare.add_secure_port(
        "127.0.0.1:0", mtls.server_credentials(lambda: identity)
    )
    bare.start()
    sql = {
        metric: median_seconds(
            lambda m=metric: site.run_sql(natural_sql(m, Period("FY2024")))
        )
        for metric in METRICS
    }
    pipe.send((node.start(), bare_port, sql))
    pipe.recv()
    bare.stop(0)
    node.drain(1)
    site.close()


def governed_door(site: Site, door: Door) -> NodeServer:
    """Put a new node of a site behind its door, to be witnessed over the wire."""
    story = site.node(witnessed=False)
    carrier = Carrier(
        charter=story.charter,
        standing=story.standing,
        witness=Witness(
            story.ledger, site=site.name, key=story.key, law=story.charter.law
        ),
        clock=lambda: NOW,
    )
    return NodeServer(Timeless(story), carried=carrier.methods(), door=door)


class Timeless:
    """A node whose time stands still; only certificates follow the clock."""

    def __init__(self, node: Node) -> None:
        """Stand before a node."""
        self.node = node
        self.show, self.describe = node.show, node.describe

    def answer(self, ask: Ask, *, now: dt.datetime) -> Answer:
        """Answer as the node does, at its own time."""
        del now
        return self.node.answer(ask, now=NOW)

    def check(self, ask: Ask, *, now: dt.datetime) -> None:
        """Judge again as the node does, at its own time."""
        del now
        self.node.check(ask, now=NOW)


def timed(run: Callable[[], object]) -> float:
    """Return the time of one run."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def echo_all(ports: dict[str, int], identity: Identity) -> None:
    """Echo 256 bytes at every site at once, over fresh channels."""

    def one(name: str) -> None:
        with mtls.channel(
            f"127.0.0.1:{ports[name]}",
            peer_dns=mtls.site_dns(name),
            authority=identity.authority,
            identity=identity,
        ) as channel:
            channel.unary_unary(ECHO)(b"x" * 256, timeout=10)

    with concurrent.futures.ThreadPoolExecutor(len(ports)) as pool:
        list(pool.map(one, ports))


def desk_for(folder: Path, ports: dict[str, int], identity: Identity) -> Desk:
    """Set up the coordinator's side."""
    engine = database.connect(database.address(folder / "store.sqlite"))
    listed = SiteList(engine)
    for name, port in ports.items():
        listed.add(Listed(name=name, address=f"127.0.0.1:{port}"))
    return Desk(
        programme=PROGRAMME,
        store=Store(engine),
        evidence=Evidence(engine),
        log=Log(engine, "cmpp", samples.key("coordinator")),
        roster=roster.parse(governed.roster(NAMES)),
        mandate=mandate.parse(MANDATE),
        key=samples.key("coordinator"),
        site_list=listed,
        connect=lambda site: NodeClient(
            site.address, site=site.name, identity=identity, call_timeout_seconds=30
        ),
        deadline_seconds=60,
        confidence=Fraction(19, 20),
        asked_by="bench",
        purpose="oversight",
    )


def main(households: int) -> None:
    """Print the ratio, metric by metric."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        now = dt.datetime.now(dt.UTC)
        authority.create(folder / "authority", now=now)
        engine = database.connect(database.address(folder / "centre.sqlite"))
        signer = Authority(folder / "authority", engine)
        identity = signer.equip_coordinator(folder / "coordinator", now=now)
        pipes, processes = {}, []
        for site in NAMES:
            home = folder / site
            key = credentials.create_key(home / "identity" / credentials.KEY_FILE)
            leaf = signer.sign_node(
                credentials.signing_request(key), site=site, now=now
            )
            credentials.install(home / "identity", leaf=leaf, authority=signer.pem)
            pipes[site], far = spawn.Pipe()
            process = spawn.Process(target=serve, args=(site, home, households, far))
            process.start()
            processes.append(process)
        told = {site: pipe.recv() for site, pipe in pipes.items()}
        try:
            measure(folder, told, identity, households)
        finally:
            for pipe in pipes.values():
                pipe.send("end")
            for process in processes:
                process.join(20)


def measure(
    folder: Path,
    told: dict[str, tuple[int, int, dict[str, float]]],
    identity: Identity,
    households: int,
) -> None:
    """Ask and echo in turn, and print medians and their ratio."""
    desk = desk_for(folder, {n: t[0] for n, t in told.items()}, identity)
    bare = {n: t[1] for n, t in told.items()}
    echo_all(bare, identity)
    print(f"\nfive sites of {households:,} households")
    for metric in METRICS:
        asked, echoed = [], []
        for period in PERIODS:
            queries = PROGRAMME.queries(PROGRAMME.metric(metric), period)
            order = Order(
                metric=PROGRAMME.metric(metric),
                period=period,
                rho=dict.fromkeys(queries, Fraction(RHO)),
            )

            def run(order: Order = order) -> None:
                (result,) = ask([order], desk=desk, now=NOW).results
                if result.content()["sites_answered"] != len(NAMES):
                    raise SystemExit("a site did not answer")

            asked.append(timed(run))
            echoed.append(timed(lambda: echo_all(bare, identity)))
        whole, fan = statistics.median(asked), statistics.median(echoed)
        slowest = max(times[metric] for _, _, times in told.values())
        print(
            f"  {metric}: five-site question {whole * 1e3:.1f} ms; echo fan-out "
            f"{fan * 1e3:.1f} ms + slowest exact SQL {slowest * 1e3:.1f} ms; "
            f"ratio = {whole / (fan + slowest):.2f}"
        )
