"""A site that is all there: signed policy, durable ledger, records, and its door."""

import datetime as dt
import itertools
import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Protocol

from node.answer import Node
from node.carrier import Carrier
from node.charter import Charter
from node.ledger import Ledger, Scope
from node.witness import Standing, Witness
from privacy import query
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Mode, Query
from privacy.signing import Document
from privacy.statement import BOOT_BYTES
from proto.client import DELIVER, PRESENT, STANDING, WITNESS
from proto.description import Description
from proto.wire import Answer, Ask
from tests import governed
from tests import signed_samples as samples
from tests.governed import RUNNING, Peers, govern
from tests.own_records import NOW, PROGRAMME

SITE = "NYC"
MANDATE = governed.mandate(now=NOW)


class Records(Protocol):
    """What a site reads: its register's last quarter, and tallies."""

    def closed_through(self) -> Period | None: ...

    def read(self, asked: Query) -> Tally: ...

    def close(self) -> None: ...


class LivingSite:
    """A site whose ledger can start afresh as often as a test needs.

    It is the story behind a door: what it is asked goes to the node it is now. Its
    peers witness at once whatever it shows.
    """

    def __init__(
        self,
        home: Path,
        records: Records,
        *,
        ruled: dt.datetime = NOW,
        opens: Sequence[Document] = (MANDATE,),
        **changes: object,
    ) -> None:
        self.home = home
        self.records = records
        self.gate = threading.Event()
        self.shift = dt.timedelta(0)
        self.peers = Peers.of(SITE)
        home.mkdir(parents=True, exist_ok=True)
        self._fresh = home / "ledger.fresh"
        ledger = Ledger.create(f"sqlite:///{self._fresh}", site=SITE, now=ruled)
        govern(ledger, SITE, now=ruled, opens=opens, **changes)
        ledger.close()
        self._numbers = itertools.count()
        self.path = self._fresh
        self.node = self._opened()

    def afresh(self, *, witnessed: bool = True) -> None:
        """Become a site that never answered anything."""
        self.node.ledger.close()
        self.path.unlink()
        self.peers = Peers.of(SITE)
        self.node = self._opened(witnessed=witnessed)

    def reopened(self) -> None:
        """Become what this site is after its process ended and began again."""
        self.node.ledger.close()
        self.node = self._node(self.path)

    def _opened(self, *, witnessed: bool = True) -> Node:
        self.path = self.home / f"ledger{next(self._numbers)}.sqlite"
        shutil.copy(self._fresh, self.path)
        return self._node(self.path, witnessed=witnessed)

    def _node(self, path: Path, *, witnessed: bool = True) -> Node:
        ledger = Ledger.open(f"sqlite:///{path}")
        ledger.boot(secrets.token_bytes(BOOT_BYTES), now=NOW)
        charter, key = Charter(ledger, site=SITE), samples.key(SITE)
        standing = Standing(ledger, site=SITE, key=key, law=charter.law)
        if witnessed:
            self.peers.attend(standing)
        self._carrier = Carrier(
            charter=charter,
            standing=standing,
            witness=Witness(ledger, site=SITE, key=key, law=charter.law),
            clock=lambda: NOW + self.shift,
        )
        return Node(
            site=SITE,
            charter=charter,
            ledger=ledger,
            standing=standing,
            key=key,
            dictionary=PROGRAMME.dictionary,
            size_class="small",
            software="0.1.0",
            closed_through=self.records.closed_through,
            read=self.records.read,
        )

    def answer(self, ask: Ask, *, now: dt.datetime) -> Answer:
        # The site's own time stands still; only certificates follow the clock.
        del now
        return self.node.answer(ask, now=NOW + self.shift)

    def check(self, ask: Ask, *, now: dt.datetime) -> None:
        del now
        self.node.check(ask, now=NOW + self.shift)

    def show(self, answer: Answer) -> bool:
        standing = self.node.standing
        if not standing.show(answer.sequence, seconds=0):
            self.peers.attend(standing)
        return self.node.show(answer)

    def describe(self) -> Description:
        return self.node.describe()

    def carried(self) -> Mapping[str, Callable[[bytes], bytes]]:
        """Return what the site does for the coordinator as a carrier."""
        names = (STANDING, WITNESS, PRESENT, DELIVER)
        return {name: partial(self._carry, name) for name in names}

    def _carry(self, name: str, data: bytes) -> bytes:
        return self._carrier.methods()[name](data)

    def head(self) -> object:
        """Return where the ledger stands."""
        return self.node.ledger.head()

    def spent(self) -> dict[str, int]:
        """Return what each entry year has been charged, in pico-rho."""
        return lifetime_spent(self.node.ledger)


def lifetime_spent(ledger: Ledger) -> dict[str, int]:
    """Return the model column of every entry year's lifetime account."""
    return {
        account.name: account.spent.model
        for account in ledger.accounts()
        if account.scope is Scope.LIFETIME
    }


def queries(metric: str, period: str) -> dict[str, Query]:
    """Return the queries of a metric for a period."""
    return PROGRAMME.queries(PROGRAMME.metric(metric), Period(period))


def ask(
    metric: str = "M08",
    period: str = "FY2024-H2",
    name: str | None = None,
    rho: str = "0.01",
    **changes: object,
) -> Ask:
    """State a question as an honest coordinator would, unless told otherwise."""
    known = queries(metric, period)
    chosen = name or next(iter(known))
    parts = {
        "query": known[chosen].canonical_form,
        "metric": metric,
        "query_name": chosen,
        "catalogue_version": PROGRAMME.version,
        "rho": Fraction(rho),
        "purpose": "oversight",
        "cells": size(known[chosen]),
        "site": SITE,
        "mandate": MANDATE.digest,
        "asked_by": "ana",
        "not_after": int((NOW + dt.timedelta(days=3650)).timestamp()),
        **changes,
    }
    return Ask(**parts).signed_by(samples.key("coordinator"))  # type: ignore[arg-type]


def restated(question: Ask, **changes: object) -> Ask:
    """Change a question, and have the coordinator sign what it says then."""
    changed: Ask = replace(question, **changes)  # type: ignore[arg-type]
    return changed.signed_by(samples.key("coordinator"))


def size(asked: Query) -> int:
    """Count the cells of a query."""
    return len(query.cells(asked, PROGRAMME.dictionary))


ASKABLE = tuple(
    name
    for name in RUNNING
    if Mode.SITE in (metric := PROGRAMME.metric(name)).modes
    and metric.templates
    and not metric.preregistered
)
"""Metrics a site answers without a total over sites and without an analysis plan."""


def all_questions(*periods: str) -> list[Ask]:
    """State every query a site answers for every one of these periods it has."""
    stated = []
    for metric in ASKABLE:
        kinds = PROGRAMME.metric(metric).periods
        for period in periods:
            if Period(period).kind in kinds:
                names = queries(metric, period)
                stated += [ask(metric, period, name, rho="0.001") for name in names]
    return stated
