"""A site that has joined and nothing more: real door, ledger and keys, no rules."""

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coordinator.authority import Authority
from node import identity
from node.answer import Node
from node.carrier import Carrier
from node.charter import Charter
from node.cli.home import CONFIG, Home
from node.config import NodeConfig
from node.door import Door
from node.ledger import Ledger
from node.server import NodeServer
from node.witness import Standing, Witness
from privacy.mechanism import Tally
from privacy.statement import BOOT_BYTES
from proto import credentials, mtls
from proto.invitation import Joining
from tests.doors import Immediate


@dataclass
class BareSite:
    """One site's running node, and the directory its commands use."""

    name: str
    directory: Path
    server: NodeServer
    charter: Charter
    ledger: Ledger
    address: str

    def stop(self) -> None:
        """Stop answering calls."""
        self.server.drain(0.1)


def start(
    directory: Path, name: str, signer: Authority, clock: Callable[[], dt.datetime]
) -> BareSite:
    """Make a site, have it join, and serve what the coordinator carries."""
    directory.mkdir(parents=True)
    (directory / CONFIG).write_text(NodeConfig.sample(name))
    folder, home = directory / "identity", Home(directory)
    join(folder, name, signer, clock())
    key = identity.statement_key(folder)
    ledger = Ledger.create(home.ledger_url, site=name, now=clock())
    ledger.boot(secrets.token_bytes(BOOT_BYTES), now=clock())
    charter = Charter(ledger, site=name)
    standing = Standing(ledger, site=name, key=key, law=charter.law)
    carrier = Carrier(
        charter=charter,
        standing=standing,
        witness=Witness(ledger, site=name, key=key, law=charter.law),
        clock=clock,
    )
    story = Node(
        site=name,
        charter=charter,
        ledger=ledger,
        standing=standing,
        key=key,
        dictionary=home.programme.dictionary,
        size_class="small",
        software="0.1.0",
        closed_through=lambda: None,
        read=lambda _query: Tally([]),
    )
    door = Door(
        address="127.0.0.1:0",
        identity=lambda: identity.load(folder),
        trust=lambda: identity.trust(folder, coordinator=mtls.COORDINATOR_URI),
        timetable=Immediate(),
        clock=clock,
    )
    server = NodeServer(story, carried=carrier.methods(), door=door)
    address = f"127.0.0.1:{server.start()}"
    return BareSite(name, directory, server, charter, ledger, address)


def join(folder: Path, name: str, signer: Authority, now: dt.datetime) -> None:
    """Make a site's keys and redeem an invitation for them."""
    identity.make_keys(folder)
    request = credentials.signing_request(
        credentials.create_key(folder / credentials.KEY_FILE)
    )
    invited = signer.invite(name, address="127.0.0.1:7440", now=now)
    joining = Joining(
        token=invited.token,
        signing_request=request,
        statement_key=identity.statement_key(folder).public_key().public_bytes_raw(),
        masking_key=identity.masking_key(folder),
    )
    leaf = signer.admit(joining, now=now)
    credentials.install(folder, leaf=leaf, authority=signer.pem)
