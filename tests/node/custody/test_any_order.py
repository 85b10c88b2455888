"""Commands about records in any order, against a model in plain Python.

Who is counted after imports, undos, closings, withdrawals, purges, new keys, and a
move to another machine is what a few sets say, whatever came before what.
"""

import copy
import csv
import dataclasses
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from node import importer
from node.cli.home import Home, estate_from
from node.custody import consent, purge, rotation
from node.custody.backup import backup
from node.custody.consent import Whose
from node.custody.restore import restore
from node.importer import generation
from privacy.errors import BadRecords
from privacy.query import Unit
from tests.import_place import NOW
from tests.record_site import Site, ask_for
from tests.typed_site import TypedSite

SEQUENCES = 200
"""How many the long run tries; each takes some seconds."""
STEPS = 14
QUARTERS = ("FY2024-Q1", "FY2024-Q2", "FY2024-Q3")
CASES = tuple(f"case {n}" for n in range(4))
OLD = "2024-10-20"


def adults(case: str) -> tuple[str, ...]:
    """Return who is of a case: every second one has two adults."""
    number = int(case[-1])
    return tuple(f"p{number}{place}" for place in range(1 + number % 2))


@dataclasses.dataclass
class Model:
    """What a site should count.

    Attributes:
        now, before: Case -> its adults' consents, of the records in use and of the
            import before; None if there are none.
        drawn, drawn_before: Case -> whether they say it was drawn and not selected.
        registered: Cases that a closing met.
        withdrawn: Cases and people, by number.
        forgotten: Those of them whose number was purged since.
        purged: Cases whose numbers are forgotten.
    """

    now: dict[str, dict[str, bool]] | None = None
    before: dict[str, dict[str, bool]] | None = None
    registered: set[str] = dataclasses.field(default_factory=set)
    withdrawn: set[str] = dataclasses.field(default_factory=set)
    forgotten: set[str] = dataclasses.field(default_factory=set)
    purged: set[str] = dataclasses.field(default_factory=set)
    drawn: dict[str, bool] = dataclasses.field(default_factory=dict)
    drawn_before: dict[str, bool] = dataclasses.field(default_factory=dict)

    def _withhold(self) -> None:
        for case, people in (self.now or {}).items():
            for person in people:
                numbers = {case, person}
                # Whose number is forgotten cannot be withdrawn any more.
                known = numbers & self.withdrawn if case not in self.purged else ()
                if known or numbers & self.forgotten:
                    people[person] = False

    def take(self, given: dict[str, dict[str, bool]], drawn: dict[str, bool]) -> None:
        kept = {c: p for c, p in (self.now or {}).items() if c in self.purged}
        drawn = {c: d for c, d in drawn.items() if c not in self.purged}
        drawn |= {c: self.drawn[c] for c in kept}
        given = {c: p for c, p in given.items() if c not in self.purged}
        self.before, self.now = self.now, copy.deepcopy(given | kept)
        self.drawn_before, self.drawn = self.drawn, drawn
        self._withhold()
        self.forget()

    def undo(self) -> None:
        assert self.before is not None
        kept = {c: p for c, p in (self.now or {}).items() if c in self.purged}
        drawn = {c: self.drawn[c] for c in kept} | self.drawn_before
        self.now, self.before = copy.deepcopy(kept | self.before), self.now
        self.drawn, self.drawn_before = drawn, self.drawn
        self._withhold()

    def withdraw(self, number: str) -> None:
        self.withdrawn.add(number)
        self._withhold()

    def forget(self) -> None:
        due = {c for c in self.now or {} if self.drawn[c]} - self.purged
        for case in due:
            self.forgotten |= {case, *adults(case)} & self.withdrawn
        self.purged |= due

    def counted(self) -> tuple[int, int]:
        there = {c: p for c, p in (self.now or {}).items() if c in self.registered}
        people = [yes for case in there.values() for yes in case.values()]
        return sum(all(case.values()) for case in there.values()), sum(people)


