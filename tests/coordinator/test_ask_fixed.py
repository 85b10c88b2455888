"""The centre asks no effect that was not fixed in time, and nothing too early."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from coordinator import ask, order
from coordinator.order import Order
from privacy import analysis_plan, binding, mandate
from privacy.analysis_plan import Locked
from privacy.chain import Kind as Entered
from privacy.errors import (
    NotAllowed,
    NotMature,
    PeriodNotClosed,
)
from privacy.mandate import Mandate
from privacy.period import EPOCH, GRACE_DAYS, Period, day_number
from privacy.signing import Document, Kind
from tests import governed as rules
from tests import signed_samples as samples
from tests.audit_network import NOW
from tests.audit_network import Network as Lasting
from tests.coordinator.network import PROGRAMME, Network
from tests.signed_samples import plan

NewNetwork = Callable[..., Network]
EARLY = dt.datetime(2022, 9, 1, 8, tzinfo=dt.UTC)
IN_TIME = {"locked_on": EARLY.date(), "first_draw_on": dt.date(2022, 10, 1)}


def asked(metric: str = "M35", period: str = "FY2023", rho: str = "0.01") -> Order:
    found = PROGRAMME.metric(metric)
    losses = dict.fromkeys(found.templates, Fraction(rho))
    return Order(metric=found, period=Period(period), rho=losses)


def known(document: Document, at: dt.datetime = EARLY) -> Locked:
    return Locked(plan=analysis_plan.parse(document), at=at)


def refused(
    network: Network,
    wanted: Order,
    error: type[Exception],
    why: str,
    *known: Locked,
    now: dt.datetime | None = None,
) -> None:
    """Check that the centre refuses before anything is sent, or even noted."""
    before = len(network.desk.log.entries())
    desk = network.again(plans=known)
    with pytest.raises(error, match=why):
        ask.ask([wanted], desk=desk, now=now or network.now)
    assert len(network.desk.log.entries()) == before
    assert all(site.reads == [] for site in network.sites.values())


def test_the_centre_refuses_an_effect_no_plan_fixed_in_time(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC",))
    refused(network, asked(), NotAllowed, "none is here")
    for document, at in (
        (plan(**IN_TIME), network.now),
        (plan(**IN_TIME), EARLY + dt.timedelta(days=40)),
        (plan(metric="M37", **IN_TIME), EARLY),
        (plan(definition=bytes(32), **IN_TIME), EARLY),
    ):
        refused(network, asked(), NotAllowed, "analysis plan", known(document, at))


def test_nothing_is_asked_a_day_too_early_and_it_is_on_the_day(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC",))
    quarter = Period.quarter_of(day_number(network.now.date()))
    halves = [Period(f"FY{quarter.year + n}-H{h}") for n in (-1, 0) for h in (1, 2)]
    over, lasts = [p for p in halves if p.start <= quarter.start][-2:]
    wanted = asked("M43", over.label, rho="0.001")
    queries = PROGRAMME.queries(wanted.metric, over).values()
    ripe = EPOCH + dt.timedelta(days=max(binding.matures(q) for q in queries))
    assert day_number(ripe) == over.end + 180 + GRACE_DAYS + 1
    day = dt.datetime.combine(ripe, dt.time(), dt.UTC)
    late = day - dt.timedelta(seconds=1)
    refused(network, wanted, NotMature, f"from {ripe} on", now=late)
    assert ask.ask([wanted], desk=network.desk, now=day).results
    still = asked("M09", lasts.label)
    refused(network, still, PeriodNotClosed, "cannot be closed before")


# ---- arms that are public -------------------------------------------------------

ARMS = """
[[public_arms]]
draw = "NYC-P2-FY2023-Q3-1"
stratum = "all"
period = "FY2023"
places = 200
households = 400
selected = 180
not_selected = 170
"""


def with_arms(now: dt.datetime) -> Document:
    made = rules.mandate(now=now, number='"2026-09"', sites='["NYC"]')
    changed = Document(kind=Kind.MANDATE, content=made.content + ARMS.encode())
    return samples.signed(changed, "ana", "ben")


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Lasting]:
    """Give a network that fixed M35 in 2022, and has this year's policies."""
    made = Lasting(tmp_path, began=EARLY)
    made.submit(plan(**IN_TIME))
    made.clock.now = NOW
    for site, member in made.members.items():
        renewed = rules.policy(site, now=NOW, version=2)
        member.charter.enact(Entered.POLICY, renewed, now=NOW)
    yield made
    made.close()


def charges(network: Lasting, site: str) -> int:
    entries = network.members[site].ledger.entries()
    return sum(each.kind is Entered.CHARGE for each in entries)


def opened(network: Lasting, document: Document) -> Mandate:
    """Have a mandate for NYC alone come, and be accepted there."""
    network.governance.submit(document, now=network.clock.later())
    network.members["NYC"].accept(document)
    return mandate.parse(document)


def test_what_is_public_is_not_asked(lasting: Lasting) -> None:
    document = with_arms(NOW)
    wanted = order.under(asked(rho="0.02"), opened(lasting, document))
    assert set(wanted.rho) == {"effect", "mean"}
    (result,) = lasting.ask(document, wanted).results
    assert result.answered == 1, result.sites
    used = {name: value for site, name, value in result.figures if site == "all"}
    assert used == {
        "arm_selected_weight": str(180 * 200),
        "arm_not_selected_weight": str(170 * 200),
    }
    assert result.cells
    assert charges(lasting, "NYC") == 2


def test_without_the_declaration_arm_sizes_are_noisy(lasting: Lasting) -> None:
    document = rules.mandate(now=NOW, number='"2026-09"', sites='["NYC"]')
    wanted = order.under(asked(rho="0.02"), opened(lasting, document))
    assert wanted.public == frozenset()
    (result,) = lasting.ask(document, wanted).results
    assert result.answered == 1, result.sites
    assert result.figures == ()
    assert charges(lasting, "NYC") == 4


def test_public_arms_change_no_other_metric() -> None:
    found = mandate.parse(with_arms(dt.datetime.now(dt.UTC)))
    for wanted in (asked("M08"), asked("M35", "FY2024"), asked("M38")):
        assert order.under(wanted, found) == replace(wanted, revision=found.revision)
