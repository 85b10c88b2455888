"""Draft a roster, and say who still has to sign it.

The centre only writes the list down. It is worth nothing until the sites signed it,
each after its operator compared the fingerprints by telephone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from privacy import roster as rosters
from privacy import signing
from privacy.errors import BadConfiguration
from privacy.roster import Member, Roster, Seat, Standing
from privacy.signing import Document, Kind
from privacy.strict import quoted

_PARTS_OF_SEAT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a roster says besides who takes part.

    Attributes:
        network: Name of the network.
        coordinator: The coordinator's statement key, 32 bytes.
        board_signatures: How many organisations' members must sign a mandate.
        before: The roster in force, or None for the first.
    """

    network: str
    coordinator: bytes
    board_signatures: int
    before: Roster | None

    def document(self, board: Sequence[Seat], members: Sequence[Member]) -> Document:
        """Write the roster, ready to be signed by the sites.

        Raises:
            InvalidProgramme: it could not do its work.
        """
        lines = [f"network = {quoted(self.network)}"]
        if self.before is None:
            lines += ["version = 1"]
        else:
            lines += [
                f"version = {self.before.version + 1}",
                f'previous = "{self.before.digest.hex()}"',
            ]
        lines += [
            f'coordinator = "{signing.key_text(self.coordinator)}"',
            f"board_signatures = {self.board_signatures}",
        ]
        for seat in sorted(board, key=lambda each: each.name):
            lines += _seat(seat)
        for member in sorted(members, key=lambda each: each.site):
            lines += _member(member)
        content = "\n".join([*lines, ""]).encode()
        document = Document(kind=Kind.ROSTER, content=content)
        rosters.parse(document)
        return document


def seat(text: str, *, keys: Mapping[str, bytes]) -> Seat:
    """Read a seat written as "name,organisation,member,FILE.pub".

    Args:
        text: What was typed.
        keys: File name -> the public key in it.

    Raises:
        BadConfiguration: it is not of that form.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != _PARTS_OF_SEAT or parts[2] not in set(Standing) or not all(parts):
        raise BadConfiguration(
            f"{text[:80]!r} is not a seat; write name,organisation,member,FILE.pub, or "
            "chair in place of member."
        )
    name, organisation, standing, file = parts
    return Seat(
        name=name,
        organisation=organisation,
        standing=Standing(standing),
        key=keys[file],
    )


def absent(document: Document, before: Roster | None) -> tuple[str, ...]:
    """Name the sites whose signatures a roster lacks, under the key that lacks one.

    A site that changes its key signs with both. Of a large network not every
    signature is needed; `Roster.check_follows` decides.
    """
    new, signers = rosters.parse(document), document.signers
    lacking = [name for name, each in new.members.items() if each.key not in signers]
    former = before.members if before else {}
    lacking += [
        f"{name} (its earlier key)"
        for name, each in former.items()
        if name in new.members and each.key not in signers | {new.members[name].key}
    ]
    return tuple(lacking)


def _seat(found: Seat) -> list[str]:
    return [
        "",
        f"[board.{quoted(found.name)}]",
        f"organisation = {quoted(found.organisation)}",
        f'standing = "{found.standing.value}"',
        f'key = "{signing.key_text(found.key)}"',
    ]


def _member(found: Member) -> list[str]:
    mask = signing.key_text(found.mask_key, label=signing.MASKING)
    return [
        "",
        f"[sites.{found.site}]",
        f"provider = {quoted(found.provider)}",
        f'key = "{signing.key_text(found.key)}"',
        f'mask_key = "{mask}"',
    ]
