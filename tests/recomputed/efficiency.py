"""Monitoring, custody and the legal process: M39 to M47, from their definitions."""

import pandas as pd

from tests.recomputed.compliance import HEARINGS, REPRESENTED, due
from tests.recomputed.counting import (
    Cells,
    add,
    by,
    contrast,
    metric,
    total,
    yes_no,
)
from tests.recomputed.group import DECISIONS, Group
from tests.recomputed.reading import Span
from tests.recomputed.services import DONE
from tests.recomputed.world import World


@metric("M39")
def monitoring_off(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    first = homes.first("enrolment")
    who = homes.newly_enrolled(period)
    who = who.intersection(homes.open_on("monitoring_spell", first))
    still = homes.open_on("monitoring_spell", first + 14)
    return {"off": yes_no("off in 14 days", who, who.difference(still))}


@metric("M40")
def monitored_days(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    first = adults.first("enrolment")
    days = adults.spell_days("monitoring_spell", first + 1, first + 60)
    days = days[adults.newly_enrolled(period)]
    return {"days": add(days.clip(upper=60) if world.slip.capped else days)}


@metric("M41")
def avoided_days(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    first = adults.first("enrolment")
    enrolled = adults.spell_days("enrolment", first, first + 364)
    monitored = adults.spell_days("monitoring_spell", first, first + 364)
    days = (enrolled - monitored)[adults.newly_enrolled(period)]
    return {"days": add(days.clip(0, 365) if world.slip.capped else days)}


@metric("M42")
def custody(world: World, period: Span) -> dict[str, Cells]:
    return _recorded(world, period, "custody", ["custody_began"], (0, 365))


@metric("M43")
def representation(world: World, period: Span) -> dict[str, Cells]:
    return _recorded(world, period, "represented", REPRESENTED, (-1000, 180))


def _recorded(
    world: World, period: Span, name: str, kinds: list[str], days: tuple[int, int]
) -> dict[str, Cells]:
    homes = world.households
    who = homes.newly_enrolled(period)
    rows = homes.within("legal_event", homes.first("enrolment"), *days)
    happened = homes.whose(rows[rows["kind"].isin(kinds)])
    return {name: contrast(who, happened), "enrolled": total(who)}


def events(leads: Group, kinds: list[str], last: int) -> pd.DataFrame:
    """Return legal events from 1,000 days before enrolment on."""
    rows = leads.within("legal_event", leads.first("enrolment"), -1000, last)
    return rows[rows["kind"].isin(kinds)]


@metric("M44")
def filed(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    kinds = ["one_year_deadline_met", "one_year_deadline_missed"]
    latest = leads.latest(events(leads, kinds, 365))
    who = leads.newly_enrolled(period).intersection(latest.index)
    in_time = latest.index[latest["kind"] == "one_year_deadline_met"]
    return {"filed": yes_no("filed in time", who, in_time)}


@metric("M45")
def relief(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    rows = leads.within("screening", leads.first("enrolment"), -30, 180)
    done = rows[(rows["tool"] == "legal_relief") & rows["result"].isin(DONE)]
    found = events(leads, ["potential_relief_identified"], 180)
    who = leads.newly_enrolled(period).intersection(leads.whose(done))
    return {"relief": yes_no("relief identified", who, leads.whose(found))}


@metric("M46")
def continued(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    rows = due(homes, period, HEARINGS)
    who = homes.served(period).intersection(homes.whose(rows))
    again = rows[rows["continuance_reason"].isin(["seek_counsel", "prepare"])]
    return {"continued": yes_no("continued", who, homes.whose(again))}


@metric("M47")
def outcomes(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    rows = leads.rows("legal_event")
    rows = rows[rows["kind"].isin(DECISIONS) & rows["happened_on"].notna()]
    first = leads.earliest(rows)
    who = leads.cohort("decision", period).intersection(first.index)
    kinds = first.loc[who, "kind"].map(DECISIONS)
    return {"outcomes": by(pd.DataFrame({"kind": kinds}))}


@metric("M49")
def work_permit(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    applied = events(leads, ["work_permit_applied"], 365)
    granted = events(leads, ["work_permit_granted"], 365)
    who = leads.newly_enrolled(period).intersection(leads.whose(applied))
    return {"granted": yes_no("granted", who, leads.whose(granted))}
