"""Invented public months of a synthetic site: staff, cost and places, no person.

Staff and cost follow from the places a site is funded for, never from whom it serves:
a figure that everybody may see must not be worked out from records.
"""

import calendar
import datetime as dt
import decimal
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

from node.synthetic import intake, lottery, odds, parameters
from node.synthetic.odds import Odds
from node.synthetic.organisation import Running
from node.synthetic.site import Site
from node.synthetic.stream import Stream
from privacy import catalogue
from privacy.organisation_month import COSTS, STAFF, OrganisationMonth
from privacy.period import date_of, day_number

_CENTS: Final = 100


def months(
    *, site: str, seed: int, scale: float = 1.0
) -> tuple[OrganisationMonth, ...]:
    """Return a site's invented months; the same arguments give the same numbers.

    Raises:
        InvalidProgramme: there is no such site.
    """
    told = parameters.load(name=site, preset="default")
    place = parameters.scaled(told, scale)
    with decimal.localcontext(odds.ARITHMETIC):
        cases = list(intake.cases(place, told.intake, seed=seed))
        drawn = lottery.draw(place, told.draws, cases, seed=seed)
        offered = {
            (each.phase, each.drawn_on, each.stratum): each.places
            for each in drawn.values()
        }
        found = [
            month
            for phase in dict.fromkeys(window.phase for window in place.windows)
            for month in _phase(
                told, place, phase, offered=offered, stream=Stream(seed, site, phase)
            )
        ]
    found += _before(place, min(each.month for each in found))
    return tuple(sorted(found, key=lambda each: (each.month, each.phase)))


def _before(place: Site, opened: str) -> Iterator[OrganisationMonth]:
    """Yield empty months from the programme's first fiscal year to a site's first."""
    nothing: dict[str, Fraction] = dict.fromkeys(
        (*STAFF, *(f"cost_{name}" for name in COSTS)), Fraction(0)
    )
    day = catalogue.load().first_entry_year.start
    while (month := _month(day)) < opened:
        yield OrganisationMonth(
            site=place.name,
            month=month,
            phase=place.windows[0].phase,
            **nothing,
            places=0,
            places_offered=0,
            open_days=0,
        )
        day = _last_day(month) + 1


def _phase(
    told: parameters.Parameters,
    place: Site,
    phase: str,
    *,
    offered: dict[tuple[str, int, str], int],
    stream: Stream,
) -> Iterator[OrganisationMonth]:
    """Yield the months of one phase, from its first intake on."""
    running = told.organisation
    windows = [window for window in place.windows if window.phase == phase]
    slots = sum((window.adult_slots for window in windows), Decimal())
    households = slots / told.intake.adults_per_household * running.served_at_once
    for age, month in enumerate(_months(windows[0].intake_days, running.last_day)):
        new = age < running.new_months
        opened = windows[0].drawn_on <= _last_day(month)
        per_manager = running.households_per_manager
        if new:
            per_manager = running.households_per_manager_new
        managers = max(Decimal("0.5"), _halves(households / per_manager))
        yield OrganisationMonth(
            site=place.name,
            month=month,
            phase=phase,
            case_manager_fte=Fraction(managers),
            other_fte=Fraction(_halves(managers * running.others_per_manager)),
            vacancies=Fraction(running.vacancies.pick(stream)),
            **_costs(running, slots, age, stream),
            places=max(1, round(households)) if opened else 0,
            places_offered=sum(
                places
                for (name, day, _), places in offered.items()
                if name == phase and _month(day) == month
            ),
            open_days=_weekdays(month) - int(running.closed_days.pick(stream)),
        )


def _costs(
    running: Running, slots: Decimal, age: int, stream: Stream
) -> dict[str, Fraction]:
    """Return a month's cost by kind, in dollars and whole cents."""
    usual = running.dollars_per_slot * slots / running.spent_over_months
    if age < running.new_months:
        usual *= running.new_share
    elif age >= running.spent_over_months:
        usual *= running.tail_share
    swing = stream.below(2 * running.spread_percent + 1) - running.spread_percent
    cents = round(usual * (100 + swing) / 100 * _CENTS)
    parts = {name: round(cents * part) for name, part in running.costs.items()}
    parts["personnel"] = cents - sum(parts.values())
    return {f"cost_{name}": Fraction(part, _CENTS) for name, part in parts.items()}


def _months(intake_days: Odds[int], last_day: int) -> Iterator[str]:
    """Yield the months from the first intake to the last day of all."""
    month, last = _month(min(intake_days.values)), _month(last_day)
    while month <= last:
        yield month
        month = _month(_last_day(month) + 1)


def _month(day: int) -> str:
    """Return the month of a day number."""
    return f"{date_of(day):%Y-%m}"


def _last_day(month: str) -> int:
    """Return the last day number of a month."""
    year, number = map(int, month.split("-"))
    return day_number(dt.date(year, number, calendar.monthrange(year, number)[1]))


def _weekdays(month: str) -> int:
    """Count the days from Monday to Friday of a month."""
    year, number = map(int, month.split("-"))
    weeks = calendar.monthcalendar(year, number)
    return sum(bool(day) for week in weeks for day in week[: calendar.SATURDAY])


def _halves(value: Decimal) -> Decimal:
    """Round to half a post."""
    return Decimal(round(value * 2)) / 2
