"""Ask the sites, keep what they release, and add it up.

Every site is asked at once, each over its own line. A site that is down, slow,
refuses or shows a bad certificate never stops the others: it is named in the
result, and the numbers of the others stand.

A release the centre already holds is used as it is. Nothing is asked twice
unless somebody wishes to see that the site still gives the same answer, which
costs nothing either.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from coordinator import combine, order, telling
from coordinator.desk import (
    Desk,
    asked,
    check_covered,
    check_in_time,
    held_and_wanted,
    sites_of,
    words,
)
from coordinator.lines import Line, Missing, Reply
from coordinator.order import Order, Question
from coordinator.result import EVERYWHERE, Cell, Result, SiteOutcome, Status
from coordinator.sites import Site
from coordinator.store import DifferentRelease, Event, EventKind, Release
from coordinator.witnessing import Witnessing
from privacy import estimators, loss, public_arms
from privacy.dictionary import Grain
from privacy.errors import BudgetExhausted, InvalidQuery, NoPublicFigure
from privacy.estimate import Measured
from privacy.query import Mode
from proto.wire import Ask

_Replies = Mapping[tuple[bytes, str], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The results of some orders, and what they cost.

    Attributes:
        results: One per order, in their order.
        charged_pico: What each site charged for this asking; nothing for answers
            given before.
        conflicts: Sites whose second answer differed from their first.
        rho: The loss of all the releases together, each counted once, at the
            site where it is largest.
    """

    results: tuple[Result, ...]
    charged_pico: Mapping[str, int]
    conflicts: tuple[str, ...]
    rho: Fraction


def ask(
    orders: Sequence[Order],
    *,
    desk: Desk,
    now: dt.datetime,
    watch: Callable[[Reply], None] = lambda _reply: None,
) -> Outcome:
    """Put every question of the orders to every site, once, and publish.

    Args:
        orders: What to ask.
        desk: What it takes.
        now: The moment of asking, for the record.
        watch: Told of every reply as it arrives, to show progress.

    Raises:
        InvalidQuery: there is nobody or nothing to ask.
    """
    desk.mandate.check_in_force(now)
    for wanted in orders:
        check_covered(wanted, desk)
        check_in_time(wanted, desk, now=now)
    questions = order.distinct(orders, desk.programme)
    sites = sites_of(desk)
    if not questions or not sites:
        raise InvalidQuery(
            "There is nothing to ask, or nobody: the mandate, the roster and the list "
            "of sites have no site in common; see `cmpp mandate show`."
        )
    for question in questions:
        desk.store.note_asked(asked(question, desk), now=now)
    replies: dict[tuple[bytes, str], Reply] = {}
    for reply in _replies(questions, sites, desk, now):
        kept = _keep(reply, desk, now)
        replies[kept.question.key, kept.site] = kept
        watch(kept)
    names = tuple(site.name for site in sites)
    results = tuple(_publish(wanted, names, replies, desk) for wanted in orders)
    for result in results:
        if result.answered:
            desk.store.keep_result(result.content(), now=now)
    telling.results(desk.log, [r for r in results if r.answered], now=now)
    return _outcome(results, names, replies)


def _outcome(
    results: tuple[Result, ...], names: Sequence[str], replies: _Replies
) -> Outcome:
    """Gather results and what the asking cost."""
    by_site = {
        name: [r for (_, n), r in replies.items() if n == name] for name in names
    }
    return Outcome(
        results=results,
        charged_pico={
            name: sum(reply.charged_pico for reply in mine)
            for name, mine in by_site.items()
        },
        conflicts=tuple(
            name for name, mine in by_site.items() if any(map(_is_conflict, mine))
        ),
        rho=max(_lost(mine) for mine in by_site.values()),
    )


def _replies(
    questions: Sequence[Question], sites: Sequence[Site], desk: Desk, now: dt.datetime
) -> Iterator[Reply]:
    """Yield one reply for every question and site, as they come in."""
    held, wanted = held_and_wanted(questions, sites, desk)
    yield from held
    if not wanted:
        return
    asks = {
        (question.key, site.name): words(question, site, desk, now)
        for question, site in wanted
    }
    telling.questions(desk.log, list(asks.values()), now=now)
    deadline = time.monotonic() + desk.deadline_seconds
    members = desk.roster.members
    nodes = {s.name: desk.connect(s) for s in desk.site_list.all() if s.name in members}
    lines = {
        site.name: Line(
            site,
            nodes[site.name],
            words=partial(_found, asks, site.name),
            key=members[site.name].key,
        )
        for site in dict.fromkeys(site for _, site in wanted)
    }
    waiting: dict[futures.Future[Reply], tuple[Line, Question]] = {}
    try:
        with Witnessing(list(lines), nodes, list(members)) as witnessing:
            for question, site in wanted:
                line = lines[site.name]
                waiting[line.put(question, deadline)] = (line, question)
            remaining = max(0.0, deadline - time.monotonic())
            try:
                for done in futures.as_completed(list(waiting), timeout=remaining):
                    waiting.pop(done)
                    yield done.result()
            except TimeoutError:
                for line, question in waiting.values():
                    yield line.late(question)
        telling.conflicts(desk.log, witnessing.conflicts, now=now)
    finally:
        for line in lines.values():
            line.close()
        for node in nodes.values():
            node.close()


