"""An error at any statement leaves nothing sent that was not charged and stored."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from node.draw import Keeper
from node.ledger import Charged, Ledger, Stored
from privacy.errors import LedgerStopped
from tests.ledger_samples import LATER, NOW, VALUES, charge_for, ready, reopen, store
from tests.node.test_draw import pool, site
from tests.typed_site import TypedSite

__all__ = ["site"]

STATEMENTS_MAX = 60
OF_A_COMMITMENT = range(64, 128)
"""About where the ledger of a draw's site is opened and its list is entered."""


class Countdown:
    """Statements to let through before everything fails."""

    left = 10**9


class Faulty(sqlite3.Connection):
    """A connection on a disk that breaks for good at a chosen statement."""

    def _tick(self) -> None:
        Countdown.left -= 1
        if Countdown.left < 0:
            raise sqlite3.OperationalError("disk I/O error")

    def cursor(self, *args: Any, **kwargs: Any) -> sqlite3.Cursor:
        self._tick()
        return super().cursor(*args, **kwargs)

    def commit(self) -> None:
        self._tick()
        super().commit()
        self._tick()  # the commit may have happened, and its news been lost

    def rollback(self) -> None:
        self._tick()
        super().rollback()


@contextmanager
def breaking_after(statements: int) -> Iterator[None]:
    """Break the disk after so many more statements."""
    Countdown.left = statements
    try:
        yield
    finally:
        Countdown.left = 10**9


@pytest.fixture
def faulty_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.dbapi2.connect
    monkeypatch.setattr(
        sqlite3.dbapi2,
        "connect",
        lambda *args, **kwargs: real(*args, factory=Faulty, **kwargs),
    )


@pytest.mark.usefixtures("faulty_disk")
def test_an_error_at_every_statement_in_turn(tmp_path: Path) -> None:
    outcomes = []
    for statements in range(STATEMENTS_MAX):
        url = f"sqlite:///{tmp_path}/{statements}.sqlite"
        ledger = Ledger.create(url, site="NYC", now=NOW)
        ready(ledger)
        outcomes.append(answer_on_a_breaking_disk(ledger, statements))
        ledger.close()
        check_after(url, outcomes[-1])
    # The faults fell before the charge, between charge and store, and after.
    assert sorted(set(outcomes)) == [0, 1, 2]


def answer_on_a_breaking_disk(ledger: Ledger, statements: int) -> int:
    """Answer one question; return how many steps were acknowledged."""
    asked, done = charge_for("a"), 0
    try:
        with breaking_after(statements):
            ledger.charge(asked, now=NOW)
            done = 1
            store(ledger, asked.release_key)
            done = 2
    except LedgerStopped:
        # The disk works again, and the ledger still refuses: what it holds is unknown.
        with pytest.raises(LedgerStopped):
            ledger.charge(asked, now=NOW)
        with pytest.raises(LedgerStopped):
            store(ledger, asked.release_key)
    return done


def check_after(url: str, done: int) -> None:
    """Whatever was acknowledged stands; the rest finishes under one charge."""
    reopened = Ledger.open(url)
    kinds = [entry.kind.value for entry in reopened.entries()]
    assert kinds.count("charge") >= min(done, 1)
    assert kinds.count("release") >= done - 1
    again = reopened.charge(charge_for("a"), now=LATER)
    if isinstance(again, Charged):
        again = store(reopened, charge_for("a").release_key)
    assert isinstance(again, Stored)
    assert again.values == VALUES
    (spent,) = {account.spent for account in reopened.accounts()}
    assert spent == charge_for("a").amount
    reopened.close()


@pytest.mark.usefixtures("faulty_disk")
def test_a_rule_is_entered_whole_or_not_at_all(tmp_path: Path) -> None:
    outcomes = set()
    for statements in range(STATEMENTS_MAX):
        url = f"sqlite:///{tmp_path}/{statements}.sqlite"
        ledger = ready(Ledger.create(url, site="NYC", now=NOW))
        ledger.charge(charge_for("a"), now=NOW)
        mark = ledger.law_mark()
        try:
            with breaking_after(statements):
                reopen(ledger)
            done = True
        except LedgerStopped:
            done = False
        ledger.close()
        outcomes.add(done)
        # Opening proves that document, entry and accounts belong together.
        reopened = Ledger.open(url)
        entered = reopened.law_mark() > mark
        assert entered or not done
        assert (reopened.head().epoch == 2) == entered
        reopened.close()
    assert outcomes == {True, False}


@pytest.mark.usefixtures("faulty_disk")
def test_a_list_that_may_be_committed_to_is_never_thrown_away(site: TypedSite) -> None:
    words = ("--slots", "family=2,single=1", "--phase", "P2")
    for statements in OF_A_COMMITMENT:
        with breaking_after(statements):
            said = site.run("draw", "commit", str(pool(site.folder)), *words)
        if found := site.home.law.draws:
            break
    # The commit happened and its news was lost: the draw goes on with its list.
    assert said.code != 0
    (draw,) = found.values()
    kept = Keeper(site.directory).open(draw.listed.commitment)
    assert kept.terms == draw.listed.terms
