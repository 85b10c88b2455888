"""How people fare, how they leave, and the state of the data: M48 to M59."""

import pandas as pd

from tests.recomputed.counting import Cells, add, bands, by, metric, total, yes_no
from tests.recomputed.group import Group
from tests.recomputed.reading import Span, labels
from tests.recomputed.world import World


def _twice(rows: pd.DataFrame) -> pd.Index:
    """Return who has at least two of some rows."""
    many = rows.groupby("unit").size()
    return many.index[many >= 2]


@metric("M48")
def stability(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    rows = leads.within("goal_review", leads.first("enrolment"), 0, 180)
    rows = rows[(rows["domain"] == "housing") & rows["status"].notna()]
    who = leads.newly_enrolled(period).intersection(_twice(rows))
    change = leads.latest(rows)["status"] - leads.earliest(rows)["status"]
    return {"change": add(change[who]), "reviewed": total(who)}


@metric("M50")
def school(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    last = homes.latest(homes.during("school_review", period))
    found = last[last["school_age_children"] >= 1 + world.slip.limit]
    who = homes.present(period).intersection(found.index)
    every = found["children_in_school"] >= found["school_age_children"]
    return {"in_school": yes_no("all in school", who, found.index[every])}


@metric("M51")
def wellbeing(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    rows = leads.within("wellbeing_review", leads.first("enrolment"), 0, 210)
    rows = rows[rows["band"].notna()]
    who = leads.newly_enrolled(period).intersection(_twice(rows))
    rise = leads.latest(rows)["band"] - leads.earliest(rows)["band"]
    better = rise.index[rise >= 1 + world.slip.limit]
    return {"improved": yes_no("improved", who, better)}


@metric("M52")
def time_enrolled(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    who = homes.cohort("exit", period)
    days = (homes.first("exit") - homes.first("enrolment"))[who]
    edges = {"under 60": 59}
    for first in range(60, 720, 60):
        edges[f"{first} to {first + 59}"] = first + 59
    edges["720 or more"] = 99_999
    return {"time": bands("days enrolled", days - world.slip.days, edges)}


def _left(leads: Group, period: Span) -> pd.DataFrame:
    """Return the enrolment by which each lead adult left.

    It is the earliest of those begun in the 1,000 days up to their own first exit,
    which is not before their first enrolment.
    """
    own = leads.first("exit")
    left = leads.index[own >= leads.first("enrolment")]
    rows = leads.within("enrolment", own, -1000, 0)
    who = leads.cohort("exit", period).intersection(left)
    return leads.earliest(rows).reindex(who)


@metric("M53")
def exit_reasons(world: World, period: Span) -> dict[str, Cells]:
    left = _left(world.leads, period)
    reasons = left["exit_reason"].fillna("other").map(labels("exit_reason", "four"))
    return {"reasons": by(pd.DataFrame({"exit_reason": reasons}))}


@metric("M54")
def needs_met(world: World, period: Span) -> dict[str, Cells]:
    left = _left(world.leads, period)
    met = left["exit_reason"] == "needs_met"
    pending = left["proceedings_at_exit"] == "pending"
    holds = left.index[met & pending]
    return {"left": yes_no("needs met, case pending", left.index, holds)}


@metric("M55")
def voluntary(world: World, period: Span) -> dict[str, Cells]:
    left = _left(world.leads, period)
    wished = left[left["exit_reason"] == "voluntary_withdrawal"]
    return {"voluntary": total(wished.index)}


@metric("M59")
def readiness(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    active = adults.open_on("enrolment", period.last)
    who = adults.present(period).intersection(active)
    usable = adults.units.loc[who, "required_fields_usable_percent"]
    edges = {"under 70": 69, "70 to 89": 89, "90 or more": 100}
    return {"readiness": bands("fields usable", usable + world.slip.limit, edges)}
