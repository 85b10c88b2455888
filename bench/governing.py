"""What mandate, signatures, witnesses and log add to one question of five sites.

Five processes, one a site, of one roster. Each serves two doors over the same records
with ledgers of their own: the **governed** one is the product's; behind the **bare**
one the same node works out the query, charges, reads, adds noise and stores, with
the same calls, and nothing else: nobody's signature is checked, no mandate or policy is
looked at, no peer witnesses anything. Both are asked every question over real mutual
TLS, in turn: the governed one by the coordinator's own story, which signs questions,
carries heads between the nodes, checks and keeps signed answers and appends to the
log; the bare one by as many threads, which keep and publish the releases likewise.

Once the replies leave when they are ready, which shows the whole of the work; once by
the timetable of a small site, which is what anybody waits for.
"""

import concurrent.futures
import datetime as dt
import multiprocessing
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path

from bench.fanning import NAMES, Immediate, desk_for, governed_door, timed
from bench.site import NOW, PROGRAMME, RHO, Site, ask_for
from coordinator import ask as asking
from coordinator import authority, database
from coordinator.ask import ask
from coordinator.authority import Authority
from coordinator.desk import Desk
from coordinator.lines import Reply
from coordinator.order import Order, distinct
from coordinator.store import Release
from node import grid
from node.answer import Node
from node.answer import _charge as charge_of
from node.door import Door
from node.ledger.charge import Stored
from node.server import NodeServer
from privacy.period import Period
from proto import credentials, mtls
from proto.client import NodeClient
from proto.mtls import Identity
from proto.wire import Answer, Ask

METRICS = ("M01", "M08", "M09")
TIMETABLES = ("ready", "small")
PERIODS = {
    "ready": tuple(f"FY{y}-Q{q}" for y in (2024, 2025) for q in (1, 2, 3, 4)),
    "small": tuple(f"FY{y}-H{h}" for y in (2024, 2025) for h in (1, 2)),
}


class Bare:
    """A node's own work on a question, and none of what governs it."""

    def __init__(self, node: Node) -> None:
        """Stand before a node."""
        self.node = node
        self.describe = node.describe

    def answer(self, question: Ask, *, now: dt.datetime) -> Answer:
        """Work out the query, charge, read, add noise and store."""
        del now
        node, law = self.node, self.node.charter.law()
        asked, programme = node._understand(question, law)  # noqa: SLF001
        charged = node.ledger.charge(charge_of(question, asked), now=NOW)
        if isinstance(charged, Stored):
            raise SystemExit("a bench asks every question once")
        stored = node._release(asked, programme, charged, NOW)  # noqa: SLF001
        through = node.closed_through()
        if through is None:
            raise SystemExit("nothing is closed")
        return node._answer(question, stored, charged, through)  # noqa: SLF001

    def check(self, question: Ask, *, now: dt.datetime) -> None:
        """Allow everything."""

    def show(self, answer: Answer) -> bool:
        """Let everything leave."""
        del answer
        return True


def serve(name: str, folder: Path, households: int, pipe: Connection) -> None:
    """Be one site, behind four doors, until told to end."""
    site = Site(folder, households=households, name=name)
    identity = credentials.load(folder / "identity")
    trust = mtls.Trust(
        allowed=frozenset({mtls.COORDINATOR_URI}), authority=identity.authority
    )
    servers = []
    for timetable in (Immediate(), grid.for_size_class("small")):
        door = Door(
            address="127.0.0.1:0",
            identity=lambda: identity,
            trust=lambda: trust,
            timetable=timetable,
            clock=lambda: dt.datetime.now(dt.UTC),
        )
        servers.append(governed_door(site, door))
        servers.append(NodeServer(Bare(site.node()), carried={}, door=door))
    pipe.send([server.start() for server in servers])
    pipe.recv()
    for server in servers:
        server.drain(1)
    site.close()


@dataclass(frozen=True)
class Doors:
    """Where the five sites listen, for one timetable."""

    governed: dict[str, int]
    bare: dict[str, int]


