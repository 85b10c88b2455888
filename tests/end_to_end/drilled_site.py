"""A site for the seizure drill: real records with words planted, a real door.

Its exact numbers are moved to where no number comes by chance, so that one of them
anywhere else can only have leaked.
"""

import contextlib
import datetime as dt
import secrets
import sqlite3
import struct
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

from coordinator.authority import Authority
from node import identity
from node.answer import Node
from node.carrier import Carrier
from node.charter import Charter
from node.door import Door
from node.ledger import Ledger
from node.records.connect import Kind
from node.server import NodeServer
from node.witness import Standing, Witness
from privacy import archive
from privacy.mechanism import Tally
from privacy.query import Mode, Query
from privacy.signing import Document
from privacy.statement import BOOT_BYTES
from proto import credentials, mtls
from tests import governed
from tests import signed_samples as samples
from tests.exact_numbers import unlikely
from tests.own_records import PROGRAMME, OwnRecords


class Immediate:
    """A timetable that lets a reply go when it is ready."""

    limit_seconds = 20.0

    def hold(self, work: futures.Future[object] | None, **_public: float) -> None:
        if work is not None:
            futures.wait([work], timeout=self.limit_seconds)


class DrilledSite:
    """One site: its records, its ledger and its door.

    Attributes:
        exact: Every exact number it computed, moved, by question.
    """

    def __init__(
        self,
        folder: Path,
        site: str,
        planted: Path,
        signer: Authority,
        opens: Document,
        sites: tuple[str, ...],
    ) -> None:
        self._home, now = folder / site, _now()
        self.site, self.exact = site, dict[str, tuple[int, ...]]()
        self.records = OwnRecords(self._home / "own", Kind.DUCKDB)
        self.records.take(planted / site)
        _certify(self._home, site, signer)
        self._file = self._home / "ledger.sqlite"
        self.ledger = Ledger.create(f"sqlite:///{self._file}", site=site, now=now)
        charter = governed.govern(
            self.ledger, site, now=now, opens=[opens], sites=sites
        )
        self.ledger.boot(secrets.token_bytes(BOOT_BYTES), now=now)
        self._server = self._door(charter)
        self.address = f"127.0.0.1:{self._server.start()}"

    def _door(self, charter: Charter) -> NodeServer:
        """Put the site's parts behind its door, as `cmpp-node serve` does."""
        said, law, home = samples.key(self.site), charter.law, self._home
        standing = Standing(self.ledger, site=self.site, key=said, law=law)
        carrier = Carrier(
            charter=charter,
            standing=standing,
            witness=Witness(self.ledger, site=self.site, key=said, law=law),
            clock=_now,
        )
        story = Node(
            site=self.site,
            charter=charter,
            ledger=self.ledger,
            standing=standing,
            key=said,
            dictionary=PROGRAMME.dictionary,
            size_class="small",
            software="0.1.0",
            closed_through=self.records.closed_through,
            read=self._read,
        )
        door = Door(
            address="127.0.0.1:0",
            identity=lambda: identity.load(home / "identity"),
            trust=lambda: identity.trust(
                home / "identity", coordinator=mtls.COORDINATOR_URI
            ),
            timetable=Immediate(),
            clock=_now,
        )
        return NodeServer(story, carried=carrier.methods(), door=door)

    def _read(self, query: Query) -> Tally:
        """Read the records, and move every number to where chance puts none."""
        key = query.release_key(Mode.SITE).hex()
        real = self.records.read(query).exact()
        moved = tuple(
            unlikely(self.site, key, cell) + value for cell, value in enumerate(real)
        )
        self.exact[key] = moved
        return Tally(moved)

    def given(self) -> Iterator[int]:
        """Yield every noisy number the site gave out."""
        with contextlib.closing(sqlite3.connect(self._file)) as ledger:
            for (blob,) in ledger.execute("SELECT noisy_values FROM ledger_releases"):
                yield from struct.unpack(f">{len(blob) // 8}q", blob)

    def archive(self, folder: Path) -> None:
        """Write the signed archive of the ledger, as its operator would."""
        folder.mkdir(exist_ok=True)
        file = archive.signed(self.ledger.export(), samples.key(self.site))
        (folder / f"{self.site}.archive").write_bytes(file)

    def close(self) -> None:
        self._server.drain(0.1)
        self.ledger.close()
        self.records.close()


def _certify(home: Path, site: str, signer: Authority) -> None:
    """Give the site a key and a certificate."""
    key = credentials.create_key(home / "identity" / credentials.KEY_FILE)
    request = credentials.signing_request(key)
    leaf = signer.sign_node(request, site=site, now=_now())
    credentials.install(home / "identity", leaf=leaf, authority=signer.pem)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
