"""A coordinator that lies about a question gets nothing for it.

It holds the coordinator's certificate and key, and carries everything. For each lie:
nothing is released, nothing is charged but what was rightly charged, what the node
says is one of its closed codes, and the honest version of the same works.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import pytest

from privacy.chain import Kind
from privacy.statement import (
    SIGNATURE_BYTES,
)
from proto import wire
from proto.client import ANSWER
from proto.cmpp.v1 import node_pb2
from proto.wire import Answer, Ask, Refusal, RefusalCode
from tests import governed, liar, living_site
from tests import signed_samples as samples
from tests.governed import accept
from tests.liar import DENIED, MALFORMED, Network
from tests.own_records import NOW

NARROW = governed.mandate(
    now=NOW,
    number='"2026-02"',
    metrics='["M08"]',
    purposes='["oversight"]',
    sites='["HOU", "NYC"]',
    periods='["FY2025-Q3", "FY2025-Q4"]',
    loss_rho='"0.004"',
    worst_rho='"0.004"',
)
TOMORROW = (NOW + dt.timedelta(days=1)).isoformat()
YESTERDAY = (NOW - dt.timedelta(hours=1)).isoformat()
LATE = governed.mandate(now=NOW, number='"2026-03"', not_before=TOMORROW)
OVER = governed.mandate(now=NOW, number='"2026-04"', not_after=YESTERDAY)
OTHER_SITES = governed.mandate(now=NOW, number='"2026-05"', sites='["HOU"]')
UNDECIDED = governed.mandate(now=NOW, number='"2026-06"')
REVOKED = governed.mandate(now=NOW, number='"2026-07"')
NEXT_EDITION = governed.mandate(now=NOW, number='"2026-08"', programme='"2027.1"')
IN_SUM = governed.mandate(now=NOW, number='"2026-10"', mode='"sum"')
REVISED = governed.mandate(now=NOW, number='"2026-09"', revision="1")


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with liar.network(tmp_path_factory.mktemp("network")) as opened:
        nyc = opened.nyc.charter
        for document in (NARROW, LATE, OVER, REVOKED, NEXT_EDITION, REVISED, IN_SUM):
            nyc.deliver(document, now=NOW)
            accept(nyc, document, now=NOW)
        nyc.deliver(UNDECIDED, now=NOW)
        nyc.deliver(samples.revocation(REVOKED), now=NOW)
        opened.members["HOU"].charter.deliver(OTHER_SITES, now=NOW)
        yield opened


# ---- questions ------------------------------------------------------------------


def other(document: object, **changes: object) -> Callable[[Ask], Ask]:
    """Ask the same under another mandate, properly signed."""
    return lambda ask: signed(replace(ask, mandate=document.digest, **changes))


def signed(ask: Ask, name: str = "coordinator") -> Ask:
    return ask.signed_by(samples.key(name))


def named(metric: str, period: str, **changes: object) -> Callable[[Ask], Ask]:
    """Ask something else, properly signed."""
    return lambda _: living_site.ask(metric, period, **changes)


def altered(**changes: object) -> Callable[[Ask], Ask]:
    """Change a question after it was signed."""
    return lambda ask: replace(ask, **changes)


UNKNOWN_MANDATE = bytes(range(32))
LONG_AGO = int(NOW.timestamp()) - 1
NARROWLY = {"mandate": NARROW.digest, "rho": "0.001"}

QUESTIONS: dict[str, tuple[Callable[[Ask], Ask], RefusalCode | str]] = {
    "not signed": (altered(signature=bytes(SIGNATURE_BYTES)), DENIED),
    "signed by a key of its own": (lambda ask: signed(ask, "nobody"), DENIED),
    "signed by a site": (lambda ask: signed(ask, "HOU"), DENIED),
    "signed by a board member": (lambda ask: signed(ask, "ana"), DENIED),
    "signed by the site's own officer": (lambda ask: signed(ask, "olga"), DENIED),
    "dearer than was signed": (altered(rho=Fraction(1, 2)), DENIED),
    "cheaper than was signed": (altered(rho=Fraction(1, 2000)), DENIED),
    "another mandate than was signed": (altered(mandate=NARROW.digest), DENIED),
    "another purpose than was signed": (altered(purpose="evaluation"), DENIED),
    "another asker than was signed": (altered(asked_by="dirk"), DENIED),
    "longer good than was signed": (altered(not_after=2**40), DENIED),
    "another metric than was signed": (altered(metric="M08"), DENIED),
    "another edition than was signed": (altered(catalogue_version="2027.1"), DENIED),
    "meant for another site": (
        lambda ask: signed(replace(ask, site="HOU")),
        RefusalCode.WRONG_SITE,
    ),
    "re-targeted after it was signed": (
        lambda ask: replace(signed(replace(ask, site="HOU")), site="NYC"),
        DENIED,
    ),
    "over": (
        lambda ask: signed(replace(ask, not_after=LONG_AGO)),
        RefusalCode.EXPIRED,
    ),
    "under a mandate nobody knows": (
        lambda ask: signed(replace(ask, mandate=UNKNOWN_MANDATE)),
        RefusalCode.NOT_ALLOWED,
    ),
    "under a mandate no officer decided": (other(UNDECIDED), RefusalCode.NOT_ALLOWED),
    "under a mandate that was withdrawn": (other(REVOKED), RefusalCode.NOT_ALLOWED),
    "under a mandate not begun": (other(LATE), RefusalCode.NOT_ALLOWED),
    "under a mandate that is over": (other(OVER), RefusalCode.EXPIRED),
    "under a mandate of other sites": (other(OTHER_SITES), RefusalCode.NOT_ALLOWED),
    "under a mandate of the next edition": (
        other(NEXT_EDITION),
        RefusalCode.NOT_ALLOWED,
    ),
    "under a mandate of a revision": (other(REVISED), RefusalCode.NOT_ALLOWED),
    "under a mandate for sums": (other(IN_SUM), RefusalCode.NOT_ALLOWED),
    "of a metric outside the mandate": (
        named("M09", "FY2025-Q3", **NARROWLY),
        RefusalCode.NOT_ALLOWED,
    ),
    "of a period outside the mandate": (
        named("M08", "FY2025-Q2", **NARROWLY),
        RefusalCode.NOT_ALLOWED,
    ),
    "of a purpose outside the mandate": (
        named("M08", "FY2025-Q3", purpose="evaluation", **NARROWLY),
        RefusalCode.NOT_ALLOWED,
    ),
    "dearer than the mandate": (
        named("M08", "FY2025-Q3", mandate=NARROW.digest, rho="0.005"),
        RefusalCode.BUDGET_EXHAUSTED,
    ),
    "dearer than one release may be": (
        lambda ask: signed(replace(ask, rho=Fraction(11, 10))),
        RefusalCode.BUDGET_EXHAUSTED,
    ),
    "of an edition nobody accepted": (
        lambda ask: signed(
            replace(ask, catalogue_version="2027.1", mandate=NEXT_EDITION.digest)
        ),
        RefusalCode.WRONG_PROGRAMME,
    ),
    "about a query of its own making": (
        lambda ask: signed(
            replace(ask, query=living_site.ask("M12", "FY2024-H2").query)
        ),
        MALFORMED,
    ),
    "under another query's name": (
        lambda ask: signed(replace(ask, query_name="nothing")),
        MALFORMED,
    ),
    "with its cells miscounted": (
        lambda ask: signed(replace(ask, cells=ask.cells + 1)),
        MALFORMED,
    ),
}


@pytest.mark.parametrize(("lie", "no"), QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_that_lies_is_refused_at_no_cost(
    net: Network, lie: Callable[[Ask], Ask], no: RefusalCode | str
) -> None:
    honest = net.fresh()
    before = net.state()
    said = net.liar.put(lie(honest))
    assert (said.code if isinstance(said, Refusal) else said) == no
    assert net.state() == before
    assert isinstance(net.liar.ask(honest), Answer)
    assert net.nyc.spending() != before["NYC"]


def test_another_mode_cannot_even_be_said(net: Network) -> None:
    honest = net.fresh()
    before = net.state()
    message = node_pb2.AskRequest.FromString(wire.ask_to_bytes(honest))
    for mode in (0, 2, 99):
        message.mode = node_pb2.Mode.ValueType(mode)
        data = message.SerializeToString(deterministic=True)
        assert net.liar.call("NYC", ANSWER, data) == MALFORMED
    assert net.state() == before
    assert isinstance(net.liar.ask(honest), Answer)


def test_an_old_question_is_not_answered_again_after_its_last_moment(
    net: Network,
) -> None:
    soon = int(NOW.timestamp()) + 60
    question = net.fresh(not_after=soon)
    assert isinstance(net.liar.ask(question), Answer)
    before = net.state()
    net.nyc.shift = dt.timedelta(seconds=61)
    try:
        assert net.liar.put(question) == Refusal(code=RefusalCode.EXPIRED)
        assert net.state() == before
    finally:
        net.nyc.shift = dt.timedelta(0)


def test_a_question_repeated_brings_the_one_answer_and_no_second_charge(
    net: Network,
) -> None:
    question = net.fresh()
    first = net.liar.ask(question)
    before = net.state()
    again = net.liar.put(question)
    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert (again.values, again.free) == (first.values, True)
    assert net.state() == before


def test_a_mandate_ends_while_the_node_runs(net: Network) -> None:
    question = net.fresh()
    before = net.state()
    net.nyc.shift = dt.timedelta(days=366)
    try:
        assert net.liar.put(question) == Refusal(code=RefusalCode.EXPIRED)
    finally:
        net.nyc.shift = dt.timedelta(0)
    assert net.state() == before
    assert isinstance(net.liar.ask(question), Answer)


def test_a_mandate_pays_only_as_much_as_the_board_signed(net: Network) -> None:
    """It may cost 0.004 in all, so one question of 0.003 and no second."""
    first, second = (
        living_site.ask("M08", period, rho="0.003", mandate=NARROW.digest)
        for period in ("FY2025-Q3", "FY2025-Q4")
    )
    assert isinstance(net.liar.ask(first), Answer)
    before = net.state()
    said = net.liar.put(second)
    assert isinstance(said, Refusal)
    assert (said.code, said.left_pico) == (RefusalCode.BUDGET_EXHAUSTED, 10**9)
    assert net.state() == before
    generous = replace(second, mandate=living_site.MANDATE.digest)
    assert isinstance(net.liar.ask(signed(generous)), Answer)


def test_a_stopped_programme_answers_nothing_whoever_asks(net: Network) -> None:
    question = net.fresh()
    net.nyc.charter.enact(Kind.PAUSED, now=NOW)
    before = net.state()
    assert net.liar.ask(question) == Refusal(code=RefusalCode.NOT_ALLOWED)
    assert net.state() == before
