"""Gather an audit pack from what the centre keeps and what the sites sent."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from coordinator import sites
from coordinator.audit.pack import ARCHIVE, Pack
from coordinator.documents import Documents
from coordinator.evidence import Evidence
from coordinator.log import Log
from coordinator.store import Store
from privacy import archive
from privacy.errors import BadConfiguration
from privacy.signing import Kind
from privacy.treehead import SignedHead

_ARCHIVE_BYTES_MAX: Final = 1 << 30


def pack(
    *,
    documents: Documents,
    log: Log,
    head: SignedHead,
    evidence: Evidence,
    store: Store,
    ledgers: Mapping[str, bytes],
) -> Pack:
    """Return everything the centre can show.

    Args:
        documents: Every signed document.
        log: The transparency log.
        head: Its head, signed now.
        evidence: Signed questions and answers.
        store: Published results.
        ledgers: Site -> the archive that site signed.
    """
    logged = tuple(d for d in documents.all() if d.log_number is not None)
    return Pack(
        rosters=tuple(d.document for d in logged if d.document.kind is Kind.ROSTER),
        papers=tuple(d.document for d in logged if d.document.kind is not Kind.ROSTER),
        lines=tuple(entry.line for entry in log.entries(0, head.head.size)),
        head=head,
        asks=evidence.asks(),
        answers=evidence.answers(),
        results=tuple(store.result(each["digest"]) for each in store.results()),
        ledgers=dict(ledgers),
    )


def ledgers(folder: Path) -> dict[str, bytes]:
    """Read the archives that sites sent: every file ending in .archive.

    Whose each is stands inside it; that the site signed it is for the auditor to
    check, who has the keys.

    Raises:
        BadConfiguration: the folder has none, one cannot be read, or two are of one
            site.
    """
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob(f"*{ARCHIVE}")):
        if path.stat().st_size > _ARCHIVE_BYTES_MAX:
            raise BadConfiguration(f"{path} is too large to be a ledger's archive.")
        file = path.read_bytes()
        site = _site(path, archive.read(file, key=None))
        if site in found:
            raise BadConfiguration(
                f"{folder} holds two archives of {site}; keep the newer one."
            )
        found[site] = file
    if not found:
        raise BadConfiguration(
            f"{folder} holds no *{ARCHIVE}; each site writes its own with `cmpp-node "
            "ledger export`."
        )
    return found


def _site(path: Path, lines: Sequence[str]) -> str:
    """Return whose ledger an archive says it is."""
    try:
        site = json.loads(lines[0])["site"]
        sites.require_name(site)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise BadConfiguration(f"{path} is not the archive of a ledger.") from error
    return str(site)
