"""A decision: what a site's privacy officer decided, once, about one thing.

Site IT runs the node and can stop it, but cannot accept a mandate, go on after a
pause or reopen a ledger: these take an officer's signature, made with a key that is
not on the node. A decision names the last rule that stood when it was made, so it
fits one place of one ledger and cannot be used a second time.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from privacy.errors import InvalidProgramme
from privacy.signing import Document, Kind, text_of
from privacy.strict import Section, load_toml, moment, quoted, shows

REASON_MAX: Final = 400
_NO_SUBJECT: Final = "none"


class Act(StrEnum):
    """What an officer can decide."""

    ACCEPT = "accept"
    DECLINE = "decline"
    RESUME = "resume"
    HOLD = "hold"
    LIFT = "lift"
    REOPEN = "reopen"
    SEAL = "seal"


SIGNATURES: Final = {act: 2 if act is Act.REOPEN else 1 for act in Act}
"""How many officers must sign which act."""

_ON_SUBJECT: Final = {Act.ACCEPT, Act.DECLINE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One act of an officer.

    Attributes:
        act: What was decided.
        subject: Digest of the mandate or edition it is about, in hex, or None.
        reason: In the officer's words; kept at the site.
        follows: Hash of the last rule in the ledger when it was drafted.
        at: When it was drafted.
    """

    site: str
    act: Act
    subject: str | None
    reason: str
    follows: str
    at: dt.datetime

    def __post_init__(self) -> None:
        """Refuse a decision that could be read in two ways.

        Raises:
            InvalidProgramme: it lacks its subject, or has one it does not need.
        """
        if (self.act in _ON_SUBJECT) != (self.subject is not None):
            raise InvalidProgramme(
                f"To {self.act.value}, say what: the digest of a mandate or edition, "
                "and of nothing else."
            )
        if len(self.reason) > REASON_MAX:
            raise InvalidProgramme(f"Give the reason in {REASON_MAX} letters.")
        if not shows(self.reason):
            raise InvalidProgramme("Give the reason in letters that show.")

    def document(self) -> Document:
        """Write the decision, ready to be signed."""
        lines = [
            f"site = {quoted(self.site)}",
            f'decides = "{self.act.value}"',
            f'subject = "{self.subject or _NO_SUBJECT}"',
            f"reason = {quoted(self.reason)}",
            f'follows = "{self.follows}"',
            f"at = {self.at.astimezone(dt.UTC).isoformat()}",
            "",
        ]
        return Document(kind=Kind.DECISION, content="\n".join(lines).encode())


def parse(document: Document) -> Decision:
    """Read a decision; its signatures are judged against the policy in force.

    Raises:
        InvalidProgramme: it does not say one definite thing.
        BadSignature: the document is of another kind.
    """
    root = Section("decision", load_toml(text_of(document, Kind.DECISION)))
    subject = root.text("subject")
    decision = Decision(
        site=root.text("site"),
        act=root.choice("decides", Act),
        subject=None if subject == _NO_SUBJECT else subject,
        reason=root.text("reason"),
        follows=root.text("follows"),
        at=moment(root, "at"),
    )
    root.done()
    return decision
