"""A network of real nodes in one process, and a coordinator that need not be honest.

The coordinator has what the real one has: its certificate, its key for questions,
every document that was ever signed and every statement it carried. It has nobody
else's key. The sites are real: doors with mutual TLS, durable ledgers, signed rules.
Only their records are made up.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node import answer as story
from node import carrier as carriers
from privacy import query, statement
from privacy.signing import Document
from privacy.statement import Attestation, Verdict
from proto import mtls, relay, wire
from proto.client import ANSWER, DELIVER, PRESENT, STANDING, WITNESS
from proto.mtls import Identity
from proto.wire import Ask, NotReady, Outcome
from tests import doors, living_site
from tests import signed_samples as samples
from tests.members import SITES, Member

QUORUM = 3
"""Of the four peers of each site, where one may collude."""

STATUSES = {
    "INVALID_ARGUMENT malformed",
    "PERMISSION_DENIED denied",
    "RESOURCE_EXHAUSTED busy",
    "INTERNAL internal",
}
MALFORMED, DENIED, _, INTERNAL = (
    "INVALID_ARGUMENT malformed",
    "PERMISSION_DENIED denied",
    "RESOURCE_EXHAUSTED busy",
    "INTERNAL internal",
)

PERIODS = tuple(f"FY2024{part}" for part in ("-H2", "-H1", "", "-Q1", "-Q2", "-Q3"))
PERIODS += tuple(f"FY2023{part}" for part in ("-H2", "-H1", "", "-Q1", "-Q2", "-Q3"))

Heard = bytes | str
"""The bytes of a reply, or the status and words of a call that ended without one."""


@dataclass
class Liar:
    """Whoever holds the coordinator's name and key."""

    identity: Identity
    members: dict[str, Member]
    key: Ed25519PrivateKey = field(default_factory=lambda: samples.key("coordinator"))
    channels: dict[tuple[str, int], grpc.Channel] = field(default_factory=dict)

    def call(self, site: str, method: str, data: bytes) -> Heard:
        """Make one call, and return what came back, whatever it is."""
        port = self.members[site].port
        if (site, port) not in self.channels:
            self.channels[site, port] = mtls.channel(
                f"127.0.0.1:{port}",
                peer_dns=mtls.site_dns(site),
                authority=self.identity.authority,
                identity=self.identity,
            )
        try:
            heard: bytes = self.channels[site, port].unary_unary(method)(
                data, timeout=30
            )
        except grpc.RpcError as error:
            said = f"{error.code().name} {error.details()}"
            assert said in STATUSES
            return said
        return heard

    def close(self) -> None:
        for channel in self.channels.values():
            channel.close()

    # ---- questions -----------------------------------------------------------

    def put(self, ask: Ask, *, to: str = "NYC") -> Outcome | str:
        """Put a question once."""
        heard = self.call(to, ANSWER, wire.ask_to_bytes(ask))
        if isinstance(heard, str):
            return heard
        return wire.reply_from_bytes(heard, cells=ask.cells)

    def ask(self, ask: Ask) -> Outcome | str:
        """Ask as an honest coordinator does: carry statements until it is answered."""
        said: Outcome | str = NotReady()
        for _ in range(4):
            said = self.put(ask, to=ask.site)
            if not isinstance(said, NotReady):
                break
            self.carry(ask.site)
        return said

    # ---- statements ----------------------------------------------------------

    def peers(self, site: str) -> list[str]:
        return [name for name in sorted(self.members) if name != site]

    def heads(self, site: str, peers: Sequence[str]) -> dict[str, bytes] | str:
        """Have a site state where its ledger is, once for each peer."""
        heard = self.call(site, STANDING, relay.peers_to_bytes(sorted(peers)))
        if isinstance(heard, str):
            return heard
        found = relay.heads_from_bytes(heard, peers=len(peers))
        return dict(zip(sorted(peers), found, strict=False))

    def show(self, head: bytes, *, to: str) -> bytes | str:
        """Show a site a head, and return what it attests."""
        heard = self.call(to, WITNESS, relay.head_to_bytes(head))
        return heard if isinstance(heard, str) else relay.attestation_from_bytes(heard)

    def present(self, site: str, attestations: Sequence[bytes]) -> bool | str:
        """Bring a site attestations, and return whether they are enough."""
        heard = self.call(site, PRESENT, relay.attestations_to_bytes(attestations))
        return heard if isinstance(heard, str) else relay.enough_from_bytes(heard)

    def collect(self, site: str, peers: Sequence[str] = ()) -> list[bytes]:
        """Carry a site's heads to peers, and return what they attest."""
        heads = self.heads(site, peers or self.peers(site))
        assert isinstance(heads, dict)
        attested = [self.show(head, to=peer) for peer, head in heads.items()]
        assert all(isinstance(each, bytes) for each in attested)
        return [each for each in attested if isinstance(each, bytes)]

    def carry(self, site: str, peers: Sequence[str] = ()) -> bool | str:
        """Carry a site's heads to peers and what they attest back, until it is enough.

        A peer that kept another head hands it back at first, so it takes two rounds.
        """
        enough: bool | str = False
        for _ in range(2):
            attested = self.collect(site, peers)
            if not attested:
                return True
            enough = self.present(site, attested)
            if enough is not False:
                break
        return enough

    # ---- documents -----------------------------------------------------------

    def deliver(self, document: Document, *, to: str = "NYC") -> str:
        """Bring a document in parts, as the honest coordinator does."""
        return self.bring(relay.parts(document.kind, document.file()), to=to)

    def bring(self, parts: Iterator[relay.Part], *, to: str = "NYC") -> str:
        """Bring parts of a document in any order; return the last word."""
        word = "more"
        for part in parts:
            heard = self.call(to, DELIVER, relay.part_to_bytes(part))
            word = heard if isinstance(heard, str) else relay.delivery_from_bytes(heard)
            if word != "more":
                break
        return word


