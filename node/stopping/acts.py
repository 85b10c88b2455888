"""What officers decide about the whole site, and what anybody there may do.

Stopping is easy and going on is not: anybody at the site may pause it, and to go on
takes an officer's signature. The key is not on the node. An officer signs a small
file that says what is decided, after which rule; two officers sign the same file
where two must.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.charter import Charter
from privacy import decision, signing
from privacy.chain import Kind
from privacy.decision import SIGNATURES, Act
from privacy.errors import BadSignature, NotAllowed
from privacy.law import Law
from privacy.signing import Document

ENTRIES: Final = {
    Act.RESUME: Kind.RESUMED,
    Act.HOLD: Kind.HELD,
    Act.LIFT: Kind.LIFTED,
    Act.REOPEN: Kind.REOPENED,
    Act.SEAL: Kind.SEALED,
}
"""Acts about the site as a whole, and the entry each becomes."""


def pause(charter: Charter, *, now: dt.datetime) -> bool:
    """Stop answering at once; return whether it still answered before.

    Raises:
        NotAllowed: the Board ended the programme, so nothing is answered anyway.
    """
    law = charter.law()
    if law.paused or law.sealed:
        return False
    charter.enact(Kind.PAUSED, now=now)
    return True


def read(file: bytes, act: Act) -> Document:
    """Read a decision that was signed elsewhere.

    Raises:
        BadSignature: it is another decision, or none.
    """
    document = signing.read(file, signing.Kind.DECISION)
    found = decision.parse(document).act
    if found is not act:
        raise BadSignature(
            f"This file decides to {found.value}, not to {act.value}; name the file "
            "made for this."
        )
    return document


def signed(document: Document, keys: Sequence[Ed25519PrivateKey]) -> Document:
    """Add officers' signatures to a decision."""
    for key in keys:
        document = document.signed_by(key)
    return document


def missing(law: Law, document: Document, act: Act) -> tuple[str, ...]:
    """Return the officers who could still sign, if more of them must; else nobody.

    Raises:
        NotAllowed: there are no officers yet.
    """
    if law.policy is None:
        raise NotAllowed(
            f"Site {law.site} has no signed policy, so nobody may decide this; have "
            "its officers sign one."
        )
    signers = law.policy.signers(document)
    if len(signers) >= SIGNATURES[act]:
        return ()
    return tuple(
        name for name, key in law.policy.officers.items() if key not in signers
    )


def enact(charter: Charter, document: Document, *, now: dt.datetime) -> Law:
    """Put a decision about the site in force.

    Raises:
        BadSignature: too few officers signed, or something changed since.
        NotAllowed: it cannot be decided any more.
    """
    act = decision.parse(document).act
    if act not in ENTRIES:
        raise BadSignature(
            "This decision is about one mandate or edition; decide it in the inbox."
        )
    return charter.enact(ENTRIES[act], document, now=now)


def stands(law: Law, act: Act) -> bool:
    """Tell whether an act would change nothing, because it is so already."""
    return {
        Act.RESUME: not law.paused,
        Act.HOLD: law.held,
        Act.LIFT: not law.held,
        Act.SEAL: law.sealed,
    }.get(act, False)
