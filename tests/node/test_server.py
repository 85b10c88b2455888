"""Check the door: sizes, moments, endings, and what is left in the log."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2

from node import door
from node.grid import Grid
from node.server import NodeServer
from privacy import errors
from proto import mtls, wire
from proto.client import NodeClient, call
from proto.mtls import Identity
from tests import doors


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> doors.Centre:
    return doors.Centre(tmp_path_factory.mktemp("centre"))


@pytest.fixture(params=doors.WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Give each of the two ways to a door; one suite is for both."""
    name: str = request.param
    return name


@pytest.fixture
def serving(centre: doors.Centre, tmp_path: Path, way: str) -> Iterator[doors.Serving]:
    with doors.serving(centre, tmp_path, way=way) as opened:
        yield opened


def _health(serving: doors.Serving, identity: Identity) -> int:
    with mtls.channel(
        serving.address,
        peer_dns=serving.dns,
        authority=identity.authority,
        identity=identity,
    ) as channel:
        data = call(
            channel, door.HEALTH, b"", timeout=5, peer="node", beside=serving.beside
        )
    status: int = health_pb2.HealthCheckResponse.FromString(data).status
    return status


def test_an_answer_arrives_as_the_story_gave_it(
    centre: doors.Centre, serving: doors.Serving
) -> None:
    with serving.client(centre.coordinator) as client:
        given = client.answer(doors.ask(), deadline_seconds=5)
    assert doors.answer() == given


def test_a_refusal_arrives_with_its_two_amounts(
    centre: doors.Centre, serving: doors.Serving
) -> None:
    serving.story.outcome = errors.BudgetExhausted(left_pico_rho=1, asked_pico_rho=2)
    with serving.client(centre.coordinator) as client:
        given = client.answer(doors.ask(), deadline_seconds=5)
    expected = wire.Refusal(
        code=wire.RefusalCode.BUDGET_EXHAUSTED, left_pico=1, asked_pico=2
    )
    assert expected == given


def test_health_is_told_to_the_coordinator_and_nobody_else(
    centre: doors.Centre, serving: doors.Serving
) -> None:
    assert _health(serving, centre.coordinator) == 1
    stranger = doors.forge(
        centre.certificate,
        centre.key,
        doors.Forged(uris=("spiffe://cmpp.exchange/site/LAX",)),
        trusted=centre.authority.pem,
    )
    with pytest.raises(errors.Untrusted):
        _health(serving, stranger)


def test_a_reply_leaves_at_its_moment_whatever_the_outcome(
    centre: doors.Centre, tmp_path: Path, way: str
) -> None:
    timetable = Grid(base_seconds=0.3, cell_seconds=0.0)
    with doors.serving(centre, tmp_path, timetable=timetable, way=way) as serving:
        serving.story.outcome = doors.answer()
        with serving.client(centre.coordinator) as client:
            client.describe()
            for outcome in (doors.answer(), errors.NotMature("no"), ValueError("x")):
                serving.story.outcome = outcome
                started = time.monotonic()
                try:
                    client.answer(doors.ask(), deadline_seconds=5)
                except errors.Unreachable:
                    assert isinstance(outcome, ValueError)
                assert time.monotonic() - started >= 0.3


def test_what_is_not_ready_is_pending_and_worked_on_once(
    centre: doors.Centre, tmp_path: Path, way: str
) -> None:
    timetable = Grid(base_seconds=0.1, cell_seconds=0.0)
    with doors.serving(centre, tmp_path, timetable=timetable, way=way) as serving:
        serving.story.gate.clear()
        with serving.client(centre.coordinator) as client:
            with pytest.raises(errors.Pending):
                client.answer(doors.ask(), deadline_seconds=0.6)
            serving.story.gate.set()
            given = client.answer(doors.ask(), deadline_seconds=5)
        assert doors.answer() == given
        assert serving.story.calls == 1


