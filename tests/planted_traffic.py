"""Plants in questions and answers: each with the sentence that finds it."""

from collections.abc import Callable
from dataclasses import replace

from coordinator.audit.pack import Pack
from privacy import signing
from tests import audit_forger as forger
from tests import signed_samples as samples

Plant = Callable[[Pack], Pack]
MANDATE = signing.Kind.MANDATE


def dropped_ask(pack: Pack) -> Pack:
    return replace(pack, asks=pack.asks[1:])


def repeated_ask(pack: Pack) -> Pack:
    return replace(pack, asks=(*pack.asks, pack.asks[0]))


def forged_ask(pack: Pack) -> Pack:
    forged = pack.asks[0].signed_by(samples.key("stranger"))
    return replace(pack, asks=(forged, *pack.asks[1:]))


def ask_under_other_mandate(pack: Pack) -> Pack:
    narrow = forger.paper(pack, MANDATE, 1)
    at = next(n for n, ask in enumerate(pack.asks) if ask.metric == "M08")
    return forger.asked(pack, at, mandate=narrow.digest)


def renamed_ask(pack: Pack) -> Pack:
    at = next(n for n, ask in enumerate(pack.asks) if ask.metric == "M08")
    return forger.asked(pack, at, metric="M09", query_name="active")


def ask_at_other_loss(pack: Pack) -> Pack:
    return forger.asked(pack, 0, rho=pack.asks[0].rho / 2)


def dropped_answer(pack: Pack) -> Pack:
    return replace(pack, answers=pack.answers[1:])


def repeated_answer(pack: Pack) -> Pack:
    return replace(pack, answers=(*pack.answers, pack.answers[0]))


def altered_number(pack: Pack) -> Pack:
    first = pack.answers[0]
    other = replace(first, values=(first.values[0] + 1, *first.values[1:]))
    return replace(pack, answers=(other, *pack.answers[1:]))


def altered_by_the_site(pack: Pack) -> Pack:
    values = pack.answers[0].values
    return forger.answered(pack, 0, values=(values[0] + 1, *values[1:]))


def forged_by_another_site(pack: Pack) -> Pack:
    other = next(s for s in samples.SITES if s != pack.answers[0].site)
    return forger.answered(pack, 0, key=other)


def swapped_sites(pack: Pack) -> Pack:
    other = next(s for s in samples.SITES if s != pack.answers[0].site)
    return forger.answered(pack, 0, site=other, key=other)


def second_answer(pack: Pack) -> Pack:
    first = pack.answers[0]
    other = forger.signed_answer(first, values=tuple(v + 7 for v in first.values))
    return forger.added_answer(pack, other)


def less_noise_claimed(pack: Pack) -> Pack:
    return forger.answered(pack, 0, variance=pack.answers[0].variance / 4)


def other_entry_named(pack: Pack) -> Pack:
    return forger.answered(pack, 0, sequence=pack.answers[0].sequence + 1)


TRAFFIC: dict[str, tuple[Plant, str]] = {
    "a question left out": (dropped_ask, "tells of the question .* not in the pack"),
    "a question twice": (repeated_ask, "same question stands in the pack twice"),
    "a question nobody signed": (forged_ask, "coordinator of no roster signed"),
    "a question under a mandate for others": (
        ask_under_other_mandate,
        "does not cover metric M08",
    ),
    "a question under another name": (renamed_ask, "no edition defines this question"),
    "a question at another loss": (ask_at_other_loss, "for a question that is not in"),
    "an answer left out": (dropped_answer, "tells of the answer .* not in the pack"),
    "an answer twice": (repeated_answer, "same answer stands in the pack twice"),
    "a number altered": (altered_number, "did not sign this answer"),
    "a number altered by its site": (altered_by_the_site, "keeps other numbers than"),
    "an answer signed by another site": (forged_by_another_site, "did not sign this"),
    "answers of two sites swapped": (swapped_sites, "or for another site"),
    "a second, different answer": (second_answer, "two different answers under one"),
    "less noise than was added": (less_noise_claimed, "keeps other numbers than"),
    "an answer that names another entry": (other_entry_named, "keeps other numbers"),
}
