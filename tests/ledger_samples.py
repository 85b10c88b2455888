"""A policy, charges and releases that several test files use."""

import datetime as dt
import hashlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

from node.ledger import Charge, Ledger, Stored
from node.policy import Policy
from privacy.period import Period, PeriodKind
from privacy.query import Mode

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=1)
POLICY = Policy(
    site="NYC",
    version=1,
    programme="1.0.0",
    metrics=frozenset({"M08"}),
    period_kinds=frozenset(PeriodKind),
    first_entry_year=Period("FY2020"),
    last_entry_year=Period("FY2027"),
    lifetime_rho=Fraction(1, 10),
    per_release_rho=Fraction(3, 100),
    delta=Fraction(1, 10**6),
    not_before=NOW,
    not_after=NOW + dt.timedelta(days=366),
    digest=b"\x01" * 32,
    officer=b"\x02" * 32,
)
CAPS = POLICY.caps
RHO = Fraction(1, 50)
VALUES = (3, -1, 2**40, 0)


def charge_for(name: str, **changes: Any) -> Charge:
    asked = Charge(
        release_key=hashlib.sha256(f"key {name}".encode()).digest(),
        query_digest=hashlib.sha256(f"query {name}".encode()).digest(),
        metric="M08",
        mode=Mode.SITE,
        entry_years=(Period("FY2025"), Period("FY2026")),
        anchor="enrolled",
        periods=(Period("FY2026-H1"),),
        rho=RHO,
    )
    return replace(asked, **changes)


def store(ledger: Ledger, key: bytes, values: Any = VALUES) -> Stored:
    return ledger.store(
        key, values=values, variance=Fraction(81, 4), l2_squared=4, now=LATER
    )


def spent(ledger: Ledger) -> dict[str, int]:
    return {account.entry_year: account.spent_pico for account in ledger.accounts()}
