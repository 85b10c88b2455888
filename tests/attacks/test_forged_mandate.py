"""A coordinator that forges, changes or replays what others must sign gets nothing.

Each lie about a document is refused by the site over the wire, makes no entry in its
ledger and opens no question; the honest version of the document does.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from privacy import signing
from privacy.decision import Act
from privacy.signing import Document
from proto.wire import Answer
from tests import governed, liar
from tests import signed_samples as samples
from tests.forging import (
    ADOPTED,
    KNOWN,
    NO,
    REFUSED,
    WAITING,
    by,
    changed,
    number,
    opened,
    put_by_coordinator,
    signed_again,
    unsigned,
)
from tests.governed import accept
from tests.liar import Network
from tests.members import SITES
from tests.own_records import NOW
from tests.signed_samples import signed


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with liar.network(tmp_path_factory.mktemp("network")) as opened:
        yield opened


def _swapped(document: Document) -> Document:
    """Put one member's signature under another member's name."""
    ana, ben = samples.public("ana"), samples.public("ben")
    values = {s.key: s.value for s in document.signatures}
    crossed = {ana: values[ben], ben: values[ana]}
    return replace(
        document,
        signatures=tuple(replace(s, value=crossed[s.key]) for s in document.signatures),
    )


def _of_another_kind(document: Document) -> Document:
    """Use what was signed under another kind of document."""
    other = by("ana", "ben")(replace(document, kind=signing.Kind.REVOCATION))
    return replace(other, kind=signing.Kind.MANDATE)


FORGED: dict[str, Callable[[Document], Document]] = {
    "signed by nobody": unsigned,
    "signed by the coordinator": by("coordinator"),
    "signed by one member": by("ana"),
    "signed by one member and the coordinator": by("ana", "coordinator"),
    "signed by the chair alone": by("dirk"),
    "signed by the chair and one member": by("dirk", "ana"),
    "signed by two seats of one organisation": by("abel", "ana"),
    "signed by two seats of one organisation and the chair": by("abel", "ana", "dirk"),
    "signed by the site's officers": by("olga", "omar"),
    "signed by sites": by(*SITES),
    "signed by keys of its own": by("mallory", "mallet"),
    "one member's signature under two names": _swapped,
    "signed as another kind of document": _of_another_kind,
    "widened to more metrics": changed('metrics = ["M01"', 'metrics = ["M02", "M01"'),
    "widened to more loss": changed('loss_rho = "2"', 'loss_rho = "9"'),
    "widened to more periods": changed('periods = ["FY2023"', 'periods = ["FY2022"'),
    "widened to more sites": changed('sites = ["BAL"', 'sites = ["SFO", "BAL"'),
    "lengthened": changed("2027-11-22", "2027-12-22"),
    "narrowed, even": changed('purposes = ["oversight", ', "purposes = ["),
    "re-targeted to another edition": changed(
        f'programme = "{governed.PROGRAMME.version}"', 'programme = "2027.1"'
    ),
    "of another network": signed_again('network = "cmpp"', 'network = "other"'),
    "for other sites": signed_again(', "NYC"]', "]"),
    "longer than any mandate may last": signed_again("2027-11-22", "2028-11-22"),
    "for a purpose off the list": signed_again('"oversight"', '"enforcement"'),
    "in a mode off the list": signed_again('mode = "site"', 'mode = "exact"'),
    "saying more than a mandate says": signed_again("title", 'more = "x"\ntitle'),
    "saying nothing": lambda document: by("ana", "ben")(replace(document, content=b"")),
    "not text": lambda document: by("ana", "ben")(replace(document, content=b"\xff")),
}


@pytest.mark.parametrize("lie", FORGED.values(), ids=FORGED)
def test_a_forged_mandate_opens_nothing(
    net: Network, lie: Callable[[Document], Document]
) -> None:
    honest = governed.mandate(now=NOW, number=number())
    forged = lie(honest)
    assert forged != honest
    before, rules = net.state(), net.rules()
    question = net.fresh()
    under_forged = replace(question, mandate=forged.digest)
    assert net.liar.deliver(forged) == REFUSED
    assert net.liar.ask(put_by_coordinator(under_forged)) == NO
    assert (net.state(), net.rules()) == (before, rules)
    opened(net, honest)


def test_a_floor_of_the_site_counts_where_it_is_above_the_rosters(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("strict")
    with liar.network(folder, opens=(), board_signatures=3) as net:
        two = governed.mandate(now=NOW, number=number())
        assert net.liar.deliver(two) == REFUSED
        assert net.liar.deliver(signed(two, "dirk", "abel")) == REFUSED
        opened(net, signed(two, "cleo"))


# ---- withdrawn ------------------------------------------------------------------


def _accepted(net: Network) -> Document:
    mandate = governed.mandate(now=NOW, number=number())
    opened(net, mandate)
    return mandate


def test_a_mandate_is_worth_nothing_after_its_revocation(net: Network) -> None:
    mandate = _accepted(net)
    question = net.fresh(mandate=mandate.digest)
    # The coordinator holds the revocation back, and then lets it go.
    assert isinstance(net.liar.ask(net.fresh(mandate=mandate.digest)), Answer)
    assert net.liar.deliver(samples.revocation(mandate)) == ADOPTED
    before = net.state()
    assert net.liar.ask(question) == NO
    assert net.liar.deliver(mandate) == KNOWN
    assert net.liar.ask(question) == NO
    assert net.state() == before


def test_a_revocation_counts_before_its_mandate_comes(net: Network) -> None:
    mandate = governed.mandate(now=NOW, number=number())
    assert net.liar.deliver(samples.revocation(mandate)) == ADOPTED
    rules = net.rules()
    assert net.liar.deliver(mandate) == REFUSED
    assert net.liar.ask(net.fresh(mandate=mandate.digest)) == NO
    assert net.rules() == rules


def test_a_revocation_repeated_makes_no_ledger_grow(net: Network) -> None:
    mandate = _accepted(net)
    assert net.liar.deliver(samples.revocation(mandate)) == ADOPTED
    rules = net.rules()
    for again in ("cleo", "ana", "cleo"):
        assert net.liar.deliver(samples.revocation(mandate, again)) == KNOWN
    assert net.rules() == rules


@pytest.mark.parametrize(
    "signers", [("dirk",), ("coordinator",), ("olga", "omar"), ("NYC",), ("mallory",)]
)
def test_only_a_member_withdraws_a_mandate(
    net: Network, signers: tuple[str, ...]
) -> None:
    mandate = _accepted(net)
    rules = net.rules()
    forged = by(*signers)(samples.revocation(mandate))
    assert net.liar.deliver(forged) == REFUSED
    other = samples.revocation(mandate, network="other")
    assert net.liar.deliver(other) == REFUSED
    assert net.rules() == rules
    assert isinstance(net.liar.ask(net.fresh(mandate=mandate.digest)), Answer)


# ---- what is never taken from a coordinator ------------------------------------


def test_a_policy_or_a_decision_is_never_taken_from_the_coordinator(
    net: Network,
) -> None:
    """Both are signed by the right officers; they are made at the site all the same."""
    rules = net.rules()
    looser = governed.policy("NYC", now=NOW, version=2, caps="50", per_release="9")
    assert net.liar.deliver(looser) == REFUSED
    mandate = governed.mandate(now=NOW, number=number())
    assert net.liar.deliver(mandate) == WAITING
    decided = net.nyc.charter.decide(
        Act.ACCEPT, subject=mandate.digest.hex(), reason="Read it.", now=NOW
    )
    assert net.liar.deliver(signed(decided, "olga")) == REFUSED
    assert net.liar.ask(net.fresh(mandate=mandate.digest)) == NO
    assert net.rules() == rules | {"NYC": net.nyc.ledger.law_mark()}
    accept(net.nyc.charter, mandate, now=NOW)
    assert isinstance(net.liar.ask(net.fresh(mandate=mandate.digest)), Answer)


# ---- orders to the whole programme -----------------------------------------------


def test_orders_of_the_board_are_neither_forged_nor_replayed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with liar.network(tmp_path_factory.mktemp("orders"), opens=()) as net:
        mandate = _accepted(net)
        rules = net.rules()
        for what in ("freeze", "terminate"):
            for names in (("ana",), ("dirk", "ana"), ("ana", "abel"), ("coordinator",)):
                forged = by(*names)(samples.order(what, 1))
                assert net.liar.deliver(forged) == REFUSED
            other = samples.order(what, 1, network="other")
            assert net.liar.deliver(other) == REFUSED
        assert net.rules() == rules
        question = net.fresh(mandate=mandate.digest)
        freeze, resume = samples.order("freeze", 1), samples.order("resume", 2)
        assert net.liar.deliver(freeze) == ADOPTED
        before = net.state()
        assert net.liar.ask(question) == NO
        assert net.liar.deliver(unsigned(resume)) == REFUSED
        assert net.liar.ask(question) == NO
        assert net.state() == before
        assert net.liar.deliver(resume) == ADOPTED
        rules = net.rules()
        assert net.liar.deliver(freeze) == REFUSED
        assert net.liar.deliver(resume) == KNOWN
        assert net.rules() == rules
        assert isinstance(net.liar.ask(question), Answer)
        assert net.liar.deliver(samples.order("terminate", 3)) == ADOPTED
        assert net.liar.deliver(samples.order("resume", 4)) == REFUSED
        assert net.liar.ask(net.fresh(mandate=mandate.digest)) == NO


# ---- the inbox -------------------------------------------------------------------


def test_what_nobody_decided_in_time_is_over_and_may_come_again(net: Network) -> None:
    mandate = governed.mandate(now=NOW, number=number())
    assert net.liar.deliver(mandate) == WAITING
    assert net.liar.deliver(mandate) == KNOWN
    net.nyc.shift = dt.timedelta(days=15)
    try:
        assert mandate.digest.hex() not in net.nyc.charter.law().inbox(net.nyc.now())
        assert net.liar.put(net.fresh(mandate=mandate.digest)) == NO
        assert net.liar.deliver(mandate) == WAITING
        accept(net.nyc.charter, mandate, now=net.nyc.now())
        question = net.fresh(mandate=mandate.digest)
        assert isinstance(net.liar.ask(question), Answer)
    finally:
        net.nyc.shift = dt.timedelta(0)
