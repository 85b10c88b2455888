"""Carry statements between real doors, while some sites are down, slow or lying."""

import concurrent.futures
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordinator.witnessing import Witnessing
from node import carrier as carriers
from privacy.errors import Pending
from proto.client import NodeClient
from proto.wire import Answer, Ask
from tests import liar
from tests.liar import Network
from tests.members import SITES


@dataclass(frozen=True)
class Centre:
    """An honest coordinator's lines to the sites."""

    net: Network
    nodes: dict[str, NodeClient]

    def ask(self, ask: Ask, *, seconds: float = 10) -> Answer | str:
        try:
            said = self.nodes[ask.site].answer(ask, deadline_seconds=seconds)
        except Pending:
            return "pending"
        assert isinstance(said, Answer)
        return said

    def carry(self, *sites: str) -> Witnessing:
        return Witnessing(sites, self.nodes, SITES)


@contextmanager
def centre(net: Network, **ports: int) -> Iterator[Centre]:
    nodes = {
        name: NodeClient(
            f"127.0.0.1:{ports.get(name, member.port)}",
            site=name,
            identity=net.liar.identity,
            call_timeout_seconds=10,
        )
        for name, member in net.members.items()
    }
    try:
        yield Centre(net, nodes)
    finally:
        for node in nodes.values():
            node.close()


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    with liar.network(tmp_path) as opened:
        monkeypatch.setattr(carriers, "LOOK_SECONDS", 0.2)
        yield opened


def test_what_is_carried_is_answered_and_what_is_not_is_not(net: Network) -> None:
    with centre(net) as opened:
        question = net.fresh()
        assert opened.ask(question, seconds=1) == "pending"
        assert net.nyc.charges() == 0
        with opened.carry("NYC"):
            assert isinstance(opened.ask(question), Answer)
        again = net.fresh()
        assert opened.ask(again, seconds=1) == "pending"
        assert net.nyc.charges() == 2
        with opened.carry("NYC"):
            said = opened.ask(again)
        assert isinstance(said, Answer)
        assert net.nyc.charges() == 2


def test_every_site_is_served_at_once(net: Network) -> None:
    with centre(net) as opened, opened.carry(*SITES):
        asks = [net.fresh(site=site) for site in SITES]
        with concurrent.futures.ThreadPoolExecutor(len(asks)) as pool:
            said = list(pool.map(lambda ask: opened.ask(ask, seconds=20), asks))
    assert all(isinstance(each, Answer) for each in said)


def test_one_peer_that_is_down_or_silent_stops_nobody(
    net: Network, silent_port: int
) -> None:
    net.members["BAL"].stop()
    with centre(net) as opened, opened.carry("NYC"):
        assert isinstance(opened.ask(net.fresh()), Answer)
    with centre(net, BAL=silent_port) as opened, opened.carry("NYC"):
        assert isinstance(opened.ask(net.fresh()), Answer)


def test_one_peer_whose_word_is_worth_nothing_stops_nobody(net: Network) -> None:
    """It signs with a key that is not in the roster, and is quick about it."""
    lying = net.members["BAL"]
    lying.key = "mallory"
    lying.restart()
    with centre(net) as opened, opened.carry("NYC"):
        for _ in range(3):
            assert isinstance(opened.ask(net.fresh()), Answer)


def test_without_a_quorum_nothing_is_answered_until_there_is_one(net: Network) -> None:
    for name in ("BAL", "DCA"):
        net.members[name].stop()
    question = net.fresh()
    with centre(net) as opened, opened.carry("NYC"):
        assert opened.ask(question, seconds=2) == "pending"
    assert net.nyc.charges() == 0
    net.members["DCA"].start()
    with centre(net) as opened, opened.carry("NYC"):
        assert isinstance(opened.ask(question), Answer)


def test_a_site_that_restarts_meanwhile_is_witnessed_again(net: Network) -> None:
    with centre(net) as opened, opened.carry("NYC"):
        assert isinstance(opened.ask(net.fresh()), Answer)
    net.nyc.restart()
    with centre(net) as opened, opened.carry("NYC"):
        assert isinstance(opened.ask(net.fresh()), Answer)


def test_it_ends_at_once_and_leaves_nobody_waiting(net: Network) -> None:
    with centre(net) as opened:
        began = time.monotonic()
        with opened.carry(*SITES):
            pass
        assert time.monotonic() - began < 5


def test_a_network_of_one_reachable_site_carries_nothing(net: Network) -> None:
    with centre(net) as opened:
        alone = {"NYC": opened.nodes["NYC"]}
        with Witnessing(["NYC"], alone, SITES):
            assert opened.ask(net.fresh(), seconds=1) == "pending"
    assert net.nyc.charges() == 0
