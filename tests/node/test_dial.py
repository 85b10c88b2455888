"""Check a node that dials: the way out, the link's life, and what comes over it."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from node.dial import NodeDial, Pace
from node.door import Door
from node.grid import Grid
from privacy import errors
from proto import mtls, wire
from proto.client import ANSWER
from tests import dialled, doors, proxies

QUESTION = wire.ask_to_bytes(doors.ask())
DRAINS = 10
QUICK = Pace(first_seconds=0.2, most_seconds=1.0)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> doors.Centre:
    return doors.Centre(tmp_path_factory.mktemp("centre"))


@pytest.fixture(scope="module")
def own(
    centre: doors.Centre, tmp_path_factory: pytest.TempPathFactory
) -> mtls.Identity:
    """Give the certificate of the one site that dials in these tests."""
    return centre.node(tmp_path_factory.mktemp("node"))


@pytest.fixture
def exchange(centre: doors.Centre) -> Iterator[dialled.Exchange]:
    with dialled.exchange(centre.authority.pem, centre.coordinator) as opened:
        yield opened


def _trust(centre: doors.Centre, *revoked: bytes) -> mtls.Trust:
    return mtls.Trust(
        allowed=frozenset({mtls.COORDINATOR_URI}),
        authority=centre.authority.pem,
        revoked=frozenset(revoked),
    )


def _door(centre: doors.Centre, own: mtls.Identity, address: str) -> Door:
    return Door(
        address=address,
        identity=lambda: own,
        trust=lambda: _trust(centre),
        timetable=doors.Immediate(),
        clock=doors.now,
    )


@contextmanager
def _dialling(
    door: Door, story: doors.Steady | None = None, **more: object
) -> Iterator[NodeDial]:
    story = story or doors.Steady()
    node = NodeDial(story, carried={}, door=door, **{"pace": QUICK, **more})  # type: ignore[arg-type]
    node.start()
    try:
        yield node
    finally:
        story.gate.set()
        node.drain(2.0)


def _linked(node: NodeDial) -> float:
    return dialled.until(lambda: node.linked, what="the link")


def _lost(node: NodeDial) -> float:
    return dialled.until(lambda: not node.linked, what="the loss")


def test_a_node_behind_a_proxy_answers_without_a_listening_port(
    centre: doors.Centre, own: mtls.Identity, exchange: dialled.Exchange
) -> None:
    before = dialled.listening()
    with (
        proxies.proxy() as proxy,
        _dialling(_door(centre, own, exchange.address), proxy_url=proxy.url) as node,
        exchange.client("NYC", centre.coordinator) as client,
    ):
        _linked(node)
        assert client.answer(doors.ask(), deadline_seconds=10) == doors.answer()
        assert dialled.listening() == before | {proxy.port}
        assert proxy.asked[0].startswith(f"CONNECT {exchange.address} ")
        assert proxy.tunnels == 1


def test_the_proxy_of_the_environment_is_used_and_no_proxy_is_honoured(
    centre: doors.Centre,
    own: mtls.Identity,
    exchange: dialled.Exchange,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = _door(centre, own, exchange.address)
    with proxies.proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with _dialling(door) as node:
            _linked(node)
            assert len(proxy.asked) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with _dialling(door) as node:
            _linked(node)
        with _dialling(door, proxy_url=proxy.url) as node:
            _linked(node)
        assert len(proxy.asked) == 1


def test_the_name_and_password_of_a_proxy_reach_it(
    centre: doors.Centre, own: mtls.Identity, exchange: dialled.Exchange
) -> None:
    with proxies.proxy() as proxy:
        url = f"http://ana:secret@127.0.0.1:{proxy.port}"
        with _dialling(_door(centre, own, exchange.address), proxy_url=url) as node:
            _linked(node)
    assert "proxy-authorization: basic ywjh" not in proxy.asked[0].lower()
    assert "proxy-authorization: basic yw5honnly3jlda==" in proxy.asked[0].lower()


def test_a_proxy_of_another_kind_is_named_and_not_repeated(
    centre: doors.Centre, own: mtls.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "socks5://ana:secret@127.0.0.1:1080")
    node = NodeDial(doors.Steady(), carried={}, door=_door(centre, own, "127.0.0.1:1"))
    with pytest.raises(errors.BadConfiguration, match="https_proxy") as caught:
        node.start()
    assert "secret" not in str(caught.value)


def test_a_half_open_link_is_noticed_in_five_seconds_at_both_ends(
    centre: doors.Centre, own: mtls.Identity, exchange: dialled.Exchange
) -> None:
    story = doors.Steady()
    story.gate.clear()
    ended: list[tuple[float, BaseException]] = []
    with (
        proxies.proxy() as proxy,
        _dialling(
            _door(centre, own, exchange.address), story, proxy_url=proxy.url
        ) as node,
        exchange.client("NYC", centre.coordinator) as client,
    ):
        _linked(node)
        client.describe()

        def one() -> None:
            try:
                exchange.switchboard.call("NYC", ANSWER, QUESTION, seconds=30)
            except errors.Unreachable as error:
                ended.append((time.monotonic(), error))

        asking = threading.Thread(target=one)
        asking.start()
        dialled.until(lambda: story.calls, what="the call")
        proxy.freeze()
        frozen = time.monotonic()
        _lost(node)
        assert time.monotonic() - frozen <= 5
        asking.join(10)
        ((noticed, error),) = ended
        assert noticed - frozen <= 5
        assert "was lost during the call" in str(error)
        # Nobody is told over the old link; the answer is given over the next one.
        story.gate.set()
        proxy.thaw()
        assert client.answer(doors.ask(), deadline_seconds=20) == doors.answer()
        assert story.calls <= 2  # the ledger makes the second the same, and free


@pytest.mark.soak
def test_an_idle_half_open_link_is_noticed_too(
    centre: doors.Centre, own: mtls.Identity, exchange: dialled.Exchange
) -> None:
    with (
        proxies.proxy() as proxy,
        _dialling(_door(centre, own, exchange.address), proxy_url=proxy.url) as node,
    ):
        _linked(node)
        proxy.freeze()
        assert _lost(node) <= 15
        dialled.until(lambda: not exchange.switchboard.linked(), seconds=5)


def test_an_answer_whose_link_died_is_asked_again_by_the_asker(
    centre: doors.Centre, own: mtls.Identity, exchange: dialled.Exchange
) -> None:
    story = doors.Steady()
    story.gate.clear()
    given: list[object] = []
    with (
        proxies.proxy() as proxy,
        _dialling(
            _door(centre, own, exchange.address), story, proxy_url=proxy.url
        ) as node,
        exchange.client("NYC", centre.coordinator) as client,
    ):
        _linked(node)
        asking = threading.Thread(
            target=lambda: given.append(client.answer(doors.ask(), deadline_seconds=30))
        )
        asking.start()
        dialled.until(lambda: story.calls, what="the call")
        proxy.cut()
        _lost(node)
        story.gate.set()
        asking.join(30)
    assert given == [doors.answer()]
    assert story.calls <= 2  # the ledger makes the second the same, and free


def test_a_drain_lets_the_question_in_flight_arrive(
    centre: doors.Centre, own: mtls.Identity, exchange: dialled.Exchange
) -> None:
    moments = Grid(base_seconds=0.1, cell_seconds=0.0)
    door = replace(_door(centre, own, exchange.address), timetable=moments)
    for number in range(DRAINS):
        given: list[object] = []
        with (
            _dialling(door) as node,
            exchange.client("NYC", centre.coordinator) as client,
        ):
            _linked(node)
            question = doors.ask(metric=f"M{number:02}")
            asking = threading.Thread(
                target=lambda: given.append(client.answer(question, deadline_seconds=2))  # noqa: B023
            )
            asking.start()
            dialled.until(lambda: node._links[0].is_busy, what="the call")
            node.drain(5.0)
            asking.join(10)
        assert given == [doors.answer()]


def test_a_link_grown_old_is_replaced_without_a_call_lost(
    centre: doors.Centre, own: mtls.Identity, exchange: dialled.Exchange
) -> None:
    pace = replace(QUICK, renew_seconds=0.3)
    door = replace(
        _door(centre, own, exchange.address),
        timetable=Grid(base_seconds=0.2, cell_seconds=0.0),
    )
    shown = []

    def identity() -> mtls.Identity:
        shown.append(own)
        return own

    story = doors.Steady()
    with (
        _dialling(replace(door, identity=identity), story, pace=pace) as node,
        exchange.client("NYC", centre.coordinator) as client,
    ):
        _linked(node)
        answers = [
            client.answer(doors.ask(metric=f"M{n:02}"), deadline_seconds=5)
            for n in range(1, 16)
        ]
        assert node.linked
    assert answers == [doors.answer()] * 15
    assert story.calls == 15
    assert len(shown) > 4


def test_a_link_that_cannot_be_opened_is_tried_again_at_growing_pauses() -> None:
    pace = Pace()
    pauses = [[pace.pause(failures) for _ in range(200)] for failures in range(12)]
    for failures, drawn in enumerate(pauses):
        limit = min(30.0, 0.5 * 2**failures)
        assert all(0 <= each < limit for each in drawn)
        # Of 200 fair draws none above the middle: less likely than 1 in 10^60.
        assert min(drawn) < limit / 2 < max(drawn)


def test_a_node_waits_for_a_coordinator_that_is_not_there_yet(
    centre: doors.Centre, own: mtls.Identity, exchange: dialled.Exchange
) -> None:
    port = exchange.link_port
    exchange.server.stop(0)
    with _dialling(_door(centre, own, f"127.0.0.1:{port}")) as node:
        time.sleep(0.5)
        assert not node.linked
        again = dialled.exchange(
            centre.authority.pem, centre.coordinator, link_port=port
        )
        with again as opened, opened.client("NYC", centre.coordinator) as client:
            _linked(node)
            assert client.describe().site == "NYC"


def test_what_the_log_says_of_links_is_fixed_words(
    centre: doors.Centre,
    own: mtls.Identity,
    exchange: dialled.Exchange,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with _dialling(_door(centre, own, exchange.address)) as node:
        _linked(node)
        exchange.revoked.add(doors.fingerprint(own))
        _lost(node)
    said = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("node.")
    ]
    assert said[:3] == ["dialling", "linked", "link lost kind=permission-denied"]
    assert set(said[3:]) <= {"link lost kind=permission-denied", "drained"}


def test_a_node_that_was_told_to_end_does_not_speak_of_a_loss(
    centre: doors.Centre,
    own: mtls.Identity,
    exchange: dialled.Exchange,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with _dialling(_door(centre, own, exchange.address)) as node:
        _linked(node)
    said = [r.getMessage() for r in caplog.records if r.name.startswith("node.")]
    assert said == ["dialling", "linked", "drained"]


def test_two_nodes_of_one_name_do_not_chase_each_other(
    centre: doors.Centre,
    own: mtls.Identity,
    exchange: dialled.Exchange,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    door = _door(centre, own, exchange.address)
    with _dialling(door, pace=Pace()) as first:
        _linked(first)
        with _dialling(door, pace=replace(QUICK, first_seconds=60)) as second:
            _linked(second)
            _lost(first)
            words = "link taken by another node with our certificate's name"
            dialled.until(lambda: words in caplog.messages, what="the warning")
            assert first._failures > 4
            assert exchange.switchboard.linked() == ("NYC",)
