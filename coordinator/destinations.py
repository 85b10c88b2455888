"""Say for which sites, and until when, each document is meant."""

import datetime as dt
from collections.abc import Collection

from coordinator import draws
from coordinator.documents import Kept
from privacy import mandate, roster
from privacy.mandate import Revocation
from privacy.signing import Kind


def of(
    kept: tuple[Kept, ...],
) -> dict[str, tuple[Collection[str], dt.datetime | None]]:
    """Return for which sites, and until when, documents are meant: by digest.

    What is not in it is meant for every site, for ever.
    """
    found: dict[str, tuple[Collection[str], dt.datetime | None]] = {}
    known = draws.replay((each.document for each in kept), draws.require)
    for each in kept:
        match each.document.kind:
            case Kind.ROSTER:
                found[each.digest] = (roster.parse(each.document).members, None)
            case Kind.MANDATE:
                said = mandate.parse(each.document)
                found[each.digest] = (said.sites, said.not_after)
            case Kind.REVOCATION:
                of = Revocation.parse(each.document).mandate
                found[each.digest] = (found[of][0], None)
            case Kind.DRAW:
                found[each.digest] = (draws.destination(each.document, known), None)
            case _:
                pass
    return found
