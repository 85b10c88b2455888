"""The papers of a draw: what a site and the Board sign, and how each is written.

    list       the site closes its list and signs the commitment to it
    pledge     a board member signs the hash of 32 bytes that nobody else knows
    share      the member, once all pledges are public, signs the bytes themselves
    outcome    the site draws, and signs the digest of the result
    abandoned  the site gives the draw up, for everybody to see

None of them holds a case number, a household or the size of a list. In which order
they are believed, and why, is the business of `privacy.draws`.
"""

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy import signing
from privacy.chain import injective
from privacy.drawing import ALGORITHM, Stratum, Terms
from privacy.errors import InvalidProgramme
from privacy.signing import Document, Kind
from privacy.strict import Section, load_toml, quoted

REASON_MAX: Final = 200

_VALUE: Final = b"cmpp.exchange draw value v1\x00"
_PLEDGE: Final = b"cmpp.exchange draw pledge v1\x00"
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SITE: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}", re.ASCII)
_PHASE: Final = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)


class Step(StrEnum):
    """What a paper of a draw does."""

    LIST = "list"
    PLEDGE = "pledge"
    SHARE = "share"
    OUTCOME = "outcome"
    ABANDONED = "abandoned"


BROUGHT: Final = frozenset({Step.PLEDGE, Step.SHARE})
"""The steps of the Board, which the coordinator brings; a site makes the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A site closed its list.

    Attributes:
        terms: What is drawn.
        commitment: The hash that hides the list, 32 bytes.
    """

    network: str
    terms: Terms
    commitment: bytes

    def document(self) -> Document:
        """Write the paper, ready to be signed by the site."""
        terms = self.terms
        slots = [f"{name.value} = {n}" for name, n in sorted(terms.slots.items())]
        return _document(
            Step.LIST,
            f"network = {quoted(self.network)}",
            f"site = {quoted(terms.site)}",
            f"phase = {quoted(terms.phase)}",
            f"number = {terms.number}",
            f'closed_on = "{terms.closed_on.isoformat()}"',
            f'algorithm = "{ALGORITHM}"',
            f'commitment = "{self.commitment.hex()}"',
            "[slots]",
            *slots,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """A member fixed what they will give, without showing it.

    Attributes:
        draw: Digest of the signed list, 32 bytes.
        pledge: Hash of the bytes to come.
        log_size: Size of the public log in which the signer found the list,
        log_root: and its root.
    """

    network: str
    draw: bytes
    pledge: bytes
    log_size: int
    log_root: bytes

    def document(self) -> Document:
        """Write the paper, ready to be signed by the member."""
        return _document(
            Step.PLEDGE,
            f"network = {quoted(self.network)}",
            f'draw = "{self.draw.hex()}"',
            f'pledge = "{self.pledge.hex()}"',
            f"log_size = {self.log_size}",
            f'log_root = "{self.log_root.hex()}"',
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A member gives their bytes, to go with exactly these pledges.

    Attributes:
        draw: Digest of the signed list, 32 bytes.
        pledges: Member's public key -> pledge: of all who take part.
        value: The bytes.
    """

    network: str
    draw: bytes
    pledges: Mapping[bytes, bytes]
    value: bytes

    def document(self) -> Document:
        """Write the paper, ready to be signed by the member."""
        pledges = [
            f'"{signing.key_text(key)}" = "{pledge.hex()}"'
            for key, pledge in sorted(self.pledges.items())
        ]
        return _document(
            Step.SHARE,
            f"network = {quoted(self.network)}",
            f'draw = "{self.draw.hex()}"',
            f'value = "{self.value.hex()}"',
            "[pledges]",
            *pledges,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A site drew.

    Attributes:
        draw: Digest of the signed list, 32 bytes.
        nonce: With which it drew.
        outcome: Digest of the result.
        drawn_on: The day.
    """

    network: str
    draw: bytes
    nonce: bytes
    outcome: bytes
    drawn_on: dt.date

    def document(self) -> Document:
        """Write the paper, ready to be signed by the site."""
        return _document(
            Step.OUTCOME,
            f"network = {quoted(self.network)}",
            f'draw = "{self.draw.hex()}"',
            f'nonce = "{self.nonce.hex()}"',
            f'outcome = "{self.outcome.hex()}"',
            f'drawn_on = "{self.drawn_on.isoformat()}"',
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A site gave a draw up; the reason is public."""

    network: str
    draw: bytes
    reason: str

    def document(self) -> Document:
        """Write the paper, ready to be signed by the site."""
        return _document(
            Step.ABANDONED,
            f"network = {quoted(self.network)}",
            f'draw = "{self.draw.hex()}"',
            f"reason = {quoted(self.reason)}",
        )


Paper = Listed | Pledge | Share | Outcome | Abandoned


def parse(document: Document) -> Paper:
    """Read a paper of a draw; who signed it is judged by `privacy.draws`.

    Raises:
        InvalidProgramme: it does not say one definite thing.
        BadSignature: the document is of another kind.
    """
    root = Section("draw", load_toml(signing.text_of(document, Kind.DRAW)))
    step, network = root.choice("step", Step), root.text("network")
    paper: Paper
    if step is Step.LIST:
        paper = _listed(root, network)
    else:
        paper = _about(root, network, step, _hash(root, "draw"))
    root.done()
    if paper.document().content != document.content:
        raise InvalidProgramme(
            "A paper of a draw is written in one form; make it anew."
        )
    return paper


def step_of(paper: Paper) -> Step:
    """Return what a paper does."""
    return _STEPS[type(paper)]


def draw_of(document: Document, paper: Paper) -> str:
    """Return which draw a paper is about: the digest of its signed list, in hex."""
    return document.digest.hex() if isinstance(paper, Listed) else paper.draw.hex()


def note(document: Document) -> str:
    """Write what the ledger's entry of a paper tells: the step and the draw."""
    paper = parse(document)
    return f"{step_of(paper).value} {draw_of(document, paper)}"


def value_for(key: Ed25519PrivateKey, draw: bytes) -> bytes:
    """Return the 32 bytes a member gives to a draw.

    They follow from the member's private key and the draw, so there is no file to
    lose between pledge and share, nothing to choose, and to everybody else they are
    random until they are shared.
    """
    return hmac.digest(key.private_bytes_raw(), _VALUE + draw, "sha256")


def pledge_of(key: bytes, draw: bytes, value: bytes) -> bytes:
    """Hash a member's bytes for one draw."""
    return hashlib.sha256(_PLEDGE + injective(key, draw, value)).digest()


def _listed(root: Section, network: str) -> Listed:
    """Read a closed list.

    Raises:
        InvalidProgramme: it is none, or for another way of drawing.
    """
    slots = Section("draw.slots", root.raw("slots"))
    terms = Terms(
        site=root.text("site"),
        phase=root.text("phase"),
        closed_on=_day(root, "closed_on"),
        number=root.integer("number"),
        slots={_stratum(name): slots.integer(name) for name in slots.names()},
    )
    commitment = _hash(root, "commitment")
    if root.text("algorithm") != ALGORITHM:
        raise InvalidProgramme(
            f"The list was closed for another way of drawing than {ALGORITHM}; have "
            "everybody use the same version of this software."
        )
    if not _SITE.fullmatch(terms.site) or not _PHASE.fullmatch(terms.phase):
        raise InvalidProgramme("A draw names its site, such as NYC, and its phase.")
    return Listed(network=network, terms=terms, commitment=commitment)


def _about(root: Section, network: str, step: Step, draw: bytes) -> Paper:
    """Read a paper about a list that was closed before."""
    match step:
        case Step.PLEDGE:
            return Pledge(
                network=network,
                draw=draw,
                pledge=_hash(root, "pledge"),
                log_size=root.integer("log_size"),
                log_root=_hash(root, "log_root"),
            )
        case Step.SHARE:
            pledges = Section("draw.pledges", root.raw("pledges"))
            return Share(
                network=network,
                draw=draw,
                pledges={
                    signing.key_bytes(key): _hash(pledges, key)
                    for key in pledges.names()
                },
                value=_hash(root, "value"),
            )
        case Step.OUTCOME:
            return Outcome(
                network=network,
                draw=draw,
                nonce=_hash(root, "nonce"),
                outcome=_hash(root, "outcome"),
                drawn_on=_day(root, "drawn_on"),
            )
        case _:
            reason = root.text("reason")
            if len(reason) > REASON_MAX:
                raise InvalidProgramme(f"Give the reason in {REASON_MAX} letters.")
            return Abandoned(network=network, draw=draw, reason=reason)


_STEPS: Final[Mapping[type[Paper], Step]] = {
    Listed: Step.LIST,
    Pledge: Step.PLEDGE,
    Share: Step.SHARE,
    Outcome: Step.OUTCOME,
    Abandoned: Step.ABANDONED,
}


def _document(step: Step, *lines: str) -> Document:
    content = "\n".join([f'step = "{step.value}"', *lines, ""])
    return Document(kind=Kind.DRAW, content=content.encode())


def _hash(section: Section, key: str) -> bytes:
    """Read 32 bytes in hex."""
    text = section.text(key)
    if not _HEX.fullmatch(text):
        raise InvalidProgramme(
            f"{section.name}: {key[:16]} must be 64 hexadecimal digits."
        )
    return bytes.fromhex(text)


def _day(section: Section, key: str) -> dt.date:
    """Read a day, such as 2026-11-22."""
    try:
        return dt.date.fromisoformat(section.text(key))
    except ValueError as error:
        raise InvalidProgramme(
            f"{section.name}: write {key} as a day, such as 2026-11-22."
        ) from error


def _stratum(name: str) -> Stratum:
    try:
        return Stratum(name)
    except ValueError as error:
        raise InvalidProgramme(
            f"{name[:16]!r} is no stratum of a draw; use all, family or single."
        ) from error
