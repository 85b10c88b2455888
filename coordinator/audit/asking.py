"""Check every question and every answer: who signed it, and what the log says of it."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coordinator import evidence
from coordinator.audit.pack import ANSWERS, ASKS, LINES, Pack
from coordinator.audit.papers import Papers
from coordinator.audit.report import Check, Report
from coordinator.evidence import SignedAnswer
from privacy import transparency
from privacy.catalogue import Programme
from privacy.errors import BadSignature, Corrupt, InvalidQuery, NotAllowed
from privacy.mandate import Asked, Mandate, Purpose
from privacy.query import Mode, Query, cells
from privacy.query import parse as parse_query
from privacy.transparency import Entry
from proto.wire import Ask

_DIGITS_MAX: Final = 15
_CHARGED: Final = ("model_pico_rho", "worst_pico_rho")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A signed question that was found right.

    Attributes:
        ask: As it was signed.
        query: The question it asks.
        programme: Whose definitions it asks by.
        mandate: What opened it.
        logged: Its first entry in the log.
    """

    ask: Ask
    query: Query
    programme: Programme = field(repr=False)
    mandate: Mandate
    logged: int


@dataclass(kw_only=True)
class Traffic:
    """What was asked and answered, once it has been judged.

    Attributes:
        questions: By the digest of the signed question, in hex.
        answers: By release key in hex and site: the one answer.
        charged: Digest of an answer in hex -> what the log says it was charged.
        answered_at: By release key in hex and site: the answer's entry in the log.
        answered: Every answer that was found right, by the line it stands in.
    """

    questions: dict[str, Question] = field(default_factory=dict)
    answers: dict[tuple[str, str], SignedAnswer] = field(default_factory=dict)
    charged: dict[str, tuple[int, int]] = field(default_factory=dict)
    answered_at: dict[tuple[str, str], int] = field(default_factory=dict)
    answered: dict[int, SignedAnswer] = field(default_factory=dict)


def check(pack: Pack, papers: Papers, report: Report) -> Traffic:
    """Judge questions and answers, and compare them with the log, both ways."""
    traffic = Traffic()
    _asks(pack, papers, traffic, report.check("Signed questions"))
    _answers(pack, papers, traffic, report.check("Signed answers"))
    _refusals(papers, traffic, report)
    return traffic


def _asks(pack: Pack, papers: Papers, traffic: Traffic, check: Check) -> None:
    """Judge every question by signature, mandate, edition and log."""
    logged: dict[str, list[Entry]] = {}
    for entry in papers.logged(transparency.Kind.QUERY):
        logged.setdefault(str(entry.body["ask"]), []).append(entry)
    for number, ask in enumerate(pack.asks, 1):
        where, digest = f"{ASKS}, line {number}", ask.digest.hex()
        with check.looking_at(where):
            if digest in traffic.questions:
                raise Corrupt("the same question stands in the pack twice.")
            told = logged.pop(digest, [])
            question = _question(ask, told, papers)
            traffic.questions[digest] = question
    for digest, entries in logged.items():
        check.fail(
            f"{LINES}, entry {entries[0].number}",
            f"it tells of the question {digest[:16]}, which is not in the pack.",
        )


def _question(ask: Ask, told: list[Entry], papers: Papers) -> Question:
    """Judge one question.

    Raises:
        ExchangeError: the coordinator did not sign it, the mandate does not cover
            it, no edition defines it, or the log says something else.
    """
    if not any(ask.is_signed_by(known.coordinator) for known in papers.rosters):
        raise BadSignature("the coordinator of no roster signed this question.")
    mandate = papers.mandates.get(ask.mandate.hex())
    if mandate is None:
        raise NotAllowed("the mandate it names is not in the pack.")
    query, programme = parse_query(ask.query), papers.programme(ask.catalogue_version)
    for period in query.periods:
        mandate.check(
            Asked(
                site=ask.site,
                metric=ask.metric,
                purpose=Purpose(ask.purpose),
                mode=Mode(ask.mode),
                period=period,
                revision=query.revision,
                programme=ask.catalogue_version,
            )
        )
    metric = programme.metric(ask.metric)
    defined = programme.queries(metric, query.periods[-1], query.revision)
    if defined.get(ask.query_name) != query:
        raise InvalidQuery("no edition defines this question under this name.")
    if len(cells(query, programme.dictionary)) != ask.cells:
        raise InvalidQuery("it miscounts its own cells.")
    facts = evidence.query_facts(ask)
    if not told or any(_other(entry, facts) for entry in told):
        raise Corrupt("the log does not tell of it, or tells something else.")
    for entry in told:
        mandate.check_in_force(dt.datetime.fromisoformat(entry.at))
    return Question(
        ask=ask,
        query=query,
        programme=programme,
        mandate=mandate,
        logged=told[0].number,
    )


