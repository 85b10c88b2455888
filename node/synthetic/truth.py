"""What invented records were made from, and what is therefore true of them.

Nothing here is ever part of an export. The effect of the programme is known because
every household in a draw is told twice, once selected and once not, with the same
luck in everything else.
"""

import decimal
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from node.synthetic import (
    intake,
    journey,
    legal,
    lottery,
    obligations,
    odds,
    parameters,
    people,
)
from node.synthetic.dirt import Planted
from node.synthetic.intake import Case
from node.synthetic.lottery import Draw, Reentry
from node.synthetic.parameters import Parameters
from node.synthetic.row import household_key
from node.synthetic.site import Site
from node.synthetic.stream import Stream
from privacy.strict import load_toml


@dataclass(frozen=True, slots=True)
class Told:
    """One drawn household: what happened, and what would have either way.

    Attributes:
        key: Its case number.
        draw: The draw and the stratum it was in.
        selected: Whether it was selected.
        missed: Whether it missed a hearing within a year of the draw, without and
            with being selected.
    """

    key: str
    draw: tuple[int, str]
    selected: bool
    missed: tuple[bool, bool]

    @property
    def seen(self) -> bool:
        """What really happened."""
        return self.missed[self.selected]


def told_twice(
    *, site: str, seed: int, scale: float = 1.0, preset: str = "default"
) -> Iterator[Told]:
    """Yield every household that took part in a draw of a site, told both ways."""
    told = parameters.load(name=site, preset=preset)
    place = parameters.scaled(told, scale)
    with decimal.localcontext(odds.ARITHMETIC):
        cases = list(intake.cases(place, told.intake, seed=seed))
        drawn = lottery.draw(place, told.draws, cases, seed=seed)
    for case in cases:
        draw = drawn.get(case.index)
        if draw is not None:
            without, selected = _both(told, place, draw, (case.index, seed))
            yield Told(
                key=household_key(place.name, case.index),
                draw=(draw.drawn_on, draw.stratum),
                selected=draw.selected,
                missed=(
                    _missed(told, place, case, without, seed),
                    _missed(told, place, case, selected, seed),
                ),
            )


def effect(households: Iterator[Told]) -> dict[str, str | int]:
    """Return the effect of being selected on missing a hearing, in percent points."""
    number = without = selected = 0
    for each in households:
        number += 1
        without += each.missed[0]
        selected += each.missed[1]
    if not number:
        return {"households": 0}
    share = {"not_selected": without, "selected": selected}
    shares = {name: 100 * Decimal(count) / number for name, count in share.items()}
    points = shares["selected"] - shares["not_selected"]
    rounded = {name: str(round(value, 4)) for name, value in shares.items()}
    return {"households": number, **rounded, "effect_points": str(round(points, 4))}


def write(
    file: Path,
    *,
    made: Mapping[str, Any],
    rows: Mapping[str, int],
    planted: Planted | None = None,
) -> None:
    """Write the truth as JSON; never into the folder that is imported.

    Args:
        file: Where to.
        made: The arguments the records were made with.
        rows: How many each table, or sheet, has.
        planted: What an untidy export had planted in it.
    """
    known = {key: made[key] for key in ("site", "seed", "scale", "preset")}
    content: dict[str, Any] = {
        "made_with": dict(made),
        "rows": dict(rows),
        "missed_a_hearing_within_a_year": effect(told_twice(**known)),
        "parameters": load_toml(parameters.text()),
    }
    if planted is not None:
        content["planted"] = [
            {**asdict(defect), "count": count}
            for defect, count in sorted(
                planted.defects.items(), key=lambda item: str(item[0])
            )
        ]
        content["canaries"] = planted.canaries
        content["vault"] = sorted(planted.vault)
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    file.write_text(text + "\n", encoding="utf-8")


def _both(
    told: Parameters, place: Site, draw: Draw, who: tuple[int, int]
) -> tuple[Draw, Draw]:
    """Return a household's draw as if it was not selected, and as if it was."""
    selected = replace(draw, selected=True, waitlist_rank=None, reentry=None)
    if not draw.selected:
        return draw, selected
    return replace(draw, selected=False, reentry=_again(told, place, draw, who)), draw


def _again(
    told: Parameters, place: Site, draw: Draw, who: tuple[int, int]
) -> Reentry | None:
    """Return the second try a household would have had, had it not been selected."""
    index, seed = who
    later = [window for window in place.windows if window.drawn_on > draw.drawn_on]
    stream = Stream(seed, place.name, "otherwise", index)
    if not later or not told.draws.reentered.happens(stream):
        return None
    window = later[0]
    share = min(Decimal(1), window.adult_slots / window.pool_adults)
    return Reentry(
        entered_on=draw.drawn_on + 1,
        drawn_on=window.drawn_on,
        selected=odds.probability(share).happens(stream),
        phase=window.phase,
    )


def _missed(told: Parameters, place: Site, case: Case, draw: Draw, seed: int) -> bool:
    """Tell whether a household missed a hearing within a year of a draw."""

    def stream(purpose: str) -> Stream:
        return Stream(seed, place.name, purpose, case.index)

    way = journey.travel(told.offers, case, draw, stream=stream("journey"))
    household = people.make(told.people, place, case, stream=stream("household"))
    story = legal.tell(
        told.legal, told.effect, case, household, way, stream=stream("legal")
    )
    if story is None:
        return False
    return obligations.missed_within_a_year(
        told.obligations, household, way, story, stream("obligations")
    )
