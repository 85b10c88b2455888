"""A chain whose hashes are right but whose story cannot be is refused all the same.

Whoever can write to the database can also compute hashes; then only what the
entries say is left to judge them by.
"""

from dataclasses import replace
from fractions import Fraction

import pytest
import sqlalchemy as sa

from node.ledger import Ledger, tables, write
from node.ledger.chain import GENESIS, Event, Kind, place
from node.ledger.read import _Walk
from privacy.errors import LedgerInconsistent
from tests.ledger_samples import NOW, POLICY, charge_for

AT = NOW.isoformat()
OPENED = Event(kind=Kind.OPENED, at=AT, detail="NYC")
WIDE = Event(kind=Kind.POLICY, at=AT, detail=f"1 aa bb {10**14} {10**14}")
LOW = Event(kind=Kind.POLICY, at=AT, detail=f"2 {'00' * 32} {'02' * 32} 200 100")
RELEASE = Event(
    kind=Kind.RELEASE, at=AT, release_key=charge_for("a").release_key.hex(), detail="00"
)
CHARGE = charge_for("a").event(AT)


@pytest.mark.parametrize(
    "forged",
    [
        [OPENED],
        [RELEASE],
        [charge_for("a", rho=Fraction(1, 20)).event(AT)],
        [charge_for(name, rho=Fraction(3, 100)).event(AT) for name in "abcd"],
        [LOW, CHARGE],
        [replace(CHARGE, rho="1/100")],
        [replace(CHARGE, rho=None)],
        [replace(CHARGE, release_key=None)],
        [replace(CHARGE, entry_years=None)],
    ],
)
def test_entries_that_could_not_have_happened_are_refused(
    ledger_url: str, forged: list[Event]
) -> None:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    ledger.adopt(POLICY, now=NOW)
    for event in forged:
        ledger._run(lambda tx, event=event: write.append(tx, event), write=True)
    with pytest.raises(LedgerInconsistent):
        ledger.verify()
    ledger.close()
    with pytest.raises(LedgerInconsistent):
        Ledger.open(ledger_url)


@pytest.mark.parametrize(
    "story",
    [
        [OPENED, CHARGE],
        [OPENED, WIDE, CHARGE, CHARGE],
        [OPENED, WIDE, CHARGE, RELEASE, RELEASE],
    ],
)
def test_a_story_told_too_early_or_twice_is_refused(story: list[Event]) -> None:
    # The tables forbid the same key twice; whoever rebuilt them is refused here.
    walk, previous = _Walk(), GENESIS
    for sequence, event in enumerate(story, start=1):
        entry = place(event, sequence=sequence, previous_hash=previous)
        previous = entry.hash
        if sequence < len(story):
            walk.take(entry)
        else:
            with pytest.raises(LedgerInconsistent, match="cannot be"):
                walk.take(entry)


def test_a_ledger_emptied_of_its_entries_is_refused(ledger_url: str) -> None:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    ledger._run(lambda tx: tx.execute(sa.delete(tables.entries)), write=True)
    with pytest.raises(LedgerInconsistent, match="no first entry"):
        ledger.head()
    ledger.close()
    with pytest.raises(LedgerInconsistent):
        Ledger.open(ledger_url)
