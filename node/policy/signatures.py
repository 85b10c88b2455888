"""Say whose signatures a policy or a decision has, and whose it still needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from privacy import policy as policies
from privacy.policy import LOOSER, Policy
from privacy.signing import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a policy is on its way into force.

    Attributes:
        loosens: In what respects it gives away more than the policy before.
        first: Whether there is no policy before.
        needed: How many officers must sign.
        signed: Those of them who did, by name.
        others: Those of them who did not.
    """

    loosens: tuple[str, ...]
    first: bool
    needed: int
    signed: tuple[str, ...]
    others: tuple[str, ...]

    @classmethod
    def of(cls, document: Document, before: Policy | None) -> Self:
        """Judge a policy by the officers in force, or by its own if it is the first.

        Raises:
            BadConfiguration: the document does not say one definite thing.
        """
        new = policies.parse(document)
        judges = new if before is None else before
        loosens = () if before is None else new.loosens(before)
        signed, others = _sorted(document, judges.officers)
        return cls(
            loosens=loosens,
            first=before is None,
            needed=LOOSER if loosens or before is None else 1,
            signed=signed,
            others=others,
        )

    @property
    def missing(self) -> int:
        """How many signatures are still missing."""
        return max(0, self.needed - len(self.signed))


def _sorted(
    document: Document, officers: Mapping[str, bytes]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell the officers who signed from those who did not."""
    signers = document.signers
    signed = tuple(name for name, key in sorted(officers.items()) if key in signers)
    others = tuple(name for name in sorted(officers) if name not in signed)
    return signed, others
