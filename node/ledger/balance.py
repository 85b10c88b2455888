"""The ledger's running sums: read them, spend from them, write them anew.

How charges add up is said once, in `privacy.accounts`. Here its results are kept as
rows, so that the statement which spends also keeps the cap, whatever else is wrong.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from node.ledger import tables
from privacy import accounts
from privacy.accounts import Accounts, Spend, Strand, YearAccounts
from privacy.amount import NOTHING, Amount
from privacy.errors import LedgerInconsistent
from privacy.notes import Notes

ANY = "*"
"""The name of the account that stands for every entry year not charged yet."""

_ACCOUNT = tables.accounts.c
_STRAND = tables.strands.c


_MODEL = _ACCOUNT.spent_model + bindparam("rise_model")
_WORST = _ACCOUNT.spent_worst + bindparam("rise_worst")
_SPENDING = (
    update(tables.accounts)
    .where(
        bindparam("of_scope") == _ACCOUNT.scope,
        bindparam("of_name") == _ACCOUNT.name,
        bindparam("of_fiscal_year") == _ACCOUNT.fiscal_year,
        bindparam("had_model") == _ACCOUNT.spent_model,
        bindparam("had_worst") == _ACCOUNT.spent_worst,
        _ACCOUNT.cap_model >= _MODEL,
        _ACCOUNT.cap_worst >= _WORST,
    )
    .values(spent_model=_MODEL, spent_worst=_WORST)
)
"""Adds to one account, only if it stays within its cap: the last line of defence."""


class Scope(StrEnum):
    """What an account adds up."""

    LIFETIME = "lifetime"
    FISCAL_YEAR = "fiscal-year"
    MANDATE = "mandate"


class Key(NamedTuple):
    """Which account."""

    scope: Scope
    name: str
    fiscal_year: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was spent from one account, and the most it may become.

    Attributes:
        scope: What it adds up.
        name: The entry year, such as FY2024, or the mandate's digest in hex; `*` for
            every entry year that was not charged yet.
        fiscal_year: The fiscal year asked about, or empty.
        spent: Loss charged so far.
        cap: The most the ledger itself will let it become.
    """

    scope: Scope
    name: str
    fiscal_year: str
    spent: Amount
    cap: Amount

    @property
    def key(self) -> Key:
        """Which account it is."""
        return Key(self.scope, self.name, self.fiscal_year)

    @property
    def left(self) -> Amount:
        """What may still be spent."""
        return self.cap - self.spent

    @property
    def share(self) -> Fraction:
        """How full the fuller of the two columns is, from 0 to 1."""
        columns = (
            (self.spent.model, self.cap.model),
            (self.spent.worst, self.cap.worst),
        )
        return max(
            Fraction(had, most) if most else Fraction(1) for had, most in columns
        )


def of(totals: Accounts, notes: Notes) -> dict[Key, Account]:
    """Return every account that must stand, given what was spent and the rules."""
    keys = [Key(Scope.LIFETIME, year) for year in totals.years]
    for year, known in totals.years.items():
        keys += [Key(Scope.FISCAL_YEAR, year, fiscal) for fiscal in known.fiscal]
    keys += [Key(Scope.MANDATE, digest) for digest in totals.mandates]
    if totals.floor != NOTHING:
        keys.append(Key(Scope.LIFETIME, ANY))
        keys += [Key(Scope.FISCAL_YEAR, ANY, f) for f in totals.fiscal_floors]
    return {key: account(key, totals, notes) for key in keys}


def account(key: Key, totals: Accounts, notes: Notes) -> Account:
    """Return one account; its cap is the rules', or what it spent under larger ones."""
    caps = notes.caps()
    match key.scope:
        case Scope.LIFETIME:
            spent, cap = totals.lifetime(key.name), caps.lifetime
        case Scope.FISCAL_YEAR:
            spent, cap = totals.fiscal(key.name, key.fiscal_year), caps.fiscal_year
        case _:
            limit = notes.limits.get(key.name, NOTHING)
            spent, cap = totals.mandate(key.name), caps.per_mandate.or_less(limit)
    if key.scope is Scope.FISCAL_YEAR and key.name == ANY:
        spent = totals.fiscal_floors[key.fiscal_year]
    return Account(**key._asdict(), spent=spent, cap=cap.or_more(spent))


def rows(tx: Connection) -> dict[Key, Account]:
    """Read every account."""
    query = select(tables.accounts).order_by(*tables.accounts.primary_key)
    return {_key(row): _account(row) for row in tx.execute(query)}


def totals(
    tx: Connection,
    *,
    entry_years: Collection[str] | None = None,
    mandate: str = "",
    event: str | None = None,
) -> Accounts:
    """Read what was spent; all of it, or what one charge can move.

    Args:
        tx: A transaction.
        entry_years: Only these; None for all of it.
        mandate: Only this one, if entry years are given.
        event: Only this event's cohorts, if entry years are given.
    """
    found, cohorts = select(tables.accounts), select(tables.strands)
    if entry_years is not None:
        found = found.where(_ACCOUNT.name.in_([*entry_years, mandate, ANY]))
        cohorts = cohorts.where(
            _STRAND.entry_year.in_(entry_years), _STRAND.event == (event or "")
        )
    by_key = {_key(row): _account(row).spent for row in tx.execute(found)}
    by_year: dict[str, dict[Strand, Amount]] = {}
    if entry_years is None or event is not None:
        by_year = strands(tx, cohorts)
    return Accounts(
        years={
            key.name: YearAccounts(
                lifetime=spent,
                fiscal={
                    other.fiscal_year: amount
                    for other, amount in by_key.items()
                    if (other.scope, other.name) == (Scope.FISCAL_YEAR, key.name)
                },
                strands=by_year.get(key.name, {}),
            )
            for key, spent in by_key.items()
            if key.scope is Scope.LIFETIME and key.name != ANY
        },
        mandates={k.name: v for k, v in by_key.items() if k.scope is Scope.MANDATE},
        floor=by_key.get(Key(Scope.LIFETIME, ANY), NOTHING),
        fiscal_floors={
            key.fiscal_year: spent
            for key, spent in by_key.items()
            if (key.scope, key.name) == (Scope.FISCAL_YEAR, ANY)
        },
    )


