"""What running a synthetic site takes: staff, money and places."""

from dataclasses import dataclass
from decimal import Decimal

from node.synthetic import odds
from node.synthetic.odds import Odds
from node.synthetic.row import share
from privacy.strict import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What running a site takes.

    Attributes:
        served_at_once: The part of a phase's places that is taken at one time.
        spent_over_months: How long a phase's money lasts.
        tail_share: What a month costs after that, as a part of one before.
        costs: Kind -> its share of a month's cost; personnel takes the rest.
    """

    served_at_once: Decimal
    households_per_manager: int
    households_per_manager_new: int
    new_months: int
    new_share: Decimal
    others_per_manager: Decimal
    vacancies: Odds[str]
    dollars_per_slot: int
    spent_over_months: int
    tail_share: Decimal
    spread_percent: int
    costs: dict[str, Decimal]
    closed_days: Odds[str]
    last_day: int


def read(section: Section, *, last_day: int) -> Running:
    """Read what running a site takes."""
    found = Running(
        served_at_once=share(odds.number(section, "served_at_once")),
        households_per_manager=section.integer("households_per_manager"),
        households_per_manager_new=section.integer("households_per_manager_new"),
        new_months=section.integer("new_months"),
        new_share=share(odds.number(section, "new_percent")),
        others_per_manager=share(odds.number(section, "others_per_manager")),
        vacancies=odds.choice(section, "vacancies"),
        dollars_per_slot=section.integer("dollars_per_slot"),
        spent_over_months=section.integer("spent_over_months"),
        tail_share=share(odds.number(section, "tail_percent")),
        spread_percent=section.integer("spread_percent"),
        costs={
            name: share(part) for name, part in odds.weights(section, "costs").items()
        },
        closed_days=odds.choice(section, "closed_days"),
        last_day=last_day,
    )
    section.done()
    return found
