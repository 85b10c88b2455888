"""Turn messages into plain values and back: the only file that does.

A message is accepted in one encoding only, the one this file writes. A reply has
one length per number of cells, whatever it says, so that its size tells a
listener nothing about the outcome.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import Final, TypeVar

from proto.canonical import check, encode, exact, fraction, is_exact, parse
from proto.cmpp.v1 import node_pb2

QUERY_BYTES_MAX: Final = 48 * 1024
CELLS_MAX: Final = 4096
CELLS_STEP: Final = 32
KEY_BYTES: Final = 32
PERIOD_BYTES: Final = 16
RHO_MAX: Final = 100
PICO_MAX: Final = 2**63 - 1

PURPOSES: Final[Mapping[str, node_pb2.Purpose.ValueType]] = {
    "oversight": node_pb2.PURPOSE_OVERSIGHT,
    "evaluation": node_pb2.PURPOSE_EVALUATION,
    "service-improvement": node_pb2.PURPOSE_SERVICE_IMPROVEMENT,
    "funding-report": node_pb2.PURPOSE_FUNDING_REPORT,
    "single-audit": node_pb2.PURPOSE_SINGLE_AUDIT,
}
MODES: Final[Mapping[str, node_pb2.Mode.ValueType]] = {"site": node_pb2.MODE_SITE}
SIZE_CLASSES: Final[Mapping[str, node_pb2.SizeClass.ValueType]] = {
    "small": node_pb2.SIZE_CLASS_SMALL,
    "medium": node_pb2.SIZE_CLASS_MEDIUM,
    "large": node_pb2.SIZE_CLASS_LARGE,
}

_METRIC = re.compile(r"M[0-9]{2,3}", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", re.ASCII)
_PERIOD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,15})?", re.ASCII)
_SITE = re.compile(r"[A-Z][A-Z0-9]{1,15}", re.ASCII)


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


_REFUSALS: Final = frozenset(int(code) for code in RefusalCode)


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
        cells: How many cells the query has; decides the size of the reply, so
            the node must count them itself and refuse on a difference.
        mode: One of ``MODES``.
    """

    query: bytes = field(repr=False)
    metric: str
    query_name: str
    catalogue_version: str
    rho: Fraction
    purpose: str
    cells: int
    mode: str = "site"

    def __post_init__(self) -> None:
        """Check every field against its public range."""
        check(0 < len(self.query) <= QUERY_BYTES_MAX, "query")
        check(_METRIC.fullmatch(self.metric) is not None, "metric")
        check(_NAME.fullmatch(self.query_name) is not None, "query_name")
        check(_VERSION.fullmatch(self.catalogue_version) is not None, "version")
        check(_is_loss(self.rho), "rho")
        check(self.purpose in PURPOSES, "purpose")
        check(self.mode in MODES, "mode")
        check(0 < self.cells <= CELLS_MAX, "cells")


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
    """

    release_key: bytes
    values: tuple[int, ...] = field(repr=False)
    variance: Fraction
    rho: Fraction
    charged_pico: int
    register_through: str
    free: bool

    def __post_init__(self) -> None:
        """Check every field against its public range."""
        check(len(self.release_key) == KEY_BYTES, "release_key")
        check(0 < len(self.values) <= CELLS_MAX, "values")
        check(all(-(2**63) <= value < 2**63 for value in self.values), "values")
        check(self.variance > 0 and is_exact(self.variance), "variance")
        check(_is_loss(self.rho), "rho")
        check(0 <= self.charged_pico <= PICO_MAX, "charged_pico")
        check(_PERIOD.fullmatch(self.register_through) is not None, "period")
        check(not (self.free and self.charged_pico), "charged_pico")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Hold what a node says about itself: public facts only."""

    site: str
    catalogue_version: str
    closed_through: str
    size_class: str
    software_version: str

    def __post_init__(self) -> None:
        """Check that every field is a short word, never free text."""
        check(_SITE.fullmatch(self.site) is not None, "site")
        check(_VERSION.fullmatch(self.catalogue_version) is not None, "version")
        check(_PERIOD.fullmatch(self.closed_through) is not None, "period")
        check(self.size_class in SIZE_CLASSES, "size_class")
        check(_VERSION.fullmatch(self.software_version) is not None, "version")


def padded(cells: int) -> int:
    """Count the values a reply carries for a query with this many cells."""
    return -(-cells // CELLS_STEP) * CELLS_STEP


def reply_size(cells: int) -> int:
    """Count the bytes of every reply to a query with this many cells."""
    return len(reply_to_bytes(NotReady(), cells=cells))


def ask_to_bytes(ask: Ask) -> bytes:
    """Write a question in its one encoding."""
    message = node_pb2.AskRequest(
        query=ask.query,
        metric=ask.metric,
        query_name=ask.query_name,
        catalogue_version=ask.catalogue_version,
        rho=exact(ask.rho),
        purpose=PURPOSES[ask.purpose],
        mode=MODES[ask.mode],
        cells=ask.cells,
    )
    return encode(message)


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
        purpose=_name(PURPOSES, message.purpose),
        cells=message.cells,
        mode=_name(MODES, message.mode),
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
        label = outcome.register_through.encode("ascii")
        reply.register_through = label.ljust(PERIOD_BYTES, b"\0")
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


def description_to_bytes(description: Description) -> bytes:
    """Write a node's public facts."""
    message = node_pb2.Description(
        site=description.site,
        catalogue_version=description.catalogue_version,
        closed_through=description.closed_through,
        size_class=SIZE_CLASSES[description.size_class],
        software_version=description.software_version,
    )
    return encode(message)


def description_from_bytes(data: bytes) -> Description:
    """Read a node's public facts; raise Malformed on anything else."""
    message = parse(node_pb2.Description, data)
    return Description(
        site=message.site,
        catalogue_version=message.catalogue_version,
        closed_through=message.closed_through,
        size_class=_name(SIZE_CLASSES, message.size_class),
        software_version=message.software_version,
    )


_V = TypeVar("_V", bound=int)


def _outcome(reply: node_pb2.Reply) -> Outcome:
    """Build the outcome a reply states, checked on construction."""
    if reply.outcome == node_pb2.OUTCOME_PENDING:
        return NotReady()
    if reply.outcome == node_pb2.OUTCOME_REFUSED:
        check(reply.refusal in _REFUSALS, "refusal")
        return Refusal(
            code=RefusalCode(reply.refusal),
            left_pico=reply.left_pico,
            asked_pico=reply.asked_pico,
        )
    check(reply.outcome == node_pb2.OUTCOME_RELEASED, "outcome")
    label = reply.register_through.rstrip(b"\0")
    check(label.isascii(), "period")
    return Answer(
        release_key=reply.release_key,
        values=tuple(reply.values[: reply.cells]),
        variance=fraction(reply.variance),
        rho=fraction(reply.rho),
        charged_pico=reply.charged_pico,
        register_through=label.decode("ascii"),
        free=reply.free,
    )


def _is_loss(rho: Fraction) -> bool:
    return 0 < rho <= RHO_MAX and is_exact(rho)


def _name(names: Mapping[str, _V], number: _V) -> str:
    found = [name for name, known in names.items() if known == number]
    check(bool(found), "code")
    return found[0]
