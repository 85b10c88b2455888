"""The policy: what one site's privacy officers allow, as they signed it.

It can only narrow what a mandate opens. Every decision is taken from the question,
these rules and the date, never from a record, so a refusal tells nobody anything
about anyone. What gives away more than the policy before needs two officers; what
gives away less needs one. The floors below are the program's own: no policy goes
under them.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Final, Self

from privacy import loss, signing
from privacy.amount import Amount, Caps
from privacy.errors import (
    BadConfiguration,
    BadSignature,
    BudgetExhausted,
    Expired,
    InvalidProgramme,
    InvalidQuery,
    NotAllowed,
)
from privacy.mandate import Asked, Mandate, Purpose
from privacy.period import Period, PeriodKind
from privacy.roster import BOARD_MIN
from privacy.signing import Document, Kind, text_of
from privacy.strict import Section, load_toml, moment

TOLERATED_MIN: Final = 1
"""At least one other site is assumed to collude with the coordinator."""

OFFICERS_MIN: Final = 2
"""The two-person rule needs two persons."""

DELTA_MAX: Final = Fraction(1, 1000)
LOOSER: Final = 2
"""Officers who must sign whatever gives away more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoAccept:
    """What the officers accept beforehand, without looking at each.

    Attributes:
        mandates: Whether a mandate can be accepted by rule at all.
        purposes: Only mandates for these purposes alone.
        loss_at_most: Only mandates that cost a site no more than this in all.
        editions: Whether an edition that only adds metrics is accepted by rule.
    """

    mandates: bool = False
    purposes: frozenset[Purpose] = frozenset()
    loss_at_most: Fraction = Fraction(0)
    editions: bool = False

    def within(self, other: Self) -> bool:
        """Tell whether another rule accepts at least all that this one does."""
        mandates = not self.mandates or (
            other.mandates
            and self.purposes <= other.purposes
            and self.loss_at_most <= other.loss_at_most
        )
        return mandates and (other.editions or not self.editions)

    def takes(self, mandate: Mandate) -> bool:
        """Tell whether a mandate needs no officer."""
        cheap = max(mandate.loss_rho, mandate.worst_rho) <= self.loss_at_most
        return self.mandates and cheap and mandate.purposes <= self.purposes


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of a site's rules.

    Attributes:
        network: The network the site belongs to.
        site: The site these rules belong to.
        version: Only ever raised.
        reason: Why this version exists, in the officers' words.
        programme: The edition the officers read before any came by delivery.
        allow: Metrics that may be asked under a mandate.
        deny: Metrics that may not, whatever else says so.
        period_kinds: Lengths of period that may be asked.
        purposes: Purposes that may be named.
        first_entry_year: Earliest entry year a question may touch.
        last_entry_year: Latest entry year a question may touch.
        tolerated_colluders: Sites that may collude with the coordinator; decides
            how many peers must witness the ledger.
        board_signatures: Board signatures a mandate needs here, at least.
        caps: The most loss, in both columns.
        delta: At which loss is shown to people as epsilon.
        officers: Name -> public key, 32 bytes.
        auto_accept: What is accepted by rule.
        digest: SHA-256 of the signed text.
    """

    network: str
    site: str
    version: int
    reason: str
    programme: str
    allow: frozenset[str]
    deny: frozenset[str]
    period_kinds: frozenset[PeriodKind]
    purposes: frozenset[Purpose]
    first_entry_year: Period
    last_entry_year: Period
    tolerated_colluders: int
    board_signatures: int
    caps: Caps
    delta: Fraction
    officers: Mapping[str, bytes]
    auto_accept: AutoAccept
    not_before: dt.datetime
    not_after: dt.datetime
    digest: bytes

    def __post_init__(self) -> None:
        """Refuse rules that contradict themselves or go below a floor."""
        keys = set(self.officers.values())
        wrong = {
            f"names fewer than {OFFICERS_MIN} officers, or two with one key": (
                len(keys) < OFFICERS_MIN or len(keys) != len(self.officers)
            ),
            f"tolerates fewer than {TOLERATED_MIN} colluder": (
                self.tolerated_colluders < TOLERATED_MIN
            ),
            f"asks for fewer than {BOARD_MIN} board signatures": (
                self.board_signatures < BOARD_MIN
            ),
            "has its first entry year after its last": (
                self.first_entry_year.year > self.last_entry_year.year
            ),
            "ends before it begins": self.not_before >= self.not_after,
            "shows loss at a delta that is not above 0 and at most 0.001": (
                not 0 < self.delta <= DELTA_MAX
            ),
        }
        for what, is_wrong in wrong.items():
            if is_wrong:
                raise BadConfiguration(
                    f"The policy {what}; correct it and have it signed again."
                )

    def check(
        self, question: Asked, *, entry_years: Collection[Period], now: dt.datetime
    ) -> None:
        """Let a question through, or refuse it before anything is spent or read.

        Raises:
            Expired: the policy has lapsed.
            NotAllowed: the question is outside the policy.
        """
        if now < self.not_before:
            raise NotAllowed(
                f"The policy of site {self.site} is not in force yet; ask again from "
                f"{self.not_before.isoformat()}."
            )
        if now > self.not_after:
            raise Expired(
                f"The policy of site {self.site} lapsed on "
                f"{self.not_after.isoformat()}; ask its officers to sign a new one."
            )
        outside = {
            question.metric: question.metric not in self.allow - self.deny,
            f"the purpose {question.purpose.value}": (
                question.purpose not in self.purposes
            ),
            f"periods like {question.period}": (
                question.period.kind not in self.period_kinds
            ),
            f"entry years outside {self.first_entry_year} to {self.last_entry_year}": (
                not self._inside(entry_years)
            ),
        }
        for what, is_outside in outside.items():
            if is_outside:
                raise NotAllowed(
                    f"Site {self.site} does not allow {what}; ask its privacy officer, "
                    "who can sign a policy that does."
                )

    def check_loss(self, rho: Fraction) -> None:
        """Refuse a question that costs more than one release may.

        Raises:
            BudgetExhausted: it does.
        """
        asked, left = loss.pico(rho), self.caps.per_release.model
        if asked > left:
            raise BudgetExhausted(left_pico_rho=left, asked_pico_rho=asked)

    def signers(self, document: Document) -> frozenset[bytes]:
        """Return the officers' keys that signed a document."""
        return document.signers & frozenset(self.officers.values())

    def check_follows(self, document: Document, before: Self | None) -> None:
        """Believe this policy only if enough officers signed it.

        Requires: `document` is the one this policy was read from.

        Raises:
            BadSignature: too few of the officers in force signed.
            BadConfiguration: it is for another site, or no newer.
        """
        judges = self if before is None else before
        looser = ("the first policy",) if before is None else self.loosens(before)
        needed = LOOSER if looser else 1
        found = len(judges.signers(document))
        if before is not None and (self.site, self.network) != (
            before.site,
            before.network,
        ):
            raise BadConfiguration("The policy is for another site or network.")
        if before is not None and self.version <= before.version:
            raise BadConfiguration(
                f"The policy is version {self.version} and version {before.version} "
                "is in force; raise the version and have it signed again."
            )
        if found < needed:
            why = f" because it loosens {', '.join(looser)}" if looser else ""
            raise BadSignature(
                f"The policy carries {found} of the {needed} officers' signatures it "
                f"needs{why}; have another officer of this site sign it."
            )

    def loosens(self, before: Self) -> tuple[str, ...]:
        """Name every respect in which this gives away more than before."""
        more = {
            each.name: not getattr(self.caps, each.name).within(
                getattr(before.caps, each.name)
            )
            for each in fields(Caps)
        }
        more |= {
            "tolerated_colluders": self.tolerated_colluders
            < before.tolerated_colluders,
            "board_signatures": self.board_signatures < before.board_signatures,
            "officers": dict(self.officers) != dict(before.officers),
            "allow": not self.allow - self.deny <= before.allow - before.deny,
            "period_kinds": not self.period_kinds <= before.period_kinds,
            "purposes": not self.purposes <= before.purposes,
            "entry_years": self.first_entry_year.year < before.first_entry_year.year
            or self.last_entry_year.year > before.last_entry_year.year,
            "auto_accept": not self.auto_accept.within(before.auto_accept),
        }
        return tuple(name for name, is_more in more.items() if is_more)

    def _inside(self, entry_years: Collection[Period]) -> bool:
        first, last = self.first_entry_year.year, self.last_entry_year.year
        return bool(entry_years) and all(
            year.kind is PeriodKind.FISCAL_YEAR and first <= year.year <= last
            for year in entry_years
        )


