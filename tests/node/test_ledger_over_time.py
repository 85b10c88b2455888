"""The ledger on both engines: starts, witnessing, reopening, proving."""

import datetime as dt
import sqlite3
from fractions import Fraction
from pathlib import Path

import pytest
import sqlalchemy as sa

from node.ledger import Ledger, Scope, Stored, tables
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    ChainBroken,
    LedgerInconsistent,
    LedgerMissing,
)
from privacy.period import Period
from tests.ledger_samples import (
    CAPS,
    LATER,
    NOW,
    boot_name,
    charge_for,
    spent,
    store,
)
from tests.node.conftest import Tamper

# ---- what is left, where it stands ----------------------------------------------


def test_what_is_left_counts_named_years_too(ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    left = ledger.remaining(
        entry_years=(Period("FY2024"), Period("FY2025")),
        fiscal_years=(Period("FY2026"), Period("FY2027")),
    )
    lifetimes = {
        key.name: amount.model
        for key, amount in left.items()
        if key.scope is Scope.LIFETIME
    }
    assert lifetimes == {"FY2024": 10**11, "FY2025": 8 * 10**10, "FY2026": 8 * 10**10}
    fiscal = {
        (key.name, key.fiscal_year): CAPS.fiscal_year.model - amount.model
        for key, amount in left.items()
        if key.scope is Scope.FISCAL_YEAR
    }
    assert fiscal == {
        ("FY2024", "FY2026"): 0,
        ("FY2024", "FY2027"): 0,
        ("FY2025", "FY2026"): 2 * 10**10,
        ("FY2025", "FY2027"): 0,
        ("FY2026", "FY2026"): 2 * 10**10,
    }


def test_levels_name_the_fullest_account_first(ledger: Ledger) -> None:
    for name, years in (("a", (2025, 2026)), ("b", (2026,)), ("c", (2026,))):
        entry_years = tuple(Period(f"FY{year}") for year in years)
        ledger.charge(charge_for(name, entry_years=entry_years), now=NOW)
    first, second, *_ = ledger.levels()
    assert (first[0].name, first[1]) == ("FY2026", Fraction(3, 5))
    assert (second[0].name, second[1]) == ("FY2025", Fraction(1, 5))


def test_every_start_is_noted_and_moves_the_head(ledger: Ledger) -> None:
    none = ledger.head()
    assert (none.boot, none.started_sequence) == (bytes(32), 0)
    first = ledger.boot(boot_name(1), now=NOW)
    second = ledger.boot(boot_name(2), now=LATER)
    assert (first.boot, second.boot) == (boot_name(1), boot_name(2))
    assert second.sequence == first.sequence + 1 == second.started_sequence
    ledger.charge(charge_for("a"), now=NOW)
    now = ledger.head()
    assert (now.started_sequence, now.started_hash) == (second.sequence, second.hash)
    assert now.sequence == second.sequence + 1
    assert ledger.hash_at(second.sequence) == second.hash
    assert ledger.hash_at(now.sequence + 1) is None
    assert (first.epoch, now.epoch) == (1, 1)
    ledger.verify()


@pytest.mark.parametrize("name", [b"", bytes(31), boot_name(1)])
def test_a_start_needs_a_fresh_name(ledger: Ledger, name: bytes) -> None:
    ledger.boot(boot_name(1), now=NOW)
    with pytest.raises(LedgerInconsistent):
        ledger.boot(name, now=NOW)


# ---- what other sites' ledgers said ---------------------------------------------


def test_a_witness_keeps_what_it_decided_and_nothing_else(
    ledger_url: str, ledger: Ledger
) -> None:
    seen: list[bytes | None] = []

    def newer(kept: bytes | None) -> bytes | None:
        seen.append(kept)
        return b"two" if kept == b"one" else b"one" if kept is None else None

    assert ledger.witnessed("HOU") is None
    assert [ledger.witness("HOU", newer) for _ in range(3)] == [b"one", b"two", b"two"]
    assert ledger.witness("LAX", lambda _: None) is None
    assert seen == [None, b"one", b"two"]
    reopened = Ledger.open(ledger_url)
    assert (reopened.witnessed("HOU"), reopened.witnessed("LAX")) == (b"two", None)
    reopened.close()


def test_a_witness_that_refuses_changes_nothing(ledger: Ledger) -> None:
    def refuse(_: bytes | None) -> bytes:
        raise BadSignature("no")

    ledger.witness("HOU", lambda _: b"one")
    with pytest.raises(BadSignature):
        ledger.witness("HOU", refuse)
    assert ledger.witnessed("HOU") == b"one"


# ---- time -----------------------------------------------------------------------


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerInconsistent, match="UTC"):
        ledger.boot(boot_name(1), now=dt.datetime(2026, 11, 22))  # noqa: DTZ001 - the point


