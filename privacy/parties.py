"""Who the programme is: its entry in the federal list, its Board, its sites."""

from dataclasses import dataclass
from enum import StrEnum

from privacy import effective
from privacy.effective import Fact
from privacy.strict import Section


class Standing(StrEnum):
    """How an organisation sits on the Board; a chair's signature never counts."""

    MEMBER = "member"
    CHAIR = "chair"


class Organisation(StrEnum):
    """Who may run a site. A company for profit may not, and has no code here."""

    NONPROFIT = "nonprofit"
    LOCAL_GOVERNMENT = "local_government"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Fact):
    """The programme in the federal list of assistance."""

    listing: str
    title: str
    sub_agency: str
    category: str
    authority: str
    beneficiary: str
    funders: tuple[str, ...]
    objective: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat(Fact):
    """One organisation on the Board."""

    organisation: str
    standing: Standing

    @property
    def counts(self) -> bool:
        """Whether its signature counts towards what a paper needs."""
        return self.standing is Standing.MEMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Fact):
    """A site: where it is, and who leads there."""

    site: str
    city: str
    lead: str
    organisation: Organisation


def listing(section: Section) -> Listing:
    """Read the programme's entry in the federal list."""
    found = Listing(
        key="programme",
        span=effective.span(section),
        listing=section.text("listing"),
        title=section.text("title"),
        sub_agency=section.text("sub_agency"),
        category=section.text("category"),
        authority=section.text("authority"),
        beneficiary=section.text("beneficiary"),
        funders=section.texts("funders"),
        objective=section.text("objective"),
    )
    section.done()
    return found


def seat(section: Section) -> Seat:
    """Read one organisation on the Board."""
    organisation = section.text("organisation")
    found = Seat(
        key=organisation,
        span=effective.span(section),
        organisation=organisation,
        standing=section.choice("standing", Standing),
    )
    section.done()
    return found


def place(section: Section) -> Place:
    """Read one site."""
    site = section.text("site")
    found = Place(
        key=site,
        span=effective.span(section),
        site=site,
        city=section.text("city"),
        lead=section.text("lead"),
        organisation=section.choice("organisation", Organisation),
    )
    section.done()
    return found
