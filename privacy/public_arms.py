"""Arm sizes of a draw that a mandate makes public, without noise.

Each line can be held against the public record of draws: the draw and its places
stand there, and the weights follow from places and households by the rule the draw
itself used. What is said beyond that record is how many of either arm were followed
up. An exact number like this protects nobody's being in the study; what became of
each household stays behind noise.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from privacy import drawing
from privacy.drawing import Stratum
from privacy.errors import InvalidProgramme, InvalidQuery
from privacy.period import Period
from privacy.strict import Section, quoted

KEY: Final = "public_arms"
SELECTED: Final = "arm_selected_weight"
NOT_SELECTED: Final = "arm_not_selected_weight"
"""Under which names the sums of weights go to the estimator, in per cent."""

HOUSEHOLDS_MAX: Final = 100_000
ARMS_MAX: Final = 400

_DRAW: Final = re.compile(
    r"[A-Z][A-Z0-9]{1,15}-[A-Za-z0-9]{1,16}-FY20[0-9]{2}-Q[1-4]-[0-9]{1,4}", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicArms:
    """Both arms of one draw's stratum, as far as one metric counts them.

    Attributes:
        draw: Its public name, such as NYC-P2-FY2027-Q1-1.
        stratum: Which households were drawn among each other.
        period: The cohort it belongs to.
        places: Places there were, as published before the draw.
        households: Households on the list.
        selected: Selected households that were followed up.
        not_selected: Households not selected that were followed up.

    Raises:
        InvalidProgramme: these numbers cannot be of one draw.
    """

    draw: str
    stratum: Stratum
    period: Period
    places: int
    households: int
    selected: int
    not_selected: int

    def __post_init__(self) -> None:
        """Refuse numbers nobody could have meant."""
        if not _DRAW.fullmatch(self.draw):
            raise InvalidProgramme(
                "Public arms name their draw, such as NYC-P2-FY2027-Q1-1."
            )
        if not 0 < self.places < self.households <= HOUSEHOLDS_MAX:
            raise InvalidProgramme(
                f"Draw {self.draw}: where there are places for all, or none, chance "
                "decides nothing; correct places and households."
            )
        waiting = self.households - self.places
        if not (
            0 <= self.selected <= self.places and 0 <= self.not_selected <= waiting
        ):
            raise InvalidProgramme(
                f"Draw {self.draw}: no more can be followed up than were selected, or "
                "not selected; correct the two numbers."
            )

    @property
    def site(self) -> str:
        """Whose draw it was."""
        return self.draw.partition("-")[0]

    @property
    def chance(self) -> Fraction:
        """With which each household was selected."""
        return Fraction(self.places, self.households)

    @property
    def weights_percent(self) -> tuple[int, int]:
        """The sums of the recorded weights, selected and not, exact."""
        return (
            self.selected * drawing.inverse_percent(self.chance),
            self.not_selected * drawing.inverse_percent(1 - self.chance),
        )

    def words(self) -> str:
        """Say what becomes public, in one sentence."""
        return (
            f"draw {self.draw} ({self.stratum.value}), counted in {self.period}: "
            f"{self.places} places for {self.households} households; followed up were "
            f"{self.selected} selected and {self.not_selected} not selected"
        )

    def lines(self) -> tuple[str, ...]:
        """Write it as a mandate does."""
        return (
            f"[[{KEY}]]",
            f"draw = {quoted(self.draw)}",
            f'stratum = "{self.stratum.value}"',
            f"period = {quoted(self.period.label)}",
            f"places = {self.places}",
            f"households = {self.households}",
            f"selected = {self.selected}",
            f"not_selected = {self.not_selected}",
        )


def read(root: Section) -> tuple[PublicArms, ...]:
    """Read what a mandate makes public; nothing where it does not say so.

    Raises:
        InvalidProgramme: it does not say one definite thing.
    """
    if not root.has(KEY):
        return ()
    content = root.raw(KEY)
    if not isinstance(content, list) or not 1 <= len(content) <= ARMS_MAX:
        raise InvalidProgramme(f"{KEY} is a list of up to {ARMS_MAX} draws.")
    found = tuple(_one(Section(KEY, each)) for each in content)
    if len({(each.draw, each.stratum) for each in found}) != len(found):
        raise InvalidProgramme("Public arms name each stratum of a draw once.")
    return found


def check(
    arms: Sequence[PublicArms], *, sites: Collection[str], periods: Collection[Period]
) -> None:
    """Refuse arms of a site or period a mandate does not cover, or of some sites only.

    Where one site's arms are exact and another's are not, their sum is neither.

    Raises:
        InvalidProgramme: the mandate could not use them.
    """
    by_period: dict[Period, set[str]] = {}
    for each in arms:
        by_period.setdefault(each.period, set()).add(each.site)
    for period, named in by_period.items():
        if period not in periods or named != set(sites):
            raise InvalidProgramme(
                f"Public arms for {period} must be of exactly the sites and periods "
                "the mandate covers; leave out the sites without a draw."
            )


def figures(
    arms: Sequence[PublicArms], *, sites: Collection[str], period: Period
) -> Mapping[str, Fraction]:
    """Return the sums of weights of some sites' arms; nothing if none are public."""
    mine = [each for each in arms if each.site in sites and each.period == period]
    if not mine:
        return {}
    sums = [each.weights_percent for each in mine]
    return {
        SELECTED: Fraction(sum(selected for selected, _ in sums)),
        NOT_SELECTED: Fraction(sum(waiting for _, waiting in sums)),
    }


def _one(section: Section) -> PublicArms:
    """Read one stratum of one draw."""
    try:
        period = Period(section.text("period"))
    except InvalidQuery as error:
        raise InvalidProgramme(
            "Public arms name the period they are counted in."
        ) from (error)
    found = PublicArms(
        draw=section.text("draw"),
        stratum=section.choice("stratum", Stratum),
        period=period,
        places=section.integer("places"),
        households=section.integer("households"),
        selected=section.integer("selected"),
        not_selected=section.integer("not_selected"),
    )
    section.done()
    return found