def _keep(reply: Reply, desk: Desk, now: dt.datetime) -> Reply:
    """Keep a new release and log what happened; a different one does not count."""
    if reply.held:
        return reply
    kind, detail = EventKind.MISSING, ""
    # What was signed is kept and told before it counts: should this process end
    # between, the site is asked again, which costs nothing, and tells it again.
    telling.reply(desk.log, reply, now=now)
    if reply.release is not None:
        desk.site_list.seen(reply.site, now=now)
        try:
            desk.store.keep(reply.release, now=now)
            kind, detail = EventKind.RELEASED, f"charged {reply.charged_pico} pico-rho"
        except DifferentRelease as error:
            kind = EventKind.CONFLICT
            reply = reply.without(Missing(Status.ERROR, error.code))
    if reply.missing is not None:
        detail = reply.missing.reason or reply.missing.status.value
    subject = reply.question.key.hex()
    happened = Event(kind=kind, site=reply.site, subject=subject, detail=detail)
    desk.store.note(happened, now=now)
    if kind is EventKind.MISSING:
        # Asked again in vain: what the site released before stands.
        before = desk.store.release(reply.question.key, reply.site)
        return replace(reply, release=before)
    return reply


def _publish(
    wanted: Order, names: Sequence[str], replies: _Replies, desk: Desk
) -> Result:
    """Turn the replies to one order into a result.

    Only a site that answered every query of the metric is in it, so that what
    is divided by what was counted at the same sites.
    """
    put = wanted.queries(desk.programme)
    keys = {name: query.release_key(Mode.SITE) for name, query in put.items()}
    sites = tuple(_site(name, keys, replies) for name in names)
    answered = [s.site for s in sites if s.status is Status.ANSWERED]
    groups = [(EVERYWHERE, answered)] if answered else []
    if wanted.metric.grain is Grain.SITE:
        groups += [(site, [site]) for site in answered]
    published: list[Cell] = []
    figures: list[tuple[str, str, str]] = []
    without: list[str] = []
    for label, members in groups:
        measured = {
            name: combine.site_mode([_release(replies[key, site]) for site in members])
            for name, key in keys.items()
        }
        known = _figures(wanted, members, desk)
        try:
            cells = _cells(wanted, label, measured, known, desk)
        except NoPublicFigure:
            without.append(label)
            continue
        figures += [(label, name, str(figure)) for name, figure in known.items()]
        published += cells
    return Result(
        metric=wanted.metric.id,
        version=desk.programme.version,
        period=wanted.period.label,
        mode=Mode.SITE.value,
        confidence=desk.confidence,
        cells=tuple(published),
        sites=sites,
        note=desk.figures.missing(wanted.metric, without) if without else "",
        figures=tuple(figures),
    )


def _cells(
    wanted: Order,
    site: str,
    measured: Mapping[str, tuple[Measured, ...]],
    figures: Mapping[str, Fraction],
    desk: Desk,
) -> list[Cell]:
    """Turn the vectors of some sites into their values.

    Raises:
        NoPublicFigure: a published number that the values need is missing.
    """
    found = estimators.publish(
        wanted.metric,
        desk.programme.queries(wanted.metric, wanted.period, wanted.revision),
        measured,
        desk.programme.dictionary,
        confidence=desk.confidence,
        figures=figures,
    )
    return [
        Cell(site=site, labels=cell.labels, estimate=cell.estimate) for cell in found
    ]


def _figures(wanted: Order, sites: Sequence[str], desk: Desk) -> Mapping[str, Fraction]:
    """Return the public figures that the value of some sites rests on."""
    known = desk.figures.of(wanted.metric, sites, wanted.period)
    if not wanted.public:
        return known
    arms = desk.mandate.public_arms
    return {**known, **public_arms.figures(arms, sites=sites, period=wanted.period)}


def _site(name: str, keys: Mapping[str, bytes], replies: _Replies) -> SiteOutcome:
    """Say what became of a metric at one site: answered, or the first reason."""
    mine = [replies[key, name] for key in keys.values()]
    rho = _lost(mine)
    missing = next((r.missing for r in mine if r.release is None), None)
    if missing is None:
        return SiteOutcome(site=name, status=Status.ANSWERED, rho=rho)
    spent = missing.reason == BudgetExhausted.code
    return SiteOutcome(
        site=name,
        status=missing.status,
        reason=missing.reason,
        loss_left=str(loss.from_pico(missing.left_pico)) if spent else None,
        loss_asked=str(loss.from_pico(missing.asked_pico)) if spent else None,
        rho=rho,
    )


def _release(reply: Reply) -> Release:
    """Return the release of a reply that has one."""
    if reply.release is None:
        raise InvalidQuery("A site without a release cannot be in a total.")
    return reply.release


def _lost(mine: Sequence[Reply]) -> Fraction:
    """Add up the loss of one site's releases, as they were charged at first."""
    return sum((r.release.rho for r in mine if r.release is not None), Fraction(0))


def _is_conflict(reply: Reply) -> bool:
    """Tell whether a site contradicted itself."""
    return reply.missing is not None and reply.missing.reason == DifferentRelease.code


def _found(asks: Mapping[tuple[bytes, str], Ask], site: str, question: Question) -> Ask:
    """Return the question as it was signed for a site."""
    return asks[question.key, site]
