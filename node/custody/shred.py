"""Destroy what a site that has ended still has: the keys first, then the files.

Without its key an encrypted file says nothing, so the order matters if the power goes
in between. The ledger and the last report stay: they hold nobody's record, and an
auditor may ask for them for years.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.config import TRAINING_MARK
from node.custody.inventory import CONFIG, Estate
from node.stopping import shred
from node.stopping.shred import Doomed
from privacy.errors import NotAllowed
from privacy.law import Law

_FINAL: Final = "final"


@dataclass(frozen=True, slots=True)
class Shredded:
    """What one run destroyed.

    Attributes:
        keys: In words.
        files: How many files.
    """

    keys: tuple[str, ...]
    files: int


def check(law: Law) -> None:
    """Refuse to destroy what somebody may still need.

    Raises:
        NotAllowed: a legal hold lasts, or the site has not ended.
    """
    if law.held:
        raise NotAllowed(
            "A legal hold lasts, so nothing is destroyed; shred again when counsel has "
            "ended it."
        )
    if law.policy is not None and not law.sealed:
        raise NotAllowed(
            f"Site {law.site} has not been sealed, and only its officers decide that; "
            "run `cmpp-node seal` first."
        )


def everything(law: Law, estate: Estate, *, keys: Sequence[Doomed]) -> Shredded:
    """Destroy keys, then every file but the ledger, the last report and settings.

    Run it again if it was cut off: it goes on where it was.

    Raises:
        NotAllowed: see `check`; nothing was destroyed.
        BadConfiguration: a file could not be destroyed; run it again.
    """
    check(law)
    gone = shred.destroy_all(keys)
    files = sum(shred.destroy(path) for path in _left(estate))
    return Shredded(gone, files)


def _left(estate: Estate) -> list[Path]:
    """Return every file of the site that does not stay."""
    config, home = estate.config, estate.home
    ledger = estate.ledger if estate.in_files else None
    folders = (estate.place.directory, config.identity_directory, home)
    found: dict[Path, None] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            stays = path in {home / CONFIG, home / TRAINING_MARK}
            stays = stays or path.is_relative_to(home / _FINAL)
            if ledger is not None and path.parent == ledger.parent:
                stays = stays or path.name.startswith(ledger.name)
            if path.is_file() and not stays:
                found[path] = None
    return list(found)
