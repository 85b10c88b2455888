"""Cut a node's link again and again while it is asked; nothing is charged twice.

The node dials through a real proxy, which cuts, freezes and closes as it pleases. The
ledger is real, and so is every reply: one that was lost on the way is asked for
again, and is the same, and free.
"""

import os
import random
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.dial import NodeDial, Pace
from node.door import Door
from proto.mtls import COORDINATOR_URI, Trust
from tests import dialled, doors, living_site, proxies
from tests.end_to_end.load import Load, books
from tests.living_site import LivingSite
from tests.own_records import OwnRecords

FEW, MANY = 12, int(os.environ.get("CMPP_RECONNECTS", "1000"))
THREADS = 6
PACE = Pace(first_seconds=0.05, most_seconds=0.2, renew_seconds=0.7)
"""Links also grow old here, within a second, so that renewals meet the cuts."""


@dataclass
class Network:
    """A whole site that dials through a proxy, and whoever asks it."""

    site: LivingSite
    node: NodeDial
    proxy: proxies.Proxy
    exchange: dialled.Exchange
    centre: doors.Centre


@pytest.fixture
def network(encrypted_records: OwnRecords, tmp_path: Path):
    centre = doors.Centre(tmp_path)
    site = LivingSite(tmp_path / "site", encrypted_records)
    own = centre.node(tmp_path / "node")
    with (
        proxies.proxy() as proxy,
        dialled.exchange(centre.authority.pem, centre.coordinator) as exchange,
    ):
        door = Door(
            address=exchange.address,
            identity=lambda: own,
            trust=lambda: Trust(
                allowed=frozenset({COORDINATOR_URI}), authority=centre.authority.pem
            ),
            timetable=doors.Immediate(),
            clock=doors.now,
        )
        node = NodeDial(
            site, carried=site.carried(), door=door, proxy_url=proxy.url, pace=PACE
        )
        dialled.start(node)
        try:
            yield Network(site, node, proxy, exchange, centre)
        finally:
            node.drain(5.0)


def _cut(network: Network, times: int) -> int:
    """Cut the link so many times, each once it stands; return how many it took."""
    chance = random.Random(20_261_122)
    for _ in range(times):
        dialled.until(lambda: network.node.linked, seconds=60, what="the link")
        time.sleep(chance.choice((0.0, 0.01, 0.05, 0.2)))
        _cut_once(network.proxy)
    return len(network.proxy.asked)


def _cut_once(proxy: proxies.Proxy) -> None:
    """Cut what there is, and wait until the node has begun to dial again."""
    before = len(proxy.asked)
    proxy.cut()
    dialled.until(lambda: len(proxy.asked) > before, seconds=60, what="the next link")


def _holds(network: Network, times: int) -> None:
    questions = living_site.all_questions("FY2024-Q4", "FY2024-H2", "FY2024")
    with Load(
        lambda: network.exchange.client("NYC", network.centre.coordinator),
        questions,
        threads=THREADS,
        seed=7,
    ) as load:
        dialled_times = _cut(network, times)
    seen = load.seen
    assert dialled_times >= times
    assert seen.told > 0
    assert seen.different() == []
    assert max(seen.charged.values()) <= 1
    ledger = network.site.path
    found = books(ledger)
    found.check()
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        (charges,) = database.execute(
            "SELECT count(*) FROM ledger_entries WHERE kind = 'charge'"
        ).fetchone()
    assert charges == len(found.charges) >= len(seen.releases)
    assert seen.releases.keys() <= found.releases.keys()
    print(  # noqa: T201 - shown by pytest -s
        f"\n{dialled_times} links, {seen.told} answers to {len(seen.releases)} "
        f"questions, {seen.failed} asked again by hand, {charges} charges"
    )


def test_links_that_are_cut_under_load_cost_nothing_and_lose_nothing(
    network: Network,
) -> None:
    _holds(network, FEW)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_thousand_links_that_are_cut_under_load_cost_nothing(
    network: Network,
) -> None:
    _holds(network, MANY)
