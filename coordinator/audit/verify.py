"""Check an audit pack: every figure, back to what sites signed and people permitted.

    who may sign -> what they signed -> the log -> questions and answers
      -> each site's ledger -> the published figures

It needs the pack, the software and one fingerprint the auditor has from elsewhere.
Nobody is trusted: not the coordinator that wrote the pack, and not any one site.
"""

from pathlib import Path

from coordinator.audit import asking, drawn, figures, ledgers, pack, papers
from coordinator.audit.pack import Pack
from coordinator.audit.papers import Anchor
from coordinator.audit.report import Report
from privacy.errors import BadConfiguration


def folder(place: Path, anchor: Anchor) -> Report:
    """Check the pack in a folder.

    Raises:
        BadConfiguration: there is no pack, or nothing to hold it against.
    """
    if anchor.roster is None and anchor.keys is None:
        raise BadConfiguration(
            "Give the newest roster's fingerprint, or a list of keys you trust: what "
            "a pack says of itself proves nothing."
        )
    report = Report()
    found = pack.read(place, report.check("Files"))
    content(found, anchor, report)
    return report


def content(found: Pack, anchor: Anchor, report: Report) -> None:
    """Check what was read, in the order in which one thing rests on another."""
    signed = papers.check(found, anchor, report)
    if not signed.rosters:
        return
    traffic = asking.check(found, signed, report)
    read = ledgers.check(found, signed, traffic, report)
    drawn.check(found, signed, read, report)
    figures.check(found, signed, traffic, report)
