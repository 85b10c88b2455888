"""A synthetic site: when its pool fills, when it draws, and for how many places."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from node.synthetic import odds, shock
from node.synthetic.odds import Odds
from node.synthetic.row import day, integers, share
from node.synthetic.stream import Stream
from privacy.errors import InvalidProgramme
from privacy.period import date_of, day_number
from privacy.strict import Section

_MONTHS_BETWEEN_DRAWS = 3
_MONTH_DAYS = Decimal("30.4375")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seasons:
    """How busy intake is by calendar month, and while a site is new."""

    month_percent: tuple[int, ...]
    ramp_up_months: int
    ramp_up_percent: int
    shocks: tuple[shock.Intake, ...]

    def weight(self, on: int, *, opened: int) -> Decimal:
        """Return how busy one day is."""
        month = self.month_percent[date_of(on).month - 1]
        age = (on - opened) / _MONTH_DAYS / self.ramp_up_months
        floor = share(self.ramp_up_percent)
        busy = month * min(Decimal(1), floor + (1 - floor) * age)
        for each in self.shocks:
            busy *= each.factor(on)
        return busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One draw and the intake before it; slots and pool count adults."""

    phase: str
    drawn_on: int
    intake_days: Odds[int]
    adult_slots: Decimal
    pool_adults: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One synthetic site."""

    name: str
    windows: tuple[Window, ...]
    channel: Odds[str]
    language: Odds[str]
    contact_share: Decimal


def seasons(root: Section, *, shocks: tuple[shock.Intake, ...]) -> Seasons:
    """Read how intake varies over the year."""
    months = integers(root, "month_percent")
    if len(months) != len(range(1, 13)) or min(months) < 1:
        raise InvalidProgramme("month_percent must list twelve positive numbers.")
    return Seasons(
        month_percent=months,
        ramp_up_months=root.integer("ramp_up_months"),
        ramp_up_percent=root.integer("ramp_up_percent"),
        shocks=shocks,
    )


def read(name: str, section: Section, calendar: Seasons) -> Site:
    """Read one site."""
    opens = day(section, "opens")
    oversubscription = odds.number(section, "oversubscription")
    windows: list[Window] = []
    for content in section.raw("phases"):
        phase = Section(f"{section.name}.phases", content)
        since = windows[-1].drawn_on if windows else opens
        windows += _windows(phase, calendar, opens, since, oversubscription)
        phase.done()
    site = Site(
        name=name,
        windows=tuple(windows),
        channel=odds.choice(section, "channel"),
        language=odds.choice(section, "language"),
        contact_share=share(odds.number(section, "contact_percent")),
    )
    section.done()
    return site


def resize(site: Site, factor: Decimal) -> Site:
    """Return the site with more, or fewer, places and people."""
    windows = tuple(
        Window(
            phase=window.phase,
            drawn_on=window.drawn_on,
            intake_days=window.intake_days,
            adult_slots=window.adult_slots * factor,
            pool_adults=window.pool_adults * factor,
        )
        for window in site.windows
    )
    return Site(
        name=site.name,
        windows=windows,
        channel=site.channel,
        language=site.language,
        contact_share=site.contact_share,
    )


def lognormal_factor(name: str, sigma: Decimal) -> Decimal:
    """Return how large one of many sites is; its name alone decides."""
    return (sigma * odds.bell().pick(Stream(0, name, "size"))).exp()


def _windows(
    phase: Section,
    calendar: Seasons,
    opens: int,
    since: int,
    oversubscription: Decimal,
) -> Iterator[Window]:
    """Yield a phase's draws; each has slots in proportion to its intake."""
    name, slots = phase.text("phase"), phase.integer("adult_slots")
    draw_days = _draw_days(day(phase, "first_draw"), phase.integer("draws"))
    starts = [since, *(drawn + 1 for drawn in draw_days[:-1])]
    intakes = [
        {on: calendar.weight(on, opened=opens) for on in range(start, drawn)}
        for start, drawn in zip(starts, draw_days, strict=True)
    ]
    sizes = [sum(intake.values(), Decimal()) for intake in intakes]
    total = sum(sizes, Decimal())
    for drawn, intake, size in zip(draw_days, intakes, sizes, strict=True):
        adult_slots = slots * size / total
        yield Window(
            phase=name,
            drawn_on=drawn,
            intake_days=odds.weigh(intake),
            adult_slots=adult_slots,
            pool_adults=adult_slots * oversubscription,
        )


def _draw_days(first: int, draws: int) -> list[int]:
    """Return the day numbers of draws three months apart."""
    date = date_of(first)
    days = []
    for count in range(draws):
        month = date.month - 1 + count * _MONTHS_BETWEEN_DRAWS
        days.append(
            day_number(date.replace(year=date.year + month // 12, month=month % 12 + 1))
        )
    return days