@dataclass
class Network:
    """The sites, and who is between them."""

    members: dict[str, Member]
    liar: Liar
    questions: Iterator[Ask]
    centre: doors.Centre

    @property
    def nyc(self) -> Member:
        return self.members["NYC"]

    def fresh(self, **changes: object) -> Ask:
        """Return a question that was never asked, with some words changed, signed."""
        asked = next(self.questions)
        return living_site.ask(
            **{
                "metric": asked.metric,
                "period": period_of(asked),
                "name": asked.query_name,
                "rho": "0.001",
                **changes,
            }
        )

    def state(self) -> dict[str, tuple[object, ...]]:
        """Return all that was charged, released and read anywhere."""
        return {name: member.spending() for name, member in self.members.items()}

    def rules(self) -> dict[str, int]:
        """Return the newest rule of every site."""
        return {n: m.ledger.law_mark() for n, m in self.members.items()}


def attested(head: bytes, *, by: str) -> bytes:
    """Attest a head as a peer that lies: taken, whatever it is."""
    shown = statement.kept_head(head)
    return Attestation(
        witness=by,
        about=shown.site,
        boot=shown.boot,
        verdict=Verdict.TAKEN,
        kept=head,
    ).signed(samples.key(by))


def period_of(asked: Ask) -> str:
    """Return the period a question is about."""
    (found,) = query.parse(asked.query).periods
    return found.label


@contextmanager
def network(folder: Path, *, without: str = "", **changes: object) -> Iterator[Network]:
    """Open a network in which every wait for witnesses is as short as can be."""
    folder.mkdir(exist_ok=True)
    centre = doors.Centre(folder)
    members: dict[str, Member] = {}
    liar = Liar(centre.coordinator, members)
    stated = living_site.all_questions(*PERIODS)
    questions = iter({asked.query: asked for asked in stated}.values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(story, "WITNESS_SECONDS", 0.0)
        patch.setattr(carriers, "LOOK_SECONDS", 0.0)
        try:
            for name in sorted(set(SITES) - {without}):
                home = folder / name
                identity = centre.node(home / "identity", name)
                members[name] = Member(name, home, identity, **changes)
            yield Network(members, liar, questions, centre)
        finally:
            liar.close()
            for member in members.values():
                with suppress(Exception):
                    member.stop()
