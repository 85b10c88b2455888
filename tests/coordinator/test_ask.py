"""Asking several sites at once, when all is well and when it is not."""

import datetime as dt
import json
import time
from collections.abc import Callable
from concurrent import futures
from fractions import Fraction

import pytest

from coordinator import ask, database
from coordinator.desk import Desk
from coordinator.lines import Reply
from coordinator.result import Status
from coordinator.sites import Site, SiteList
from coordinator.store import EventKind, Store
from privacy import loss
from privacy.errors import InvalidQuery
from tests.coordinator.network import Network, order, saying

M08 = ("M08", "FY2024-H2")
LONG_AGO = dt.datetime.now(dt.UTC) - dt.timedelta(days=90)
THREE = ("NYC", "HOU", "LAX")
NewNetwork = Callable[..., Network]


def statuses(outcome: ask.Outcome, which: int = 0) -> dict[str, str]:
    """Return what became of a result at each site."""
    return {s.site: s.status.value for s in outcome.results[which].sites}


def text(outcome: ask.Outcome) -> str:
    """Write results as they would be published."""
    return json.dumps([result.content() for result in outcome.results])


def test_three_sites_make_one_total(new_network: NewNetwork) -> None:
    network = new_network()
    outcome = ask.ask([order(*M08, enrolled="0.5")], desk=network.desk, now=network.now)
    (result,) = outcome.results
    total = result.cells[0]
    assert [cell.site for cell in result.cells] == ["all", "HOU", "LAX", "NYC"]
    # The noise has a standard deviation of sqrt(3): 100 + 200 + 300, within ten.
    assert abs(total.estimate.value - 600) < 18
    assert total.estimate.low < total.estimate.value < total.estimate.high
    parts = sum(cell.estimate.value for cell in result.cells[1:])
    assert parts == total.estimate.value
    assert total.estimate.standard_error == pytest.approx(3**0.5)


def test_the_loss_of_a_result_is_what_one_site_charged(
    new_network: NewNetwork,
) -> None:
    network = new_network()
    outcome = ask.ask(
        [order(*M08, enrolled="0.006")], desk=network.desk, now=network.now
    )
    content = outcome.results[0].content()
    assert content["loss"]["rho_model"] == content["loss"]["rho_worst"] == 0.006
    assert content["loss"]["epsilon"] == loss.epsilon(
        Fraction(6, 1000), Fraction(1, 10**6)
    )
    assert outcome.charged_pico == dict.fromkeys(("HOU", "LAX", "NYC"), 6 * 10**9)
    assert outcome.rho == Fraction(6, 1000)


def test_metrics_that_share_a_query_share_its_charge(new_network: NewNetwork) -> None:
    network = new_network(("NYC",))
    both = [order("M01", "FY2024-H2", pool="0.01"), order("M04", M08[1], pool="0.01")]
    outcome = ask.ask(both, desk=network.desk, now=network.now)
    assert outcome.charged_pico == {"NYC": 10**10}
    assert outcome.rho == Fraction(1, 100)
    assert len(network.sites["NYC"].reads) == 1


def test_asking_again_is_free_and_the_same_to_the_byte(
    new_network: NewNetwork,
) -> None:
    network = new_network()
    wanted = [order(*M08, enrolled="0.006")]
    first = ask.ask(wanted, desk=network.desk, now=network.now)
    from_the_store = ask.ask(wanted, desk=network.desk, now=network.now)
    from_the_sites = ask.ask(
        wanted, desk=network.again(ask_again=True), now=network.now
    )
    empty = network.emptied(database.address(network.home / "another.sqlite"))
    from_an_empty_store = ask.ask(wanted, desk=empty, now=network.now)
    for again in (from_the_store, from_the_sites, from_an_empty_store):
        assert text(again) == text(first)
        assert not any(again.charged_pico.values())
    assert [len(network.sites[name].reads) for name in THREE] == [1, 1, 1]


