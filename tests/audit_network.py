"""A small network in one process: real nodes, a real coordinator, no sockets.

It goes through everything an auditor meets: two rosters, mandates, an edition, a
refusal, a withdrawal, a freeze, charges that several metrics share.
"""

import datetime as dt
import secrets
from fractions import Fraction
from pathlib import Path
from typing import Self

from coordinator import ask, database
from coordinator.audit import gather
from coordinator.audit.pack import Pack
from coordinator.desk import Desk
from coordinator.documents import Documents
from coordinator.evidence import Evidence
from coordinator.figures import PublicFigures
from coordinator.governance import Governance
from coordinator.log import Log
from coordinator.order import Order
from coordinator.sites import Site, SiteList
from coordinator.store import Store
from node.answer import Node
from node.ledger import Ledger
from node.witness import Standing, Witness
from privacy import archive, catalogue, drawing, mandate, roster
from privacy import edition as editions
from privacy.catalogue import Programme
from privacy.chain import Kind
from privacy.errors import ExchangeError, Refused, Unreachable
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query, cells
from privacy.signing import Document
from privacy.signing import Kind as Signed
from privacy.statement import BOOT_BYTES
from proto.wire import Answer, Ask, Refusal, RefusalCode
from tests import draw_samples as draws
from tests import governed, programme_samples
from tests import signed_samples as samples

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
SITES = samples.SITES
NETWORK = "cmpp"
SHIPPED = catalogue.load()


class Clock:
    """Time that goes on by a minute whenever a test says so."""

    def __init__(self, now: dt.datetime = NOW) -> None:
        self.now = now

    def later(self) -> dt.datetime:
        self.now += dt.timedelta(minutes=1)
        return self.now


class Direct:
    """A line to a node in the same process, with a client's methods."""

    def __init__(self, member: "Member") -> None:
        self._member = member

    def answer(self, asked: Ask, *, deadline_seconds: float) -> Answer | Refusal:
        assert deadline_seconds > 0
        node = self._member.node
        try:
            answer = node.answer(asked, now=self._member.clock.now)
        except Refused as refused:
            name = refused.code.upper().replace("-", "_")
            return Refusal(code=RefusalCode[name], left_pico=0, asked_pico=0)
        assert node.show(answer)
        return answer

    def standing(self, peers: list[str]) -> tuple[bytes, ...]:
        return self._member.node.standing.heads(peers, seconds=0.05)

    def witness(self, head: bytes) -> bytes:
        return self._member.witness.attest(head)

    def present(self, attestations: list[bytes]) -> bool:
        return self._member.node.standing.present(attestations)

    def deliver(self, document: Document) -> str:
        try:
            return self._member.charter.deliver(document, now=self._member.clock.now)
        except ExchangeError:
            return "refused"

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Member:
    """One site: its ledger, its node, its side of witnessing."""

    def __init__(
        self, site: str, folder: Path, clock: Clock, *, exact: int, **changes: object
    ) -> None:
        self.site, self.clock = site, clock
        self.ledger = Ledger.create(
            f"sqlite:///{folder}/{site}.sqlite", site=site, now=clock.now
        )
        self.charter = governed.govern(
            self.ledger, site, now=clock.now, sites=SITES, **changes
        )
        self.ledger.boot(secrets.token_bytes(BOOT_BYTES), now=clock.now)
        key = samples.key(site)
        self.witness = Witness(self.ledger, site=site, key=key, law=self.charter.law)
        self.exact, self.dies = exact, False
        self.node = Node(
            site=site,
            charter=self.charter,
            ledger=self.ledger,
            standing=Standing(self.ledger, site=site, key=key, law=self.charter.law),
            key=key,
            dictionary=SHIPPED.dictionary,
            size_class="small",
            software="0.1.0",
            closed_through=lambda: Period("FY2025-Q4"),
            read=self._read,
        )

    def _read(self, query: Query) -> Tally:
        if self.dies:
            raise Unreachable("The process is gone.")
        return Tally([self.exact] * len(cells(query, SHIPPED.dictionary)))

    def accept(self, document: Document) -> None:
        governed.accept(self.charter, document, now=self.clock.now)

    def archive(self) -> bytes:
        return archive.signed(self.ledger.export(), samples.key(self.site))