def test_times_are_kept_in_utc(ledger: Ledger) -> None:
    local = dt.timezone(dt.timedelta(hours=-5))
    ledger.boot(boot_name(1), now=dt.datetime(2026, 11, 22, 7, tzinfo=local))
    assert ledger.entries()[-1].at == "2026-11-22T12:00:00.000000+00:00"


# ---- opening and proving --------------------------------------------------------


def test_a_reopened_ledger_remembers_everything(
    ledger_url: str, ledger: Ledger
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    store(ledger, charge_for("a").release_key)
    ledger.charge(charge_for("b"), now=NOW)
    reopened = Ledger.open(ledger_url)
    assert reopened.site == "NYC"
    assert reopened.entries() == ledger.entries()
    assert isinstance(reopened.charge(charge_for("a"), now=NOW), Stored)
    assert reopened.charge(charge_for("b"), now=NOW).resumed
    reopened.close()


def test_a_new_ledger_can_be_opened_before_any_policy(ledger_url: str) -> None:
    Ledger.create(ledger_url, site="NYC", now=NOW).close()
    reopened = Ledger.open(ledger_url)
    assert reopened.accounts() == ()
    assert reopened.law() == ()
    reopened.close()


def test_a_ledger_is_never_made_over_another(ledger_url: str, ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    with pytest.raises(BadConfiguration, match="never overwritten"):
        Ledger.create(ledger_url, site="NYC", now=NOW)
    assert spent(ledger)["FY2025"] == 2 * 10**10


def test_a_database_without_a_ledger_is_not_an_empty_ledger(
    ledger_url: str, tmp_path: Path
) -> None:
    if ledger_url.startswith("sqlite"):
        (tmp_path / "ledger.sqlite").touch()
    with pytest.raises(LedgerMissing):
        Ledger.open(ledger_url)


def test_a_ledger_that_lost_its_first_row_is_missing(
    ledger_url: str, tamper: Tamper
) -> None:
    tamper("DELETE FROM ledger_meta")
    with pytest.raises(LedgerMissing, match="empty"):
        Ledger.open(ledger_url)


def test_another_format_is_refused(ledger_url: str, tamper: Tamper) -> None:
    tamper("UPDATE ledger_meta SET format = 1")
    with pytest.raises(LedgerInconsistent, match="format 1"):
        Ledger.open(ledger_url)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE ledger_accounts SET spent_model = 0", LedgerInconsistent),
        ("UPDATE ledger_accounts SET spent_worst = 0", LedgerInconsistent),
        ("UPDATE ledger_accounts SET cap_model = cap_model + 1", LedgerInconsistent),
        ("UPDATE ledger_accounts SET cap_worst = cap_worst + 1", LedgerInconsistent),
        ("DELETE FROM ledger_accounts", LedgerInconsistent),
        ("DELETE FROM ledger_accounts WHERE scope = 'mandate'", LedgerInconsistent),
        (
            "INSERT INTO ledger_accounts VALUES ('lifetime', 'FY2031', '', 0, 9, 0, 9)",
            LedgerInconsistent,
        ),
        ("UPDATE ledger_strands SET model = model - 1", LedgerInconsistent),
        ("UPDATE ledger_strands SET worst = worst - 1", LedgerInconsistent),
        ("UPDATE ledger_strands SET event = 'exit'", LedgerInconsistent),
        ("DELETE FROM ledger_strands", LedgerInconsistent),
        ("UPDATE ledger_meta SET site = 'HOU'", LedgerInconsistent),
        ("UPDATE ledger_entries SET pico_rho = 1 WHERE kind = 'charge'", ChainBroken),
        ("UPDATE ledger_entries SET worst_pico = 3 * pico_rho", ChainBroken),
        ("UPDATE ledger_entries SET worst_rho = '1/3' WHERE sequence = 5", ChainBroken),
        ("UPDATE ledger_entries SET rho = '1/3' WHERE sequence = 5", ChainBroken),
        ("UPDATE ledger_entries SET kind = 'gift' WHERE sequence = 5", ChainBroken),
        ("UPDATE ledger_entries SET at = 'later' WHERE sequence = 1", ChainBroken),
        ("UPDATE ledger_entries SET anchor = NULL WHERE sequence = 5", ChainBroken),
        ("UPDATE ledger_entries SET metric = 'M09' WHERE sequence = 5", ChainBroken),
        ("UPDATE ledger_entries SET mandate = NULL WHERE sequence = 5", ChainBroken),
        ("UPDATE ledger_entries SET ask = NULL WHERE sequence = 5", ChainBroken),
        ("UPDATE ledger_entries SET document = NULL WHERE sequence = 2", ChainBroken),
        ("UPDATE ledger_entries SET detail = NULL WHERE sequence = 4", ChainBroken),
        ("DELETE FROM ledger_releases WHERE sequence = 7", LedgerInconsistent),
        ("DELETE FROM ledger_documents", LedgerInconsistent),
        ("UPDATE ledger_documents SET sequence = 4", LedgerInconsistent),
        ("UPDATE ledger_documents SET content = :blob", ChainBroken),
        ("UPDATE ledger_documents SET checksum = ''", ChainBroken),
        ("UPDATE ledger_witnessed SET head = :blob", LedgerInconsistent),
        ("UPDATE ledger_witnessed SET site = 'LAX'", LedgerInconsistent),
        ("DELETE FROM ledger_releases", LedgerInconsistent),
        ("UPDATE ledger_releases SET variance = '1'", ChainBroken),
        ("UPDATE ledger_releases SET size = 3", ChainBroken),
        ("UPDATE ledger_releases SET noisy_values = :blob", ChainBroken),
        ("UPDATE ledger_releases SET released_at = ''", ChainBroken),
    ],
)
def test_an_edited_ledger_is_not_opened(
    ledger_url: str,
    ledger: Ledger,
    tamper: Tamper,
    statement: str,
    error: type[Exception],
) -> None:
    for name in "ab":
        ledger.charge(charge_for(name), now=NOW)
    store(ledger, charge_for("a").release_key)
    ledger.witness("HOU", lambda _: b"a head")
    text = sa.text(statement)
    tamper(text.bindparams(blob=b"\x00" * 32) if ":blob" in statement else text)
    with pytest.raises(error):
        Ledger.open(ledger_url)
    with pytest.raises(error):
        ledger.verify()