def parse(document: Document) -> Policy:
    """Read a policy; its signatures are judged by `Policy.check_follows`.

    Raises:
        BadConfiguration: it does not say one definite thing.
        BadSignature: the document is of another kind.
    """
    try:
        root = Section("policy", load_toml(text_of(document, Kind.POLICY)))
        return _read(root, document.digest)
    except (InvalidProgramme, InvalidQuery) as error:
        raise BadConfiguration(
            f"The policy will not do: {error.message} Have it signed again."
        ) from error


def _read(root: Section, digest: bytes) -> Policy:
    inner = Section("policy.officers", root.raw("officers"))
    officers = {name: signing.key_bytes(inner.text(name)) for name in inner.names()}
    policy = Policy(
        network=root.text("network"),
        site=root.text("site"),
        version=root.integer("version"),
        reason=root.text("reason"),
        programme=root.text("programme"),
        allow=frozenset(root.texts("allow")),
        deny=frozenset(root.texts("deny") if root.has("deny") else ()),
        period_kinds=frozenset(root.choices("period_kinds", PeriodKind)),
        purposes=frozenset(root.choices("purposes", Purpose)),
        first_entry_year=Period(root.text("first_entry_year")),
        last_entry_year=Period(root.text("last_entry_year")),
        tolerated_colluders=root.integer("tolerated_colluders"),
        board_signatures=root.integer("board_signatures"),
        caps=_caps(Section("policy.caps", root.raw("caps"))),
        delta=loss.parse_rho(root.text("delta")),
        officers=officers,
        auto_accept=_auto_accept(root),
        not_before=moment(root, "not_before"),
        not_after=moment(root, "not_after"),
        digest=digest,
    )
    root.done()
    return policy


def _caps(section: Section) -> Caps:
    """Read the caps in rho, counted in pico-rho and rounded down."""

    def amount(name: str) -> Amount:
        model = loss.parse_rho(section.text(name))
        worst = loss.parse_rho(section.text(f"{name}_worst"))
        return Amount(model=int(model * loss.PICO), worst=int(worst * loss.PICO))

    caps = Caps(
        lifetime=amount("lifetime"),
        fiscal_year=amount("fiscal_year"),
        per_mandate=amount("per_mandate"),
        per_release=amount("per_release"),
    )
    section.done()
    return caps


def _auto_accept(root: Section) -> AutoAccept:
    if not root.has("auto_accept"):
        return AutoAccept()
    section = Section("policy.auto_accept", root.raw("auto_accept"))
    mandates = section.flag("mandates", default=False)
    rule = AutoAccept(
        mandates=mandates,
        purposes=frozenset(section.choices("purposes", Purpose)),
        loss_at_most=loss.parse_rho(section.text("loss_at_most"))
        if mandates
        else Fraction(0),
        editions=section.flag("editions", default=False),
    )
    section.done()
    return rule
