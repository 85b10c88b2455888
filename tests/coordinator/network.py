"""A small network in one process: real doors, ledgers, laws and witnesses, no records.

Every site of the roster runs, and each witnesses the others' ledgers; the mandate
names those that are asked.
"""

import datetime as dt
import secrets
from collections.abc import Callable, Iterable
from concurrent import futures
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from coordinator import database
from coordinator.authority import Authority
from coordinator.desk import Desk
from coordinator.documents import Documents
from coordinator.evidence import Evidence, SignedAnswer
from coordinator.governance import Governance
from coordinator.log import Log
from coordinator.order import Order
from coordinator.sites import Site, SiteList
from coordinator.store import Store
from node import identity
from node.answer import Node
from node.carrier import Carrier
from node.charter import Charter
from node.door import Door
from node.ledger import Ledger
from node.server import NodeServer
from node.witness import Standing, Witness
from privacy import catalogue, mandate, roster
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query, cells
from privacy.signing import Document
from privacy.statement import BOOT_BYTES
from proto import credentials, mtls
from proto.client import NodeClient
from proto.wire import Answer, Ask, Refusal
from tests import governed
from tests import signed_samples as samples
from tests.governed import SITES, govern

PROGRAMME = catalogue.load()


class Immediate:
    """A timetable that lets a reply go when it is ready, or after a limit."""

    def __init__(self, limit_seconds: float = 20.0) -> None:
        self.limit_seconds = limit_seconds

    def hold(self, work: futures.Future[object] | None, **_public: float) -> None:
        if work is not None:
            futures.wait([work], timeout=self.limit_seconds)


@dataclass
class Member:
    """One site's node and the levers a test may pull."""

    name: str
    home: Path
    server: NodeServer
    ledger: Ledger
    charter: Charter
    address: str
    timetable: Immediate
    reads: list[Query] = field(default_factory=list)


