"""The draws of a synthetic site: who is offered a place, with which probability."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from node.synthetic import odds
from node.synthetic.intake import SINGLE, Case
from node.synthetic.odds import Chance, Odds
from node.synthetic.row import share
from node.synthetic.site import Site, Window
from node.synthetic.stream import Stream
from privacy.strict import Section

_STRATA: Final = ("family", "single")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """How a draw treats its pool."""

    family_share: Decimal
    interest_withdrawn: Chance
    reentered: Chance
    reentry_lag: Odds[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reentry:
    """A household's second try, after a first draw that did not select it."""

    entered_on: int
    drawn_on: int
    selected: bool
    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What a household's first draw brought.

    Attributes:
        places: Households selected in its stratum,
        pool: out of this many.
    """

    drawn_on: int
    phase: str
    stratum: str
    selected: bool
    places: int
    pool: int
    waitlist_rank: int | None
    reentry: Reentry | None = None


def read(section: Section) -> Draws:
    """Read what the draw section says about draws; the rest is about offers."""
    return Draws(
        family_share=share(odds.number(section, "family_weight")),
        interest_withdrawn=odds.percent(section, "interest_withdrawn"),
        reentered=odds.percent(section, "reentered"),
        reentry_lag=odds.lag(section, "reentry_lag"),
    )


def stratum_of(case: Case) -> str:
    """Return the stratum a household is drawn in."""
    return "single" if case.type == SINGLE else "family"


def draw(
    site: Site, draws: Draws, cases: Iterable[Case], *, seed: int
) -> dict[int, Draw]:
    """Hold every draw of a site, in order.

    Returns:
        What each household's first draw brought, by household number; households
        that never entered the pool, or lost interest before the draw, are absent.
    """
    entrants = _entrants(site, draws, cases, seed=seed)
    drawn: dict[int, Draw] = {}
    again: dict[int, tuple[Case, int]] = {}
    for number, window in enumerate(site.windows):
        pool = entrants[number] + [case for case, _ in again.values()]
        ranked = _rank(pool, window, draws, label=(seed, site.name, number))
        lost = []
        for case, result in ranked:
            if case.index in again:
                second = Reentry(
                    entered_on=again[case.index][1],
                    drawn_on=window.drawn_on,
                    selected=result.selected,
                    phase=window.phase,
                )
                drawn[case.index] = replace(drawn[case.index], reentry=second)
            else:
                drawn[case.index] = result
                if not result.selected:
                    lost.append(case)
        again = {}
        if number + 1 < len(site.windows):
            following = site.windows[number + 1]
            days = (window.drawn_on + 1, following.drawn_on)
            for case in lost:
                stream = Stream(seed, site.name, "reentry", case.index)
                if draws.reentered.happens(stream):
                    day = min(days[0] + draws.reentry_lag.pick(stream), days[1])
                    again[case.index] = (case, day)
    return drawn


def _entrants(
    site: Site, draws: Draws, cases: Iterable[Case], *, seed: int
) -> list[list[Case]]:
    """Return each draw's first entrants who are still interested on its day."""
    entrants: list[list[Case]] = [[] for _ in site.windows]
    for case in cases:
        if case.entered_on is None:
            continue
        stream = Stream(seed, site.name, "withdrawal", case.index)
        if not draws.interest_withdrawn.happens(stream):
            entrants[case.window].append(case)
    return entrants


def _rank(
    pool: list[Case], window: Window, draws: Draws, *, label: tuple[int, str, int]
) -> list[tuple[Case, Draw]]:
    """Put each stratum in random order and select from the top."""
    strata = {name: [c for c in pool if stratum_of(c) == name] for name in _STRATA}
    adults = {name: sum(c.adults for c in part) for name, part in strata.items()}
    wanted = {
        "family": adults["family"] * draws.family_share,
        "single": Decimal(adults["single"]),
    }
    total = sum(wanted.values())
    ranked = []
    seed, site, number = label
    for name, part in strata.items():
        if not part:
            continue
        places = window.adult_slots * wanted[name] / total
        selected = min(len(part), max(1, round(places * len(part) / adults[name])))
        stream = Stream(seed, site, "draw", number, name)
        order = sorted((stream.word(), case.index, case) for case in part)
        for rank, (_, _, case) in enumerate(order):
            won = rank < selected
            result = Draw(
                drawn_on=window.drawn_on,
                phase=window.phase,
                stratum=name,
                selected=won,
                places=selected,
                pool=len(part),
                waitlist_rank=None if won else rank - selected + 1,
            )
            ranked.append((case, result))
    return ranked
