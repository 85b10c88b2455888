"""The roster: who takes part, with whose keys, and who must agree to a change.

The coordinator drafts it; the sites sign it. A site obeys a roster that its own
operator accepted, that enough of the sites in it signed, and that enough of the
sites of the roster before it signed too. So the coordinator can neither invent
sites nor replace a key, and an old roster is never obeyed again.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from privacy import signing
from privacy.errors import BadSignature, InvalidProgramme
from privacy.signing import Document, Kind
from privacy.strict import Section, load_toml

SMALL: Final = 10
"""Networks up to this size change their roster only when every site agrees."""

SITES_MIN: Final = 3
"""Below three there is nobody to witness a site but the one who might collude."""

BOARD_MIN: Final = 2
"""One signature opens nothing, whoever's it is."""

TRAINING: Final = "training-"
"""How the name of a network begins whose records are all invented."""

_NAME = re.compile(r"[A-Z][A-Z0-9]{1,15}", re.ASCII)
_NETWORK = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)


class Standing(StrEnum):
    """Whether a board member's signature counts toward a mandate."""

    MEMBER = "member"
    CHAIR = "chair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One place on the Board.

    Attributes:
        name: Who holds it.
        organisation: On whose behalf; two seats of one organisation count once.
        standing: The chair is an officer of the department that also houses
            enforcement, so the chair's signature is kept and never counts.
        key: Ed25519 public key, 32 bytes.
    """

    name: str
    organisation: str
    standing: Standing
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One site of the network.

    Attributes:
        site: Its short name, as on its certificate.
        provider: Who runs it.
        key: Ed25519 public key of its statements, 32 bytes.
        mask_key: X25519 public key for masked sums, 32 bytes.
    """

    site: str
    provider: str
    key: bytes
    mask_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """One version of the list.

    Attributes:
        network: Name of the network, part of every mandate and policy.
        version: 1 for the first, then one more each.
        previous: Digest of the version before, in hex; empty for the first.
        coordinator: Ed25519 key that signs questions and the log, 32 bytes.
        board_signatures: How many counting seats must sign a mandate.
        board: Every seat.
        members: Site -> its entry, by name.
        digest: SHA-256 of the signed text.
    """

    network: str
    version: int
    previous: str
    coordinator: bytes
    board_signatures: int
    board: tuple[Seat, ...]
    members: Mapping[str, Member]
    digest: bytes

    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        """Return whose keys it pins and how people compare them, in order."""
        pinned = [("coordinator", self.coordinator)]
        pinned += [
            (f"{seat.standing.value} {seat.name}, {seat.organisation}", seat.key)
            for seat in self.board
        ]
        for site, each in self.members.items():
            pinned += [(f"site {site}, {each.provider}", each.key)]
            pinned += [(f"site {site}, for masked sums", each.mask_key)]
        return tuple((whose, signing.fingerprint(key)) for whose, key in pinned)

    @property
    def site_signatures(self) -> int:
        """How many of its own sites must sign it."""
        number = len(self.members)
        return number if number <= SMALL else math.ceil(2 * number / 3)

    def by_board(self, document: Document) -> frozenset[str]:
        """Return the organisations whose counting seats signed a document."""
        signers = document.signers
        return frozenset(
            seat.organisation
            for seat in self.board
            if seat.standing is Standing.MEMBER and seat.key in signers
        )

    def check_board(self, document: Document) -> None:
        """Believe a document of the Board only if enough members signed it.

        Raises:
            BadSignature: fewer organisations signed than the roster asks for.
        """
        found = len(self.by_board(document))
        if found < self.board_signatures:
            raise BadSignature(
                f"The {document.kind.value} carries {found} of the "
                f"{self.board_signatures} signatures of board members it needs (the "
                "chair's is not one of them); have more members sign it."
            )

    def check_follows(self, document: Document, before: Self | None) -> None:
        """Believe this roster only if the sites themselves agreed to it.

        Requires: `document` is the one this roster was read from.

        Raises:
            BadSignature: too few sites signed, or it does not follow the roster
                in force.
        """
        mine = signing.count(document, [m.key for m in self.members.values()])
        if mine < self.site_signatures:
            raise BadSignature(
                f"{mine} sites signed the roster and {self.site_signatures} must; "
                "have the others accept it."
            )
        if before is None:
            return
        follows = (before.network, before.version + 1, before.digest.hex())
        if (self.network, self.version, self.previous) != follows:
            raise BadSignature(
                f"This is roster {self.version} and it does not follow roster "
                f"{before.version}, which is in force; ask for the next version."
            )
        staying = {name for name in before.members if name in self.members}
        needed = (
            len(staying) if len(before.members) <= SMALL else before.site_signatures
        )
        agreed = signing.count(document, [before.members[n].key for n in staying])
        if 2 * len(staying) <= len(before.members) or agreed < needed:
            raise BadSignature(
                f"{agreed} sites of roster {before.version} agreed to roster "
                f"{self.version}, with the keys they had, and {needed} must; more than "
                "half of them must stay."
            )