def test_an_altered_release_is_never_returned(ledger: Ledger, tamper: Tamper) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    store(ledger, charge_for("a").release_key)
    blob = sa.text("UPDATE ledger_releases SET noisy_values = :blob")
    tamper(blob.bindparams(blob=b"\x00" * 32))
    with pytest.raises(ChainBroken):
        ledger.charge(charge_for("a"), now=NOW)


def test_a_whole_ledger_verifies(ledger: Ledger) -> None:
    for name in "abc":
        ledger.charge(charge_for(name), now=NOW)
        store(ledger, charge_for(name).release_key)
    ledger.boot(boot_name(1), now=NOW)
    ledger.verify()


def test_the_tables_enforce_the_cap_even_without_this_program(
    ledger: Ledger, tamper: Tamper
) -> None:
    ledger.charge(charge_for("a"), now=NOW)
    with pytest.raises(sa.exc.IntegrityError):
        tamper("UPDATE ledger_accounts SET spent_model = cap_model + 1")
    with pytest.raises(sa.exc.IntegrityError):
        tamper("UPDATE ledger_accounts SET spent_worst = -1")
    with pytest.raises(sa.exc.IntegrityError):
        tamper(sa.insert(tables.meta).values(one=2, format=2, site="", created_at=""))


@pytest.mark.parametrize(
    "wrong",
    [
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/ledger?nolock=1",
        "mysql://localhost/ledger",
        "postgresql://localhost/ledger",
    ],
)
def test_other_places_for_a_ledger_are_refused(wrong: str) -> None:
    with pytest.raises(BadConfiguration):
        Ledger.open(wrong)


def test_python_and_the_file_agree_on_strict_tables() -> None:
    # STRICT tables, which catch a wrong type in a damaged page, need this version.
    assert sqlite3.sqlite_version_info >= (3, 37)
