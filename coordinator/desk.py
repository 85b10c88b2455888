"""What asking takes, and how a question is put in words and signed."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.evidence import Evidence
from coordinator.figures import PublicFigures
from coordinator.lines import Reply
from coordinator.log import Log
from coordinator.order import Order, Question
from coordinator.sites import Site, SiteList
from coordinator.store import Asked, Store
from privacy import analysis_plan, binding
from privacy import mandate as mandates
from privacy.analysis_plan import Locked
from privacy.catalogue import Programme
from privacy.errors import NotMature, PeriodNotClosed
from privacy.mandate import Mandate, Purpose
from privacy.period import date_of, day_number
from privacy.query import Mode
from privacy.roster import Roster
from proto.client import NodeClient
from proto.wire import Ask

_GRACE_SECONDS = 60
"""Clocks differ; a question may be answered this long after the asker stops waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the story needs at hand.

    Attributes:
        programme: The dictionary and catalogue.
        store: Where noisy answers are kept.
        evidence: Where signed questions and answers are kept.
        log: Where everything done here is told.
        roster: Who takes part, with whose keys.
        mandate: What opens the questions.
        key: Signs them; its public half is in the roster.
        site_list: The sites to ask, as far as roster and mandate name them.
        connect: Opens a channel to one site's node.
        deadline_seconds: How long to wait for the slowest site.
        confidence: How often an interval should hold the exact figure.
        asked_by: Who asks, for the record.
        purpose: Why, one of the closed list.
        ask_again: Ask the sites even for releases the centre holds.
        figures: The public figures that values are divided by.
        plans: The analysis plans in the public log, and when it told of each.
    """

    programme: Programme
    store: Store
    evidence: Evidence
    log: Log
    roster: Roster
    mandate: Mandate
    key: Ed25519PrivateKey = field(repr=False)
    site_list: SiteList
    connect: Callable[[Site], NodeClient] = field(repr=False)
    deadline_seconds: float
    confidence: Fraction
    asked_by: str
    purpose: str
    ask_again: bool = False
    figures: PublicFigures = field(default_factory=PublicFigures)
    plans: tuple[Locked, ...] = ()


def held_and_wanted(
    questions: Sequence[Question], sites: Sequence[Site], desk: Desk
) -> tuple[list[Reply], list[tuple[Question, Site]]]:
    """Sort what is to be asked from what the centre holds already."""
    held, wanted = [], []
    for site in sites:
        for question in questions:
            kept = desk.store.release(question.key, site.name)
            if kept is None or desk.ask_again:
                wanted.append((question, site))
            else:
                held.append(
                    Reply(question=question, site=site.name, release=kept, held=True)
                )
    return held, wanted


def sites_of(desk: Desk) -> tuple[Site, ...]:
    """Return the sites that list, roster and mandate all name."""
    named = desk.mandate.sites & set(desk.roster.members)
    return tuple(site for site in desk.site_list.all() if site.name in named)


def check_covered(wanted: Order, desk: Desk) -> None:
    """Refuse here what every site would refuse: what nobody may ask of a site.

    Raises:
        UnknownMetric: the metric is still a draft.
        NotAllowed: it is told of the network only, or the mandate does not cover it;
            nothing was asked.
    """
    wanted.metric.check_asked(Mode.SITE)
    desk.mandate.check(
        mandates.Asked(
            site=min(desk.mandate.sites),
            metric=wanted.metric.id,
            purpose=Purpose(desk.purpose),
            mode=Mode.SITE,
            period=wanted.period,
            revision=wanted.revision,
            programme=desk.programme.version,
        )
    )


def check_in_time(wanted: Order, desk: Desk, *, now: dt.datetime) -> None:
    """Refuse here what every site would refuse: what was not fixed or is not over.

    Raises:
        NotAllowed: no analysis plan fixed the effect before its draws.
        PeriodNotClosed: the period lasts, or late entries may still come.
        NotMature: somebody in the period is still followed; nothing was asked.
    """
    metric, period, programme = wanted.metric, wanted.period, desk.programme
    analysis_plan.check_asked(metric, programme, period, desk.plans)
    analysis_plan.check_arms(desk.mandate, programme)
    today = day_number(now.date())
    if today < period.closes:
        raise PeriodNotClosed(
            f"{period} cannot be closed before {date_of(period.closes)}; ask then."
        )
    queries = programme.queries(metric, period, wanted.revision).values()
    ripe = max((binding.matures(query) for query in queries), default=0)
    if today < ripe:
        raise NotMature(
            f"{metric.id} follows people for some time after {period}; ask from "
            f"{date_of(ripe)} on."
        )


def words(question: Question, site: Site, desk: Desk, now: dt.datetime) -> Ask:
    """Write a question for one site, and sign it."""
    ask = Ask(
        query=question.query.canonical_form,
        metric=question.metric,
        query_name=question.name,
        catalogue_version=question.programme.version,
        rho=question.rho,
        purpose=desk.purpose,
        cells=question.size,
        site=site.name,
        mandate=desk.mandate.digest,
        asked_by=desk.asked_by,
        not_after=int(now.timestamp() + desk.deadline_seconds + _GRACE_SECONDS),
    )
    return ask.signed_by(desk.key)


def asked(question: Question, desk: Desk) -> Asked:
    """Write a question down for the record."""
    return Asked(
        release_key=question.key,
        canonical=question.query.canonical_form,
        metric=question.metric,
        query_name=question.name,
        period=question.period.label,
        rho=question.rho,
        asked_by=desk.asked_by,
        purpose=desk.purpose,
    )
