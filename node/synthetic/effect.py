"""What enrolment changes: the presets, from no effect at all to a large one."""

from dataclasses import dataclass
from decimal import Decimal

from node.synthetic import odds
from node.synthetic.odds import Chance
from privacy.strict import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The outcomes enrolment may change; each pair is (not enrolled, enrolled).

    Attributes:
        hearing_log_odds: Log-odds of missing a hearing, without a lawyer.
        check_in: Chance of missing a check-in.
        gained: Chance of finding a lawyer within six months.
        filed: Chance of filing an application within twelve months.
    """

    hearing_log_odds: tuple[Decimal, Decimal]
    check_in: tuple[Chance, Chance]
    gained: tuple[Chance, Chance]
    filed: tuple[Chance, Chance]


def read(section: Section) -> Effect:
    """Read one preset."""
    missed = odds.number(section, "missed_hearing") / 100
    base = (missed / (1 - missed)).ln()
    effect = Effect(
        hearing_log_odds=(base, base + odds.number(section, "miss_log_odds_enrolled")),
        check_in=_pair(section, "missed_check_in"),
        gained=_pair(section, "representation_gained"),
        filed=_pair(section, "filed_by_12_months"),
    )
    section.done()
    return effect


def _pair(section: Section, key: str) -> tuple[Chance, Chance]:
    """Read a chance without and with enrolment."""
    return odds.percent(section, key), odds.percent(section, f"{key}_enrolled")