def ask_bare(
    orders: Sequence[Order], desk: Desk, ports: dict[str, int], identity: Identity
) -> None:
    """Put one order to every site's bare door, keep the releases and publish."""
    questions = distinct(orders, desk.programme)

    def one(name: str) -> list[Reply]:
        address = f"127.0.0.1:{ports[name]}"
        with NodeClient(address, site=name, identity=identity) as client:
            return [
                Reply(
                    question=question,
                    site=name,
                    release=_release(name, _answered(client, name, question)),
                )
                for question in questions
            ]

    with concurrent.futures.ThreadPoolExecutor(len(ports)) as pool:
        replies = [reply for found in pool.map(one, ports) for reply in found]
    for reply in replies:
        if reply.release is not None:
            desk.store.keep(reply.release, now=NOW)
    found = {(reply.question.key, reply.site): reply for reply in replies}
    for order in orders:
        result = asking._publish(order, sorted(ports), found, desk)  # noqa: SLF001
        desk.store.keep_result(result.content(), now=NOW)


def _answered(client: NodeClient, name: str, question: object) -> Answer:
    said = client.answer(
        ask_for(name, question.metric, question.period, question.name),
        deadline_seconds=30,
    )
    if not isinstance(said, Answer):
        raise SystemExit(f"{name} did not answer")
    return said


def _release(name: str, said: Answer) -> Release:
    return Release(
        release_key=said.release_key,
        site=name,
        values=said.values,
        variance=said.variance,
        rho=said.rho,
    )


def measure(folder: Path, label: str, doors: Doors, identity: Identity) -> None:
    """Ask governed and bare doors in turn; print medians and their ratio."""
    (folder / label).mkdir()
    governed = desk_for(folder / label, doors.governed, identity)
    (folder / f"{label}-bare").mkdir()
    bare = desk_for(folder / f"{label}-bare", doors.bare, identity)
    whole: list[float] = []
    alone: list[float] = []
    for metric in METRICS:
        for period in PERIODS[label]:
            asked = Period(period)
            known = PROGRAMME.metric(metric)
            if asked.kind not in known.periods:
                continue
            queries = PROGRAMME.queries(known, asked)
            losses = dict.fromkeys(queries, Fraction(RHO))
            orders = [Order(metric=known, period=asked, rho=losses)]

            def through(orders: list[Order] = orders) -> None:
                (result,) = ask(orders, desk=governed, now=NOW).results
                if result.content()["sites_answered"] != len(NAMES):
                    raise SystemExit("a site did not answer")

            def past(orders: list[Order] = orders) -> None:
                ask_bare(orders, bare, doors.bare, identity)

            # The first of a pair warms the records' files for the second.
            pair = [(whole, through), (alone, past)]
            for times, run in pair if len(whole) % 2 else reversed(pair):
                times.append(timed(run))
    # The first question also witnesses the start of every node.
    first, rest = whole[0], statistics.median(whole[1:])
    plain = statistics.median(alone[1:])
    print(
        f"  replies leave {LEAVE[label]}: governed {rest * 1e3:.0f} ms, bare "
        f"{plain * 1e3:.0f} ms; ratio = {rest / plain:.2f} "
        f"(the first after a start: {first * 1e3:.0f} ms)"
    )


LEAVE = {"ready": "when ready", "small": "by a small site's timetable"}


def main(households: int) -> None:
    """Print both ratios."""
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
            request = credentials.signing_request(key)
            leaf = signer.sign_node(request, site=site, now=now)
            credentials.install(home / "identity", leaf=leaf, authority=signer.pem)
            pipes[site], far = spawn.Pipe()
            process = spawn.Process(target=serve, args=(site, home, households, far))
            process.start()
            processes.append(process)
        told = {site: pipe.recv() for site, pipe in pipes.items()}
        print(f"\nfive sites of {households:,} households")
        try:
            for number, label in enumerate(TIMETABLES):
                doors = Doors(
                    governed={s: ports[2 * number] for s, ports in told.items()},
                    bare={s: ports[2 * number + 1] for s, ports in told.items()},
                )
                measure(folder, label, doors, identity)
        finally:
            for pipe in pipes.values():
                pipe.send("end")
            for process in processes:
                process.join(30)
