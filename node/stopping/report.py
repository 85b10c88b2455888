"""The last report of a site: what it gave out in all, in words and sums.

Nothing in it comes from a record: it says which questions were answered, under which
mandates and at what loss, all of which the ledger holds.
"""

import math
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from privacy import loss
from privacy.accounts import Accounts
from privacy.chain import Entry, Kind
from privacy.law import Law
from privacy.mandate import Mandate
from privacy.walk import Walk

_DELTA = Fraction(1, 10**6)


def lines(law: Law, entries: Iterable[Entry], *, archive: str) -> tuple[str, ...]:
    """Write the report as lines of Markdown.

    Args:
        law: In force.
        entries: Every entry of the ledger.
        archive: Digest of the archive it goes with, in hex.

    Raises:
        Corrupt: the ledger is not whole.
    """
    walk = Walk()
    asked: Counter[str] = Counter()
    under: Counter[str] = Counter()
    for entry in entries:
        walk.take(entry)
        if entry.kind is Kind.CHARGE:
            asked[f"{entry.metric}, {entry.periods}"] += 1
            under[entry.mandate or ""] += 1
    return (
        f"# Site {law.site}: what it gave out",
        "",
        _state(law, walk.last),
        f"The archive of the ledger has the SHA-256 `{archive}`.",
        _given(walk),
        "",
        "## What people of each entry year may have lost",
        "",
        "| Entered in | Loss (rho) | Epsilon at a chance of one in a million |",
        "|---|---|---|",
        *_accounts(walk.accounts),
        "",
        "## Under which mandates",
        "",
        "| Mandate | Title | Questions |",
        "|---|---|---|",
        *(f"{_mandate(law, digest)} {number} |" for digest, number in under.items()),
        "",
        "## What was asked",
        "",
        "| Metric and period | Questions |",
        "|---|---|",
        *(f"| {what} | {number} |" for what, number in sorted(asked.items())),
        "",
    )


def _given(walk: Walk) -> str:
    """Say how much was asked and answered."""
    return (
        f"It was charged for {len(walk.charged)} questions and released "
        f"{len(walk.released)} answers, each a few whole numbers with noise. Nothing "
        "else left it by this system."
    )


def _state(law: Law, last: Entry | None) -> str:
    """Say how the site stands, and where its ledger ends."""
    state = "has stopped for good" if law.sealed else "is in service"
    held = " A legal hold lasts: nothing is destroyed." if law.held else ""
    if last is None:
        return f"The site {state}.{held}"
    return (
        f"The site {state}.{held} Its ledger ends with entry {last.sequence} of "
        f"{last.at[:10]}, hash `{last.hash}`, in epoch {law.epoch}."
    )


def _accounts(accounts: Accounts) -> list[str]:
    """Write one row for each entry year."""
    rows = []
    for year in sorted(accounts.years):
        rho = loss.from_pico(accounts.lifetime(year).model)
        # Shown rounded up: a loss is never told smaller than it is.
        shown = math.ceil(rho * 10**6) / 10**6
        epsilon = math.ceil(loss.epsilon(rho, _DELTA) * 1000) / 1000 if rho else 0.0
        rows.append(f"| {year} | {shown:.6f} | {epsilon:.3f} |")
    return rows


def _mandate(law: Law, digest: str) -> str:
    """Begin the row of a mandate."""
    sent = law.sent.get(digest)
    if sent is None or not isinstance(sent.what, Mandate):
        return f"| `{digest[:16]}` | |"
    title = " ".join(sent.what.title.replace("|", "/").split())
    return f"| {sent.what.number} | {title} |"
