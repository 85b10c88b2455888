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
from dataclasses import dataclass, field, replace
from fractions import Fraction

from coordinator import combine, order
from coordinator.lines import Line, Missing, Reply
from coordinator.order import Order, Question
from coordinator.result import EVERYWHERE, Cell, Result, SiteOutcome, Status
from coordinator.sites import Site, SiteList
from coordinator.store import Asked, DifferentRelease, Event, EventKind, Release, Store
from privacy import estimators, loss
from privacy.catalogue import Programme
from privacy.dictionary import Grain
from privacy.errors import BudgetExhausted, InvalidQuery
from privacy.query import Mode
from proto.client import NodeClient

_Replies = Mapping[tuple[bytes, str], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the story needs at hand.

    Attributes:
        programme: The dictionary and catalogue.
        store: Where noisy answers are kept.
        site_list: The sites to ask.
        connect: Opens a channel to one site's node.
        deadline_seconds: How long to wait for the slowest site.
        confidence: How often an interval should hold the exact figure.
        asked_by: Who asks, for the record.
        purpose: Why, one of the closed list.
        ask_again: Ask the sites even for releases the centre holds.
    """

    programme: Programme
    store: Store
    site_list: SiteList
    connect: Callable[[Site], NodeClient] = field(repr=False)
    deadline_seconds: float
    confidence: Fraction
    asked_by: str
    purpose: str
    ask_again: bool = False


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
    questions = order.distinct(orders, desk.programme)
    sites = desk.site_list.all()
    if not questions or not sites:
        raise InvalidQuery(
            "There is nothing to ask, or nobody; add a site with `cmpp site add`."
        )
    for question in questions:
        desk.store.note_asked(_asked(question, desk), now=now)
    replies: dict[tuple[bytes, str], Reply] = {}
    for reply in _replies(questions, sites, desk):
        kept = _keep(reply, desk, now)
        replies[kept.question.key, kept.site] = kept
        watch(kept)
    names = tuple(site.name for site in sites)
    results = tuple(_publish(wanted, names, replies, desk) for wanted in orders)
    for result in results:
        if result.answered:
            desk.store.keep_result(result.content(), now=now)
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
    questions: Sequence[Question], sites: Sequence[Site], desk: Desk
) -> Iterator[Reply]:
    """Yield one reply for every question and site, as they come in."""
    lines = [Line(site, desk.connect, purpose=desk.purpose) for site in sites]
    deadline = time.monotonic() + desk.deadline_seconds
    waiting: dict[futures.Future[Reply], tuple[Line, Question]] = {}
    try:
        for line in lines:
            for question in questions:
                held = desk.store.release(question.key, line.site.name)
                if held is not None and not desk.ask_again:
                    yield Reply(
                        question=question, site=line.site.name, release=held, held=True
                    )
                else:
                    waiting[line.put(question, deadline)] = (line, question)
        remaining = max(0.0, deadline - time.monotonic())
        try:
            for done in futures.as_completed(list(waiting), timeout=remaining):
                waiting.pop(done)
                yield done.result()
        except TimeoutError:
            for line, question in waiting.values():
                yield line.late(question)
    finally:
        for line in lines:
            line.close()


def _keep(reply: Reply, desk: Desk, now: dt.datetime) -> Reply:
    """Keep a new release and log what happened; a different one does not count."""
    if reply.held:
        return reply
    kind, detail = EventKind.MISSING, ""
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
    queries = desk.programme.queries(wanted.metric, wanted.period)
    keys = {name: query.release_key(Mode.SITE) for name, query in queries.items()}
    sites = tuple(_site(name, keys, replies) for name in names)
    answered = [s.site for s in sites if s.status is Status.ANSWERED]
    groups = [(EVERYWHERE, answered)] if answered else []
    if wanted.metric.grain is Grain.SITE:
        groups += [(site, [site]) for site in answered]
    published: list[Cell] = []
    for label, members in groups:
        measured = {
            name: combine.site_mode([_release(replies[key, site]) for site in members])
            for name, key in keys.items()
        }
        found = estimators.publish(
            wanted.metric,
            queries,
            measured,
            desk.programme.dictionary,
            confidence=desk.confidence,
        )
        published += [
            Cell(site=label, labels=cell.labels, estimate=cell.estimate)
            for cell in found
        ]
    return Result(
        metric=wanted.metric.id,
        version=desk.programme.version,
        period=wanted.period.label,
        mode=Mode.SITE.value,
        confidence=desk.confidence,
        cells=tuple(published),
        sites=sites,
    )


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


def _asked(question: Question, desk: Desk) -> Asked:
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
