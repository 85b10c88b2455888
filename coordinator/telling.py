"""Tell the public log what was asked, what came back and what was published."""

import datetime as dt
from collections.abc import Sequence

from coordinator import evidence
from coordinator.lines import Reply
from coordinator.log import Fact, Log
from coordinator.result import Result
from privacy.transparency import Kind
from proto.wire import Ask


def questions(log: Log, asked: Sequence[Ask], *, now: dt.datetime) -> None:
    """Tell what is about to be asked: who, why, what, of whom and at what loss."""
    log.extend([(Kind.QUERY, evidence.query_facts(ask)) for ask in asked], now)


def replies(log: Log, came: Sequence[Reply], *, now: dt.datetime) -> None:
    """Tell which answers and refusals came, and what each cost."""
    facts = [fact for reply in came for fact in _of_reply(reply)]
    if facts:
        log.extend(facts, now)


def results(log: Log, published: Sequence[Result], *, now: dt.datetime) -> None:
    """Tell the figures that were published, with their intervals."""
    facts: list[Fact] = [
        (Kind.PUBLICATION, evidence.publication_facts(result.content()))
        for result in published
    ]
    if facts:
        log.extend(facts, now)


def _of_reply(reply: Reply) -> list[Fact]:
    if reply.signed is not None:
        model, worst = reply.charged_pico, reply.worst_pico
        facts = evidence.answer_facts(reply.signed, model=model, worst=worst)
        return [(Kind.ANSWER, facts)]
    if reply.refused is not None and reply.missing is not None:
        code = reply.missing.reason or reply.missing.status.value
        said = {"site": reply.site, "ask": reply.refused.hex(), "code": code}
        return [(Kind.REFUSAL, said)]
    return []
