"""A government for tests: a board, sites, officers, and peers who witness.

Everything is signed for real with the sample keys, and judged by the product. Only
the peers' heads are kept in memory here instead of in five ledgers.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product

from node.charter import Charter
from node.ledger import Ledger
from node.witness import Standing
from privacy import catalogue, statement
from privacy.catalogue import Status
from privacy.chain import Kind
from privacy.decision import Act
from privacy.mandate import Purpose
from privacy.signing import Document
from privacy.statement import Attestation, Verdict
from tests import signed_samples as samples

SITES = ("BAL", "DCA", "HOU", "LAX", "NYC")
PROGRAMME = catalogue.load()
RUNNING = tuple(
    sorted(n for n, m in PROGRAMME.metrics.items() if m.status is Status.RUNNING)
)
PERIODS = tuple(
    f"FY{year}{part}"
    for year, part in product(
        range(2023, 2028), ("", "-H1", "-H2", "-Q1", "-Q2", "-Q3", "-Q4")
    )
)


def listed(words: Iterable[str]) -> str:
    """Write a list as TOML does."""
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def roster(sites: Iterable[str] = SITES) -> Document:
    """Return a roster of some sites, signed by all of them."""
    return samples.roster(sites=tuple(sites))


def policy(site: str, *, now: dt.datetime, **changes: object) -> Document:
    """Return a generous policy of a site, signed by its two officers."""
    known: dict[str, object] = {
        "site": f'"{site}"',
        "allow": listed(RUNNING),
        "period_kinds": listed(("quarter", "half-year", "fiscal-year")),
        "purposes": listed(p.value for p in Purpose),
        "first_entry_year": '"FY2022"',
        "last_entry_year": '"FY2027"',
        "not_before": _moment(now - dt.timedelta(days=1)),
        "not_after": _moment(now + dt.timedelta(days=365)),
        "caps": "2",
        "per_release": "1",
    }
    return samples.policy(**(known | changes))


def mandate(*, now: dt.datetime, **changes: str) -> Document:
    """Return a mandate over everything that runs, signed by two members."""
    known = {
        "metrics": listed(RUNNING),
        "purposes": listed(p.value for p in Purpose),
        "sites": listed(SITES),
        "periods": listed(PERIODS),
        "loss_rho": '"2"',
        "worst_rho": '"2"',
        "not_before": _moment(now - dt.timedelta(days=1)),
        "not_after": _moment(now + dt.timedelta(days=365)),
    }
    return samples.mandate(**(known | changes))


def govern(
    ledger: Ledger,
    site: str,
    *,
    now: dt.datetime,
    opens: Iterable[Document] = (),
    sites: Iterable[str] = SITES,
    **changes: object,
) -> Charter:
    """Put a roster, a policy and accepted mandates in force at a site."""
    charter = Charter(ledger, site=site)
    made = roster(sites)
    charter.enact(Kind.AGREED, subject=made.digest.hex(), now=now)
    charter.enact(Kind.ROSTER, made, now=now)
    charter.enact(Kind.POLICY, policy(site, now=now, **changes), now=now)
    for document in opens:
        charter.deliver(document, now=now)
        accept(charter, document, now=now)
    return charter


def accept(charter: Charter, document: Document, *, now: dt.datetime) -> None:
    """Have an officer accept what the Board sent."""
    subject = document.digest.hex()
    drafted = charter.decide(Act.ACCEPT, subject=subject, reason="Read it.", now=now)
    decision = samples.signed(drafted, "olga")
    charter.enact(Kind.ACCEPTED, decision, subject=subject, now=now)


@dataclass
class Peers:
    """The other sites of a network, as honest witnesses of one."""

    site: str
    names: tuple[str, ...]
    kept: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, site: str, sites: Iterable[str] = SITES) -> "Peers":
        """Return the peers of a site."""
        return cls(site, tuple(sorted(set(sites) - {site})))

    def attest(self, peer: str, head: bytes) -> bytes:
        """Do as one honest peer does with a head."""
        shown = statement.read_head(head, key=samples.public(self.site))
        before = self.kept.get(peer)
        taken = statement.takes(before and statement.kept_head(before), shown)
        if taken:
            self.kept[peer] = head
        return Attestation(
            witness=peer,
            about=self.site,
            boot=shown.boot,
            verdict=Verdict.TAKEN if taken else Verdict.REFUSED,
            kept=self.kept[peer],
        ).signed(samples.key(peer))

    def attend(self, standing: Standing, *, rounds: int = 3) -> bool:
        """Witness whatever waits for it, as an honest coordinator would arrange."""
        for _ in range(rounds):
            heads = standing.heads(self.names, seconds=0)
            if not heads:
                return True
            shown = zip(self.names, heads, strict=True)
            standing.present([self.attest(peer, head) for peer, head in shown])
        return not standing.heads(self.names, seconds=0)


def _moment(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")
