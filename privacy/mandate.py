"""A mandate: what the Board permits to be asked, signed by enough of its members.

A mandate opens questions; nothing else does. It says which metrics, for which
purpose, of which sites, about which periods, in which mode, at what loss in all and
until when. A site's policy can only narrow it. What a mandate does not say plainly
it does not permit.
"""

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final, Self

from privacy import loss, public_arms
from privacy.errors import (
    BadSignature,
    Expired,
    InvalidProgramme,
    InvalidQuery,
    NotAllowed,
)
from privacy.period import Period
from privacy.public_arms import PublicArms
from privacy.query import Mode
from privacy.signing import Document, Kind, text_of
from privacy.strict import Section, load_toml, moment

DAYS_MAX: Final = 400
"""A mandate lasts a reporting year and the time to report it, never longer."""

REVISION_MAX: Final = 1_000

_NUMBER = re.compile(r"[0-9]{4}-[0-9]{1,4}", re.ASCII)
_METRIC = re.compile(r"M[0-9]{2,3}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Purpose(StrEnum):
    """Why a question may be asked. There is no enforcement purpose."""

    OVERSIGHT = "oversight"
    EVALUATION = "evaluation"
    SERVICE_IMPROVEMENT = "service-improvement"
    FUNDING_REPORT = "funding-report"
    SINGLE_AUDIT = "single-audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """One permission, as signed.

    Attributes:
        number: Year and running number, for people.
        title: What it is for, in a few words.
        programme: Version of the edition whose definitions the signers read.
        loss_rho: The most a site may be charged under it, over all questions.
        worst_rho: The same in the worst-case column.
        digest: SHA-256 of the signed text: what questions name.
        public_arms: Arm sizes of draws that it makes public, without noise.
    """

    network: str
    number: str
    title: str
    programme: str
    metrics: frozenset[str]
    purposes: frozenset[Purpose]
    mode: Mode
    sites: frozenset[str]
    periods: frozenset[Period]
    revision: int
    loss_rho: Fraction
    worst_rho: Fraction
    not_before: dt.datetime
    not_after: dt.datetime
    digest: bytes
    public_arms: tuple[PublicArms, ...] = ()

    def check_in_force(self, now: dt.datetime) -> None:
        """Refuse a mandate that does not hold at this moment.

        Raises:
            NotAllowed: it has not begun.
            Expired: it is over.
        """
        if now < self.not_before:
            raise NotAllowed(
                f"Mandate {self.number} begins on {self.not_before.date()}; ask then."
            )
        if now > self.not_after:
            raise Expired(
                f"Mandate {self.number} ended on {self.not_after.date()}; have the "
                "Board sign another."
            )

    def check(self, question: "Asked") -> None:
        """Refuse a question this mandate does not name, in every respect.

        Raises:
            NotAllowed: one respect is outside it; the sentence says which.
        """
        outside = {
            f"site {question.site}": question.site not in self.sites,
            f"metric {question.metric}": question.metric not in self.metrics,
            f"purpose {question.purpose.value}": question.purpose not in self.purposes,
            f"mode {question.mode.value}": question.mode is not self.mode,
            f"period {question.period}": question.period not in self.periods,
            f"revision {question.revision}": question.revision != self.revision,
            f"programme {question.programme}": question.programme != self.programme,
        }
        for what, is_outside in outside.items():
            if is_outside:
                raise NotAllowed(
                    f"Mandate {self.number} does not cover {what}; ask under one that "
                    "does, or have the Board sign it."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a question is, as far as a mandate cares."""

    site: str
    metric: str
    purpose: Purpose
    mode: Mode
    period: Period
    revision: int
    programme: str


def parse(document: Document) -> Mandate:
    """Read a mandate; its signatures are judged by `Roster.check_board`.

    Raises:
        InvalidProgramme: it does not say one definite thing.
        BadSignature: the document is of another kind.
    """
    root = Section("mandate", load_toml(text_of(document, Kind.MANDATE)))
    mandate = Mandate(
        network=root.text("network"),
        number=root.text("number"),
        title=root.text("title"),
        programme=root.text("programme"),
        metrics=frozenset(root.texts("metrics")),
        purposes=frozenset(root.choices("purposes", Purpose)),
        mode=root.choice("mode", Mode),
        sites=frozenset(root.texts("sites")),
        periods=frozenset(_period(label) for label in root.texts("periods")),
        revision=root.integer("revision"),
        loss_rho=loss.parse_rho(root.text("loss_rho")),
        worst_rho=loss.parse_rho(root.text("worst_rho")),
        not_before=moment(root, "not_before"),
        not_after=moment(root, "not_after"),
        digest=document.digest,
        public_arms=public_arms.read(root),
    )
    root.done()
    _check(mandate)
    return mandate


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A mandate withdrawn: from the moment a site has it, nothing more is asked."""

    network: str
    mandate: str
    reason: str

    @classmethod
    def parse(cls, document: Document) -> Self:
        """Read a revocation; one counting member's signature is enough.

        Raises:
            InvalidProgramme: it names no mandate.
        """
        root = Section("revocation", load_toml(text_of(document, Kind.REVOCATION)))
        found = cls(
            network=root.text("network"),
            mandate=root.text("mandate"),
            reason=root.text("reason"),
        )
        root.done()
        if not _HEX.fullmatch(found.mandate):
            raise InvalidProgramme(
                "A revocation names the mandate's digest, 64 hexadecimal digits."
            )
        return found


class Turn(StrEnum):
    """What the Board may do to the whole programme."""

    FREEZE = "freeze"
    RESUME = "resume"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingDown:
    """The Board's order to stop for a while, to go on, or to end.

    Attributes:
        number: Rises by one with each, so that none can be used twice.
    """

    network: str
    number: int
    turn: Turn
    reason: str

    @classmethod
    def parse(cls, document: Document) -> Self:
        """Read the order; its signatures are judged by `Roster.check_board`.

        Raises:
            InvalidProgramme: it does not say one definite thing.
        """
        root = Section(
            "standing-down", load_toml(text_of(document, Kind.STANDING_DOWN))
        )
        found = cls(
            network=root.text("network"),
            number=root.integer("number"),
            turn=root.choice("what", Turn),
            reason=root.text("reason"),
        )
        root.done()
        return found


def _period(label: str) -> Period:
    try:
        return Period(label)
    except InvalidQuery as error:
        raise InvalidProgramme(f"{label[:16]!r} is not a period.") from error


def _check(mandate: Mandate) -> None:
    """Refuse a mandate no signer could have meant."""
    well_named = _NUMBER.fullmatch(mandate.number) and all(
        _METRIC.fullmatch(metric) for metric in mandate.metrics
    )
    if not well_named or not mandate.purposes:
        raise InvalidProgramme(
            "A mandate is numbered like 2026-03 and names metrics and purposes."
        )
    if not 0 <= mandate.revision <= REVISION_MAX:
        raise InvalidProgramme("A mandate's revision is a number from 0 to 1000.")
    if mandate.worst_rho < mandate.loss_rho:
        raise InvalidProgramme("The worst case cannot cost less than the model.")
    lasts = mandate.not_after - mandate.not_before
    if not dt.timedelta(0) < lasts <= dt.timedelta(days=DAYS_MAX):
        raise InvalidProgramme(
            f"A mandate lasts at most {DAYS_MAX} days; correct its two moments."
        )
    public_arms.check(mandate.public_arms, sites=mandate.sites, periods=mandate.periods)


def check_network(found: str, expected: str) -> None:
    """Refuse a document that was signed for another network.

    Raises:
        BadSignature: it was.
    """
    if found != expected:
        raise BadSignature(
            f"The document is for the network {found[:32]!r} and this is {expected!r}."
        )
