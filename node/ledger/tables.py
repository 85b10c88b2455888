"""The ledger's four tables, the same on SQLite and PostgreSQL.

`entries` is the record; `accounts` are its running sums, kept so that one
guarded statement can spend and check a cap at once; `releases` holds the
answers. What the last two say is proved from the first at every start.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

FORMAT = 1
"""Raised when these tables change; an older ledger is migrated, never guessed at."""

# SQLite checks column types only in STRICT tables, which know INTEGER alone.
_Whole = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

meta = Table(
    "ledger_meta",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("format", Integer, nullable=False),
    Column("site", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    CheckConstraint("one = 1", name="ledger_meta_one_row"),
    sqlite_strict=True,
)

accounts = Table(
    "ledger_accounts",
    metadata,
    Column("entry_year", Text, primary_key=True),
    Column("spent_pico", _Whole, nullable=False),
    Column("cap_pico", _Whole, nullable=False),
    CheckConstraint("spent_pico >= 0", name="ledger_accounts_not_negative"),
    CheckConstraint("spent_pico <= cap_pico", name="ledger_accounts_within_cap"),
    sqlite_strict=True,
)

entries = Table(
    "ledger_entries",
    metadata,
    Column("sequence", _Whole, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("release_key", Text),
    Column("query_digest", Text),
    Column("metric", Text),
    Column("mode", Text),
    Column("entry_years", Text),
    Column("anchor", Text),
    Column("periods", Text),
    Column("pico_rho", _Whole),
    Column("rho", Text),
    Column("detail", Text),
    Column("previous_hash", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
    # One charge and one release under a key, for ever. Nulls do not collide.
    UniqueConstraint("kind", "release_key", name="ledger_entries_once_per_key"),
    CheckConstraint(
        "kind <> 'charge' OR (pico_rho > 0 AND pico_rho <= 100000000000000)",
        name="ledger_entries_charge_positive",
    ),
    sqlite_strict=True,
)

releases = Table(
    "ledger_releases",
    metadata,
    Column("release_key", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("noisy_values", LargeBinary, nullable=False),
    Column("variance", Text, nullable=False),
    Column("l2_squared", Text, nullable=False),
    Column("released_at", Text, nullable=False),
    Column("sequence", _Whole, ForeignKey("ledger_entries.sequence"), nullable=False),
    sqlite_strict=True,
)