def test_a_site_that_is_down_is_named_and_the_others_stand(
    new_network: NewNetwork,
) -> None:
    network = new_network()
    network.sites["HOU"].server.drain(0.1)
    outcome = ask.ask([order(*M08, enrolled="0.5")], desk=network.desk, now=network.now)
    (result,) = outcome.results
    assert statuses(outcome) == {
        "HOU": "unreachable",
        "LAX": "answered",
        "NYC": "answered",
    }
    assert result.content()["sites_answered"] == 2
    assert result.content()["sites_total"] == 3
    assert abs(result.cells[0].estimate.value - 400) < 15
    assert "HOU" not in {cell.site for cell in result.cells}


def test_a_site_that_never_answers_does_not_hold_up_the_rest(
    new_network: NewNetwork, silent_port: int
) -> None:
    network = new_network()
    network.desk.site_list.add(Site(name="HOU", address=f"127.0.0.1:{silent_port}"))
    began = time.monotonic()
    desk = network.again(deadline_seconds=3)
    outcome = ask.ask([order(*M08, enrolled="0.5")], desk=desk, now=network.now)
    assert time.monotonic() - began < 15
    assert statuses(outcome)["HOU"] in ("unreachable", "pending")
    assert outcome.results[0].answered == 2


def test_a_slow_site_is_pending_and_its_answer_is_there_later(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC", "HOU"))
    slow = network.sites["HOU"]
    gate = futures.Future[None]()
    story = slow.server.keeper._story
    read = story.read

    def wait(query: object) -> object:
        gate.result(timeout=30)
        return read(query)

    slow.server.keeper._story = type(story)(
        **{n: getattr(story, n) for n in type(story).__slots__ if n != "read"},
        read=wait,
    )
    slow.server.keeper._door.timetable.limit_seconds = 0.2
    desk = network.again(deadline_seconds=5)
    wanted = [order(*M08, enrolled="0.5")]
    first = ask.ask(wanted, desk=desk, now=network.now)
    assert statuses(first) == {"HOU": "pending", "NYC": "answered"}
    gate.set_result(None)
    second = ask.ask(wanted, desk=network.desk, now=network.now)
    assert statuses(second) == {"HOU": "answered", "NYC": "answered"}
    assert second.charged_pico["NYC"] == 0
    assert len(slow.reads) == 1


def test_a_site_with_an_expired_certificate_is_named(new_network: NewNetwork) -> None:
    network = new_network(("NYC", "HOU"), {"HOU": {"born": LONG_AGO}})
    outcome = ask.ask([order(*M08, enrolled="0.5")], desk=network.desk, now=network.now)
    assert statuses(outcome) == {"HOU": "certificate", "NYC": "answered"}
    assert outcome.results[0].answered == 1


def test_an_expired_coordinator_is_refused_by_every_site(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC", "HOU"))
    network.clock[0] += dt.timedelta(days=40)
    outcome = ask.ask([order(*M08, enrolled="0.5")], desk=network.desk, now=network.now)
    assert statuses(outcome) == {"HOU": "certificate", "NYC": "certificate"}
    assert outcome.results[0].cells == ()


def test_a_question_past_a_cap_is_refused_with_the_amount_left(
    new_network: NewNetwork,
) -> None:
    tight = {"caps": "0.010", "per_release": "0.010"}
    network = new_network(("NYC", "HOU"), {"HOU": tight})
    ask.ask([order(*M08, enrolled="0.006")], desk=network.desk, now=network.now)
    outcome = ask.ask(
        [order("M09", "FY2024-H2", active="0.006")], desk=network.desk, now=network.now
    )
    refused = outcome.results[0].sites[0]
    assert refused.content() == {
        "site": "HOU",
        "status": "refused",
        "reason": "budget-exhausted",
        "loss_left": "1/250",
        "loss_asked": "3/500",
    }
    assert outcome.charged_pico == {"HOU": 0, "NYC": 6 * 10**9}
    assert len(network.sites["HOU"].reads) == 1


def test_a_metric_outside_the_policy_is_refused_by_its_code(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC",), {"NYC": {"allow": '["M09"]'}})
    outcome = ask.ask(
        [order(*M08, enrolled="0.006")], desk=network.desk, now=network.now
    )
    assert outcome.results[0].sites[0].reason == "not-allowed"
    assert outcome.rho == 0


def test_one_refused_query_keeps_a_site_out_of_that_metric_only(
    new_network: NewNetwork,
) -> None:
    tight = {"allow": '["M08"]'}
    network = new_network(("NYC", "HOU"), {"HOU": tight})
    orders = [order(*M08, enrolled="0.006"), order("M09", M08[1], active="0.003")]
    outcome = ask.ask(orders, desk=network.desk, now=network.now)
    assert [result.answered for result in outcome.results] == [2, 1]


def test_a_second_different_answer_is_loud_and_not_used(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC", "HOU"))
    wanted = [order(*M08, enrolled="0.006")]
    first = ask.ask(wanted, desk=network.desk, now=network.now)
    store = Store(database.connect(database.address(network.home / "store.sqlite")))
    key = bytes.fromhex(store.events()[0].subject)
    honest = store.release(key, "HOU")

    desk = network.again(
        ask_again=True,
        connect=saying(network, "HOU", lambda a: {"values": [v + 1 for v in a.values]}),
    )
    again = ask.ask(wanted, desk=desk, now=network.now)
    assert again.conflicts == ("HOU",)
    assert statuses(again) == {"HOU": "error", "NYC": "answered"}
    assert store.release(key, "HOU") == honest
    assert EventKind.CONFLICT in {event.kind for event in store.events()}
    assert text(ask.ask(wanted, desk=network.desk, now=network.now)) == text(first)


def test_an_answer_with_less_noise_than_its_loss_allows_is_not_used(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC",))

    halved = saying(network, "NYC", lambda a: {"variance": a.variance / 2})
    desk = network.again(connect=halved)
    outcome = ask.ask([order(*M08, enrolled="0.006")], desk=desk, now=network.now)
    assert outcome.results[0].sites[0].reason == "noise-not-as-declared"
    assert outcome.results[0].sites[0].status is Status.ERROR


def test_every_reply_is_watched_as_it_comes(new_network: NewNetwork) -> None:
    network = new_network(("NYC", "HOU"))
    seen: list[Reply] = []
    orders = [order(*M08, enrolled="0.006"), order("M09", M08[1], active="0.003")]
    ask.ask(orders, desk=network.desk, now=network.now, watch=seen.append)
    assert sorted((reply.site, reply.question.name) for reply in seen) == [
        ("HOU", "active"),
        ("HOU", "enrolled"),
        ("NYC", "active"),
        ("NYC", "enrolled"),
    ]


def test_a_partial_result_becomes_whole_without_a_second_charge(
    new_network: NewNetwork,
) -> None:
    network = new_network(("NYC", "HOU"))
    hidden = Site(name="HOU", address="127.0.0.1:1")
    network.desk.site_list.add(hidden)
    wanted = [order(*M08, enrolled="0.006")]
    partial = ask.ask(wanted, desk=network.desk, now=network.now)
    address = network.sites["HOU"].address
    network.desk.site_list.add(Site(name="HOU", address=address))
    whole = ask.ask(wanted, desk=network.desk, now=network.now)
    assert [partial.results[0].answered, whole.results[0].answered] == [1, 2]
    assert whole.charged_pico == {"HOU": 6 * 10**9, "NYC": 0}
    assert partial.results[0].cells[1] == whole.results[0].cells[2]


def test_there_must_be_somebody_and_something_to_ask(new_network: NewNetwork) -> None:
    network = new_network(("NYC",))
    with pytest.raises(InvalidQuery, match="nobody"):
        ask.ask([], desk=network.desk, now=network.now)
    empty = SiteList(database.connect("sqlite://"))
    nobody: Desk = network.again(site_list=empty)
    with pytest.raises(InvalidQuery, match="nobody"):
        ask.ask([order(*M08, enrolled="0.006")], desk=nobody, now=network.now)
    with pytest.raises(InvalidQuery, match="loss"):
        ask.ask([order(*M08, other="0.006")], desk=network.desk, now=network.now)
