"""Tell the public log what was asked, what came back and what was published."""

import datetime as dt
from collections.abc import Collection, Sequence
from functools import partial

from coordinator import evidence
from coordinator.lines import Reply
from coordinator.log import Fact, Log
from coordinator.result import Result
from privacy.transparency import Kind
from proto.wire import Ask


def questions(log: Log, asked: Sequence[Ask], *, now: dt.datetime) -> None:
    """Keep and tell what is about to be asked: who, why, what, at what loss."""
    log.extend(
        [(Kind.QUERY, evidence.query_facts(ask)) for ask in asked],
        now,
        also=partial(evidence.write_asks, asks=asked, now=now),
    )


def reply(log: Log, came: Reply, *, now: dt.datetime) -> None:
    """Keep and tell what one site said: an answer and its cost, or a refusal.

    Both happen or neither, so the log never lacks an answer that is kept.
    """
    if came.signed is not None:
        model, worst = came.charged_pico, came.worst_pico
        facts = evidence.answer_facts(came.signed, model=model, worst=worst)
        keep = partial(evidence.write_answer, answer=came.signed, now=now)
        log.extend([(Kind.ANSWER, facts)], now, also=keep)
    elif came.refused is not None and came.missing is not None:
        code = came.missing.reason or came.missing.status.value
        said = {"site": came.site, "ask": came.refused.hex(), "code": code}
        log.append(Kind.REFUSAL, said, now)


def conflicts(log: Log, sites: Collection[str], *, now: dt.datetime) -> None:
    """Tell which sites stopped when their peers showed what they keep."""
    if sites:
        facts = [(Kind.WITNESS_CONFLICT, {"site": site}) for site in sorted(sites)]
        log.extend(facts, now)


def results(log: Log, published: Sequence[Result], *, now: dt.datetime) -> None:
    """Tell the figures that were published, with their intervals."""
    facts: list[Fact] = [
        (Kind.PUBLICATION, evidence.publication_facts(result.content()))
        for result in published
    ]
    if facts:
        log.extend(facts, now)
