"""Stop a site for good: the last words first, then the keys.

    decided -> the archive and the report are on disk -> every key is destroyed

Each step can be repeated, and each looks at what is there, not at what was done: a
process that dies in between is finished by running the command again. While a legal
hold lasts the site is silent and everything is kept; the keys go when it is lifted.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.ledger import Ledger
from node.stopping import report, shred
from node.stopping.shred import Doomed
from privacy import archive
from privacy.errors import BadConfiguration, NotAllowed
from privacy.law import Law
from proto import disk, keys

ARCHIVE_FILE: Final = "ledger.archive"
REPORT_FILE: Final = "final-report.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What one run of the command did.

    Attributes:
        written: The archive and the report, if their key was still there.
        destroyed: What was destroyed by this run, in words.
        kept: What is kept because a hold lasts, in words.
    """

    written: tuple[Path, ...]
    destroyed: tuple[str, ...]
    kept: tuple[str, ...]


def finish(
    law: Law,
    ledger: Ledger,
    *,
    folder: Path,
    statement_key: Path,
    doomed: Sequence[Doomed],
) -> Sealing:
    """Write the last words of a sealed site, and destroy its keys.

    Args:
        law: In force.
        ledger: Of the site; it is kept.
        folder: Where the archive and the report go.
        statement_key: What the archive is signed with; destroyed last.
        doomed: Everything else to destroy, in order.

    Raises:
        NotAllowed: no officer has sealed the site.
        BadConfiguration: a file could not be written or destroyed; run it again.
    """
    if not law.sealed:
        raise NotAllowed(
            f"Site {law.site} has not been sealed by an officer, so nothing is "
            "destroyed."
        )
    written: tuple[Path, ...] = ()
    if statement_key.exists():
        key = keys.load(statement_key, passphrase=None)
        written = write(law, ledger, folder=folder, key=key)
    everything = (*doomed, Doomed(statement_key, "the key of the site's statements"))
    if law.held:
        there = tuple(file.what for file in everything if file.path.exists())
        return Sealing(written=written, destroyed=(), kept=there)
    return Sealing(written=written, destroyed=shred.destroy_all(everything), kept=())


def write(
    law: Law, ledger: Ledger, *, folder: Path, key: Ed25519PrivateKey
) -> tuple[Path, ...]:
    """Write the signed archive of the ledger, and the report for people.

    Raises:
        BadConfiguration: the folder cannot be written.
    """
    kept = archive.signed(ledger.export(), key)
    said = report.lines(law, ledger.entries(), archive=hashlib.sha256(kept).hexdigest())
    files = {ARCHIVE_FILE: kept, REPORT_FILE: archive.signed(said, key)}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            _put(folder / name, content)
    except OSError as error:
        raise BadConfiguration(
            f"{folder.name} could not be written ({error.strerror}); check the disk "
            "and run the command again."
        ) from error
    return tuple(folder / name for name in files)


def _put(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all, for its owner only."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    keys.write_new(fresh, content, mode=0o600)
    fresh.replace(path)
    disk.sync(path.parent)
