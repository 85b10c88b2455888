"""What shakes a site from outside: busier and quieter weeks, and a rumour.

Switched on by whoever invents the records; off, nothing here changes anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from node.synthetic import odds
from node.synthetic.odds import Odds
from node.synthetic.row import day, share
from privacy.strict import Section

_DISTRUST = "distrust_data_or_government"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Days on which more, or fewer, households come than usual."""

    since: int
    until: int
    percent: int

    def factor(self, on: int) -> Decimal:
        """Return what the intake of a day is multiplied by."""
        return share(self.percent) if self.since <= on <= self.until else Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rumour:
    """Days on which more of those who decline say they distrust the programme."""

    since: int
    until: int
    reasons: Odds[str]

    def reasons_on(self, on: int) -> Odds[str] | None:
        """Return why offers are declined on a day of the rumour; else None."""
        return self.reasons if self.since <= on <= self.until else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shocks:
    """Everything that shakes a site."""

    intake: tuple[Intake, ...]
    rumour: Rumour


def read(section: Section, reasons: Mapping[str, Decimal]) -> Shocks:
    """Read the shocks; `reasons` says why offers are declined at other times."""
    intake = []
    for content in section.raw("intake"):
        inner = Section(f"{section.name}.intake", content)
        since, until = day(inner, "from"), day(inner, "until")
        intake.append(
            Intake(since=since, until=until, percent=inner.integer("percent"))
        )
        inner.done()
    inner = Section(f"{section.name}.rumour", section.raw("rumour"))
    points = odds.number(inner, "distrust_points")
    rumour = Rumour(
        since=day(inner, "from"),
        until=day(inner, "until"),
        reasons=odds.weigh(_distrusting(reasons, points)),
    )
    inner.done()
    section.done()
    return Shocks(intake=tuple(intake), rumour=rumour)


def _distrusting(reasons: Mapping[str, Decimal], points: Decimal) -> dict[str, Decimal]:
    """Raise the share of distrust by percentage points; the others shrink alike."""
    total = sum(reasons.values(), Decimal())
    distrust = reasons[_DISTRUST] / total + points / 100
    others = (1 - distrust) / (total - reasons[_DISTRUST])
    return {
        reason: distrust if reason == _DISTRUST else weight * others
        for reason, weight in reasons.items()
    }