def _answers(pack: Pack, papers: Papers, traffic: Traffic, check: Check) -> None:
    """Judge every answer by signature, question and log."""
    logged: dict[str, list[Entry]] = {}
    for entry in papers.logged(transparency.Kind.ANSWER):
        logged.setdefault(str(entry.body["answer"]), []).append(entry)
    seen: Counter[str] = Counter()
    for number, answer in enumerate(pack.answers, 1):
        with check.looking_at(f"{ANSWERS}, line {number}"):
            seen[answer.digest] += 1
            if seen[answer.digest] > 1:
                raise Corrupt("the same answer stands in the pack twice.")
            told = logged.pop(answer.digest, [])
            _answer(answer, told, papers, traffic)
            traffic.answered[number] = answer
    for digest, entries in logged.items():
        check.fail(
            f"{LINES}, entry {entries[0].number}",
            f"it tells of the answer {digest[:16]}, which is not in the pack.",
        )


def _answer(
    answer: SignedAnswer, told: list[Entry], papers: Papers, traffic: Traffic
) -> None:
    """Judge one answer.

    Raises:
        ExchangeError: the site did not sign it, it answers another question, it
            differs from the site's answer before, or the log says something else.
    """
    if not any(answer.is_signed_by(key) for key in papers.keys_of(answer.site)):
        raise BadSignature(f"site {answer.site} did not sign this answer.")
    question = traffic.questions.get(answer.ask.hex())
    if question is None:
        raise Corrupt("the question it answers is not in the pack, or is not right.")
    size = len(cells(question.query, question.programme.dictionary))
    key = question.query.release_key(Mode(question.ask.mode))
    fits = (answer.site, answer.release_key, len(answer.values))
    if fits != (question.ask.site, key, size):
        raise Corrupt("it answers another question, or for another site.")
    if not told:
        raise Corrupt("the log does not tell of it.")
    facts = {"site": answer.site, "ask": answer.ask.hex(), "answer": answer.digest}
    if any(_other(entry, facts) for entry in told):
        raise Corrupt("the log tells something else of it.")
    name = (answer.release_key.hex(), answer.site)
    before = traffic.answers.setdefault(name, answer)
    numbers = (before.values, before.variance, before.rho, before.sequence)
    if numbers != (answer.values, answer.variance, answer.rho, answer.sequence):
        raise Corrupt(
            f"site {answer.site} gave two different answers under one release key."
        )
    paid = [tuple(_whole(entry, name) for name in _CHARGED) for entry in told]
    traffic.charged[answer.digest] = (
        sum(model for model, _ in paid),
        sum(worst for _, worst in paid),
    )
    traffic.answered_at[name] = min(
        told[0].number, traffic.answered_at.get(name, told[0].number)
    )


def _refusals(papers: Papers, traffic: Traffic, report: Report) -> None:
    """Compare refusals in the log with the questions."""
    check = report.check("Refusals in the log")
    for entry in papers.logged(transparency.Kind.REFUSAL):
        with check.looking_at(f"{LINES}, entry {entry.number}"):
            question = traffic.questions.get(str(entry.body["ask"]))
            if question is None or question.ask.site != entry.body["site"]:
                raise Corrupt("it tells of a refusal of no question in the pack.")
    conflicts = len(papers.logged(transparency.Kind.WITNESS_CONFLICT))
    if conflicts:
        report.notes.append(
            f"{conflicts} times a site's peers would not vouch for its ledger."
        )


def _other(entry: Entry, facts: Mapping[str, str]) -> bool:
    """Tell whether an entry says something else than these facts."""
    return any(entry.body.get(name) != value for name, value in facts.items())


def _whole(entry: Entry, name: str) -> int:
    """Read an amount in the log."""
    text = str(entry.body[name])
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise Corrupt(f"the log's entry {entry.number} states no charge.")
    return int(text)