class Game:
    """A site and its model, side by side."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.model, self.homes = Model(), 1
        self.done: list[str] = []
        assert TypedSite(folder).run("init", "--training", "--site", "NYC").code == 0
        self.home = Home(folder / "site")
        self.quarters = list(QUARTERS)

    def counted(self) -> tuple[int, int]:
        site = Site(self.home.records, self.home.register)
        asked = (ask_for(QUARTERS[0], unit=u) for u in (Unit.HOUSEHOLD, Unit.PERSON))
        households, people = (sum(site.ask(query)) for query in asked)
        return households, people

    def intake(self) -> importer.Site:
        return dataclasses.replace(
            self.home.intake, accepts_serious=True, reports=self.folder / "reports"
        )

    def take(self) -> None:
        some = [c for c in CASES if self.chance.random() < 0.8] or [CASES[0]]
        given = {c: {p: self.chance.random() < 0.8 for p in adults(c)} for c in some}
        drawn = {c: self.chance.random() < 0.15 for c in some}
        export = Path(tempfile.mkdtemp(dir=self.folder))
        _write(export / "household.csv", [{"household_key": c} for c in some])
        _write(
            export / "participant.csv",
            [
                {
                    "person_key": p,
                    "household_key": c,
                    "consent_stats": "yes" if yes else "no",
                }
                for c, people in given.items()
                for p, yes in people.items()
            ],
        )
        _write(
            export / "pool_entry.csv",
            [
                {
                    "household_key": c,
                    "entered_on": "2023-10-10",
                    "interested": 1,
                    "drawn_on": OLD,
                    "selected": int(not unselected),
                    "offer_outcome": "not_offered",
                }
                for c, unselected in drawn.items()
            ],
        )
        importer.import_folder(export, site=self.intake(), now=NOW)
        self.model.take(given, drawn)

    def undo(self) -> None:
        if self.model.before is None:
            with pytest.raises(BadRecords, match="no earlier import"):
                generation.undo(site=self.intake(), now=NOW)
            return
        generation.undo(site=self.intake(), now=NOW)
        self.model.undo()

    def close(self) -> None:
        if not self.quarters or self.model.now is None:
            return
        Site(self.home.records, self.home.register).close(self.quarters.pop(0))
        self.model.registered |= set(self.model.now)

    def number(self) -> tuple[Whose, str]:
        case = self.chance.choice(CASES)
        if self.chance.random() < 0.3:
            return Whose.CASE, case
        return Whose.PERSON, self.chance.choice(adults(case))

    def withdraw(self) -> None:
        whose, number = self.number()
        consent.withdraw(self.home.records, self.home.key_map, whose, number)
        self.model.withdraw(number)

    def follow(self) -> None:
        whose, number = self.number()
        consent.restore(self.home.records, self.home.key_map, whose, number)
        self.model.withdrawn.discard(number)

    def purge(self) -> None:
        if self.model.now is None:
            return
        purge.purge(self.home.records, self.home.key_map, now=NOW)
        self.model.forget()

    def rotate(self) -> None:
        rotation.rotate_records(self.home.records)
        rotation.rotate_key_map(self.home.records, self.home.key_map)

    def move(self) -> None:
        key = X25519PrivateKey.generate()
        file = self.folder / f"backup{self.homes}"
        backup(file, self.home.estate, self.home.records, lock=key.public_key())
        self.leave()
        self.homes += 1
        directory = self.folder / f"site{self.homes}"
        restore(file, directory, reads=estate_from, key=key)
        self.home = Home(directory)
        # Only the records in use are in a backup.
        self.model.before = None

    def leave(self) -> None:
        self.home.records.close()

    def play(self, steps: int) -> None:
        """Do something, and compare."""
        chances: list[tuple[Callable[[], None], int]] = [
            *((self.take, 6), (self.undo, 3), (self.close, 2), (self.withdraw, 4)),
            *((self.follow, 2), (self.purge, 1), (self.rotate, 1), (self.move, 1)),
        ]
        every, weights = zip(*chances, strict=True)
        for step in [self.take, *self.chance.choices(every, weights, k=steps)]:
            self.done.append(step.__name__)
            step()
            if self.model.now is not None and self.model.registered:
                assert self.counted() == self.model.counted(), self.done
        self.leave()


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("seed", [1, 4])
def test_in_any_order_whoever_should_be_counted_is(tmp_path: Path, seed: int) -> None:
    Game(tmp_path, seed).play(STEPS)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3, 3 + SEQUENCES))
def test_in_many_orders_whoever_should_be_counted_is(tmp_path: Path, seed: int) -> None:
    Game(tmp_path, seed).play(STEPS)
