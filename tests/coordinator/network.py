"""A small network in one process: real doors, ledgers and policies, no records."""

import datetime as dt
from concurrent import futures
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from coordinator import database
from coordinator.ask import Desk
from coordinator.authority import Authority
from coordinator.order import Order
from coordinator.sites import SiteList
from coordinator.store import Store
from node import identity, policy
from node.answer import Node
from node.ledger import Ledger
from node.policy import officer
from node.server import Door, NodeServer
from privacy import catalogue
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query, cells
from proto import credentials, mtls

NOW = dt.datetime(2026, 11, 22, 8, 0, tzinfo=dt.UTC)
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
    address: str
    reads: list[Query] = field(default_factory=list)


@dataclass
class Network:
    """The centre and its sites."""

    home: Path
    desk: Desk
    sites: dict[str, Member]
    authority: Authority
    clock: list[dt.datetime]

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
        return self.again(store=Store(engine), site_list=listed)


def signed_policy(home: Path, site: str, **changes: object) -> policy.Policy:
    """Have a new officer sign a policy, and load it as the node would."""
    public = officer.init(home / "officer", passphrase=None)
    draft = policy.Draft(
        **{
            "site": site,
            "programme": PROGRAMME.version,
            "metrics": ("M01", "M04", "M08", "M09", "M29"),
            "first_entry_year": "FY2023",
            "last_entry_year": "FY2026",
            "lifetime_rho": "2",
            "per_release_rho": "1",
            "not_before": NOW - dt.timedelta(days=1),
            **changes,
        }
    )
    path = home / "policy.toml"
    path.write_text(policy.draft_policy(draft))
    key = officer.load_key(home / "officer" / officer.KEY_FILE, passphrase=None)
    return policy.load(
        path,
        signature_path=policy.sign(path, key=key),
        officer=officer.load_public(public),
        site=site,
        last_version=0,
    )


def start(
    home: Path,
    name: str,
    signer: Authority,
    clock: list[dt.datetime],
    *,
    exact: int,
    born: dt.datetime | None = None,
    **changes: object,
) -> Member:
    """Start one site's real node over a made-up tally."""
    home.mkdir()
    key = credentials.create_key(home / "identity" / credentials.KEY_FILE)
    request = credentials.signing_request(key)
    leaf = signer.sign_node(request, site=name, now=born or clock[0])
    credentials.install(home / "identity", leaf=leaf, authority=signer.pem)
    rules = signed_policy(home, name, **changes)
    ledger = Ledger.create(f"sqlite:///{home}/ledger.sqlite", site=name, now=NOW)
    ledger.adopt(rules, now=NOW)
    reads: list[Query] = []

    def read(query: Query) -> Tally:
        reads.append(query)
        return Tally([exact] * len(cells(query, PROGRAMME.dictionary)))

    story = Node(
        site=name,
        programme=PROGRAMME,
        policy=rules,
        ledger=ledger,
        size_class="small",
        software="0.1.0",
        closed_through=lambda: Period("FY2025-Q4"),
        read=read,
    )
    door = Door(
        address="127.0.0.1:0",
        identity=lambda: identity.load(home / "identity"),
        trust=lambda: identity.trust(
            home / "identity", coordinator=mtls.COORDINATOR_URI
        ),
        timetable=Immediate(),
        clock=lambda: clock[0],
    )
    server = NodeServer(story, door=door)
    address = f"127.0.0.1:{server.start()}"
    return Member(name, home, server, ledger, address, reads)


def order(metric: str, period: str, **rho: str) -> Order:
    """Name a metric, a period and the loss of each query."""
    losses = {name: Fraction(text) for name, text in rho.items()}
    return Order(metric=PROGRAMME.metric(metric), period=Period(period), rho=losses)
