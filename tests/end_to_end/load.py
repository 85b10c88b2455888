"""Ask one site many questions from several threads, whatever happens to it."""

import itertools
import math
import random
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Self

from privacy.errors import ExchangeError
from proto.client import NodeClient
from proto.wire import Answer, Ask

Release = tuple[tuple[int, ...], Fraction, Fraction]
"""Values, variance and loss: what may never be different the second time."""

GIVE_UP_SECONDS = 60
RETRY_SECONDS = 0.2


@dataclass
class Seen:
    """Everything the asker was ever told.

    Attributes:
        releases: release key -> the different releases seen under it.
        charged: release key -> how many replies said it was charged just now.
        told: how many answers there were.
        failed: how many calls were not answered.
    """

    releases: dict[str, set[Release]] = field(default_factory=lambda: defaultdict(set))
    charged: Counter[str] = field(default_factory=Counter)
    told: int = 0
    failed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, answer: Answer) -> None:
        """Note one answer."""
        key = answer.release_key.hex()
        with self.lock:
            self.told += 1
            self.releases[key].add((answer.values, answer.variance, answer.rho))
            self.charged[key] += bool(answer.charged_pico)

    def different(self) -> list[str]:
        """Return the keys under which two different releases were seen."""
        return [key for key, seen in self.releases.items() if len(seen) > 1]


class Load:
    """Threads that ask until every question is answered, and then again.

    A question whose call fails is asked again by the same thread until it is
    answered; now and then one that was answered before is asked again.
    """

    def __init__(
        self,
        connect: Callable[[], NodeClient],
        questions: Sequence[Ask],
        *,
        threads: int,
        seed: int,
    ) -> None:
        self.seen = Seen()
        self._connect = connect
        order = list(questions)
        random.Random(seed).shuffle(order)
        self._new = itertools.chain(order)
        self._answered: list[Ask] = []
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._deadline = math.inf
        self._errors: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._work, args=(random.Random(f"{seed}/{n}"),))
            for n in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let every thread finish the question it is at; the site must be up."""
        self._deadline = time.monotonic() + GIVE_UP_SECONDS
        self._end.set()
        for thread in self._threads:
            thread.join(timeout=GIVE_UP_SECONDS + 15)
        assert not any(thread.is_alive() for thread in self._threads)
        assert not self._errors, self._errors

    def _work(self, chance: random.Random) -> None:
        try:
            while not self._end.is_set():
                self._until_answered(self._next(chance))
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            self._errors.append(error)

    def _next(self, chance: random.Random) -> Ask:
        """Take a question that is new, or by chance one that is not."""
        with self._lock:
            if self._answered and chance.random() < 0.1:
                return chance.choice(self._answered)
            question = next(self._new, None)
            return question or chance.choice(self._answered)

    def _until_answered(self, question: Ask) -> None:
        """Ask as a coordinator does that will not let go."""
        while True:
            try:
                with self._connect() as client:
                    answer = client.answer(question, deadline_seconds=10)
                break
            except ExchangeError:
                with self.seen.lock:
                    self.seen.failed += 1
                assert time.monotonic() < self._deadline, "the site did not come back"
                time.sleep(RETRY_SECONDS)
        assert isinstance(answer, Answer), answer
        self.seen.take(answer)
        with self._lock:
            self._answered.append(question)


@dataclass(frozen=True)
class Charged:
    """One charge as the ledger's file has it.

    Attributes:
        anchor: The once-per-unit event whose cohort the periods are, or empty.
    """

    sequence: int
    entry_years: tuple[str, ...]
    anchor: str
    periods: tuple[str, ...]
    pico: int

    @property
    def quarters(self) -> set[str]:
        """The quarters of the periods asked about."""
        return {quarter for period in self.periods for quarter in quarters_of(period)}


def quarters_of(period: str) -> list[str]:
    """Name the quarters of a period, such as FY2024-H2."""
    year, _, part = period.partition("-")
    numbers = {"": (1, 2, 3, 4), "H1": (1, 2), "H2": (3, 4)}
    if part.startswith("Q"):
        return [period]
    return [f"{year}-Q{number}" for number in numbers[part]]


@dataclass(frozen=True)
class Books:
    """A ledger's file, read with nothing of ours.

    Attributes:
        charges: release key -> its charge, once per key.
        releases: release key -> sequence.
        spent: entry year -> pico-rho of a lifetime.
    """

    charges: dict[str, Charged]
    releases: dict[str, int]
    spent: dict[str, int]

    @property
    def owed(self) -> set[str]:
        """The keys that were charged and not answered."""
        return self.charges.keys() - self.releases.keys()

    def check(self) -> None:
        """Require that what was spent is what the charges come to, each once.

        A household pays every charge that has no cohort, and of each once-per-unit
        event those of one quarter, wherever it costs most.
        """
        years = {year for each in self.charges.values() for year in each.entry_years}
        assert self.spent == {year: self._owed_by(year) for year in years}
        for key, sequence in self.releases.items():
            assert self.charges[key].sequence < sequence

    def _owed_by(self, year: str) -> int:
        """Return the most that a household of an entry year lost, in pico-rho."""
        always = 0
        cohorts: dict[str, Counter[str]] = defaultdict(Counter)
        for each in self.charges.values():
            if year not in each.entry_years:
                continue
            if each.anchor:
                cohorts[each.anchor].update(dict.fromkeys(each.quarters, each.pico))
            else:
                always += each.pico
        return always + sum(max(each.values()) for each in cohorts.values())


def books(ledger: Path) -> Books:
    """Read a ledger's file without changing it.

    Raises:
        sqlite3.OperationalError: it is being written, or was left half-written.
    """
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        charges = database.execute(
            "SELECT release_key, sequence, entry_years, anchor, periods, pico_rho "
            "FROM ledger_entries WHERE kind = 'charge'"
        ).fetchall()
        releases = database.execute(
            "SELECT release_key, sequence FROM ledger_entries WHERE kind = 'release'"
        ).fetchall()
        spent = database.execute(
            "SELECT name, spent_model FROM ledger_accounts WHERE scope = 'lifetime'"
        ).fetchall()
    found = Books(
        charges={
            key: Charged(n, tuple(years.split()), anchor or "", tuple(p.split()), pico)
            for key, n, years, anchor, p, pico in charges
        },
        releases=dict(releases),
        spent=dict(spent),
    )
    assert len(found.charges) == len(charges)
    assert len(found.releases) == len(releases)
    return found
