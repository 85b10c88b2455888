"""Real sites in one process, whose clock a test sets and whose records are made up."""

import datetime as dt
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from node.answer import Node
from node.carrier import Carrier
from node.charter import Charter
from node.door import Door
from node.ledger import Ledger
from node.server import NodeServer
from node.witness import Standing, Witness
from privacy.chain import SPENDING, Kind
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query
from privacy.signing import Document
from privacy.statement import BOOT_BYTES
from proto.description import Description
from proto.mtls import COORDINATOR_URI, Identity, Trust
from proto.wire import Answer, Ask
from tests import doors, governed
from tests import signed_samples as samples
from tests.governed import accept
from tests.living_site import MANDATE, size
from tests.own_records import NOW, PROGRAMME

SITES = ("BAL", "DCA", "HOU", "LAX", "NYC")
SEATS = samples.SEATS | {"abel": ("Shelter Alliance", "member")}
"""The sample board, and a second seat of one organisation."""

ROSTER = samples.roster(sites=SITES, seats=SEATS)


class Member:
    """One site: its ledger's file, the node that serves it now, and its clock."""

    def __init__(
        self,
        name: str,
        folder: Path,
        identity: Identity,
        *,
        opens: Sequence[Document] = (MANDATE,),
        **changes: object,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.key = name
        """Whose key signs its statements; its own, unless a test says otherwise."""
        self.path = folder / "ledger.sqlite"
        self.shift = dt.timedelta(0)
        self.reads = 0
        self._identity = identity
        ledger = Ledger.create(self.url, site=name, now=NOW)
        govern(Charter(ledger, site=name), opens=opens, **changes)
        ledger.close()
        self.start()

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def now(self) -> dt.datetime:
        return NOW + self.shift

    def start(self) -> None:
        """Begin to serve, as a process does after it was started."""
        name, key = self.name, samples.key(self.key)
        self.ledger = Ledger.open(self.url)
        self.ledger.boot(secrets.token_bytes(BOOT_BYTES), now=NOW)
        self.charter = Charter(self.ledger, site=name)
        law = self.charter.law
        self.standing = Standing(self.ledger, site=name, key=key, law=law)
        self.node = Node(
            site=name,
            charter=self.charter,
            ledger=self.ledger,
            standing=self.standing,
            key=key,
            dictionary=PROGRAMME.dictionary,
            size_class="small",
            software="0.1.0",
            closed_through=lambda: Period("FY2025-Q4"),
            read=self._read,
        )
        carrier = Carrier(
            charter=self.charter,
            standing=self.standing,
            witness=Witness(self.ledger, site=name, key=key, law=law),
            clock=self.now,
        )
        door = Door(
            address="127.0.0.1:0",
            identity=lambda: self._identity,
            trust=lambda: Trust(
                allowed=frozenset({COORDINATOR_URI}),
                authority=self._identity.authority,
            ),
            timetable=doors.Immediate(),  # type: ignore[arg-type]
            clock=doors.now,
        )
        self.server = NodeServer(self, carried=carrier.methods(), door=door)
        self.port = self.server.start()

    def stop(self) -> None:
        self.server.drain(0.1)
        self.ledger.close()

    def cloned(self, path: Path) -> "Member":
        """Start a second node of this site on a copy of its ledger."""
        other = object.__new__(Member)
        other.__dict__.update(self.__dict__)
        other.path = Path(shutil.copy(self.path, path))
        other.start()
        return other

    def restart(self, before: Callable[[], object] = lambda: None) -> None:
        """End the node and start it again; something may happen in between."""
        self.stop()
        before()
        self.start()

    def answer(self, ask: Ask, *, now: dt.datetime) -> Answer:
        # The site's own time stands still; only certificates follow the clock.
        del now
        return self.node.answer(ask, now=self.now())

    def check(self, ask: Ask, *, now: dt.datetime) -> None:
        del now
        self.node.check(ask, now=self.now())

    def show(self, answer: Answer) -> bool:
        return self.node.show(answer)

    def describe(self) -> Description:
        return self.node.describe()

    def spending(self) -> tuple[object, ...]:
        """Return all that was charged, released and read here so far."""
        spent = [e.hash for e in self.ledger.entries() if e.kind in SPENDING]
        return (*spent, self.reads)

    def charges(self) -> int:
        """Count the charges."""
        return sum(e.kind is Kind.CHARGE for e in self.ledger.entries())

    def _read(self, asked: Query) -> Tally:
        self.reads += 1
        return Tally([100] * size(asked))


def govern(
    charter: Charter,
    *,
    opens: Sequence[Document] = (),
    roster: Document = ROSTER,
    **changes: object,
) -> None:
    """Put the roster, a policy and accepted mandates in force at a site."""
    charter.enact(Kind.AGREED, subject=roster.digest.hex(), now=NOW)
    charter.enact(Kind.ROSTER, roster, now=NOW)
    policy = governed.policy(charter.site, now=NOW, **changes)
    charter.enact(Kind.POLICY, policy, now=NOW)
    for document in opens:
        charter.deliver(document, now=NOW)
        accept(charter, document, now=NOW)
