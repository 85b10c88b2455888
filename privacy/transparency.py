"""What the coordinator did, one line of text per fact, readable by anybody.

An entry is one line of JSON in its one written form; the line is the leaf of the
tree, so the published file can be checked with nothing but a hash function. Facts
are texts, whole numbers, lists and tables of them. There are no floats, which two
programs may write differently: exact numbers are texts.

A line says what was asked, by whom, why, under which mandate and at what cost. It
never holds anything a site did not choose to publish.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from privacy import treehead
from privacy.errors import Corrupt
from privacy.merkle import NotProven, Tree, leaf_hash
from privacy.treehead import SignedHead

LINE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Longest line: a signed document of the largest kind, written as text, fits."""

_WHOLE_MAX: Final = 2**53 - 1
_DEPTH_MAX: Final = 8


class Kind(StrEnum):
    """What an entry tells; there is nothing else to tell.

    Attributes:
        ROSTER: A roster came into force.
        EDITION: The Board signed an edition of the programme.
        MANDATE: The Board signed a mandate.
        REVOCATION: A board member withdrew one.
        STANDING_DOWN: The Board froze, resumed or ended the programme.
        QUERY: The coordinator signed a question to one site.
        REFUSAL: The site refused it.
        ANSWER: The site answered it.
        WITNESS_CONFLICT: A site's peers would not vouch for its ledger.
        PUBLICATION: Figures were published.
        DRAW: A site closed a list, the Board made a nonce, or a site drew.
        ANALYSIS_PLAN: The Board fixed how an effect is worked out.
    """

    ROSTER = "roster"
    EDITION = "edition"
    MANDATE = "mandate"
    REVOCATION = "revocation"
    STANDING_DOWN = "standing-down"
    QUERY = "query"
    REFUSAL = "refusal"
    ANSWER = "answer"
    WITNESS_CONFLICT = "witness-conflict"
    PUBLICATION = "publication"
    DRAW = "draw"
    ANALYSIS_PLAN = "analysis-plan"


NEEDED: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.ROSTER: frozenset({"digest", "version"}),
    Kind.EDITION: frozenset({"digest", "number"}),
    Kind.MANDATE: frozenset({"digest", "number", "title"}),
    Kind.REVOCATION: frozenset({"digest", "mandate"}),
    Kind.STANDING_DOWN: frozenset({"digest", "what"}),
    Kind.QUERY: frozenset(
        {"site", "metric", "period", "asked_by", "purpose", "mandate", "rho", "ask"}
    ),
    Kind.REFUSAL: frozenset({"site", "ask", "code"}),
    Kind.ANSWER: frozenset(
        {"site", "ask", "answer", "model_pico_rho", "worst_pico_rho"}
    ),
    Kind.WITNESS_CONFLICT: frozenset({"site"}),
    Kind.PUBLICATION: frozenset({"digest", "metric", "period"}),
    Kind.DRAW: frozenset({"digest", "draw", "name", "step", "document"}),
    Kind.ANALYSIS_PLAN: frozenset({"digest", "number", "metric", "document"}),
}
"""Facts each kind must state, as texts or whole numbers; it may state more. Digests
are in hex: `ask` of the signed question, `answer` of the signed answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log.

    Attributes:
        number: Its place, counted from 0 as the tree does.
        at: When it was added, as UTC text to the second.
        kind: What it tells.
        body: The facts.
        line: All of it as it is written, hashed and published.
    """

    number: int
    at: str
    kind: Kind
    body: Mapping[str, Any]
    line: str = field(repr=False)

    @property
    def leaf(self) -> bytes:
        """The hash under which the entry stands in the tree."""
        return leaf_hash(self.line.encode("ascii"))


def write(
    kind: Kind, body: Mapping[str, Any], *, number: int, now: dt.datetime
) -> Entry:
    """Make an entry.

    Raises:
        Corrupt: a fact is missing, or of a type that has no one written form.
    """
    at = treehead.moment_text(now)
    line = _text({"at": at, "body": body, "kind": kind.value, "number": number})
    return read(line, number=number)


def read(line: str, *, number: int) -> Entry:
    """Read the line of an entry at its place.

    Raises:
        Corrupt: it is not in its one written form, or belongs elsewhere.
    """
    if len(line) > LINE_BYTES_MAX:
        raise Corrupt(_NO_ENTRY)
    try:
        content = json.loads(line)
        kind, body = Kind(content["kind"]), content["body"]
        same = _text(content) == line and content.keys() == _PARTS
        placed = type(content["number"]) is int and content["number"] == number
        stated = all(type(body[name]) in {str, int} for name in NEEDED[kind])
        timed = treehead.is_moment(content["at"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise Corrupt(_NO_ENTRY) from error
    if not (same and placed and stated and timed):
        raise Corrupt(_NO_ENTRY)
    return Entry(number=number, at=content["at"], kind=kind, body=body, line=line)


def check(
    lines: Iterable[str],
    head: SignedHead,
    *,
    key: bytes,
    since: SignedHead | None = None,
) -> tuple[Entry, ...]:
    """Return the entries of a published log, once all of it has been checked.

    Args:
        lines: The published lines, in order.
        head: The head published with them.
        key: The coordinator's statement key, from the roster.
        since: A head kept from an earlier reading.

    Raises:
        BadSignature: a head is not signed by the key.
        NotProven: the lines are not those under the head, or not only added to.
        Corrupt: a line is not an entry.
    """
    head.check(key)
    entries = tuple(read(line, number=number) for number, line in enumerate(lines))
    tree = Tree(entry.leaf for entry in entries)
    if (len(tree), tree.root()) != (head.head.size, head.head.root):
        raise NotProven(
            "The lines are not those that the signed head stands for; fetch both "
            "again, and tell the auditor if they still differ."
        )
    if since is not None:
        since.check(key, network=head.head.network)
        if since.head.size > len(tree):
            raise NotProven(_SHORTENED)
        if tree.root(since.head.size) != since.head.root:
            raise NotProven(_REWRITTEN)
    return entries


def _text(content: Mapping[str, Any]) -> str:
    """Write facts in their one form: sorted, without spaces, in ASCII."""
    _require_plain(content, depth=0)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _require_plain(value: object, *, depth: int) -> None:
    """Refuse whatever two programs could write differently."""
    match value:
        case None | bool() | str():
            plain = True
        case int():
            plain = abs(value) <= _WHOLE_MAX
        case list() | tuple():
            plain = depth < _DEPTH_MAX
            for each in value if plain else ():
                _require_plain(each, depth=depth + 1)
        case Mapping():
            plain = depth < _DEPTH_MAX and all(isinstance(key, str) for key in value)
            for each in value.values() if plain else ():
                _require_plain(each, depth=depth + 1)
        case _:
            plain = False
    if not plain:
        raise Corrupt(
            "The log takes texts, whole numbers, lists and tables of them only; "
            "write any other number as text."
        )


_PARTS: Final = {"at", "body", "kind", "number"}
_NO_ENTRY: Final = (
    "A line of the log is not as it was written, or not in its place; the log was "
    "altered or damaged, so compare it with a published copy."
)
_SHORTENED: Final = (
    "The log is shorter than when the earlier head was signed, so entries were taken "
    "out; keep both heads and tell the auditor."
)
_REWRITTEN: Final = (
    "The log does not begin with what the earlier head stands for, so history was "
    "rewritten; keep both heads and tell the auditor."
)
