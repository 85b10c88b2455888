"""Turn messages into plain values and back: the only file that does.

A message is accepted in one encoding only, the one this file writes. A reply has one
length per number of cells, so its size tells a listener nothing about the outcome.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from fractions import Fraction
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.mandate import Purpose
from privacy.signing import SIGNATURE_BYTES, Signature, holds
from privacy.statement import ASK_DOMAIN
from proto.canonical import (
    PERIOD,
    SITE,
    VERSION,
    check,
    encode,
    exact,
    fraction,
    is_exact,
    is_loss,
    name_of,
    parse,
)
from proto.cmpp.v1 import node_pb2

QUERY_BYTES_MAX: Final = 48 * 1024
CELLS_MAX: Final = 4096
CELLS_STEP: Final = 32
KEY_BYTES: Final = 32
PERIOD_BYTES: Final = 16
PICO_MAX: Final = 2**63 - 1
SECONDS_MAX: Final = 2**40

PURPOSES: Final[Mapping[str, node_pb2.Purpose.ValueType]] = {
    purpose.value: node_pb2.Purpose.Value(f"PURPOSE_{purpose.name}")
    for purpose in Purpose
}
MODES: Final[Mapping[str, node_pb2.Mode.ValueType]] = {"site": node_pb2.MODE_SITE}

_METRIC = re.compile(r"M[0-9]{2,3}", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_ASKED_BY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


class RefusalCode(IntEnum):
    """List every reason a node may give for a refusal, one per error class."""

    REFUSED = 1
    NOT_ALLOWED = 2
    BUDGET_EXHAUSTED = 3
    PERIOD_NOT_CLOSED = 4
    NOT_MATURE = 5
    UNKNOWN_METRIC = 6
    WRONG_PROGRAMME = 7
    WRONG_SITE = 8
    EXPIRED = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Hold one question to one node: what, under which name, for which loss.

    Attributes:
        query: The canonical bytes of the query.
        metric: The metric's number in the catalogue, such as ``M08``.
        query_name: The query's name inside the metric.
        catalogue_version: The catalogue both ends must hold.
        rho: The loss asked for, exact.
        purpose: One of ``PURPOSES``.
        cells: Of the query; the node counts them itself and refuses a difference.
        site: Whom it is for.
        mandate: Digest of the mandate that opens it, 32 bytes.
        asked_by: Who asks, one plain word.
        not_after: Last second at which it may be answered, since 1970.
        mode: One of ``MODES``.
        signature: The coordinator's, over everything else.
    """

    query: bytes = field(repr=False)
    metric: str
    query_name: str
    catalogue_version: str
    rho: Fraction
    purpose: str
    cells: int
    site: str
    mandate: bytes
    asked_by: str
    not_after: int
    mode: str = "site"
    signature: bytes = field(default=bytes(SIGNATURE_BYTES), repr=False)

    def __post_init__(self) -> None:
        """Check every field against its public range."""
        check(0 < len(self.query) <= QUERY_BYTES_MAX, "query")
        check(_METRIC.fullmatch(self.metric) is not None, "metric")
        check(_NAME.fullmatch(self.query_name) is not None, "query_name")
        check(VERSION.fullmatch(self.catalogue_version) is not None, "version")
        check(is_loss(self.rho), "rho")
        check(self.purpose in PURPOSES, "purpose")
        check(self.mode in MODES, "mode")
        check(0 < self.cells <= CELLS_MAX, "cells")
        check(SITE.fullmatch(self.site) is not None, "site")
        check(len(self.mandate) == KEY_BYTES, "mandate")
        check(_ASKED_BY.fullmatch(self.asked_by) is not None, "asked_by")
        check(0 < self.not_after <= SECONDS_MAX, "not_after")
        check(len(self.signature) == SIGNATURE_BYTES, "signature")

    @property
    def signed(self) -> bytes:
        """What the coordinator signs: all but the signature, after its domain."""
        return ASK_DOMAIN + _ask_message(self, signature=b"")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signed question, 32 bytes: how ledgers and logs name it."""
        return hashlib.sha256(ask_to_bytes(self)).digest()

    def signed_by(self, key: Ed25519PrivateKey) -> Ask:
        """Return the question with the coordinator's signature."""
        return replace(self, signature=key.sign(self.signed))

    def is_signed_by(self, key: bytes) -> bool:
        """Tell whether the holder of a public key signed exactly this question."""
        return holds(Signature(key, self.signature), self.signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hold the one release a node gives for a question.

    Attributes:
        release_key: The identity of the release, 32 bytes.
        values: One noisy integer per cell; not printed.
        variance: Variance of the noise in each value, exact.
        rho: The loss the stored release was made with.
        charged_pico: What this call was charged, in pico-rho.
        register_through: The last period with a register, public.
        free: True when the release came from the ledger.
        worst_pico: What this call was charged in the worst-case column.
        sequence: The ledger entry that keeps the release.
        receipt: The site's signature over the answer, 64 bytes.
    """

    release_key: bytes
    values: tuple[int, ...] = field(repr=False)
    variance: Fraction
    rho: Fraction
    charged_pico: int
    register_through: str
    free: bool
    worst_pico: int
    sequence: int
    receipt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Check every field against its public range."""
        check(len(self.release_key) == KEY_BYTES, "release_key")
        check(0 < len(self.values) <= CELLS_MAX, "values")
        check(all(-(2**63) <= value < 2**63 for value in self.values), "values")
        check(self.variance > 0 and is_exact(self.variance), "variance")
        check(is_loss(self.rho), "rho")
        check(0 <= self.charged_pico <= PICO_MAX, "charged_pico")
        check(PERIOD.fullmatch(self.register_through) is not None, "period")
        check(not (self.free and self.charged_pico), "charged_pico")
        check(self.charged_pico <= self.worst_pico <= PICO_MAX, "worst_pico")
        check(self.free == (not self.worst_pico), "free")
        check(0 < self.sequence <= PICO_MAX, "sequence")
        check(len(self.receipt) == SIGNATURE_BYTES, "receipt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Hold a node's no: the rule, and for a budget what is left and was asked."""

    code: RefusalCode
    left_pico: int = 0
    asked_pico: int = 0

    def __post_init__(self) -> None:
        """Check every field against its public range."""
        check(0 <= self.left_pico <= PICO_MAX, "left_pico")
        check(0 <= self.asked_pico <= PICO_MAX, "asked_pico")


@dataclass(frozen=True, slots=True)
class NotReady:
    """Say that the reply's moment came before the release; ask the same again."""


Outcome = Answer | Refusal | NotReady


def padded(cells: int) -> int:
    """Count the values a reply carries for a query with this many cells."""
    return -(-cells // CELLS_STEP) * CELLS_STEP


def reply_size(cells: int) -> int:
    """Count the bytes of every reply to a query with this many cells."""
    return len(reply_to_bytes(NotReady(), cells=cells))


def ask_to_bytes(ask: Ask) -> bytes:
    """Write a question in its one encoding."""
    return _ask_message(ask, signature=ask.signature)


def ask_from_bytes(data: bytes) -> Ask:
    """Read a question, refusing every encoding but the canonical one.

    Raises:
        Malformed: The bytes are not the canonical form of a valid question.
    """
    message = parse(node_pb2.AskRequest, data)
    return Ask(
        query=message.query,
        metric=message.metric,
        query_name=message.query_name,
        catalogue_version=message.catalogue_version,
        rho=fraction(message.rho),
        purpose=name_of(PURPOSES, message.purpose),
        cells=message.cells,
        mode=name_of(MODES, message.mode),
        site=message.site,
        mandate=message.mandate,
        asked_by=message.asked_by,
        not_after=message.not_after,
        signature=message.signature,
    )


def reply_to_bytes(outcome: Outcome, *, cells: int) -> bytes:
    """Write an outcome at the one length its question's cells allow.

    Requires: an answer has exactly ``cells`` values.
    Raises:   Malformed.
    """
    check(0 < cells <= CELLS_MAX, "cells")
    reply = node_pb2.Reply(
        outcome=node_pb2.OUTCOME_PENDING,
        refusal=node_pb2.REFUSAL_CODE_UNSPECIFIED,
        left_pico=0,
        asked_pico=0,
        release_key=bytes(KEY_BYTES),
        variance=exact(Fraction(0)),
        rho=exact(Fraction(0)),
        charged_pico=0,
        free=False,
        register_through=bytes(PERIOD_BYTES),
        cells=cells,
        sequence=0,
        receipt=bytes(SIGNATURE_BYTES),
        worst_pico=0,
    )
    values: tuple[int, ...] = ()
    if isinstance(outcome, Refusal):
        reply.outcome = node_pb2.OUTCOME_REFUSED
        reply.refusal = node_pb2.RefusalCode.ValueType(outcome.code)
        reply.left_pico = outcome.left_pico
        reply.asked_pico = outcome.asked_pico
    elif isinstance(outcome, Answer):
        check(len(outcome.values) == cells, "values")
        reply.outcome = node_pb2.OUTCOME_RELEASED
        reply.release_key = outcome.release_key
        reply.variance.CopyFrom(exact(outcome.variance))
        reply.rho.CopyFrom(exact(outcome.rho))
        reply.charged_pico = outcome.charged_pico
        reply.free = outcome.free
        label = outcome.register_through.encode("ascii").ljust(PERIOD_BYTES, b"\0")
        reply.register_through = label
        reply.sequence = outcome.sequence
        reply.receipt = outcome.receipt
        reply.worst_pico = outcome.worst_pico
        values = outcome.values
    reply.values.extend((*values, *(0,) * (padded(cells) - len(values))))
    return encode(reply)


def reply_from_bytes(data: bytes, *, cells: int) -> Outcome:
    """Read a reply to a question with this many cells.

    A reply is taken only if writing its outcome again gives the same bytes, so
    a node cannot hide anything in fields its outcome does not use.

    Raises:
        Malformed: The bytes are not a reply this question can have.
    """
    reply = parse(node_pb2.Reply, data)
    check(reply.cells == cells, "cells")
    outcome = _outcome(reply)
    check(reply_to_bytes(outcome, cells=cells) == data, "reply")
    return outcome


def _ask_message(ask: Ask, *, signature: bytes) -> bytes:
    message = node_pb2.AskRequest(
        query=ask.query,
        metric=ask.metric,
        query_name=ask.query_name,
        catalogue_version=ask.catalogue_version,
        rho=exact(ask.rho),
        purpose=PURPOSES[ask.purpose],
        mode=MODES[ask.mode],
        cells=ask.cells,
        site=ask.site,
        mandate=ask.mandate,
        asked_by=ask.asked_by,
        not_after=ask.not_after,
        signature=signature,
    )
    return encode(message)


def _outcome(reply: node_pb2.Reply) -> Outcome:
    """Build the outcome a reply states, checked on construction."""
    if reply.outcome == node_pb2.OUTCOME_PENDING:
        return NotReady()
    if reply.outcome == node_pb2.OUTCOME_REFUSED:
        check(reply.refusal in {*RefusalCode}, "refusal")
        return Refusal(
            code=RefusalCode(reply.refusal),
            left_pico=reply.left_pico,
            asked_pico=reply.asked_pico,
        )
    check(reply.outcome == node_pb2.OUTCOME_RELEASED, "outcome")
    check((label := reply.register_through.rstrip(b"\0")).isascii(), "period")
    return Answer(
        release_key=reply.release_key,
        values=tuple(reply.values[: reply.cells]),
        variance=fraction(reply.variance),
        rho=fraction(reply.rho),
        charged_pico=reply.charged_pico,
        register_through=label.decode("ascii"),
        free=reply.free,
        worst_pico=reply.worst_pico,
        sequence=reply.sequence,
        receipt=reply.receipt,
    )
