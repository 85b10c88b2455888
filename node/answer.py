"""The story of one query at a site.

    understand it -> may it be asked? -> charge -> read -> noise -> store -> answer

Nothing is read before the charge is durable, and nothing is sent before the
release is. A crash, a deadline or a statement that dies leaves the charge
standing; the same query finishes under it later. Every refusal is decided from
the query, the policy, the ledger and public data, so it says nothing about any
record.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from node.ledger.book import Ledger
from node.ledger.charge import Charge, Charged, Stored
from node.policy.rules import Policy
from privacy import binding, mechanism, query, sensitivity
from privacy.catalogue import Programme, Status
from privacy.dictionary import Grain
from privacy.errors import (
    InvalidQuery,
    NotAllowed,
    NotMature,
    PeriodNotClosed,
    UnknownMetric,
    WrongProgramme,
)
from privacy.mechanism import Tally
from privacy.period import Period, day_number
from privacy.query import Mode, Query
from proto.wire import Answer, Ask, Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One site: its rules, its ledger and its records.

    Attributes:
        size_class: the public size the reply's moment is computed from.
        software: version of this software.
        closed_through: returns the last quarter in the register, or None.
        read: returns the exact tally of a query, from one read-only statement.
    """

    site: str
    programme: Programme
    policy: Policy
    ledger: Ledger = field(repr=False)
    size_class: str
    software: str
    closed_through: Callable[[], Period | None]
    read: Callable[[Query], Tally] = field(repr=False)

    def answer(self, ask: Ask, *, now: dt.datetime) -> Answer:
        """Answer one question, or refuse it at no cost.

        Runs at:  the site.

        Raises:
            InvalidQuery: the question is not what this catalogue would ask.
            Refused: a rule says no; nothing was spent and no record was read.
            Corrupt: the ledger, the register, a cap or the noise is broken;
                nothing was sent and the node must stop.
        """
        asked = self._understand(ask)
        through = self._allow(ask, asked, now)
        charged = self.ledger.charge(
            Charge.of(asked, metric=ask.metric, mode=Mode.SITE, rho=ask.rho),
            caps=self.policy.caps,
            now=now,
        )
        if isinstance(charged, Stored):
            return _answer(charged, through, charged_pico=0)
        stored = self._release(asked, charged, now)
        return _answer(
            stored, through, charged_pico=0 if charged.resumed else charged.pico_rho
        )

    def describe(self) -> Description:
        """State public facts about the site."""
        through = self.closed_through()
        return Description(
            site=self.site,
            catalogue_version=self.programme.version,
            closed_through="" if through is None else through.label,
            size_class=self.size_class,
            software_version=self.software,
        )

    def _understand(self, ask: Ask) -> Query:
        """Return the query this site's own catalogue means by the question.

        What runs is never what was sent: it is derived here, and only if it is
        the same to the byte.
        """
        if ask.catalogue_version != self.programme.version:
            raise WrongProgramme(
                f"Site {self.site} holds programme {self.programme.version}; bring "
                "both ends to the same version."
            )
        sent = query.parse(ask.query)
        metric = self.programme.metric(ask.metric)
        if metric.status is not Status.RUNNING or len(sent.periods) != 1:
            raise UnknownMetric(f"{ask.metric} is not open to questions yet.")
        if sent.revision:
            raise NotAllowed(
                "A correction needs a mandate, and this site holds none; ask for the "
                "first release, which stands."
            )
        known = self.programme.queries(metric, sent.periods[0])
        if (
            ask.query_name not in known
            or known[ask.query_name].canonical_form != ask.query
        ):
            raise InvalidQuery(
                "The question is not the one the catalogue defines; ask it by metric "
                "and period."
            )
        asked = known[ask.query_name]
        binding.check(asked, self.programme.dictionary, Grain.SITE)
        if len(query.cells(asked, self.programme.dictionary)) != ask.cells:
            raise InvalidQuery("The question miscounts its own cells; ask it again.")
        return asked

    def _allow(self, ask: Ask, asked: Query, now: dt.datetime) -> Period:
        """Refuse what the policy or the calendar does not allow."""
        self.policy.check(
            metric=ask.metric,
            programme=self.programme.version,
            periods=asked.periods,
            entry_years=asked.entry_years,
            rho=ask.rho,
            now=now,
        )
        through = self.closed_through()
        if through is None or through.end < asked.periods[-1].end:
            raise PeriodNotClosed(
                f"Site {self.site} has not closed {asked.periods[-1]} yet; ask again "
                "when it has."
            )
        if day_number(now.date()) < binding.matures(asked):
            raise NotMature(
                f"{ask.metric} follows people for {binding.follow_up_days(asked)} days "
                f"after {asked.periods[-1]}; ask again when that time has passed."
            )
        return through

    def _release(self, asked: Query, charged: Charged, now: dt.datetime) -> Stored:
        """Read, add noise, and keep the release beside its charge.

        The loss is the one charged first: a question that finishes after a
        crash cannot buy less noise than was paid for.
        """
        moved = sensitivity.of(asked, self.programme.dictionary)
        noise = mechanism.calibrate(
            l2_squared=moved.l2_squared,
            rho=charged.rho,
            size=len(query.cells(asked, self.programme.dictionary)),
        )
        noisy = mechanism.release(noise, self.read(asked))
        return self.ledger.store(
            charged.release_key,
            values=noisy.values,
            variance=noise.variance,
            l2_squared=moved.l2_squared,
            now=now,
        )


def _answer(stored: Stored, through: Period, *, charged_pico: int) -> Answer:
    """Put a stored release in an answer."""
    return Answer(
        release_key=stored.release_key,
        values=stored.values,
        variance=stored.variance,
        rho=stored.rho,
        charged_pico=charged_pico,
        register_through=through.label,
        free=not charged_pico,
    )
