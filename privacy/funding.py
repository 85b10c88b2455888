"""Phases, what was awarded for them, how many places there are, and what days cost."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from privacy import effective
from privacy.effective import Fact
from privacy.errors import InvalidProgramme
from privacy.period import Period, PeriodKind
from privacy.strict import Section


class State(StrEnum):
    """What becomes of a phase. Only an active one takes people and money."""

    PLANNED = "planned"
    ACTIVE = "active"
    FROZEN = "frozen"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase(Fact):
    """One phase of the programme, while it is in one state.

    Attributes:
        capacity: The most people it may serve, at all its sites together; None if
            no number was published.
    """

    phase: str
    state: State
    sites: tuple[str, ...]
    capacity: int | None

    @property
    def accepts(self) -> bool:
        """Whether it takes places, draws and cost."""
        return self.state in (State.ACTIVE, State.CLOSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Award(Fact):
    """What was awarded for one phase out of one fiscal year's money."""

    phase: str
    fiscal_year: Period
    dollars: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots(Fact):
    """How many adults one site is funded to serve in one phase."""

    site: str
    phase: str
    adults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Fact):
    """What a day of something costs: an assumption that is said beside its use."""

    dollars: Fraction
    unit: str


def phase(section: Section) -> Phase:
    """Read one phase in one state."""
    name = section.text("phase")
    sites = section.raw("sites")
    if not isinstance(sites, list) or not all(isinstance(each, str) for each in sites):
        raise InvalidProgramme(f"{section.name}: sites must be a list of names.")
    found = Phase(
        key=name,
        span=effective.span(section),
        phase=name,
        state=section.choice("state", State),
        sites=tuple(sites),
        capacity=_positive(section, "capacity") if section.has("capacity") else None,
    )
    section.done()
    if found.capacity is not None and found.state in (State.FROZEN, State.CLOSED):
        raise InvalidProgramme(
            f"{name} is {found.state.value} and so has no capacity; take it out."
        )
    return found


def award(section: Section) -> Award:
    """Read what was awarded for a phase out of a fiscal year's money."""
    name, year = section.text("phase"), Period(section.text("fiscal_year"))
    if year.kind is not PeriodKind.FISCAL_YEAR:
        raise InvalidProgramme(f"{section.name}: write fiscal_year like FY2021.")
    found = Award(
        key=f"{year} {name}",
        span=effective.span(section),
        phase=name,
        fiscal_year=year,
        dollars=effective.exact(section, "dollars"),
    )
    section.done()
    return found


def slots(section: Section) -> Slots:
    """Read how many adults a site is funded to serve in a phase."""
    site, name = section.text("site"), section.text("phase")
    found = Slots(
        key=f"{site} {name}",
        span=effective.span(section),
        site=site,
        phase=name,
        adults=_positive(section, "adults"),
    )
    section.done()
    return found


def price(name: str, section: Section) -> Price:
    """Read what a day of something costs."""
    found = Price(
        key=name,
        span=effective.span(section),
        dollars=effective.exact(section, "dollars"),
        unit=section.text("unit"),
    )
    section.done()
    return found


def _positive(section: Section, key: str) -> int:
    """Read a whole number above zero."""
    value = section.integer(key)
    if value < 1:
        raise InvalidProgramme(f"{section.name}: {key} must be above zero.")
    return value
