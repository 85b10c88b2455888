"""Fixtures for a small network of real nodes in one process."""

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator import authority, database
from coordinator.ask import Desk
from coordinator.authority import Authority
from coordinator.sites import Site, SiteList
from coordinator.store import Store
from proto.client import NodeClient
from tests.coordinator.network import PROGRAMME, Member, Network, start


@pytest.fixture
def new_network(tmp_path: Path) -> Iterator[Callable[..., Network]]:
    """Give a function that starts a network of named sites."""
    started: list[Member] = []

    def make(
        names: tuple[str, ...] = ("NYC", "HOU", "LAX"),
        changes: dict[str, dict[str, object]] | None = None,
    ) -> Network:
        clock = [dt.datetime.now(dt.UTC)]
        engine = database.connect(database.address(tmp_path / "store.sqlite"))
        authority.create(tmp_path / "authority", now=clock[0])
        signer = Authority(tmp_path / "authority", engine)
        mine = signer.equip_coordinator(tmp_path / "identity", now=clock[0])
        sites = {
            name: start(
                tmp_path / name,
                name,
                signer,
                clock,
                exact=100 * (n + 1),
                **(changes or {}).get(name, {}),
            )
            for n, name in enumerate(names)
        }
        started.extend(sites.values())
        listed = SiteList(engine)
        for site in sites.values():
            listed.add(Site(name=site.name, address=site.address))

        def connect(site: Site) -> NodeClient:
            return NodeClient(
                site.address, site=site.name, identity=mine, call_timeout_seconds=5
            )

        desk = Desk(
            programme=PROGRAMME,
            store=Store(engine),
            site_list=listed,
            connect=connect,
            deadline_seconds=20,
            confidence=Fraction(19, 20),
            asked_by="a test",
            purpose="oversight",
        )
        return Network(tmp_path, desk, sites, signer, clock)

    yield make
    for site in started:
        site.server.drain(0.1)
        site.ledger.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Give a port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
