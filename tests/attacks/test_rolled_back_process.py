"""A real node whose ledger is put back answers nothing until two officers reopen it.

The node is a process of its own at a home made by its own commands. Its peers are
real doors and ledgers in this process, and the coordinator is honest: it carries
every statement. What it cannot do is make the node forget.
"""

import datetime as dt
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator.witnessing import Witnessing
from node.charter import Charter
from node.ledger import Ledger
from privacy.chain import Kind
from privacy.errors import ExchangeError
from proto.client import NodeClient
from proto.wire import Answer, Ask, Refusal, RefusalCode
from tests import governed, liar, living_site, real_node
from tests.liar import INTERNAL, Network
from tests.real_node import RealNode

SITE = "NYC"
BOOTED = Kind.BOOTED
RUNS = 2
RUNS_MANY = 25
RHO = Fraction(1, 100)
PERIODS = ("FY2024-H1", "FY2024-H2", "FY2025-H1", "FY2025-H2")
MANDATE = governed.mandate(now=real_node.now())


@dataclass(frozen=True)
class Place:
    """A network whose NYC is a process, and a way to ask it honestly."""

    net: Network
    node: RealNode
    spare: Path

    def ask(self, question: Ask) -> Answer | Refusal | str:
        """Ask while an honest coordinator carries statements."""
        liar_ = self.net.liar
        nodes = {
            name: NodeClient(
                f"127.0.0.1:{member.port}", site=name, identity=liar_.identity
            )
            for name, member in liar_.members.items()
        }
        try:
            with Witnessing([SITE], nodes, list(nodes)):
                return nodes[SITE].answer(question, deadline_seconds=40)
        except ExchangeError as error:
            return error.code
        finally:
            for each in nodes.values():
                each.close()


def question(period: str, rho: Fraction = RHO) -> Ask:
    """Ask how many enrolled, under the mandate of the day."""
    return living_site.ask(
        "M08", period, rho=str(rho), mandate=MANDATE.digest, not_after=_later()
    )


def _later() -> int:
    return int((real_node.now() + dt.timedelta(hours=1)).timestamp())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a site that never answered."""
    made = tmp_path_factory.mktemp("laid-out") / SITE
    real_node.lay_out(made, SITE, opens=[MANDATE], caps="0.1", per_release="0.1")
    return made


@pytest.fixture
def place(home: Path, tmp_path: Path) -> Iterator[Place]:
    with liar.network(tmp_path / "peers", without=SITE) as net:
        own = Path(shutil.copytree(home, tmp_path / SITE))
        node = RealNode(own, SITE, net.centre)
        net.liar.members[SITE] = node  # type: ignore[assignment]
        try:
            yield Place(net, node, tmp_path)
        finally:
            node.stop()


def _rolled_back(place: Place, chance: random.Random) -> int:
    """Answer, keep a copy at some moment, answer more, and put the copy back.

    Returns:
        How many questions the copy had answered.
    """
    node, copy = place.node, place.spare / "ledger.copy"
    before, after = chance.randint(0, 2), chance.randint(1, 2)
    for number, period in enumerate(PERIODS[: before + after]):
        if number == before:
            node.stop()
            shutil.copy(node.ledger_file, copy)
            node.start()
        assert isinstance(place.ask(question(period)), Answer)
    node.stop()
    shutil.copy(copy, node.ledger_file)
    return before


def _run(place: Place, seed: int) -> None:
    node, chance = place.node, random.Random(seed)
    node.start()
    before = _rolled_back(place, chance)
    found = node.entries()
    node.start()
    # Neither anything new, nor what it answers for free.
    refused = [place.ask(question(period)) for period in PERIODS]
    assert all(not isinstance(said, Answer | Refusal) for said in refused), refused
    assert "kind=rolled-back" in node.log()
    assert "kind=unforeseen" not in node.log()
    node.stop()
    # Nothing was charged either: all the ledger notes is that a node started on it.
    assert node.entries() == [*found, BOOTED]
    _reopen(place)
    kinds = node.entries()
    node.start()
    for period in PERIODS[:before]:
        said = place.ask(question(period))
        assert isinstance(said, Answer)
        assert said.free
    for period in PERIODS[before:]:
        spent = place.ask(question(period))
        assert isinstance(spent, Refusal)
        assert (spent.code, spent.left_pico) == (RefusalCode.BUDGET_EXHAUSTED, 0)
    node.stop()
    assert node.entries() == [*kinds, BOOTED]
    _raise(place)
    node.start()
    first, *others = PERIODS[before:]
    assert isinstance(place.ask(question(first)), Answer)
    beyond = place.ask(question(others[0]))
    assert isinstance(beyond, Refusal)
    assert beyond.code is RefusalCode.BUDGET_EXHAUSTED


def _reopen(place: Place) -> None:
    """Have two officers decide to go on: one key is not enough."""
    home = place.node.home
    olga, omar = (
        str(real_node.write_key(place.spare / f"{name}.key", name))
        for name in ("olga", "omar")
    )
    words = ("reopen", "--no-passphrase")
    kinds = place.node.entries()
    real_node.command(home, *words, "--key", olga)
    assert place.node.entries() == kinds
    half = str(home / "decision-reopen.cmpp")
    real_node.command(home, *words, "--decision", half, "--key", omar)
    assert place.node.entries() == [*kinds, Kind.REOPENED]


def _raise(place: Place) -> None:
    """Have two officers raise every cap by what one question costs and a bit."""
    ledger = Ledger.open(f"sqlite:///{place.node.ledger_file}")
    raised = governed.policy(
        SITE, now=real_node.now(), version=2, caps="0.115", per_release="0.1"
    )
    Charter(ledger, site=SITE).enact(Kind.POLICY, raised, now=real_node.now())
    ledger.close()


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_ledger_put_back_answers_nothing_until_it_is_reopened(
    place: Place, seed: int
) -> None:
    _run(place, seed)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(RUNS, RUNS_MANY + RUNS))
def test_twenty_five_ledgers_put_back_answer_nothing(place: Place, seed: int) -> None:
    _run(place, seed)


@pytest.mark.soak
def test_of_two_processes_on_copies_of_one_site_only_one_answers(place: Place) -> None:
    place.node.start()
    assert isinstance(place.ask(question(PERIODS[0])), Answer)
    place.node.stop()
    other = place.node.copied(place.spare / "clone", place.net.centre)
    place.node.start()
    other.start()
    try:
        assert isinstance(place.ask(question(PERIODS[1])), Answer)
        place.net.liar.members[SITE] = other  # type: ignore[assignment]
        said = place.ask(question(PERIODS[2]))
        assert not isinstance(said, Answer | Refusal)
        assert "kind=rolled-back" in other.log()
        assert place.net.liar.put(question(PERIODS[2])) == INTERNAL
        place.net.liar.members[SITE] = place.node  # type: ignore[assignment]
        assert isinstance(place.ask(question(PERIODS[2])), Answer)
    finally:
        other.stop()
