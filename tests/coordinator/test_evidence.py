"""Every signed question and answer is kept once, as it was, and never changed."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from coordinator import database
from coordinator.evidence import (
    Evidence,
    query_facts,
    read_ask,
    write_answer,
    write_asks,
)
from privacy.errors import Corrupt
from privacy.transparency import NEEDED, Kind
from proto import wire
from tests import audit_network
from tests import signed_samples as samples
from tests.audit_network import NOW, Network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Give a network that asked one question."""
    made = audit_network.Network(tmp_path_factory.mktemp("network"))
    opened = made.submit(audit_network.mandated(NOW), accept=True)
    made.ask(opened, audit_network.order("M08", "FY2024-H2", enrolled="0.02"))
    yield made
    made.close()


@pytest.fixture
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """Give an empty keeper of evidence."""
    folder = tmp_path_factory.mktemp("evidence")
    engine = database.connect(database.address(folder / "store.sqlite"))
    yield Evidence(engine)
    engine.dispose()


def test_what_is_kept_reads_back(network: Network, evidence: Evidence) -> None:
    asks, answers = network.evidence.asks(), network.evidence.answers()
    assert len(asks) == len(answers) == 3
    for _ in range(2):
        with evidence._engine.begin() as connection:
            write_asks(connection, asks, now=NOW)
            for answer in answers:
                write_answer(connection, answer, now=NOW)
    assert set(evidence.asks()) == set(asks)
    assert {a.digest for a in evidence.answers()} == {a.digest for a in answers}


def test_both_ends_signed(network: Network) -> None:
    for ask in network.evidence.asks():
        assert ask.is_signed_by(samples.public("coordinator"))
    for answer in network.evidence.answers():
        assert answer.is_signed_by(samples.public(answer.site))
        assert not answer.is_signed_by(samples.public("coordinator"))


def test_the_log_is_told_what_it_needs(network: Network) -> None:
    (ask, *_) = network.evidence.asks()
    facts = query_facts(ask)
    assert facts.keys() >= NEEDED[Kind.QUERY]
    assert (facts["period"], facts["query"]) == ("FY2024-H2", "enrolled")


def test_a_changed_database_is_noticed(network: Network, evidence: Evidence) -> None:
    with evidence._engine.begin() as connection:
        write_asks(connection, network.evidence.asks(), now=NOW)
    spoilt = wire.ask_to_bytes(network.evidence.asks()[0])[:-1]
    with evidence._engine.begin() as connection:
        connection.execute(sa.text("UPDATE asks SET signed = :s"), {"s": spoilt})
    with pytest.raises(Corrupt, match="not as it was written"):
        evidence.asks()
    with pytest.raises(Corrupt):
        read_ask(b"")
