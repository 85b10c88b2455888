"""The register's tables, and the digest that chains its closings.

Rows are only ever added. A household's number, entry year, counted adults and
cohorts each say which closing added them, and every closing carries the digest of
its rows and of the closing before it: a changed, missing or added row breaks the
chain.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

Row: TypeAlias = tuple[Any, ...]

FORMAT = 1

metadata = MetaData()
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def _number(name: str, *, key: bool = False) -> Column[int]:
    """Return a column for a whole number the program gives out itself."""
    return Column(name, _NUMBER, primary_key=key, autoincrement=False, nullable=False)


def _text(name: str, *, key: bool = False, unique: bool | None = None) -> Column[str]:
    """Return a column for text."""
    return Column(name, Text, primary_key=key, unique=unique, nullable=False)


about = Table("about", metadata, _number("format"), _text("first_quarter"))
closing = Table(
    "closing",
    metadata,
    _number("closing", key=True),
    _text("quarter", unique=True),
    _text("closed_at"),
    _text("previous"),
    _text("digest"),
)
household = Table(
    "household",
    metadata,
    _number("household", key=True),
    _text("hid", unique=True),
    _text("entry_year"),
    _number("closing"),
)
adult = Table(
    "adult",
    metadata,
    _number("household", key=True),
    _number("slot", key=True),
    _text("pid"),
    _number("closing"),
    UniqueConstraint("pid"),
    CheckConstraint("slot BETWEEN 1 AND 2"),
)
cohort = Table(
    "cohort",
    metadata,
    _number("household", key=True),
    _text("event", key=True),
    _text("quarter"),
    _number("closing"),
)
PARTS = (household, adult, cohort)
for _part in PARTS:
    Index(f"{_part.name}_by_closing", _part.c.closing)
for _table in metadata.tables.values():
    _table.dialect_options["sqlite"]["strict"] = True

_DOMAIN = b"cmpp-exchange register v1\x00"


class Digest:
    """Digest one closing: its rows, added in order, and what came before."""

    def __init__(self) -> None:
        """Start with no rows."""
        self._rows = hashlib.sha256(_DOMAIN)

    def add(self, part: str, rows: Iterable[Row]) -> None:
        """Add rows of one table, each as length-prefixed text."""
        parts = []
        for row in rows:
            for value in (part, *row):
                text = str(value)
                parts.append(f"{len(text)}:{text}")
            parts.append(";")
        self._rows.update("".join(parts).encode())

    def done(self, *, number: int, quarter: str, closed_at: str, previous: str) -> str:
        """Return the closing's digest, in hexadecimal."""
        self.add("closing", [(number, quarter, closed_at, previous)])
        return self._rows.hexdigest()


def genesis(first_quarter: str) -> str:
    """Return what the first closing is chained to."""
    return hashlib.sha256(_DOMAIN + b"first " + first_quarter.encode()).hexdigest()
