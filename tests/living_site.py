"""A site that is all there: signed policy, durable ledger, records, and its door."""

import datetime as dt
import itertools
import shutil
import threading
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from node import policy
from node.answer import Node
from node.ledger import Ledger
from node.policy import officer
from privacy import query
from privacy.catalogue import Status
from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query
from proto.wire import Answer, Ask, Description
from tests.own_records import NOW, PROGRAMME

SITE = "NYC"
RUNNING = tuple(
    sorted(
        name
        for name, metric in PROGRAMME.metrics.items()
        if metric.status is Status.RUNNING
    )
)


class Records(Protocol):
    """What a site reads: its register's last quarter, and tallies."""

    def closed_through(self) -> Period | None: ...

    def read(self, asked: Query) -> Tally: ...

    def close(self) -> None: ...


class LivingSite:
    """A site whose ledger can start afresh as often as a test needs.

    It is the story behind a door: what it is asked goes to the node it is now.
    """

    def __init__(self, home: Path, records: Records, **changes: object) -> None:
        self.home = home
        self.records = records
        self.gate = threading.Event()
        self.shift = dt.timedelta(0)
        self.rules = signed_policy(home, **changes)
        self._fresh = home / "ledger.fresh"
        ledger = Ledger.create(f"sqlite:///{self._fresh}", site=SITE, now=NOW)
        ledger.adopt(self.rules, now=NOW)
        ledger.close()
        self._numbers = itertools.count()
        self.path = self._fresh
        self.node = self._opened()

    def afresh(self) -> None:
        """Become a site that never answered anything."""
        self.node.ledger.close()
        self.path.unlink()
        self.node = self._opened()

    def reopened(self) -> None:
        """Become what this site is after its process ended and began again."""
        self.node.ledger.close()
        self.node = self._node(self.path)

    def _opened(self) -> Node:
        self.path = self.home / f"ledger{next(self._numbers)}.sqlite"
        shutil.copy(self._fresh, self.path)
        return self._node(self.path)

    def _node(self, path: Path) -> Node:
        return Node(
            site=SITE,
            programme=PROGRAMME,
            policy=self.rules,
            ledger=Ledger.open(f"sqlite:///{path}"),
            size_class="small",
            software="0.1.0",
            closed_through=self.records.closed_through,
            read=self.records.read,
        )

    def answer(self, ask: Ask, *, now: dt.datetime) -> Answer:
        # The site's own time stands still; only certificates follow the clock.
        del now
        return self.node.answer(ask, now=NOW + self.shift)

    def describe(self) -> Description:
        return self.node.describe()

    def head(self) -> object:
        """Return where the ledger stands."""
        return self.node.ledger.head()

    def spent(self) -> dict[str, int]:
        """Return what each entry year has been charged, in pico-rho."""
        accounts = self.node.ledger.accounts()
        return {account.entry_year: account.spent_pico for account in accounts}


def signed_policy(home: Path, **changes: object) -> policy.Policy:
    """Have a new officer sign a generous policy, and load it as the node would."""
    draft = {
        "site": SITE,
        "programme": PROGRAMME.version,
        "metrics": RUNNING,
        "first_entry_year": "FY2022",
        "last_entry_year": "FY2027",
        "lifetime_rho": "2",
        "per_release_rho": "1",
        "not_before": NOW - dt.timedelta(days=1),
        **changes,
    }
    home.mkdir(parents=True, exist_ok=True)
    public = officer.init(home / "officer", passphrase=None)
    path = home / "policy.toml"
    path.write_text(policy.draft_policy(policy.Draft(**draft)))
    key = officer.load_key(home / "officer" / officer.KEY_FILE, passphrase=None)
    return policy.load(
        path,
        signature_path=policy.sign(path, key=key),
        officer=officer.load_public(public),
        site=SITE,
        last_version=0,
    )


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
        **changes,
    }
    return Ask(**parts)  # type: ignore[arg-type]


def size(asked: Query) -> int:
    """Count the cells of a query."""
    return len(query.cells(asked, PROGRAMME.dictionary))


def all_questions(*periods: str) -> list[Ask]:
    """State every running query for every one of these periods it may be asked for."""
    stated = []
    for metric in RUNNING:
        kinds = PROGRAMME.metric(metric).periods
        for period in periods:
            if Period(period).kind in kinds:
                names = queries(metric, period)
                stated += [ask(metric, period, name, rho="0.001") for name in names]
    return stated
