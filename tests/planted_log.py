"""Plants in the transparency log, signed again: each with what finds it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from coordinator.audit.pack import Pack
from tests import audit_forger as forger
from tests import signed_samples as samples
from tests.audit_forger import Fact

Plant = Callable[[Pack], Pack]


def log_lines(edit: Callable[[list[str]], list[str]]) -> Plant:
    """Return the plant that changes lines under the head that was signed."""
    return lambda pack: replace(pack, lines=tuple(edit(list(pack.lines))))


def swapped_lines(lines: list[str]) -> list[str]:
    return [*lines[:4], lines[5], lines[4], *lines[6:]]


def reordered(pack: Pack) -> Pack:
    """Tell answers before their questions, renumbered and signed again."""

    def edit(facts: list[Fact]) -> list[Fact]:
        return sorted(facts, key=lambda fact: fact["kind"] != "publication")

    return forger.relogged(pack, edit)


def without(kind: str) -> Plant:
    """Return the plant that drops the first entry of a kind from the log."""

    def edit(facts: list[Fact]) -> list[Fact]:
        at = next(n for n, fact in enumerate(facts) if fact["kind"] == kind)
        return facts[:at] + facts[at + 1 :]

    return lambda pack: forger.relogged(pack, edit)


def telling(kind: str, **facts: Any) -> Plant:
    """Return the plant that changes facts in the first entry of a kind."""
    return lambda pack: forger.told(pack, kind, lambda body: body.update(facts))


def moved_early(kind: str) -> Plant:
    """Return the plant that tells entries of a kind before any question."""

    def edit(facts: list[Fact]) -> list[Fact]:
        early = [fact for fact in facts if fact["kind"] == kind][:1]
        rest = [fact for fact in facts if fact not in early]
        return [*rest[:2], *early, *rest[2:]]

    return lambda pack: forger.relogged(pack, edit)


def other_head(pack: Pack) -> Pack:
    return replace(pack, head=forger.head_over(pack.lines, samples.key("stranger")))


LOG: dict[str, tuple[Plant, str]] = {
    "log lines swapped": (log_lines(swapped_lines), "not in its place"),
    "log lines cut": (log_lines(lambda lines: lines[:-3]), "not those that the signed"),
    "a log head by another key": (other_head, "not signed by the key it should be"),
    "no head": (lambda pack: replace(pack, head=None), "no signed head"),
    "a log told in another order": (reordered, "by then the site had answered 0"),
    "a question the log keeps quiet": (without("query"), "does not tell of it"),
    "an answer the log keeps quiet": (without("answer"), "does not tell of it"),
    "a publication the log keeps quiet": (without("publication"), "not tell of it"),
    "a roster the log keeps quiet": (
        without("roster"),
        "rosters/0001.* not in the log",
    ),
    "a harmless title in the log": (
        telling("mandate", title="A harmless report"),
        "mandate-.* tells something else of it",
    ),
    "another mandate named as withdrawn": (
        telling("revocation", mandate="ab" * 32),
        "revocation-.* tells something else of it",
    ),
    "a freeze told as a resumption": (
        telling("standing-down", what="resume"),
        "standing-down-.* tells something else of it",
    ),
    "another asker in the log": (
        telling("query", asked_by="somebody"),
        "or tells something else",
    ),
    "another loss in the log": (telling("query", rho="1/1000"), "tells something else"),
    "another purpose in the log": (
        telling("query", purpose="evaluation"),
        "tells something else",
    ),
    "a smaller charge in the log": (
        telling("answer", model_pico_rho="5", worst_pico_rho="5"),
        "the log says it was charged 5 pico-rho and the ledger",
    ),
    "another answer in the log": (
        telling("answer", answer="ab" * 32),
        "tells of the answer abababab.*not in the pack",
    ),
    "a refusal of nothing": (
        telling("refusal", ask="cd" * 32),
        "refusal of no question",
    ),
    "a withdrawal withheld from the sites": (
        moved_early("revocation"),
        "asked after the mandate was withdrawn",
    ),
    "a freeze withheld from the sites": (
        moved_early("standing-down"),
        "while the Board had stopped the programme",
    ),
}