def strands(
    tx: Connection, query: Select[Any] | None = None
) -> dict[str, dict[Strand, Amount]]:
    """Read what each cohort was charged, by entry year."""
    found: dict[str, dict[Strand, Amount]] = {}
    for row in tx.execute(select(tables.strands) if query is None else query):
        cohort = Strand(row.event, row.quarter)
        found.setdefault(row.entry_year, {})[cohort] = Amount(row.model, row.worst)
    return found


def spend(tx: Connection, charge: Spend, notes: Notes) -> None:
    """Charge every account a release touches, each within its cap, or none.

    Raises:
        BudgetExhausted: a cap stands in the way; it tells what the tightest leaves.
        NotAllowed: nothing may be charged now, or not under this mandate.
        LedgerInconsistent: the accounts are not what the rules make them.
    """
    limit = notes.limit(charge.mandate)
    years = [year.label for year in charge.entry_years]
    before = totals(tx, entry_years=years, mandate=charge.mandate, event=charge.anchor)
    after = accounts.check(before, charge, notes.caps(), limit)
    had = of(before, notes)
    keys = [Key(Scope.MANDATE, charge.mandate)]
    keys += [Key(Scope.LIFETIME, year) for year in years]
    for fiscal in charge.fiscal_years:
        keys += [Key(Scope.FISCAL_YEAR, year, fiscal) for year in years]
    fresh = [account(key, before, notes) for key in keys if key not in had]
    _insert_accounts(tx, fresh)
    moved = [(account(k, before, notes), account(k, after, notes)) for k in keys]
    _move(tx, moved)
    _move_strands(tx, before, after, charge)


def _move(tx: Connection, moved: Sequence[tuple[Account, Account]]) -> None:
    """Add to accounts; one touched by another hand since it was read does not match."""
    changes = [
        {
            "of_scope": before.scope.value,
            "of_name": before.name,
            "of_fiscal_year": before.fiscal_year,
            "had_model": before.spent.model,
            "had_worst": before.spent.worst,
            "rise_model": after.spent.model - before.spent.model,
            "rise_worst": after.spent.worst - before.spent.worst,
        }
        for before, after in moved
    ]
    if tx.execute(_SPENDING, changes).rowcount != len(changes):
        raise LedgerInconsistent(
            "An account of the ledger is not what its entries make it; stop the node "
            "and tell the privacy officer."
        )


def _move_strands(
    tx: Connection, before: Accounts, after: Accounts, charge: Spend
) -> None:
    """Write what the cohorts of a charge have been charged now."""
    if not charge.strands:
        return
    years = [year.label for year in charge.entry_years]
    tx.execute(
        delete(tables.strands).where(
            _STRAND.entry_year.in_([year for year in years if year in before.years]),
            _STRAND.event == charge.anchor,
            _STRAND.quarter.in_([cohort.quarter for cohort in charge.strands]),
        )
    )
    written = {
        year: {cohort: after.years[year].strands[cohort] for cohort in charge.strands}
        for year in years
    }
    _insert_strands(tx, written)


def rewrite(tx: Connection, now: Accounts, notes: Notes) -> None:
    """Write every account anew: the caps moved, or all of them are full."""
    tx.execute(delete(tables.accounts))
    tx.execute(delete(tables.strands))
    _insert_accounts(tx, of(now, notes).values())
    _insert_strands(tx, {year: known.strands for year, known in now.years.items()})


def _insert_accounts(tx: Connection, new: Collection[Account]) -> None:
    if new:
        tx.execute(
            insert(tables.accounts),
            [
                {
                    "scope": each.scope.value,
                    "name": each.name,
                    "fiscal_year": each.fiscal_year,
                    "spent_model": each.spent.model,
                    "cap_model": each.cap.model,
                    "spent_worst": each.spent.worst,
                    "cap_worst": each.cap.worst,
                }
                for each in new
            ],
        )


def _insert_strands(tx: Connection, new: Mapping[str, Mapping[Strand, Amount]]) -> None:
    written = [
        {"entry_year": year, **cohort._asdict(), "model": a.model, "worst": a.worst}
        for year, cohorts in new.items()
        for cohort, a in cohorts.items()
    ]
    if written:
        tx.execute(insert(tables.strands), written)


def _key(row: Any) -> Key:  # noqa: ANN401 - a row of any query
    return Key(Scope(row.scope), row.name, row.fiscal_year)


def _account(row: Any) -> Account:  # noqa: ANN401 - a row of any query
    return Account(
        **_key(row)._asdict(),
        spent=Amount(row.spent_model, row.spent_worst),
        cap=Amount(row.cap_model, row.cap_worst),
    )
