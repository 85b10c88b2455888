"""Who comes, who is drawn, who enrols: M01 to M12, from their definitions."""

import pandas as pd

from tests.recomputed.counting import (
    Cells,
    bands,
    by,
    contrast,
    flag,
    metric,
    total,
    yes,
)
from tests.recomputed.group import Group
from tests.recomputed.reading import Span, labels
from tests.recomputed.world import World


@metric("M01", "M04", "M05")
def pool(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    entry = homes.one("pool_entry").loc[homes.cohort("pool_entry", period)]
    interested = entry[entry["interested"] == 1]
    return {"pool": by(interested[["channel"]].fillna("other"))}


def _screening(adults: Group, period: Span) -> pd.DataFrame:
    """Return each adult's row of the first day: the last recorded of several."""
    rows = adults.rows("eligibility_screening")
    first = rows["unit"].map(adults.first("screening"))
    of_that_day = adults.latest(rows[rows["screened_on"] == first])
    who = adults.cohort("screening", period).intersection(of_that_day.index)
    return of_that_day.loc[who]


@metric("M02")
def eligibility(world: World, period: Span) -> dict[str, Cells]:
    found = _screening(world.adults, period)
    eligible = found.index[found["result"] == "eligible"]
    cells = {
        "rule_version": found["rule_version"].fillna("other"),
        "eligible": yes(found.index, eligible),
    }
    return {"screened": by(pd.DataFrame(cells))}


@metric("M03")
def reasons(world: World, period: Span) -> dict[str, Cells]:
    found = _screening(world.adults, period)
    ineligible = found[found["result"] == "ineligible"]
    return {"reasons": by(ineligible[["ineligible_reason"]].fillna("other"))}


@metric("M06")
def balance(world: World, period: Span) -> dict[str, Cells]:
    homes, leads = world.households, world.leads
    entry = homes.one("pool_entry")
    asked = {
        "type": homes.units["type"].fillna("not_stated"),
        "channel": entry["channel"].fillna("other"),
        "age_band": leads.units["age_band"]
        .fillna("not_stated")
        .map(labels("age_band", "three")),
        "gender": leads.units["gender"]
        .fillna("not_collected")
        .map(labels("gender", "stated")),
        "language_group": leads.units["language_group"]
        .fillna("other")
        .map(labels("language_group", "two")),
    }
    tallies = {}
    for field, values in asked.items():
        group = homes if field in {"type", "channel"} else leads
        who = group.cohort("draw", period)
        selected = flag(group.one("pool_entry").loc[who, "selected"])
        name = {"age_band": "age", "language_group": "language"}.get(field, field)
        tallies[name] = by(pd.DataFrame({"selected": selected, field: values[who]}))
    return tallies


@metric("M07")
def take_up(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    drawn = homes.cohort("draw", period)
    entry = homes.one("pool_entry")
    selected = drawn[entry.loc[drawn, "selected"] == 1]
    enrolled = homes.within("enrolment", entry["drawn_on"], 0, 90)
    return {
        "taken_up": contrast(selected, homes.whose(enrolled)),
        "selected": total(selected),
    }


@metric("M08")
def enrolments(world: World, period: Span) -> dict[str, Cells]:
    return {"enrolled": total(world.households.newly_enrolled(period))}


@metric("M09", "M10", "M56")
def caseload(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    active = homes.open_on("enrolment", period.last)
    return {"active": total(homes.present(period).intersection(active))}


@metric("M11")
def waiting(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    entry = homes.one("pool_entry")
    days = homes.first("enrolment") - entry["drawn_on"]
    who = homes.newly_enrolled(period)
    selected = homes.index[(entry["selected"] == 1) & (days >= world.slip.limit)]
    edges = {"under 15": 14, "15 to 30": 30, "31 to 60": 60, "61 or more": 99_999}
    days = days[who.intersection(selected)] - world.slip.days
    return {"days": bands("days from draw", days, edges)}


@metric("M12")
def profile(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    who = homes.newly_enrolled(period)
    adults = homes.rows("participant")
    family = homes.units["type"].isin(["family_one_adult", "family_two_adults"])
    woman = adults[adults["gender"] == "woman"]
    young = adults[adults["age_band"].isin(["18_24", "25_34"])]
    spanish = adults[adults["language_group"] == "spanish"]
    return {
        "family": contrast(who, homes.index[family]),
        "woman": contrast(who, homes.whose(woman)),
        "aged_18_to_34": contrast(who, homes.whose(young)),
        "spanish_speaking": contrast(who, homes.whose(spanish)),
        "enrolled": total(who),
    }
