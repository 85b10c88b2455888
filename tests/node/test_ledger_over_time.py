"""The ledger on both engines: policies, starts, reopening, proving."""

import datetime as dt
import sqlite3
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from node.ledger import Charged, Ledger, Stored, tables
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    BudgetExhausted,
    ChainBroken,
    LedgerInconsistent,
    LedgerMissing,
)
from privacy.period import Period
from tests.ledger_samples import (
    CAPS,
    LATER,
    NOW,
    POLICY,
    charge_for,
    spent,
    store,
)
from tests.node.conftest import Tamper

# ---- policies -------------------------------------------------------------------


def test_a_new_policy_moves_the_caps(ledger: Ledger) -> None:
    for name in "abcde":
        ledger.charge(charge_for(name), caps=CAPS, now=NOW)
    larger = replace(POLICY, version=2, lifetime_rho=Fraction(1, 5))
    ledger.adopt(larger, now=LATER)
    assert ledger.policy_version() == 2
    assert isinstance(
        ledger.charge(charge_for("f"), caps=larger.caps, now=NOW), Charged
    )
    ledger.verify()


def test_a_lowered_cap_keeps_what_was_spent_and_stops_the_rest(ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), caps=CAPS, now=NOW)
    low = Fraction(1, 100)
    smaller = replace(POLICY, version=2, lifetime_rho=low, per_release_rho=low)
    ledger.adopt(smaller, now=LATER)
    tiny = charge_for("b", rho=Fraction(1, 10**12))
    with pytest.raises(BudgetExhausted) as refusal:
        ledger.charge(tiny, caps=CAPS, now=NOW)
    assert refusal.value.left_pico_rho == 0
    assert ledger.remaining(smaller.caps) == {"FY2025": 0, "FY2026": 0}
    ledger.verify()


def test_the_same_policy_is_adopted_once(ledger: Ledger) -> None:
    before = ledger.head()
    ledger.adopt(POLICY, now=LATER)
    assert ledger.head() == before


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"version": 1, "digest": b"\x03" * 32}, BadConfiguration),
        ({"version": 2, "officer": b"\x03" * 32}, BadSignature),
        ({"version": 2, "site": "HOU"}, BadConfiguration),
    ],
)
def test_a_policy_that_cannot_follow_is_refused(
    ledger: Ledger, change: dict[str, Any], error: type[Exception]
) -> None:
    before = ledger.head()
    with pytest.raises(error):
        ledger.adopt(replace(POLICY, **change), now=LATER)
    assert ledger.head() == before


def test_an_old_policy_is_never_adopted_again(ledger: Ledger) -> None:
    ledger.adopt(replace(POLICY, version=2, digest=b"\x03" * 32), now=LATER)
    with pytest.raises(BadConfiguration, match="version 2"):
        ledger.adopt(POLICY, now=LATER)


# ---- what is left, where it stands ----------------------------------------------


def test_what_is_left_counts_named_years_too(ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), caps=CAPS, now=NOW)
    left = ledger.remaining(CAPS, entry_years=(Period("FY2024"), Period("FY2025")))
    assert left == {"FY2024": 10**11, "FY2025": 8 * 10**10, "FY2026": 8 * 10**10}


def test_every_start_is_noted_and_moves_the_head(ledger: Ledger) -> None:
    first, second = ledger.boot(now=NOW), ledger.boot(now=LATER)
    assert (first.boot, second.boot) == (1, 2)
    assert second.sequence == first.sequence + 1
    assert ledger.head() == second
    assert second.hash != first.hash


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerInconsistent, match="UTC"):
        ledger.boot(now=dt.datetime(2026, 11, 22))  # noqa: DTZ001 - the point


def test_times_are_kept_in_utc(ledger: Ledger) -> None:
    local = dt.timezone(dt.timedelta(hours=-5))
    ledger.boot(now=dt.datetime(2026, 11, 22, 7, tzinfo=local))
    assert ledger.entries()[-1].at == "2026-11-22T12:00:00.000000+00:00"


# ---- opening and proving --------------------------------------------------------