class Network:
    """The coordinator with its database, and three sites."""

    def __init__(
        self,
        folder: Path,
        policies: dict[str, dict[str, object]] | None = None,
        *,
        began: dt.datetime = NOW,
    ) -> None:
        self.clock = Clock(began)
        self.engine = database.connect(database.address(folder / "store.sqlite"))
        self.log = Log(self.engine, NETWORK, samples.key("coordinator"))
        self.documents = Documents(self.engine)
        self.evidence, self.store = Evidence(self.engine), Store(self.engine)
        self.sites = SiteList(self.engine)
        self.figures = PublicFigures()
        self.members = {
            site: Member(
                site,
                folder,
                self.clock,
                exact=120 + n,
                **(policies or {}).get(site, {}),
            )
            for n, site in enumerate(SITES)
        }
        for n, site in enumerate(SITES):
            self.sites.add(Site(name=site, address=f"127.0.0.1:{7000 + n}"))
        self.submit(governed.roster(SITES))

    def connect(self, site: Site) -> Direct:
        return Direct(self.members[site.name])

    @property
    def governance(self) -> Governance:
        return Governance(
            network=NETWORK,
            documents=self.documents,
            log=self.log,
            sites={site.name: site for site in self.sites.all()},
            connect=self.connect,
        )

    def submit(self, document: Document, *, accept: bool = False) -> Document:
        """Bring what the Board signed to every site, and have the officers accept."""
        self.governance.submit(document, now=self.clock.later())
        for member in self.members.values() if accept else ():
            member.accept(document)
        self.clock.later()
        return document

    def agree(self, document: Document) -> None:
        """Have every operator agree to a roster, and publish it."""
        digest = document.digest.hex()
        for member in self.members.values():
            member.charter.enact(Kind.AGREED, subject=digest, now=self.clock.now)
        self.submit(document)

    def ask(
        self,
        opened: Document,
        *orders: Order,
        programme: Programme = SHIPPED,
        purpose: str = "oversight",
    ) -> ask.Outcome:
        """Ask something under a mandate, as the coordinator does."""
        desk = Desk(
            programme=programme,
            store=self.store,
            evidence=self.evidence,
            log=self.log,
            roster=roster.parse(self.documents.all(Signed.ROSTER)[-1].document),
            mandate=mandate.parse(opened),
            key=samples.key("coordinator"),
            site_list=self.sites,
            connect=self.connect,
            deadline_seconds=20,
            confidence=Fraction(19, 20),
            asked_by="analyst",
            purpose=purpose,
            plans=self.governance.plans(),
            figures=self.figures,
        )
        return ask.ask(orders, desk=desk, now=self.clock.later())

    def pack(self) -> Pack:
        """Have every site write its archive, and the centre its evidence."""
        return gather.pack(
            documents=self.documents,
            log=self.log,
            head=self.log.head(self.clock.later()),
            evidence=self.evidence,
            store=self.store,
            ledgers={name: m.archive() for name, m in self.members.items()},
        )

    def close(self) -> None:
        for member in self.members.values():
            member.ledger.close()
        self.engine.dispose()


def order(
    metric: str, period: str, programme: Programme = SHIPPED, **rho: str
) -> Order:
    """Name a metric, a period and the loss of each query."""
    losses = {name: Fraction(text) for name, text in rho.items()}
    return Order(metric=programme.metric(metric), period=Period(period), rho=losses)


def mandated(now: dt.datetime, **changes: str) -> Document:
    """Return a mandate of this network's sites."""
    return governed.mandate(now=now, **({"sites": governed.listed(SITES)} | changes))


def lived(folder: Path) -> Network:
    """Return a network after all that an auditor may meet."""
    allowing = {"allow": governed.listed([*governed.RUNNING, "M99"])}
    policies = {site: dict(allowing) for site in SITES}
    policies["LAX"]["deny"] = governed.listed(["M09"])
    network = Network(folder, policies)
    opened = network.submit(mandated(NOW), accept=True)
    network.ask(opened, order("M08", "FY2024-H2", enrolled="0.02"))
    network.ask(
        opened,
        order("M29", "FY2024-H2", hearings="0.01"),
        order("M01", "FY2024-H2", pool="0.01"),
        order("M04", "FY2024-H2", pool="0.01"),
        order("M09", "FY2024-H2", active="0.01"),
    )
    first = governed.roster(SITES)
    network.agree(samples.roster(version=2, previous=first, sites=SITES))
    edition = network.submit(programme_samples.edition(2), accept=True)
    newer = editions.parse(edition).programme
    later = network.submit(
        mandated(
            NOW,
            number='"2026-02"',
            programme=f'"{newer.version}"',
            metrics='["M99"]',
        ),
        accept=True,
    )
    network.ask(later, order("M99", "FY2024", newer, pool="0.015"), programme=newer)
    network.submit(samples.revocation(opened))
    network.submit(samples.order("freeze", 1))
    network.submit(samples.order("resume", 2))
    draw(network, "NYC")
    return network


def draw(network: Network, site: str) -> Document:
    """Hold a draw at a site, from the closed list to the outcome; return the list."""
    closed, member = draws.closed(site=site), network.members[site]

    def own(paper: Document) -> Document:
        member.charter.enact(Kind.DRAW, paper, now=network.clock.now)
        return network.submit(paper)

    listed = own(draws.listed(closed))
    head = (len(network.log.entries()), network.log.root())
    for name in draws.MEMBERS:
        network.submit(draws.pledge(listed, name, log=head))
    for name in draws.MEMBERS:
        network.submit(draws.share(listed, name))
    nonce = member.charter.law().draws[listed.digest.hex()].nonce
    assert nonce is not None
    own(draws.outcome(listed, nonce, drawing.draw(closed, nonce).digest))
    return listed
