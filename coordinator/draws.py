"""What the centre knows of draws: papers in order, what members are shown, the table.

The centre judges every paper as a site will, publishes it, and carries the Board's to
the site it is for. It adds nothing to a draw: it has no list, no salt and no share.
"""

import csv
import io
import json
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coordinator.documents import Kept
from coordinator.log import Log
from privacy import draw_papers, draws, merkle, roster, signing, transparency, treehead
from privacy.draw_papers import Pledge, Step
from privacy.draws import Draw, Draws, Judge
from privacy.errors import BadConfiguration, Corrupt, ExchangeError, NotAllowed
from privacy.roster import Roster
from privacy.signing import Document, Kind
from privacy.transparency import Entry
from privacy.treehead import SignedHead

COLUMNS: Final = (
    *("draw", "site", "phase", "closed_on", "places", "commitment", "state"),
    *("committed_at", "pledges", "nonce", "nonce_at", "outcome", "outcome_at"),
    *("drawn_on", "reason"),
)

Doubt = Callable[[Document, ExchangeError], None]
"""Told of a paper that is not believed; may raise."""


def replay(documents: Iterable[Document], doubt: Doubt) -> Draws:
    """Follow all draws through papers and rosters, in the order in which they came."""
    found: Draws = {}
    in_force: Roster | None = None
    for document in documents:
        try:
            if document.kind is Kind.ROSTER:
                in_force = roster.parse(document)
            elif document.kind is Kind.DRAW and in_force is not None:
                found = draws.after(found, document, Judge(roster=in_force))
        except ExchangeError as error:
            doubt(document, error)
    return found


def require(_document: Document, error: ExchangeError) -> None:
    """Stop at a paper that is not believed: for papers that were judged before."""
    raise error


def facts(
    document: Document, kept: Sequence[Kept], log: Log
) -> tuple[str, dict[str, Any]]:
    """Judge a paper as its site will; return its draw's name and what the log tells.

    Args:
        document: The paper.
        kept: Rosters and papers so far, in order of arrival.
        log: The public log.

    Raises:
        ExchangeError: a site would not believe it.
    """
    known = [each.document for each in kept]
    if document.digest not in {each.digest for each in known}:
        known.append(document)
    found = replay(known, require)
    paper = draw_papers.parse(document)
    draw = found.get(draw_papers.draw_of(document, paper))
    if draw is None:
        raise NotAllowed("There is no roster yet, so no draw can be judged.")
    if isinstance(paper, Pledge):
        (at,) = [each.log_number for each in kept if each.digest == draw.digest]
        check_pledge(paper, at or 0, log.root(paper.log_size))
    return draw.name, {
        "draw": draw.digest,
        "name": draw.name,
        "step": draw_papers.step_of(paper).value,
        "document": document.file().decode(),
    }


def destination(document: Document, known: Draws) -> tuple[str, ...]:
    """Return the site a paper is brought to: none, unless it is of an open draw."""
    paper = draw_papers.parse(document)
    draw = known.get(draw_papers.draw_of(document, paper))
    if draw is None or draw_papers.step_of(paper) not in draw_papers.BROUGHT:
        return ()
    return (draw.listed.terms.site,) if draw.is_open else ()


def named(known: Draws, name: str) -> Draw:
    """Return the draw that people call so.

    Raises:
        BadConfiguration: there is none.
    """
    for draw in known.values():
        if draw.name == name:
            return draw
    raise BadConfiguration(
        f"There is no draw {name[:48]!r} here; see `cmpp draw list`."
    )


