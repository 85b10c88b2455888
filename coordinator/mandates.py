"""Draft what the Board signs, and choose the mandate under which to ask."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from privacy import errors, loss
from privacy import mandate as mandates
from privacy.catalogue import Programme
from privacy.errors import ExchangeError, NotAllowed
from privacy.mandate import (
    Asked,
    Mandate,
    Purpose,
    Revocation,
    StandingDown,
    Turn,
)
from privacy.pack import Pack
from privacy.period import Period
from privacy.public_arms import PublicArms
from privacy.query import Mode
from privacy.signing import Document, Kind
from privacy.strict import quoted

DAYS: Final = 180
"""How long a mandate lasts unless its draft says otherwise."""

_NEAR: Final = 3
_DIGEST_LETTERS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a mandate is to permit, before anybody signs it.

    Attributes:
        rho: The most a site may be charged in all; in site mode the worst case
            is the same.
        public_arms: Arm sizes of draws to make public, without noise.
    """

    network: str
    number: str
    title: str
    programme: str
    metrics: Collection[str]
    purposes: Collection[Purpose]
    sites: Collection[str]
    periods: Collection[str]
    revision: int
    rho: Fraction
    not_before: dt.datetime
    not_after: dt.datetime
    public_arms: Sequence[PublicArms] = ()

    def document(self) -> Document:
        """Write the mandate, ready to be signed by the Board.

        Raises:
            InvalidProgramme: it does not say one definite thing.
        """
        rho = rho_text(self.rho)
        lines = [
            f"network = {quoted(self.network)}",
            f"number = {quoted(self.number)}",
            f"title = {quoted(self.title)}",
            f"programme = {quoted(self.programme)}",
            f"metrics = {_list(self.metrics)}",
            f"purposes = {_list(each.value for each in self.purposes)}",
            f'mode = "{Mode.SITE.value}"',
            f"sites = {_list(self.sites)}",
            f"periods = {_list(self.periods)}",
            f"revision = {self.revision}",
            f'loss_rho = "{rho}"',
            f'worst_rho = "{rho}"',
            f"not_before = {_moment(self.not_before)}",
            f"not_after = {_moment(self.not_after)}",
            *(line for arms in self.public_arms for line in arms.lines()),
        ]
        document = _document(Kind.MANDATE, lines)
        mandates.parse(document)
        return document


def revocation(of: Mandate, *, reason: str) -> Document:
    """Write the withdrawal of a mandate, ready to be signed by one member."""
    lines = [
        f"network = {quoted(of.network)}",
        f'mandate = "{of.digest.hex()}"',
        f"reason = {quoted(reason)}",
    ]
    document = _document(Kind.REVOCATION, lines)
    Revocation.parse(document)
    return document


def order(turn: Turn, *, network: str, number: int, reason: str) -> Document:
    """Write an order to the whole programme, ready to be signed by the Board."""
    lines = [
        f"network = {quoted(network)}",
        f"number = {number}",
        f'what = "{turn.value}"',
        f"reason = {quoted(reason)}",
    ]
    document = _document(Kind.STANDING_DOWN, lines)
    StandingDown.parse(document)
    return document


def cost(pack: Pack, programme: Programme, period: Period) -> Fraction:
    """Return what a whole pack charges a site, as its ledger counts it."""
    charges = pack.charges(programme, period).values()
    return loss.from_pico(sum(loss.pico(rho) for rho in charges))


def next_number(numbers: Iterable[str], *, now: dt.datetime) -> str:
    """Return the next running number of the year, such as 2026-03."""
    parts = [number.partition("-") for number in numbers]
    used = [int(running) for year, _, running in parts if year == str(now.year)]
    return f"{now.year}-{max(used, default=0) + 1:02d}"


def rho_text(rho: Fraction) -> str:
    """Write a loss as a plain decimal number, rounded up to a pico-rho."""
    return errors.rho_text(loss.pico(rho))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to ask.

    Attributes:
        asked: Metrics, each with the period it is asked about.
        programme: Version of the definitions they are asked by.
        named: The mandate's number or the start of its digest, or None. A mandate
            for a later revision, which pays for an answer anew, must be named.
    """

    asked: Collection[tuple[str, Period]]
    purpose: Purpose
    programme: str
    named: str | None = None


def choose(known: Sequence[Mandate], wanted: Wanted, *, now: dt.datetime) -> Mandate:
    """Return the one mandate in force that covers a question.

    Raises:
        NotAllowed: none does, and here is why; or several do, and one must be
            named, because each has a budget of its own.
    """
    named = [each for each in known if wanted.named is None or _is(each, wanted.named)]
    obstacles = {each.number: _obstacles(each, wanted, now) for each in named}
    fit = [each for each in named if not obstacles[each.number]]
    if len(fit) == 1:
        return fit[0]
    if fit:
        numbers = ", ".join(sorted(each.number for each in fit))
        raise NotAllowed(
            f"The mandates {numbers} all cover this question, and each has a budget of "
            "its own; name one with --mandate."
        )
    if not obstacles:
        which = "" if wanted.named is None else f" called {wanted.named[:24]!r}"
        raise NotAllowed(
            f"There is no mandate{which} in force; draft one with `cmpp mandate draft` "
            "and have the Board sign it."
        )
    near = sorted(obstacles.values(), key=len)[:_NEAR]
    raise NotAllowed(
        "No mandate in force covers all of this. "
        + " ".join(reasons[0] for reasons in near)
    )


def _obstacles(of: Mandate, wanted: Wanted, now: dt.datetime) -> list[str]:
    """Say why a mandate does not cover a question; nothing where it does."""
    found: list[str] = []
    questions = [
        Asked(
            site=min(of.sites),
            metric=metric,
            purpose=wanted.purpose,
            mode=Mode.SITE,
            period=period,
            revision=0 if wanted.named is None else of.revision,
            programme=wanted.programme,
        )
        for metric, period in wanted.asked
    ]
    try:
        of.check_in_force(now)
    except ExchangeError as error:
        found.append(error.message)
    for question in questions:
        try:
            of.check(question)
        except ExchangeError as error:
            found.append(error.message)
    return found


def _is(found: Mandate, name: str) -> bool:
    """Tell whether a number, or the start of a digest, names a mandate."""
    return name == found.number or (
        len(name) >= _DIGEST_LETTERS and found.digest.hex().startswith(name)
    )


def _document(kind: Kind, lines: Iterable[str]) -> Document:
    return Document(kind=kind, content="\n".join([*lines, ""]).encode())


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(quoted(item) for item in sorted(items))}]"


def _moment(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
