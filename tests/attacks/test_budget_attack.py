"""What a question costs, and whether it is refused, is decided before any record.

Three sites get the same random questions: one with everybody, one with a household
less, and one with nobody. A cost or a refusal that differed would be an answer that
nobody was charged for.

Source: Haeberlen, Pierce and Narayan 2011, "Differential Privacy Under Fire" (the
budget attack); Kenthapadi, Mishra and Nissim 2005, "Simulatable Auditing".
"""

import datetime as dt
import random
from collections import Counter
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import pytest

from node import answer as story
from privacy.chain import Kind
from privacy.errors import ExchangeError, Refused
from privacy.period import Period
from proto import status, wire
from proto.wire import Ask
from tests import living_site, own_records
from tests import signed_samples as samples
from tests.living_site import LivingSite
from tests.own_records import OwnRecords

QUESTIONS = 300
QUESTIONS_MANY = 10_000
_OWN = frozenset({"at", "hash", "previous_hash"})
"""What two ledgers may differ in: the time, and what follows from it."""

PERIODS = tuple(
    f"FY{year}{part}"
    for year in (2023, 2024, 2025, 2026, 2027)
    for part in ("", "-H1", "-H2", "-Q1", "-Q2", "-Q3", "-Q4")
)
RHOS = ("1/1000", "1/300", "1/7000", "0.00000003", "0.02", "0.4", "3")

Sites = dict[str, LivingSite]


@pytest.fixture
def sites(
    worlds: dict[str, OwnRecords], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Sites:
    monkeypatch.setattr(story, "WITNESS_SECONDS", 0.0)
    rules = {"deny": '["M32"]', "caps": "0.3", "per_release": "0.05"}
    return {
        name: LivingSite(tmp_path / name, records, **rules)
        for name, records in worlds.items()
    }


def question(chance: random.Random) -> Ask:
    """State a question at random: most of them fit the rules, some do not."""
    metric = chance.choice(living_site.ASKABLE)
    kinds = living_site.PROGRAMME.metric(metric).periods
    fitting = [label for label in PERIODS if Period(label).kind in kinds]
    period = chance.choice(fitting)
    name = chance.choice(sorted(living_site.queries(metric, period)))
    asked = living_site.ask(
        metric, period, name, rho=str(Fraction(chance.choice(RHOS)))
    )
    if chance.random() < 0.9:
        return asked
    changed = chance.choice(
        [
            {"mandate": bytes(32)},
            {"site": "HOU"},
            {"not_after": 1},
            {"catalogue_version": "2027.1"},
            {"metric": "M999"},
            {"query_name": "nothing"},
            {"cells": asked.cells + 1},
        ]
    )
    return replace(asked, **changed).signed_by(samples.key("coordinator"))


def said(site: LivingSite, ask: Ask) -> bytes | str | int:
    """Return the bytes of a refusal, the name of an error, or what was charged."""
    try:
        return site.answer(ask, now=own_records.NOW).charged_pico
    except Refused as error:
        return wire.reply_to_bytes(status.refusal(error), cells=ask.cells)
    except ExchangeError as error:
        return error.code


def charges(site: LivingSite) -> list[dict[str, object]]:
    """Return all the ledger says about what was spent, but for time and hashes."""
    return [
        {name: value for name, value in asdict(entry).items() if name not in _OWN}
        for entry in site.node.ledger.entries()
        if entry.kind is Kind.CHARGE
    ]


def _play(sites: Sites, number: int, seed: int) -> Counter[str]:
    """Ask the three sites the same, and compare after every question."""
    chance, happened = random.Random(seed), Counter[str]()
    for asked in (question(chance) for _ in range(number)):
        heard = [said(site, asked) for site in sites.values()]
        assert len(set(heard)) == 1, asked
        happened[type(heard[0]).__name__ if heard[0] else "free"] += 1
        if chance.random() < 100 / (100 + number):
            shift = dt.timedelta(days=chance.choice([-1, 0, 0, 0, 30, 500]))
            for site in sites.values():
                site.shift = shift
        if chance.random() < 1 / 200:
            _compare(sites)
            for site in sites.values():
                site.afresh()
    _compare(sites)
    return happened


def _compare(sites: Sites) -> None:
    """Compare everything that was charged, entry by entry and account by account."""
    first, *others = (charges(site) for site in sites.values())
    assert all(other == first for other in others)
    accounts = [site.node.ledger.accounts() for site in sites.values()]
    assert all(each == accounts[0] for each in accounts)


def test_random_questions_cost_the_same_whoever_is_there(sites: Sites) -> None:
    happened = _play(sites, QUESTIONS, seed=1)
    assert min(happened[kind] for kind in ("int", "bytes", "str")) > 5, happened


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_ten_thousand_random_questions_cost_the_same_whoever_is_there(
    sites: Sites,
) -> None:
    happened = _play(sites, QUESTIONS_MANY, seed=2)
    print(f"{QUESTIONS_MANY} questions, thrice: {dict(happened)}")  # noqa: T201
    assert min(happened[kind] for kind in ("int", "bytes", "str", "free")) > 100


def test_a_cost_that_depended_on_records_would_be_seen(sites: Sites) -> None:
    """One site charges a question once more than the others: the harness notices."""
    asked = living_site.ask("M08", "FY2024-H2", rho="0.001")
    for site in sites.values():
        said(site, asked)
    _compare(sites)
    said(sites["with"], living_site.ask("M09", "FY2024-H2", rho="0.001"))
    with pytest.raises(AssertionError):
        _compare(sites)