# ---- what a member of the Board is shown ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the centre sends to members: a list, proof that it is public, pledges.

    Attributes:
        papers: The site's list, then every pledge and share so far, as signed.
        line: The log's entry of the list,
        number: its place,
        inclusion: the proof that it stands there,
        head: and the signed head it stands under.
    """

    papers: tuple[Document, ...]
    line: str = field(repr=False)
    number: int
    inclusion: tuple[bytes, ...] = field(repr=False)
    head: SignedHead

    def text(self) -> str:
        """Write it as one file of JSON."""
        content = {
            "papers": [each.file().decode() for each in self.papers],
            "line": self.line,
            "number": self.number,
            "inclusion": [part.hex() for part in self.inclusion],
            "head": self.head.text(),
        }
        return json.dumps(content, indent=1) + "\n"

    def check(self, of: Roster) -> Draw:
        """Return the draw, once everything a member would sign for has been checked.

        Args:
            of: The roster the member has from elsewhere, and trusts.

        Raises:
            BadSignature: a paper or the head is not signed by whom it must be.
            NotProven: the list is not in the log under the head.
            Corrupt: the entry is about another paper.
        """
        self.head.check(of.coordinator, network=of.network)
        entry = transparency.read(self.line, number=self.number)
        merkle.check_inclusion(
            entry.leaf,
            number=self.number,
            size=self.head.head.size,
            proof=self.inclusion,
            root=self.head.head.root,
        )
        found: Draws = {}
        for document in self.papers:
            found = draws.after(found, document, Judge(roster=of))
        if len(found) != 1 or entry.body.get("digest") not in found:
            raise Corrupt(
                "The log's entry is not about this list, so the list is not public; "
                "ask the centre for the file again."
            )
        return next(iter(found.values()))


def read_call(text: str) -> Call:
    """Read what the centre sent; nothing is believed yet.

    Raises:
        BadConfiguration: it is no such file.
    """
    try:
        content = json.loads(text)
        return Call(
            papers=tuple(
                signing.read(each.encode(), Kind.DRAW) for each in content["papers"]
            ),
            line=str(content["line"]),
            number=operator.index(content["number"]),
            inclusion=tuple(map(bytes.fromhex, content["inclusion"])),
            head=treehead.read_head(content["head"]),
        )
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
        raise BadConfiguration(
            "This is not what `cmpp draw call` writes; ask the centre for the file."
        ) from None


# ---- what everybody is shown ----


def documents(entries: Iterable[Entry]) -> Iterable[tuple[Entry, Document]]:
    """Yield the rosters and papers of draws that a log tells of, in order.

    Raises:
        Corrupt: an entry holds no such document.
    """
    kinds = {
        transparency.Kind.ROSTER: Kind.ROSTER,
        transparency.Kind.DRAW: Kind.DRAW,
    }
    for entry in entries:
        if entry.kind in kinds and "document" in entry.body:
            try:
                file = str(entry.body["document"]).encode()
                yield entry, signing.read(file, kinds[entry.kind])
            except (ExchangeError, ValueError) as error:
                raise Corrupt(
                    f"Entry {entry.number} of the log holds no signed document; tell "
                    "the auditor."
                ) from error


def table(entries: Sequence[Entry]) -> str:
    """Write every draw in the log as a line of comma-separated text.

    What is not believed is passed over here, and found by the audit.
    """
    told = list(documents(entries))
    found = replay((document for _, document in told), lambda _document, _error: None)
    believed = frozenset[str]().union(*(draw.papers for draw in found.values()))
    moments = {
        digest: (entry.at, draw_papers.step_of(draw_papers.parse(document)))
        for entry, document in told
        if (digest := document.digest.hex()) in believed
    }
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\n")
    out.writerow(COLUMNS)
    for draw in found.values():
        steps: dict[Step, str] = {}
        for digest in draw.papers:
            at, step = moments[digest]
            steps[step] = max(at, steps.get(step, ""))
        out.writerow(_row(draw, steps))
    return written.getvalue()


def _row(draw: Draw, at: dict[Step, str]) -> list[str]:
    """Write one draw; `at` says when the last paper of each step was logged."""
    terms, nonce, outcome = draw.listed.terms, draw.nonce, draw.outcome
    slots = [f"{name.value} {count}" for name, count in sorted(terms.slots.items())]
    # A reason is a site's own text: an apostrophe keeps it from being a formula.
    reason = f"'{draw.abandoned.reason}" if draw.abandoned else ""
    return [
        draw.name,
        terms.site,
        terms.phase,
        terms.closed_on.isoformat(),
        "; ".join(slots),
        draw.listed.commitment.hex(),
        draw.state,
        at[Step.LIST],
        str(len(draw.pledged)),
        nonce.hex() if nonce else "",
        at.get(Step.SHARE, "") if nonce else "",
        outcome.outcome.hex() if outcome else "",
        at.get(Step.OUTCOME, "") if outcome else "",
        outcome.drawn_on.isoformat() if outcome else "",
        reason,
    ]


def check_pledge(paper: Pledge, listed_at: int, root: bytes) -> None:
    """Believe that a member read the log only if they name a root it had.

    Args:
        paper: The pledge.
        listed_at: The entry that tells of the list.
        root: Of the log when it had the size the pledge names.

    Raises:
        Corrupt: they do not, or the list was not in it yet.
    """
    if paper.log_root != root or paper.log_size <= listed_at:
        raise Corrupt(
            "The pledge names a log that is not this one, or one in which the list was "
            "not public yet; the member pledges again, from a new call."
        )
