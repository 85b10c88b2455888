"""A chain whose hashes are right but whose story cannot be is refused all the same.

Whoever can write to the database can also compute hashes; then only what the
entries say is left to judge them by.
"""

from dataclasses import replace
from fractions import Fraction

import pytest
import sqlalchemy as sa

from node.ledger import Ledger, tables, write
from privacy.chain import GENESIS, Event, Kind, place
from privacy.errors import LedgerInconsistent
from privacy.notes import policy_note
from privacy.walk import Walk
from tests.ledger_samples import (
    MANDATE,
    NOW,
    boot_name,
    caps_of,
    charge_for,
    ready,
)

AT = NOW.isoformat()
OTHER = "ab" * 32
OPENED = Event(kind=Kind.OPENED, at=AT, detail="NYC")
SENT = Event(
    kind=Kind.MANDATE, at=AT, document=MANDATE.digest.hex(), detail=f"{10**14} {10**14}"
)
ACCEPTED = Event(kind=Kind.ACCEPTED, at=AT, detail=f"rule {MANDATE.digest.hex()}")
REVOKED = Event(kind=Kind.REVOKED, at=AT, document=OTHER, detail=MANDATE.digest.hex())
REOPENED = Event(kind=Kind.REOPENED, at=AT, document=OTHER)
BOOTED = Event(kind=Kind.BOOTED, at=AT, detail=boot_name(1).hex())
RELEASE = Event(
    kind=Kind.RELEASE, at=AT, release_key=charge_for("a").release_key.hex(), detail="00"
)
CHARGE = charge_for("a").event(AT)
TURN = Event(kind=Kind.STOOD_DOWN, at=AT, document=OTHER, detail="terminate")


def policy(version: int, **caps: int) -> Event:
    """Return a policy's entry."""
    note = policy_note(version, bytes(32), caps_of(**caps))
    return Event(kind=Kind.POLICY, at=AT, document="00" * 32, detail=note)


RULES = [policy(1), SENT, ACCEPTED]


@pytest.mark.parametrize(
    "forged",
    [
        [OPENED],
        [RELEASE],
        [charge_for("a", rho=Fraction(1, 20)).event(AT)],
        [charge_for(name, rho=Fraction(3, 100)).event(AT) for name in "abcd"],
        [policy(2, lifetime=200, per_release=100), CHARGE],
        [policy(2, per_mandate=10**10, per_release=10**10), CHARGE],
        [policy(1)],
        [replace(policy(2), detail=policy(2).detail + " ")],
        [replace(policy(2), document=OTHER)],
        [replace(CHARGE, rho="1/100")],
        [replace(CHARGE, rho=None)],
        [replace(CHARGE, rho="1/0")],
        [replace(CHARGE, worst_rho="1/25")],
        [replace(CHARGE, release_key=None)],
        [replace(CHARGE, entry_years=None)],
        [replace(CHARGE, entry_years="FY2026 FY2025")],
        [replace(CHARGE, periods="FY2026-H3")],
        [replace(CHARGE, mandate=OTHER)],
        [replace(CHARGE, document=OTHER)],
        [REVOKED, CHARGE],
        [REVOKED, ACCEPTED, CHARGE],
        [replace(ACCEPTED, kind=Kind.DECLINED), CHARGE],
        [replace(SENT, detail="1 1")],
        [TURN, CHARGE],
        [TURN, replace(TURN, detail="resume")],
        [Event(kind=Kind.PAUSED, at=AT), CHARGE],
        [Event(kind=Kind.SEALED, at=AT, document=OTHER), CHARGE],
        [REOPENED, CHARGE],
        [CHARGE, REOPENED, RELEASE],
        [BOOTED, BOOTED],
        [replace(BOOTED, detail="")],
        [replace(BOOTED, at="")],
    ],
)
def test_entries_that_could_not_have_happened_are_refused(
    ledger_url: str, forged: list[Event]
) -> None:
    check_only_the_last_is_refused([OPENED, *RULES, *forged])
    ledger = ready(Ledger.create(ledger_url, site="NYC", now=NOW))
    for event in forged:
        ledger._keeper.run(lambda tx, event=event: write.append(tx, event), write=True)
    with pytest.raises(LedgerInconsistent):
        ledger.verify()
    ledger.close()
    with pytest.raises(LedgerInconsistent):
        Ledger.open(ledger_url)


@pytest.mark.parametrize(
    "story",
    [
        [OPENED, CHARGE],
        [OPENED, REOPENED],
        [OPENED, SENT, ACCEPTED, CHARGE],
        [OPENED, *RULES[:2], CHARGE],
        [OPENED, policy(1), ACCEPTED, CHARGE],
        [OPENED, *RULES, CHARGE, CHARGE],
        [OPENED, *RULES, CHARGE, RELEASE, RELEASE],
        [OPENED, *RULES, charge_for("b").event(AT), RELEASE],
    ],
)
def test_a_story_told_too_early_or_twice_is_refused(story: list[Event]) -> None:
    # The tables forbid the same key twice; whoever rebuilt them is refused here.
    check_only_the_last_is_refused(story)


def check_only_the_last_is_refused(story: list[Event]) -> None:
    """Check that a story could have happened up to its last entry, and not with it."""
    walk, previous = Walk(), GENESIS
    for sequence, event in enumerate(story, start=1):
        entry = place(event, sequence=sequence, previous_hash=previous)
        previous = entry.hash
        if sequence < len(story):
            walk.take(entry)
        else:
            with pytest.raises(LedgerInconsistent):
                walk.take(entry)


def test_a_ledger_emptied_of_its_entries_is_refused(ledger_url: str) -> None:
    ledger = Ledger.create(ledger_url, site="NYC", now=NOW)
    ledger._keeper.run(lambda tx: tx.execute(sa.delete(tables.entries)), write=True)
    with pytest.raises(LedgerInconsistent, match="no first entry"):
        ledger.head()
    ledger.close()
    with pytest.raises(LedgerInconsistent):
        Ledger.open(ledger_url)
