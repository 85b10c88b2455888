"""Take what the sites and the Board signed, keep it, log it and bring it to the sites.

The centre decides nothing here. It checks every document as a site will, so that a
mistake is found before it travels; but what counts is the site's own check.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from coordinator import destinations, draws, editions, mandates, plans
from coordinator.documents import ARRIVED, Documents, Kept, Outcome
from coordinator.log import Log
from coordinator.mandates import Wanted
from coordinator.sites import Site
from privacy import analysis_plan, edition, mandate, roster
from privacy.analysis_plan import Locked
from privacy.catalogue import Programme
from privacy.errors import BadConfiguration, ExchangeError, NotAllowed
from privacy.mandate import Mandate, Revocation, StandingDown, Turn
from privacy.roster import Roster
from privacy.signing import Document, Kind
from privacy.transparency import Kind as Told
from proto.client import NodeClient

_AT_ONCE: Final = 16
_REPLACING: Final = frozenset({Kind.ROSTER, Kind.EDITION, Kind.STANDING_DOWN})
"""Kinds of which a site that has a later one takes no earlier one."""

Reached = dict[str, dict[str, Outcome]]
"""Digest in hex -> site -> what became of the document there, this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Governance:
    """What taking and bringing documents needs at hand.

    Attributes:
        network: Name of the network.
        documents: Where they are kept.
        log: Where every act is written down.
        sites: Site name -> where its node listens.
        connect: Opens a channel to one site's node.
    """

    network: str
    documents: Documents
    log: Log
    sites: Mapping[str, Site]
    connect: Callable[[Site], NodeClient] = field(repr=False)

    # ---- what holds ----

    def newest_roster(self) -> Roster | None:
        """Return the roster in force at the centre, or None before the first."""
        kept = self.documents.all(Kind.ROSTER)
        return roster.parse(kept[-1].document) if kept else None

    def roster(self) -> Roster:
        """Return the roster in force at the centre.

        Raises:
            NotAllowed: there is none yet.
        """
        found = self.newest_roster()
        if found is None:
            raise NotAllowed(
                "There is no roster yet, so no signature can be judged; begin with "
                "`cmpp roster draft`."
            )
        return found

    def mandates(self) -> tuple[Mandate, ...]:
        """Return the mandates nobody withdrew, in order of arrival."""
        withdrawn = self.withdrawn()
        return tuple(
            mandate.parse(kept.document)
            for kept in self.documents.all(Kind.MANDATE)
            if kept.digest not in withdrawn
        )

    def withdrawn(self) -> frozenset[str]:
        """Return the digests of the mandates that were withdrawn."""
        return frozenset(
            Revocation.parse(kept.document).mandate
            for kept in self.documents.all(Kind.REVOCATION)
        )

    def turn(self) -> StandingDown | None:
        """Return the Board's last order to the whole programme, or None."""
        kept = self.documents.all(Kind.STANDING_DOWN)
        return StandingDown.parse(kept[-1].document) if kept else None

    def plans(self) -> tuple[Locked, ...]:
        """Return every analysis plan, and when the log told of it."""
        return plans.locked(self.documents.all(Kind.ANALYSIS_PLAN), self.log)

    def programmes(self) -> dict[str, Programme]:
        """Return every programme the centre knows, by version; the newest last."""
        return editions.programmes(self.documents.all(Kind.EDITION))

    def programme(self, version: str | None = None) -> Programme:
        """Return a programme by its version; the newest unless told.

        Raises:
            WrongProgramme: no such edition was submitted here.
        """
        return editions.find(self.programmes(), version)

    def mandate_for(self, wanted: Wanted, *, now: dt.datetime) -> Mandate:
        """Return the one mandate in force under which a question may be asked.

        Raises:
            NotAllowed: there is none, or none in particular; the sentence says why.
        """
        turn = self.turn()
        if turn is not None and turn.turn is not Turn.RESUME:
            raise NotAllowed(
                "Nothing is asked, because the Board ordered the programme to "
                f"{turn.turn.value}: {turn.reason}"
            )
        return mandates.choose(self.mandates(), wanted, now=now)

    # ---- what is taken ----

    def submit(self, document: Document, *, now: dt.datetime) -> Reached:
        """Check a document, keep it, log it, and bring it to the sites it is for.

        Raises:
            ExchangeError: too few signed it, or it does not say one definite thing.
        """
        number, told, fact = self._checked(document)
        kept = self.documents.keep(document, number=number, now=now)
        if kept.log_number is None:
            signers = sorted(key.hex() for key in document.signers)
            body = {"digest": kept.digest, "signers": signers, **fact}
            entry = self.log.append(told, body, now)
            self.documents.note_logged(kept.digest, entry)
        return self.deliver(now=now, again=kept)

    def deliver(self, *, now: dt.datetime, again: Kept | None = None) -> Reached:
        """Bring every site what has not arrived there, all sites at once.

        Args:
            now: The moment, for the record.
            again: A document to bring in any case.
        """
        kept, before = self.documents.all(), self.documents.deliveries()
        due = {
            site: self._due(site, kept, before, now=now, again=again)
            for site in self._members()
        }
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(self._bring, due, due.values()))
        reached: Reached = {each.digest: {} for each in kept}
        for site, outcomes in zip(due, found, strict=True):
            for each, outcome in zip(due[site], outcomes, strict=True):
                reached[each.digest][site] = outcome
                earlier = before.get((each.digest, site))
                if outcome is not Outcome.KNOWN or earlier not in ARRIVED:
                    # That it is known says less than what became of it.
                    self.documents.note_delivery(each.digest, site, outcome, now=now)
        return {digest: sites for digest, sites in reached.items() if sites}

    def _members(self) -> tuple[str, ...]:
        found = self.newest_roster()
        return tuple(found.members) if found else ()

    def _due(
        self,
        site: str,
        kept: tuple[Kept, ...],
        before: Mapping[tuple[str, str], Outcome],
        *,
        now: dt.datetime,
        again: Kept | None,
    ) -> list[Kept]:
        """Return what is to be brought to a site, oldest first."""
        withdrawn, meant = self.withdrawn(), destinations.of(kept)
        found: list[Kept] = []
        done: set[Kind] = set()
        for each in reversed(kept):
            kind = each.document.kind
            arrived = before.get((each.digest, site)) in ARRIVED
            wanted = again is not None and each.digest == again.digest
            if kind in done and not wanted:
                continue
            if arrived and kind in _REPLACING:
                done.add(kind)
            sites, until = meant.get(each.digest, (None, None))
            void = each.digest in withdrawn or (until is not None and now > until)
            for_site = sites is None or site in sites
            if for_site and not void and (wanted or not arrived):
                found.append(each)
        return found[::-1]

    def _bring(self, site: str, due: list[Kept]) -> list[Outcome]:
        """Bring documents to one site; after the first failure it is left alone."""
        outcomes: list[Outcome] = []
        address = self.sites.get(site)
        if address is None or not due:
            return [Outcome.UNREACHABLE] * len(due)
        with self.connect(address) as client:
            for each in due:
                try:
                    outcomes.append(Outcome(client.deliver(each.document)))
                except (ExchangeError, ValueError):
                    break
        return outcomes + [Outcome.UNREACHABLE] * (len(due) - len(outcomes))

    def _checked(self, document: Document) -> tuple[str, Told, dict[str, Any]]:
        """Judge a document as a site will; return its number and what the log tells.

        Raises:
            ExchangeError: a site would not believe it.
        """
        text = document.file().decode("utf-8", "replace")
        match document.kind:
            case Kind.ROSTER:
                new = roster.parse(document)
                self._check_roster(document, new)
                fact = {"version": new.version, "document": text}
                return str(new.version), Told.ROSTER, fact
            case Kind.EDITION:
                return self._edition(document)
            case Kind.MANDATE:
                found = mandate.parse(document)
                self._check_board(document, found.network)
                self._check_mandate(found)
                fact = {"number": found.number, "title": found.title, "document": text}
                return found.number, Told.MANDATE, fact
            case Kind.REVOCATION:
                return self._revocation(document, text)
            case Kind.STANDING_DOWN:
                order = StandingDown.parse(document)
                self._check_board(document, order.network)
                self._check_order(document, order)
                fact = {"what": order.turn.value, "document": text}
                return str(order.number), Told.STANDING_DOWN, fact
            case Kind.DRAW | Kind.ANALYSIS_PLAN:
                return self._lottery(document)
            case _:
                raise BadConfiguration(
                    f"A {document.kind.value} is made at a site and is none of the "
                    "centre's business."
                )

    def _lottery(self, document: Document) -> tuple[str, Told, dict[str, Any]]:
        if document.kind is Kind.DRAW:
            number, fact = draws.facts(document, self.documents.all(), self.log)
            return number, Told.DRAW, fact
        plan = analysis_plan.parse(document)
        self._check_board(document, plan.network)
        known = self.programmes().values()
        number, fact = plans.facts(document, self.plans(), known)
        return number, Told.ANALYSIS_PLAN, fact

    def _edition(self, document: Document) -> tuple[str, Told, dict[str, Any]]:
        found = edition.parse(document)
        self._check_board(document, found.network)
        others = [
            edition.parse(kept.document).number
            for kept in self.documents.all(Kind.EDITION)
            if kept.digest != document.digest.hex()
        ]
        if found.number <= max(others, default=0):
            raise BadConfiguration(
                f"Edition {found.number} is not newer than edition {max(others)}; "
                "draft it again with the next number."
            )
        fact = {"number": found.number, "version": found.programme.version}
        return str(found.number), Told.EDITION, fact

    def _revocation(
        self, document: Document, text: str
    ) -> tuple[str, Told, dict[str, Any]]:
        found = Revocation.parse(document)
        list_ = self.roster()
        mandate.check_network(found.network, list_.network)
        kept = self.documents.named(Kind.MANDATE, found.mandate)
        if not list_.by_board(document):
            raise NotAllowed(
                "The revocation is signed by no member of the Board (the chair's "
                "signature does not count); have a member sign it."
            )
        fact = {"mandate": found.mandate, "document": text}
        return kept.number, Told.REVOCATION, fact

    def _check_roster(self, document: Document, new: Roster) -> None:
        before = self.newest_roster()
        if new.network != self.network or new.coordinator != self.log.key:
            raise BadConfiguration(
                "The roster is for another network, or names another coordinator's "
                "key; draft it here with `cmpp roster draft`."
            )
        if before is None or before.digest != new.digest:
            new.check_follows(document, before)

    def _check_mandate(self, found: Mandate) -> None:
        """Refuse a second mandate of one number, and sites that take no part."""
        programme = self.programmes().get(found.programme)
        if programme is not None:
            analysis_plan.check_arms(found, programme)
        strange = found.sites - set(self._members())
        if strange:
            raise BadConfiguration(
                f"The mandate names {', '.join(sorted(strange))}, which the roster "
                "does not; draft it again."
            )
        for kept in self.documents.all(Kind.MANDATE):
            if kept.number == found.number and kept.digest != found.digest.hex():
                raise BadConfiguration(
                    f"There is another mandate {found.number} already; draft this one "
                    "again with the next number."
                )

    def _check_order(self, document: Document, order: StandingDown) -> None:
        """Refuse an order that would not come after the ones before it."""
        for kept in self.documents.all(Kind.STANDING_DOWN):
            before = StandingDown.parse(kept.document)
            if kept.digest != document.digest.hex() and order.number <= before.number:
                raise BadConfiguration(
                    f"Order {before.number} was given already; draft this one again."
                )

    def _check_board(self, document: Document, network: str) -> None:
        list_ = self.roster()
        mandate.check_network(network, list_.network)
        list_.check_board(document)
