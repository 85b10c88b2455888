"""Fixtures for a small network of real nodes in one process."""

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coordinator import authority
from tests.coordinator.network import Network, build


@pytest.fixture
def new_network(tmp_path: Path) -> Iterator[Callable[..., Network]]:
    """Give a function that starts a network in which named sites are asked."""
    started: list[Network] = []

    def make(
        names: tuple[str, ...] = ("NYC", "HOU", "LAX"),
        changes: dict[str, dict[str, object]] | None = None,
    ) -> Network:
        authority.create(tmp_path / "authority", now=dt.datetime.now(dt.UTC))
        started.append(build(tmp_path, names, changes or {}))
        return started[-1]

    yield make
    for network in started:
        for site in network.sites.values():
            site.server.drain(0.1)
            site.ledger.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Give a port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