def is_training(network: str) -> bool:
    """Tell whether a network is one for training, by its signed name alone.

    The name stands in every roster, policy and mandate, so nobody can move a
    site from invented records to real ones without new signatures.
    """
    return network.startswith(TRAINING)


def parse(document: Document) -> Roster:
    """Read a roster; its signatures are judged by `Roster.check_follows`.

    Raises:
        InvalidProgramme: it does not say one definite thing.
        BadSignature: it holds something that is no key, or is no roster.
    """
    root = Section("roster", load_toml(signing.text_of(document, Kind.ROSTER)))
    network, version = root.text("network"), root.integer("version")
    previous = root.text("previous") if version > 1 else ""
    coordinator = signing.key_bytes(root.text("coordinator"))
    board_signatures = root.integer("board_signatures")
    board = tuple(_seat(name, s) for name, s in root.sections("board"))
    members = {name: _member(name, s) for name, s in root.sections("sites")}
    root.done()
    roster = Roster(
        network=network,
        version=version,
        previous=previous,
        coordinator=coordinator,
        board_signatures=board_signatures,
        board=board,
        members=dict(sorted(members.items())),
        digest=document.digest,
    )
    _check(roster)
    return roster


def _check(roster: Roster) -> None:
    """Refuse a roster that could not do its work."""
    keys = [s.key for s in roster.board] + [m.key for m in roster.members.values()]
    keys += [roster.coordinator]
    masks = [m.mask_key for m in roster.members.values()]
    if not _NETWORK.fullmatch(roster.network) or not 1 <= roster.version <= 10**6:
        raise InvalidProgramme("A roster names its network and has a version from 1.")
    if len(set(keys)) != len(keys) or len(set(masks)) != len(masks):
        raise InvalidProgramme("Every key of a roster must be another one.")
    if len(roster.members) < SITES_MIN:
        raise InvalidProgramme(
            f"A network has at least {SITES_MIN} sites, so that each has witnesses; "
            "add sites to the roster."
        )
    counting = {s.organisation for s in roster.board if s.standing is Standing.MEMBER}
    if not BOARD_MIN <= roster.board_signatures <= len(counting):
        raise InvalidProgramme(
            f"A mandate needs at least {BOARD_MIN} signatures and at most as many as "
            f"there are organisations of members ({len(counting)}); correct "
            "board_signatures."
        )


def _seat(name: str, section: Section) -> Seat:
    seat = Seat(
        name=name,
        organisation=section.text("organisation"),
        standing=section.choice("standing", Standing),
        key=signing.key_bytes(section.text("key")),
    )
    section.done()
    return seat


def _member(name: str, section: Section) -> Member:
    if not _NAME.fullmatch(name):
        raise InvalidProgramme(f"{name[:16]!r} is not a site name, such as NYC.")
    member = Member(
        site=name,
        provider=section.text("provider"),
        key=signing.key_bytes(section.text("key")),
        mask_key=signing.key_bytes(section.text("mask_key"), label=signing.MASKING),
    )
    section.done()
    return member
