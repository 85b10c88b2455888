"""What an edition would change: the definitions an officer must read."""

import datetime as dt
from dataclasses import dataclass

from node.policy.card import days_left
from privacy import edition as editions
from privacy.catalogue import Metric, Programme
from privacy.edition import Edition
from privacy.law import Law, Sent
from privacy.signing import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One metric that is new, changed or gone.

    Attributes:
        before: Its definition in the edition accepted last, or None.
        after: Its definition in this one, or None.
        same_words: Whether the words stayed and the question behind them changed.
    """

    metric: str
    name: str
    before: str | None
    after: str | None

    @property
    def same_words(self) -> bool:
        """Whether it says what it said, and asks something else."""
        return self.before == self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an officer reads before deciding about an edition.

    Attributes:
        first: Whether this site accepted none before.
        dictionary: Whether tables, fields or code lists differ.
        signers: Organisations of the Board that signed.
    """

    number: int
    digest: str
    version: str
    first: bool
    changes: tuple[Change, ...]
    dictionary: bool
    signers: tuple[str, ...]
    days_left: int


def of(sent: Sent, document: Document, *, law: Law, now: dt.datetime) -> Reading:
    """Set an edition against the newest one this site accepted.

    Requires: `sent.what` is an edition, read from `document`.
    """
    edition = sent.what
    if not isinstance(edition, Edition):  # pragma: no cover - the caller looked
        raise TypeError
    old, new = law.newest, edition.programme
    if old is None:
        found, dictionary = tuple(sorted(new.metrics)), True
    else:
        differs = editions.changes(old, new)
        found = tuple(sorted({*differs.added, *differs.changed, *differs.removed}))
        dictionary = differs.dictionary
    return Reading(
        number=edition.number,
        digest=edition.digest.hex(),
        version=new.version,
        first=old is None,
        changes=tuple(_change(name, old, new) for name in found),
        dictionary=dictionary,
        signers=tuple(sorted(law.roster.by_board(document))) if law.roster else (),
        days_left=days_left(sent, now),
    )


def _change(name: str, old: Programme | None, new: Programme) -> Change:
    """Set one metric's two definitions side by side."""
    before = old.metrics.get(name) if old else None
    after = new.metrics.get(name)
    shown = after or before
    return Change(
        metric=name,
        name=shown.name if shown else name,
        before=_words(before),
        after=_words(after),
    )


def _words(metric: Metric | None) -> str | None:
    """Return what a metric says of itself: whom it counts, and how."""
    if metric is None:
        return None
    return f"{metric.definition} Counted: {metric.counted.rstrip('.')}."
