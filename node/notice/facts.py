"""The figures of the notice, taken from the rules in force and from the ledger."""

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self

from privacy import consequence, loss
from privacy.accounts import Accounts
from privacy.chain import Entry, Kind
from privacy.errors import NotAllowed
from privacy.law import Law
from privacy.mandate import Mandate, Purpose
from privacy.query import Mode

GUESSED: Final = 10
"""Of 100 people, how many the notice lets somebody guess beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is true of one site on one day.

    Attributes:
        site: Its short name.
        on: The day.
        answered: Questions it has answered; the same one twice counts once.
        since: The day of the first answer, or None.
        purposes: Why questions may be asked now, by the mandates that hold.
        own_numbers: Whether a mandate accepted here lets numbers of this site alone
            leave it.
        now_of_100: Of 100 people like the reader, how many an insider who guessed
            10 could think come here, after every answer so far; rounded up.
        ever_of_100: The same if everything the policy allows were spent.
        answers: Whether it answers questions at all on that day.
    """

    site: str
    on: dt.date
    answered: int
    since: dt.date | None
    purposes: tuple[Purpose, ...]
    own_numbers: bool
    now_of_100: int
    ever_of_100: int
    answers: bool

    @classmethod
    def of(
        cls,
        law: Law,
        entries: Iterable[Entry],
        accounts: Accounts,
        *,
        now: dt.datetime,
    ) -> Self:
        """Take the figures of one site.

        Raises:
            NotAllowed: no policy is in force, so there is nothing to tell yet.
        """
        if law.policy is None:
            raise NotAllowed(
                f"Site {law.site} has no policy in force, so it answers nothing and "
                "there is nothing to tell; adopt one first."
            )
        given = [entry.at[:10] for entry in entries if entry.kind is Kind.RELEASE]
        accepted = _accepted(law)
        # In site mode both columns are spent alike: the smaller cap is met first.
        alone = all(mandate.mode is Mode.SITE for mandate in accepted)
        totals = [accounts.floor, *map(accounts.lifetime, accounts.years)]
        spent = max(each.model if alone else each.worst for each in totals)
        cap = law.policy.caps.lifetime
        delta = law.policy.delta
        open_now = [m for m in accepted if m.not_before <= now <= m.not_after]
        return cls(
            site=law.site,
            on=now.date(),
            answered=len(given),
            since=dt.date.fromisoformat(min(given)) if given else None,
            purposes=tuple(sorted({p for each in open_now for p in each.purposes})),
            own_numbers=any(each.mode is Mode.SITE for each in accepted),
            now_of_100=_of_100(spent, delta),
            ever_of_100=_of_100(max(cap.model if alone else cap.worst, spent), delta),
            answers=not (law.paused or law.sealed),
        )


def _accepted(law: Law) -> tuple[Mandate, ...]:
    """Return every mandate accepted at the site."""
    return tuple(
        sent.what
        for sent in law.sent.values()
        if isinstance(sent.what, Mandate) and sent.fate is Kind.ACCEPTED
    )


def _of_100(pico: int, delta: Fraction) -> int:
    """Return what a guess of 10 in 100 can become, rounded up to whole people."""
    if not pico:
        return GUESSED
    meant = consequence.of(loss.from_pico(pico), delta)
    return math.ceil(meant.from_10)