def test_a_full_node_says_busy_at_the_same_moment(
    centre: doors.Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(door, "_AT_ONCE", 1)
    monkeypatch.setattr(door, "_WAITING", 0)
    timetable = Grid(base_seconds=0.2, cell_seconds=0.0)
    with doors.serving(centre, tmp_path, timetable=timetable, way=way) as serving:
        serving.story.gate.clear()
        with serving.client(centre.coordinator) as client:
            with pytest.raises(errors.Pending):
                client.answer(doors.ask(), deadline_seconds=0.3)
            started = time.monotonic()
            with pytest.raises(errors.Busy) as caught:
                client.answer(doors.ask(metric="M09"), deadline_seconds=0.3)
            assert type(caught.value) is errors.Busy
            assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    "broken", [errors.ChainBroken("x"), errors.CapBroken("x"), errors.Corrupt("x")]
)
def test_broken_state_shuts_the_door_for_every_later_question(
    centre: doors.Centre, serving: doors.Serving, broken: errors.Corrupt
) -> None:
    serving.story.outcome = broken
    with serving.client(centre.coordinator) as client:
        with pytest.raises(errors.Unreachable):
            client.answer(doors.ask(), deadline_seconds=5)
        serving.story.outcome = doors.answer()
        with pytest.raises(errors.Unreachable):
            client.answer(doors.ask(metric="M09"), deadline_seconds=5)
    assert serving.story.calls == 1
    assert _health(serving, centre.coordinator) == 2


def test_a_stopped_ledger_ends_the_process_with_code_5(
    centre: doors.Centre, serving: doors.Serving
) -> None:
    serving.story.outcome = errors.LedgerStopped("disk")
    with (
        serving.client(centre.coordinator) as client,
        pytest.raises(errors.Unreachable),
    ):
        client.answer(doors.ask(), deadline_seconds=5)
    assert door.run(serving.server, grace_seconds=2) == 5


def test_a_drain_lets_the_calls_inside_finish(
    centre: doors.Centre, tmp_path: Path, way: str
) -> None:
    timetable = Grid(base_seconds=0.6, cell_seconds=0.0)
    outcomes: list[object] = []
    with doors.serving(centre, tmp_path, timetable=timetable, way=way) as serving:
        clients = [serving.client(centre.coordinator) for _ in range(3)]
        for client in clients:
            client.describe()

        def one(client: NodeClient, metric: str) -> None:
            question = doors.ask(metric=metric)
            outcomes.append(client.answer(question, deadline_seconds=5))

        threads = [
            threading.Thread(target=one, args=(client, f"M0{number}"))
            for number, client in enumerate(clients)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        previous = {
            number: signal.getsignal(number)
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
            assert door.run(serving.server, grace_seconds=5) == 0
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        for thread in threads:
            thread.join(5)
        with pytest.raises(errors.Unreachable):
            clients[0].describe()
        for client in clients:
            client.close()
    assert [doors.answer()] * 3 == outcomes


def test_the_log_holds_fixed_words_and_public_fields_only(
    centre: doors.Centre,
    serving: doors.Serving,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving.client(centre.coordinator) as client:
        client.answer(doors.ask(), deadline_seconds=5)
        serving.story.outcome = errors.NotAllowed("a canary")
        client.answer(doors.ask(), deadline_seconds=5)
    lines = [
        record.getMessage() for record in caplog.records if record.name == "node.door"
    ]
    assert lines == [
        "released metric=M08 key=000102030405",
        "refused metric=M08 code=NOT_ALLOWED",
    ]


def test_an_address_in_use_is_a_bad_configuration(
    centre: doors.Centre, tmp_path: Path
) -> None:
    with (
        doors.serving(centre, tmp_path) as serving,
        pytest.raises(errors.BadConfiguration, match="listen_address"),
    ):
        _another(serving).start()


def _another(serving: doors.Serving) -> NodeServer:
    """Set up a second door at the address of the first."""
    return NodeServer(
        doors.Steady(),
        carried={},
        door=door.Door(
            address=serving.address,
            identity=lambda: serving.identity,
            trust=lambda: mtls.Trust(allowed=frozenset(), authority=b""),
            timetable=doors.Immediate(),
            clock=doors.now,
        ),
    )


def test_a_caller_that_hangs_up_early_starts_nothing_twice(
    centre: doors.Centre, tmp_path: Path, way: str
) -> None:
    timetable = Grid(base_seconds=0.2, cell_seconds=0.0)
    with doors.serving(centre, tmp_path, timetable=timetable, way=way) as serving:
        serving.story.gate.clear()
        with serving.client(centre.coordinator) as client:
            client.describe()
            for _ in range(20):
                with pytest.raises(errors.Unreachable):
                    client.answer(doors.ask(), deadline_seconds=0.03)
            serving.story.gate.set()
            assert doors.answer() == client.answer(doors.ask(), deadline_seconds=5)
        assert serving.story.calls <= 2
