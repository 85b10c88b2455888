"""Processes that share one ledger, so that tests can race and kill them."""

import hashlib
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Iterator
from fractions import Fraction
from multiprocessing.connection import Connection

from node.ledger import Charged, Ledger, Stored
from privacy.chain import Event, Kind
from privacy.errors import BudgetExhausted, Busy, LedgerStopped
from tests.ledger_samples import LATER, NOW, boot_name, charge_for, set_policy, store

# A server that imports once and forks before any database is open: a process
# costs milliseconds, and none inherits another's connection.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload([__name__])

PAUSE_SECONDS = 0.005
"""SQLite lets the last writer in first; a pause lets the others win too."""

MILLI = Fraction(1, 1000)
"""A hundred of these fill the sample policy's lifetime cap."""


def race(url: str, number: int, attempts: int, report: Connection) -> None:
    """Charge as many different questions as the cap lets through; say how many."""
    ledger = Ledger.open(url)
    report.send("ready")
    report.recv()
    charged = 0
    for attempt in range(attempts):
        time.sleep(PAUSE_SECONDS)
        asked = charge_for(f"{number} {attempt}", rho=MILLI)
        try:
            answer = ledger.charge(asked, now=NOW)
        except BudgetExhausted:
            continue
        assert isinstance(answer, Charged)
        charged += 1
    ledger.close()
    report.send(charged)


def agree(url: str, number: int, questions: int, report: Connection) -> None:
    """Answer the same questions as everybody else; report what was sent for each."""
    ledger = Ledger.open(url)
    report.send("ready")
    report.recv()
    first, sent = 0, []
    for question in range(questions):
        asked = charge_for(f"shared {question}", rho=MILLI)
        answer = ledger.charge(asked, now=NOW)
        if isinstance(answer, Charged):
            first += not answer.resumed
            answer = store(ledger, asked.release_key, values=(number, question))
        sent.append(answer.values)
    ledger.close()
    report.send((first, sent))


def contend(url: str, _: int, rounds: int, report: Connection) -> None:
    """Enter rules on the newest law, as everybody does; say how many went in."""
    ledger = Ledger.open(url)
    report.send("ready")
    report.recv()
    entered = 0
    for _attempt in range(rounds):
        mark = ledger.law_mark()
        event = Event(kind=Kind.PAUSED, at="", detail=str(mark))
        try:
            ledger.enact(event, document=None, after=mark, now=NOW)
        except Busy:
            continue
        entered += 1
    ledger.close()
    report.send(entered)


def names(seed: str) -> Iterator[str]:
    """Yield questions without end: mostly new ones, some asked again."""
    for number in range(10_000):
        yield f"{seed} {number}"
        digest = hashlib.sha256(f"{seed} {number}".encode()).digest()
        yield f"{seed} {digest[0] % (number + 1)}"


def answer_for_ever(url: str, seed: str, report: Connection) -> None:
    """Answer until killed, reporting each step only once it was acknowledged."""
    ledger = Ledger.open(url)
    report.send("ready")
    for name in names(seed):
        asked = charge_for(name, rho=Fraction(1, 10**9))
        answer = ledger.charge(asked, now=NOW)
        report.send(("charged", name, None))
        if isinstance(answer, Charged):
            noise = tuple(os.urandom(8))
            answer = store(ledger, asked.release_key, values=noise)
        report.send(("sent", name, answer.values))


def write_until_full(url: str, room: int, report: Connection) -> None:
    """Answer until the disk takes no more; then show that nothing works."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    ledger = Ledger.open(url)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        for name in names("full"):
            asked = charge_for(name, rho=Fraction(1, 10**9))
            answer = ledger.charge(asked, now=NOW)
            report.send(("charged", name, None))
            if not isinstance(answer, Stored):
                answer = store(ledger, asked.release_key)
            report.send(("sent", name, answer.values))
    except LedgerStopped:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        report.send(("dead", _is_dead(ledger), None))


def _is_dead(ledger: Ledger) -> bool:
    """Tell whether every call is refused, though the disk has room again."""
    asked = charge_for("after")
    calls = (
        lambda: ledger.charge(asked, now=NOW),
        lambda: store(ledger, asked.release_key),
        lambda: ledger.boot(boot_name(1), now=LATER),
        ledger.head,
        ledger.entries,
        ledger.accounts,
        ledger.law,
        ledger.law_mark,
        ledger.export,
        lambda: ledger.hash_at(1),
        lambda: ledger.witnessed("HOU"),
        lambda: ledger.witness("HOU", lambda _: b"head"),
        lambda: set_policy(ledger, 2),
        ledger.verify,
        ledger.remaining,
        ledger.levels,
    )
    refused = 0
    for call in calls:
        try:
            call()
        except LedgerStopped:
            refused += 1
    return refused == len(calls)
