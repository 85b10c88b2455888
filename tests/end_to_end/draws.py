"""Sites at rest, and two ways of drawing all their releases anew."""

import datetime as dt
import functools
import itertools
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from coordinator.store import Release
from node.answer import Node
from node.cli.home import Home
from node.ledger import Ledger
from node.records import tally
from node.records.store import Reader
from node.witness import Standing
from privacy import mechanism, pack, sensitivity
from privacy.catalogue import Metric
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query, cells
from privacy.statement import BOOT_BYTES
from tests import signed_samples as samples
from tests.end_to_end import exact
from tests.end_to_end.exchange import (
    PACK,
    PROGRAMME,
    ask_for,
    settle,
    stock,
    write_records,
)
from tests.end_to_end.papers import MANDATE
from tests.governed import Peers, govern

DICTIONARY = PROGRAMME.dictionary


@functools.cache
def losses() -> dict[tuple[str, str], Fraction]:
    """Return the loss of every running query in the shipped pack."""
    lines = pack.load("half-year", PROGRAMME).lines
    return {(x.metric, name): rho for x in lines for name, rho in x.losses.items()}


@functools.cache
def queries(metric: str, period: str) -> dict[str, Query]:
    """Return a metric's queries for a period."""
    return PROGRAMME.queries(PROGRAMME.metric(metric), Period(period))


def asked(periods: tuple[str, ...]) -> Iterator[tuple[Metric, str]]:
    """Yield every metric of the pack with every period it is published for."""
    for metric, period in itertools.product(PACK, periods):
        if Period(period).kind in metric.periods:
            yield metric, period


class Sites:
    """Sites at rest: their records are imported and closed, nothing serves."""

    def __init__(self, folder: Path, *, names: tuple[str, ...], scale: float) -> None:
        self.names = names
        self.homes = {}
        for name in names:
            write_records(folder / "records", name, scale=scale)
            home = folder / name
            settle(home, name)
            stock(home, folder / "records" / name, closed_through="FY2025-Q4")
            self.homes[name] = Home(home)
        self.exact = exact.of(folder / "records")
        self._read: dict[tuple[str, bytes], Tally] = {}

    @functools.cached_property
    def readers(self) -> dict[str, Reader]:
        """Open every site's records, joined to its register."""
        return {
            name: home.register.reader(home.records)
            for name, home in self.homes.items()
        }

    def read(self, site: str, query: Query) -> Tally:
        """Read a site's exact tally, as its node does; once, for it stays the same."""
        key = (site, query.digest)
        if key not in self._read:
            self._read[key] = tally.read(self.readers[site], query)
        return self._read[key]


Releases = Mapping[tuple[str, str, str], Release]
"""By site, period and query name."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """How figures are drawn.

    Attributes:
        draw: Makes the sites' releases of one repetition.
        dearer: How many times the planned loss each question costs.
    """

    sites: Sites
    periods: tuple[str, ...]
    draw: Callable[["Run"], Releases]
    dearer: int


def by_the_nodes(run: Run) -> Releases:
    """Ask every site's node everything, each with a ledger that is new."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="cmpp-coverage-", dir=memory))
    try:
        parts = (_by_node(run, site, folder) for site in run.sites.names)
        return dict(itertools.chain.from_iterable(part.items() for part in parts))
    finally:
        shutil.rmtree(folder)


def _by_node(run: Run, site: str, folder: Path) -> Releases:
    """Ask one site's node everything, in this process."""
    now = dt.datetime.now(dt.UTC)
    ledger = Ledger.create(f"sqlite:///{folder}/{site}.sqlite", site=site, now=now)
    charter = govern(ledger, site, now=now, opens=[MANDATE], caps="90")
    ledger.boot(secrets.token_bytes(BOOT_BYTES), now=now)
    key = samples.key(site)
    standing = Standing(ledger, site=site, key=key, law=charter.law)
    Peers.of(site).attend(standing)
    story = Node(
        site=site,
        charter=charter,
        ledger=ledger,
        standing=standing,
        key=key,
        dictionary=DICTIONARY,
        size_class="small",
        software="0",
        closed_through=lambda: Period("FY2025-Q4"),
        read=functools.partial(run.sites.read, site),
    )
    found = {}
    for metric, period in asked(run.periods):
        for name in metric.templates:
            if (site, period, name) in found:
                continue
            rho = losses()[metric.id, name] * run.dearer
            question = ask_for(metric.id, period, name, rho=rho, site=site)
            answer = story.answer(question, now=now)
            assert not answer.free
            found[site, period, name] = Release(
                release_key=answer.release_key,
                site=site,
                values=answer.values,
                variance=answer.variance,
                rho=answer.rho,
            )
    ledger.close()
    return found


def by_the_mechanism(run: Run) -> Releases:
    """Add the nodes' noise to the sites' tallies, without their ledgers."""
    found = {}
    for metric, period in asked(run.periods):
        for (name, query), site in itertools.product(
            queries(metric.id, period).items(), run.sites.names
        ):
            if (site, period, name) in found:
                continue
            rho = losses()[metric.id, name] * run.dearer
            noise = _noise(metric.id, name, period, rho)
            noisy = mechanism.release(noise, run.sites.read(site, query))
            found[site, period, name] = Release(
                release_key=bytes(32),
                site=site,
                values=noisy.values,
                variance=noise.variance,
                rho=rho,
            )
    return found


@functools.cache
def _noise(metric: str, name: str, period: str, rho: Fraction) -> mechanism.Mechanism:
    """Calibrate the noise of a query as a node does."""
    query = queries(metric, period)[name]
    return mechanism.calibrate(
        l2_squared=sensitivity.of(query, DICTIONARY).l2_squared,
        rho=rho,
        size=len(cells(query, DICTIONARY)),
    )