def test_a_reopened_ledger_remembers_everything(
    ledger_url: str, ledger: Ledger
) -> None:
    ledger.charge(charge_for("a"), caps=CAPS, now=NOW)
    store(ledger, charge_for("a").release_key)
    ledger.charge(charge_for("b"), caps=CAPS, now=NOW)
    reopened = Ledger.open(ledger_url)
    assert reopened.site == "NYC"
    assert reopened.entries() == ledger.entries()
    assert isinstance(reopened.charge(charge_for("a"), caps=CAPS, now=NOW), Stored)
    assert reopened.charge(charge_for("b"), caps=CAPS, now=NOW).resumed
    reopened.close()


def test_a_new_ledger_can_be_opened_before_any_policy(ledger_url: str) -> None:
    Ledger.create(ledger_url, site="NYC", now=NOW).close()
    reopened = Ledger.open(ledger_url)
    assert reopened.accounts() == ()
    assert reopened.policy_version() == 0
    reopened.close()


def test_a_ledger_is_never_made_over_another(ledger_url: str, ledger: Ledger) -> None:
    ledger.charge(charge_for("a"), caps=CAPS, now=NOW)
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
    tamper("UPDATE ledger_meta SET format = 2")
    with pytest.raises(LedgerInconsistent, match="format 2"):
        Ledger.open(ledger_url)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE ledger_accounts SET spent_pico = 0", LedgerInconsistent),
        ("UPDATE ledger_accounts SET cap_pico = cap_pico + 1", LedgerInconsistent),
        ("DELETE FROM ledger_accounts", LedgerInconsistent),
        (
            "INSERT INTO ledger_accounts VALUES ('FY2031', 0, 10)",
            LedgerInconsistent,
        ),
        ("UPDATE ledger_meta SET site = 'HOU'", LedgerInconsistent),
        ("UPDATE ledger_entries SET pico_rho = 1 WHERE kind = 'charge'", ChainBroken),
        ("UPDATE ledger_entries SET rho = '1/3' WHERE sequence = 4", ChainBroken),
        ("UPDATE ledger_entries SET kind = 'gift' WHERE sequence = 4", ChainBroken),
        ("UPDATE ledger_entries SET at = 'later' WHERE sequence = 1", ChainBroken),
        ("UPDATE ledger_entries SET anchor = NULL WHERE sequence = 3", ChainBroken),
        ("UPDATE ledger_entries SET metric = 'M09' WHERE sequence = 3", ChainBroken),
        ("DELETE FROM ledger_entries WHERE sequence = 3", ChainBroken),
        ("DELETE FROM ledger_entries WHERE sequence = 1", ChainBroken),
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
        ledger.charge(charge_for(name), caps=CAPS, now=NOW)
    store(ledger, charge_for("a").release_key)
    text = sa.text(statement)
    tamper(text.bindparams(blob=b"\x00" * 32) if ":blob" in statement else text)
    with pytest.raises(error):
        Ledger.open(ledger_url)
    with pytest.raises(error):
        ledger.verify()


def test_an_altered_release_is_never_returned(ledger: Ledger, tamper: Tamper) -> None:
    ledger.charge(charge_for("a"), caps=CAPS, now=NOW)
    store(ledger, charge_for("a").release_key)
    blob = sa.text("UPDATE ledger_releases SET noisy_values = :blob")
    tamper(blob.bindparams(blob=b"\x00" * 32))
    with pytest.raises(ChainBroken):
        ledger.charge(charge_for("a"), caps=CAPS, now=NOW)


def test_a_whole_ledger_verifies(ledger: Ledger) -> None:
    for name in "abc":
        ledger.charge(charge_for(name), caps=CAPS, now=NOW)
        store(ledger, charge_for(name).release_key)
    ledger.boot(now=NOW)
    ledger.verify()


def test_the_tables_enforce_the_cap_even_without_this_program(
    ledger: Ledger, tamper: Tamper
) -> None:
    ledger.charge(charge_for("a"), caps=CAPS, now=NOW)
    with pytest.raises(sa.exc.IntegrityError):
        tamper("UPDATE ledger_accounts SET spent_pico = cap_pico + 1")
    with pytest.raises(sa.exc.IntegrityError):
        tamper("UPDATE ledger_accounts SET spent_pico = -1")
    with pytest.raises(sa.exc.IntegrityError):
        tamper(sa.insert(tables.meta).values(one=2, format=1, site="", created_at=""))


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
