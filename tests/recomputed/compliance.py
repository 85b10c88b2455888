"""Obligations kept, and the effect of the draw: M29 to M38, from their definitions."""

from functools import cache

import pandas as pd

from tests.recomputed.counting import (
    Cells,
    add,
    by,
    contrast,
    flag,
    metric,
    total,
    yes,
    yes_no,
)
from tests.recomputed.group import Group
from tests.recomputed.reading import Span
from tests.recomputed.world import World

HEARINGS = ["hearing_master", "hearing_individual"]
CHECK_INS = ["ice_check_in"]
REPRESENTED = ["represented_limited", "represented_full"]


def due(group: Group, period: Span, kinds: list[str]) -> pd.DataFrame:
    """Return obligations of some kinds due in a period."""
    rows = group.during("obligation_event", period)
    return rows[rows["kind"].isin(kinds)]


def _none_missed(homes: Group, period: Span, rows: pd.DataFrame, name: str) -> Cells:
    """Count households served with something due, by whether none was missed."""
    who = homes.served(period).intersection(homes.whose(rows))
    missed = homes.whose(rows[rows["result"] == "missed"])
    return yes_no(name, who, who.difference(missed))


@metric("M29")
def hearings(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    rows = due(homes, period, HEARINGS)
    return {"hearings": _none_missed(homes, period, rows, "no missed hearing")}


@metric("M32")
def check_ins(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    rows = due(homes, period, CHECK_INS)
    return {"check_ins": _none_missed(homes, period, rows, "no missed check-in")}


@metric("M30")
def attendance(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    rows = due(adults, period, HEARINGS)

    def number(result: str) -> Cells:
        many = rows[rows["result"] == result].groupby("unit").size()
        many = many.reindex(adults.served(period), fill_value=0)
        return add(many.clip(upper=4) if world.slip.capped else many)

    return {"kept": number("met"), "missed": number("missed")}


@metric("M31")
def in_absentia(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    who = homes.newly_enrolled(period)
    rows = homes.within("legal_event", homes.first("enrolment"), 0, 365)
    ordered = homes.whose(rows[rows["kind"] == "in_absentia_order"])
    return {"ordered": contrast(who, ordered), "enrolled": total(who)}


@metric("M33")
def address(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    rows = due(homes, period, ["address_update_due"])
    rows = rows[rows["result"].isin(["met", "missed"])]
    return {"updates": _none_missed(homes, period, rows, "all on time")}


@metric("M34")
def notices(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    rows = due(homes, period, HEARINGS + CHECK_INS)
    rows = rows[rows["result"].isin(["missed", "notice_problem"])]
    who = homes.served(period).intersection(homes.whose(rows))
    problem = homes.whose(rows[rows["result"] == "notice_problem"])
    return {"notices": yes_no("notice problem", who, problem)}


def _ascertained(homes: Group, drawn: pd.Series) -> pd.Index:
    """Return whose follow-up at 12 months found out what happened."""
    rows = homes.within("follow_up", drawn, 0, 425)
    told = (rows["wave"] == "month_12") & (rows["status"] == "ascertained")
    return homes.whose(rows[told])


@metric("M38")
def follow_up(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    entry = homes.one("pool_entry")
    who = homes.cohort("draw", period)
    who = who.intersection(homes.index[entry["interested"] == 1])
    cells = {
        "selected": flag(entry.loc[who, "selected"]),
        "ascertained": yes(who, _ascertained(homes, entry["drawn_on"])),
    }
    return {"follow_up": by(pd.DataFrame(cells))}


class Draw:
    """The households whose draw can tell of its effect, and their weights."""

    def __init__(self, world: World, period: Span) -> None:
        self.homes = homes = world.households
        entry = homes.one("pool_entry")
        self._drawn = entry["drawn_on"]
        adults = homes.rows("participant")
        lacking = homes.whose(adults[adults["consent_follow_up"] != 1])
        limit = world.slip.limit
        weight = entry["inverse_probability_percent"]
        fair = entry["selection_permille"].between(334 + limit, 666 + limit)
        fair &= weight <= 300 + limit
        self.who = (
            homes.cohort("draw", period)
            .intersection(homes.index[fair & (entry["interested"] == 1)])
            .intersection(_ascertained(homes, self._drawn))
            .difference(lacking)
        )
        self._weight = weight
        self.selected = entry.index[entry["selected"] == 1]
        self.everybody = homes.index

    def sum(self, arm: pd.Index, holds: pd.Index) -> Cells:
        """Add weights, + where arm and outcome agree, and - where they differ."""
        agree = self.who.isin(arm) == self.who.isin(holds)
        sign = pd.Series(agree, index=self.who).map({True: 1, False: -1})
        return add(sign * self._weight[self.who])

    def since(self, table: str, first: int, last: int) -> pd.DataFrame:
        """Return rows from one day to another, counted from the draw."""
        return self.homes.within(table, self._drawn, first, last)

    def unless(self, rows: pd.DataFrame) -> pd.Index:
        """Return those who have none of some rows."""
        return self.everybody.difference(self.homes.whose(rows))

    def no_order(self) -> pd.Index:
        rows = self.since("legal_event", 0, 365)
        return self.unless(rows[rows["kind"] == "in_absentia_order"])

    def none_missed(self, kinds: list[str]) -> pd.Index:
        rows = self.since("obligation_event", 0, 365)
        missed = rows["kind"].isin(kinds) & (rows["result"] == "missed")
        return self.unless(rows[missed])

    def represented(self) -> pd.Index:
        rows = self.since("legal_event", -1000, 180)
        return self.homes.whose(rows[rows["kind"].isin(REPRESENTED)])

    def enrolled(self) -> pd.Index:
        return self.homes.whose(self.since("enrolment", 0, 365))

    def weights(self) -> dict[str, Cells]:
        return {
            "balance": self.sum(self.selected, self.everybody),
            "weight": self.sum(self.everybody, self.everybody),
        }


_draw = cache(Draw)


@metric("M35")
def effect(world: World, period: Span) -> dict[str, Cells]:
    draw = _draw(world, period)
    kept = draw.no_order()
    tallies = {
        "effect": draw.sum(draw.selected, kept),
        "mean": draw.sum(draw.everybody, kept),
    }
    return tallies | draw.weights()


@metric("M36")
def effect_on_enrolled(world: World, period: Span) -> dict[str, Cells]:
    draw = _draw(world, period)
    enrolled = draw.enrolled()
    return effect(world, period) | {
        "enrolled_effect": draw.sum(draw.selected, enrolled),
        "enrolled_mean": draw.sum(draw.everybody, enrolled),
    }


@metric("M37")
def other_effects(world: World, period: Span) -> dict[str, Cells]:
    draw = _draw(world, period)
    outcomes = {
        "represented": draw.represented(),
        "no_missed_hearing": draw.none_missed(HEARINGS),
        "no_missed_check_in": draw.none_missed(CHECK_INS),
    }
    tallies = draw.weights()
    for name, holds in outcomes.items():
        tallies[f"{name}_effect"] = draw.sum(draw.selected, holds)
        tallies[f"{name}_mean"] = draw.sum(draw.everybody, holds)
    return tallies