@dataclass
class Network:
    """The centre and its sites."""

    home: Path
    desk: Desk
    sites: dict[str, Member]
    authority: Authority
    clock: list[dt.datetime]
    mandate: Document

    @property
    def now(self) -> dt.datetime:
        """The time at every end."""
        return self.clock[0]

    def again(self, **changes: object) -> Desk:
        """Return the desk with something changed."""
        parts = {name: getattr(self.desk, name) for name in Desk.__slots__}
        return Desk(**(parts | changes))

    def emptied(self, url: str) -> Desk:
        """Return a desk whose store holds nothing but the sites."""
        engine = database.connect(url)
        listed = SiteList(engine)
        for site in self.desk.site_list.all():
            listed.add(site)
        return self.again(
            store=Store(engine), site_list=listed, evidence=Evidence(engine)
        )

    def submit(self, *documents: Document) -> None:
        """Have the centre keep documents, and bring them to the sites."""
        engine = database.connect(database.address(self.home / "store.sqlite"))
        governance = Governance(
            network="cmpp",
            documents=Documents(engine),
            log=Log(engine, "cmpp", samples.key("coordinator")),
            sites={site.name: site for site in self.desk.site_list.all()},
            connect=self.desk.connect,
        )
        for document in documents:
            governance.submit(document, now=self.now)


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What every site of a network starts from.

    Attributes:
        signer: Signs certificates.
        clock: The time at every end, in a list so that a test may turn it.
        opens: What the Board sent, and every officer accepted.
    """

    signer: Authority
    clock: list[dt.datetime]
    opens: tuple[Document, ...]


def build(
    home: Path, names: Iterable[str], changes: dict[str, dict[str, object]]
) -> Network:
    """Start every site of the roster, and a centre that may ask those named."""
    clock = [dt.datetime.now(dt.UTC)]
    engine = database.connect(database.address(home / "store.sqlite"))
    signer = Authority(home / "authority", engine)
    mine = signer.equip_coordinator(home / "identity", now=clock[0])
    signed = governed.mandate(now=clock[0], sites=governed.listed(sorted(names)))
    opening = Opening(signer=signer, clock=clock, opens=(signed,))
    sites = {
        name: start(home / name, name, opening, exact=100 * n, **changes.get(name, {}))
        for n, name in enumerate([*names, *sorted(set(SITES) - set(names))], start=1)
    }
    listed = SiteList(engine)
    for site in sites.values():
        listed.add(Site(name=site.name, address=site.address))

    def connect(site: Site) -> NodeClient:
        return NodeClient(
            site.address, site=site.name, identity=mine, call_timeout_seconds=10
        )

    desk = Desk(
        programme=PROGRAMME,
        store=Store(engine),
        evidence=Evidence(engine),
        log=Log(engine, "cmpp", samples.key("coordinator")),
        roster=roster.parse(governed.roster()),
        mandate=mandate.parse(signed),
        key=samples.key("coordinator"),
        site_list=listed,
        connect=connect,
        deadline_seconds=20,
        confidence=Fraction(19, 20),
        asked_by="a-test",
        purpose="oversight",
    )
    return Network(home, desk, sites, signer, clock, signed)


def start(
    home: Path,
    name: str,
    opening: Opening,
    *,
    exact: int,
    born: dt.datetime | None = None,
    **changes: object,
) -> Member:
    """Start one site's real node over a made-up tally."""
    clock, now = opening.clock, opening.clock[0]
    _certify(home, name, opening.signer, now=born or now)
    ledger = Ledger.create(f"sqlite:///{home}/ledger.sqlite", site=name, now=now)
    opens = [each for each in opening.opens if name in mandate.parse(each).sites]
    charter = govern(ledger, name, now=now, opens=opens, **changes)
    ledger.boot(secrets.token_bytes(BOOT_BYTES), now=now)
    said = samples.key(name)
    standing = Standing(ledger, site=name, key=said, law=charter.law)
    carrier = Carrier(
        charter=charter,
        standing=standing,
        witness=Witness(ledger, site=name, key=said, law=charter.law),
        clock=lambda: clock[0],
    )
    reads: list[Query] = []
    story = Node(
        site=name,
        charter=charter,
        ledger=ledger,
        standing=standing,
        key=said,
        dictionary=PROGRAMME.dictionary,
        size_class="small",
        software="0.1.0",
        closed_through=lambda: Period("FY2025-Q4"),
        read=partial(_read, reads, exact),
    )
    timetable = Immediate()
    door = Door(
        address="127.0.0.1:0",
        identity=lambda: identity.load(home / "identity"),
        trust=lambda: identity.trust(
            home / "identity", coordinator=mtls.COORDINATOR_URI
        ),
        timetable=timetable,
        clock=lambda: clock[0],
    )
    server = NodeServer(story, carried=carrier.methods(), door=door)
    address = f"127.0.0.1:{server.start()}"
    return Member(name, home, server, ledger, charter, address, timetable, reads)


def _certify(home: Path, name: str, signer: Authority, *, now: dt.datetime) -> None:
    """Make a site's home, with a key and a certificate signed at some moment."""
    home.mkdir()
    key = credentials.create_key(home / "identity" / credentials.KEY_FILE)
    leaf = signer.sign_node(credentials.signing_request(key), site=name, now=now)
    credentials.install(home / "identity", leaf=leaf, authority=signer.pem)


def _read(reads: list[Query], exact: int, query: Query) -> Tally:
    """Give the made-up tally, and note that somebody read."""
    reads.append(query)
    return Tally([exact] * len(cells(query, PROGRAMME.dictionary)))


def order(metric: str, period: str, **rho: str) -> Order:
    """Name a metric, a period and the loss of each query."""
    losses = {name: Fraction(text) for name, text in rho.items()}
    return Order(metric=PROGRAMME.metric(metric), period=Period(period), rho=losses)


def saying(
    network: Network,
    name: str,
    change: Callable[[Answer], dict[str, object]],
    signer: str | None = None,
) -> Callable[[Site], NodeClient]:
    """Have one site say something else, signed by itself or by somebody else."""

    class Other(NodeClient):
        def answer(self, asked: Ask, **named: float) -> Answer | Refusal:
            said = super().answer(asked, **named)
            assert isinstance(said, Answer)
            changed = replace(said, **change(said))
            changed = replace(changed, values=tuple(changed.values))
            signed = SignedAnswer.of(asked, changed)._signed()
            return replace(changed, receipt=samples.key(signer or name).sign(signed))

    def connect(site: Site) -> NodeClient:
        client = network.desk.connect(site)
        if site.name == name:
            client.__class__ = Other
        return client

    return connect
