"""Who comes to a synthetic site's door, and who enters its pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from node.synthetic import odds
from node.synthetic.odds import Chance, Odds
from node.synthetic.row import share
from node.synthetic.site import Site, Window
from node.synthetic.stream import Stream
from privacy.strict import Section

FAMILY_OF_TWO = "family_two_adults"
SINGLE = "single_adult"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """How households arrive."""

    household_type: Odds[str]
    third_adult: Chance
    result: Odds[str]
    interested: Chance
    entry_lag: Odds[int]
    transferred_share: Decimal
    adults_per_household: Decimal
    entrants_per_screened: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One household as it was screened.

    Attributes:
        entered_on: The day it entered the pool; None if it did not.
        window: Which of the site's draws it came before.
        transferred_in: It was drawn and enrolled at another site before.
    """

    index: int
    type: str
    adults: int
    channel: str
    screened_on: int
    result: str
    entered_on: int | None
    window: int
    phase: str
    transferred_in: bool


def read(section: Section) -> Intake:
    """Read the intake section."""
    types = odds.weights(section, "household_type")
    results = odds.weights(section, "result")
    third, interested = (odds.number(section, k) for k in ("third_adult", "interested"))
    of_two = types[FAMILY_OF_TWO] / sum(types.values())
    intake = Intake(
        household_type=odds.weigh(types),
        third_adult=odds.probability(share(third)),
        result=odds.weigh(results),
        interested=odds.probability(share(interested)),
        entry_lag=odds.lag(section, "entry_lag"),
        transferred_share=share(odds.number(section, "transferred_in")),
        adults_per_household=1 + of_two * (1 + share(third)),
        entrants_per_screened=share(interested)
        * results["eligible"]
        / sum(results.values()),
    )
    section.done()
    return intake


def cases(site: Site, intake: Intake, *, seed: int) -> Iterator[Case]:
    """Yield a site's households, numbered in the order they were screened."""
    index = 0
    for number, window in enumerate(site.windows):
        households = window.pool_adults / intake.adults_per_household
        screened = round(households / intake.entrants_per_screened)
        moved = round(households * intake.transferred_share)
        calendar = Stream(seed, site.name, "calendar", number)
        arrivals = sorted(
            (window.intake_days.pick(calendar), rank >= screened)
            for rank in range(screened + moved)
        )
        for screened_on, transferred_in in arrivals:
            index += 1
            stream = Stream(seed, site.name, "intake", index)
            kind = intake.household_type.pick(stream)
            adults = 1
            if kind == FAMILY_OF_TWO:
                adults = 3 if intake.third_adult.happens(stream) else 2
            result = "eligible" if transferred_in else intake.result.pick(stream)
            entered_on = None
            if result == "eligible" and not transferred_in:
                entered_on = _entry(intake, stream, screened_on, window)
            yield Case(
                index=index,
                type=kind,
                adults=adults,
                channel=site.channel.pick(stream),
                screened_on=screened_on,
                result=result,
                entered_on=entered_on,
                window=number,
                phase=window.phase,
                transferred_in=transferred_in,
            )


def _entry(
    intake: Intake, stream: Stream, screened_on: int, window: Window
) -> int | None:
    """Return the day an eligible household enters the pool, if it wants to."""
    if not intake.interested.happens(stream):
        return None
    return min(screened_on + intake.entry_lag.pick(stream), window.drawn_on)
