"""Keep the proof of every question and answer: who signed what, to the byte.

The store keeps numbers to work with; here are the signatures under them. Together
with the log they let an auditor, who trusts neither the centre nor a site, follow a
published figure back to what each site signed and its ledger paid for.
"""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Self

import sqlalchemy as sa

from coordinator.database import METADATA
from privacy import query, signing, statement
from privacy.errors import Corrupt
from privacy.signing import Signature
from proto import wire
from proto.canonical import Malformed
from proto.wire import Answer, Ask

_DIGEST = 64
_MOMENT = 40
_INT64 = range(-(2**63), 2**63)
_UNREADABLE = (LookupError, RecursionError, TypeError, ValueError)

_ASKS = sa.Table(
    "asks",
    METADATA,
    sa.Column("digest", sa.String(_DIGEST), primary_key=True),
    sa.Column("site", sa.String(16), nullable=False, index=True),
    sa.Column("signed", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.String(_MOMENT), nullable=False),
)
_ANSWERS = sa.Table(
    "answers",
    METADATA,
    sa.Column("digest", sa.String(_DIGEST), primary_key=True),
    sa.Column("site", sa.String(16), nullable=False, index=True),
    sa.Column("ask", sa.String(_DIGEST), nullable=False, index=True),
    sa.Column("signed", sa.Text, nullable=False),
    sa.Column("at", sa.String(_MOMENT), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAnswer:
    """One site's answer to one signed question, with its signature.

    Attributes:
        site: Who answered.
        ask: Digest of the signed question, 32 bytes.
        release_key: The identity of the answer, 32 bytes.
        values: One noisy whole number per public cell.
        variance: Of the noise in each value.
        rho: The loss it was made with.
        sequence: The entry of the site's ledger that keeps it.
        receipt: The site's signature over all of this, 64 bytes.
    """

    site: str
    ask: bytes
    release_key: bytes
    values: tuple[int, ...] = field(repr=False)
    variance: Fraction
    rho: Fraction
    sequence: int
    receipt: bytes = field(repr=False)

    @classmethod
    def of(cls, ask: Ask, answer: Answer) -> Self:
        """Take what was signed from what came over the wire."""
        return cls(
            site=ask.site,
            ask=ask.digest,
            release_key=answer.release_key,
            values=answer.values,
            variance=answer.variance,
            rho=answer.rho,
            sequence=answer.sequence,
            receipt=answer.receipt,
        )

    @property
    def digest(self) -> str:
        """SHA-256 over the answer and its signature, in hex: how the log names it."""
        return hashlib.sha256(self._signed() + self.receipt).hexdigest()

    def is_signed_by(self, key: bytes) -> bool:
        """Tell whether the holder of a public key signed exactly this answer."""
        return signing.holds(Signature(key, self.receipt), self._signed())

    def line(self) -> str:
        """Write the answer as one line of JSON, in its one form."""
        content = {
            "ask": self.ask.hex(),
            "receipt": base64.b64encode(self.receipt).decode("ascii"),
            "release_key": self.release_key.hex(),
            "rho": str(self.rho),
            "sequence": self.sequence,
            "site": self.site,
            "values": list(self.values),
            "variance": str(self.variance),
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @classmethod
    def read(cls, line: str) -> Self:
        """Read what `line` wrote.

        Raises:
            Corrupt: it is not that.
        """
        try:
            content = json.loads(line)
            found = cls(
                site=content["site"],
                ask=bytes.fromhex(content["ask"]),
                release_key=bytes.fromhex(content["release_key"]),
                values=tuple(content["values"]),
                variance=Fraction(content["variance"]),
                rho=Fraction(content["rho"]),
                sequence=content["sequence"],
                receipt=base64.b64decode(content["receipt"], validate=True),
            )
            same = found.line() == line
        except (*_UNREADABLE, ArithmeticError) as error:
            raise Corrupt(_NO_ANSWER) from error
        whole = all(type(value) is int and value in _INT64 for value in found.values)
        if not same or not whole or not found.values:
            raise Corrupt(_NO_ANSWER)
        return found

    def _signed(self) -> bytes:
        return statement.receipt(
            site=self.site,
            ask=self.ask,
            release_key=self.release_key,
            values=self.values,
            variance=self.variance,
            rho=self.rho,
            sequence=self.sequence,
        )


class Evidence:
    """Read every signed question and answer of the centre; none is ever changed.

    They are written together with what the log tells of them: see `telling`.
    """

    def __init__(self, engine: sa.Engine) -> None:
        """Use a connected database."""
        self._engine = engine

    def asks(self) -> tuple[Ask, ...]:
        """Return every signed question, oldest first.

        Raises:
            Corrupt: the database was changed.
        """
        rows = self._rows(_ASKS)
        return tuple(read_ask(row.signed) for row in rows)

    def answers(self) -> tuple[SignedAnswer, ...]:
        """Return every signed answer, oldest first.

        Raises:
            Corrupt: the database was changed.
        """
        return tuple(SignedAnswer.read(row.signed) for row in self._rows(_ANSWERS))

    def _rows(self, table: sa.Table) -> tuple[sa.Row[Any], ...]:
        with self._engine.connect() as connection:
            listed = table.select().order_by(table.c.at, table.c.digest)
            return tuple(connection.execute(listed).all())


def write_asks(
    connection: sa.Connection, asks: Sequence[Ask], *, now: dt.datetime
) -> None:
    """Keep signed questions, inside a transaction."""
    for ask in asks:
        row = {
            "digest": ask.digest.hex(),
            "site": ask.site,
            "signed": wire.ask_to_bytes(ask),
            "at": now.isoformat(),
        }
        _add(connection, _ASKS, row)


def write_answer(
    connection: sa.Connection, answer: SignedAnswer, *, now: dt.datetime
) -> None:
    """Keep a signed answer, inside a transaction."""
    row = {
        "digest": answer.digest,
        "site": answer.site,
        "ask": answer.ask.hex(),
        "signed": answer.line(),
        "at": now.isoformat(),
    }
    _add(connection, _ANSWERS, row)


def _add(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Add a row unless it is there already."""
    same = table.c.digest == row["digest"]
    if connection.execute(sa.select(table.c.digest).where(same)).first() is None:
        connection.execute(table.insert().values(**row))


def read_ask(signed: bytes) -> Ask:
    """Read a signed question; whether the signature holds is asked of it.

    Raises:
        Corrupt: the bytes are not a question.
    """
    try:
        return wire.ask_from_bytes(signed)
    except Malformed as error:
        raise Corrupt(
            "A signed question is not as it was written; restore it from a copy."
        ) from error


def query_facts(ask: Ask) -> dict[str, str]:
    """Say in the log that a question was asked."""
    return {
        "site": ask.site,
        "metric": ask.metric,
        "query": ask.query_name,
        "period": " ".join(p.label for p in query.parse(ask.query).periods),
        "programme": ask.catalogue_version,
        "asked_by": ask.asked_by,
        "purpose": ask.purpose,
        "mandate": ask.mandate.hex(),
        "rho": str(ask.rho),
        "ask": ask.digest.hex(),
    }


def answer_facts(answer: SignedAnswer, *, model: int, worst: int) -> dict[str, str]:
    """Say in the log that a site answered, and what it was charged by this call."""
    return {
        "site": answer.site,
        "ask": answer.ask.hex(),
        "answer": answer.digest,
        "model_pico_rho": str(model),
        "worst_pico_rho": str(worst),
    }


def publication_facts(content: Mapping[str, Any]) -> dict[str, Any]:
    """Say in the log that figures were published, and which; numbers as text."""
    names = ("value", "low", "high")
    return {
        "digest": content["digest"],
        "metric": content["metric"],
        "period": content["period"],
        "programme": content["version"],
        "sites": [s["site"] for s in content["sites"] if s["status"] == "answered"],
        "cells": [
            {"labels": dict(cell["labels"])}
            | {name: repr(cell[name]) for name in names}
            for cell in content["cells"]
        ],
    }


_NO_ANSWER = (
    "A signed answer is not as it was written; restore it from a copy, or ask the "
    "site again, which is free."
)
