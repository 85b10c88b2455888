"""A policy, a mandate, charges and releases that several test files use."""

import datetime as dt
import hashlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

from node.ledger import Charge, Ledger, Scope, Stored
from privacy.amount import Amount, Caps
from privacy.chain import Entry, Event, Kind
from privacy.notes import mandate_note, policy_note
from privacy.period import Period
from privacy.query import Mode
from privacy.signing import Document
from privacy.signing import Kind as Signed

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)
RHO = Fraction(1, 50)
VALUES = (3, -1, 2**40, 0)


def caps_of(**named: int) -> Caps:
    """Return caps with both columns alike; those not named are out of the way."""
    amounts = {
        "lifetime": 10**11,
        "fiscal_year": 10**14,
        "per_mandate": 10**14,
        "per_release": 3 * 10**10,
    } | named
    return Caps(**{name: Amount(pico, pico) for name, pico in amounts.items()})


CAPS = caps_of()


def pico(count: int) -> Fraction:
    """Return the loss that is so many whole pico-rho."""
    return Fraction(count, 10**12)


def document(kind: Signed, text: str) -> Document:
    """Return a document nobody signed: the ledger does not judge signatures."""
    return Document(kind=kind, content=text.encode())


MANDATE = document(Signed.MANDATE, "the sample mandate")
LIMIT = Fraction(100)


def enact(
    ledger: Ledger,
    kind: Kind,
    *,
    detail: str | None = None,
    rests_on: Document | None = None,
    now: dt.datetime = NOW,
) -> Entry:
    """Enter a rule after the newest one."""
    event = Event(
        kind=kind,
        at="",
        document=rests_on.digest.hex() if rests_on else None,
        detail=detail,
    )
    file = rests_on.file() if rests_on else None
    return ledger.enact(event, document=file, after=ledger.law_mark(), now=now)


def set_policy(
    ledger: Ledger,
    version: int = 1,
    caps: Caps = CAPS,
    now: dt.datetime = NOW,
) -> Entry:
    """Put a policy in force."""
    signed = document(Signed.POLICY, f"version {version}")
    note = policy_note(version, signed.digest, caps)
    return enact(ledger, Kind.POLICY, detail=note, rests_on=signed, now=now)


def deliver(
    ledger: Ledger, mandate: Document = MANDATE, limit: Fraction = LIMIT
) -> Entry:
    """Enter a mandate, and nothing about what an officer thinks of it."""
    note = mandate_note(limit, limit)
    return enact(ledger, Kind.MANDATE, detail=note, rests_on=mandate)


def accept(ledger: Ledger, mandate: Document = MANDATE) -> Entry:
    """Accept a mandate by rule."""
    return enact(ledger, Kind.ACCEPTED, detail=f"rule {mandate.digest.hex()}")


def revoke(ledger: Ledger, mandate: Document = MANDATE) -> Entry:
    """Withdraw a mandate."""
    why = document(Signed.REVOCATION, f"of {mandate.digest.hex()}")
    digest = mandate.digest.hex()
    return enact(ledger, Kind.REVOKED, detail=digest, rests_on=why)


def reopen(ledger: Ledger, number: int = 1, now: dt.datetime = NOW) -> Entry:
    """Open a new epoch, as after a restore."""
    why = document(Signed.DECISION, f"reopening {number}")
    return enact(ledger, Kind.REOPENED, rests_on=why, now=now)


def ready(ledger: Ledger, caps: Caps = CAPS) -> Ledger:
    """Give a ledger a policy, and a mandate that its officer accepted."""
    set_policy(ledger, caps=caps)
    deliver(ledger)
    accept(ledger)
    return ledger


def charge_for(name: str, **changes: Any) -> Charge:
    """Return what one sample question costs; the worst case costs the same."""
    if "rho" in changes:
        changes.setdefault("worst_rho", changes["rho"])
    asked = Charge(
        release_key=hashlib.sha256(f"key {name}".encode()).digest(),
        query_digest=hashlib.sha256(f"query {name}".encode()).digest(),
        metric="M08",
        mode=Mode.SITE,
        entry_years=(Period("FY2025"), Period("FY2026")),
        anchor="enrolment",
        periods=(Period("FY2026-H1"),),
        rho=RHO,
        worst_rho=RHO,
        mandate=MANDATE.digest,
        ask=hashlib.sha256(f"ask {name}".encode()).digest(),
    )
    return replace(asked, **changes)


def store(ledger: Ledger, key: bytes, values: Any = VALUES) -> Stored:
    """Keep a release under a charge."""
    return ledger.store(
        key, values=values, variance=Fraction(81, 4), l2_squared=4, now=LATER
    )


def boot_name(number: int) -> bytes:
    """Return the name of a sample start."""
    return hashlib.sha256(f"boot {number}".encode()).digest()


def spent(ledger: Ledger) -> dict[str, int]:
    """Return what each entry year has spent, in the model column."""
    return {
        account.name: account.spent.model
        for account in ledger.accounts()
        if account.scope is Scope.LIFETIME
    }


SECOND = document(Signed.MANDATE, "a second mandate")
OTHER = replace(charge_for("z"), mandate=SECOND.digest)
"""A charge under another mandate than the sample's."""


def second_mandate(ledger: Ledger, limit: Fraction = Fraction(1)) -> None:
    """Bring the second mandate, and accept it."""
    deliver(ledger, SECOND, limit)
    accept(ledger, SECOND)
