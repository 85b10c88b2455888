"""The story of one query at a site.

    who asks? -> does a mandate open it? -> may it be asked here? -> charge
      -> read -> noise -> store -> witnessed? -> answer

Nothing is read before the charge is durable, nothing is sent before the release is
and before peers have seen where the ledger stands. A crash, a deadline or a
statement that dies leaves the charge standing; the same query finishes under it
later. Every refusal is decided from the question, what the Board and the site's
officers signed, the ledger and public data, so it says nothing about any record.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.charter import Charter
from node.ledger.book import Ledger
from node.ledger.charge import Charge, Charged, Stored
from node.witness import Standing
from privacy import (
    analysis_plan,
    binding,
    mechanism,
    query,
    sensitivity,
    statement,
)
from privacy.catalogue import Programme
from privacy.dictionary import Dictionary, Grain
from privacy.errors import (
    Expired,
    InvalidQuery,
    NotAllowed,
    NotMature,
    Pending,
    PeriodNotClosed,
    Untrusted,
    WrongProgramme,
    WrongSite,
)
from privacy.law import Law
from privacy.mandate import Asked, Mandate, Purpose
from privacy.mechanism import Tally
from privacy.period import Period, day_number
from privacy.policy import Policy
from privacy.query import Mode, Query
from proto.description import Description
from proto.wire import Answer, Ask

BEHIND_MAX = dt.timedelta(minutes=5)
"""How far the clock may stand behind the last rule made here."""

WITNESS_SECONDS = 5.0
"""How long a reply waits for its witnesses before it is `pending`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One site: its rules, its ledger, its witnesses and its records.

    Attributes:
        charter: The rules in force.
        standing: Where the ledger stands in its peers' eyes.
        key: Signs the site's answers; the public half is in the roster.
        dictionary: the one the records were imported under.
        size_class: the public size the reply's moment is computed from.
        software: version of this software.
        closed_through: returns the last quarter in the register, or None.
        read: returns the exact tally of a query, from one read-only statement.
        charged: told after each charge, so that people hear of a budget's marks.
    """

    site: str
    charter: Charter = field(repr=False)
    ledger: Ledger = field(repr=False)
    standing: Standing = field(repr=False)
    key: Ed25519PrivateKey = field(repr=False)
    dictionary: Dictionary = field(repr=False)
    size_class: str
    software: str
    closed_through: Callable[[], Period | None]
    read: Callable[[Query], Tally] = field(repr=False)
    charged: Callable[[], None] = field(default=lambda: None, repr=False)

    def answer(self, ask: Ask, *, now: dt.datetime) -> Answer:
        """Answer one question, or refuse it at no cost.

        The answer may leave only when `show` says that its ledger entry is witnessed.

        Runs at:  the site.

        Raises:
            Untrusted: the coordinator of the roster did not sign the question.
            InvalidQuery: the question is not what this catalogue would ask.
            Refused: a rule says no; nothing was spent and no record was read.
            Pending: no quorum of peers has seen this start of the node yet.
            Corrupt: the ledger, the register, a cap or the noise is broken;
                nothing was sent and the node must stop.
        """
        law = self.charter.law()
        asked, programme, through = self._judge(ask, law, now)
        if not self.standing.began(seconds=WITNESS_SECONDS):
            raise Pending(
                "Not enough peers have witnessed this start of the node yet, so "
                "nothing is charged; ask again."
            )
        charged = self.ledger.charge(_charge(ask, asked), after=law.mark, now=now)
        if isinstance(charged, Stored):
            return self._answer(ask, charged, None, through)
        if not charged.resumed:
            self.charged()
        stored = self._release(asked, programme, charged, now)
        return self._answer(ask, stored, charged, through)

    def check(self, ask: Ask, *, now: dt.datetime) -> None:
        """Refuse a question that rules made since its work began do not allow.

        Raises:
            ExchangeError: as `answer`; the charge stands, and nothing is sent.
        """
        self._judge(ask, self.charter.law(), now)

    def show(self, answer: Answer) -> bool:
        """Show an answer's entry to witnesses; tell whether it may leave.

        Requires: called at the reply's public moment, never before.
        """
        return self.standing.show(answer.sequence, seconds=WITNESS_SECONDS)

    def describe(self) -> Description:
        """State public facts about the site."""
        through = self.closed_through()
        newest = self.charter.law().newest
        version = newest.version if newest else "none"
        return Description(
            site=self.site,
            catalogue_version=version,
            closed_through="" if through is None else through.label,
            size_class=self.size_class,
            software_version=self.software,
        )

    def _judge(
        self, ask: Ask, law: Law, now: dt.datetime
    ) -> tuple[Query, Programme, Period]:
        """Return what is asked, if everybody who must allow it does."""
        law.check_answering()
        self._identify(ask, law, now)
        asked, programme = self._understand(ask, law)
        return asked, programme, self._allow(ask, asked, law, now)

    def _identify(self, ask: Ask, law: Law, now: dt.datetime) -> None:
        """Refuse what the coordinator did not sign, for this site, for now."""
        if law.roster is None or not ask.is_signed_by(law.roster.coordinator):
            raise Untrusted(
                "The question is not signed by the coordinator in the roster; compare "
                "the roster at both ends."
            )
        if ask.site != self.site:
            raise WrongSite(f"The question is for another site than {self.site}.")
        last = self.charter.last_moment
        if now < last - BEHIND_MAX:
            raise Expired(
                f"The clock of site {self.site} stands before its ledger's last rule; "
                "set it right."
            )
        if now.timestamp() > ask.not_after:
            raise Expired("The question was not meant to be answered so late.")

    def _understand(self, ask: Ask, law: Law) -> tuple[Query, Programme]:
        """Return the query this site's own catalogue means by the question.

        What runs is never what was sent: it is derived here, and only if it is
        the same to the byte.
        """
        sent = query.parse(ask.query)
        programme = law.programme(ask.catalogue_version)
        if programme.dictionary != self.dictionary:
            raise WrongProgramme(
                f"The records of site {self.site} were imported under another "
                "dictionary; import them again under the new one."
            )
        metric = programme.metric(ask.metric)
        metric.check_asked(Mode(ask.mode))
        if len(sent.periods) != 1:
            raise InvalidQuery("A metric is asked for one period at a time.")
        known = programme.queries(metric, sent.periods[0], sent.revision)
        if (
            ask.query_name not in known
            or known[ask.query_name].canonical_form != ask.query
        ):
            raise InvalidQuery(
                "The question is not the one the catalogue defines; ask it by metric "
                "and period."
            )
        asked = known[ask.query_name]
        binding.check(asked, programme.dictionary, Grain.SITE)
        if len(query.cells(asked, programme.dictionary)) != ask.cells:
            raise InvalidQuery("The question miscounts its own cells; ask it again.")
        return asked, programme

    def _allow(self, ask: Ask, asked: Query, law: Law, now: dt.datetime) -> Period:
        """Refuse what mandate, policy or calendar do not allow."""
        question = Asked(
            site=self.site,
            metric=ask.metric,
            purpose=Purpose(ask.purpose),
            mode=Mode(ask.mode),
            period=asked.periods[0],
            revision=asked.revision,
            programme=ask.catalogue_version,
        )
        mandate = law.permit(ask.mandate)
        mandate.check_in_force(now)
        mandate.check(question)
        _check_fixed(question, mandate, law)
        policy = _policy(law)
        policy.check(question, entry_years=asked.entry_years, now=now)
        policy.check_loss(ask.rho)
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

    def _release(
        self, asked: Query, programme: Programme, charged: Charged, now: dt.datetime
    ) -> Stored:
        """Read, add noise, and keep the release beside its charge.

        The loss is the one charged first: a question that finishes after a
        crash cannot buy less noise than was paid for.
        """
        moved = sensitivity.of(asked, programme.dictionary)
        noise = mechanism.calibrate(
            l2_squared=moved.l2_squared,
            rho=charged.rho,
            size=len(query.cells(asked, programme.dictionary)),
        )
        noisy = mechanism.release(noise, self.read(asked))
        return self.ledger.store(
            charged.release_key,
            values=noisy.values,
            variance=noise.variance,
            l2_squared=moved.l2_squared,
            now=now,
        )

    def _answer(
        self, ask: Ask, stored: Stored, charged: Charged | None, through: Period
    ) -> Answer:
        """Put a stored release in an answer, and sign it."""
        fresh = charged is not None and not charged.resumed
        receipt = statement.receipt(
            site=self.site,
            ask=ask.digest,
            release_key=stored.release_key,
            values=stored.values,
            variance=stored.variance,
            rho=stored.rho,
            sequence=stored.sequence,
        )
        return Answer(
            release_key=stored.release_key,
            values=stored.values,
            variance=stored.variance,
            rho=stored.rho,
            charged_pico=charged.amount.model if charged and fresh else 0,
            worst_pico=charged.amount.worst if charged and fresh else 0,
            register_through=through.label,
            free=not fresh,
            sequence=stored.sequence,
            receipt=self.key.sign(receipt),
        )


def _charge(ask: Ask, asked: Query) -> Charge:
    """Say what the question costs; in site mode both columns are the same."""
    return Charge.of(
        asked,
        metric=ask.metric,
        mode=Mode(ask.mode),
        rho=ask.rho,
        worst_rho=ask.rho,
        mandate=ask.mandate,
        ask=ask.digest,
    )


def _check_fixed(question: Asked, mandate: Mandate, law: Law) -> None:
    """Refuse an effect that no analysis plan fixed before its draws."""
    programme = law.programme(question.programme)
    metric = programme.metric(question.metric)
    analysis_plan.check_arms(mandate, programme)
    analysis_plan.check_asked(metric, programme, question.period, law.plans)


def _policy(law: Law) -> Policy:
    """Return the policy in force; `Law.check_answering` has made sure of it."""
    if law.policy is None:
        raise NotAllowed(f"Site {law.site} has no signed policy yet.")
    return law.policy
