"""What people needed and got: M13 to M28, from their definitions."""

import pandas as pd

from tests.recomputed.counting import (
    Cells,
    add,
    by,
    contrast,
    metric,
    total,
    yes,
    yes_no,
)
from tests.recomputed.group import Group
from tests.recomputed.reading import Span, codes, labels
from tests.recomputed.world import World

DONE = ["negative", "indicators"]
REFERRALS = ["made", "accepted", "linked", "closed_unmet"]
LEFT_OUT = {"trafficking_follow_up", "departure_planning", "reintegration", "other"}


def _of(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    return rows[rows["type"] == kind]


@metric("M13")
def needs(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    who = leads.newly_enrolled(period)
    reviews = leads.within("goal_review", leads.first("enrolment"), 0, 30)
    reviews = reviews[reviews["status"].notna()]
    tallies = {}
    for domain in codes("need_domain")[:-1]:
        first = leads.earliest(reviews[reviews["domain"] == domain])
        in_need = first.index[first["status"] <= 1 + world.slip.limit]
        tallies[f"need_{domain}"] = contrast(who, in_need)
    return tallies | {"enrolled": total(who)}


def _enrolled_60_days(homes: Group, period: Span) -> pd.Index:
    after = homes.first("enrolment") + 60
    stayed = homes.open_on("enrolment", after, transfers=False)
    return homes.cohort("enrolment", period).intersection(stayed)


def _trafficking_screened(homes: Group) -> pd.Index:
    rows = homes.within("screening", homes.first("enrolment"), -30, 60)
    done = rows["result"].isin([*DONE, "declined"])
    return homes.whose(rows[(rows["tool"] == "trafficking_short") & done])


@metric("M14")
def core(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    who = _enrolled_60_days(homes, period)
    rows = homes.within("service_event", homes.first("enrolment"), -30, 60)
    covered = (
        homes.whose(_of(rows, "needs_assessment"))
        .intersection(homes.whose(_of(rows, "legal_orientation")))
        .intersection(_trafficking_screened(homes))
    )
    return {"covered": contrast(who, covered), "enrolled_60_days": total(who)}


@metric("M15")
def reach(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    rows = homes.during("service_event", period)
    here = homes.present(period)
    kinds = [kind for kind in codes("service_type") if kind not in LEFT_OUT]
    return {
        f"reached_{kind}": total(here.intersection(homes.whose(_of(rows, kind))))
        for kind in kinds
    }


@metric("M57")
def paid_days(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    days = adults.spell_days("enrolment", period.first, period.last)
    days = days[adults.present(period)]
    return {"days": add(days.clip(upper=92) if world.slip.capped else days)}


@metric("M16")
def contacts(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    rows = _of(adults.during("service_event", period), "case_management_contact")
    number = rows.groupby("unit").size()
    number = number.reindex(adults.served(period), fill_value=0)
    if world.slip.capped:
        number = number.clip(upper=18)
    return {"contacts": add(number)} | paid_days(world, period)


@metric("M17")
def concordant(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    rows = _of(leads.during("service_event", period), "case_management_contact")
    own = rows["language_concordant"] == 1
    balance = own.map({True: 1, False: -1}).groupby(rows["unit"]).sum()
    who = leads.present(period).intersection(balance.index)
    language = leads.units.loc[who, "language_group"].fillna("other")
    mostly = balance.index[balance >= world.slip.limit]
    cells = {
        "language_group": language.map(labels("language_group", "two")),
        "mostly concordant": yes(who, mostly),
    }
    return {"concordant": by(pd.DataFrame(cells))}


def _oriented(world: World, period: Span, kind: str, days: int) -> dict[str, Cells]:
    homes = world.households
    who = homes.newly_enrolled(period)
    rows = homes.within("service_event", homes.first("enrolment"), -30, days)
    return {
        "oriented": contrast(who, homes.whose(_of(rows, kind))),
        "enrolled": total(who),
    }


@metric("M18")
def legal_orientation(world: World, period: Span) -> dict[str, Cells]:
    return _oriented(world, period, "legal_orientation", 30)


@metric("M27")
def cultural_orientation(world: World, period: Span) -> dict[str, Cells]:
    return _oriented(world, period, "cultural_orientation", 180)


@metric("M19")
def understanding(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    rows = adults.within("service_event", adults.first("enrolment"), -30, 90)
    last = adults.latest(rows[rows["understanding"].notna()])
    who = adults.newly_enrolled(period).intersection(last.index)
    understood = last.index[last["understanding"] >= 4 + world.slip.limit]
    return {"understood": yes_no("understood", who, understood)}


def _screenings(group: Group, tool: str, last: int) -> pd.DataFrame:
    """Return screenings with a tool, from 30 days before enrolment on."""
    rows = group.within("screening", group.first("enrolment"), -30, last)
    return rows[rows["tool"] == tool]


@metric("M20")
def mental_health(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads
    who = leads.newly_enrolled(period)
    rows = _screenings(leads, "mental_health_brief", 60)
    first = leads.earliest(rows[rows["result"].isin(DONE)])
    indicated = first.index[first["result"] == "indicators"]
    screened = who.intersection(first.index)
    return {
        "screened": yes_no("screened", who, screened),
        "indicated": yes_no("indicators", screened, indicated),
    }


@metric("M21")
def mental_health_linked(world: World, period: Span) -> dict[str, Cells]:
    leads = world.leads

    def wanting(last: int) -> pd.DataFrame:
        rows = _screenings(leads, "mental_health_brief", last)
        return rows[(rows["result"] == "indicators") & (rows["support_wanted"] == 1)]

    later = wanting(120)
    linked = later[later["linked_after_days"] <= 60 + world.slip.limit]
    who = leads.newly_enrolled(period).intersection(leads.whose(wanting(60)))
    return {"linked": yes_no("linked in 60 days", who, leads.whose(linked))}


@metric("M22")
def trafficking_screening(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    who = _enrolled_60_days(homes, period)
    return {
        "screened": contrast(who, _trafficking_screened(homes)),
        "enrolled_60_days": total(who),
    }


def _indicated(adults: Group, last: int) -> pd.DataFrame:
    rows = _screenings(adults, "trafficking_short", last)
    return rows[rows["result"] == "indicators"]


@metric("M23")
def trafficking(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    indicated = adults.whose(_indicated(adults, 180))
    who = adults.newly_enrolled(period)
    return {"indicated": total(who.intersection(indicated))}


@metric("M24")
def counsel(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    later = _indicated(adults, 360)
    linked = later[
        later["action"].isin(["legal_referral", "specialist"])
        & (later["linked_after_days"] <= 180 + world.slip.limit)
    ]
    indicated = adults.whose(_indicated(adults, 180))
    who = adults.newly_enrolled(period).intersection(indicated)
    return {"counsel": yes_no("linked to counsel", who, adults.whose(linked))}


def _referred(group: Group, period: Span) -> pd.DataFrame:
    """Return referrals made in a span as long as the period and 90 days earlier."""
    slip = group.world.slip
    span = Span(
        period.first - 90 + slip.start, period.last - 90 + slip.days, period.year
    )
    rows = group.during("service_event", span)
    domains = rows["referral_domain"].map(labels("need_domain", "four"))
    return rows[rows["referral_status"].isin(REFERRALS)].assign(four=domains)


@metric("M25")
def referrals(world: World, period: Span) -> dict[str, Cells]:
    adults = world.adults
    rows = _referred(adults, period)
    tallies = {}
    for four in dict.fromkeys(labels("need_domain", "four").values()):
        first = adults.earliest(rows[rows["four"] == four])
        in_time = first["referral_closed_after_days"] <= 90 + world.slip.limit
        linked = first.index[(first["referral_status"] == "linked") & in_time]
        who = adults.present(period).intersection(first.index)
        tallies[four] = yes_no("linked in 90 days", who, linked)
    return tallies


@metric("M26")
def unmet(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    rows = _referred(homes, period)
    rows = rows[
        (rows["referral_status"] == "closed_unmet")
        & rows["referral_closed_reason"].isin(["no_capacity", "cost"])
        & (rows["referral_closed_after_days"] <= 90 + world.slip.limit)
    ]
    here = homes.present(period)
    return {
        four: total(here.intersection(homes.whose(rows[rows["four"] == four])))
        for four in dict.fromkeys(labels("need_domain", "four").values())
    }


@metric("M28")
def departures(world: World, period: Span) -> dict[str, Cells]:
    homes = world.households
    rows = homes.during("service_event", period)
    helped = rows[rows["type"].isin(["departure_planning", "reintegration"])]
    who = homes.present(period).intersection(homes.whose(helped))
    return {"supported": total(who)}
