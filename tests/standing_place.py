"""A site's ledger and what it states of it, on a file that can be put back."""

import secrets
from pathlib import Path

from node.charter import Charter
from node.ledger import Ledger
from node.witness import Standing, Witness
from privacy import statement
from privacy.statement import BOOT_BYTES, Attestation, Head, Verdict
from tests import governed
from tests import signed_samples as samples
from tests.ledger_samples import NOW, charge_for

SITE = "NYC"
SITES = governed.SITES
PEERS = tuple(name for name in SITES if name != SITE)
QUORUM = 3


class Place:
    """A site's ledger and its standing, on a file that can be put back."""

    def __init__(self, path: Path, *, site: str = SITE, ruled: bool = True) -> None:
        self.path = path
        self.site = site
        if not path.exists():
            made = Ledger.create(f"sqlite:///{path}", site=site, now=NOW)
            if ruled:
                mandate = governed.mandate(now=NOW)
                governed.govern(made, site, now=NOW, opens=[mandate])
            made.close()
        self.start()

    def start(self) -> None:
        self.ledger = Ledger.open(f"sqlite:///{self.path}")
        self.ledger.boot(secrets.token_bytes(BOOT_BYTES), now=NOW)
        self.charter = Charter(self.ledger, site=self.site)
        key, law = samples.key(self.site), self.charter.law
        self.standing = Standing(self.ledger, site=self.site, key=key, law=law)
        self.witness = Witness(self.ledger, site=self.site, key=key, law=law)

    def restart(self) -> None:
        self.ledger.close()
        self.start()

    def spend(self, name: str) -> int:
        """Charge something, and return its entry."""
        mandate = governed.mandate(now=NOW).digest
        self.ledger.charge(charge_for(name, mandate=mandate), now=NOW)
        return self.ledger.head().sequence

    def head(self, peer: str = "HOU") -> Head:
        (data,) = self.standing.heads([peer], seconds=0)
        return statement.read_head(data, key=samples.public(self.site))


def says(peer: str, head: bytes, **changes: object) -> bytes:
    """Write what a peer says of a head: taken, unless told."""
    parts = {
        "witness": peer,
        "about": SITE,
        "boot": statement.kept_head(head).boot,
        "verdict": Verdict.TAKEN,
        "kept": head,
    }
    return Attestation(**parts | changes).signed(samples.key(peer))


def taken(place: Place, *peers: str) -> list[bytes]:
    """Have peers take the newest head that is shown."""
    heads = place.standing.heads(peers, seconds=0)
    return [says(peer, head) for peer, head in zip(peers, heads, strict=True)]
