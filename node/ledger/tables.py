"""The ledger's tables, the same on SQLite and PostgreSQL.

`entries` is the record, and `documents` what people signed for it. `accounts` and
`strands` are running sums, kept so that one guarded statement can spend and check a
cap at once; `releases` holds the answers. What these say is proved from the entries
at every start. `witnessed` holds what this site keeps of other sites' ledgers.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

FORMAT = 2
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
    # lifetime, of an entry year; fiscal-year, of an entry year and a fiscal year;
    # mandate, of a mandate's digest.
    Column("scope", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("fiscal_year", Text, primary_key=True),
    Column("spent_model", _Whole, nullable=False),
    Column("cap_model", _Whole, nullable=False),
    Column("spent_worst", _Whole, nullable=False),
    Column("cap_worst", _Whole, nullable=False),
    CheckConstraint(
        "spent_model >= 0 AND spent_worst >= 0", name="ledger_accounts_not_negative"
    ),
    CheckConstraint(
        "spent_model <= cap_model AND spent_worst <= cap_worst",
        name="ledger_accounts_within_cap",
    ),
    sqlite_strict=True,
)

strands = Table(
    "ledger_strands",
    metadata,
    Column("entry_year", Text, primary_key=True),
    Column("event", Text, primary_key=True),
    Column("quarter", Text, primary_key=True),
    Column("model", _Whole, nullable=False),
    Column("worst", _Whole, nullable=False),
    CheckConstraint("model > 0 AND worst > 0", name="ledger_strands_positive"),
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
    Column("worst_pico", _Whole),
    Column("worst_rho", Text),
    Column("mandate", Text),
    Column("ask", Text),
    Column("document", Text),
    Column("detail", Text),
    Column("previous_hash", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
    # One charge and one release under a key, for ever. Nulls do not collide.
    UniqueConstraint("kind", "release_key", name="ledger_entries_once_per_key"),
    CheckConstraint(
        "kind <> 'charge' OR (pico_rho > 0 AND worst_pico >= pico_rho"
        " AND worst_pico <= 100000000000000)",
        name="ledger_entries_charge_positive",
    ),
    sqlite_strict=True,
)
# Every charge reads the newest rules first.
Index("ledger_entries_by_kind", entries.c.kind, entries.c.sequence)

documents = Table(
    "ledger_documents",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    # The digest leaves out the signatures, so that collecting more changes nothing;
    # this covers them too.
    Column("checksum", Text, nullable=False),
    Column("sequence", _Whole, ForeignKey("ledger_entries.sequence"), nullable=False),
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

witnessed = Table(
    "ledger_witnessed",
    metadata,
    Column("site", Text, primary_key=True),
    Column("head", LargeBinary, nullable=False),
    Column("checksum", Text, nullable=False),
    sqlite_strict=True,
)
