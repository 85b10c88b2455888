"""A ledger in either engine, for the tests of this folder."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from node.ledger import Ledger
from tests.ledger_samples import NOW, ready

Tamper = Callable[[str | sa.Executable], None]


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """Give a new ledger whose site has a policy and an accepted mandate."""
    made = Ledger.create(ledger_url, site="NYC", now=NOW)
    ready(made)
    yield made
    made.close()


@pytest.fixture
def tamper(ledger_url: str, ledger: Ledger) -> Iterator[Tamper]:
    """Give a way to run one statement as somebody who can write to the database."""
    assert ledger
    engine = sa.create_engine(ledger_url)

    def run(statement: str | sa.Executable) -> None:
        with engine.begin() as tx:
            tx.execute(sa.text(statement) if isinstance(statement, str) else statement)

    yield run
    engine.dispose()
