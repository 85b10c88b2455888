"""Write the ledger: each function is one step inside a transaction."""

from sqlalchemy import Connection, case, insert, update

from node.ledger import read, tables
from node.ledger.chain import GENESIS, Entry, Event, Kind, place
from node.ledger.charge import Charge, Stored
from node.ledger.read import Adoption
from node.policy import Caps
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    BudgetExhausted,
    NotAllowed,
)


def spend(tx: Connection, charge: Charge, *, caps: Caps) -> None:
    """Charge every entry year, each within its cap, or none.

    The guarded update is what keeps the cap; the reading before it only finds
    the amount to tell.
    """
    adopted = read.adoption(tx)
    if adopted is None:
        raise NotAllowed(
            "This site has not adopted a signed policy, so nothing may be charged; "
            "install one and start the node again."
        )
    found, pico_rho, table = read.accounts(tx), charge.pico, tables.accounts
    cap = min(caps.lifetime_pico, adopted.caps.lifetime_pico)
    left = min(caps.per_release_pico, adopted.caps.per_release_pico)
    for year in charge.entry_years:
        spent = found[year.label].spent_pico if year.label in found else 0
        left = min(left, max(0, cap - spent))
    enough = left >= pico_rho
    for year in charge.entry_years:
        if not enough:
            break
        if year.label not in found:
            row = {"entry_year": year.label, "spent_pico": 0}
            lifetime = adopted.caps.lifetime_pico
            tx.execute(insert(table).values(**row, cap_pico=lifetime))
        after = table.c.spent_pico + pico_rho
        guarded = update(table).where(
            table.c.entry_year == year.label, after <= table.c.cap_pico, after <= cap
        )
        enough = tx.execute(guarded.values(spent_pico=after)).rowcount == 1
    if not enough:
        raise BudgetExhausted(left_pico_rho=left, asked_pico_rho=pico_rho)


def append(tx: Connection, event: Event) -> Entry:
    """Write an event at the end of the chain."""
    before = read.last(tx)
    entry = place(
        event,
        sequence=before.sequence + 1 if before else 1,
        previous_hash=before.hash if before else GENESIS,
    )
    columns = tables.entries.columns.keys()
    row = {name: getattr(entry, name) for name in columns} | {"kind": entry.kind.value}
    tx.execute(insert(tables.entries).values(**row))
    return entry


def keep(tx: Connection, answer: Stored) -> Stored:
    """Write a release and the entry that protects it."""
    entry = append(tx, answer.event())
    tx.execute(
        insert(tables.releases).values(
            release_key=answer.release_key.hex(),
            size=len(answer.values),
            noisy_values=answer.blob,
            variance=str(answer.variance),
            l2_squared=str(answer.l2_squared),
            released_at=answer.released_at,
            sequence=entry.sequence,
        )
    )
    return answer


def adopt(tx: Connection, new: Adoption, *, at: str) -> None:
    """Put a policy in force, unless it already is.

    An account that spent more than a lowered cap allows keeps what it spent.
    """
    if new == (old := read.adoption(tx)):
        return
    if old is not None:
        _check_succession(old, new)
    lifetime, spent = new.caps.lifetime_pico, tables.accounts.c.spent_pico
    cap = case((spent > lifetime, spent), else_=lifetime)
    tx.execute(update(tables.accounts).values(cap_pico=cap))
    append(tx, Event(kind=Kind.POLICY, at=at, detail=new.detail))


def _check_succession(old: Adoption, new: Adoption) -> None:
    """Refuse a policy that cannot follow the one in force."""
    if new.officer != old.officer:
        raise BadSignature(
            "The policy is signed by another officer than the one before it; have the "
            "officer this site already knows sign it."
        )
    if new.version <= old.version:
        raise BadConfiguration(
            f"The policy is version {new.version} and another one of version "
            f"{old.version} is in force; raise the version and have it signed again."
        )
